"""The call to ourselves: its tone survives the way, and how it went is judged."""

import numpy as np
import pytest

from sfu.app.doctor.finding import Level
from sfu.app.doctor.loop import Loop, _has_tone, _linear, _packet, _ulaw, judge
from sfu.config import MediaEncryption, Settings, Sip


def test_our_mu_law_is_g711s():
    samples = np.array([0.0, 132.0, -132.0, 1000.0, -1000.0, 32000.0, -32000.0])
    assert _ulaw(np.array([0.0, 32635.0, -32635.0])) == bytes([0xFF, 0x80, 0x00])
    heard = _linear(_ulaw(samples))
    assert np.allclose(heard, samples, atol=600, rtol=0.05)


def test_the_tone_is_known_again_and_noise_is_not():
    sent = b"".join(_packet(number)[12:] for number in range(50))
    assert _has_tone(sent)
    noise = np.random.default_rng(1).normal(0, 3000, len(sent))
    assert not _has_tone(_ulaw(noise))
    assert not _has_tone(_ulaw(np.zeros(len(sent))))
    assert _has_tone(_ulaw(_linear(sent) + noise / 2))  # a voice speaks over it
    assert not _has_tone(sent[:100])


@pytest.mark.parametrize(
    ("result", "level"),
    [
        (Loop(True, "", 150, 149, True), Level.OK),
        (Loop(True, "", 150, 149, False), Level.WRONG),
        (Loop(True, "", 150, 20, True), Level.WRONG),
        (Loop(False, "404 Not Found"), Level.WRONG),
    ],
)
def test_how_it_went_is_judged(result, level):
    assert judge(result, Settings()).level is level


def test_a_refusal_in_clear_may_be_meant_so():
    secure = Settings(sip=Sip(media_encryption=MediaEncryption.REQUIRED))
    assert judge(Loop(False, "488"), secure).level is Level.NOTE
