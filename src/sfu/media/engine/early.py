"""Packets of a picture that come before their source is set; the twin of `native/early.c`.

A page's layers say their SSRC by their first packet alone, and that one begins their first key
frame: it is kept until the source is set under that SSRC, and then goes its way as if it came now.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from sfu.media.engine.past import FRESH_US
from sfu.media.rtp.packet import RtpPacket

EARLY_MAX = 32
"""Packets of one transport: what comes in some 50 ms at 8 Mbit/s."""


@dataclass(slots=True)
class Early:
    """What came too early on one transport, oldest first."""

    _kept: deque[tuple[RtpPacket, int]] = field(default_factory=deque)

    def keep(self, packet: RtpPacket, now_us: int) -> None:
        """Keep a packet, as long as there is room; what is stale makes some."""
        while self._kept and now_us - self._kept[0][1] > FRESH_US:
            self._kept.popleft()
        if len(self._kept) < EARLY_MAX:
            self._kept.append((packet, now_us))

    def take(self, now_us: int) -> Iterator[tuple[RtpPacket, int]]:
        """Yield all that is fresh, and when it came; who cannot use one yet keeps it again."""
        kept, self._kept = self._kept, deque()
        for packet, at_us in kept:
            if now_us - at_us <= FRESH_US:
                yield packet, at_us

    def put_back(self, packet: RtpPacket, at_us: int) -> None:
        """Keep what was taken for longer."""
        self._kept.append((packet, at_us))
