"""Temporary limits of a media stream: TMMBR and its answer TMMBN (RFC 5104 section 4.2).

::

    | SSRC | exponent 6 | mantissa 17 | measured overhead 9 |

In a request the SSRC is the stream that shall obey, in a notification who asked for the limit.
"""

import struct
from dataclasses import dataclass

from sfu.media.rtp.rtcp.feedback import compose_ends, parse_ends
from sfu.model import Ssrc


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `bps`, counting `overhead` bytes of headers with each packet."""

    ssrc: Ssrc
    bps: int
    overhead: int = 40


@dataclass(frozen=True, slots=True)
class Tmmbr:
    """A wish for lower rates."""

    sender: Ssrc
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Tmmbn:
    """The limits in force."""

    sender: Ssrc
    limits: tuple[Limit, ...]


def parse_limits(body: bytes) -> tuple[Ssrc, tuple[Limit, ...]]:
    """Read who speaks and the entries."""
    sender, _, data = parse_ends(body)
    return sender, tuple(_parse_limit(data[at : at + 8]) for at in range(0, len(data) - 7, 8))


def _parse_limit(entry: bytes) -> Limit:
    ssrc, rate = struct.unpack("!II", entry)
    return Limit(Ssrc(ssrc), (rate >> 9 & 0x1FFFF) << (rate >> 26), rate & 0x1FF)


def compose_limits(sender: Ssrc, limits: tuple[Limit, ...]) -> bytes:
    """Write them, rates rounded down to 17 significant bits."""
    return compose_ends(sender, Ssrc(0)) + b"".join(_compose_limit(limit) for limit in limits)


def _compose_limit(limit: Limit) -> bytes:
    exponent = max(0, limit.bps.bit_length() - 17)
    rate = exponent << 26 | limit.bps >> exponent << 9 | limit.overhead
    return struct.pack("!II", limit.ssrc, rate)
