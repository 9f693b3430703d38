"""Sound sent twice (RFC 2198): what went before stands in front of the sound itself.

::

    1 PT | timestamp offset (14) | length (10)     each block of before, oldest first
    0 PT                                           the sound itself, to the end of the packet
"""

from dataclasses import dataclass

from sfu.errors import PeerError

BLOCKS_MAX = 3
"""Redundant ones in a packet: browsers send one or two, and each may go to everybody."""
BYTES_MAX = 480
"""Of the sound before, as we send it again: Opus at 192 kbit/s."""
PACKET_MAX = 1200
"""What would be larger goes alone."""
OFFSET_MAX = (1 << 14) - 1


@dataclass(frozen=True, slots=True)
class Block:
    """One sound in a packet."""

    payload_type: int
    offset: int
    """Of its timestamp, back from the packet's."""
    payload: bytes


def parse(payload: bytes) -> tuple[Block, ...]:
    """Return the blocks, oldest first, the sound itself last; PeerError for lengths beyond it."""
    heads, at = list[tuple[int, int, int]](), 0
    while at < len(payload) and payload[at] & 0x80:
        if len(heads) == BLOCKS_MAX or at + 4 > len(payload):
            raise PeerError("redundant sound of too many blocks, or cut off")
        word = int.from_bytes(payload[at : at + 4])
        heads.append((word >> 24 & 127, word >> 10 & OFFSET_MAX, word & 0x3FF))
        at += 4
    if at >= len(payload) or at + 1 + sum(length for _, _, length in heads) > len(payload):
        raise PeerError("redundant sound longer than its packet")
    primary, at = payload[at], at + 1
    blocks = []
    for payload_type, offset, length in heads:
        blocks.append(Block(payload_type, offset, payload[at : at + length]))
        at += length
    return *blocks, Block(primary, 0, payload[at:])


def compose(payload_type: int, offset: int, before: bytes, sound: bytes) -> bytes | None:
    """Write one sound before and one now; None where one is too old or both are too large."""
    length = 5 + len(before) + len(sound)
    if len(before) > BYTES_MAX or not 0 < offset <= OFFSET_MAX or length > PACKET_MAX:
        return None
    head = (0x80 | payload_type) << 24 | offset << 10 | len(before)
    return head.to_bytes(4) + bytes([payload_type]) + before + sound
