"""The RTP packet (RFC 3550 section 5.1).

::

     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    |                           timestamp                           |
    |                             SSRC                              |
    |                         CSRC  x CC                            |
    | X: extension profile          | words |  elements             |
    | payload                                 P: padding | count    |
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.errors import PeerError
from sfu.media.rtp import extension
from sfu.model import Ssrc

VERSION = 2
FIXED = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet; `extensions` maps RFC 8285 ids to their bytes."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: Ssrc
    payload: bytes = b""
    marker: bool = False
    csrcs: tuple[Ssrc, ...] = ()
    extensions: Mapping[int, bytes] = field(default_factory=dict)
    padding: int = 0
    """Bytes behind the payload, the count among them."""


def parse(data: bytes) -> RtpPacket:
    """Read a packet in the clear; PeerError for anything that is none."""
    if len(data) < FIXED.size or data[0] >> 6 != VERSION:
        raise PeerError("not an RTP packet")
    first, second, sequence, timestamp, ssrc = FIXED.unpack_from(data)
    at = FIXED.size
    csrcs, at = _parse_csrcs(data, at, first & 15)
    elements: dict[int, bytes] = {}
    if first & 0x10:
        elements, at = _parse_extension(data, at)
    padding = _padding(data, at) if first & 0x20 else 0
    return RtpPacket(
        second & 0x7F,
        sequence,
        timestamp,
        Ssrc(ssrc),
        data[at : len(data) - padding],
        bool(second & 0x80),
        csrcs,
        elements,
        padding,
    )


def _parse_csrcs(data: bytes, at: int, count: int) -> tuple[tuple[Ssrc, ...], int]:
    if at + 4 * count > len(data):
        raise PeerError("RTP packet ends within its CSRCs")
    csrcs = struct.unpack_from(f"!{count}I", data, at)
    return tuple(Ssrc(csrc) for csrc in csrcs), at + 4 * count


def _parse_extension(data: bytes, at: int) -> tuple[dict[int, bytes], int]:
    if at + 4 > len(data):
        raise PeerError("RTP packet ends within its extension")
    profile, words = struct.unpack_from("!HH", data, at)
    end = at + 4 + 4 * words
    if end > len(data):
        raise PeerError("RTP packet ends within its extension")
    return extension.parse(profile, data[at + 4 : end]), end


def _padding(data: bytes, at: int) -> int:
    padding = data[-1]
    if padding == 0 or at + padding > len(data):
        raise PeerError("RTP padding is longer than the packet")
    return padding


def compose(packet: RtpPacket) -> bytes:
    """Write a packet; what the header says is made to agree with what it holds."""
    first = VERSION << 6 | bool(packet.padding) << 5 | bool(packet.extensions) << 4
    second = packet.marker << 7 | packet.payload_type
    return b"".join(
        (
            FIXED.pack(
                first | len(packet.csrcs), second, packet.sequence, packet.timestamp, packet.ssrc
            ),
            struct.pack(f"!{len(packet.csrcs)}I", *packet.csrcs),
            extension.compose(packet.extensions) if packet.extensions else b"",
            packet.payload,
            bytes(packet.padding - 1) + bytes([packet.padding]) if packet.padding else b"",
        )
    )
