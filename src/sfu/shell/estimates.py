r"""What each line bears: one estimator a line, fed with all that its paths tell.

::

    departures of the send log ----> LegBank  \
    transport-cc of browsers ------> Fed       \
    receiver reports --------------> Reported   >--> LineEstimator --> Estimate
    the line's own counter --------> Used      /          |
    what allocation would like ----> Limited  /           +--> Probe, on a picture's RTX
"""

from dataclasses import dataclass, field

import structlog

from sfu.media.bwe.estimator import LineEstimator
from sfu.media.bwe.word import (
    Closed,
    Estimate,
    Fed,
    Limited,
    ProbeEnded,
    Reported,
    StartProbe,
    StopProbe,
    Used,
)
from sfu.media.engine.command import Probe
from sfu.media.engine.snapshot import Snapshot
from sfu.model import LineId, SinkId, TransportId
from sfu.shell.legs import EngineLegs, LegBank
from sfu.shell.lines import AccessLine
from sfu.shell.patchbay import Patchbay

log = structlog.get_logger()

WORST_S = 10.0
UNKNOWN_BPS = 10_000_000
"""Start of a line nobody described: a meeting whole from its first second, cut by the first queue.

Whoever stands behind a thin line has it described; all others are on a LAN or on fibre.
"""


class Worst:
    """The greatest of the last ten to twenty seconds: a scrape comes rarely, a tick often."""

    def __init__(self) -> None:
        """Begin with none."""
        self._now = self._before = 0.0
        self._since = 0.0

    def take(self, value: float, now: float) -> None:
        """Take one value."""
        if now - self._since >= WORST_S:
            self._before = self._now if now - self._since < 2 * WORST_S else 0.0
            self._now, self._since = 0.0, now
        self._now = max(self._now, value)

    @property
    def value(self) -> float:
        """Return the greatest."""
        return max(self._now, self._before)


@dataclass(slots=True)
class _Watched:
    """One line, and what was told of it last."""

    line: AccessLine
    legs: EngineLegs
    estimator: LineEstimator
    sent_bytes: int = 0
    wants_bps: int | None = None
    said: Estimate | None = None
    paths: set[TransportId] = field(default_factory=set)
    probing: SinkId | None = None
    probes: int = 0
    cuts: int = 0
    waits: Worst = field(default_factory=Worst)


