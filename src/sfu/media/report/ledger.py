"""What is kept of each transport, source and sink, and how they are found."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sfu.media.engine.snapshot import SinkRow, SourceRow
from sfu.media.report.clock import Clocks
from sfu.media.rtp import ntp
from sfu.media.rtp.rtcp import Limit, ReportBlock, SenderReport
from sfu.media.rtp.rtcp.bounding import bounding_set
from sfu.model import Kind, SinkId, SourceId, Ssrc, TransportId

RTT_SMOOTHING = 1 / 8
MAX_UNCLAIMED = 8
MAX_OWNERS = 8
"""Who limits one stream: a peer has one SSRC or two, and may make up any number."""
SILENT_US = 2_500_000
"""A stream that rests for two reports is not reported on (RFC 3550 section 6.3.8)."""


@dataclass(frozen=True, slots=True)
class Reception:
    """How the peer receives one of our sinks, as its last report block told."""

    fraction_lost: float
    """Of 1, since the block before."""
    lost: int
    jitter_s: float
    rtt_s: float | None
    at_us: int


@dataclass(slots=True)
class TransportEntry:
    """A peer we report to."""

    transport: TransportId
    ssrc: Ssrc
    """Who reports where we send nothing, and who asks."""
    reduced_size: bool
    transport_cc: bool
    remb: bool
    estimate_bps: int | None = None
    estimate_due: bool = False
    reported_us: int | None = None
    sensing: bool = False
    """Its round trip is sampled between the reports."""
    sensed_us: int = 0
    rtt_s: float | None = None
    unclaimed: dict[Ssrc, tuple[SenderReport, int]] = field(default_factory=dict)
    """Sender reports that came before their SSRC was known to be a source."""

    def keep(self, report: SenderReport, at_us: int) -> None:
        """Keep a sender report until its source is known."""
        self.unclaimed[report.ssrc] = report, at_us
        if len(self.unclaimed) > MAX_UNCLAIMED:
            del self.unclaimed[next(iter(self.unclaimed))]

    def measured(self, rtt_s: float) -> None:
        """Take one round trip time."""
        before = rtt_s if self.rtt_s is None else self.rtt_s
        self.rtt_s = before + (rtt_s - before) * RTT_SMOOTHING


@dataclass(slots=True)
class SourceEntry:
    """A stream we receive, and what RFC 3550 appendix A.3 remembers of the report before."""

    source: SourceId
    transport: TransportId
    ssrc: Ssrc | None
    fir_number: int = 0
    fir_ssrc: Ssrc | None = None
    """Whom the last FIR asked."""
    last_sr: int = 0
    last_sr_us: int = 0
    _packets: int = 0
    _expected: int = 0

    def restart(self) -> None:
        """Forget what another SSRC counted and reported."""
        self.last_sr = self.last_sr_us = self._packets = self._expected = 0

    def block(self, row: SourceRow, now_us: int) -> ReportBlock:
        """Make the block of this report."""
        expected = row.packets + row.lost
        expected_now, received_now = expected - self._expected, row.packets - self._packets
        self._packets, self._expected = row.packets, expected
        fraction = 0
        if expected_now > received_now >= 0:  # counters may have begun anew
            fraction = min((expected_now - received_now) * 256 // expected_now, 255)
        delay = ntp.from_seconds((now_us - self.last_sr_us) / 1e6) if self.last_sr_us else 0
        return ReportBlock(
            row.ssrc,
            fraction,
            row.lost,
            row.highest_sequence & 0xFFFFFFFF,
            row.jitter & 0xFFFFFFFF,
            self.last_sr,
            delay,
        )


@dataclass(slots=True)
class SinkEntry:
    """A stream we send."""

    sink: SinkId
    transport: TransportId
    ssrc: Ssrc
    kind: Kind
    clock_hz: int
    reported_source: SourceId | None = None
    reception: Reception | None = None
    limits: dict[Ssrc, Limit] = field(default_factory=dict)
    """What was asked by TMMBR, by who asked."""

    def limit(self, owner: Ssrc, limit: Limit) -> tuple[Limit, ...]:
        """Take a limit; return those that bind now, each naming its owner (RFC 5104 4.2.2)."""
        self.limits.pop(owner, None)
        self.limits[owner] = replace(limit, ssrc=owner)
        if len(self.limits) > MAX_OWNERS:
            del self.limits[next(iter(self.limits))]
        return bounding_set(self.limits.values())

    def hears_of(self, block: ReportBlock, rtt_s: float | None, at_us: int) -> None:
        """Take the peer's block about us."""
        self.reception = Reception(
            block.fraction_lost / 256, block.lost, block.jitter / self.clock_hz, rtt_s, at_us
        )

    def speaks(self, row: SinkRow | None, now_us: int) -> bool:
        """Tell whether it sends, so that a sender report is owed."""
        return (
            row is not None
            and row.source is not None
            and row.packets > 0
            and now_us - row.last_sent_us <= SILENT_US
        )

    def news(self, row: SinkRow | None, now_us: int) -> bool:
        """Tell whether it carries a source no sender report has dated yet."""
        return row is not None and self.speaks(row, now_us) and row.source != self.reported_source


