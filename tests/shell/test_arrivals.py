"""Calls that come in: answered, or told why not."""

import pytest

from sfu.config import Settings
from sfu.config.media import Limits
from sfu.config.rooms import Policy, Room
from sfu.model import CallId
from sfu.signalling.call import (
    Accept,
    CallConfirmed,
    CallEnded,
    DigitPressed,
    End,
    HangUp,
    Reject,
)
from tests.shell.stage import Stage, codec_offer, stage

PIN = Settings(room=(Room(number="4201", pin="2468"),))
PAIR = Settings(room=(Room(number="4201", policy=Policy.POINT_TO_POINT),))
HDX = codec_offer("polycom_hdx")


@pytest.fixture
def house():
    with stage() as made:
        yield made


@pytest.fixture
def guarded():
    with stage(PIN) as made:
        yield made


def members(house: Stage) -> int:
    return len(house.house.guests)


def end(house: Stage, call: int, cause: End = End.HUNG_UP) -> None:
    house.calls.handle(CallEnded(CallId(call), cause, 0, ""))


def test_a_call_with_an_offer_is_in_the_room_at_once(house):
    assert isinstance(house.ring(1), Accept)
    assert house.leg(1).name == "Room 1"
    assert house.store.joins[0].caller == "room1@192.0.2.21"


def test_a_call_without_an_offer_is_in_when_its_answer_comes(house):
    accepted = house.ring(1, offer=None)
    assert b"m=video" in accepted.description
    assert members(house) == 0
    answer = accepted.description.replace(b"o=sfu", b"o=far")
    house.calls.handle(CallConfirmed(CallId(1), answer))
    assert members(house) == 1


def test_an_answer_that_cannot_be_read_ends_the_call(house):
    house.ring(1, offer=None)
    house.calls.handle(CallConfirmed(CallId(1), b"v=0\r\nrubbish"))
    assert house.orders[-1] == HangUp(CallId(1), End.PROTOCOL_ERROR)
    assert members(house) == 0


@pytest.mark.parametrize(
    ("target", "offer", "status"),
    [
        ("9999", HDX, 404),
        ("4201##1111", HDX, 403),
        (
            "4201",
            HDX.replace(b" 9 15 0 8 18", b"")
            .replace(b" 109 96 34 31", b" 109 5")
            .replace(b"42800d", b"64800d"),
            488,
        ),
        ("4201", b"rubbish", 400),
    ],
)
def test_who_cannot_come_in_is_told_why_and_keeps_nothing(guarded, target, offer, status):
    refusal = guarded.ring(1, target, offer)
    assert isinstance(refusal, Reject)
    assert (refusal.status, len(guarded.calls)) == (status, 0)
    assert len(guarded.engine.sockets) == 2  # the mixer's and the browsers'


def test_a_full_room_is_busy():
    with stage(PAIR) as house:
        for call in (1, 2):
            house.ring(call)
        assert house.ring(3).status == 486


def test_without_a_free_port_the_service_is_unavailable():
    with stage(pairs=2) as house:
        house.ring(1)
        assert house.ring(2).status == 503
        end(house, 1)
        assert isinstance(house.ring(3), Accept)


def test_a_house_that_is_full_takes_nobody_more():
    with stage(Settings(limits=Limits(max_calls=2))) as house:
        house.ring(1, "4201")
        house.ring(2, "4202")
        assert house.ring(3, "4203").status == 486


def test_the_last_place_is_given_once():
    with stage(PAIR) as house:
        house.ring(1)
        offers = [house.ring(call, offer=None).description for call in (2, 3)]
        for call, offer in zip((2, 3), offers, strict=True):
            house.calls.handle(CallConfirmed(CallId(call), offer.replace(b"o=sfu", b"o=far")))
        assert members(house) == 2
        assert house.orders[-1] == HangUp(CallId(3), End.BUSY)


def test_an_event_of_a_call_nobody_knows_is_nothing(house):
    house.calls.handle(DigitPressed(CallId(7), "1"))
    end(house, 7)
    assert house.orders == []


def test_a_fault_while_answering_is_a_500_and_gives_the_ports_back(house, monkeypatch):
    house.faults = 1
    monkeypatch.setattr("sfu.shell.codec_leg.compose_answer", lambda *all: 1 / 0)
    assert house.ring(1).status == 500
    assert len(house.engine.sockets) == 2


def test_a_call_by_a_trunk_may_mean_more_than_its_number(house):
    assert isinstance(house.ring(1, "visio", also=("4250", "4201")), Accept)
    assert isinstance(house.ring(2, "visio", also=("visio", "4251")), Accept)
    assert isinstance(house.ring(3, "", also=("4252",)), Accept)
    assert set(house.house.meetings) == {"4250", "4251", "4252"}
    assert house.ring(4, "visio", also=("visio",)).status == 404


def test_a_house_that_drains_takes_no_calls_and_keeps_those_it_has(house):
    house.ring(1)
    house.house.drain.begin(house.now, 60.0)
    house.tick(20.0)
    refused = house.ring(2)
    assert isinstance(refused, Reject)
    assert (refused.status, refused.retry_after_s) == (503, 40)
    assert members(house) == 1
    house.house.drain.cancel()
    assert isinstance(house.ring(3), Accept)


def test_rooms_that_are_configured_anew_are_called_and_those_inside_stay(house):
    house.ring(1)
    house.house.configure(Settings(room=(Room(number="5001", name="Salle"),)))
    assert isinstance(house.ring(2, "5001"), Accept)
    assert members(house) == 2
    assert house.house.meetings["5001"].name == "Salle"
