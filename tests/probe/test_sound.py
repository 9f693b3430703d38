"""Several tones in one sound are told apart; turns do not overlap."""

import numpy as np

from sfu.probe.sound import FRAME, RATE_HZ, Ear, Voice, always, in_turn, never


def heard(*voices: Voice, frames: int = 30) -> Ear:
    ear = Ear()
    for _ in range(frames):
        ear.hear(np.sum([voice.next() for voice in voices], axis=0).astype(np.int16), RATE_HZ)
    return ear


def test_two_tones_are_both_heard_and_a_third_is_not():
    ear = heard(Voice(330, always), Voice(440, always))
    assert ear.hears(330)
    assert ear.hears(440)
    assert not ear.hears(550)


def test_the_dominant_tone_is_found_to_a_few_hertz():
    dominant = heard(Voice(523, always)).dominant()
    assert dominant is not None
    assert abs(dominant - 523) < 5


def test_silence_has_no_dominant_tone():
    assert heard(Voice(440, never)).dominant() is None
    assert Ear().dominant() is None


def test_only_the_last_half_second_counts():
    ear = heard(Voice(440, lambda at_s: at_s < 0.2), frames=10)
    assert ear.hears(440)
    for _ in range(25):
        ear.hear(np.zeros(FRAME, dtype=np.int16), RATE_HZ)
    assert not ear.hears(440)


def test_at_any_time_at_most_one_of_three_speaks_and_each_has_its_turn():
    turns = [in_turn(index, 3) for index in range(3)]
    speaking = [tuple(turn(tick / 10) for turn in turns) for tick in range(180)]
    assert max(map(sum, speaking)) == 1
    assert all(any(one) for one in zip(*speaking, strict=True))
