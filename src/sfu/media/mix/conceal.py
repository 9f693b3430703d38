r"""Hiding a lost frame: the last pitch period again, fading out (the idea of G.711 appendix I).

::

    heard   ~~~~~~~~~~~~~~~~~~~~|        lost         |~~~~~~~~~~~~~~
                         [ period ][ period ][ peri   \/  crossfade, 4 ms
    level   1 ................. 1 -------- falls ----- 0 after 60 ms

A vowel goes on, a pause stays a pause; what lasts longer than 60 ms is a break and sounds so.
"""

from typing import Final

import numpy as np

from sfu.media.mix import RATE_HZ, Samples

_SHORTEST: Final = RATE_HZ // 400
_LONGEST: Final = RATE_HZ // 66
"""Pitch of voices: 66 to 400 Hz."""
_WINDOW: Final = RATE_HZ // 50
_PAST: Final = _WINDOW + _LONGEST
_FADE: Final = RATE_HZ * 6 // 100
_CROSS: Final = RATE_HZ // 250


class Concealer:
    """One stream's memory of 35 ms; every frame that is heard passes through it."""

    def __init__(self) -> None:
        """Start after silence."""
        self._past = np.zeros(_PAST, dtype=np.int16)
        self._period: Samples | None = None
        self._made = 0
        """Samples made up since the last real one."""

    def heard(self, samples: Samples) -> Samples:
        """Return real samples, joined smoothly to what was made up before them."""
        if self._made:
            count = min(_CROSS, len(samples))
            rise = np.arange(1, count + 1) / (count + 1)
            tail = self._more(count)
            samples = samples.copy()
            samples[:count] = np.rint(samples[:count] * rise + tail * (1 - rise))
            self._made, self._period = 0, None
        self._past = np.concatenate([self._past, samples])[-_PAST:]
        return samples

    def lost(self, count: int) -> Samples:
        """Make up `count` samples."""
        made = self._more(count)
        self._past = np.concatenate([self._past, made])[-_PAST:]
        return made

    def _more(self, count: int) -> Samples:
        if self._made >= _FADE:
            self._made += count
            return np.zeros(count, dtype=np.int16)
        if self._period is None:
            self._period = self._past[-_pitch(self._past) :]
        place = self._made + np.arange(count)
        gain = np.clip(1.0 - place / _FADE, 0.0, 1.0)
        self._made += count
        return np.rint(self._period[place % len(self._period)] * gain).astype(np.int16)


def _pitch(past: Samples) -> int:
    """Return the period, in samples, after which the last 20 ms look most like themselves."""
    line = past.astype(np.float32)
    recent = line[-_WINDOW:]
    match = np.correlate(line[:-_SHORTEST], recent, "valid")[::-1]
    squares = np.concatenate([[0.0], np.cumsum(line**2)])
    energy = (squares[_WINDOW:] - squares[:-_WINDOW])[: len(match)][::-1]
    return _SHORTEST + int(np.argmax(match / np.sqrt(energy + 1e3)))
