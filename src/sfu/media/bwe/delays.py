"""The queue of a line out of the delays of all its legs.

Packets are pooled in bins of 10 ms by departure; a bin keeps the least queue any of them met, for
jitter only ever adds.  Three readings::

    floor   the least of the last 30 to 150 ms: a queue that stands
    trend   the slope over 250 ms, against a threshold that learns how much the line wobbles
            (draft-ietf-rmcat-gcc-02 section 5.4): a queue that grows
    rise    the slope of the last 50 ms, where a line that was calm rose in all of them: the line
            has just become too small for what it is sent
"""

from itertools import pairwise
from operator import mul

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
RISE_BINS = 5
RISEN_US, CALM_US = 20_000, 10_000
"""A rise begins on a line that was calm for `WINDOW_BINS`, and ends so high."""
LEAST_CALM_BINS = 10
STRAIGHT_US = 6_000
"""A queue that grows does so in a line this straight; jitter never does."""
LEAST_RISE = 0.2
"""Seconds a second: a line that lost a sixth of its rate while it was full."""


class Delays:
    """Pools samples; times in microseconds of our clock."""

    __slots__ = (
        "_bins",
        "_judged_bin",
        "_newest",
        "_threshold",
        "floor_us",
        "over",
        "rise",
        "slope",
    )

    def __init__(self) -> None:
        """Know of no packet."""
        self._bins: dict[int, list[float]] = {}
        self._newest = 0
        self._judged_bin = 0
        self._threshold = THRESHOLD
        self.floor_us = 0.0
        """The queue that stands."""
        self.slope = 0.0
        """Of the queue, seconds a second."""
        self.over = False
        """Whether it grows faster than the line wobbles."""
        self.rise = 0.0
        """How fast it grows on a line that was calm until now, seconds a second; else 0."""

    @property
    def newest_us(self) -> int:
        """When the packet left that was judged last."""
        return self._newest * BIN_US

    def add(self, departed_us: int, queue_us: float) -> None:
        """Take one packet."""
        self.pool(departed_us // BIN_US, queue_us, 1)

    def pool(self, number: int, least_us: float, packets: int) -> None:
        """Take packets that left within the same 10 ms: its number, the least queue they met."""
        found = self._bins.get(number)
        if found is None:
            self._bins[number] = [least_us, packets]
            if number > self._newest:
                self._newest = number
            return
        found[1] += packets
        if least_us < found[0]:
            found[0] = least_us

    def judge(self) -> None:
        """Read floor and trend anew."""
        bins, newest = self._bins, self._newest
        if len(bins) > 2 * LONGEST_BINS:
            self._bins = bins = {k: v for k, v in bins.items() if k > newest - LONGEST_BINS}
        self.floor_us = self.floor_at(newest * BIN_US)
        self.rise = self._rise()
        points = [
            (float(key - newest), found[0] / 1000)
            for key in range(newest - WINDOW_BINS + 1, newest + 1)
            if (found := bins.get(key))
        ]
        elapsed_ms = min((newest - self._judged_bin) * BIN_US / 1000, LONGEST_MS)
        self._judged_bin = newest
        if len(points) < LEAST_BINS:
            self.over, self.slope = False, 0.0
            return
        per_bin = _slope(points)
        self.slope = per_bin * 1000 / BIN_US
        rise = per_bin * (points[-1][0] - points[0][0]) * GAIN
        self.over = rise > self._threshold
        self._learn(abs(rise), elapsed_ms)

    def _rise(self) -> float:
        bins, newest = self._bins, self._newest
        last = range(newest - RISE_BINS + 1, newest + 1)
        points = [(float(key), found[0]) for key in last if (found := bins.get(key))]
        if len(points) < RISE_BINS or points[-1][1] < RISEN_US:
            return 0.0
        before = range(newest - WINDOW_BINS + 1, last.start)
        calm = [found[0] for key in before if (found := bins.get(key))]
        if len(calm) < LEAST_CALM_BINS or max(calm) > CALM_US:
            return 0.0
        if any(later <= sooner for (_, sooner), (_, later) in pairwise(points)):
            return 0.0
        per_bin = _slope(points)
        middle = sum(queue for _, queue in points) / RISE_BINS
        bends = max(
            abs(q - middle - per_bin * (key - newest + RISE_BINS // 2)) for key, q in points
        )
        rise = per_bin / BIN_US
        return rise if rise >= LEAST_RISE and bends <= STRAIGHT_US else 0.0

    def floor_at(self, at_us: int) -> float:
        """Return the least queue of the packets that left last before an instant."""
        newest = at_us // BIN_US
        least, count = float("inf"), 0.0
        for back in range(LONGEST_BINS):
            found = self._bins.get(newest - back)
            if found:
                count += found[1]
                least = min(least, found[0])
            if (back >= SHORT_BINS and count >= ENOUGH) or (
                back >= LONG_BINS and count >= LEAST_BINS
            ):
                break
        return least if count else 0.0

    def _learn(self, rise: float, elapsed_ms: float) -> None:
        if rise > self._threshold + SKIP:
            return
        rate = LOWER if rise < self._threshold else RAISE
        threshold = self._threshold + rate * (rise - self._threshold) * elapsed_ms
        self._threshold = min(max(threshold, LEAST_THRESHOLD), LARGEST_THRESHOLD)


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the least-squares slope."""
    xs, ys = zip(*points, strict=True)
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    xs, ys = [x - mean_x for x in xs], [y - mean_y for y in ys]
    spread = sum(map(mul, xs, xs))
    return sum(map(mul, xs, ys)) / spread if spread else 0.0
