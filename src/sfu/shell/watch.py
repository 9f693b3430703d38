"""What each stream and line carries now, and each line's last hour: numbers for who looks on.

::

    snapshots --each second--> marks of the last few seconds --> Flow: rate, loss, jitter
              --each tick----> the loudest level of the last second      while somebody looks
              --each 10 s----> a sample of each configured line, HOUR of them kept

Counters run since their streams began; what a person wants to know is what happens now.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sfu.media.engine.snapshot import SinkRow, Snapshot
from sfu.model import Codec, LineId, MemberId, RoomId, SinkId, SourceId, TransportId
from sfu.shell.leg import Leg
from sfu.shell.meeting import Meeting
from sfu.shell.patchbay import Patchbay
from sfu.shell.sharing import Sharing

EVERY_S = 1.0
MARKS = 4
"""A rate is of three seconds: a key frame is no rise, and a stop is seen soon."""
SAMPLE_S = 10.0
HOUR = 360
"""Samples kept of each line: 300 lines cost some 20 MB."""
LOOKED_S = 15.0
"""So long somebody is taken to look on: what nobody looks at is not reckoned."""
SILENT_DBOV = 127


@dataclass(frozen=True, slots=True)
class Flow:
    """One kind of media of one member, one way."""

    codec: Codec
    bps: int
    """Payload and RTP headers of all its streams; sent: payload."""
    loss: float
    """Of 1: of what came, of the last seconds; of what was sent, as its receiver told last."""
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class Flows:
    """What a member sends us and is sent."""

    sound_in: Flow | None = None
    picture_in: Flow | None = None
    sound_out: Flow | None = None
    picture_out: Flow | None = None
    rtt_s: float | None = None
    level_dbov: int = SILENT_DBOV
    """Loudest of the last second."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A line at one moment; rates of the seconds before it, in bit/s on the line."""

    at: float
    """By the engine's clock."""
    sent_bps: int
    received_bps: int
    estimate_bps: int
    queue_ms: int
    dropped: int
    """Packets of pictures that never left, since the sample before."""
    paused: int
    """Places that have less than they want."""


class Rates:
    """Differences of counters over the last few seconds, by whatever they belong to."""

    def __init__(self) -> None:
        """Know no counter."""
        self._marks: dict[Hashable, deque[tuple[float, tuple[int, ...]]]] = {}

    def take(self, rows: Iterable[tuple[Hashable, tuple[int, ...]]], now: float) -> None:
        """Take all counters of one moment; those not named are forgotten."""
        marks = {}
        for key, counts in rows:
            kept = self._marks.get(key) or deque(maxlen=MARKS)
            if kept and counts[0] < kept[-1][1][0]:
                kept.clear()  # begun anew; losses may fall
            kept.append((now, counts))
            marks[key] = kept
        self._marks = marks

    def moved(self, key: Hashable) -> tuple[float, tuple[int, ...]]:
        """Return over how many seconds it counted, and by how much each grew; 0: not known yet."""
        kept = self._marks.get(key)
        if kept is None or len(kept) < 2:
            return 0.0, ()
        (began, first), (ended, last) = kept[0], kept[-1]
        return ended - began, tuple(b - a for a, b in zip(first, last, strict=True))


