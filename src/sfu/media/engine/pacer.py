"""The pacer of one line: sound at once, pictures as the line takes them, nothing piles up.

::

    sound, reports --------------------------- send now, charged ------------.
    pictures --> queue of their class --(the line's model is idle)--> send --+--> free_at_us
                   a repair, never two in a row                              |
                   slides > main > thumbnail                                 |
                   too old, or too many: that sink's pictures are dropped <--'

The model of the line is one number: when it will have carried all that was sent.  A quiet line
earns no credit; while something waits, a late wake-up costs no time up to one packet, and what is
beyond is not repaid as a burst before somebody's speech.  Packets wait before they are rewritten:
what is dropped leaves no hole in a sink's numbers.  `native/pacer.c` and `line.c` are its twins.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from sfu.model import SinkId

T = TypeVar("T")


class PictureClass(IntEnum):
    """What goes first among pictures; REPAIR is what is sent again, of any of them."""

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
KEY_PATIENCE = 3
"""Times as long waits a key frame: to drop it only asks for the next one."""
OWED_MAX_US = 250_000
"""Speech is never held back, so it may be more than the pace: what it owes is forgotten beyond
this, or pictures would wait for minutes after the pace has risen."""
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
    key: bool = False
    """Of a key frame."""


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

    def drop(self, sink: SinkId) -> deque[Waiting[T]]:
        self.turns.remove(sink)
        return self.queues.pop(sink)


class Pacer(Generic[T]):
    """One direction of one line; all sizes in line bytes, all times in microseconds."""

    def __init__(self, rate_bps: int) -> None:
        """Start with an idle line; a rate of 0 holds nothing back."""
        self.rate_bps = rate_bps
        self.sent_bytes = 0
        """Line bytes charged since the start, sound included."""
        self.dropped = 0
        """Packets of pictures that never left."""
        self.free_at_us = 0
        """When the line will have carried all that was sent."""
        self._classes: dict[PictureClass, _Class[T]] = {each: _Class() for each in PictureClass}
        self._count = 0
        self._repaired = False
        """What left last was a repair."""
        self._starved: deque[Starved] = deque()

    def __len__(self) -> int:
        """Count the packets that wait."""
        return self._count

    @property
    def deadline_us(self) -> int | None:
        """When to take the next packet; None while none waits."""
        if not self._count:
            return None
        return self.free_at_us if self.rate_bps else 0

    def holds(self, now_us: int) -> bool:
        """Tell whether a picture that comes now must wait."""
        return self.rate_bps > 0 and (self._count > 0 or self.free_at_us > now_us)

    def charge(self, line_bytes: int, now_us: int) -> None:
        """Count what leaves: sound, reports, consent, and what `depart` yields."""
        self.sent_bytes += line_bytes
        if self.rate_bps:
            late = self._count > 0
            self.free_at_us = carried_at(
                self.free_at_us, now_us, line_bytes, self.rate_bps, late=late
            )

    def put(
        self,
        picture_class: PictureClass,
        sink: SinkId,
        line_bytes: int,
        packet: T,
        now_us: int,
        *,
        key: bool = False,
    ) -> None:
        """Have a packet of a picture wait for its turn; `trim` where many come at once."""
        self.add(picture_class, Waiting(sink, line_bytes, now_us, packet, key), now_us)
        self.trim()

    def add(self, picture_class: PictureClass, waiting: Waiting[T], now_us: int) -> None:
        """Have a packet wait, also where more wait than may."""
        if self._count == 0:
            self.free_at_us = max(self.free_at_us, now_us)
        self._classes[picture_class].put(waiting)
        self._count += 1

    def trim(self) -> None:
        """Drop the stalest until no more wait than may."""
        while self._count > WAITING_MAX:
            self._drop_stalest()

    def take(self, now_us: int) -> Iterator[Waiting[T]]:
        """Yield what the line takes now, charged; at most two packets after a late call."""
        for waiting in self.depart(now_us):
            self.charge(waiting.line_bytes, now_us)
            yield waiting

    def depart(self, now_us: int) -> Iterator[Waiting[T]]:
        """Yield what the line takes now; the caller charges what each became before the next."""
        self._expire(now_us)
        while self._count and (not self.rate_bps or self.free_at_us <= now_us):
            try:
                yield self._whose_turn().take()
            finally:
                self._count -= 1

    def waits(self, picture_class: PictureClass, sink: SinkId) -> Iterable[Waiting[T]]:
        """Show what waits for a sink."""
        return self._classes[picture_class].queues.get(sink, ())

    def move(self, sink: SinkId, before: PictureClass, after: PictureClass) -> None:
        """Put what waits for a sink into another class."""
        if before is not after and sink in self._classes[before].queues:
            queue = self._classes[before].drop(sink)
            self._classes[after].turns.append(sink)
            self._classes[after].queues[sink] = queue

    def forget(self, sink: SinkId) -> None:
        """Drop what waits for a sink that is closed or carries something else now."""
        for picture_class in PictureClass:
            self.forget_class(picture_class, sink)

    def forget_class(self, picture_class: PictureClass, sink: SinkId) -> Iterable[Waiting[T]]:
        """Take out what waits for a sink in one class, and return it."""
        each = self._classes[picture_class]
        queue = each.drop(sink) if sink in each.queues else deque[Waiting[T]]()
        self._count -= len(queue)
        return queue

    def poll(self) -> Iterator[Starved]:
        """Yield the sinks that need a key frame, oldest first."""
        while self._starved:
            yield self._starved.popleft()

    def _whose_turn(self) -> _Class[T]:
        repairs = self._classes[PictureClass.REPAIR]
        others = [one for one in self._classes.values() if one is not repairs and one.turns]
        self._repaired = bool(repairs.turns) and not (self._repaired and others)
        return repairs if self._repaired else others[0]

    def _expire(self, now_us: int) -> None:
        for picture_class, each in self._classes.items():
            for sink in list(each.turns):
                if picture_class is PictureClass.REPAIR:
                    self._expire_repairs(each, sink, now_us)
                elif _too_old(picture_class, each.queues[sink][0], now_us):
                    self._drop(picture_class, sink)

    def _expire_repairs(self, each: _Class[T], sink: SinkId, now_us: int) -> None:
        """Not to be played any more: nobody asks for a key frame, younger ones stay."""
        queue = each.queues[sink]
        while queue and _too_old(PictureClass.REPAIR, queue[0], now_us):
            queue.popleft()
            self._count -= 1
            self.dropped += 1
        if not queue:
            each.drop(sink)

    def _drop_stalest(self) -> None:
        """Make room: of the least important class, the sink whose packet has waited longest."""
        picture_class, each = next(
            (name, one) for name, one in reversed(self._classes.items()) if one.turns
        )
        self._drop(picture_class, min(each.turns, key=lambda it: each.queues[it][0].since_us))

    def _drop(self, picture_class: PictureClass, sink: SinkId) -> None:
        packets = len(self._classes[picture_class].drop(sink))
        self._count -= packets
        self.dropped += packets
        if picture_class is not PictureClass.REPAIR:
            self._starved.append(Starved(sink, packets))


def _too_old(picture_class: PictureClass, waiting: Waiting[T], now_us: int) -> bool:
    patience_us = PATIENCE_US[picture_class] * (KEY_PATIENCE if waiting.key else 1)
    return now_us - waiting.since_us > patience_us


def carried_at(
    free_at_us: int, now_us: int, line_bytes: int, rate_bps: int, *, late: bool = True
) -> int:
    """Return when a line will have carried so much more; `late` forgives the time of one packet."""
    took_us = -(-line_bytes * 8 * MICRO // rate_bps)
    free_at_us = min(free_at_us, now_us + OWED_MAX_US)
    return max(free_at_us, now_us - took_us if late else now_us) + took_us
