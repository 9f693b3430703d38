"""What peers' RTCP tells and asks."""

from collections.abc import Iterable, Iterator

from sfu.media.engine.command import TransmitRtcp
from sfu.media.engine.event import RtcpReceived
from sfu.media.report.fact import (
    ArrivalsHeard,
    ByeHeard,
    EstimateHeard,
    Fact,
    LimitNoted,
    PictureAsked,
    RateLimited,
    ReceptionHeard,
)
from sfu.media.report.ledger import Ledger, SinkEntry, TransportEntry, with_ssrc
from sfu.media.report.writer import Writer
from sfu.media.rtp import ntp, rtcp
from sfu.media.rtp.rtcp import (
    Bye,
    Fir,
    OldFir,
    Pli,
    RawFeedback,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    Tmmbn,
    Tmmbr,
)
from sfu.media.rtp.rtcp.bounding import payload_bps
from sfu.model import Kind, SinkId, Ssrc

MAX_LIMITS = 32
"""More streams in one TMMBR than anybody is sent."""
MAX_RTT_S = 60.0
"""More is a block that answers no report of ours."""


class Listener:
    """Reads compounds into the ledger and into facts; answers wait for `take_answers`."""

    def __init__(self, ledger: Ledger, writer: Writer) -> None:
        """Read for this ledger."""
        self._ledger = ledger
        self._writer = writer
        self._notes: dict[SinkId, tuple[TransportEntry, Tmmbn]] = {}
        """One for each sink, however often its receiver speaks in between."""

    def take_answers(self) -> list[TransmitRtcp]:
        """Return what is owed to those who asked since the last time."""
        notes, self._notes = self._notes, {}
        return [one for entry, note in notes.values() for one in self._writer.feedback(entry, note)]

    def handle(self, event: RtcpReceived) -> list[Fact]:
        """Take a compound; PeerError when it is none."""
        packets = rtcp.parse(event.payload, arrivals=False)
        entry = self._ledger.transports.get(event.transport)
        if entry is None:
            return []  # closed meanwhile
        return [fact for packet in packets for fact in self._hear(entry, packet, event.at_us)]

    def _hear(self, entry: TransportEntry, packet: RtcpPacket, at_us: int) -> Iterable[Fact]:
        match packet:
            case SenderReport():
                self._hear_sender(entry, packet, at_us)
                return self._hear_blocks(entry, packet.blocks, at_us)
            case ReceiverReport():
                return self._hear_blocks(entry, packet.blocks, at_us)
            case Pli() | OldFir():
                return self._asked_picture(entry, (packet.media,))
            case Fir():
                # RFC 5104 section 4.3.1.2 has repeated numbers ignored, but some never count
                # theirs up; wishes are gathered where the source is asked
                return self._asked_picture(entry, (ssrc for ssrc, _ in packet.entries))
            case Tmmbr():
                return self._limited(entry, packet)
            case Tmmbn():
                return self._noted(entry, packet)
            case Remb():
                return (EstimateHeard(entry.transport, packet.bps),)
            case RawFeedback():
                return (ArrivalsHeard(entry.transport, packet.body),)
            case Bye():
                return [ByeHeard(entry.transport, ssrc) for ssrc in packet.ssrcs]
            case _:
                pass  # SDES: whose a stream is we know; NACK: the engine answers
        return ()

    def _hear_sender(self, entry: TransportEntry, report: SenderReport, at_us: int) -> None:
        source = with_ssrc(self._ledger.sources_on(entry.transport), report.ssrc)
        if source is not None:
            self._ledger.claim(source, report, at_us)
        else:
            entry.keep(report, at_us)

    def _hear_blocks(
        self, entry: TransportEntry, blocks: Iterable[ReportBlock], at_us: int
    ) -> Iterator[ReceptionHeard]:
        sinks = self._ledger.sinks_on(entry.transport)
        for block in blocks:
            sink = with_ssrc(sinks, block.ssrc)
            if sink is None:
                continue
            rtt_s = self._rtt_s(block, at_us)
            if rtt_s is not None:
                entry.measured(rtt_s)
            sink.hears_of(block, rtt_s, at_us)
            loss, jitter_s = block.fraction_lost / 256, block.jitter / sink.clock_hz
            yield ReceptionHeard(entry.transport, sink.sink, loss, jitter_s, rtt_s)

    def _rtt_s(self, block: ReportBlock, at_us: int) -> float | None:
        """Reckon A - LSR - DLSR (RFC 3550 section 6.4.1)."""
        if block.last_sr == 0:
            return None
        here = ntp.middle(self._ledger.wall(at_us))
        rtt_s = ntp.to_seconds(here - block.last_sr - block.delay)
        return max(0.0, rtt_s) if abs(rtt_s) < MAX_RTT_S else None

    def _asked_picture(self, entry: TransportEntry, ssrcs: Iterable[Ssrc]) -> list[Fact]:
        found = (self._picture_of(entry, ssrc) for ssrc in ssrcs)
        return [PictureAsked(sink) for sink in dict.fromkeys(each.sink for each in found if each)]

    def _limited(self, entry: TransportEntry, packet: Tmmbr) -> list[Fact]:
        facts: list[Fact] = []
        for limit in packet.limits[:MAX_LIMITS]:
            sink = self._picture_of(entry, limit.ssrc)
            if sink is None:
                continue
            binding = sink.limit(packet.sender, limit)
            tightest = min(binding, key=lambda one: payload_bps(one.bps, one.overhead))
            facts.append(RateLimited(sink.sink, tightest.bps, tightest.overhead))
            # RFC 5104 section 4.2.2.2: name the owners of the limits now in force
            self._notes[sink.sink] = entry, Tmmbn(sink.ssrc, binding)
        return facts

    def _noted(self, entry: TransportEntry, packet: Tmmbn) -> list[Fact]:
        """Find our own limit; where another's alone binds, ours is kept as well."""
        sources = self._ledger.sources_on(entry.transport)
        source = with_ssrc(sources, packet.sender)
        if source is None and len(sources) == 1:
            source = sources[0]
        if source is None:
            return []
        ours = [one for one in packet.limits if one.ssrc == entry.ssrc]
        binding = min(ours or packet.limits, key=lambda one: one.bps, default=None)
        return [LimitNoted(source.source, binding)]

    def _picture_of(self, entry: TransportEntry, ssrc: Ssrc) -> SinkEntry | None:
        """Find the sink meant; room codecs name 0 or anything where there is but one picture."""
        sinks = self._ledger.sinks_on(entry.transport)
        named = with_ssrc(sinks, ssrc)
        if named is not None:
            return named
        pictures = [sink for sink in sinks if sink.kind is Kind.VIDEO]
        return pictures[0] if len(pictures) == 1 else None
