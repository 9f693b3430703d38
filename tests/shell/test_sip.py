"""The SIP shell on loopback: two of ours call each other over each carrier."""

import asyncio
import contextlib
import socket

import pytest
from structlog.testing import capture_logs

from sfu.errors import UseError
from sfu.model import Address, CallId
from sfu.shell import tcp
from sfu.shell.certificate import Certificate, ensure_certificate
from sfu.shell.sip import Listening, SipShell
from sfu.shell.tasks import spawn
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallOffered,
    Dial,
    End,
    HangUp,
    MediaAnswered,
    MediaOffered,
    OfferMedia,
)
from sfu.signalling.sip import shield
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.flow import Carrier
from sfu.signalling.sip.limit import Rates
from sfu.signalling.sip.settings import SipSettings

pytestmark = pytest.mark.machine

OFFER, ANSWER = b"v=0\r\ns=offer\r\n", b"v=0\r\ns=answer\r\n"


class Side:
    """A shell that takes every call, and what it was told."""

    def __init__(
        self,
        certificate: Certificate | None = None,
        port: int = 0,
        rates: Rates | None = None,
    ) -> None:
        chain, key = (certificate.chain, certificate.key) if certificate else (None, None)
        listening = Listening(("127.0.0.1",), port, 0, chain, key)
        self.shell = SipShell(SipSettings(), listening, self._told, rates=rates)
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


