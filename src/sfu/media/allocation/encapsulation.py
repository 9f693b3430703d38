"""What an IP packet costs on an access line: cells and headers included (docs/line.md).

::

    plain  L = n + c                 Ethernet, or a rate sold and shaped as IP
    efm    L = (n + c) * 65 / 64     64/65-octet coding of IEEE 802.3 clause 61
    atm    L = 53 * ceil((n + c) / 48)                      AAL5 cells (RFC 2684)
"""

from dataclasses import dataclass
from typing import assert_never

from sfu.model import Framing

CELL_BYTES, CELL_PAYLOAD_BYTES = 53, 48
IPV4_UDP_BYTES, IPV6_UDP_BYTES = 28, 48


@dataclass(frozen=True, slots=True)
class Encapsulation:
    """How a line wraps what it carries; `overhead_bytes` is added to each IP packet."""

    framing: Framing
    overhead_bytes: int

    def line_bytes(self, ip_bytes: int) -> int:
        """Return what a packet of so many bytes of IP takes on the line, rounded up."""
        size = ip_bytes + self.overhead_bytes
        match self.framing:
            case Framing.PLAIN:
                return size
            case Framing.EFM:
                return -(-size * 65 // 64)
            case Framing.ATM:
                return CELL_BYTES * -(-size // CELL_PAYLOAD_BYTES)
            case _:
                assert_never(self.framing)

    def line_bps(self, ip_bytes: int, packets_per_s: float) -> int:
        """Return the line rate of a stream of equal packets."""
        return round(8 * self.line_bytes(ip_bytes) * packets_per_s)

    def best_ip_bytes(self, most: int) -> int:
        """Return the largest packet, at most so long, that leaves no cell half empty."""
        if self.framing is not Framing.ATM:
            return most
        cells = (most + self.overhead_bytes) // CELL_PAYLOAD_BYTES
        return max(cells * CELL_PAYLOAD_BYTES - self.overhead_bytes, 0)


def ip_bytes(datagram_bytes: int, *, ipv6: bool) -> int:
    """Return the bytes of the IP packet that carries a UDP payload."""
    return datagram_bytes + (IPV6_UDP_BYTES if ipv6 else IPV4_UDP_BYTES)
