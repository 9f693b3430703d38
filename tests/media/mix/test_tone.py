"""The server's own beeps."""

import pytest

from sfu.media.mix import RATE_HZ
from sfu.media.mix.tone import AMPLITUDE, samples
from sfu.model import Tone


@pytest.mark.parametrize("tone", Tone)
def test_every_tone_is_short_soft_and_without_a_click(tone):
    wave = samples(tone).astype(int)
    assert 0.05 < len(wave) / RATE_HZ < 1
    assert AMPLITUDE * 0.9 < abs(wave).max() <= AMPLITUDE
    assert abs(wave[[0, -1]]).max() < 100


def test_tones_are_all_different():
    assert len({samples(tone).tobytes() for tone in Tone}) == len(Tone)
