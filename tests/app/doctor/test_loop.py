"""The call to ourselves: its tone survives the way, and how it went is judged."""

import numpy as np
import pytest

from sfu.app.doctor.finding import Level
from sfu.app.doctor.loop import Loop, _has_tone, _packet, judge
from sfu.config import MediaEncryption, Settings, Sip
from sfu.media.mix.g711 import MULAW_DECODE, MULAW_ENCODE, decode, encode


def coded(samples):
    return encode(MULAW_ENCODE, samples.astype(np.int16))


def test_the_tone_is_known_again_and_noise_is_not():
    sent = b"".join(_packet(number)[12:] for number in range(50))
    assert _has_tone(sent)
    noise = np.random.default_rng(1).normal(0, 3000, len(sent))
    assert not _has_tone(coded(noise))
    assert not _has_tone(coded(np.zeros(len(sent))))
    assert _has_tone(coded(decode(MULAW_DECODE, sent) + noise / 2))  # a voice speaks over it
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
