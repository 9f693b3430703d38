"""Legs without transport-wide feedback: what receiver reports say of a line's queue.

::

    queue = round trip - least round trip of 10 minutes - queue of the other direction

A report each 2.5 or 5 s is one glimpse; four samples a second are a sensor and believed sooner.
"""

from dataclasses import dataclass, field
from math import inf

from sfu.media.bwe.word import Reported
from sfu.model import TransportId

SPAN_S = 60.0
SPANS = 10
SENSOR_S = 0.6
"""Samples closer than this make a sensor."""
QUEUE_S, SENSED_QUEUE_S = 0.060, 0.030
CLEAN_S = 0.020
SPARSE_CLEAN_S = 0.040
"""Of single glimpses, which contain the jitter of two directions."""
LOSS = 0.02
HEAVY_LOSS = 0.15
"""No line's noise."""
JITTER_S = 0.010
"""Until it is told of."""
STALE_S = 12.0
APART_S = 0.05
GLIMPSE_S = 1.2
"""Queues this close tell how fast one grew."""


@dataclass(slots=True)
class _Leg:
    spans: list[tuple[float, float]] = field(default_factory=list)
    """(since, least round trip)."""
    heard_at: float = -inf
    every_s: float = 5.0
    queue_s: float | None = None
    queue_at: float = -inf
    before_s: float | None = None
    loss: float = 0.0
    jitter_s: float = JITTER_S
    lossy: int = 0
    """Reports in a row that told of loss."""
    told: float = -inf


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one report says of the line."""

    over: bool
    clean: bool
    queue_s: float | None
    loss: float
    slope: float
    """Of the queue, where two glimpses were close."""
    sensed: bool


class Reports:
    """Reads the reports of all such legs of one line."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self._legs: dict[TransportId, _Leg] = {}
        self.opposite_s = 0.0
        """The queue of the line's other direction."""

    def close(self, transport: TransportId) -> None:
        """Forget a leg."""
        self._legs.pop(transport, None)

    def heard(self, event: Reported, now: float) -> Verdict:
        """Take one report."""
        leg = self._legs.setdefault(event.transport, _Leg())
        if now - leg.heard_at > 0.1:  # blocks of one compound come together
            leg.every_s += (min(now - leg.heard_at, 5.0) - leg.every_s) / 2
            leg.heard_at = now
        if event.jitter_s is not None:
            leg.jitter_s = event.jitter_s
        slope = self._glimpse(leg, event.rtt_s, now) if event.rtt_s is not None else 0.0
        if event.loss is not None and now - leg.told > 0.1:
            leg.told = now
            leg.lossy = leg.lossy + 1 if event.loss > LOSS else 0
            leg.loss = event.loss
        sensed = leg.every_s < SENSOR_S
        queue_s = leg.queue_s if now - leg.queue_at < STALE_S else None
        return Verdict(
            self._over(leg, queue_s, sensed),
            queue_s is not None
            and queue_s < (CLEAN_S if sensed else SPARSE_CLEAN_S)
            and leg.loss < HEAVY_LOSS,
            queue_s,
            leg.loss,
            slope,
            sensed,
        )

    def _over(self, leg: _Leg, queue_s: float | None, sensed: bool) -> bool:
        if queue_s is None:
            return leg.lossy >= 2  # nothing tells noise from a full queue
        if leg.loss > HEAVY_LOSS:
            return True
        if sensed:
            # jitter comes and goes between two samples, a queue does not
            stood = (leg.before_s or 0.0) > CLEAN_S
            return queue_s > SENSED_QUEUE_S + (0.0 if stood else 2 * leg.jitter_s)
        return queue_s > QUEUE_S or (leg.loss > LOSS and queue_s > SENSED_QUEUE_S)

    def _glimpse(self, leg: _Leg, rtt_s: float, now: float) -> float:
        spans = leg.spans
        if not spans or now - spans[-1][0] >= SPAN_S:
            spans.append((now, rtt_s))
            del spans[:-SPANS]
        elif rtt_s < spans[-1][1]:
            spans[-1] = spans[-1][0], rtt_s
        queue_s = max(rtt_s - min(least for _, least in spans) - self.opposite_s, 0.0)
        slope = 0.0
        if leg.queue_s is not None and now - leg.queue_at > 0.1:
            grown_s = queue_s - leg.queue_s
            # each tells of the moment it was sent, and the longer the queue the later it is back
            if now - leg.queue_at < GLIMPSE_S:
                slope = grown_s / max(now - leg.queue_at - grown_s, APART_S)
            leg.before_s = leg.queue_s
        leg.queue_s, leg.queue_at = queue_s, now
        return slope
