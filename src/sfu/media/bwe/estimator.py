"""One estimator for one direction of one line; pure."""

from collections import deque
from collections.abc import Iterator

from sfu.media.bwe.word import Estimate, Event, Output, Why, Wrapping

START_BPS = 600_000
"""Of a line nobody described."""


class LineEstimator:
    """Detects what takes a line's capacity away; without a ceiling, searches for it."""

    def __init__(self, ceiling_bps: int | None, encapsulation: Wrapping) -> None:
        """Start at the ceiling where one is configured, else low."""
        self.deadline: float | None = None
        self._ceiling_bps = ceiling_bps
        self._encapsulation = encapsulation
        self._outputs: deque[Output] = deque()

    @property
    def estimate(self) -> Estimate:
        """Tell what the line bears."""
        if self._ceiling_bps is None:
            return Estimate(START_BPS, 0.0, 0.0, False, Why.START)
        return Estimate(self._ceiling_bps, 0.0, 0.0, False, Why.CONFIGURED)

    def handle(self, event: Event, now: float) -> None:
        """Take one event."""

    def tick(self, now: float) -> None:
        """Let time pass."""

    def poll(self) -> Iterator[Output]:
        """Yield what to do about probes, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()
