"""Calls that go on elsewhere: a room's wish, an operator's, or a call in their place."""

import asyncio
from typing import Any

import pytest

from sfu.config import Settings
from sfu.config.listening import Network
from sfu.config.people import DialOut
from sfu.config.rooms import Policy, Room
from sfu.errors import UseError
from sfu.model import Address, CallId, Protocol, RoomId
from sfu.room.directory import Found
from sfu.shell.dialling import FIRST_DIALLED
from sfu.signalling.call import (
    Accept,
    CallAnswered,
    CallEnded,
    CallOffered,
    CallProgressed,
    Dial,
    DigitPressed,
    End,
    HangUp,
    Reject,
    TellTransfer,
    Transfer,
    TransferTold,
    TransferWanted,
)
from tests.shell.stage import Stage, codec_offer, stage

ONE = CallId(1)
ROOMS = (
    Room(number="4201"),
    Room(number="4202", pin="2468"),
    Room(number="4203", policy=Policy.POINT_TO_POINT),
)
SETTINGS = Settings(room=ROOMS, dial_out=DialOut(networks=(), accounts=("morez",)))
HDX = codec_offer("polycom_hdx")
ANSWER = HDX.replace(b"m=audio 49170 RTP/AVP 115 102 9 15 0 8 18", b"m=audio 49170 RTP/AVP 9")


@pytest.fixture
def house():
    with stage(SETTINGS) as made:
        yield made


def wants(house: Stage, target: str, call: CallId = ONE) -> list[int]:
    """Have a codec ask for a transfer; return what it is told of it."""
    house.orders.clear()
    house.calls.handle(TransferWanted(call, target, "morez@192.0.2.21"))
    return told(house)


def told(house: Stage) -> list[int]:
    return [order.status for order in house.of(TellTransfer)]


def rooms(house: Stage) -> dict[str, list[int]]:
    """Return which calls are in which room."""
    return {
        room: [leg.call for leg in meeting.legs.values()]  # type: ignore[attr-defined]
        for room, meeting in house.house.meetings.items()
    }


def counted(house: Stage) -> dict[str, int]:
    counts = house.calls.transfers.counts
    return {f"{by} {outcome}": number for (by, outcome), number in counts.items()}


# ---- a room's wish


def test_a_room_that_is_transferred_follows_to_the_other_meeting(house):
    for call in (1, 2):
        house.ring(call)
        house.send(call)
    house.ring(3, "4204")
    house.send(3)
    house.tick(0.5)
    assert house.shown(house.leg(1)) == house.leg(2).streams.picture
    assert wants(house, "sip:4204@198.51.100.5") == [100, 200]
    assert rooms(house) == {"4201": [2], "4204": [3, 1]}
    house.tick(0.5)
    assert house.shown(house.leg(1)) == house.leg(3).streams.picture
    assert house.shown(house.leg(3)) == house.leg(1).streams.picture
    assert [house.shown(house.leg(2))] == house.cards()  # it is alone now
    assert house.store.ends == {1: End.TRANSFERRED}
    assert house.store.joins[-1].room == "4204"
    assert counted(house) == {"room moved": 1}


def test_what_it_saw_ends_at_once_even_where_it_comes_first(house):
    for call in (1, 2):
        house.ring(call)
        house.send(call)
    house.tick(0.5)
    wants(house, "sip:4205@198.51.100.5")
    assert house.shown(house.leg(1)) is None


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("sip:9999@198.51.100.5", 404),
        ("sip:4202%23%231111@198.51.100.5", 403),
        ("sip:4203@198.51.100.5", 486),
        ("sip:boss@203.0.113.9", 403),
        ("tel:+33384000000", 404),
        ("rubbish", 400),
    ],
)
def test_a_transfer_that_cannot_be_is_told_why_and_leaves_the_room_where_it_is(
    house, target, status
):
    house.ring(1)
    for call in (2, 3):
        house.ring(call, "4203")
    assert wants(house, target) == [status]
    assert rooms(house)["4201"] == [1]
    assert house.of(Dial) == []
    assert counted(house) == {"room refused": 1}


@pytest.mark.parametrize("host", ["198.51.100.5", "sfu.example", "203.0.113.5", "192.0.2.200"])
def test_all_names_of_the_server_are_its_own(host):
    network = Network(public_addresses=("203.0.113.5",), listen=("192.0.2.200",))  # type: ignore[arg-type]
    settings = Settings(room=ROOMS, network=network)
    settings = Settings(**{**vars_of(settings), "tls": type(settings.tls)(names=("sfu.example",))})
    with stage(settings) as house:
        house.ring(1)
        assert wants(house, f"sip:4204@{host}") == [100, 200]


