"""8 kHz and 16 kHz: what fits both passes, what does not is stopped."""

import numpy as np
import pytest

from sfu.media.mix import RATE_HZ
from sfu.media.mix.resample import Doubler, Halver
from tests.media.mix.sounds import strength, tone


@pytest.mark.parametrize("hz", [100, 1000, 3000, 3500])
def test_speech_passes_down_and_up_again(hz):
    halve, double = Halver(), Doubler()
    sound = [double(halve(tone(hz, 320, 320 * frame))) for frame in range(20)]
    assert strength(np.concatenate(sound[2:]), hz) == pytest.approx(8000, rel=0.03)


def test_what_8_khz_cannot_carry_does_not_come_back_as_something_else():
    halve = Halver()
    narrow = np.concatenate([halve(tone(5000, 320, 320 * frame)) for frame in range(20)][2:])
    assert strength(narrow, 3000, RATE_HZ // 2) < 20


def test_doubling_makes_no_mirror_image():
    double = Doubler()
    wide = np.concatenate([double(tone(6000, 160, 160 * frame)) for frame in range(20)][2:])
    assert strength(wide, 3000) == pytest.approx(8000, rel=0.03)  # 6 kHz of 16 is 3 kHz of 8
    assert strength(wide, 5000) < 20


@pytest.mark.parametrize("make", [Doubler, Halver])
def test_frames_join_without_a_seam(make):
    whole, parts = make(), make()
    sound = tone(700, 1280)
    pieces = [parts(piece) for piece in np.split(sound, [160, 200, 900])]
    assert (whole(sound) == np.concatenate(pieces)).all()
