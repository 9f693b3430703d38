"""One budget for one direction of a line: sound and control first, pictures from the rest.

::

    C  the line's rate, or its estimate where that is lower
    U  = 0.95 C      what we ever send
    A  sound, reserved and never lent        K  reports, consent, signalling
    V  = U - A - K   what the pacer gives pictures; encoders are asked for at most 0.85 V
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sfu.media.allocation.encapsulation import Encapsulation

USE = 0.95
"""Of the rate: with all of it a pacer's queue never drains after a key frame."""
ASK = 0.85
"""Of the pictures' share: encoders overshoot what they are asked for."""
CONTROL_BPS = 25_000
CONTROL_BROWSER_BPS = 15_000
"""Transport-wide feedback and consent of one browser."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One voice on a line: packets of so many bytes of IP, so many times a second."""

    ip_bytes: int
    packets_per_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    """Shares of one direction of a line; all in bit/s on the line, headers and cells included."""

    capacity_bps: int
    sound_bps: int
    control_bps: int

    @property
    def usable_bps(self) -> int:
        """What we ever send."""
        return int(USE * self.capacity_bps)

    @property
    def picture_bps(self) -> int:
        """What is left for pictures; 0 where sound and control fill the line."""
        return max(self.usable_bps - self.sound_bps - self.control_bps, 0)

    @property
    def ask_bps(self) -> int:
        """What encoders behind it are asked for, all together."""
        return int(ASK * self.picture_bps)

    @property
    def carries_sound(self) -> bool:
        """Whether everybody's speech gets through."""
        return self.sound_bps + self.control_bps <= self.usable_bps


def budget(
    capacity_bps: int, encapsulation: Encapsulation, sounds: Iterable[Sound], browsers: int
) -> Budget:
    """Reckon the shares of one direction."""
    sound_bps = sum(encapsulation.line_bps(one.ip_bytes, one.packets_per_s) for one in sounds)
    return Budget(capacity_bps, sound_bps, CONTROL_BPS + CONTROL_BROWSER_BPS * browsers)
