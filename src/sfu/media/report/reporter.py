"""RTCP of all peers: what we send each second, what we ask for, what their reports tell.

::

    Snapshot --tick--> SR or RR, SDES; transport-cc feedback; REMB   --> TransmitRtcp
        its arrivals, as rows --> Arrivals --messages--^
    RtcpReceived --handle--> clocks, round trips, losses             --> facts
    ask_picture, ask_rate                                            --> TransmitRtcp

Reports go out once a second (RFC 3550 section 6.2 would allow more on our rates), at once for a
sink that carries something new: its receiver needs the SR to bring lips and voice together.
NACKs are the engine's.  Our NTP clock is the monotonic one plus a constant: it never jumps.
"""

from sfu.media.engine.command import TransmitRtcp
from sfu.media.engine.event import RtcpReceived
from sfu.media.engine.snapshot import Snapshot
from sfu.media.report.arrival import Arrivals, PlainArrivals
from sfu.media.report.fact import Fact
from sfu.media.report.ledger import (
    SILENT_US,
    Ledger,
    Reception,
    SinkEntry,
    SourceEntry,
    TransportEntry,
)
from sfu.media.report.listener import Listener
from sfu.media.report.writer import Writer
from sfu.media.rtp.rtcp import (
    Fir,
    Limit,
    Pli,
    RawFeedback,
    Remb,
    ReportBlock,
    SenderReport,
    Tmmbr,
)
from sfu.media.rtp.rtcp.feedback import compose_ends
from sfu.model import Kind, MemberId, SinkId, SourceId, Ssrc, TransportId

INTERVAL_US = 1_000_000
SENSING_US = 240_000
"""A quarter of a second, so that a tick is not missed by a hair: 64 bytes or two cells each."""
SOONEST_US = 200_000
"""News of a sink do not make reports come closer than this."""
_NOBODY = Ssrc(0)


