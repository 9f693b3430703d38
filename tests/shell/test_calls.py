"""Calls of room codecs in mid call and at their end, in time moved by hand."""

import pytest

from sfu.config import MediaEncryption, Settings, Sip
from sfu.model import CallId, Protocol, RoomId
from sfu.signalling.call import (
    Accept,
    AskPicture,
    CallConfirmed,
    CallEnded,
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

HDX = codec_offer("polycom_hdx")
C20 = codec_offer("tandberg_c20")


@pytest.fixture
def house():
    with stage() as made:
        yield made


def members(house: Stage) -> int:
    return len(house.house.guests)


def press(house: Stage, call: int, keys: str) -> None:
    for key in keys:
        house.calls.handle(DigitPressed(CallId(call), key))


def end(house: Stage, call: int, cause: End = End.HUNG_UP) -> None:
    house.calls.handle(CallEnded(CallId(call), cause, 0, ""))


# ---- in mid call


def test_who_asks_for_a_picture_by_signalling_is_given_one(house):
    for call in (1, 2):
        house.ring(call)
        house.send(call)
    house.tick(0.1)
    house.keyframe(house.leg(2).streams.picture)
    house.tick(1)
    asked = house.patchbay.keyframes.said.total()
    house.calls.handle(PictureWanted(CallId(1)))
    assert house.patchbay.keyframes.said.total() == asked + 1


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


# ---- cameras and old pictures


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


def test_who_is_alone_by_h323_is_told_of_old_codecs_too(house):
    ordered = house.ring(1, offer=None, protocol=Protocol.H323)
    assert video_of(ordered.description).split()[3:] == [b"97", b"98", b"99", b"34", b"31"]
    house.ring(2, "4202", HDX)
    beside_h264 = house.ring(3, "4202", None, protocol=Protocol.H323)
    assert video_of(beside_h264.description).split()[-1] in (b"98", b"99")


def test_h323_knows_no_keys_so_where_they_are_required_it_is_refused():
    required = Settings(sip=Sip(media_encryption=MediaEncryption.REQUIRED))
    with stage(required) as house:
        ordered = house.ring(1, offer=None, protocol=Protocol.H323)
        assert isinstance(ordered, Reject)
        assert (ordered.status, ordered.warning) == (488, "media must be encrypted here")
