"""What a picture costs on a line: payload in, line bits out, and back.

A frame of `f` bytes goes in packets of at most `packet_bytes`; each has headers and, on average,
leaves half a cell empty::

    packets a second   max(fps, rate / 8 / packet_bytes + fps / 2)
    line bits          wrap x (rate + 8 x packets x (headers + overhead + half a cell))

So it is the larger of two straight lines, and each is easily turned round.
"""

from dataclasses import dataclass
from functools import lru_cache

from sfu.media.allocation.encapsulation import CELL_BYTES, CELL_PAYLOAD_BYTES, Encapsulation
from sfu.model import Framing

PACKET_BYTES = 1150
"""Payload of a full packet of a picture."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Line bits of a picture as a function of its payload, both bit/s."""

    thin_slope: float
    thin_base: float
    """Where each frame fits a packet."""
    slope: float
    base: float

    def bps(self, payload_bps: float) -> float:
        """Return what a rate of payload takes; nothing takes nothing."""
        if payload_bps <= 0:
            return 0.0
        thin = self.thin_slope * payload_bps + self.thin_base
        return max(thin, self.slope * payload_bps + self.base)

    def payload_bps(self, bps: float) -> float:
        """Return the payload that fits, 0 where not even the headers do."""
        thin = (bps - self.thin_base) / self.thin_slope
        return max(min(thin, (bps - self.base) / self.slope), 0.0)


@lru_cache(maxsize=1024)
def cost(
    encapsulation: Encapsulation,
    headers_bytes: int,
    fps: float,
    packet_bytes: float = PACKET_BYTES,
) -> Cost:
    """Reckon the cost of a stream of so many frames a second behind such headers."""
    wrap, empty = 1.0, 0.0
    if encapsulation.framing is Framing.ATM:
        wrap = CELL_BYTES / CELL_PAYLOAD_BYTES
        empty = (CELL_PAYLOAD_BYTES - 1) / 2
    elif encapsulation.framing is Framing.EFM:
        wrap = 65 / 64
    each = headers_bytes + encapsulation.overhead_bytes + empty
    return Cost(
        thin_slope=wrap,
        thin_base=wrap * 8 * each * fps,
        slope=wrap * (1 + each / packet_bytes),
        base=wrap * 4 * each * fps,
    )
