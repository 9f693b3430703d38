"""A tone that says who sent it, and the hearing of several at once."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Schedule = Callable[[float], bool]
"""Whether its owner speaks at this time, in seconds from its first frame."""

RATE_HZ: Final = 48_000
FRAME: Final = RATE_HZ // 50
AMPLITUDE: Final = 6_000
FLOOR: Final = 300.0
"""A tone of less amplitude is not counted as heard."""
_EDGE: Final = RATE_HZ // 200


def always(at_s: float) -> bool:
    """Speak without end."""
    return True


def never(at_s: float) -> bool:
    """Listen only."""
    return False


def in_turn(index: int, count: int, turn_s: float = 6.0) -> Schedule:
    """Speak as one of `count`, `turn_s` each, with a breath in between."""

    def speaks(at_s: float) -> bool:
        return int(at_s / turn_s) % count == index and at_s % turn_s < turn_s - 0.6

    return speaks


class Voice:
    """Makes one sender's sound, 20 ms at a time: its tone in syllables, or silence."""

    def __init__(self, hz: float, schedule: Schedule) -> None:
        """Start at time zero."""
        self._hz, self._schedule = hz, schedule
        self._frame = 0

    def next(self) -> Samples:
        """Return the next 960 samples."""
        start, self._frame = self._frame * FRAME, self._frame + 1
        if not self._schedule(start / RATE_HZ):
            return np.zeros(FRAME, dtype=np.int16)
        time = np.arange(start, start + FRAME) / RATE_HZ
        syllable = 0.8 + 0.2 * np.sin(2 * np.pi * 4 * time)
        wave = AMPLITUDE * syllable * np.sin(2 * np.pi * self._hz * time)
        return np.asarray(np.rint(wave), dtype=np.int16)


class Ear:
    """Keeps the last half second of one received sound."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.frames = 0
        self.at = 0.0
        """When the last frame came, in the listener's clock."""
        self._rate_hz = RATE_HZ
        self._kept: Samples = np.zeros(0, dtype=np.int16)

    def hear(self, samples: Samples, rate_hz: int, at: float = 0.0) -> None:
        """Take decoded mono samples."""
        self.frames, self.at = self.frames + 1, at
        if rate_hz != self._rate_hz:
            self._rate_hz, self._kept = rate_hz, np.zeros(0, dtype=np.int16)
        self._kept = np.concatenate([self._kept, samples])[-rate_hz // 2 :]

    def strength(self, hz: float) -> float:
        """Return the amplitude of a tone near `hz` in what is kept."""
        spectrum, step = self._spectrum()
        middle, width = round(hz / step), max(2, round(12 / step))
        return float(spectrum[max(0, middle - width) : middle + width + 1].max(initial=0.0))

    def hears(self, hz: float) -> bool:
        """Tell whether the tone is there."""
        return self.strength(hz) > FLOOR

    def dominant(self) -> float | None:
        """Return the frequency of the strongest tone, None in silence."""
        spectrum, step = self._spectrum()
        if not len(spectrum) or spectrum.max() < FLOOR:
            return None
        return float(np.argmax(spectrum) * step)

    def _spectrum(self) -> tuple[npt.NDArray[np.float64], float]:
        """Return amplitudes and the Hz from one to the next."""
        if len(self._kept) < self._rate_hz // 10:
            return np.zeros(0), 1.0
        window = np.hanning(len(self._kept))
        size = np.abs(np.fft.rfft(self._kept * window)) * 2 / window.sum()
        return size, self._rate_hz / len(self._kept)
