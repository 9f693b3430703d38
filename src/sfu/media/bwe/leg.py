"""One leg with transport-wide feedback: departures matched with arrivals.

::

    departures --> ring by sequence --.
                                      +--> queue of each packet, bytes by arrival, losses
    feedback (250 us, wraps) ---------'
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sfu.media.bwe.clock import LegClock

RING = 1024
"""Packets in flight that are remembered: 4 s of a 2 Mbit/s line."""
WRAP_US = 250 << 32
"""The reference time of feedback begins anew after twelve days."""
FARTHEST_US = 1 << 50
"""A peer's clock that was led farther begins anew: no honest one is, in 36 years."""
KEPT_US = 1_000_000
MOST_ARRIVED = 4096
"""What one leg carries in `KEPT_US` at most, to be counted whole."""
BUSY_US = 8_000
"""A packet that waited longer found the line at work."""
LEAST_BUSY_US = 60_000
TOGETHER_US = 300_000
"""Legs whose latest packets are farther apart are not counted together."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One packet that arrived."""

    departed_us: int
    queue_us: float
    line_bytes: int


class Leg:
    """Packets of one transport, in flight and arrived."""

    __slots__ = (
        "_arrived",
        "_clock",
        "_latest_us",
        "_newest",
        "_ring",
        "heard_at",
        "lost",
        "received",
    )

    def __init__(self) -> None:
        """Nothing was sent."""
        self._ring: list[tuple[int, int, int, bool] | None] = [None] * RING
        self._newest: int | None = None
        self._clock = LegClock()
        self._latest_us: int | None = None
        self._arrived: deque[tuple[int, int, bool]] = deque(maxlen=MOST_ARRIVED)
        self.heard_at = -1e9
        """When its last feedback came."""
        self.lost = 0
        """Packets told missing and not told to have come late, since `take_losses`."""
        self.received = 0

    def sent(self, sequence: int, at_us: int, line_bytes: int) -> None:
        """Remember a departure."""
        self._newest = sequence
        self._ring[sequence & RING - 1] = (sequence, at_us, line_bytes, False)

    def knows(self, sequence: int) -> bool:
        """Tell whether a packet of this number left lately."""
        return self._newest is not None and (self._newest - sequence & 0xFFFF) < 0x8000

    def acked(
        self, arrivals: Iterable[tuple[int, int | None]], now: float, standing_us: float
    ) -> Iterator[Sample]:
        """Match one message; packets told of twice or not sent lately are passed over."""
        self.heard_at = now
        ring = self._ring
        for sequence, arrival_us in arrivals:
            at = sequence & RING - 1
            entry = ring[at]
            if entry is None or entry[0] != sequence:
                continue
            _, departed_us, line_bytes, missed = entry
            if arrival_us is None:
                if not missed:
                    self.lost += 1
                    ring[at] = (sequence, departed_us, line_bytes, True)
                continue
            ring[at] = None
            if missed:
                self.lost -= 1
            self.received += 1
            arrived_us = self._unwrapped(arrival_us)
            delay_us = arrived_us - departed_us
            queue_us = self._clock.queue_us(delay_us, departed_us, standing_us)
            left_us = departed_us + int(queue_us)
            self._arrived.append((left_us, line_bytes, queue_us >= BUSY_US))
            yield Sample(departed_us, queue_us, line_bytes)
        self._forget()

    def take_losses(self) -> tuple[int, int]:
        """Return packets lost and received since the last time."""
        counts = self.lost, self.received
        self.lost = self.received = 0
        return counts

    @property
    def latest_us(self) -> int:
        """When, on our clock, the latest packet left the line's queue."""
        return self._arrived[-1][0] if self._arrived else 0

    def idle_us(self, end_us: int) -> int:
        """Return when, up to an instant, a packet last found no queue; 0 for never lately."""
        for at_us, _, waited in reversed(self._arrived):
            if not waited and at_us <= end_us:
                return at_us
        return 0

    def bytes_between(self, start_us: int, end_us: int) -> int:
        """Return the line bytes that left the queue after the start, up to the end."""
        total = 0
        for at_us, line_bytes, _ in reversed(self._arrived):
            if at_us <= start_us:
                break
            if at_us <= end_us:
                total += line_bytes
        return total

    def _unwrapped(self, arrival_us: int) -> int:
        if self._latest_us is not None:
            ahead = (arrival_us - self._latest_us + WRAP_US // 2) % WRAP_US - WRAP_US // 2
            if abs(self._latest_us + ahead) <= FARTHEST_US:
                arrival_us = self._latest_us + ahead
        self._latest_us = arrival_us
        return arrival_us

    def _forget(self) -> None:
        arrived = self._arrived
        if arrived:
            oldest = arrived[-1][0] - KEPT_US
            while arrived[0][0] < oldest:
                arrived.popleft()


def carried_bps(legs: Iterable[Leg], window_us: int, *, busy: bool = False) -> float | None:
    """Return the rate at which the legs' packets got through, up to what all have told of.

    `busy`: only since the line last stood idle; None where that is too short to tell.
    """
    legs = [leg for leg in legs if leg.latest_us]
    newest = max((leg.latest_us for leg in legs), default=0)
    legs = [leg for leg in legs if newest - leg.latest_us < TOGETHER_US]
    if not legs:
        return None
    end = min(leg.latest_us for leg in legs)
    start = end - window_us
    if busy:
        start = max(start, max(leg.idle_us(end) for leg in legs))
        if end - start < LEAST_BUSY_US:
            return None
    return sum(leg.bytes_between(start, end) for leg in legs) * 8e6 / (end - start)
