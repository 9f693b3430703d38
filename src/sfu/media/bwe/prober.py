"""Probes: is there more room than we believe?  Small, bounded, aborted at the first queue.

::

    idle --something waits, the line is clean--> running --its time, or a queue--> settling --> idle
                                                                    `-- judged: room, or none

A failure makes the next probes smaller and, after some, rarer; a success makes the next one come
at once.  The rate of the failure is remembered.
"""

from dataclasses import dataclass

RUN_S, LEAST_RUN_S = 0.3, 0.15
PACKETS, PACKET_BITS, LONGEST_RUN_S = 8, 11_000, 0.5
"""Fewer tell no rate: on a thin line it is longer."""
LEFT_S = 0.035
"""The queue a probe may leave where there is no room at all: it is shorter the farther it goes."""
SETTLE_S, LONGEST_SETTLE_S = 0.6, 2.0
"""What a probe left in the queue is not held against the line, nor while it goes."""
ANSWER_S = 1.5
"""No feedback by then: the probe told nothing."""
STEP, SMALL_STEP = 0.15, 0.075
"""Of the ceiling."""
OVER_WANTED = 1.15
LARGEST_STEP = 0.25
"""Of the estimate: `LEFT_S` in `LEAST_RUN_S`."""
UNKNOWN_STEP = 0.5
"""The same, while a line nobody described has not shown its end."""
RETRY_S, RETRY_GROWTH, PATIENT = 2.0, 1.5, 18
"""The first failures are retried evenly: a line that was retrained comes back within 8 s."""
LONGEST_RETRY_S = 120.0
AGAIN_S = 0.1
ABORT_US = 30_000.0
STOOD_US = 10_000.0
"""The queue at its end that says the line could not carry it."""
WORTH = 1.02
"""A probe that carried less over the estimate proved nothing."""
MEMORY_S = 60.0


@dataclass(slots=True)
class Probe:
    """One that runs or was just sent."""

    rate_bps: int
    began: float
    ends: float
    floor_us: float
    """The queue before it."""
    ended: bool = False


class Prober:
    """Says when and how far; the estimator judges what came back."""

    def __init__(self, ceiling_bps: int | None) -> None:
        """Be ready at once."""
        self.probe: Probe | None = None
        self._ceiling_bps = ceiling_bps
        self._next_at = self._failed_at = -1e9
        self._left_us = 0.0
        self._failures = 0
        self._failed: tuple[float, float] | None = None
        """(rate, when)."""
        self._bounded = False
        """Whether the line has shown an end."""

    def quiet(self, now: float, floor_us: float) -> bool:
        """Tell whether the queue there is now was not left by a probe."""
        if self.probe is not None or now - self._failed_at < SETTLE_S:
            return False
        return now - self._failed_at >= LONGEST_SETTLE_S or floor_us > self._left_us

    def start(self, capacity_bps: float, wanted_bps: float, now: float) -> Probe | None:
        """Begin one if its time has come; the caller has looked at the line."""
        if self.probe is not None or now < self._next_at:
            return None
        rate = capacity_bps + min(
            OVER_WANTED * (wanted_bps - capacity_bps), self._step(capacity_bps, now)
        )
        if self._ceiling_bps is not None:
            rate = min(rate, self._ceiling_bps)
        if rate < WORTH * capacity_bps:
            return None
        run_s = min(max(LEFT_S * capacity_bps / (rate - capacity_bps), LEAST_RUN_S), RUN_S)
        run_s = min(max(run_s, PACKETS * PACKET_BITS / rate), LONGEST_RUN_S)
        self.probe = Probe(round(rate), now, now + run_s, 0.0)
        return self.probe

    def _step(self, capacity_bps: float, now: float) -> float:
        if self._ceiling_bps is None:
            return capacity_bps * (LARGEST_STEP if self._bounded else UNKNOWN_STEP)
        step = min(STEP * self._ceiling_bps, LARGEST_STEP * capacity_bps)
        if self._failed and now - self._failed[1] < MEMORY_S and self._failures:
            rate = self._failed[0]
            if capacity_bps + step > 0.95 * rate:
                return min(SMALL_STEP * self._ceiling_bps, step)
        return step

    def succeeded(self, now: float) -> None:
        """Go on with the next soon."""
        self.probe, self._failures, self._failed = None, 0, None
        self._next_at = now + AGAIN_S

    def failed(self, rate_bps: float, floor_us: float, now: float) -> None:
        """Remember the rate; wait."""
        self.probe = None
        self._bounded = True
        self._failed_at, self._left_us = now, floor_us
        wait = RETRY_S * RETRY_GROWTH ** min(max(self._failures - PATIENT, 0), 20)
        self._failures += 1
        self._failed = rate_bps, now
        self._next_at = now + min(wait, LONGEST_RETRY_S)

    def told_nothing(self, now: float) -> None:
        """Try again later: nothing was sent, or nothing was heard."""
        self.probe = None
        self._next_at = now + RETRY_S

    def shown_its_end(self) -> None:
        """Take smaller steps from now on: the line has had a queue."""
        self._bounded = True
