"""The H.323 shell on loopback: two of ours call each other, with H.245 apart and in the tunnel."""

import asyncio
import contextlib
import socket
from itertools import count

import pytest

from sfu.errors import UseError
from sfu.model import Address, CallId, Protocol
from sfu.shell.gate import Gate
from sfu.shell.h323 import H323Shell, Place, available
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    AskPicture,
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
    PictureWanted,
    Reject,
)
from sfu.signalling.h323 import h225, h245_per, q931, tpkt
from sfu.signalling.h323.capset import CapabilitySet
from sfu.signalling.sdp.local import Policy
from sfu.signalling.sdp.session import parse
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.limit import Rates
from tests.unitstack import offer

pytestmark = pytest.mark.machine

OFFER = offer("127.0.0.1", 20_000)
LESS_BPS = 300_000
SLOWER = offer("127.0.0.1", 20_000, Policy().limited(bps=LESS_BPS))


class Side:
    """A shell that takes every call, and what it was told."""

    def __init__(
        self,
        *,
        port: int = 0,
        h245_ports: range = range(23_000, 23_040),
        tunnelling: bool = False,
        rates: Rates | None = None,
        first: int = 1,
    ) -> None:
        place = Place(("127.0.0.1",), port, h245_ports, "", tunnelling)
        self.gate = Gate(rates or Rates(), lambda glimpse: False, lambda message: None)
        ids = count(first)
        self.shell = H323Shell("sfu", place, self.gate, self._told, lambda: CallId(next(ids)))
        self.events: asyncio.Queue[object] = asyncio.Queue()
        self.refuses = 0

    def _told(self, event: object) -> None:
        match event:
            case CallOffered(call=call) if self.refuses:
                self.shell.order(Reject(call, self.refuses, "no"))
            case CallOffered(call=call):
                self.shell.order(Accept(call, OFFER))
            case MediaOffered(call=call):
                self.shell.order(AnswerMedia(call, OFFER))
        self.events.put_nowait(event)

    async def hears(self, kind):
        """Return the next event of a kind; what each allows the other's picture is beside it."""
        event = await asyncio.wait_for(self.events.get(), 8)
        while isinstance(event, MediaOffered) and kind is not MediaOffered:
            event = await asyncio.wait_for(self.events.get(), 8)
        assert isinstance(event, kind), event
        return event

    def uri(self, number: str = "4201") -> str:
        return f"h323:{number}@127.0.0.1:{self.shell.addresses[0].port}"


@contextlib.asynccontextmanager
async def sides(**options):
    both = [Side(**options, first=100 * at) for at in (1, 2)]
    for side in both:
        await side.shell.start()
    try:
        yield both
    finally:
        for side in both:
            await side.shell.close()


def call(caller: Side, callee: Side, number: str = "4201") -> None:
    caller.shell.order(Dial(CallId(9), callee.uri(number), OFFER, "Salle", "5000"))


@pytest.mark.parametrize("tunnelling", [False, True])
def test_two_of_ours_call_each_other(tunnelling):
    async def story():
        async with sides(tunnelling=tunnelling) as (caller, callee):
            call(caller, callee)
            offered = await callee.hears(CallOffered)
            assert (offered.target, offered.protocol, offered.offer) == (
                "4201",
                Protocol.H323,
                None,
            )
            assert offered.caller == "5000@127.0.0.1"
            answered = await caller.hears(CallAnswered)
            confirmed = await callee.hears(CallConfirmed)
            for said in (answered.description, confirmed.answer):
                assert [one.port for one in parse(said).media] == [20_000, 20_002]
            assert callee.shell.owns(offered.call)
            assert callee.gate.has_guests("127.0.0.1")
            assert callee.shell.connections == (1 if tunnelling else 2)

            callee.shell.order(AskPicture(offered.call))
            await caller.hears(PictureWanted)
            callee.shell.order(OfferMedia(offered.call, SLOWER))
            await callee.hears(MediaAnswered)
            lower = await caller.hears(MediaOffered)
            while b"b=TIAS:%d" % LESS_BPS not in (lower.offer or b""):
                lower = await caller.hears(MediaOffered)

            caller.shell.order(HangUp(CallId(9)))
            assert (await callee.hears(CallEnded)).cause is End.HUNG_UP
            assert not callee.gate.has_guests("127.0.0.1")
            assert not callee.shell.owns(offered.call)
            await callee.shell._door.drained(3)
            assert callee.shell.connections == 0

    asyncio.run(story())


