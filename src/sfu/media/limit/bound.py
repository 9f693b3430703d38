"""What one receiver takes of pictures, besides what its description says: the least of its words.

::

    TMMBR   -> Limited    its order: holds until it says otherwise
    REMB    -> Estimated  its belief: binds while it is below what is sent, then follows it up

A change is told at most each `CHANGE_S`: a receiver that talks without end costs its sources one
order in that time.  No word of a receiver goes below `LEAST_BPS`: what it takes is asked of a
source for all who watch.
"""

from dataclasses import dataclass
from typing import assert_never

LEAST_BPS = 64_000
"""Below this no picture moves."""
CHANGE_S = 0.5
ESTIMATE_S = 10.0
"""An estimate that is not said again for so long holds no more."""
RISE = 1.15
"""Estimates creep up: smaller rises are not worth a word."""


@dataclass(frozen=True, slots=True)
class Limited:
    """It takes no more than this: bit/s of payload."""

    bps: int


@dataclass(frozen=True, slots=True)
class Estimated:
    """It believes its path bears this, and is sent that: bit/s of payload."""

    bps: int
    sent_bps: int


class ReceiverBound:
    """The bound of one receiver; owns no socket, reads no clock."""

    def __init__(self) -> None:
        """Begin without a word of it."""
        self.takes_bps = 0
        """Most that shall be sent to it, 0 for no limit."""
        self._limit = 0
        self._estimate = 0
        self._estimated_at = float("-inf")
        self._told_at = float("-inf")

    def handle(self, event: Limited | Estimated, now: float) -> None:
        """Take one word of it."""
        match event:
            case Limited():
                self._limit = max(event.bps, LEAST_BPS)
            case Estimated():
                self._estimate_heard(event, now)
            case _:
                assert_never(event)
        self.tick(now)

    def tick(self, now: float) -> None:
        """Let time pass: forget what is old, tell what has changed."""
        if now - self._estimated_at > ESTIMATE_S:
            self._estimate = 0
        takes = min(filter(None, (self._limit, self._estimate)), default=0)
        if takes != self.takes_bps and now >= self._told_at + CHANGE_S:
            self.takes_bps, self._told_at = takes, now

    def _estimate_heard(self, event: Estimated, now: float) -> None:
        self._estimated_at = now
        bps = max(event.bps, LEAST_BPS)
        falls = bps < (self._estimate or event.sent_bps)
        rises = self._estimate and bps > self._estimate * RISE
        if falls or rises:
            self._estimate = bps
