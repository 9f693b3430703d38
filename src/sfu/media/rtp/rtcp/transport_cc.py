"""Arrival times of packets (draft-holmer-rmcat-transport-wide-cc-extensions-01).

::

    | base sequence | status count | reference time 24 | feedback count 8 | chunks | deltas |

A status is 0 not received, 1 received with a delta of one byte, 2 with one of two.  A chunk of
16 bits holds a run (0, status 2, length 13), fourteen statuses of one bit (1, 0) or seven of two
(1, 1).  Deltas are 250 us, from the packet before; the first from the reference time of 64 ms.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from sfu.errors import PeerError
from sfu.media.rtp.rtcp.feedback import compose_ends, parse_ends
from sfu.model import Ssrc

TICK_US = 250
REFERENCE_TICKS = 256
"""64 ms, the unit of the reference time."""
LARGEST_DELTA = 0x7FFF
_MISSING, _SMALL, _LARGE = 0, 1, 2
_HEAD = struct.Struct("!HH")
_ENDS_BYTES, _LEAST_BYTES = 8, 16


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """What has arrived from `base` on: ticks of 250 us on the receiver's clock, or None.

    The clock wraps after 2**32 ticks, some twelve days.
    """

    sender: Ssrc
    media: Ssrc
    base: int
    number: int
    """Counts the feedback messages, modulo 256."""
    arrivals: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class RawFeedback:
    """A message of `TransportFeedback` whose packets somebody else reads."""

    body: bytes
    """All behind the RTCP header: two SSRCs, base, count, reference time, number, the rest."""


def keep_transport_feedback(body: bytes) -> RawFeedback:
    """Read nothing but that its head is whole."""
    if len(body) < _LEAST_BYTES:
        raise PeerError("transport feedback too short")
    return RawFeedback(body)


def parse_transport_feedback(body: bytes) -> TransportFeedback:
    """Read statuses, then the deltas they promise."""
    sender, media, data = parse_ends(body)
    if len(data) < 8:
        raise PeerError("transport feedback too short")
    base, count = _HEAD.unpack_from(data)
    statuses, at = _parse_statuses(data, count)
    arrivals = _parse_arrivals(data, at, statuses, int.from_bytes(data[4:7]) * REFERENCE_TICKS)
    return TransportFeedback(sender, media, base, data[7], tuple(arrivals))


def peek(body: bytes) -> tuple[int, int]:
    """Return the base and how many packets a message says it tells of; (0, 0) where it is cut."""
    base, count = _HEAD.unpack_from(body, _ENDS_BYTES) if len(body) >= _LEAST_BYTES else (0, 0)
    return base, count


def _parse_statuses(data: bytes, count: int) -> tuple[list[int], int]:
    statuses: list[int] = []
    at = 8
    while len(statuses) < count:
        if at + 2 > len(data):
            raise PeerError("transport feedback ends within its statuses")
        statuses += _unpack_chunk(int.from_bytes(data[at : at + 2]), count - len(statuses))
        at += 2
    return statuses[:count], at


def _unpack_chunk(chunk: int, wanted: int) -> list[int]:
    if not chunk & 0x8000:
        return [chunk >> 13] * min(chunk & 0x1FFF, wanted)
    if not chunk & 0x4000:
        return [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return [chunk >> shift & 3 for shift in range(12, -1, -2)]


def _parse_arrivals(data: bytes, at: int, statuses: list[int], ticks: int) -> Iterator[int | None]:
    for status in statuses:
        if status == _MISSING:
            yield None
            continue
        if status > _LARGE or at + status > len(data):
            raise PeerError("transport feedback ends within its deltas")
        ticks += int.from_bytes(data[at : at + status], signed=status == _LARGE)
        at += status
        yield ticks & 0xFFFFFFFF


def compose_transport_feedback(feedback: TransportFeedback) -> bytes:
    """Write it; neighbours that arrived must be within `LARGEST_DELTA` of each other."""
    ends = compose_ends(feedback.sender, feedback.media)
    return ends + compose_statuses(feedback.base, feedback.number, feedback.arrivals)


def compose_statuses(base: int, number: int, arrivals: Sequence[int | None]) -> bytes:
    """Write what stands behind the two SSRCs: the fields of `TransportFeedback`."""
    first = next(ticks for ticks in arrivals if ticks is not None)
    reference = first // REFERENCE_TICKS
    statuses: list[int] = []
    deltas = b""
    before = reference * REFERENCE_TICKS
    for ticks in arrivals:
        if ticks is None:
            statuses.append(_MISSING)
            continue
        small = 0 <= ticks - before <= 0xFF
        statuses.append(_SMALL if small else _LARGE)
        deltas += (ticks - before).to_bytes(statuses[-1], signed=not small)
        before = ticks
    head = _HEAD.pack(base, len(statuses)) + (reference & 0xFFFFFF).to_bytes(3)
    chunks = b"".join(chunk.to_bytes(2) for chunk in _chunks(statuses))
    data = head + bytes([number]) + chunks + deltas
    return data + bytes(-len(data) % 4)


def _chunks(statuses: list[int]) -> Iterator[int]:
    at = 0
    while at < len(statuses):
        run = sum(1 for _ in takewhile(statuses[at].__eq__, statuses[at : at + 0x1FFF]))
        if run >= 14 or at + run == len(statuses):
            yield statuses[at] << 13 | run
            at += run
        elif _LARGE not in statuses[at : at + 14]:
            yield 0x8000 | _bits(statuses[at : at + 14], 14, 1)
            at += 14
        else:
            yield 0xC000 | _bits(statuses[at : at + 7], 7, 2)
            at += 7


def _bits(statuses: list[int], places: int, width: int) -> int:
    value = 0
    for status in statuses:
        value = value << width | status
    return value << width * (places - len(statuses))
