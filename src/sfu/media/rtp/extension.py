"""RTP header extensions (RFC 8285): the block behind the CSRCs, and the values we know.

::

    one-byte   0xBEDE | words | (id 4 bits, length - 1 4 bits, data)...   ids 1-14, 1-16 bytes
    two-byte   0x100x | words | (id, length, data)...                     ids 1-255, 0-255 bytes

A zero byte between elements is padding.  In one-byte form, id 15 ends the block.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.errors import PeerError

ONE_BYTE = 0xBEDE
TWO_BYTE = 0x1000
TICKS_PER_S = 1 << 18
"""abs-send-time counts seconds in 6.18 fixed point, modulo 64 s."""


def parse(profile: int, block: bytes) -> dict[int, bytes]:
    """Read the elements; the last of an id counts, an unknown profile has none."""
    if profile == ONE_BYTE:
        return _parse_one_byte(block)
    if profile & 0xFFF0 == TWO_BYTE:
        return _parse_two_byte(block)
    return {}


def _parse_one_byte(block: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(block):
        number, length = block[at] >> 4, (block[at] & 15) + 1
        at += 1
        if number == 15:
            break  # section 4.2: nothing behind it is read
        if number == 0:
            continue
        elements[number] = _cut(block, at, length)
        at += length
    return elements


def _parse_two_byte(block: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(block):
        number = block[at]
        at += 1
        if number == 0:
            continue
        if at == len(block):
            raise PeerError("header extension element without length")
        elements[number] = _cut(block, at + 1, block[at])
        at += 1 + block[at]
    return elements


def _cut(block: bytes, at: int, length: int) -> bytes:
    if at + length > len(block):
        raise PeerError("header extension element runs over its block")
    return block[at : at + length]


def compose(elements: Mapping[int, bytes]) -> bytes:
    """Write profile, length and elements, in the one-byte form wherever it can hold them."""
    if all(number <= 14 and 1 <= len(data) <= 16 for number, data in elements.items()):
        profile = ONE_BYTE
        block = b"".join(bytes([n << 4 | len(data) - 1]) + data for n, data in elements.items())
    else:
        profile = TWO_BYTE
        block = b"".join(bytes([n, len(data)]) + data for n, data in elements.items())
    block += bytes(-len(block) % 4)
    return profile.to_bytes(2) + (len(block) // 4).to_bytes(2) + block


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """RFC 6464: 0 is the loudest, 127 silence; `voice` is the sender's own guess."""

    dbov: int
    voice: bool = False

    @classmethod
    def parse(cls, data: bytes) -> "AudioLevel":
        """Read the first byte."""
        if not data:
            raise PeerError("empty audio level")
        return cls(data[0] & 0x7F, bool(data[0] & 0x80))

    def compose(self) -> bytes:
        """Write one byte."""
        return bytes([self.voice << 7 | self.dbov])


def compose_abs_send_time(now_s: float) -> bytes:
    """Write a time as goog abs-send-time, three bytes."""
    return (int(now_s * TICKS_PER_S) & 0xFFFFFF).to_bytes(3)


def parse_text(data: bytes) -> str:
    """Read MID, RID or repaired RID (RFC 8843, RFC 8852): ASCII, some senders pad with zeros."""
    try:
        return data.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise PeerError("MID or RID is not ASCII") from error
