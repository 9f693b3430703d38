"""Who is plugged into the mixer, as long as anybody wants it and no longer."""

import pytest

from sfu.media.engine.command import SetSource
from sfu.model import Codec, Kind, MemberId, Tone
from sfu.shell.leg import MixPlace
from sfu.worker.protocol import Delays, KeyHeard, LevelsMeasured, Spoken
from tests.shell.stage import stage

ANNE, BRUNO, CLAIRE = MemberId("m1"), MemberId("m2"), MemberId("m3")


@pytest.fixture
def house():
    with stage() as made:
        made.ring(1)  # its paths carry what the desk is given here
        made.house.leave(made.leg(1), "hung_up")
        yield made


@pytest.fixture
def sounds(house):
    transport = next(iter(house.engine.transports))
    found = {}
    for member in (ANNE, BRUNO, CLAIRE):
        found[member] = house.patchbay.new_source()
        command = SetSource(found[member], transport, Kind.AUDIO, None, ((9, Codec.G722),), 8000)
        house.patchbay.set_source(command, member)
    return found


def place(codec: Codec = Codec.G722, ptime_ms: int = 20) -> MixPlace:
    return MixPlace(99, codec, ptime_ms)  # type: ignore[arg-type]


def test_a_voice_goes_in_once_however_many_hear_it(house, sounds):
    house.desk.listen(ANNE, place(), {CLAIRE: sounds[CLAIRE]})
    house.desk.listen(BRUNO, place(), {CLAIRE: sounds[CLAIRE]})
    assert len(house.mixer.inputs) == 1
    assert house.desk.legs == 2


def test_a_voice_nobody_hears_any_more_comes_out(house, sounds):
    house.desk.listen(ANNE, place(), {BRUNO: sounds[BRUNO], CLAIRE: sounds[CLAIRE]})
    house.desk.listen(ANNE, place(), {CLAIRE: sounds[CLAIRE]})
    assert len(house.mixer.inputs) == 1
    house.desk.stop_listening(ANNE)
    assert (house.mixer.inputs, house.mixer.legs) == (set(), {})


def test_another_codec_is_another_stream_and_drops_who_is_heard_no_more(house, sounds):
    first = house.desk.listen(ANNE, place(), {BRUNO: sounds[BRUNO]})
    second = house.desk.listen(ANNE, place(Codec.PCMA), {CLAIRE: sounds[CLAIRE]})
    assert first not in house.engine.sources
    assert second in house.engine.sources
    assert len(house.mixer.inputs) == len(house.mixer.legs) == 1


def test_another_packet_time_is_the_same_stream(house, sounds):
    first = house.desk.listen(ANNE, place(), {})
    assert house.desk.listen(ANNE, place(ptime_ms=40), {}) == first
    assert [leg[3] for leg in house.mixer.legs.values()] == [40]


def test_who_is_measured_stays_plugged_in_until_it_leaves(house, sounds):
    house.desk.measure(ANNE, sounds[ANNE])
    house.desk.listen(BRUNO, place(), {ANNE: sounds[ANNE]})
    house.desk.stop_listening(BRUNO)
    assert len(house.mixer.inputs) == 1
    house.desk.forget(ANNE)
    assert house.mixer.inputs == set()


def test_levels_are_told_by_member_and_silence_where_nothing_was_heard(house, sounds):
    house.desk.measure(ANNE, sounds[ANNE])
    house.desk.measure(BRUNO, sounds[BRUNO])
    anne = house.desk._inputs[ANNE].ssrc
    house.desk.take_report(LevelsMeasured(((anne, 33),)))
    assert house.desk.levels() == {ANNE: 33, BRUNO: 127}


def test_the_longest_delay_is_kept_for_the_metrics(house, sounds):
    house.desk.listen(ANNE, place(), {})
    house.desk.listen(BRUNO, place(), {})
    legs = [output.leg for output in house.desk._outputs.values()]
    house.desk.take_report(Delays(((legs[0], 41), (legs[1], 63), (999, 5))))
    assert house.desk.delay_s == pytest.approx(0.063)


def test_a_tone_goes_to_one_listener_and_to_nobody_who_does_not_listen(house, sounds):
    house.desk.listen(ANNE, place(), {})
    house.desk.play_tone(ANNE, Tone.PIN)
    house.desk.play_tone(BRUNO, Tone.PIN)
    assert [name for _, name in house.mixer.tones] == ["pin"]


def test_without_a_mixer_there_is_nothing_to_hear():
    with stage(mixing=False) as house:
        assert not house.desk.available
        assert house.desk.listen(ANNE, place(), {}) is None
        house.desk.forget(ANNE)


def test_keys_are_looked_for_while_wanted_and_who_hears_it_goes_on_hearing(house, sounds):
    heard: list[str] = []
    house.desk.watch_keys(ANNE, sounds[ANNE], heard.append)
    (ssrc,) = house.mixer.searched
    house.desk.listen(BRUNO, place(), {ANNE: sounds[ANNE]})
    house.desk.take_report(KeyHeard(ssrc, "4"))
    house.desk.take_report(KeyHeard(ssrc + 1, "5"))
    house.desk.ignore_keys(ANNE)
    house.desk.take_report(KeyHeard(ssrc, "6"))
    assert heard == ["4"]
    assert (house.mixer.inputs, house.mixer.searched) == ({ssrc}, set())


def test_a_sound_that_was_only_searched_comes_out(house, sounds):
    house.desk.watch_keys(ANNE, sounds[ANNE], print)
    house.desk.ignore_keys(ANNE)
    house.desk.ignore_keys(ANNE)
    assert house.mixer.inputs == set()


def test_the_end_of_what_is_said_is_told_to_who_had_it_said(house, sounds):
    told: list[str] = []
    house.desk.listen(ANNE, place(), {})
    house.desk.speak(ANNE, ("fr/pin",), lambda: told.append("anne"))
    house.desk.speak(BRUNO, ("fr/pin",), lambda: told.append("bruno"))
    (leg,) = house.mixer.legs
    for _ in range(2):
        house.desk.take_report(Spoken(leg))
    assert told == ["anne"]
    house.desk.speak(ANNE, ("fr/pin",), lambda: told.append("anne"))
    house.desk.speak(ANNE, ())
    house.desk.take_report(Spoken(leg))
    assert told == ["anne"]
