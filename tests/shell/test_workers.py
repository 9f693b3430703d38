"""The keeper of the mix worker, with a real one."""

import asyncio
import os
import signal
import socket

import pytest

from sfu.model import Codec, Ssrc
from sfu.shell.workers import MixUnavailable, MixWorker
from sfu.worker.protocol import Alive, Report

pytestmark = pytest.mark.machine


def test_a_worker_that_dies_is_started_again_and_told_everything_anew():
    async def story() -> None:
        sockets: list[socket.socket] = []
        worker = MixWorker(lambda fd: sockets.append(socket.socket(fileno=fd)), lambda report: None)
        worker.set_leg(1, Ssrc(900), Codec.PCMA, frozenset())
        await worker.start()
        try:
            assert await ssrc_on(sockets[0]) == 900
            assert worker.pid
            os.kill(worker.pid, signal.SIGKILL)
            async with asyncio.timeout(20):
                while len(sockets) < 2:
                    await asyncio.sleep(0.02)
            assert await ssrc_on(sockets[1]) == 900
            assert worker.alive
            assert worker.starts == 2
        finally:
            await worker.close()
            for end in sockets:
                end.close()
        assert worker.pid is None

    asyncio.run(story())


async def ssrc_on(media: socket.socket) -> int:
    media.setblocking(False)
    async with asyncio.timeout(20):
        packet = await asyncio.get_running_loop().sock_recv(media, 2048)
    return int.from_bytes(packet[8:12], "big")


def test_reports_come_up():
    async def story() -> None:
        heard: asyncio.Queue[Report] = asyncio.Queue()
        worker = MixWorker(os.close, heard.put_nowait)
        await worker.start()
        worker.set_input(Ssrc(5))
        try:
            async with asyncio.timeout(20):
                assert isinstance(await heard.get(), Alive)
        finally:
            await worker.close()

    asyncio.run(story())


def test_without_pyav_the_worker_says_what_to_install(monkeypatch):
    monkeypatch.setattr(MixWorker, "available", staticmethod(lambda: False))
    with pytest.raises(MixUnavailable, match=r"sfu\[media\]"):
        asyncio.run(MixWorker(os.close, lambda report: None).start())
