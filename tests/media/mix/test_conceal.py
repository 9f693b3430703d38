"""A lost frame sounds like what was before it, then fades."""

import numpy as np

from sfu.media.mix import FRAME
from sfu.media.mix.conceal import Concealer
from tests.media.mix.sounds import strength, tone


def after(hz: float, frames: int = 10) -> Concealer:
    concealer = Concealer()
    for frame in range(frames):
        concealer.heard(tone(hz, FRAME, FRAME * frame))
    return concealer


def test_a_lost_frame_of_a_vowel_goes_on_at_its_pitch():
    made = after(200).lost(FRAME)
    assert 5000 < strength(made, 200) < 8500


def test_the_seam_at_both_ends_is_no_step():
    concealer = after(200)
    made = concealer.lost(FRAME)
    back = concealer.heard(tone(200, FRAME, FRAME * 11))
    line = np.concatenate([tone(200, FRAME, FRAME * 9), made, back]).astype(int)
    steepest = abs(np.diff(tone(200, FRAME).astype(int))).max()
    assert abs(np.diff(line)).max() < 2.5 * steepest


def test_after_60_ms_there_is_silence():
    concealer = after(200)
    made = [concealer.lost(FRAME) for _ in range(5)]
    sizes = [int(abs(frame.astype(int)).max()) for frame in made]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    assert sizes[3:] == [0, 0]


def test_a_pause_stays_a_pause():
    concealer = Concealer()
    concealer.heard(np.zeros(FRAME, dtype=np.int16))
    assert not concealer.lost(FRAME).any()


def test_without_loss_nothing_is_touched():
    sound = tone(300, FRAME)
    assert (Concealer().heard(sound) == sound).all()
