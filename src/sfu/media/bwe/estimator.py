"""One estimator for one direction of one line; pure.

::

    departures, feedback of all legs --> queue, trend --.
    sounds that come up -----------------^              +--> control --> estimate
    receiver reports, where nothing faster is heard ----'      ^
    what allocation wants --> prober --StartProbe, StopProbe   |
                                 `---- what a probe carried ---'

The line's configured rate is the start and the ceiling; the estimator finds what takes it away.
Without one it begins low and finds the rate by probes.  Constants and why: docs/bwe.md.
"""

from collections import deque
from collections.abc import Iterator
from typing import assert_never

from sfu.media.bwe.clock import LegClock
from sfu.media.bwe.control import FALLING, SEEN_S, Control
from sfu.media.bwe.legs import Legs, PlainLegs
from sfu.media.bwe.losses import FREE_HEAVY, HEAVY, Losses
from sfu.media.bwe.prober import ABORT_US, ANSWER_S, STOOD_US, WORTH, Probe, Prober
from sfu.media.bwe.reports import LOSS, Reports, Verdict
from sfu.media.bwe.usage import Counter, Usage
from sfu.media.bwe.word import (
    Acked,
    Closed,
    Estimate,
    Event,
    Fed,
    Heard,
    Limited,
    Opposite,
    Output,
    ProbeEnded,
    Received,
    Reported,
    Sent,
    StartProbe,
    StopProbe,
    Used,
    Why,
    Wrapping,
)
from sfu.model import SourceId, TransportId

START_BPS = 600_000
"""Of a line nobody described, where its owner names no other start."""
STANDS_US = 25_000
CONFIRMS_US = 10_000
"""Jitter of 30 ms makes no queue of so much stand."""
DRAINED_US = 15_000
CLEAN_US = 20_000
GONE_S = 0.08
WINDOW_US = 250_000
FRESH_S = 0.5
"""Feedback comes each 50 to 250 ms."""
GOVERNS_S = 1.0
"""Feedback not older than this makes reports superfluous."""
CLEAN_S = 1.0
PROBE_CLEAN_S, FREE_PROBE_CLEAN_S = 5.0, 1.0
FIRST_PROBE_S = 10.0
"""Not in the first seconds of a call whose line is known."""
PROBE_BELOW = 0.9
"""Of the ceiling; the rest grows."""
TOO_MUCH_US = 100_000
"""No probe of ours leaves such a queue."""
REPORT_GROWTH = 1.03
REPORTS_APART_S = 0.2
SENSED_CUT_S, GLIMPSED_CUT_S = 0.5, 1.2
MAX_EARLY = 256


