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
KEPT_US = 1_000_000
BUSY_US = 8_000
"""A packet that waited longer found the line at work."""
LEAST_BUSY_US = 60_000


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
        self._arrived: deque[tuple[int, int, float]] = deque()
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
            self._arrived.append((arrived_us, line_bytes, queue_us))
            yield Sample(departed_us, queue_us, line_bytes)
        self._forget()

    def take_losses(self) -> tuple[int, int]:
        """Return packets lost and received since the last time."""
        counts = self.lost, self.received
        self.lost = self.received = 0
        return counts

    def bps(self, window_us: int) -> float:
        """Return the rate at which line bytes arrived in the last so many microseconds."""
        arrived = self._arrived
        if len(arrived) < 2:
            return 0.0
        end, total, since = arrived[-1][0], 0, arrived[-1][0]
        for at_us, line_bytes, _ in reversed(arrived):
            since = at_us
            if end - at_us >= window_us:
                break
            total += line_bytes
        else:
            total -= arrived[0][1]  # nothing tells how long the first took
        return total * 8e6 / max(end - since, LEAST_BUSY_US)

    def busy_bps(self, window_us: int) -> float | None:
        """Return the rate while packets had to wait, up to now; None if that is too short."""
        arrived = self._arrived
        if not arrived:
            return None
        end, total, since = arrived[-1][0], 0, arrived[-1][0]
        last = 0
        for at_us, line_bytes, queue_us in reversed(arrived):
            since = at_us
            if queue_us < BUSY_US or end - at_us >= window_us:
                last = 0
                break
            total += line_bytes
            last = line_bytes
        if end - since < LEAST_BUSY_US:
            return None
        return (total - last) * 8e6 / (end - since)

    def _unwrapped(self, arrival_us: int) -> int:
        if self._latest_us is not None:
            ahead = (arrival_us - self._latest_us + WRAP_US // 2) % WRAP_US - WRAP_US // 2
            arrival_us = self._latest_us + ahead
        self._latest_us = arrival_us
        return arrival_us

    def _forget(self) -> None:
        arrived = self._arrived
        if arrived:
            oldest = arrived[-1][0] - KEPT_US
            while arrived[0][0] < oldest:
                arrived.popleft()
