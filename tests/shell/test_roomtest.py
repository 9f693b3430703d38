"""A room that is tried: in virtual time, with all cores but the wire."""

import asyncio
from typing import Any

import pytest

from sfu.errors import UseError
from sfu.media.checkup import Finding
from sfu.model import CallId, RoomId, Tone
from sfu.room.attendant import Card
from sfu.shell.roomtest import TEST_S, RoomTests
from sfu.shell.screen import film, path_of
from sfu.shell.visit import Dialled
from sfu.shell.waiting import TESTED
from sfu.signalling.call import CallEnded, End, HangUp
from tests.shell.stage import Stage, stage


@pytest.fixture
def house():
    with stage() as made:
        yield made


def trying(house: Stage, *, answers: bool = True, sends: bool = True) -> RoomTests:
    async def dial(target: str, room: RoomId) -> Dialled:
        if target == "nowhere":
            raise UseError("nobody is known by 'nowhere'")
        if not answers:
            return Dialled(CallId(1), False, "busy", 486, "Busy Here")
        house.ring(1, target="4201")
        visit = house.calls.visits[CallId(1)]
        house.house.leave(visit.leg, "transferred")
        visit.room = room
        house.calls.entrance.enter(visit)
        if sends:
            house.send(1, level_dbov=30)
            house.keyframe(visit.leg.streams.picture)
        return Dialled(CallId(1), True, "answered", 200, "OK")

    async def sleep(seconds: float) -> None:
        leg = house.leg(1)
        assert leg.streams.sound is not None
        assert leg.streams.picture is not None
        packets, _ = house.engine.counts.get(leg.streams.sound, (0, 0))
        for source in (leg.streams.sound, leg.streams.picture):
            house.engine.counts[source] = (packets + 50, 0)
        house.tick(seconds)

    return RoomTests(house.house, house.calls, dial, sleep)


def test_a_room_is_called_shown_a_pattern_played_a_tone_and_let_go(house):
    checked = asyncio.run(trying(house).run("21"))
    assert checked.outcome.answered
    assert checked.findings[0] in (Finding.PICTURE_GOOD, Finding.PICTURE_WITHOUT_KEY_FRAME)
    assert (
        house.mixer.tones.count((1, Tone.TEST))
        + sum(name == Tone.TEST for _, name in house.mixer.tones)
        >= TEST_S
    )
    assert house.orders[-1] == HangUp(CallId(1), End.ENDED_BY_SERVER)
    assert str(house.store.joins[-1].room).startswith(TESTED)
    house.calls.handle(CallEnded(CallId(1), End.ENDED_BY_SERVER, 0, ""))
    assert house.house.meetings == {}


def test_who_sends_nothing_is_told_so(house):
    async def quietly(seconds: float) -> None:
        house.tick(seconds)

    tests: Any = trying(house, sends=False)
    tests._sleep = quietly
    checked = asyncio.run(tests.run("21"))
    assert {Finding.PICTURE_MISSING, Finding.SOUND_MISSING} <= set(checked.findings)


def test_who_does_not_answer_is_not_judged(house):
    checked = asyncio.run(trying(house, answers=False).run("21"))
    assert (checked.outcome.cause, checked.findings) == ("busy", ())


def test_who_cannot_be_called_may_be_tried_again(house):
    tests = trying(house)
    for _ in range(2):
        with pytest.raises(UseError, match="nobody is known"):
            asyncio.run(tests.run("nowhere"))


def test_a_room_is_tried_by_one_at_a_time(house):
    async def whole() -> None:
        tests = trying(house)
        first = asyncio.ensure_future(tests.run("21"))  # noqa: TID251
        tests._targets.add("21")
        with pytest.raises(UseError, match="already"):
            await tests.run("21")
        first.cancel()

    asyncio.run(whole())


@pytest.mark.parametrize("size", ["720p", "cif"])
def test_the_pattern_moves(size):
    pictures = film(f"{Card.PATTERN}-{size}")
    assert path_of(f"{Card.PATTERN}-{size}").exists()
    between = [sum(map(len, one)) for one in pictures if len(one) < 3 or one[0][0] & 31 == 1]
    assert len(pictures) == 20
    assert min(between) > 30  # an "as before" is a dozen bytes