class Estimates:
    """The estimators of all lines somebody stands behind."""

    def __init__(self, patchbay: Patchbay) -> None:
        """Begin without a line."""
        self._bay = patchbay
        self._bank = LegBank()
        self._watched: dict[LineId, _Watched] = {}
        self._reported: dict[SinkId, int] = {}

    def watch(self, line: AccessLine) -> None:
        """Estimate a line from now on; once more changes nothing."""
        if line.line not in self._watched:
            self._watched[line.line] = _Watched(line, *self._estimator(line))

    def change(self, line: AccessLine) -> None:
        """Estimate a watched line anew: its rate or how it wraps packets is another."""
        one = self._watched[line.line]
        if one.probing is not None:
            self._bay.probe(Probe(line.line, one.probing, 0, 0))
        self._bank.forget_line(one.legs)
        one.line, one.probing, one.said = line, None, None
        one.legs, one.estimator = self._estimator(line)

    def forget(self, line: AccessLine) -> None:
        """Estimate a line no longer."""
        if one := self._watched.pop(line.line, None):
            self._bank.forget_line(one.legs)

    def _estimator(self, line: AccessLine) -> tuple[EngineLegs, LineEstimator]:
        legs = self._bank.line(line.encapsulation)
        return legs, LineEstimator(line.send_bps, line.encapsulation, UNKNOWN_BPS, legs)

    def of(self, line: LineId) -> Estimate:
        """Return what a watched line bears."""
        return self._watched[line].estimator.estimate

    def losses(self, line: LineId) -> tuple[int, int]:
        """Return packets lost and received on the way down since the start, as fed back."""
        return self._watched[line].estimator.losses

    def probes(self, line: LineId) -> int:
        """Count the probes of a line since the start."""
        return self._watched[line].probes if line in self._watched else 0

    def cuts(self, line: LineId) -> int:
        """Count how often its estimate fell since the start."""
        return self._watched[line].cuts if line in self._watched else 0

    def worst_wait_s(self, line: LineId) -> float:
        """Return the longest wait of a packet in the pacer lately."""
        return self._watched[line].waits.value if line in self._watched else 0.0

    def want(self, line: LineId, bps: int) -> None:
        """Say how much allocation would like to send."""
        if line in self._watched:
            self._watched[line].wants_bps = bps

    def hear(self, now: float) -> bool:
        """Take what was fed back, between ticks; tell whether the next one should not be awaited.

        Each 50 ms later, a line that halves has 50 ms more of queue before it is sent less.
        """
        hurried = False
        for fact in self._bay.take_arrivals():
            if watched := self._behind(fact.transport):
                estimator, before = watched.estimator, watched.estimator.cuts
                estimator.handle(Fed(fact.transport, fact.message), now)
                hurried |= estimator.cuts > before or estimator.hurries
        return hurried

    def tick(self, snapshot: Snapshot, now: float) -> None:
        """Take what was measured since the last time."""
        paths = self._paths(snapshot)
        self._bank.departed(snapshot.departures)
        self.hear(now)
        self._reports(snapshot, now)
        for one in self._watched.values():
            self._use(one, snapshot, now)
            self._follow(one, paths.get(one.line.line, set()), now)
            one.estimator.tick(now)
            self._probe(one, snapshot, now)
            self._tell(one)

    def _follow(self, one: _Watched, paths: set[TransportId], now: float) -> None:
        """Take in who came behind a line, and who left."""
        if paths == one.paths:
            return
        gone, one.paths = one.paths, paths
        for path in paths - gone:
            # a leg that feeds nothing back shows its queue by fresh round trips alone
            deaf = one.line.known and not self._bay.feeds_back(path)
            self._bay.reporter.set_sensing(path, on=deaf)
        for path in gone - paths:
            one.estimator.handle(Closed(path), now)

    def _reports(self, snapshot: Snapshot, now: float) -> None:
        """Take reports that are new; of several streams of a path each tells of the same way."""
        for sink, row in snapshot.sinks.items():
            watched = self._behind(row.transport)
            told = self._bay.reporter.reception(sink) if watched is not None else None
            if watched is None or told is None or self._reported.get(sink) == told.at_us:
                continue
            self._reported[sink] = told.at_us
            report = Reported(row.transport, told.fraction_lost, told.jitter_s, told.rtt_s)
            watched.estimator.handle(report, now)
        for sink in self._reported.keys() - snapshot.sinks.keys():
            del self._reported[sink]

    def _use(self, one: _Watched, snapshot: Snapshot, now: float) -> None:
        row = snapshot.lines.get(one.line.line)
        if row is not None:
            one.estimator.handle(Used(max(row.sent_bytes - one.sent_bytes, 0)), now)
            one.sent_bytes = row.sent_bytes
            one.waits.take(row.worst_wait_us / 1e6, now)
        if one.wants_bps is not None:
            one.estimator.handle(Limited(one.wants_bps), now)

    def _paths(self, snapshot: Snapshot) -> dict[LineId, set[TransportId]]:
        """Group the paths there are by their lines; have each stand there."""
        found: dict[LineId, set[TransportId]] = {}
        for path in snapshot.transports:
            line = self._bay.line_of(path)
            if line is None:
                continue
            found.setdefault(line, set()).add(path)
            if watched := self._watched.get(line):
                self._bank.put(path, watched.legs, ipv6=self._bay.is_ipv6(path))
        return found

    def _behind(self, transport: TransportId) -> _Watched | None:
        line = self._bay.line_of(transport)
        return self._watched.get(line) if line is not None else None

    def _probe(self, one: _Watched, snapshot: Snapshot, now: float) -> None:
        for output in one.estimator.poll():
            match output:
                case StartProbe():
                    self._start(one, output, snapshot, now)
                case StopProbe() if one.probing is not None:
                    self._bay.probe(Probe(one.line.line, one.probing, 0, 0))
                    one.probing = None
                case StopProbe():
                    pass  # none runs

    def _start(self, one: _Watched, order: StartProbe, snapshot: Snapshot, now: float) -> None:
        sink = self._carrier(one.line.line, snapshot)
        if sink is None:
            one.estimator.handle(ProbeEnded(), now)
            return
        one.probing, one.probes = sink, one.probes + 1
        log.info(
            "line_probed", site=one.line.site, line=one.line.name, rate_bps=order.rate_bps,
            available_bps=one.estimator.estimate.capacity_bps,
        )  # fmt: skip
        self._bay.probe(Probe(one.line.line, sink, order.rate_bps, order.duration_us))

    def _carrier(self, line: LineId, snapshot: Snapshot) -> SinkId | None:
        """Return a sink behind a line that can be repaired by RTX, the one that sent latest.

        It may be paused: a line that lost all its pictures has no other proof of room.
        """
        able = [
            row
            for row in snapshot.sinks.values()
            if self._bay.line_of(row.transport) == line and self._bay.has_rtx(row.sink)
        ]
        return max(able, key=lambda row: row.last_sent_us).sink if able else None

    def _tell(self, one: _Watched) -> None:
        """Say what changed much: a cut, and its end."""
        before = one.said
        if before is not None and not before.congested and not one.estimator.congested:
            return
        one.said = now = one.estimator.estimate
        if before is None:
            return
        if now.congested and before.congested:
            one.cuts += now.capacity_bps < before.capacity_bps
            return
        one.cuts += now.congested
        log.info(
            "line_congested" if now.congested else "line_free", site=one.line.site,
            line=one.line.name, available_bps=now.capacity_bps,
            required_bps=one.wants_bps or 0, queue_ms=round(1000 * now.queue_s),
            loss=round(now.loss, 3), why=now.why.value,
        )  # fmt: skip
