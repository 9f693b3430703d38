"""8 kHz to 16 kHz and back by one half-band filter, kept running over frames.

Half of a half-band filter's taps are zero and its middle one is a half: doubling keeps every
sample as it is and reckons only the ones between.  63 taps: flat to 3.6 kHz, 60 dB down from
4.4 kHz; each way costs 16 samples of 8 kHz, 2 ms.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from sfu.media.mix import Samples

_HALF: Final = 16
"""Taps on each side of the middle that are not zero."""


def _between() -> npt.NDArray[np.float32]:
    """Return the taps that reckon the value half way between two samples; their sum is one."""
    place = np.arange(-_HALF, _HALF) + 0.5
    taps = np.sinc(place) * np.kaiser(2 * _HALF, 6.0)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


_BETWEEN: Final = _between()


def _whole(wave: npt.NDArray[np.float32]) -> Samples:
    """Round in place; a filter may overshoot by a little."""
    np.rint(wave, out=wave)
    np.maximum(wave, -32768, out=wave)
    np.minimum(wave, 32767, out=wave)
    return wave.astype(np.int16)


class Doubler:
    """8 kHz in, twice as many samples at 16 kHz out."""

    def __init__(self) -> None:
        """Start after silence."""
        self._past = np.zeros(2 * _HALF - 1, dtype=np.float32)

    def __call__(self, samples: Samples) -> Samples:
        """Return the next samples; any number goes in."""
        line = np.concatenate([self._past, samples.astype(np.float32)])
        out = np.empty(2 * len(samples), dtype=np.float32)
        # a window of 32 samples tells the value between its 16th and its 17th
        out[0::2] = line[_HALF - 1 : _HALF - 1 + len(samples)]
        out[1::2] = np.convolve(line, _BETWEEN, "valid")
        self._past = line[len(samples) :]
        return _whole(out)


class Halver:
    """16 kHz in, half as many samples at 8 kHz out."""

    def __init__(self) -> None:
        """Start after silence."""
        self._even = np.zeros(_HALF - 1, dtype=np.float32)
        self._odd = np.zeros(2 * _HALF - 1, dtype=np.float32)

    def __call__(self, samples: Samples) -> Samples:
        """Return the next samples; an even number goes in."""
        wave = samples.astype(np.float32)
        even = np.concatenate([self._even, wave[0::2]])
        odd = np.concatenate([self._odd, wave[1::2]])
        count = len(samples) // 2
        out = np.convolve(odd, _BETWEEN, "valid").astype(np.float32)
        out += even[:count]
        out *= 0.5
        self._even, self._odd = even[count:], odd[count:]
        return _whole(out)