class Reporter:
    """Composes and reads the RTCP of every transport; all times are the engine's."""

    def __init__(self, cname: str, epoch_s: float, arrivals: Arrivals | None = None) -> None:
        """Speak as `cname`; `epoch_s` is the Unix time at which the engine's clock read 0.

        `arrivals` keeps what arrives, to tell of it: the reference unless told.
        """
        self._ledger = Ledger(epoch_s)
        self._arrivals: Arrivals = arrivals or PlainArrivals()
        self._writer = Writer(cname)
        self._listener = Listener(self._ledger, self._writer)

    # ---- what there is

    def add_transport(
        self,
        transport: TransportId,
        ssrc: Ssrc,
        *,
        reduced_size: bool = False,
        transport_cc: bool = False,
        remb: bool = False,
    ) -> None:
        """Report to this peer; `ssrc` speaks where no sink does.  The flags say what was agreed."""
        entry = TransportEntry(transport, ssrc, reduced_size, transport_cc, remb)
        self._ledger.transports[transport] = entry
        if transport_cc:
            self._arrivals.put(transport)

    def add_source(
        self,
        source: SourceId,
        transport: TransportId,
        clock_hz: int,
        member: MemberId | None,
        ssrc: Ssrc | None = None,
    ) -> None:
        """Report on this stream; sources of one member share its clock, None has none of its own.

        `ssrc` may be learnt from the snapshots.
        """
        self._ledger.clocks.add(source, member, clock_hz)
        self._ledger.add_source(SourceEntry(source, transport, ssrc))

    def name_source(self, source: SourceId, ssrc: Ssrc) -> None:
        """Learn the SSRC of a stream before its first packet is counted, to ask it at once."""
        entry = self._ledger.sources.get(source)
        if entry is not None and entry.ssrc is None:
            entry.ssrc = ssrc

    def add_sink(
        self, sink: SinkId, transport: TransportId, ssrc: Ssrc, kind: Kind, clock_hz: int
    ) -> None:
        """Send sender reports for this stream."""
        self._ledger.add_sink(SinkEntry(sink, transport, ssrc, kind, clock_hz))

    def remove_transport(self, transport: TransportId) -> None:
        """Forget a peer with its sources and sinks."""
        self._ledger.remove_transport(transport)
        self._arrivals.forget(transport)

    def remove_source(self, source: SourceId) -> None:
        """Forget a stream received."""
        self._ledger.remove_source(source)

    def remove_sink(self, sink: SinkId) -> None:
        """Forget a stream sent."""
        self._ledger.remove_sink(sink)

    def set_delay(self, source: SourceId, seconds: float) -> None:
        """Say how much older than its arrival a worker's stream is: the mix waits for its jitter.

        For a source that sends no SR.
        """
        self._ledger.clocks.set_delay(source, seconds)

    def agree(self, transport: TransportId, *, remb: bool) -> None:
        """Take in what a later description agreed."""
        if entry := self._ledger.transports.get(transport):
            entry.remb = remb

    def set_estimate(self, transport: TransportId, bps: int) -> None:
        """Tell the peer by REMB, where that was agreed, what its way to us bears."""
        entry = self._ledger.transports.get(transport)
        if entry is None:
            return  # closed meanwhile
        entry.estimate_due = entry.estimate_due or bps != entry.estimate_bps
        entry.estimate_bps = bps

    def set_sensing(self, transport: TransportId, *, on: bool) -> None:
        """Send a sender report four times a second, so that its answer tells of a fresh one.

        For legs without transport-wide feedback: their report blocks time the last SR before
        them, which may be a second old where one is sent each second.
        """
        if entry := self._ledger.transports.get(transport):
            entry.sensing = on

    def rtt_s(self, transport: TransportId) -> float | None:
        """Tell the round trip time, smoothed; None before the first measurement."""
        entry = self._ledger.transports.get(transport)
        return entry.rtt_s if entry else None

    def reception(self, sink: SinkId) -> Reception | None:
        """Tell how the peer receives a sink."""
        entry = self._ledger.sinks.get(sink)
        return entry.reception if entry else None

    # ---- what we hear and ask

    def handle(self, event: RtcpReceived) -> list[Fact]:
        """Take a compound; PeerError when it is none.  Answers go out with the next tick."""
        return self._listener.handle(event)

    def ask_picture(
        self, source: SourceId, *, fir: bool, repeated: bool = False
    ) -> list[TransmitRtcp]:
        """Ask for a key frame by PLI or FIR; a FIR `repeated` keeps its number (RFC 5104 4.3.1)."""
        found = self._asked(source)
        if found is None:
            return []
        entry, asked, ssrc = found
        if not fir:
            return self._writer.feedback(entry, Pli(entry.ssrc, ssrc))
        if not repeated or asked.fir_ssrc != ssrc:
            asked.fir_number, asked.fir_ssrc = asked.fir_number + 1 & 0xFF, ssrc
        return self._writer.feedback(entry, Fir(entry.ssrc, ((ssrc, asked.fir_number),)))

    def ask_rate(self, source: SourceId, bps: int) -> list[TransmitRtcp]:
        """Ask a stream to stay below a rate (TMMBR); say it again from time to time."""
        found = self._asked(source)
        if found is None:
            return []
        entry, _, ssrc = found
        return self._writer.feedback(entry, Tmmbr(entry.ssrc, (Limit(ssrc, bps),)))

    def _asked(self, source: SourceId) -> tuple[TransportEntry, SourceEntry, Ssrc] | None:
        """Find whom to ask; nobody before the first packet, or when it has gone."""
        asked = self._ledger.sources.get(source)
        entry = self._ledger.transports.get(asked.transport) if asked else None
        if asked is None or entry is None or asked.ssrc is None:
            return None
        return entry, asked, asked.ssrc

    # ---- what we report

    def tick(self, snapshot: Snapshot) -> list[TransmitRtcp]:
        """Take the engine's numbers; return what is due at their instant."""
        self._learn(snapshot)
        due = self._listener.take_answers()
        for entry in self._ledger.transports.values():
            sources = self._ledger.sources_on(entry.transport)
            reports = self._report(entry, sources, snapshot)
            due += reports or self._sense(entry, snapshot)
            if entry.estimate_due and entry.remb:
                due += self._writer.feedback(entry, _estimate(entry, sources))
            for told in self._arrivals.take(entry.transport, snapshot.engine.at_us):
                media = next((each.ssrc for each in sources if each.ssrc is not None), _NOBODY)
                feedback = RawFeedback(compose_ends(entry.ssrc, media) + told)
                due += self._writer.feedback(entry, feedback)
        return due

    def _learn(self, snapshot: Snapshot) -> None:
        for source, row in snapshot.sources.items():
            entry = self._ledger.sources.get(source)
            if entry is None or row.ssrc == 0:
                continue
            if entry.ssrc is not None and entry.ssrc != row.ssrc:
                self._ledger.clocks.restart(source)
                entry.restart()
            entry.ssrc = row.ssrc
            self._ledger.clocks.arrived(source, row.last_timestamp, row.last_arrival_us / 1e6)
            transport = self._ledger.transports.get(entry.transport)
            unclaimed = transport.unclaimed.pop(row.ssrc, None) if transport else None
            if unclaimed is not None:
                self._ledger.claim(entry, *unclaimed)
        self._arrivals.arrived(snapshot.arrivals)

    def _report(
        self, entry: TransportEntry, sources: list[SourceEntry], snapshot: Snapshot
    ) -> list[TransmitRtcp]:
        now_us = snapshot.engine.at_us
        since = INTERVAL_US if entry.reported_us is None else now_us - entry.reported_us
        if since < SOONEST_US:
            return []
        sinks = self._ledger.sinks_on(entry.transport)
        if not sinks and not sources:
            return []
        news = any(sink.news(snapshot.sinks.get(sink.sink), now_us) for sink in sinks)
        if not news and since < INTERVAL_US:
            return []
        entry.reported_us = now_us
        entry.estimate_due = entry.estimate_bps is not None  # again, lest it was lost
        entry.sensed_us = now_us
        reports = [self._sender_report(sink, snapshot) for sink in sinks]
        blocks = [_block(source, snapshot) for source in sources]
        return self._writer.reports(
            entry, [each for each in reports if each], [each for each in blocks if each]
        )

    def _sense(self, entry: TransportEntry, snapshot: Snapshot) -> list[TransmitRtcp]:
        """Send the SR of one sink alone: blocks would tell of the loss of too few packets."""
        now_us = snapshot.engine.at_us
        if not entry.sensing or now_us - entry.sensed_us < SENSING_US:
            return []
        for sink in self._ledger.sinks_on(entry.transport):
            if report := self._sender_report(sink, snapshot):
                entry.sensed_us = now_us
                return self._writer.reports(entry, [report], [])
        return []

    def _sender_report(self, sink: SinkEntry, snapshot: Snapshot) -> SenderReport | None:
        now_us, row = snapshot.engine.at_us, snapshot.sinks.get(sink.sink)
        if row is None or row.source is None or not sink.speaks(row, now_us):
            return None
        sink.reported_source = row.source
        timestamp = self._ledger.clocks.timestamp(row.source, now_us / 1e6)
        if timestamp is None:
            return None
        return SenderReport(
            sink.ssrc,
            self._ledger.wall(now_us),
            timestamp + row.timestamp_offset & 0xFFFFFFFF,
            row.packets & 0xFFFFFFFF,
            row.octets & 0xFFFFFFFF,
        )


def _block(source: SourceEntry, snapshot: Snapshot) -> ReportBlock | None:
    now_us, row = snapshot.engine.at_us, snapshot.sources.get(source.source)
    if row is None or row.ssrc == 0 or now_us - row.last_arrival_us > SILENT_US:
        return None
    return source.block(row, now_us)


def _estimate(entry: TransportEntry, sources: list[SourceEntry]) -> Remb:
    assert entry.estimate_bps is not None
    entry.estimate_due = False
    return Remb(
        entry.ssrc, entry.estimate_bps, tuple(s.ssrc for s in sources[:31] if s.ssrc is not None)
    )