def test_a_call_to_no_room_is_refused_and_counted_for_its_address():
    async def story():
        async with sides(rates=Rates(listed=())) as (caller, callee):
            callee.refuses = 404
            call(caller, callee, "77")
            await callee.hears(CallOffered)
            await callee.hears(CallEnded)
            ended = await caller.hears(CallEnded)
            assert (ended.cause, ended.text) == (End.UNREACHABLE, "calledPartyNotRegistered")
            for _ in range(9):
                callee.gate.wrong_number("127.0.0.1")
            call(caller, callee)
            await callee.hears(CallEnded)  # it was never offered
            assert callee.gate.refused[Reason.NUMBERS] == 1
            assert (await caller.hears(CallEnded)).text == "gatekeeperResources"

    asyncio.run(story())


def test_nobody_there_ends_the_call():
    async def story():
        async with sides() as (caller, callee):
            await callee.shell.close()
            call(caller, callee)
            assert (await caller.hears(CallEnded)).cause is End.UNREACHABLE
            caller.shell.order(Dial(CallId(10), "h323:4201@nowhere", OFFER, "", ""))
            assert (await caller.hears(CallEnded)).cause is End.UNREACHABLE
            assert caller.shell.connections == 0

    asyncio.run(story())


def test_a_server_that_stops_says_goodbye():
    async def story():
        async with sides() as (caller, callee):
            call(caller, callee)
            await callee.hears(CallOffered)
            await callee.hears(CallConfirmed)
            await caller.hears(CallAnswered)
            await callee.shell.close()
            assert (await caller.hears(CallEnded)).cause is End.HUNG_UP
            assert (await callee.hears(CallEnded)).cause is End.ENDED_BY_SERVER

    asyncio.run(story())


def test_without_a_port_for_h245_it_goes_in_the_tunnel_or_ends():
    async def story():
        async with sides(h245_ports=range(23_050, 23_051)) as (caller, callee):
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 23_050))
                taken.listen()
                call(caller, callee)
                await callee.hears(CallOffered)
                ended = await callee.hears(CallEnded)
                assert ended.text == "no free port for H.245"

    asyncio.run(story())


def test_a_busy_port_is_told_in_one_line():
    async def story():
        async with sides() as (one, _):
            port = one.shell.addresses[0].port
            with pytest.raises(UseError, match=rf"H.323 over TCP, 127.0.0.1:{port} is in use"):
                await Side(port=port).shell.start()

    asyncio.run(story())


def test_what_is_no_setup_ends_its_connection():
    async def story():
        async with sides() as (callee, _):
            where = ("127.0.0.1", callee.shell.addresses[0].port)
            message = q931.Message(q931.Type.ALERTING, 1, False, ())
            for words in (tpkt.write(q931.write(message)), b"GET / HTTP/1.1\r\n\r\n"):
                reader, writer = await asyncio.open_connection(*where)
                writer.write(words)
                assert await asyncio.wait_for(reader.read(), 3) == b""
                writer.close()
            assert callee.events.empty()

    asyncio.run(story())


def test_a_unit_that_waits_for_our_h245_is_connected_to():
    async def story():
        async with sides() as (callee, _):
            where = ("127.0.0.1", callee.shell.addresses[0].port)
            came: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
            waiting = await asyncio.start_server(
                lambda reader, writer: came.put_nowait(reader), "127.0.0.1", 0
            )
            port = waiting.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection(*where)
            there = Address("127.0.0.1", port)
            writer.write(
                words(q931.Type.SETUP, h225.Setup(bytes(16), bytes(16)))
                + words(
                    q931.Type.FACILITY,
                    h225.Facility(bytes(16), h225.Reason.START_H245, there),
                )
            )
            h245 = await asyncio.wait_for(came.get(), 5)
            head = await asyncio.wait_for(h245.readexactly(tpkt.HEAD), 5)
            first = await h245.readexactly(int.from_bytes(head[2:]) - tpkt.HEAD)
            assert isinstance(h245_per.read(first), CapabilitySet)
            writer.close()
            waiting.close()
            await callee.hears(CallOffered)
            await callee.hears(CallEnded)

    def words(kind: q931.Type, body: h225.Body) -> bytes:
        said = q931.user_user(h225.write(h225.Information(body)))
        return tpkt.write(q931.write(q931.Message(kind, 1, False, (said,))))

    asyncio.run(story())


def test_the_library_is_there_where_tests_run():
    assert available()
