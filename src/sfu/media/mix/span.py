"""How long a payload sounds, without decoding it.

G.711 and G.722 have one octet per RTP tick (RFC 3551 section 4.5).  Opus tells in its first
octets (RFC 6716 section 3.1)::

    TOC   config (5 bits) | stereo | c (2 bits)      c: 0 one frame, 1 and 2 two, 3 counted next
"""

from typing import Final

from sfu.errors import PeerError
from sfu.model import Codec

MAX_S: Final = 0.12
"""RFC 6716: a packet holds at most 120 ms; nobody sends more of the others."""

_SILK_TICKS: Final = (480, 960, 1920, 2880)
_HYBRID_TICKS: Final = (480, 960)
_CELT_TICKS: Final = (120, 240, 480, 960)


def ticks(codec: Codec, payload: bytes) -> int:
    """Return the length in the codec's RTP clock; `PeerError` for nothing and for too much."""
    count = _opus(payload) if codec is Codec.OPUS else len(payload)
    if not 0 < count <= MAX_S * codec.clock_hz:
        raise PeerError("audio payload without length, or of more than 120 ms")
    return count


def _opus(payload: bytes) -> int:
    if not payload:
        return 0
    config = payload[0] >> 3
    if config < 12:
        frame = _SILK_TICKS[config & 3]
    elif config < 16:
        frame = _HYBRID_TICKS[config & 1]
    else:
        frame = _CELT_TICKS[config & 3]
    match payload[0] & 3:
        case 0:
            return frame
        case 3:
            return frame * (payload[1] & 63) if len(payload) > 1 else 0
        case _:
            return 2 * frame
