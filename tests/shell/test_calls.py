"""Calls of room codecs from the first sign to the end, in time moved by hand."""

import asyncio
from itertools import count

import pytest

from sfu.config import MediaEncryption, Settings, Sip
from sfu.config.settings import Limits, Policy, Room, Rooms
from sfu.errors import UseError
from sfu.media.engine.event import TelephoneEventReceived
from sfu.model import CallId, Codec, Protocol, RoomId
from sfu.shell.calls import FIRST_DIALLED, Calls
from sfu.signalling.call import (
    Accept,
    AskPicture,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallRinging,
    Dial,
    DigitPressed,
    End,
    HangUp,
    MediaOffered,
    PictureWanted,
    Probe,
    ProbeAnswered,
    Reject,
)
from tests.shell.stage import Stage, codec_offer, stage

PIN = Settings(room=(Room(number="4201", pin="2468"),))
PAIR = Settings(room=(Room(number="4201", policy=Policy.POINT_TO_POINT),))
HDX = codec_offer("polycom_hdx")
C20 = codec_offer("tandberg_c20")


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


def press(house: Stage, call: int, keys: str) -> None:
    for key in keys:
        house.calls.handle(DigitPressed(CallId(call), key))


def end(house: Stage, call: int, cause: End = End.HUNG_UP) -> None:
    house.calls.handle(CallEnded(CallId(call), cause, 0, ""))


# ---- in


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


# ---- the gate


def test_who_must_give_a_pin_hears_a_tone_and_nobody_else(guarded):
    guarded.ring(1)
    assert members(guarded) == 0
    assert [name for _, name in guarded.mixer.tones] == ["pin"]
    assert any(guarded.engine.carries.values())


def test_the_right_pin_opens_whether_it_comes_by_signalling_or_by_sound(guarded):
    guarded.ring(1)
    press(guarded, 1, "2468")
    guarded.ring(2, offer="polycom_group")
    sound = next(
        source
        for source, command in guarded.engine.sources.items()
        if any(number == 101 for number, _ in command.payloads)
    )
    for at, digit in enumerate((2, 4, 6, 8)):
        for is_end in (False, True, True):
            guarded.engine.tell(TelephoneEventReceived(sound, digit, is_end, 800, at))
    assert members(guarded) == 2


def test_a_pin_in_the_number_opens_at_once(guarded):
    guarded.ring(1, "4201##2468")
    assert members(guarded) == 1


def test_the_third_wrong_pin_ends_the_call(guarded):
    guarded.ring(1)
    press(guarded, 1, "1#2#3#")
    assert guarded.orders[-1] == HangUp(CallId(1), End.REFUSED)
    press(guarded, 1, "2468")
    guarded.calls.handle(CallConfirmed(CallId(1), HDX))
    assert members(guarded) == 0


def test_the_number_of_tries_is_a_setting():
    with stage(Settings(room=PIN.room, rooms=Rooms(pin_tries=1))) as house:
        house.ring(1)
        press(house, 1, "1#")
        assert house.orders[-1] == HangUp(CallId(1), End.REFUSED)


def test_who_types_nothing_is_asked_again_and_then_let_go(guarded):
    guarded.ring(1)
    guarded.tick(31)
    assert len(guarded.mixer.tones) == 3
    assert guarded.orders[-1] == HangUp(CallId(1), End.REFUSED)


def test_who_hangs_up_before_the_door_leaves_nothing_behind(guarded):
    guarded.ring(1)
    end(guarded, 1)
    guarded.tick(60)
    assert (guarded.mixer.legs, guarded.store.ends, len(guarded.calls)) == ({}, {}, 0)
    assert len(guarded.engine.sockets) == 2


def test_who_holds_and_resumes_before_the_door_hears_its_tones_again(guarded):
    guarded.ring(1)
    held = HDX.replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n")
    guarded.calls.handle(MediaOffered(CallId(1), held))
    assert not any(guarded.engine.carries.values())
    guarded.calls.handle(MediaOffered(CallId(1), HDX))
    assert any(guarded.engine.carries.values())


def test_a_mixer_that_was_started_anew_reaches_who_waits_before_the_door(guarded):
    guarded.ring(1)
    guarded.desk.connect(guarded.spare_fd())
    assert any(guarded.engine.carries.values())


def test_too_many_wrong_pins_of_one_address_shut_the_right_one_out_for_a_minute(guarded):
    for call, wrong in enumerate(("1111", "2222", "3333"), 1):
        assert guarded.ring(call, f"4201##{wrong}").status == 403
    assert guarded.ring(4, "4201##2468").status == 403
    assert guarded.ring(5, "4201").status == 403
    assert isinstance(guarded.ring(6, "4201##2468", host="192.0.2.99"), Accept)
    guarded.tick(61)
    assert isinstance(guarded.ring(7, "4201##2468"), Accept)


