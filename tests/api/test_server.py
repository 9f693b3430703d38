import asyncio
import contextlib
import signal
import socket
import ssl

import httpx
import pytest
import websockets

from sfu.api.app import create_app
from sfu.api.server import WebServer
from sfu.shell.certificate import ensure_certificate
from sfu.shell.webdoor import WebGate
from sfu.signalling.sip.blame import Reason
from tests.api.house import ScriptedHouse

pytestmark = pytest.mark.machine


def bound() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


async def serve(server: WebServer, visit) -> float:
    """Run the server around a visit; return how long stopping took."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.run())
        await server.started()
        try:
            await visit()
        finally:
            asked = loop.time()
            server.stop()
            await running
    return loop.time() - asked


def test_it_serves_websockets_leaves_signals_alone_and_stops_while_one_is_open():
    listener = bound()
    house = ScriptedHouse()
    server = WebServer(create_app(house), [listener])
    port = listener.getsockname()[1]
    before = signal.getsignal(signal.SIGTERM)

    async def visit():
        visitor = await websockets.connect(f"ws://127.0.0.1:{port}/ws")
        await visitor.send('{"type":"join","room":"4201","name":"Anne"}')
        assert "joined" in await visitor.recv()
        assert signal.getsignal(signal.SIGTERM) is before

    assert asyncio.run(serve(server, visit)) < 3
    assert house.browsers[0].gone == 1
    assert house.browsers[0].remote == "127.0.0.1"


def test_it_speaks_tls_with_the_certificate_made_at_first_start(tmp_path):
    made = ensure_certificate(tmp_path, ["localhost", "127.0.0.1"])
    listener = bound()
    server = WebServer(
        create_app(ScriptedHouse()), [listener], certificate=made.chain, key=made.key
    )
    trust = ssl.create_default_context(cafile=str(made.chain))

    async def visit():
        async with httpx.AsyncClient(verify=trust) as client:
            answer = await client.get(f"https://127.0.0.1:{listener.getsockname()[1]}/healthz")
        assert answer.json() == {"status": "ok"}
        assert "server" not in answer.headers

    assert asyncio.run(serve(server, visit)) < 3


def test_its_gate_counts_who_is_there_websockets_too_until_they_go():
    listener = bound()
    gate = WebGate(each=2)
    server = WebServer(create_app(ScriptedHouse()), [listener], gate=gate)
    port = listener.getsockname()[1]

    async def visit():
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(5):
                while len(gate.crowd) < 2:
                    await asyncio.sleep(0)
            with contextlib.suppress(ConnectionError):
                refused, _ = await asyncio.open_connection("127.0.0.1", port)
                assert await refused.read() == b""
            assert gate.refused[Reason.CONNECTIONS] == 1
            writer.close()
        async with asyncio.timeout(5):
            while len(gate.crowd):
                await asyncio.sleep(0)

    asyncio.run(serve(server, visit))