def vars_of(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}


def test_a_transfer_to_the_room_it_is_in_is_done_already(house):
    house.ring(1)
    assert wants(house, "sip:4201@198.51.100.5") == [200]
    assert house.store.ends == {}


def test_a_pin_comes_along_or_is_asked_at_the_door(house):
    house.ring(1)
    assert wants(house, "sip:4202%23%232468@198.51.100.5") == [100, 200]
    assert rooms(house) == {"4202": [1]}
    house.ring(2)
    assert wants(house, "sip:4202@198.51.100.5", CallId(2)) == [100, 200]
    assert rooms(house) == {"4202": [1]}
    for key in "2468":
        house.calls.handle(DigitPressed(CallId(2), key))
    assert rooms(house) == {"4202": [1, 2]}


def test_wrong_pins_by_transfer_count_like_dialled_ones(house):
    house.ring(1)
    for wrong in ("1111", "2222", "3333"):
        assert wants(house, f"sip:4202%23%23{wrong}@198.51.100.5") == [403]
    assert wants(house, "sip:4202%23%232468@198.51.100.5") == [403]
    assert wants(house, "sip:4202@198.51.100.5") == [403]


def test_who_stands_before_a_door_cannot_be_transferred(house):
    house.ring(1, "4202")
    assert wants(house, "sip:4204@198.51.100.5") == [403]


def called_in(house: Stage, *events):
    """Have a codec that may dial out name somebody; return what it was told."""
    house.calls.handle(
        CallOffered(ONE, Protocol.SIP, "4201", "m@x", "M", "", Address("192.0.2.21", 5060),
                    "morez", HDX)
    )  # fmt: skip

    async def run():
        house.calls.handle(TransferWanted(ONE, "sip:lajoux@203.0.113.9:5070", ""))
        await asyncio.sleep(0)
        for event in events:
            house.calls.handle(event)
        for _ in range(5):  # the task that dials has a few steps
            await asyncio.sleep(0)

    asyncio.run(run())
    return told(house)


def test_who_may_dial_out_names_somebody_who_is_called_in(house):
    call = CallId(FIRST_DIALLED)
    assert called_in(house, CallAnswered(call, ANSWER, "")) == [100, 200]
    assert house.of(Dial)[0].uri == "sip:lajoux@203.0.113.9:5070"
    assert rooms(house) == {"4201": [1, FIRST_DIALLED]}
    assert counted(house) == {"room called": 1}


def test_who_is_not_there_is_told_to_whom_named_them(house):
    call = CallId(FIRST_DIALLED)
    assert called_in(house, CallEnded(call, End.BUSY, 486, "Busy Here")) == [100, 486]
    assert rooms(house) == {"4201": [1]}


# ---- an operator's wish


def sent(house: Stage, *events):
    """Have an operator send call 1 elsewhere."""
    house.ring(1)
    visit = house.calls.visit_of(ONE)
    assert visit is not None

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.transfers.to_address(visit, "sip:x@203.0.113.9")
        )
        await asyncio.sleep(0)
        for event in events:
            house.calls.handle(event)
        return await outcome

    return asyncio.run(run())


def test_a_codec_that_went_is_let_go(house):
    under_way = TransferTold(ONE, 180, "Ringing", False)
    outcome = sent(house, under_way, TransferTold(ONE, 200, "OK", True))
    assert (outcome.done, outcome.status) == (True, 200)
    assert house.of(Transfer) == [Transfer(ONE, "sip:x@203.0.113.9")]
    assert house.of(HangUp) == [HangUp(ONE, End.TRANSFERRED)]
    assert counted(house) == {"operator sent": 1}


def test_a_codec_that_hangs_up_by_itself_went_too(house):
    outcome = sent(house, CallEnded(ONE, End.TRANSFERRED, 0, ""))
    assert outcome.done
    assert house.store.ends == {1: End.TRANSFERRED}


def test_a_codec_that_tells_nothing_more_is_left_to_itself(house):
    outcome = sent(house, TransferTold(ONE, 202, "Accepted", True))
    assert (outcome.done, outcome.status) == (True, 202)
    assert house.of(HangUp) == []


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (TransferTold(ONE, 486, "Busy Here", True), 486),
        (CallEnded(ONE, End.HUNG_UP, 0, ""), 487),
    ],
)
def test_a_codec_that_did_not_go(house, event, status):
    outcome = sent(house, event)
    assert (outcome.done, outcome.status) == (False, status)
    assert house.of(HangUp) == []
    assert counted(house) == {"operator failed": 1}


