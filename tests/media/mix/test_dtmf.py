"""Keys in the sound: every key at every level a line may leave of it, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sfu.media.mix import RATE_HZ, Samples, g711
from sfu.media.mix.dtmf import BLOCK, HIGH_HZ, KEYS, LOW_HZ, ToneKeys
from sfu.media.mix.resample import Doubler, Halver
from sfu.model import Codec
from sfu.worker import prompt
from sfu.worker.codec import decoder, encoder

ALL = "".join(KEYS)
keys = st.sampled_from(ALL)
levels = st.floats(-30, -6)
"""dBov of one tone; Q.24 wants 0 to -25 dBm0, and 0 dBm0 is -6 dBov."""


def sine(hz: float, dbov: float, ms: float, phase: float = 0.0) -> NDArray[np.float64]:
    time = np.arange(round(RATE_HZ * ms / 1000)) / RATE_HZ
    wave = 32768 * 10 ** (dbov / 20) * np.sin(2 * np.pi * hz * time + phase)
    return np.asarray(wave, dtype=np.float64)


def key(name: str, ms: float = 60, low_dbov=-14.0, high_dbov=-12.0, off=0.0, phase=0.0) -> Samples:
    place = ALL.index(name)
    low = sine(LOW_HZ[place // 4] * (1 + off), low_dbov, ms, phase)
    high = sine(HIGH_HZ[place % 4] * (1 + off), high_dbov, ms, 2 * phase)
    return np.asarray(np.clip(low + high, -32768, 32767), dtype=np.int16)


def silence(ms: float) -> Samples:
    return np.zeros(round(RATE_HZ * ms / 1000), dtype=np.int16)


def found(*parts: Samples, cut: int = 320) -> str:
    sound = np.concatenate([*parts, silence(100)])
    tones = ToneKeys()
    return "".join(tones.feed(sound[at : at + cut]) for at in range(0, len(sound), cut))


def by(codec: Codec, sound: Samples) -> Samples:
    """Return what is left of a sound behind a codec."""
    if codec is Codec.PCMA:
        octets = g711.encode(g711.ALAW_ENCODE, Halver()(sound))
        return Doubler()(g711.decode(g711.ALAW_DECODE, octets))
    send, take = encoder(codec, 20, 5), decoder(codec)
    parts = [sound[at : at + 320] for at in range(0, len(sound) - 319, 320)]
    return np.concatenate([take.decode(send.encode(part)) for part in parts])


def test_all_keys_one_after_the_other():
    parts = [part for name in ALL for part in (key(name), silence(50))]
    assert found(silence(33), *parts) == ALL


@pytest.mark.parametrize("codec", [Codec.PCMA, Codec.G722, Codec.OPUS])
def test_all_keys_behind_a_codec(codec):
    parts = [part for name in ALL for part in (key(name, 80), silence(80))]
    assert found(by(codec, np.concatenate([silence(40), *parts, silence(80)]))) == ALL


@settings(max_examples=40)
@given(
    keys, levels, st.floats(-8, 8), st.floats(-0.015, 0.015), st.floats(45, 400),
    st.floats(0, 40), st.floats(0, 6.28), st.integers(1, 700),
)  # fmt: skip
def test_a_key_is_found_once_at_any_level_twist_and_place(
    name, level, twist, off, ms, before, phase, cut
):
    pressed = key(name, ms, level, min(-6.0, level + twist), off, phase)
    assert found(silence(before), pressed, cut=cut) == name


@settings(max_examples=20)
@given(keys, st.integers(0, 2**32 - 1), st.floats(15, 40))
def test_noise_that_is_softer_hides_no_key(name, seed, snr_db):
    pressed = key(name, 100).astype(float)
    rms = np.sqrt((pressed**2).mean()) * 10 ** (-snr_db / 20)
    noise = np.random.default_rng(seed).normal(0, rms, len(pressed))
    assert found((pressed + noise).astype(np.int16)) == name


@settings(max_examples=20)
@given(keys, keys, st.floats(50, 200))
def test_two_presses_with_a_pause_are_two_keys_even_of_the_same(first, second, pause):
    assert found(key(first), silence(pause), key(second)) == first + second


@settings(max_examples=20)
@given(keys, st.floats(5, 20))
def test_a_lost_packet_in_a_tone_makes_no_second_key(name, ms):
    assert found(key(name, 120), silence(ms), key(name, 120)) == name


@given(keys, st.floats(1, 20))
def test_a_click_is_no_key(name, ms):
    assert found(key(name, ms)) == ""


@settings(max_examples=20)
@given(st.floats(100, 4000), st.floats(100, 4000), levels)
def test_other_tones_are_no_keys(one, other, level):
    known = (*LOW_HZ, *HIGH_HZ)
    near = [min(abs(hz / tone - 1) for tone in known) < 0.035 for hz in (one, other)]
    sound = (sine(one, level, 200) + sine(other, level, 200)).astype(np.int16)
    if not all(near):
        assert found(sound) == ""
    assert found(sine(one, level, 200).astype(np.int16)) == ""


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(10, 8000))
def test_noise_is_no_key(seed, rms):
    noise = np.random.default_rng(seed).normal(0, rms, RATE_HZ)
    assert found(np.clip(noise, -32768, 32767).astype(np.int16)) == ""


@pytest.mark.parametrize("name", sorted(prompt.names()))
def test_speech_is_no_key_however_high_the_voice(name):
    speech = prompt.samples(name)
    for pitch in np.linspace(0.6, 1.7, 4):
        place = np.arange(0, len(speech) - 1, pitch).astype(int)
        assert found(speech[place]) == ""


def test_what_sounds_is_told_so_that_it_can_be_muted():
    tones = ToneKeys()
    heard = []
    for at in range(0, 3200, 320):
        tones.feed(np.concatenate([key("5", 100), silence(100)])[at : at + 320])
        heard.append(tones.sounding)
    assert heard[:2] != [True, True]  # it takes a block to know
    assert all(heard[2:5])
    assert not any(heard[-3:])


def test_less_than_a_block_is_kept_for_later():
    tones = ToneKeys()
    assert tones.feed(key("5")[: BLOCK - 1]) == ""
    assert not tones.sounding
