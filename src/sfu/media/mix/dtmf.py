"""Keys pressed as tones in the sound itself (ITU-T Q.23, judged after Q.24).

A key is two sines, one of four low and one of four high frequencies::

            1209  1336  1477  1633 Hz
      697    1     2     3     A
      770    4     5     6     B
      852    7     8     9     C
      941    *     0     #     D

Each 10 ms the last 25 ms are looked at: how much of their energy stands at each frequency
(Goertzel's sums, here as one product of a matrix).  A key is down where one low and one high tone
hold nearly all of it: speech, music and a tone that is off by more than 2.5 % spread theirs.
"""

from typing import Final

import numpy as np

from sfu.media.mix import RATE_HZ, Samples

LOW_HZ: Final = (697, 770, 852, 941)
HIGH_HZ: Final = (1209, 1336, 1477, 1633)
KEYS: Final = ("123A", "456B", "789C", "*0#D")
BLOCK: Final = RATE_HZ // 40
"""25 ms: neighbouring tones, 73 Hz apart, are told from each other, and 40 ms hold two looks."""
HOP: Final = RATE_HZ // 100
SHARE: Final = 0.75
"""Of the energy; less, and something else sounds too, or the tone does not fill the block."""
LEAST: Final = 10 ** (-45 / 20) * 32_768
"""RMS of -45 dBov: senders use -8 to -25 dBm0."""
TWIST_DB: Final = 10.0
"""What one tone may be louder than the other: Q.24 wants 4 to 8, and filters add theirs."""
DOWN: Final = 2
"""Looks in a row that make a key: 35 ms."""
UP: Final = 5
"""Looks in a row without it that let it go: a lost packet, 20 ms, costs 4, a pause of 40 ms 5."""
_OFF: Final = (0.0, -0.013, 0.013)
"""Where a tone is looked for: Q.24 takes what is off by 1.5 %."""


def _waves() -> np.ndarray[tuple[int, int], np.dtype[np.complex64]]:
    """Return (24, BLOCK): eight tones, each as it should be and a little off both ways."""
    hz = np.array([tone * (1 + off) for tone in (*LOW_HZ, *HIGH_HZ) for off in _OFF])
    time = np.arange(BLOCK) / RATE_HZ
    return np.exp(-2j * np.pi * hz[:, None] * time).astype(np.complex64)


_WAVES: Final = _waves()


def look(block: Samples) -> str | None:
    """Return the key that sounds all through a block of `BLOCK` samples, None for none."""
    wave = block.astype(np.float32)
    energy = float(wave @ wave)
    if energy < LEAST * LEAST * BLOCK:
        return None
    sums = _WAVES @ wave
    # a sine that fills the block gives 1
    shares = (np.abs(sums) ** 2).reshape(8, len(_OFF)).max(axis=1) * (2 / (BLOCK * energy))
    low, high = int(shares[:4].argmax()), int(shares[4:].argmax())
    softer, louder = sorted((float(shares[low]), float(shares[4 + high])))
    if softer + louder < SHARE or louder > softer * 10 ** (TWIST_DB / 10):
        return None
    return KEYS[low][high]


class ToneKeys:
    """Finds the keys in one stream of sound."""

    def __init__(self) -> None:
        """Start with no key down."""
        self._rest: Samples = np.zeros(0, dtype=np.int16)
        self._down: str | None = None
        self._seen: str | None = None
        self._hits = 0
        self._misses = 0

    @property
    def sounding(self) -> bool:
        """Whether a key is down, or about to be: what is heard now is for nobody else."""
        return self._down is not None or self._hits > 0

    def feed(self, samples: Samples) -> str:
        """Take more sound; return the keys that went down in it."""
        sound = np.concatenate([self._rest, samples])
        keys = ""
        while len(sound) >= BLOCK:
            keys += self._judge(look(sound[:BLOCK]))
            sound = sound[HOP:]
        self._rest = sound
        return keys

    def _judge(self, key: str | None) -> str:
        if key is None or key != self._seen:
            self._hits = 0
        self._seen = key
        self._hits += key is not None
        if key is not None and key == self._down:
            self._misses = 0
            return ""
        self._misses += 1
        if self._down is not None and self._misses >= UP:
            self._down = None
        if key is None or self._hits < DOWN:
            return ""
        self._down, self._misses = key, 0
        return key
