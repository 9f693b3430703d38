"""What one direction of a line has for pictures, as time goes by.

::

    capacity   falls at once, rises to the least of the last second: noise never shakes it;
               what a probe, or a queue that went, has proven it takes as it comes: no noise
    share      0.85 of the pictures' part at first; each second of a short queue adds 0.01,
               up to 0.92; congestion sets it back, and where a queue came it stops short next time;
               the queue of a probe neither counts nor is one
"""

from collections import deque

from sfu.media.allocation.budget import ASK, Budget
from sfu.media.allocation.event import Capacity

RISE_S, RISE_MOST_S = 1.0, 4.0
"""A rise has to last so long; twice as long after one that did not hold for `FELL_AGAIN_S`."""
FELL_AGAIN_S, CALM_S = 3.0, 30.0
RISE_EACH_S = 0.5
"""Rises are no closer together, so that encoders follow."""
RISE_LEAST = 1.03
"""And no smaller, unless the capacity has stood still meanwhile."""
STILL_WITHIN = 1.005
ASK_MOST = 0.92
"""What encoders are asked for at most: the rest is for their overshoot."""
ASK_STEP, ASK_EACH_S = 0.01, 1.0
QUEUE_LOW_S, QUEUE_HIGH_S = 0.020, 0.030
FAILED_S = 60.0
"""So long a share that brought a queue is not tried again."""


class Share:
    """One direction of one line over time."""

    def __init__(self, *, grows: bool) -> None:
        """Towards a site (`grows`) we pace; what a site sends stays at 0.85."""
        self.capacity_bps = 0
        self.ask = ASK
        self._grows = grows
        self._seen: deque[tuple[float, int]] = deque()
        self._rose_at = float("-inf")
        self._fell_at = float("-inf")
        self._hold_s = RISE_S
        self._clean_since: float | None = None
        self._most = ASK_MOST
        self._failed_at = float("-inf")

    def update(self, capacity: Capacity, now: float) -> None:
        """Take in what the direction bears now."""
        self._seen.append((now, capacity.bps))
        if now - self._fell_at > CALM_S:
            self._hold_s = RISE_S
        while self._seen[0][0] < now - self._hold_s:
            self._seen.popleft()
        if capacity.bps < self.capacity_bps or not self.capacity_bps:
            self._fall(capacity.bps, now)
        elif now - self._rose_at >= RISE_EACH_S:
            if now - self._seen[0][0] >= 0.9 * self._hold_s:
                self._rise(now)
            self._take(min(capacity.proven_bps, capacity.bps), now)
        if self._grows:
            self._adapt(capacity, now)

    @property
    def settled(self) -> bool:
        """Tell whether no rise is under way and no more may be asked for."""
        latest = self._seen[-1][1] if self._seen else 0
        return latest <= self.capacity_bps and (not self._grows or self.ask >= self._most)

    def free_bps(self, shares: Budget) -> float:
        """Return what pictures may be given of a budget reckoned with `capacity_bps`."""
        return self.ask * shares.picture_bps

    def _fall(self, bps: int, now: float) -> None:
        if bps < self.capacity_bps and now - self._rose_at < FELL_AGAIN_S:
            self._hold_s = min(2 * self._hold_s, RISE_MOST_S)
        self.capacity_bps, self._fell_at = bps, now

    def _rise(self, now: float) -> None:
        least = min(bps for _, bps in self._seen)
        most = max(bps for _, bps in self._seen)
        stands = most <= STILL_WITHIN * least
        if least >= RISE_LEAST * self.capacity_bps or (stands and least > self.capacity_bps):
            self.capacity_bps = least
            self._rose_at = now

    def _take(self, proven_bps: int, now: float) -> None:
        """Rise as far as room was shown; not soon again where such a rise did not hold."""
        if proven_bps >= RISE_LEAST * self.capacity_bps and self._hold_s == RISE_S:
            self.capacity_bps, self._rose_at = proven_bps, now

    def _adapt(self, capacity: Capacity, now: float) -> None:
        if now - self._failed_at > FAILED_S:
            self._most = ASK_MOST
        if capacity.probed and not capacity.congested:
            return
        if capacity.congested or capacity.queue_s > QUEUE_HIGH_S:
            if self.ask > ASK and not capacity.congested:
                self._most = max(self.ask - 2 * ASK_STEP, ASK)
                self._failed_at = now
            self.ask = ASK
            self._clean_since = None
        elif capacity.queue_s > QUEUE_LOW_S:
            self._clean_since = None
        elif self._clean_since is None:
            self._clean_since = now
        elif now - self._clean_since >= ASK_EACH_S:
            self._clean_since = now
            self.ask = min(round(self.ask + ASK_STEP, 4), max(self._most, self.ask))
