"""A peer of the reference engine, as far as its packets are written differently."""

from dataclasses import dataclass, field

from sfu.media.engine.command import OpenTransport
from sfu.media.engine.early import Early
from sfu.media.engine.line import LineState
from sfu.model import Ssrc


@dataclass(slots=True)
class TransportState:
    """A peer as far as its packets are written differently."""

    asked: OpenTransport
    line: LineState | None = None
    early: Early = field(default_factory=Early)
    wide_sequence: int = 0
    spent: dict[int, int] = field(default_factory=dict)
    """SSRC to the sequence number it goes on with, as long as the keys live."""

    def first_sequence(self, seed: int, ssrc: Ssrc) -> int:
        """RFC 3711 section 3.3.1: below 2**15, or where the SSRC was left with these keys."""
        dice = self._mix64(seed ^ (self.asked.transport << 32 | ssrc))
        return self.spent.get(ssrc, dice & 0x7FFF)

    @staticmethod
    def _mix64(value: int) -> int:
        """splitmix64: the dice that both forwarders throw."""
        mask = (1 << 64) - 1
        value = (value + 0x9E3779B97F4A7C15) & mask
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & mask
        value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
        return value ^ value >> 31
