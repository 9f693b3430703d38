"""The queue of a line out of the delays of all its legs.

Packets are pooled in bins of 10 ms by departure; a bin keeps the least queue any of them met, for
jitter only ever adds.  Three readings::

    floor   the least of the last 30 to 150 ms: a queue that stands
    trend   the slope over 250 ms, against a threshold that learns how much the line wobbles
            (draft-ietf-rmcat-gcc-02 section 5.4): a queue that grows
    rise    the slope of 30 to 50 ms in which a line that was calm rose all the time: it has just
            become too small for what it is sent, even if it is sent less already
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
RISES = ((5, 0.2), (4, 0.4), (3, 0.6))
"""Bins, and the seconds a second that so few of them must show; 0.2 is a line that lost a sixth of
its rate while it was full."""
RISEN_US, PAST_US, CALM_US = 20_000, 30_000, 10_000
"""A rise begins on a line that was calm for `WINDOW_BINS`, and ends so high; higher, if it is over
when it is told of."""
LEAST_CALM_BINS = 10
STRAIGHT_US = 6_000
"""A queue that grows does so in a line this straight; jitter never does."""
KEPT_BINS = 200
"""Nobody asks for what is older, not of a probe whose answer is late either."""
_CENTRED = [place - WINDOW_BINS // 2 for place in range(WINDOW_BINS)]
_SPREAD = sum(map(mul, _CENTRED, _CENTRED))


class Delays:
    """Pools samples; times in microseconds of our clock."""

    __slots__ = (
        "_bins",
        "_first",
        "_judged_bin",
        "_newest",
        "_packets",
        "_threshold",
        "floor_us",
        "over",
        "rise",
        "slope",
    )

    def __init__(self) -> None:
        """Know of no packet."""
        self._bins: list[float | None] = []
        """The least queues of all bins from `_first` to `_newest`."""
        self._packets: list[int] = []
        self._first = self._newest = 0
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
        bins = self._bins
        place = number - self._first
        if place == len(bins) and place:  # nearly always: the next one
            bins.append(least_us)
            self._packets.append(packets)
            self._newest = number
            return
        if not 0 <= place < len(bins):
            place = self._make(number)
            bins = self._bins
        if place < 0:
            return
        least = bins[place]
        if least is None or least_us < least:
            bins[place] = least_us
        self._packets[place] += packets

    def _make(self, number: int) -> int:
        """Make room for a bin; return its place, below 0 for one too old to count."""
        bins = self._bins
        if not bins or number >= self._newest + KEPT_BINS:
            self._bins, self._packets = [None], [0]
            self._first = self._newest = number
            return 0
        more = number - self._newest
        if more > 0:
            bins += [None] * more
            self._packets += [0] * more
            self._newest = number
        elif self._newest - number < LONGEST_BINS:
            bins[:0] = [None] * (self._first - number)
            self._packets[:0] = [0] * (self._first - number)
            self._first = number
        return number - self._first

    def _forget(self) -> None:
        """Keep what the longest look back takes, once that is worth the while."""
        bins, kept = self._bins, KEPT_BINS
        if len(bins) - bins.count(None) > 2 * LONGEST_BINS:
            kept = LONGEST_BINS
        elif len(bins) < 2 * KEPT_BINS:
            return
        self._first = self._newest - kept + 1
        del bins[:-kept], self._packets[:-kept]

    def judge(self) -> None:
        """Read floor and trend anew."""
        if not self._bins:
            return
        if len(self._bins) > 2 * LONGEST_BINS:
            self._forget()
        newest = self._newest
        self.floor_us = self.floor_at(newest * BIN_US)
        self.rise = self._rise()
        elapsed_ms = min((newest - self._judged_bin) * BIN_US / 1000, LONGEST_MS)
        self._judged_bin = newest
        trend = _trend(self._bins[-WINDOW_BINS:])
        if trend is None:
            self.over, self.slope = False, 0.0
            return
        per_bin, span = trend
        self.slope = per_bin / BIN_US
        rise = per_bin / 1000 * span * GAIN
        self.over = rise > self._threshold
        self._learn(abs(rise), elapsed_ms)

    def _rise(self) -> float:
        """Return the latest rise that was not judged yet.

        Feedback comes each 50 to 100 ms: by then a line whose neighbours were heard of first may be
        sent less already.  That it bears no more than they do showed while it was not.
        """
        last = len(self._bins) - 1
        judged = min(self._judged_bin - self._first, last - 1)
        for place in range(last, max(judged, -1), -1):
            queue = self._bins[place]
            if queue is not None and queue >= (RISEN_US if place == last else PAST_US):
                rises = (self._rise_of(place + 1, count, least) for count, least in RISES)
                if rise := next((rise for rise in rises if rise), 0.0):
                    return rise
        return 0.0

    def _rise_of(self, end: int, count: int, least: float) -> float:
        """Return the slope of so many bins up to `end`, 0 where they do not rise straight."""
        begin = end - count
        last = _points(self._bins[max(begin, 0) : end])
        if len(last) < count or any(later <= sooner for (_, sooner), (_, later) in pairwise(last)):
            return 0.0
        before = self._bins[max(end - WINDOW_BINS, 0) : begin]
        calm = [queue for _, queue in _points(before)]
        if len(calm) < LEAST_CALM_BINS or max(calm) > CALM_US:
            return 0.0
        per_bin = _slope(last)
        middle = sum(queue for _, queue in last) / count
        bends = max(
            abs(queue - middle - per_bin * (place - (count - 1) / 2)) for place, queue in last
        )
        rise = per_bin / BIN_US
        return rise if rise >= least and bends <= STRAIGHT_US else 0.0

    def floor_at(self, at_us: int) -> float:
        """Return the least queue of the packets that left last before an instant."""
        bins, packets = self._bins, self._packets
        newest = at_us // BIN_US - self._first
        least, count = float("inf"), 0
        for back in range(LONGEST_BINS):
            place = newest - back
            if place < 0:
                break
            found = bins[place] if place < len(bins) else None
            if found is not None:
                count += packets[place]
                if found < least:
                    least = found
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


def _points(bins: list[float | None]) -> list[tuple[int, float]]:
    """Return the bins that have packets, with their places."""
    return [(place, least) for place, least in enumerate(bins) if least is not None]


def _trend(window: list[float | None]) -> tuple[float, int] | None:
    """Return the slope in us a bin, and over how many bins; None for too few."""
    whole = [least for least in window if least is not None]
    if len(whole) == WINDOW_BINS:  # nearly always: their places need no reckoning
        return sum(map(mul, _CENTRED, whole)) / _SPREAD, WINDOW_BINS - 1
    points = _points(window)
    if len(points) < LEAST_BINS:
        return None
    return _slope(points), points[-1][0] - points[0][0]


def _slope(points: list[tuple[int, float]]) -> float:
    """Return the least-squares slope."""
    mean_x = sum([x for x, _ in points]) / len(points)
    spread = risen = 0.0
    for x, y in points:
        away = x - mean_x
        spread += away * away
        risen += away * y
    return risen / spread if spread else 0.0
