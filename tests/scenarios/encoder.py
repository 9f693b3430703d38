"""An encoder: frames whose sizes follow a rate with a lag, key frames several times as large."""

import math
import random
from dataclasses import dataclass, field

LAG_S = 0.3
"""How fast a rate control follows its target."""
NOISE = 0.15
"""Spread of the sizes of frames."""
DEBT_S = 1.0
"""In so long a key frame is saved from the frames behind it."""
LEAST_SHARE = 0.5
"""The smallest frames that saving makes."""


@dataclass
class Encoder:
    """One encoding of one camera; rates in bit/s of payload."""

    dice: random.Random
    fps: float
    target_bps: float
    key_factor: float = 8.0
    """A key frame is so many times a delta frame..."""
    key_bytes: int = 0
    """...or just so large."""
    rate_bps: float = field(default=0.0, init=False)
    frames: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.rate_bps = self.target_bps
        self._debt_bytes = 0.0
        self._keep = 1 - math.exp(-1 / (self.fps * LAG_S))

    def start(self, target_bps: float) -> None:
        """Begin anew after a pause: no lag."""
        self.target_bps = self.rate_bps = target_bps
        self._debt_bytes = 0.0

    def encode(self, key: bool) -> int:
        """Return the bytes of the next frame."""
        self.frames += 1
        self.rate_bps += (self.target_bps - self.rate_bps) * self._keep
        usual = self.rate_bps / self.fps / 8
        size = usual * math.exp(self.dice.gauss(0, NOISE))
        if key:
            size = self.key_bytes or size * self.key_factor
            self._debt_bytes = size - usual
        elif self._debt_bytes > 0:
            saved = min(usual * (1 - LEAST_SHARE), self._debt_bytes / (self.fps * DEBT_S) * 2)
            self._debt_bytes -= saved
            size = max(size - saved, usual * LEAST_SHARE * 0.5)
        return max(int(size), 60)