class Watch:
    """Looks at all meetings and lines of a house."""

    def __init__(self, patchbay: Patchbay, sharing: Sharing) -> None:
        """Begin with nothing seen."""
        self._bay, self._sharing = patchbay, sharing
        self._rates = Rates()
        self._loud: dict[MemberId, int] = {}
        self._next = self._sample_at = 0.0
        self._looked_at = float("-inf")
        self._dropped: dict[LineId, int] = {}
        self.flows: dict[MemberId, Flows] = {}
        self.hours: dict[LineId, deque[Sample]] = {}
        """Oldest first."""

    def look(self, now: float) -> None:
        """Have what members send and are sent reckoned from now on, for some seconds."""
        self._looked_at = now

    def tick(self, meetings: Mapping[RoomId, Meeting], snapshot: Snapshot, now: float) -> None:
        """Take one tick in."""
        looked = now - self._looked_at < LOOKED_S
        for meeting in meetings.values() if looked else ():
            for member, level in meeting.levels.items():
                self._loud[member] = min(level, self._loud.get(member, SILENT_DBOV))
        if now < self._next:
            return
        self._next = now + EVERY_S
        self._rates.take(_counters(snapshot, members=looked), now)
        seen = meetings.values() if looked else ()
        legs = [leg for meeting in seen for leg in meeting.legs.values()]
        self.flows = {leg.member: self._flows(leg, snapshot) for leg in legs}
        self._loud.clear()
        if now >= self._sample_at:
            self._sample_at = now + SAMPLE_S
            self._sample(snapshot, now)

    def line_bps(self, line: LineId) -> tuple[int, int]:
        """Return what goes over a line now, sent and received, in bit/s on the line."""
        seconds, grown = self._rates.moved(("line", line))
        if not seconds:
            return 0, 0
        return round(8 * grown[0] / seconds), round(8 * grown[1] / seconds)

    # ---- members

    def _flows(self, leg: Leg, snapshot: Snapshot) -> Flows:
        streams = leg.streams
        sounds = [streams.sound] if streams.sound is not None else []
        pictures = [one.source for one in streams.layers]
        mixes = [streams.mix.sink] if streams.mix is not None else []
        transports = [row.transport for one in (*sounds, *pictures)
                      if (row := snapshot.sources.get(one)) is not None]  # fmt: skip
        return Flows(
            self._received(sounds, snapshot),
            self._received(pictures, snapshot),
            self._sent([*streams.wide, *streams.narrow, *mixes], snapshot),
            self._sent(streams.pictures, snapshot),
            self._rtt_s(transports),
            self._loud.get(leg.member, SILENT_DBOV),
        )

    def _received(self, sources: Sequence[SourceId], snapshot: Snapshot) -> Flow | None:
        """Sum up the streams of which packets came in the last seconds."""
        codec, octets, packets, lost, jitter_ms = None, 0.0, 0, 0, 0.0
        for source in sources:
            row = snapshot.sources.get(source)
            seconds, grown = self._rates.moved(("source", source))
            if row is None or row.codec is None or not seconds or not grown[0]:
                continue
            codec = row.codec
            octets += grown[1] / seconds
            packets, lost = packets + grown[0], lost + max(grown[2], 0)
            jitter_ms = max(jitter_ms, 1000 * row.jitter / codec.clock_hz)
        if codec is None:
            return None
        return Flow(codec, round(8 * octets), lost / (packets + lost), jitter_ms)

    def _sent(self, sinks: Sequence[SinkId], snapshot: Snapshot) -> Flow | None:
        """Sum up the streams on which packets left in the last seconds."""
        codec, octets, loss, jitter_ms = None, 0.0, 0.0, 0.0
        for sink in sinks:
            row = snapshot.sinks.get(sink)
            seconds, grown = self._rates.moved(("sink", sink))
            carried = _codec_of(row, snapshot)
            if row is None or carried is None or not seconds or not grown[0]:
                continue
            codec = carried
            octets += grown[1] / seconds
            told = self._bay.reporter.reception(sink)
            if told is not None:
                loss, jitter_ms = (
                    max(loss, told.fraction_lost),
                    max(jitter_ms, 1000 * told.jitter_s),
                )
        return None if codec is None else Flow(codec, round(8 * octets), loss, jitter_ms)

    def _rtt_s(self, transports: Iterable[TransportId]) -> float | None:
        known = [self._bay.reporter.rtt_s(one) for one in transports]
        return min((one for one in known if one is not None), default=None)

    # ---- lines

    def _sample(self, snapshot: Snapshot, now: float) -> None:
        hours, lessened = {}, self._sharing.lessened()
        for line in self._sharing.lines:
            number = line.line
            row = snapshot.lines.get(number)
            dropped = row.dropped_packets if row is not None else 0
            before, self._dropped[number] = self._dropped.get(number, 0), dropped
            sent, received = self.line_bps(number)
            estimate = self._sharing.estimates.of(number)
            hours[number] = self.hours.get(number) or deque(maxlen=HOUR)
            hours[number].append(
                Sample(
                    now, sent, received, estimate.capacity_bps, round(1000 * estimate.queue_s),
                    max(dropped - before, 0), lessened[number],
                )
            )  # fmt: skip
        self.hours = hours


def _counters(snapshot: Snapshot, *, members: bool) -> Iterable[tuple[Hashable, tuple[int, ...]]]:
    """Yield the counters rates are made of, first one that never falls."""
    for source in snapshot.sources.values() if members else ():
        yield ("source", source.source), (source.packets, source.bytes, max(source.lost, 0))
    for sink in snapshot.sinks.values() if members else ():
        yield ("sink", sink.sink), (sink.packets, sink.octets)
    for line in snapshot.lines.values():
        yield ("line", line.line), (line.sent_bytes, line.received_bytes)


def _codec_of(row: SinkRow | None, snapshot: Snapshot) -> Codec | None:
    """Return in which codec a sink sends: that of what it carries."""
    source = snapshot.sources.get(row.source) if row is not None and row.source else None
    return source.codec if source is not None else None
