"""Packets sent, kept to be sent again: as they left, or with RTX so that they can be written anew.

The slot of a packet is its sequence number modulo the size, as in `native/history.c`.
"""

from dataclasses import dataclass

from sfu.media.rtp.packet import RtpPacket

HISTORY_MAX = 2048
SHARED_MAX = 512
"""Packets a sink can name in what its source holds for all (`native/past.c`)."""
HISTORY_BYTES = 1600
"""The largest datagram kept."""
RESEND_US = 10_000
"""The same packet is not asked for by the same peer any sooner."""


@dataclass(slots=True)
class Kept:
    """One packet as it was sent, before protection."""

    packet: RtpPacket
    datagram: bytes
    resent_us: int = 0


class History:
    """The last packets of one sink."""

    def __init__(self, wanted: int = 0) -> None:
        """Make room for `wanted` packets, rounded up to a power of two."""
        self.size = 0
        self._slots: list[Kept | None] = []
        self.resize(wanted)

    def resize(self, wanted: int) -> None:
        """Change the room; what was kept is forgotten when it changes."""
        size = min(1 << (wanted - 1).bit_length(), HISTORY_MAX) if wanted else 0
        if size != self.size:
            self.size = size
            self._slots = [None] * size

    def forget(self) -> None:
        """Forget all that was kept."""
        self._slots = [None] * self.size

    def put(self, packet: RtpPacket, datagram: bytes) -> None:
        """Keep a packet."""
        if self.size:
            self._slots[packet.sequence % self.size] = Kept(packet, datagram)

    def find(self, sequence: int) -> Kept | None:
        """Give what was sent under this number; None when it is gone."""
        kept = self._slots[sequence % self.size] if self.size else None
        return kept if kept is not None and kept.packet.sequence == sequence else None

    def take(self, sequence: int, now_us: int) -> Kept | None:
        """Give a packet; None when it is gone or was sent again a moment ago."""
        kept = self.find(sequence)
        if kept is None:
            return None
        if kept.resent_us and now_us - kept.resent_us < RESEND_US:
            return None
        kept.resent_us = now_us
        return kept
