"""Calls of ours: how they go, and what whoever wished them is told."""

import asyncio
from itertools import count

import pytest

from sfu.errors import UseError
from sfu.model import CallId, RoomId
from sfu.shell.dialling import FIRST_DIALLED
from sfu.signalling.call import (
    CallAnswered,
    CallEnded,
    CallRinging,
    Dial,
    End,
    HangUp,
    Probe,
)
from tests.shell.stage import Stage, codec_offer, stage

HDX = codec_offer("polycom_hdx")


@pytest.fixture
def house():
    with stage() as made:
        yield made


def members(house: Stage) -> int:
    return len(house.house.guests)


def end(house: Stage, call: int, cause: End = End.HUNG_UP) -> None:
    house.calls.handle(CallEnded(CallId(call), cause, 0, ""))


def dialled(house: Stage, *events):
    """Call a unit into room 4201, let this happen, and return how it went."""

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.dialling.dial(
                "sip:morez@192.0.2.21", "Morez", RoomId("4201"), host="192.0.2.21"
            )
        )
        await asyncio.sleep(0)
        for event in events:
            house.calls.handle(event)
        return await outcome

    return asyncio.run(run())


def test_who_is_called_and_answers_is_in_the_room(house):
    call = CallId(FIRST_DIALLED)
    answer = HDX.replace(b"m=audio 49170 RTP/AVP 115 102 9 15 0 8 18", b"m=audio 49170 RTP/AVP 9")
    outcome = dialled(house, CallRinging(call), CallAnswered(call, answer, "HDX 8000"))
    assert outcome.answered
    assert house.leg(call).model == "HDX 8000"
    assert house.store.joins[0].direction == "out"
    assert isinstance(house.orders[0], Dial)


def test_who_does_not_answer_is_told_to_whom_dialled(house):
    outcome = dialled(house, CallEnded(CallId(FIRST_DIALLED), End.BUSY, 486, "Busy Here"))
    assert (outcome.answered, outcome.cause, outcome.status) == (False, "busy", 486)
    assert len(house.engine.sockets) == 2


def test_an_answer_that_takes_nothing_is_the_end(house):
    call = CallId(FIRST_DIALLED)
    refused = HDX.replace(b"m=audio 49170", b"m=audio 0").replace(b"m=video 49172", b"m=video 0")
    ended = CallEnded(call, End.PROTOCOL_ERROR, 0, "")
    assert not dialled(house, CallAnswered(call, refused, ""), ended).answered
    assert HangUp(call, End.PROTOCOL_ERROR) in house.orders


def test_who_rings_is_not_asked_whether_it_lives(house):
    house.calls.dialling.numbers = count(5)

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.dialling.dial("sip:a@192.0.2.1", "A", RoomId("4201"), host="192.0.2.1")
        )
        await asyncio.sleep(0)
        house.tick(120)
        end(house, 5, End.NO_ANSWER)
        return await outcome

    assert asyncio.run(run()).cause == "no_answer"
    assert house.of(Probe) == []


def test_without_a_free_port_nobody_is_called_and_nothing_kept():
    with stage(pairs=1) as house:
        with pytest.raises(UseError, match="no media port"):
            dialled(house)
        assert (len(house.calls), house.orders) == (0, [])
        assert len(house.engine.sockets) == 2