_Stream = TypeVar("_Stream", SourceEntry, SinkEntry)


class Ledger:
    """Everything reported on, and the clocks behind it."""

    def __init__(self, epoch_s: float) -> None:
        """Begin empty; `epoch_s` is the Unix time at which the engine's clock read 0."""
        self.clocks = Clocks()
        self.transports: dict[TransportId, TransportEntry] = {}
        self.sources: dict[SourceId, SourceEntry] = {}
        self.sinks: dict[SinkId, SinkEntry] = {}
        # the same by peer: each tick asks for every peer's, and there may be hundreds
        self._received: defaultdict[TransportId, dict[SourceId, SourceEntry]] = defaultdict(dict)
        self._sent: defaultdict[TransportId, dict[SinkId, SinkEntry]] = defaultdict(dict)
        self._epoch_s = epoch_s

    def add_source(self, entry: SourceEntry) -> None:
        """Keep a stream received."""
        self.sources[entry.source] = entry
        self._received[entry.transport][entry.source] = entry

    def add_sink(self, entry: SinkEntry) -> None:
        """Keep a stream sent."""
        self.sinks[entry.sink] = entry
        self._sent[entry.transport][entry.sink] = entry

    def remove_transport(self, transport: TransportId) -> None:
        """Forget a peer with its sources and sinks."""
        self.transports.pop(transport, None)
        for source in self.sources_on(transport):
            self.remove_source(source.source)
        for sink in self.sinks_on(transport):
            self.remove_sink(sink.sink)
        self._received.pop(transport, None)
        self._sent.pop(transport, None)

    def remove_source(self, source: SourceId) -> None:
        """Forget a stream received."""
        entry = self.sources.pop(source, None)
        if entry is not None:
            self._received[entry.transport].pop(source, None)
        self.clocks.remove(source)

    def remove_sink(self, sink: SinkId) -> None:
        """Forget a stream sent."""
        entry = self.sinks.pop(sink, None)
        if entry is not None:
            self._sent[entry.transport].pop(sink, None)

    def sources_on(self, transport: TransportId) -> list[SourceEntry]:
        """List the streams received from a peer."""
        return list(self._received[transport].values()) if transport in self._received else []

    def sinks_on(self, transport: TransportId) -> list[SinkEntry]:
        """List the streams sent to a peer."""
        return list(self._sent[transport].values()) if transport in self._sent else []

    def claim(self, source: SourceEntry, report: SenderReport, at_us: int) -> None:
        """Take a sender report of a source."""
        source.last_sr, source.last_sr_us = ntp.middle(report.ntp), at_us
        self.clocks.reported(source.source, report.ntp, report.rtp_timestamp, at_us / 1e6)

    def wall(self, at_us: int) -> int:
        """Tell our NTP time."""
        return ntp.from_unix(self._epoch_s + at_us / 1e6)


def with_ssrc(streams: Iterable[_Stream], ssrc: Ssrc) -> _Stream | None:
    """Find the stream of an SSRC."""
    return next((stream for stream in streams if stream.ssrc == ssrc), None)
