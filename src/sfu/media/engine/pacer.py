"""The pacer of one line: sound at once, pictures as the line takes them, nothing piles up.

::

    sound, reports --------------------------- send now, charged ------------.
    pictures --> queue of their class --(the line's model is idle)--> send --+--> free_at_us
                   slides > main > thumbnail > repair                        |
                   too old, or too many: that sink's pictures are dropped <--'

The model of the line is one number: when it will have carried all that was sent.  A pause earns no
credit beyond one packet, so that a late wake-up is not repaid as a burst before somebody's speech.
Packets wait before they are rewritten: what is dropped leaves no hole in a sink's numbers.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from sfu.model import SinkId

T = TypeVar("T")


class PictureClass(IntEnum):
    """What goes first among pictures."""

    SLIDES = 0
    MAIN = 1
    THUMBNAIL = 2
    REPAIR = 3


PATIENCE_US = {
    PictureClass.SLIDES: 1_500_000,
    PictureClass.MAIN: 1_000_000,
    PictureClass.THUMBNAIL: 400_000,
    PictureClass.REPAIR: 250_000,
}
"""How long a packet may wait: a key frame of 60 kB takes 0.3 s of a 2 Mbit/s line."""
WAITING_MAX = 1024
"""Packets that wait for one line."""
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """One packet of a picture, on its way to one sink."""

    sink: SinkId
    line_bytes: int
    since_us: int
    packet: T


@dataclass(frozen=True, slots=True)
class Starved:
    """A sink's pictures were too old or too many: it goes on with the next key frame."""

    sink: SinkId
    packets: int


@dataclass(slots=True)
class _Class(Generic[T]):
    """Sinks of one class take turns, a packet each."""

    turns: deque[SinkId] = field(default_factory=deque)
    queues: dict[SinkId, deque[Waiting[T]]] = field(default_factory=dict)

    def put(self, waiting: Waiting[T]) -> None:
        queue = self.queues.get(waiting.sink)
        if queue is None:
            queue = self.queues[waiting.sink] = deque()
            self.turns.append(waiting.sink)
        queue.append(waiting)

    def take(self) -> Waiting[T]:
        sink = self.turns.popleft()
        queue = self.queues[sink]
        waiting = queue.popleft()
        if queue:
            self.turns.append(sink)
        else:
            del self.queues[sink]
        return waiting

    def drop(self, sink: SinkId) -> int:
        self.turns.remove(sink)
        return len(self.queues.pop(sink))


class Pacer(Generic[T]):
    """One direction of one line; all sizes in line bytes, all times in microseconds."""

    def __init__(self, rate_bps: int) -> None:
        """Start with an idle line."""
        self.rate_bps = rate_bps
        self.sent_bytes = 0
        """Line bytes charged since the start, sound included."""
        self.dropped = 0
        """Packets of pictures that never left."""
        self._free_at_us = 0
        self._classes: dict[PictureClass, _Class[T]] = {each: _Class() for each in PictureClass}
        self._count = 0
        self._starved: deque[Starved] = deque()

    def __len__(self) -> int:
        """Count the packets that wait."""
        return self._count

    @property
    def deadline_us(self) -> int | None:
        """When to take the next packet; None while none waits."""
        return self._free_at_us if self._count else None

    def charge(self, line_bytes: int, now_us: int) -> None:
        """Count what leaves at once: sound, reports, consent."""
        # a quiet line has earned the time of one packet, no more
        earliest = now_us - self._time_us(line_bytes)
        self._free_at_us = max(self._free_at_us, earliest) + self._time_us(line_bytes)
        self.sent_bytes += line_bytes

    def put(
        self, picture_class: PictureClass, sink: SinkId, line_bytes: int, packet: T, now_us: int
    ) -> None:
        """Have a packet of a picture wait for its turn."""
        if self._count >= WAITING_MAX:
            self._drop_stalest()
        self._classes[picture_class].put(Waiting(sink, line_bytes, now_us, packet))
        self._count += 1

    def take(self, now_us: int) -> Iterator[Waiting[T]]:
        """Yield what the line takes now, at most two packets after a late call."""
        self._expire(now_us)
        while self._count and self._free_at_us <= now_us:
            each = next(one for one in self._classes.values() if one.turns)
            waiting = each.take()
            self._count -= 1
            self.charge(waiting.line_bytes, now_us)
            yield waiting

    def forget(self, sink: SinkId) -> None:
        """Drop what waits for a sink that is closed or carries something else now."""
        for each in self._classes.values():
            if sink in each.queues:
                self._count -= each.drop(sink)

    def poll(self) -> Iterator[Starved]:
        """Yield the sinks that need a key frame, oldest first."""
        while self._starved:
            yield self._starved.popleft()

    def _expire(self, now_us: int) -> None:
        for picture_class, each in self._classes.items():
            oldest = now_us - PATIENCE_US[picture_class]
            for sink in [one for one in each.turns if each.queues[one][0].since_us < oldest]:
                self._drop(each, sink)

    def _drop_stalest(self) -> None:
        """Make room: of the least important class, the sink whose packet has waited longest."""
        each = next(one for one in reversed(self._classes.values()) if one.turns)
        self._drop(each, min(each.turns, key=lambda sink: each.queues[sink][0].since_us))

    def _drop(self, each: _Class[T], sink: SinkId) -> None:
        packets = each.drop(sink)
        self._count -= packets
        self.dropped += packets
        self._starved.append(Starved(sink, packets))

    def _time_us(self, line_bytes: int) -> int:
        return -(-line_bytes * 8 * MICRO // self.rate_bps)