class LineEstimator:
    """Detects what takes a line's capacity away; without a ceiling, searches for it."""

    def __init__(
        self,
        ceiling_bps: int | None,
        encapsulation: Wrapping,
        start_bps: int = START_BPS,
        legs: Legs | None = None,
    ) -> None:
        """Start at the ceiling where one is configured, else at `start_bps`.

        `legs` match packets with feedback, where the reference in Python is not to.
        """
        self._ceiling_bps = ceiling_bps
        self._outputs: deque[Output] = deque()
        self._legs = legs if legs is not None else PlainLegs(encapsulation)
        self._voices: dict[SourceId, LegClock] = {}
        self._delays = self._legs.delays
        self._usage = Usage()
        self._received = Counter()
        self._losses = Losses(FREE_HEAVY if ceiling_bps is None else HEAVY)
        self._reports = Reports()
        self._control = Control(ceiling_bps or start_bps, ceiling_bps)
        self._prober = Prober(ceiling_bps)
        self._limited = Limited(0)
        self._verdict: Verdict | None = None
        self._reported_at = self._acked_at = self._heard_at = self._dirty_at = -1e9
        self._since: float | None = None
        """When the first feedback came."""
        self._gone_since: float | None = None
        self._early: deque[Acked | Fed] = deque(maxlen=MAX_EARLY)
        self._probed_queue = False
        """As of the latest packets told of."""

    # ---- what it says

    @property
    def estimate(self) -> Estimate:
        """Tell what the line bears."""
        control = self._control
        return Estimate(
            int(control.capacity),
            self._queue_s(),
            self._losses.share if self._since is not None else self._reported_loss(),
            control.congested,
            control.why,
            self._probed_queue,
            int(min(control.proven_bps, control.capacity)),
        )

    @property
    def losses(self) -> tuple[int, int]:
        """Return packets lost and received since the start, as fed back for each of them."""
        return self._losses.total

    @property
    def congested(self) -> bool:
        """Tell whether the line has been cut, and its queue not gone since."""
        return self._control.congested

    @property
    def cuts(self) -> int:
        """Count the decreases."""
        return self._control.cuts

    @property
    def hurries(self) -> bool:
        """Tell whether a probe waits to be stopped."""
        return any(isinstance(one, StopProbe) for one in self._outputs)

    @property
    def deadline(self) -> float | None:
        """When a probe ends, or is given up."""
        probe = self._prober.probe
        if probe is None:
            return None
        return probe.ends + ANSWER_S if probe.ended else probe.ends

    def poll(self) -> Iterator[Output]:
        """Yield what to do about probes, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def _queue_s(self) -> float:
        if self._heard_at >= self._reported_at - GOVERNS_S:
            return self._delays.floor_us / 1e6
        return (self._verdict.queue_s or 0.0) if self._verdict else 0.0

    def _reported_loss(self) -> float:
        return self._verdict.loss if self._verdict else 0.0

    # ---- what it is told

    def handle(self, event: Event, now: float) -> None:
        """Take one event."""
        match event:
            case Fed() | Acked():
                self._feedback(event, now)
            case Used():
                self._usage.sent(self._legs.take_sent())
                self._usage.used(event.line_bytes, now)
            case Heard():
                self._heard(event, now)
            case Received():
                self._received.add(event.line_bytes, now)
            case Reported():
                self._reported(event, now)
            case Opposite():
                self._reports.opposite_s = event.queue_s
            case Limited():
                self._limited = event
                if not event.may_probe:
                    self._give_up(now)
            case ProbeEnded():
                if self._prober.probe is not None:
                    self._prober.told_nothing(now)
            case Sent():
                self._legs.sent(event)
            case Closed():
                self._close(event)
            case _:
                assert_never(event)

    def tick(self, now: float) -> None:
        """Let time pass: grow, probe, end a probe."""
        while self._early:
            self._acked(self._early.popleft(), now)
        probe = self._prober.probe
        if probe is not None:
            self._end_probe(probe, now)
        elif self._line_is_clean(now):
            self._control.grow(self._carried_bps(), now)
            self._begin_probe(now)

    def _close(self, event: Closed) -> None:
        self._legs.close(TransportId(event.path))
        self._voices.pop(SourceId(event.path), None)
        self._reports.close(TransportId(event.path))

    # ---- delays

    def _feedback(self, event: Acked | Fed, now: float) -> None:
        """Take a message at once, or when the departures it tells of are known: with the tick."""
        if self._early or not self._legs.knows(event):
            self._early.append(event)
        else:
            self._acked(event, now)

    def _acked(self, event: Acked | Fed, now: float) -> None:
        standing_us = self._delays.floor_us if now - self._acked_at < FRESH_S else 0.0
        told = self._legs.told(event, standing_us)
        if told is None:
            return
        self._acked_at = now
        if self._since is None:
            self._since = now
        if self._losses.add(*told, now) and self._losses.heavy_spans >= 2:
            self._control.lossy(self._carried_bps(), self._losses.latest, now)
        self._judge(now)

    def _heard(self, event: Heard, now: float) -> None:
        clock = self._voices.setdefault(event.source, LegClock())
        delay_us = event.arrived_us - event.sent_us
        standing_us = self._delays.floor_us if now - self._heard_at < FRESH_S else 0.0
        queue_us = clock.queue_us(delay_us, event.arrived_us, standing_us)
        self._delays.add(event.arrived_us - int(queue_us), queue_us)
        self._judge(now)

    def _judge(self, now: float) -> None:
        """Look at the queue as it is with the latest packets."""
        delays, control = self._delays, self._control
        delays.judge()
        self._heard_at = now
        floor_us = delays.floor_us
        quiet = self._prober.quiet(now, floor_us)
        self._probed_queue = not quiet
        if floor_us >= CLEAN_US and quiet:
            self._dirty_at = now
        if self._prober.probe is not None:
            self._watch_probe(self._prober.probe, now)
        elif floor_us >= TOO_MUCH_US or (quiet and (self._is_over() or delays.rise)):
            self._gone_since = None
            control.over(
                self._through_bps(),
                self._usage.all.bps(FRESH_S),
                Why.DELAY,
                now,
                settled=self._is_settled(),
                falls=self._falls(),
            )
        elif control.congested:
            self._see_it_drain(now)

    def _is_over(self) -> bool:
        floor_us = self._delays.floor_us
        return floor_us >= STANDS_US or (self._delays.over and floor_us >= CONFIRMS_US)

    def _through_bps(self) -> float:
        """Return what gets through a line that is too small for what it is sent.

        At the start of a queue seldom a packet has waited long enough to measure that; but a queue
        that grows by `rise` seconds a second is sent 1 + rise times what goes through.
        """
        if self._delays.rise and not self._is_over():
            guess = self._usage.all.bps(FRESH_S) / (1 + self._delays.rise)
            return max(guess, self._busy_bps() or 0.0)  # pictures rise steeper than their mean
        return self._carried_bps(busy=True)

    def _is_settled(self) -> bool:
        """Tell whether packets sent since the last cut met a queue that does not go."""
        return self._seen() and self._delays.slope > FALLING

    def _falls(self) -> bool:
        """Tell whether packets sent since the last cut met a queue that goes."""
        return self._seen() and self._delays.slope <= FALLING

    def _seen(self) -> bool:
        return self._delays.newest_us / 1e6 - self._control.cut_at >= SEEN_S

    def _see_it_drain(self, now: float) -> None:
        if self._delays.floor_us >= DRAINED_US:
            self._gone_since = None
            self._control.passing(self._carried_bps(busy=True))
            return
        if self._gone_since is None:
            self._gone_since = now
            self._control.emptied(now)
        if now - self._gone_since >= GONE_S:
            self._gone_since = None
            self._control.drained(now)

    def _carried_bps(self, *, busy: bool = False) -> float:
        """Return what gets through the line; `busy`: by packets that waited in it."""
        if self._voices and not len(self._legs):
            return self._received.bps(FRESH_S)
        slope = max(self._delays.slope, 0.0) if busy else 0.0
        return self._told_bps(busy=busy) + self._usage.silent_bps / (1 + slope)

    def _told_bps(self, *, busy: bool) -> float:
        legs = self._legs
        rate = legs.carried_bps(WINDOW_US, busy=True) if busy else None
        if rate is None:
            rate = legs.carried_bps(WINDOW_US if busy else 2 * WINDOW_US)
        return rate or 0.0

    def _busy_bps(self) -> float | None:
        """Return what gets through while the line is at work; None if it was not long enough."""
        told = self._legs.carried_bps(WINDOW_US, busy=True)
        return None if told is None else told + self._usage.silent_bps

    # ---- probes

    def _line_is_clean(self, now: float) -> bool:
        return (
            now - self._heard_at < FRESH_S
            and now - self._dirty_at >= CLEAN_S
            and not self._control.congested
            and self._prober.quiet(now, self._delays.floor_us)
            and (self._ceiling_bps is None or self._control.capacity < self._ceiling_bps)
        )

    def _begin_probe(self, now: float) -> None:
        capacity, free = self._control.capacity, self._ceiling_bps is None
        if self._since is None or now - self._acked_at >= FRESH_S or not self._limited.may_probe:
            return
        if self._limited.wanted_bps < WORTH * capacity or not self._control.may_rise(now):
            return
        if now - self._dirty_at < (FREE_PROBE_CLEAN_S if free else PROBE_CLEAN_S):
            return
        if self._ceiling_bps is not None and (
            capacity >= PROBE_BELOW * self._ceiling_bps or now - self._since < FIRST_PROBE_S
        ):
            return
        probe = self._prober.start(capacity, self._limited.wanted_bps, now)
        if probe is not None:
            probe.floor_us = self._delays.floor_us
            self._legs.probe(probe.began, probe.ends)
            duration_us = round((probe.ends - probe.began) * 1e6)
            self._outputs.append(StartProbe(probe.rate_bps, duration_us))

    def _watch_probe(self, probe: Probe, now: float) -> None:
        """Stop at the first queue; judge when its last packets were told of."""
        floor_us = self._delays.floor_us
        if floor_us - probe.floor_us >= ABORT_US or self._losses.heavy_spans:
            self._fail(probe, now)
            return
        if not probe.ended or self._delays.newest_us / 1e6 < probe.ends - 0.02:
            return
        floor_us = self._delays.floor_at(round(probe.ends * 1e6))
        if floor_us - probe.floor_us >= STOOD_US:
            self._fail(probe, now)
            return
        grown_s = max(floor_us - probe.floor_us, 0.0) / 1e6
        carried = self._probe_carried() / (1 + grown_s / (probe.ends - probe.began))
        if carried < WORTH * self._control.capacity:
            self._prober.told_nothing(now)
            return
        self._prober.succeeded(now)
        self._control.proven(min(carried, probe.rate_bps))

    def _probe_carried(self) -> float:
        probed = self._legs.probed
        if probed is None:
            return 0.0
        run_us = max(probed.last_us - probed.first_us, 1)
        return probed.line_bytes * 8e6 / run_us + self._usage.silent_bps

    def _fail(self, probe: Probe, now: float) -> None:
        if not probe.ended:
            self._outputs.append(StopProbe())
        self._control.ended_at(self._busy_bps(), now)
        self._prober.failed(probe.rate_bps, self._delays.floor_us, now)

    def _give_up(self, now: float) -> None:
        probe = self._prober.probe
        if probe is not None:
            if not probe.ended:
                self._outputs.append(StopProbe())
            self._prober.told_nothing(now)

    def _end_probe(self, probe: Probe, now: float) -> None:
        if not probe.ended and now - self._acked_at >= FRESH_S:
            self._give_up(now)  # blind
        elif not probe.ended and now >= probe.ends:
            probe.ended = True
        elif probe.ended and now >= probe.ends + ANSWER_S:
            self._prober.told_nothing(now)

    # ---- reports

    def _reported(self, event: Reported, now: float) -> None:
        verdict = self._verdict = self._reports.heard(event, now)
        apart_s = now - self._reported_at
        self._reported_at = now
        if now - self._acked_at < GOVERNS_S:
            return  # feedback is faster
        control = self._control
        used = self._usage.all.bps()
        if verdict.over:
            if now - control.cut_at >= (SENSED_CUT_S if verdict.sensed else GLIMPSED_CUT_S):
                settled = not verdict.sensed or verdict.slope > FALLING
                carried = used * (1 - verdict.loss) / (1 + max(verdict.slope, 0.0))
                glimpsed = not verdict.sensed
                control.over(carried, 0.0, Why.REPORTS, now, settled=settled, glimpsed=glimpsed)
                if verdict.loss <= LOSS:
                    control.forget_through()  # how much got through only a full queue tells
            return
        if verdict.queue_s is None or verdict.clean:
            control.drained(now)
        if verdict.clean and apart_s >= REPORTS_APART_S:
            control.step(REPORT_GROWTH, used, now)
