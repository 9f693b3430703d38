r"""What each line bears on the way up, where somebody behind it sends without minding its queue.

::

    arrivals of each sound, beside its RTP time ----> Heard     \
    all that came up the line, by the engine -------> Received    >--> LineEstimator --> Estimate
    the queue on the way down ----------------------> Opposite  /

A browser whose packets we acknowledge one by one slows down by itself; a room codec sends what it
was told until it is told less.  So only lines with such a sender are watched, and all sound behind
them tells, browsers' too.  We cannot probe that way: what is up again shows as it fills.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from sfu.media.bwe.estimator import LineEstimator
from sfu.media.bwe.word import Closed, Estimate, Heard, Opposite, Received
from sfu.media.engine.snapshot import Snapshot, SourceRow
from sfu.model import Kind, LineId, SourceId
from sfu.shell.lines import AccessLine
from sfu.shell.patchbay import Patchbay

log = structlog.get_logger()

SILENT_US = 250_000
"""A sound that came again after so long is dated anew: its clock may have stood meanwhile."""


@dataclass(slots=True)
class _Voice:
    """Where the latest packet of a sound stood."""

    ssrc: int
    timestamp: int
    """Without its wrap, RTP clock."""
    arrived_us: int


@dataclass(slots=True)
class _Watched:
    line: AccessLine
    estimator: LineEstimator
    received_bytes: int
    voices: dict[SourceId, _Voice] = field(default_factory=dict)
    congested: bool = False


class Upward:
    """The estimators of all lines that room codecs send up."""

    def __init__(self, patchbay: Patchbay) -> None:
        """Begin without a line."""
        self._bay = patchbay
        self._watched: dict[LineId, _Watched] = {}

    def of(self, line: LineId) -> Estimate | None:
        """Return what a line bears; None where nobody has to be told."""
        watched = self._watched.get(line)
        return watched.estimator.estimate if watched is not None else None

    def forget(self, line: LineId) -> None:
        """Begin anew with a line that is another now, or no more."""
        self._watched.pop(line, None)

    def tick(
        self,
        lines: Iterable[AccessLine],
        snapshot: Snapshot,
        queues_s: dict[LineId, float],
        now: float,
    ) -> None:
        """Take what came since the last time; `queues_s` are those on the way down."""
        heedless = self._heedless(snapshot)
        for line in lines:
            if line.receive_bps is None or line.line not in heedless:
                self._watched.pop(line.line, None)
                continue
            row = snapshot.lines.get(line.line)
            received = row.received_bytes if row is not None else 0
            one = self._watched.get(line.line)
            if one is None:
                estimator = LineEstimator(line.receive_bps, line.encapsulation)
                one = self._watched[line.line] = _Watched(line, estimator, received)
            one.estimator.handle(Received(max(received - one.received_bytes, 0)), now)
            one.received_bytes = received
            one.estimator.handle(Opposite(queues_s.get(line.line, 0.0)), now)
            self._hear(one, heedless[line.line], now)
            one.estimator.tick(now)
            self._tell(one)

    def _heedless(self, snapshot: Snapshot) -> dict[LineId, list[SourceRow]]:
        """Group all sounds by line, of lines with a picture whose sender minds no queue."""
        sounds: dict[LineId, list[SourceRow]] = {}
        found: set[LineId] = set()
        for row in snapshot.sources.values():
            line = self._bay.line_of(row.transport)
            if line is None or row.codec is None:
                continue
            if row.codec.kind is Kind.AUDIO:
                sounds.setdefault(line, []).append(row)
            elif row.codec.kind is Kind.VIDEO and not self._bay.feeds_back(row.transport):
                found.add(line)
        return {line: sounds[line] for line in found & sounds.keys()}

    def _hear(self, one: _Watched, rows: list[SourceRow], now: float) -> None:
        for row in rows:
            if not row.last_arrival_us or row.codec is None:
                continue
            last = one.voices.get(row.source)
            if last is not None and row.last_arrival_us == last.arrived_us:
                continue
            if last is not None and (
                row.ssrc != last.ssrc or row.last_arrival_us - last.arrived_us > SILENT_US
            ):
                one.estimator.handle(Closed(row.source), now)
                last = None
            timestamp = row.last_timestamp
            if last is not None:
                step = timestamp - last.timestamp & 0xFFFFFFFF
                if step >= 1 << 31:
                    continue  # out of order: the later one has been heard
                timestamp = last.timestamp + step
            one.voices[row.source] = _Voice(row.ssrc, timestamp, row.last_arrival_us)
            sent_us = timestamp * 1_000_000 // row.codec.clock_hz
            one.estimator.handle(Heard(row.source, sent_us, row.last_arrival_us), now)
        for source in one.voices.keys() - {row.source for row in rows}:
            del one.voices[source]
            one.estimator.handle(Closed(source), now)

    def _tell(self, one: _Watched) -> None:
        estimate = one.estimator.estimate
        if estimate.congested == one.congested:
            return
        one.congested = estimate.congested
        log.info(
            "line_congested_up" if one.congested else "line_free_up", site=one.line.site,
            line=one.line.name, available_bps=estimate.capacity_bps,
            required_bps=one.line.receive_bps, queue_ms=round(1000 * estimate.queue_s),
            why=estimate.why.value,
        )  # fmt: skip
