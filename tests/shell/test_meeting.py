"""A meeting of real cores, told by snapshots what runs and watched by the routes it states."""

import pytest

from sfu.media.engine.command import TransmitRtcp
from sfu.media.showing import VideoState
from sfu.model import Codec
from sfu.signalling.call import AnswerMedia, CallEnded, End, MediaOffered
from sfu.worker.protocol import LevelsMeasured
from tests.shell.stage import Stage, codec_offer, stage


@pytest.fixture
def house():
    with stage() as made:
        yield made


def inside(house: Stage, *calls: int) -> None:
    for call in calls:
        house.ring(call)
        house.send(call)
    house.tick(0.1)


def speak(house: Stage, call: int) -> None:
    """Have the mixer measure one loud voice."""
    levels = {house.desk._inputs[house.leg(call).member].ssrc: 20}
    for _ in range(60):
        house.desk.take_report(LevelsMeasured(tuple(levels.items())))
        house.tick()


def reoffer(house: Stage, call: int, body: bytes) -> bytes:
    house.calls.handle(MediaOffered(house.leg(call).call, body))
    answer = house.orders[-1]
    assert isinstance(answer, AnswerMedia)
    return answer.description


def test_two_room_codecs_see_each_other(house):
    inside(house, 1, 2)
    one, two = house.leg(1), house.leg(2)
    assert house.shown(one) == two.streams.picture
    assert house.shown(two) == one.streams.picture


def test_nobody_is_mixed_into_what_it_hears_itself(house):
    inside(house, 1, 2, 3)
    own = {member: one.ssrc for member, one in house.desk._inputs.items()}
    assert len(own) == 3
    for member, output in house.desk._outputs.items():
        heard = house.mixer.legs[output.leg][2]
        assert heard == set(own.values()) - {own[member]}


def test_the_speaker_is_shown_to_the_others_and_sees_who_spoke_before(house):
    inside(house, 1, 2, 3)
    speak(house, 2)
    speak(house, 3)
    assert house.shown(house.leg(1)) == house.leg(3).streams.picture
    assert house.shown(house.leg(2)) == house.leg(3).streams.picture
    assert house.shown(house.leg(3)) == house.leg(2).streams.picture


def test_a_late_joiner_costs_one_wish_for_a_key_frame(house):
    inside(house, 1, 2)
    for call in (1, 2):
        house.keyframe(house.leg(call).streams.picture)
    house.tick(3)
    asked = house.patchbay.keyframes.said.total()
    house.ring(3)
    assert house.patchbay.keyframes.said.total() == asked + 1


def test_who_leaves_is_shown_and_heard_no_more_and_leaves_nothing_open(house):
    inside(house, 1, 2)
    before = len(house.engine.sockets)
    gone = house.leg(2)
    house.calls.handle(CallEnded(gone.call, End.HUNG_UP, 0, ""))
    house.tick()
    [card] = house.cards()  # whoever is alone now sees that nobody else is there
    assert house.shown(house.leg(1)) == card
    assert len(house.engine.sockets) == before - 4 + 1
    assert gone.streams.picture not in house.engine.sources
    assert [output[2] for output in house.mixer.legs.values()] == [frozenset()]


def test_an_empty_room_is_forgotten_and_its_mixer_rests(house):
    inside(house, 1)
    house.calls.handle(CallEnded(house.leg(1).call, End.HUNG_UP, 0, ""))
    assert (house.house.meetings, house.house.guests) == ({}, {})
    assert (house.mixer.inputs, house.mixer.legs) == (set(), {})
    assert house.store.ends == {1: End.HUNG_UP}


def test_a_room_on_hold_is_sent_nothing_and_comes_back_as_it_was(house):
    inside(house, 1, 2)
    one, two = house.leg(1), house.leg(2)
    sound = one.streams.mix.sink
    offer = codec_offer("polycom_hdx")
    reoffer(house, 1, offer.replace(b"t=0 0\r\n", b"t=0 0\r\na=inactive\r\n"))
    house.tick()
    carried = [house.engine.carries[sink] for sink in (sound, house.shown_sink(one))]
    assert carried == [None, None]
    assert house.shown(two) is None
    reoffer(house, 1, offer)
    house.tick()
    assert house.shown(one) == two.streams.picture
    assert house.engine.carries[sound] is not None
    assert house.shown(two) == one.streams.picture


def test_a_picture_that_was_given_up_is_asked_for_no_more(house):
    inside(house, 1, 2)
    assert house.engine.of(TransmitRtcp)
    body = codec_offer("polycom_hdx").replace(b"m=video 49172", b"m=video 0")
    reoffer(house, 1, body)
    house.tick(1)
    house.engine.commands.clear()
    asked = house.patchbay.keyframes.said.total()
    house.keyframe(house.leg(2).streams.picture)
    house.tick(10)
    assert house.patchbay.keyframes.said.total() == asked


def test_a_mixer_that_was_started_anew_is_plugged_in_as_before(house):
    inside(house, 1, 2)
    sound = house.leg(1).streams.mix.sink
    before = house.engine.carries[sound]
    inputs = [one.sink for one in house.desk._inputs.values()]
    house.desk.connect(house.spare_fd())
    after = house.engine.carries[sound]
    assert after not in (None, before)
    assert before not in house.engine.sources
    plugged = {one.sink: one.source for one in house.desk._inputs.values()}
    assert not plugged.keys() & set(inputs)
    assert plugged.items() <= house.engine.carries.items()


def test_a_fault_in_one_room_leaves_the_others_alone(house, monkeypatch):
    house.ring(1, "4202")
    house.send(1)
    inside(house, 2, 3)
    other, house.faults = house.house.meetings["4202"], 4
    monkeypatch.setattr(other, "tick", lambda *now: 1 / 0)
    house.ring(4)
    house.send(4)
    house.tick(0.2)
    assert house.shown(house.leg(4)) is not None


def test_without_a_mixer_a_room_hears_the_one_voice_it_can_decode():
    with stage(mixing=False) as house:
        inside(house, 1, 2)
        place = house.leg(1).streams.mix
        assert place is not None
        assert house.engine.carries[place.sink] == house.leg(2).streams.sound


def test_a_stream_that_falls_silent_has_stopped(house):
    inside(house, 1, 2)
    house.engine.flowing.clear()
    house.tick(3)
    rows = house.house.meetings["4201"].rows()
    assert [(row.picture, row.sound) for row in rows] == [(False, False)] * 2


def test_a_codec_that_appears_on_the_same_stream_is_told(house):
    inside(house, 1, 2)
    house.flow(house.leg(1).streams.sound, Codec.PCMA)
    house.tick()
    assert house.house.meetings["4201"]._running[house.leg(1).member].sound is Codec.PCMA


def test_how_a_picture_fares_is_told(house):
    def state(call: int) -> VideoState:
        found: VideoState = house.house.video_state(house.house.guests[house.leg(call).member])
        return found

    house.ring(1)
    assert state(1) is VideoState.NO_PICTURE
    house.send(1)
    house.tick(0.1)
    house.keyframe(house.leg(1).streams.picture)
    assert state(1) is VideoState.OK
    inside(house, 2)
    assert state(1) is VideoState.ONEWAY  # this engine sends nothing
    house.keyframe(house.leg(1).streams.picture)
    house.tick(6)
    assert (state(1), state(2)) == (VideoState.ONEWAY, VideoState.STALLED)
