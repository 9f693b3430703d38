"""What a room hears from the server itself: short beeps, made once, 16 kHz.

Two notes up say yes, two down say no; the PIN prompt is three alike.
"""

from functools import cache
from typing import Final

import numpy as np

from sfu.media.mix import RATE_HZ, Samples
from sfu.model import Tone

AMPLITUDE: Final = 3_277
"""-20 dBov: heard, never loud."""
_EDGE: Final = RATE_HZ // 200
"""5 ms in and out, so that nothing clicks."""


_NOTES: Final[dict[Tone, tuple[tuple[int, int], ...]]] = {
    Tone.PIN: ((880, 120), (0, 80), (880, 120), (0, 80), (880, 120)),
    Tone.PIN_WRONG: ((440, 200), (330, 400)),
    Tone.WELCOME: ((660, 120), (880, 180)),
    Tone.JOINED: ((880, 100),),
    Tone.LEFT: ((440, 100),),
    Tone.TEST: ((1000, 700),),
}
"""(Hz, ms); 0 Hz is a pause."""


@cache
def samples(tone: Tone) -> Samples:
    """Return a tone; the array is shared and cannot be written."""
    wave = np.concatenate([_note(hz, ms) for hz, ms in _NOTES[tone]])
    wave.flags.writeable = False
    return wave


def _note(hz: int, ms: int) -> Samples:
    count = RATE_HZ * ms // 1000
    time = np.arange(count)
    edge = np.minimum(1.0, np.minimum(time, time[::-1]) / _EDGE)
    wave = AMPLITUDE * edge * np.sin(2 * np.pi * hz * time / RATE_HZ)
    return np.asarray(np.rint(wave), dtype=np.int16)
