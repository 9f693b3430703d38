"""A look into H.261 payloads (RFC 4587), never decoding.

::

    | SBIT EBIT I V | GOBN MBAP QUANT HMVD VMVD |    4 bytes of header
    picture | 0000 0000 0000 0001 0000 | TR 5 | split, camera, freeze release, format, .. |

H.261 has no intra pictures by name.  Every macroblock is sent anew within 132 pictures, and a
picture that answers a wish releases the freeze (H.261 4.2.1.3), or the whole stream is intra (I):
a receiver may begin at any picture, and only those two end a wish.
"""

from dataclasses import dataclass

from sfu.media.payload.bits import Bits

START = 0x10
"""Picture start code, 20 bits."""
START_BITS = 20


@dataclass(frozen=True, slots=True)
class Look:
    """What forwarding has to know."""

    picture: bool = False
    """A picture begins here."""
    keyframe: bool = False
    """It stands alone, or answers a wish."""


def look(payload: bytes) -> Look:
    """Look at the header and at the picture's, where one begins."""
    if not payload:
        return Look()
    bits, start = Bits(payload), 32 + (payload[0] >> 5)
    if bits.at(start, START_BITS) != START:
        return Look()
    released = bits.at(start + START_BITS + 5 + 2, 1) == 1
    return Look(picture=True, keyframe=released or bool(payload[0] & 2))