def test_who_must_prove_its_name_is_called_by_no_other_certificate(certificate, monkeypatch):
    """The certificate names localhost, and is its own authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.chain))

    async def story():
        async with sides(certificate) as (caller, callee):
            there, door = Address("127.0.0.1", callee.port(Carrier.TLS)), caller.shell._door
            with capture_logs() as lines:
                assert await door.connect(Carrier.TLS, there, "pbx.example", verify=True) is None
            assert [line["event"] for line in lines] == ["certificate_refused"]
            anybody = await door.connect(Carrier.TLS, there, "pbx.example")
            proven = await door.connect(Carrier.TLS, there, "localhost", verify=True)
            assert None not in (anybody, proven)
            assert anybody != proven  # one that proved nothing is not used for it
            assert await door.connect(Carrier.TLS, there, "localhost", verify=True) == proven

    asyncio.run(story())


def test_a_busy_port_is_told_in_one_line():
    async def story():
        async with sides(count=1) as (first,):
            second = Side(port=first.port(Carrier.UDP))
            with pytest.raises(UseError, match=r"SIP over UDP, 127\.0\.0\.1:\d+ is in use"):
                await second.shell.start()

    asyncio.run(story())


def test_a_port_the_system_chose_that_is_somebodys_for_tcp_is_chosen_again(monkeypatch):
    async def story():
        side, listen, tried = Side(), tcp.StreamDoor.listen, []

        async def taken_twice(door, carrier, host, port, context):
            tried.append(port)
            if len(tried) > 2:
                return await listen(door, carrier, host, port, context)
            with socket.create_server((host, port)):  # somebody else's
                return await listen(door, carrier, host, port, context)

        monkeypatch.setattr(tcp.StreamDoor, "listen", taken_twice)
        await side.shell.start()
        ports = {where.port for _, where in side.shell.addresses}
        await side.shell.close()
        return tried, ports

    tried, ports = asyncio.run(story())
    assert len(tried) == 3
    assert ports == {tried[-1]}


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


async def connected(side: Side, carrier: Carrier = Carrier.TCP):
    return await asyncio.open_connection("127.0.0.1", side.port(carrier))


async def ends(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 5)
    return b""


def test_a_huge_body_is_refused_at_its_head():
    async def story():
        async with sides(count=1) as (side,):
            reader, writer = await connected(side)
            writer.write(OPTIONS.replace(b"Content-Length: 0", b"Content-Length: 999999999"))
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert answer.startswith(b"SIP/2.0 413 Request Entity Too Large\r\n")
            writer.write(bytes(100_000))
            assert await ends(reader) == b""
            assert side.shell.gate.refused == {Reason.TOO_LARGE: 1}
            writer.close()

    asyncio.run(story())


def test_a_host_has_so_many_connections_and_no_more(monkeypatch):
    monkeypatch.setattr(tcp, "MAX_STREAMS_PER_HOST", 3)

    async def story():
        async with sides(count=1) as (side,):
            held = [await connected(side) for _ in range(3)]
            reader, _ = await connected(side)
            assert await ends(reader) == b""
            assert side.shell.connections == 3
            assert side.shell.gate.refused == {Reason.CONNECTIONS: 1}
            held[0][1].close()
            while side.shell.connections == 3:
                await asyncio.sleep(0.01)
            _, again = await connected(side)
            again.write(OPTIONS)
            assert (await asyncio.wait_for(_.read(11), 5)) == b"SIP/2.0 200"

    asyncio.run(story())


def test_who_holds_most_yields_when_the_house_is_full(monkeypatch):
    monkeypatch.setattr(tcp, "MAX_STREAMS", 4)

    async def story():
        async with sides(count=1) as (side,):
            port = side.port(Carrier.TCP)
            greedy = [await connected(side) for _ in range(4)]
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=("127.0.0.2", 0)
            )
            writer.write(OPTIONS)
            assert (await asyncio.wait_for(reader.read(11), 5)) == b"SIP/2.0 200"
            assert await ends(greedy[0][0]) == b""
            assert side.shell.connections == 4

    asyncio.run(story())


def test_a_message_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr(tcp, "SLOW_S", 0.1)
    monkeypatch.setattr(tcp, "SWEEP_S", 0.05)

    async def story():
        async with sides(count=1) as (side,):
            reader, writer = await connected(side)
            with contextlib.suppress(ConnectionError):
                for byte in OPTIONS[:100]:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.01)
            assert await ends(reader) == b""
            assert side.shell.gate.refused == {Reason.SLOW: 1}

    asyncio.run(story())


def test_a_connection_beyond_its_share_is_not_read_for_a_while(monkeypatch):
    monkeypatch.setattr(tcp, "REST_S", 0.2)

    async def story():
        side = Side(rates=Rates(messages_per_s=5))
        await side.shell.start()
        reader, writer = await connected(side)
        writer.write(OPTIONS * 200)
        refused = side.shell.gate.refused
        while not refused[Reason.MESSAGES]:
            await asyncio.sleep(0.01)
        heard = b""
        while b"z9hG4bKlast" not in heard:  # it is heard again when it has rested
            writer.write(OPTIONS.replace(b"z9hG4bK1", b"z9hG4bKlast"))
            with contextlib.suppress(TimeoutError):
                heard += await asyncio.wait_for(reader.read(65536), 0.2)
        assert refused[Reason.MESSAGES] > 100
        writer.close()
        await side.shell.close()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_call_goes_on_while_its_own_address_floods():
    async def story():
        async with sides() as (caller, callee):
            uri = f"sip:4201@127.0.0.1:{callee.port(Carrier.UDP)}"
            caller.shell.order(Dial(CallId(9), uri, OFFER, "Salle", "5000"))
            offered = await callee.hears(CallOffered)
            await callee.hears(CallConfirmed)
            await caller.hears(CallAnswered)
            flood = spawn("flood", scan(callee.port(Carrier.UDP)))
            while callee.shell.gate.refused[Reason.MESSAGES] < 500:
                await asyncio.sleep(0.01)
            for change in (b"a=sendonly\r\n", b"a=inactive\r\n", b"a=recvonly\r\n"):
                caller.shell.order(OfferMedia(CallId(9), OFFER + change))
                assert (await callee.hears(MediaOffered)).call == offered.call
                await caller.hears(MediaAnswered)
            caller.shell.order(HangUp(CallId(9)))
            assert (await callee.hears(CallEnded)).cause is End.HUNG_UP
            flood.cancel()

    asyncio.run(story())


async def scan(port: int, host: str = "127.0.0.1") -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
        scanner.bind((host, 0))
        while True:
            for _ in range(20):
                scanner.sendto(OPTIONS, ("127.0.0.1", port))
            await asyncio.sleep(0.002)


def test_the_kernel_drops_a_flood_and_others_are_answered_meanwhile(monkeypatch):
    """What it drops is not even counted by us."""
    monkeypatch.setattr(shield, "BLOCK_S", 60.0)
    monkeypatch.setattr(shield, "BLOCK_MAX_S", 60.0)

    async def story():
        async with sides(count=1) as (side,), asyncio.timeout(20):
            loop, port, gate = asyncio.get_running_loop(), side.port(Carrier.UDP), side.shell.gate
            flood = spawn("flood", scan(port, "127.0.0.66"))
            counted = 0
            while gate.refused[Reason.MESSAGES] > counted or not gate.blocked:
                counted = gate.refused[Reason.MESSAGES]
                await asyncio.sleep(0.2)  # what waits in the queue is still read
            assert gate.blocked == {"127.0.0.66"}
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as honest:
                honest.setblocking(False)
                honest.connect(("127.0.0.1", port))
                honest.send(OPTIONS.replace(b"TCP h", b"UDP h;rport"))
                assert (await loop.sock_recv(honest, 4096)).startswith(b"SIP/2.0 200")
            assert gate.refused[Reason.MESSAGES] == counted
            gate.asks("127.0.0.66")  # its answer would be heard
            while gate.refused[Reason.MESSAGES] == counted:
                await asyncio.sleep(0.01)
            flood.cancel()

    asyncio.run(story())


def test_calls_beyond_the_share_are_answered_503_with_retry_after():
    async def story():
        async with sides(count=1) as (side,):
            loop = asyncio.get_running_loop()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
                scanner.setblocking(False)
                scanner.connect(("127.0.0.1", side.port(Carrier.UDP)))
                invite = OPTIONS.replace(b"OPTIONS", b"INVITE").replace(b"TCP h", b"UDP h;rport")
                for number in range(30):
                    each = invite.replace(b"z9hG4bK1", b"z9hG4bK%d" % number)
                    scanner.send(each.replace(b"Call-ID: c", b"Call-ID: c%d" % number))
                answers = b""
                while answers.count(b"SIP/2.0 503") < 10:
                    answers += await asyncio.wait_for(loop.sock_recv(scanner, 4096), 5)
            assert b"Retry-After: 10\r\n" in answers
            assert side.shell.gate.refused == {Reason.CALLS: 10}

    asyncio.run(story())
