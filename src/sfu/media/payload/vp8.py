"""A look into VP8 payloads (RFC 7741), never decoding.

::

    |X R N S R PID| |I L T K RSV| |M PictureID (7 or 15)| |TL0PICIDX| |TID Y KEYIDX| header
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """What forwarding has to know; offsets into the payload are 0 where a field is absent."""

    keyframe: bool = False
    picture_bytes: int = 0
    picture_at: int = 0
    picture: int = 0
    tl0_at: int = 0
    tl0: int = 0
    temporal: int = 0
    """TID, the temporal layer."""
    sync: bool = False
    """Y: it refers to the base layer only."""


def look(payload: bytes) -> Look:
    """Find picture id, TL0PICIDX and whether a key frame begins; a broken descriptor has none."""
    try:
        return _look(payload)
    except IndexError:
        return Look()


def _look(payload: bytes) -> Look:
    at = 1
    has = 0
    picture_bytes = picture_at = picture = tl0_at = tl0 = temporal = 0
    sync = False
    if payload[0] & 0x80:
        has = payload[at]
        at += 1
    if has & 0x80:
        picture_bytes, picture_at = (2 if payload[at] & 0x80 else 1), at
        picture = payload[at]
        if picture_bytes == 2:
            picture = (picture & 0x7F) << 8 | payload[at + 1]
        at += picture_bytes
    if has & 0x40:
        tl0_at, tl0 = at, payload[at]
        at += 1
    if has & 0x20 and at < len(payload):
        temporal, sync = payload[at] >> 6, bool(payload[at] & 0x20)
    if has & 0x30:
        at += 1
    begins = bool(payload[0] & 0x10) and payload[0] & 7 == 0
    keyframe = begins and at < len(payload) and payload[at] & 1 == 0
    return Look(keyframe, picture_bytes, picture_at, picture, tl0_at, tl0, temporal, sync)


def renumbered(payload: bytes, look: Look, picture: int, tl0: int) -> bytes:
    """Write other numbers where the payload has some."""
    out = bytearray(payload)
    if look.picture_bytes == 2:
        out[look.picture_at : look.picture_at + 2] = (0x8000 | picture & 0x7FFF).to_bytes(2)
    elif look.picture_bytes == 1:
        out[look.picture_at] = picture & 0x7F
    if look.tl0_at:
        out[look.tl0_at] = tl0 & 0xFF
    return bytes(out)