def test_many_calls_at_once_do_not_make_many_tries(guarded):
    for call in range(1, 5):
        guarded.ring(call)
    for call in range(1, 4):
        press(guarded, call, "1#2#3#")
    press(guarded, 4, "2468")
    assert members(guarded) == 0
    assert guarded.orders[-1] == HangUp(CallId(4), End.REFUSED)


def test_each_wrong_pin_counts_for_the_address_in_whatever_call(guarded):
    guarded.ring(1)
    press(guarded, 1, "1#2#")
    end(guarded, 1)
    guarded.ring(2)
    press(guarded, 2, "3#2468#")
    assert members(guarded) == 0
    assert guarded.orders[-1] == HangUp(CallId(2), End.REFUSED)
    guarded.tick(61)
    guarded.ring(3)
    press(guarded, 3, "1#2#2468#")  # two are forgiven
    assert members(guarded) == 1


# ---- who may be forged


@pytest.fixture
def strangers():
    """Nobody who calls is known."""
    with stage() as made:
        made.calls = Calls(made.house, made.around, lambda host: "198.51.100.5", lambda host: False)
        yield made


def test_a_stranger_gets_its_place_at_its_ack(strangers):
    assert isinstance(strangers.ring(1), Accept)
    strangers.tick(1)
    assert members(strangers) == 0
    strangers.calls.handle(CallConfirmed(CallId(1), None))
    assert members(strangers) == 1


def test_a_stranger_without_an_ack_has_its_place_once_it_sends(strangers):
    """Its ports were told by our 200 alone: who sends there has read it."""
    strangers.ring(1)
    (visit,) = strangers.calls._visits.values()
    strangers.flow(visit.leg.streams.sound, Codec.G722)
    strangers.tick(0.1)
    assert members(strangers) == 1


def test_forged_calls_leave_nothing_behind(strangers):
    for call in range(1, 4):
        strangers.ring(call, host=f"203.0.113.{call}")
        end(strangers, call, End.VANISHED)
    strangers.calls.handle(CallConfirmed(CallId(1), None))
    assert (members(strangers), len(strangers.calls), strangers.store.joins) == (0, 0, [])


# ---- in mid call


def test_who_asks_for_a_picture_by_signalling_is_given_one(house):
    for call in (1, 2):
        house.ring(call)
        house.send(call)
    house.tick(0.1)
    house.keyframe(house.leg(2).streams.picture)
    house.tick(1)
    asked = house.patchbay.keyframe_requests.total()
    house.calls.handle(PictureWanted(CallId(1)))
    assert house.patchbay.keyframe_requests.total() == asked + 1


def test_a_unit_that_reads_no_rtcp_is_asked_by_signalling(house):
    house.ring(1, offer="sony_xg77")
    house.ring(2)
    house.send(1)
    house.tick(0.1)
    assert AskPicture(CallId(1)) in house.orders


def test_an_offer_we_cannot_take_leaves_media_as_it_was(house):
    house.ring(1)
    before = dict(house.engine.sinks)
    house.calls.handle(MediaOffered(CallId(1), b"rubbish"))
    assert house.orders[-1].status == 488
    assert house.engine.sinks == before


# ---- life and end


def test_a_silent_member_is_asked_whether_it_lives_and_then_given_up(house):
    house.ring(1)
    house.tick(16)
    assert house.of(Probe) == [Probe(CallId(1))]
    house.tick(16)
    assert len(house.of(Probe)) == 2
    house.tick(9)
    assert house.orders[-1] == HangUp(CallId(1), End.VANISHED)
    house.tick(9)
    end(house, 1, End.ENDED_BY_SERVER)
    assert house.store.ends == {1: End.VANISHED}
    assert len(house.of(HangUp)) == 1


def test_a_member_that_answers_by_signalling_or_sends_lives(house):
    house.ring(1)
    house.tick(30)
    house.calls.handle(ProbeAnswered(CallId(1)))
    house.tick(30)
    house.send(1)
    house.tick(60)
    assert house.of(HangUp) == []


def test_the_operator_hangs_up(house):
    house.ring(1)
    assert house.calls.hang_up(CallId(1))
    assert not house.calls.hang_up(CallId(2))
    assert house.orders[-1] == HangUp(CallId(1), End.ENDED_BY_SERVER)