def test_nobody_is_sent_to_two_places(house):
    house.ring(1)
    visit = house.calls.visit_of(ONE)
    assert visit is not None

    async def run():
        first = asyncio.ensure_future(  # noqa: TID251
            house.calls.transfers.to_address(visit, "sip:x@203.0.113.9")
        )
        await asyncio.sleep(0)
        with pytest.raises(UseError, match="already"):
            await house.calls.transfers.to_address(visit, "sip:y@203.0.113.9")
        house.calls.handle(TransferTold(ONE, 603, "Decline", True))
        await first

    asyncio.run(run())


def test_an_operator_brings_nobody_into_a_full_room(house):
    house.ring(1)
    for call in (2, 3):
        house.ring(call, "4203")
    visit = house.calls.visit_of(ONE)
    assert visit is not None
    with pytest.raises(UseError, match="full"):
        house.calls.transfers.to_room(visit, Found(RoomId("4203"), "", ""))


# ---- in another's place


def ring_instead(house: Stage, call: int, replaces: int, offer: bytes | None = HDX):
    house.calls.handle(
        CallOffered(CallId(call), Protocol.SIP, "anything", f"r{call}@x", f"Room {call}", "",
                    Address("192.0.2.22", 5060), None, offer, CallId(replaces))
    )  # fmt: skip
    return house.orders[-1]


def test_a_call_takes_the_place_of_another_even_in_a_full_room(house):
    for call in (1, 2):
        house.ring(call, "4203")
    ring_instead(house, 3, 1)
    assert rooms(house) == {"4203": [2, 3]}
    assert house.of(HangUp) == [HangUp(ONE, End.TRANSFERRED)]
    assert isinstance(house.of(Accept)[-1], Accept)
    house.calls.handle(CallEnded(ONE, End.TRANSFERRED, 0, ""))
    assert house.store.ends == {1: End.TRANSFERRED}
    assert counted(house) == {"replaces moved": 1}


def test_who_takes_a_place_inside_needs_no_pin_and_at_the_door_it_does(house):
    house.ring(1, "4202##2468")
    ring_instead(house, 2, 1)
    assert rooms(house) == {"4202": [2]}
    house.ring(3, "4202")
    ring_instead(house, 4, 3)
    assert rooms(house) == {"4202": [2]}
    for key in "2468":
        house.calls.handle(DigitPressed(CallId(4), key))
    assert rooms(house) == {"4202": [2, 4]}
    assert house.of(HangUp)[-1] == HangUp(CallId(3), End.TRANSFERRED)


def test_the_place_of_a_call_that_is_over_is_not_to_be_had(house):
    house.ring(1)
    house.calls.hang_up(ONE)
    refusal = ring_instead(house, 2, 1)
    assert isinstance(refusal, Reject)
    assert refusal.status == 481
    assert ring_instead(house, 4, 9).status == 481


def test_a_call_that_cannot_be_answered_takes_nobodys_place(house):
    house.ring(1)
    assert ring_instead(house, 2, 1, b"rubbish").status == 400
    assert rooms(house) == {"4201": [1]}


# ---- answers that come early


def test_an_early_answer_is_taken_and_the_200_may_say_nothing(house):
    call = CallId(FIRST_DIALLED)

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.dialling.dial(
                "sip:morez@192.0.2.21", "Morez", RoomId("4201"), host="192.0.2.21"
            )
        )
        await asyncio.sleep(0)
        house.calls.handle(CallProgressed(call, ANSWER))
        assert rooms(house) == {}
        house.calls.handle(CallAnswered(call, None, "HDX 8000"))
        return await outcome

    assert asyncio.run(run()).answered
    assert house.leg(call).streams.mix is not None


def test_a_200_that_says_nothing_after_nothing_is_the_end(house):
    call = CallId(FIRST_DIALLED)

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.dialling.dial(
                "sip:morez@192.0.2.21", "Morez", RoomId("4201"), host="192.0.2.21"
            )
        )
        await asyncio.sleep(0)
        house.calls.handle(CallProgressed(call, b"rubbish"))
        house.calls.handle(CallAnswered(call, None, ""))
        house.calls.handle(CallEnded(call, End.PROTOCOL_ERROR, 0, ""))
        return await outcome

    assert not asyncio.run(run()).answered
    assert HangUp(call, End.PROTOCOL_ERROR) in house.orders
