"""Connections are judged before anything is read of them, TLS handshakes among them."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

import pytest
import uvloop

from sfu.shell import accept
from sfu.shell.accept import Acceptor, Failure
from sfu.shell.certificate import ensure_certificate
from sfu.shell.tls import client_context, server_context


class Greeter(asyncio.Protocol):
    """Says hello."""

    def connection_made(self, transport) -> None:
        transport.write(b"hello")


@contextlib.asynccontextmanager
async def door(allowed: Callable[[str], bool], context: ssl.SSLContext | None = None):
    failed: list[tuple[str, Failure]] = []

    def tell(host: str, failure: Failure) -> None:
        failed.append((host, failure))

    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    acceptor = Acceptor(sock, context, allowed, lambda host: Greeter(), tell)
    try:
        yield sock.getsockname()[1], failed
    finally:
        acceptor.close()


def test_who_is_allowed_is_welcomed_and_who_is_not_is_reset():
    async def story():
        answers = iter([True, False, True])
        async with door(lambda host: next(answers)) as (port, failed):
            reader, _ = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(reader.readexactly(5), 5) == b"hello"
            with contextlib.suppress(ConnectionError):
                reader, _ = await asyncio.open_connection("127.0.0.1", port)
                assert await asyncio.wait_for(reader.read(), 5) == b""
            reader, _ = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(reader.readexactly(5), 5) == b"hello"
            assert failed == []

    asyncio.run(story())


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> ssl.SSLContext:
    made = ensure_certificate(tmp_path_factory.mktemp("tls"), ["localhost"])
    return server_context(made.chain, made.key)


def test_a_handshake_that_does_not_come_is_given_up(context, monkeypatch):
    monkeypatch.setattr(accept, "HANDSHAKE_S", 0.2)

    async def story():
        async with door(lambda host: True, context) as (port, failed):
            silent, held = await asyncio.open_connection("127.0.0.1", port)
            wrong, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"INVITE sip:4201@x SIP/2.0\r\n\r\n")
            good, _ = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(False))
            assert await asyncio.wait_for(good.readexactly(5), 5) == b"hello"
            for reader in (silent, wrong):
                with contextlib.suppress(ConnectionError):
                    await asyncio.wait_for(reader.read(), 5)
            assert sorted(one.name for _, one in failed) == ["BROKEN", "LATE"]
            held.close()  # till now: a writer nobody holds closes its connection

    asyncio.run(story())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_too_many_handshakes_cost_the_busiest_address_its_oldest(context, monkeypatch, run):
    """Who holds connections open without agreeing on keys is in nobody's way."""
    monkeypatch.setattr(accept, "MAX_HANDSHAKES", 3)

    async def story():
        async with door(lambda host: True, context) as (port, failed):
            quiet, held = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=("127.0.0.2", 0)
            )
            busy = [
                await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.3", 0))
                for _ in range(3)
            ]
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(busy[0][0].read(), 5) == b""
            good, _ = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(False))
            assert await asyncio.wait_for(good.readexactly(5), 5) == b"hello"
            assert failed == [("127.0.0.3", Failure.CROWDED_OUT)] * 2
            assert not quiet.at_eof()
            held.close()  # till now: a writer nobody holds closes its connection

    run(story())


def test_a_listener_that_is_closed_takes_nobody():
    async def story():
        async with door(lambda host: True) as (port, _):
            pass
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(story())


def test_what_does_not_begin_as_tls_goes_elsewhere_and_tls_is_served_beside_it(context):
    async def story():
        diverted: list[tuple[str, int, bytes]] = []

        def divert(connection: socket.socket, host: str, first: int) -> bool:
            if first == 0x16:
                return False
            diverted.append((host, first, connection.recv(16)))
            connection.close()
            return True

        failed: list[tuple[str, Failure]] = []
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        acceptor = Acceptor(
            sock, context, lambda host: True, lambda host: Greeter(),
            lambda *told: failed.append(told), divert,
        )  # fmt: skip
        port = sock.getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\0\x02ab")
            assert await asyncio.wait_for(reader.read(), 5) == b""
            assert diverted == [("127.0.0.1", 0, b"\0\x02ab")]
            client = client_context(verify=False)
            reader, _ = await asyncio.open_connection("127.0.0.1", port, ssl=client)
            assert await asyncio.wait_for(reader.readexactly(5), 5) == b"hello"
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            while len(failed) < 2:
                await asyncio.sleep(0.01)
            assert [why for _, why in failed] == [Failure.ELSEWHERE, Failure.BROKEN]
        finally:
            acceptor.close()

    asyncio.run(story())
    uvloop.run(story())
