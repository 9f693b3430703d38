"""The queue of a line out of the delays of all its legs.

Packets are pooled in bins of 10 ms by departure; a bin keeps the least queue any of them met, for
jitter only ever adds.  Three readings::

    floor   the least of the last 30 to 150 ms: a queue that stands
    trend   the slope over 250 ms, against a threshold that learns how much the line wobbles
            (draft-ietf-rmcat-gcc-02 section 5.4): a queue that grows
    rise    the slope of 30 to 50 ms in which a line that was calm rose all the time: it has just
            become too small for what it is sent, even if it is sent less already

`PlainDelays` is the reference; a server that runs has the engine's (`native/delays.c`), which
reckons the same to the last bit: so sums are taken one by one.
"""

from itertools import pairwise
from math import inf
from typing import Protocol

BIN_US = 10_000
WINDOW_BINS = 25
"""Of the trend.  In time: 20 groups would be 110 ms of pictures, or 1.2 s of sound alone."""
ENOUGH = 10
"""Packets that make the floor of 30 ms sure; fewer need 150 ms."""
SHORT_BINS, LONG_BINS, LONGEST_BINS = 3, 15, 30
LEAST_BINS = 3
GAIN = 4.0 * 20 / 250
"""Slope times gain 4 times 20 groups, for a window of 250 ms: per ms of rise."""
THRESHOLD, LEAST_THRESHOLD, LARGEST_THRESHOLD = 12.5, 6.0, 600.0
RAISE, LOWER = 0.0087, 0.039
SKIP = 15.0
LONGEST_MS = 100.0
RISES = ((5, 0.2), (4, 0.4), (3, 0.6))
"""Bins, and the seconds a second that so few of them must show; 0.2 is a line that lost a sixth of
its rate while it was full."""
RISEN_US, PAST_US, CALM_US = 20_000, 30_000, 10_000
"""A rise begins on a line that was calm for `WINDOW_BINS`, and ends so high; higher, if it is over
when it is told of."""
LEAST_CALM_BINS = 10
STRAIGHT_US = 6_000
"""A queue that grows does so in a line this straight; jitter never does."""
KEPT_BINS = 256
"""Nobody asks for what is older, not of a probe whose answer is late either."""

Points = list[tuple[int, float]]
"""Of bins that have packets: places in a window, and the least queues in us."""


class Delays(Protocol):
    """The queue of one line, as judged last; times in microseconds of our clock."""

    floor_us: float
    """The queue that stands."""
    slope: float
    """Of the queue, seconds a second."""
    over: bool
    """Whether it grows faster than the line wobbles."""
    rise: float
    """How fast it grows on a line that was calm until now, seconds a second; else 0."""
    newest_us: int
    """When the packet left that was judged last."""

    def add(self, departed_us: int, queue_us: float) -> None:
        """Take one packet."""

    def judge(self) -> None:
        """Read floor, trend and rise anew."""

    def floor_at(self, at_us: int) -> float:
        """Return the least queue of the packets that left last before an instant."""