def test_an_end_that_goes_wrong_gives_the_ports_back_all_the_same(house, monkeypatch):
    house.faults = 1
    house.ring(1)
    monkeypatch.setattr(house.house, "leave", lambda *all, **more: 1 / 0)
    end(house, 1)
    assert len(house.engine.sockets) == 2


# ---- out


def dialled(house: Stage, *events):
    """Call a unit into room 4201, let this happen, and return how it went."""

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.dial("sip:morez@192.0.2.21", "Morez", RoomId("4201"), host="192.0.2.21")
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
    house.calls._dials = count(5)

    async def run():
        outcome = asyncio.ensure_future(  # noqa: TID251
            house.calls.dial("sip:a@192.0.2.1", "A", RoomId("4201"), host="192.0.2.1")
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


def camera_of(description: bytes) -> bytes:
    lines = [line for line in description.split(b"\r\n") if line.startswith(b"m=application")]
    return lines[-1]


def test_two_rooms_alone_together_move_each_others_camera_and_a_third_stops_that(house):
    for call in (1, 2):
        accepted = house.ring(call, "4201", C20)
        assert not camera_of(accepted.description).startswith(b"m=application 0 ")
    legs = list(house.house.meetings[RoomId("4201")].legs.values())
    (press_a, move_a), (press_b, move_b) = (leg.streams.camera for leg in legs)
    routes = house.patchbay.routes
    assert (routes.source_of(move_a), routes.source_of(move_b)) == (press_b, press_a)
    third = house.ring(3, "4201", C20)
    assert camera_of(third.description) == b"m=application 0 RTP/AVP 100"
    assert (routes.source_of(move_a), routes.source_of(move_b)) == (None, None)
    end(house, 3)
    assert (routes.source_of(move_a), routes.source_of(move_b)) == (press_b, press_a)


def test_a_camera_is_refused_beside_one_who_has_none(house):
    house.ring(1, "4201", HDX)
    beside = house.ring(2, "4201", C20)
    assert camera_of(beside.description) == b"m=application 0 RTP/AVP 100"


VSX = HDX.replace(b" 109 96 34 31", b" 34 31").replace(b"a=rtpmap:109 H264/90000\r\n", b"")


def video_of(description: bytes) -> bytes:
    return next(line for line in description.split(b"\r\n") if line.startswith(b"m=video"))


def test_a_unit_of_h263_has_its_picture_alone_and_with_its_like_but_not_with_others(house):
    first = house.ring(1, "4201", VSX)
    second = house.ring(2, "4201", VSX.replace(b" 34 31", b" 31 34"))
    assert [video_of(one.description).split()[-1] for one in (first, second)] == [b"34", b"34"]
    only_h261 = house.ring(3, "4201", VSX.replace(b" 34 31", b" 31"))
    assert video_of(only_h261.description) == b"m=video 0 RTP/AVP 31"
    house.ring(4, "4202", HDX)
    beside_h264 = house.ring(5, "4202", VSX)
    assert video_of(beside_h264.description) == b"m=video 0 RTP/AVP 34 31"
    assert b"m=audio 0" not in beside_h264.description


def test_a_call_by_a_trunk_may_mean_more_than_its_number(house):
    assert isinstance(house.ring(1, "visio", also=("4250", "4201")), Accept)
    assert isinstance(house.ring(2, "visio", also=("visio", "4251")), Accept)
    assert isinstance(house.ring(3, "", also=("4252",)), Accept)
    assert set(house.house.meetings) == {"4250", "4251", "4252"}
    assert house.ring(4, "visio", also=("visio",)).status == 404


# ---- by H.323


def test_a_room_by_h323_is_offered_our_media_and_counted_as_such(house):
    ordered = house.ring(1, offer=None, protocol=Protocol.H323)
    assert isinstance(ordered, Accept)
    assert b"a=crypto" not in ordered.description
    answer = ordered.description.replace(b"o=sfu", b"o=far")
    house.calls.handle(CallConfirmed(CallId(1), answer))
    assert members(house) == 1
    assert house.leg(1).protocol is Protocol.H323
    assert house.calls.by_protocol() == {Protocol.H323: 1}
    end(house, 1)
    assert house.house.ends == {("h323", "hung_up"): 1}


def test_h323_knows_no_keys_so_where_they_are_required_it_is_refused():
    required = Settings(sip=Sip(media_encryption=MediaEncryption.REQUIRED))
    with stage(required) as house:
        ordered = house.ring(1, offer=None, protocol=Protocol.H323)
        assert isinstance(ordered, Reject)
        assert (ordered.status, ordered.warning) == (488, "media must be encrypted here")
