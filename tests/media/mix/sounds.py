"""Tones and how to find them again."""

import numpy as np

from sfu.media.mix import RATE_HZ, Samples


def tone(hz: float, samples: int, start: int = 0, amplitude: float = 8000.0) -> Samples:
    """Return a sine; `start` is its first sample's place in time."""
    place = np.arange(start, start + samples)
    return np.rint(amplitude * np.sin(2 * np.pi * hz * place / RATE_HZ)).astype(np.int16)


def strength(samples: Samples, hz: float, rate_hz: int = RATE_HZ) -> float:
    """Return the amplitude of one frequency in the samples."""
    place = np.arange(len(samples))
    window = np.hanning(len(samples))
    wave = np.exp(-2j * np.pi * hz * place / rate_hz)
    return float(2 * abs(np.sum(samples * window * wave)) / window.sum())
