"""A look into H.263 payloads (RFC 2190, RFC 4629), never decoding.

::

    RFC 2190   | F P SBIT EBIT | ...        4 bytes of header in mode A, 8 in B, 12 in C
    RFC 4629   | RR P V PLEN PEBIT | VRC? | PLEN bytes |     P: two zero bytes are left out
    picture    | 0000 0000 0000 0000 1000 00 | TR 8 | PTYPE 13, PLUSPTYPE |     H.263 5.1

What makes a key frame is the picture's own type; the I bit of RFC 2190 only repeats it.
"""

from sfu.media.payload.bits import Bits

START = 0x20
"""Picture start code, 22 bits."""
START_BITS = 22
SHORTENED = 0x20
"""The six bits of it that RFC 4629 leaves."""
EXTENDED = 7
"""A source format that says: PLUSPTYPE follows."""


def begins_keyframe_2190(payload: bytes) -> bool:
    """Tell whether an intra picture begins in this payload of PT 34."""
    if not payload:
        return False
    header = 4 if not payload[0] & 0x80 else 12 if payload[0] & 0x40 else 8
    bits = Bits(payload)
    start = header * 8 + (payload[0] >> 3 & 7)
    return bits.at(start, START_BITS) == START and _is_intra(bits, start + START_BITS)


def begins_keyframe_4629(payload: bytes) -> bool:
    """Tell whether an intra picture begins in this payload of H263-1998 or H263-2000."""
    if len(payload) < 2 or not payload[0] & 4:
        return False
    extra = (payload[0] & 1) << 5 | payload[1] >> 3
    bits = Bits(payload)
    start = 8 * (2 + (payload[0] >> 1 & 1) + extra)
    return bits.at(start, 6) == SHORTENED and _is_intra(bits, start + 6)


def _is_intra(bits: Bits, reference: int) -> bool:
    """Read the picture's type; `reference` is the bit where TR begins."""
    ptype = reference + 8
    if bits.at(ptype + 5, 3) != EXTENDED:
        return bits.at(ptype + 8, 1) == 0
    updates = bits.at(ptype + 8, 3)
    if updates not in (0, 1):
        return False
    return bits.at(ptype + 11 + 18 * updates, 3) == 0
