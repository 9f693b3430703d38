"""The SIP shell on loopback: two of ours call each other over each carrier."""

import asyncio
import contextlib

import pytest

from sfu.errors import UseError
from sfu.model import CallId
from sfu.shell.certificate import Certificate, ensure_certificate
from sfu.shell.sip import Listening, SipShell
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallOffered,
    Dial,
    End,
    MediaAnswered,
    MediaOffered,
    OfferMedia,
)
from sfu.signalling.sip.flow import Carrier
from sfu.signalling.sip.settings import SipSettings

OFFER, ANSWER = b"v=0\r\ns=offer\r\n", b"v=0\r\ns=answer\r\n"


class Side:
    """A shell that takes every call, and what it was told."""

    def __init__(self, certificate: Certificate | None = None, port: int = 0) -> None:
        chain, key = (certificate.chain, certificate.key) if certificate else (None, None)
        listening = Listening(("127.0.0.1",), port, 0, chain, key)
        self.shell = SipShell(SipSettings(), listening, self._told)
        self.events: asyncio.Queue[object] = asyncio.Queue()

    def _told(self, event: object) -> None:
        match event:
            case CallOffered(call=call):
                self.shell.order(Accept(call, ANSWER))
            case MediaOffered(call=call):
                self.shell.order(AnswerMedia(call, ANSWER))
        self.events.put_nowait(event)

    async def hears(self, kind):
        event = await asyncio.wait_for(self.events.get(), 5)
        assert isinstance(event, kind)
        return event

    def port(self, carrier: Carrier) -> int:
        return dict(self.shell.addresses)[carrier].port


@contextlib.asynccontextmanager
async def sides(certificate: Certificate | None = None, count: int = 2):
    both = [Side(certificate) for _ in range(count)]
    for side in both:
        await side.shell.start()
    try:
        yield both
    finally:
        for side in both:
            await side.shell.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Certificate:
    return ensure_certificate(tmp_path_factory.mktemp("tls"), ["localhost"])


@pytest.mark.parametrize("carrier", list(Carrier))
def test_two_of_ours_call_each_other(carrier, certificate):
    async def story():
        async with sides(certificate) as (caller, callee):
            uri = f"sip:4201@127.0.0.1:{callee.port(carrier)};transport={carrier}"
            caller.shell.order(Dial(CallId(9), uri, OFFER, "Salle", "5000"))
            offered = await callee.hears(CallOffered)
            assert (offered.offer, offered.caller) == (OFFER, "5000@127.0.0.1")
            assert (await caller.hears(CallAnswered)).description == ANSWER
            await callee.hears(CallConfirmed)
            callee.shell.order(OfferMedia(offered.call, OFFER))
            await caller.hears(MediaOffered)
            await callee.hears(MediaAnswered)
            await caller.shell.close()
            assert (await callee.hears(CallEnded)).cause is End.HUNG_UP

    asyncio.run(story())


def test_a_large_offer_goes_over_tcp():
    async def story():
        async with sides() as (caller, callee):
            offer = OFFER + b"a=x\r\n" * 400
            uri = f"sip:4201@localhost:{callee.port(Carrier.UDP)}"
            caller.shell.order(Dial(CallId(9), uri, offer, "", "5000"))
            offered = await callee.hears(CallOffered)
            assert offered.offer == offer
            assert offered.source.port != caller.port(Carrier.UDP)

    asyncio.run(story())


def test_a_host_that_is_not_there_ends_the_call():
    async def story():
        async with sides(count=1) as (caller,):
            for uri in ("sip:a@127.0.0.1:1;transport=tcp", "sip:a@nowhere.invalid:5060"):
                caller.shell.order(Dial(CallId(9), uri, OFFER, "", "5000"))
                assert (await caller.hears(CallEnded)).cause is End.UNREACHABLE

    asyncio.run(story())


def test_a_busy_port_is_told_in_one_line():
    async def story():
        async with sides(count=1) as (first,):
            second = Side(port=first.port(Carrier.UDP))
            with pytest.raises(UseError, match=r"SIP over UDP, 127\.0\.0\.1:\d+ is in use"):
                await second.shell.start()

    asyncio.run(story())


def test_a_missing_certificate_is_told_in_one_line(tmp_path):
    async def story():
        side = Side(Certificate(tmp_path / "none.pem", tmp_path / "none.pem", ""))
        with pytest.raises(UseError, match=r"none\.pem does not exist"):
            await side.shell.start()

    asyncio.run(story())


OPTIONS = (
    b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
    b"To: <sip:x>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def test_a_stream_is_framed_pinged_and_cut_off_where_framing_is_lost():
    async def story():
        async with sides(count=1) as (side,):
            reader, writer = await asyncio.open_connection("127.0.0.1", side.port(Carrier.TCP))
            writer.write(b"\r\n\r\n")
            assert await asyncio.wait_for(reader.read(10), 5) == b"\r\n"
            for byte in OPTIONS[:60], OPTIONS[60:61], OPTIONS[61:]:
                writer.write(byte)
                await writer.drain()
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert answer.startswith(b"SIP/2.0 200 OK\r\n")
            writer.write(b"X\r\nContent-Length: no\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(10), 5) == b""
            writer.close()

    asyncio.run(story())
