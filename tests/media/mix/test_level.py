"""Levels as RFC 6464 counts them."""

import numpy as np
import pytest

from sfu.media.mix import FRAME
from sfu.media.mix.level import SILENT, dbov
from tests.media.mix.sounds import tone


@pytest.mark.parametrize(("amplitude", "level"), [(32767, 3), (3276.7, 23), (327.67, 43)])
def test_a_sine_at_full_scale_has_three_and_a_tenth_of_it_twenty_more(amplitude, level):
    assert list(dbov(tone(400, FRAME, amplitude=amplitude).reshape(1, -1))) == [level]


def test_a_square_wave_at_full_scale_is_the_loudest_and_silence_the_least():
    rows = np.zeros((2, FRAME), dtype=np.int16)
    rows[0, ::2], rows[0, 1::2] = 32767, -32768
    assert list(dbov(rows)) == [0, SILENT]
