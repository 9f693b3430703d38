"""The clock of one leg against ours: which part of a delay is queue.

::

    delay = arrival (their clock) - departure (ours) = offset + skew * t + queue
    base  = the least delay of the last minute; what is above it is queue

A clock that runs fast lets the least of each span rise in a straight line, which no queue does for
a minute; that line is taken out.
"""

from dataclasses import dataclass
from math import inf

SPAN_US = 10_000_000
SPANS = 6
"""The minute of base."""
LARGEST_SKEW = 500e-6
"""NTP never slews faster."""
STRAIGHT_US = 2_000
"""The least delays of a clock's line are this close to it."""
STEP_US = 3_000_000
"""A delay that moves by more is a clock set anew, not a queue."""
PROVISIONAL_US = 5_000_000
"""So long another leg's queue dates the first packets of a leg that joined into it."""


@dataclass(slots=True)
class _Span:
    since_us: int
    at_us: int
    least: float


class LegClock:
    """Tells queue from delay; all in microseconds."""

    __slots__ = ("_assumed", "_assumed_until_us", "_older", "_skew", "_spans")

    def __init__(self) -> None:
        """Know nothing of the clock."""
        self._forget()

    def _forget(self) -> None:
        self._spans: list[_Span] = []
        self._older: float = inf
        self._skew = 0.0
        self._assumed = inf
        self._assumed_until_us = 0

    def queue_us(self, delay_us: int, at_us: int, standing_us: float) -> float:
        """Take one delay; return its part that is queue.

        `standing_us` is the queue other legs see now: a leg that joins a full line has never
        seen it empty.
        """
        spans = self._spans
        if spans and abs(delay_us - spans[-1].least) > STEP_US:
            self._forget()
            spans = self._spans
        if not spans:
            self._assumed, self._assumed_until_us = delay_us - standing_us, at_us + PROVISIONAL_US
            spans.append(_Span(at_us, at_us, delay_us))
        elif at_us - spans[-1].since_us >= SPAN_US:
            self._turn(delay_us, at_us)
        newest = spans[-1]
        if delay_us < newest.least + self._skew * (at_us - newest.at_us):
            newest.least, newest.at_us = delay_us, at_us
        base = newest.least + self._skew * (at_us - newest.at_us)
        older = self._older + self._skew * at_us
        base = older if older < base else base
        if at_us < self._assumed_until_us and self._assumed < base:
            base = self._assumed
        return max(delay_us - base, 0.0)

    def _turn(self, delay_us: int, at_us: int) -> None:
        """Begin another span; what rose in a straight line was the clock."""
        self._spans.append(_Span(at_us, at_us, delay_us))
        del self._spans[:-SPANS]
        past = self._spans[:-1]
        self._skew = _slope(past) if len(past) >= 4 else 0.0
        self._older = min(span.least - self._skew * span.at_us for span in past)


def _slope(spans: list[_Span]) -> float:
    """Return the slope of a straight line, 0 for any other shape."""
    origin = spans[0].at_us
    xs, ys = [span.at_us - origin for span in spans], [span.least for span in spans]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if not spread:
        return 0.0
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    if abs(slope) > LARGEST_SKEW:
        return 0.0
    off = max(abs(y - mean_y - slope * (x - mean_x)) for x, y in zip(xs, ys, strict=True))
    return slope if off <= STRAIGHT_US else 0.0
