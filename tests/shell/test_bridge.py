"""A unit calls another by its number: one rings first, then the two are alone in a meeting."""

import asyncio
from typing import Any

import pytest

from sfu.errors import UseError
from sfu.model import Protocol
from sfu.shell.bridge import Bridge, Line
from sfu.signalling.call import (
    Accept,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    Dial,
    End,
    HangUp,
    Reject,
    Ring,
)
from sfu.signalling.webrtc.message import Join, Leave
from tests.shell.stage import codec_offer, stage

SONY = Line("h323:7002@192.0.2.22:1720", "Champagnole", "192.0.2.22")


@pytest.fixture
def house():
    with stage() as made:
        lines = {"7002": SONY}
        made.calls.bridge = Bridge(made.calls, lambda number, host, account: lines.get(number))
        made.browsers.ring = made.calls.bridge.asked
        yield made


def story(house, play):
    """Have a codec call 7002, and go on once that is dialled."""

    async def run():
        house.ring(1, "7002##", protocol=Protocol.SIP)
        await settled()
        await play()

    asyncio.run(run())


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def dialled(house):
    (dial,) = house.of(Dial)
    return dial


async def answer(house):
    house.calls.handle(
        CallAnswered(dialled(house).call, codec_offer("polycom_hdx"), "Sony PCS-XG80")
    )
    await settled()


def test_the_other_is_rung_first_and_then_both_meet(house):
    async def play():
        assert [type(one) for one in house.orders] == [Ring, Dial]
        dial = dialled(house)
        assert (dial.uri, dial.display_name, dial.user) == (SONY.uri, "Room 1", "room1")
        await answer(house)
        assert isinstance(house.orders[-1], Accept)
        house.calls.handle(CallConfirmed(house.orders[-1].call, None))
        (meeting,) = house.house.meetings.values()
        assert [leg.protocol for leg in meeting.legs.values()] == [Protocol.H323, Protocol.SIP]
        assert meeting.id == "7002~1"

    story(house, play)


@pytest.mark.parametrize("first", ["caller", "callee"])
def test_when_one_leaves_the_other_is_let_go(house, first):
    async def play():
        await answer(house)
        caller, callee = house.orders[0].call, dialled(house).call
        gone, left = (caller, callee) if first == "caller" else (callee, caller)
        house.calls.handle(CallEnded(gone, End.HUNG_UP, 16, ""))
        assert house.orders[-1] == HangUp(left, End.ENDED_BY_SERVER)
        house.calls.handle(CallEnded(left, End.ENDED_BY_SERVER, 16, ""))
        assert not house.house.meetings

    story(house, play)


@pytest.mark.parametrize(
    ("cause", "status"),
    [(End.BUSY, 486), (End.NO_ANSWER, 480), (End.UNREACHABLE, 480), (End.REFUSED, 603)],
)
def test_who_is_not_taken_learns_why(house, cause, status):
    async def play():
        house.calls.handle(CallEnded(dialled(house).call, cause, 0, "no"))
        await settled()
        (refused,) = house.of(Reject)
        assert refused.status == status
        assert len(house.calls) == 0

    story(house, play)


def test_a_caller_that_gives_up_ends_the_ringing(house):
    async def play():
        house.calls.handle(CallEnded(house.orders[0].call, End.CANCELLED, 487, ""))
        assert house.orders[-1] == HangUp(dialled(house).call, End.ENDED_BY_SERVER)
        house.calls.handle(CallEnded(dialled(house).call, End.ENDED_BY_SERVER, 0, ""))
        await settled()
        assert house.of(Accept) == house.of(Reject) == []

    story(house, play)


def test_a_caller_whose_offer_fits_nothing_ends_the_call_it_began(house):
    async def run():
        house.ring(1, "7002", b"v=0\r\no=- 1 1 IN IP4 192.0.2.21\r\ns=-\r\nt=0 0\r\n")
        await settled()
        await answer(house)
        (refused,) = house.of(Reject)
        assert refused.status == 488
        assert house.orders[-1] == HangUp(dialled(house).call, End.ENDED_BY_SERVER)

    asyncio.run(run())


def test_what_cannot_be_dialled_is_told(house, monkeypatch):
    async def full(*given, **more):
        raise UseError("no port is free")

    async def run():
        monkeypatch.setattr(house.calls.dialling, "dial", full)
        house.ring(1, "7002")
        await settled()
        assert house.orders[-1].status == 480

    asyncio.run(run())


def test_a_number_of_nobody_is_no_room(house):
    refused = house.ring(1, "7003")
    assert (refused.status, house.of(Dial)) == (404, [])


# ---- pages


def page(house, room="7002", **more):
    said: list[Any] = []
    session = house.browsers.open(said.append, "203.0.113.9", "Chromium")
    session.receive(Join(type="join", room=room, name="Anne", **more))
    return session, said


def test_a_page_that_asks_for_a_units_number_is_there_when_it_answers(house):
    async def run():
        _, said = page(house)
        await settled()
        assert (said[0].room, dialled(house).user) == ("7002", "7002")
        await answer(house)
        (meeting,) = house.house.meetings.values()
        assert [leg.protocol for leg in meeting.legs.values()] == [Protocol.WEBRTC, Protocol.H323]
        page(house)
        await settled()
        assert len(house.of(Dial)) == 1
        assert len(meeting.legs) == 3

    asyncio.run(run())


def test_the_unit_is_let_go_when_the_last_page_has_left(house):
    async def run():
        session, _ = page(house)
        await settled()
        await answer(house)
        house.tick(0.1)
        assert house.of(HangUp) == []
        session.receive(Leave(type="leave"))
        house.tick(0.1)
        assert house.of(HangUp) == [HangUp(dialled(house).call, End.ENDED_BY_SERVER)]

    asyncio.run(run())


def test_a_page_that_leaves_while_it_rings_ends_the_call(house):
    async def run():
        session, _ = page(house)
        await settled()
        session.receive(Leave(type="leave"))
        house.tick(0.1)
        assert house.of(HangUp) == [HangUp(dialled(house).call, End.ENDED_BY_SERVER)]

    asyncio.run(run())


def test_a_unit_that_does_not_answer_can_be_asked_for_again(house):
    async def run():
        page(house)
        await settled()
        house.calls.handle(CallEnded(dialled(house).call, End.NO_ANSWER, 0, "no"))
        await settled()
        page(house)
        await settled()
        assert len(house.of(Dial)) == 2

    asyncio.run(run())
