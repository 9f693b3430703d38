"""ooh323c's sample program and our server: a third H.323 stack, in C, of 2004, with its own ASN.1.

It agrees on channels and sends no media.  `OOH323C` names its `chansetup` (docs/interop.md).
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.interop.h323plus import (
    CALLS,
    ENDS,
    MEMBERS,
    OTHER,
    PORT,
    UNIT,
    US,
    Program,
    Scene,
    judge,
    play,
)
from tests.interop.server import Server
from tests.interop.test_h323 import dial, hang_up
from tests.interop.test_h323plus import REGISTER
from tests.interop.wait import until

OOH323C = os.environ.get("OOH323C", "")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.waits,
    pytest.mark.skipif(
        not OOH323C, reason="the environment names no such program: docs/interop.md"
    ),
]

STARTS = {
    "fast, tunnel": (),
    "fast": ("--no-tunneling",),
    "slow, tunnel": ("--no-faststart",),
    "slow": ("--no-faststart", "--no-tunneling"),
}
ROOM = f"4201@{US}:{PORT}"


def peer(scene: Scene, *words: str, host: str = UNIT, user: str = "7001") -> Program:
    """Start it; each has its ports."""
    who = ["--use-ip", host, "--use-port", str(PORT), "--user", user, "--h323id", f"unit{user}"]
    return scene.program("ooh323c", OOH323C, *who, "--user-number", user, *words)


@pytest.mark.parametrize("ours", ["false", "true"], ids=["ours apart", "ours tunnelled"])
@pytest.mark.parametrize("start", STARTS)
def test_it_dials_in_and_is_dialled(tmp_path: Path, start: str, ours: str) -> None:
    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve(SFU_H323__TUNNELLING=ours)
        calls = peer(scene, *STARTS[start], "-n", "1", "-duration", "4", ROOM)
        await talks(server, 1)
        await until(lambda: server.metric(CALLS) == 0, 15, "its end")
        assert server.metric(ENDS % "hung_up") == 1
        calls.kill()

        listens = peer(scene, *STARTS[start], "--listen", host=OTHER, user="7002")
        await asyncio.sleep(1)
        uri = f"h323:7002@{OTHER}:{PORT}"
        status, outcome = await asyncio.to_thread(dial, server, uri, "4201")
        assert (status, outcome.get("answered")) == (201, True), outcome
        await talks(server, 1)
        await asyncio.sleep(2)
        await asyncio.to_thread(hang_up, server, outcome["call"])
        await until(lambda: server.metric(CALLS) == 0, 10, "the end of the other")
        assert listens.process.poll() is None
        judge(capture)

    play(tmp_path, story, 90)


def test_it_is_killed_in_mid_call(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        server = await scene.serve()
        unit = peer(scene, "-n", "1", "-duration", "60", ROOM)
        await talks(server, 1)
        await asyncio.sleep(1)
        unit.kill()
        await until(lambda: server.metric(CALLS) == 0, 5, "its end")
        assert server.metric(ENDS % "vanished") == 1

    play(tmp_path, story, 60)


def test_it_registers_here_and_is_called_by_name(tmp_path: Path) -> None:
    """It dials before it is registered, and then not at all: it is called."""

    async def story(scene: Scene) -> None:
        capture = await scene.listen()
        server = await scene.serve(REGISTER)
        peer(scene, "--gk", f"{US}:1719", "--listen", user="7003")
        await until(lambda: server.metric("sfu_h323_registrations") == 1, 10, "its registration")
        status, outcome = await asyncio.to_thread(dial, server, "unit7003", "4201")
        assert (status, outcome.get("answered")) == (201, True), outcome
        await talks(server, 1)
        await asyncio.to_thread(hang_up, server, outcome["call"])
        await until(lambda: server.metric(CALLS) == 0, 10, "its end")
        judge(capture)

    play(tmp_path, story, 60)


async def talks(server: Server, number: int) -> None:
    """Wait until so many are in their rooms."""
    await until(lambda: server.metric(MEMBERS) == number, 20, f"{number} calls")