class PlainDelays:
    """The reference."""

    def __init__(self) -> None:
        """Know of no packet."""
        self._bins: dict[int, tuple[float, int]] = {}
        """By departure: the least queue, and of how many packets."""
        self._newest = self._judged = 0
        self._threshold = THRESHOLD
        self.floor_us = self.slope = self.rise = 0.0
        self.over = False
        self.newest_us = 0

    def add(self, departed_us: int, queue_us: float) -> None:
        """Take one packet."""
        number = departed_us // BIN_US
        if not self._bins or number - self._newest >= KEPT_BINS:
            self._bins.clear()
            self._newest = number
        while self._newest < number:
            self._newest += 1
            self._bins.pop(self._newest - KEPT_BINS, None)
        if self._newest - number < KEPT_BINS:
            least, packets = self._bins.get(number, (inf, 0))
            self._bins[number] = min(least, queue_us), packets + 1

    def judge(self) -> None:
        """Read floor, trend and rise anew."""
        if not self._bins:
            return
        self.newest_us = self._newest * BIN_US
        self.floor_us = self.floor_at(self.newest_us)
        self.rise = self._latest_rise()
        elapsed_ms = min((self._newest - self._judged) * BIN_US / 1000, LONGEST_MS)
        self._judged = self._newest
        self._judge_trend(elapsed_ms)

    def floor_at(self, at_us: int) -> float:
        """Return the least queue of the packets that left last before an instant."""
        newest = at_us // BIN_US
        least, count = inf, 0
        for back in range(LONGEST_BINS):
            queue_us, packets = self._bins.get(newest - back, (inf, 0))
            least = min(least, queue_us)
            count += packets
            if back >= SHORT_BINS and count >= ENOUGH:
                break
            if back >= LONG_BINS and count >= LEAST_BINS:
                break
        return least if count else 0.0

    def _points(self, end: int, count: int) -> Points:
        """Return so many bins up to, and without, `end`."""
        begin, bins = end - count, self._bins
        return [(at - begin, bins[at][0]) for at in range(begin, end) if at in bins]

    def _judge_trend(self, elapsed_ms: float) -> None:
        """Judge it against a threshold that learns how much the line wobbles."""
        points = self._points(self._newest + 1, WINDOW_BINS)
        if len(points) < LEAST_BINS:
            self.over, self.slope = False, 0.0
            return
        per_bin = _slope(points)
        rise = per_bin / 1000 * (points[-1][0] - points[0][0]) * GAIN
        self.slope = per_bin / BIN_US
        self.over = rise > self._threshold
        self._learn(abs(rise), elapsed_ms)

    def _latest_rise(self) -> float:
        """Return the latest rise that was not judged yet.

        Feedback comes each 50 to 100 ms: by then a line whose neighbours were heard of first may be
        sent less already.  That it bears no more than they do showed while it was not.
        """
        oldest = max(min(self._judged, self._newest - 1), self._newest - KEPT_BINS)
        for number in range(self._newest, oldest, -1):
            queue_us, _ = self._bins.get(number, (0.0, 0))
            if queue_us >= (RISEN_US if number == self._newest else PAST_US):
                rises = (self._rise_of(number + 1, count, least) for count, least in RISES)
                if rise := next((rise for rise in rises if rise), 0.0):
                    return rise
        return 0.0

    def _rise_of(self, end: int, count: int, least: float) -> float:
        """Return the slope of so many bins before `end`, 0 where they do not rise straight."""
        last = self._points(end, count)
        if len(last) < count or any(later <= sooner for (_, sooner), (_, later) in pairwise(last)):
            return 0.0
        calm = [queue for _, queue in self._points(end - count, WINDOW_BINS - count)]
        if len(calm) < LEAST_CALM_BINS or max(calm) > CALM_US:
            return 0.0
        per_bin = _slope(last)
        rise = per_bin / BIN_US
        return rise if rise >= least and _is_straight(last, per_bin) else 0.0

    def _learn(self, rise: float, elapsed_ms: float) -> None:
        if rise > self._threshold + SKIP:
            return
        rate = LOWER if rise < self._threshold else RAISE
        threshold = self._threshold + rate * (rise - self._threshold) * elapsed_ms
        self._threshold = min(max(threshold, LEAST_THRESHOLD), LARGEST_THRESHOLD)


def _is_straight(points: Points, per_bin: float) -> bool:
    """Tell whether bins in a row lie on a line of this slope."""
    total = 0.0
    for _, queue in points:
        total += queue
    mean, middle = total / len(points), (len(points) - 1) / 2
    offs = (abs(queue - mean - per_bin * (place - middle)) for place, queue in points)
    return max(offs) <= STRAIGHT_US


def _slope(points: Points) -> float:
    """Return the least-squares slope, in us a bin."""
    mean = sum(place for place, _ in points) / len(points)
    spread = risen = 0.0
    for place, queue in points:
        away = place - mean
        spread += away * away
        risen += away * queue
    return risen / spread if spread else 0.0
