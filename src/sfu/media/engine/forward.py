"""The reference of `native/forward.c`: from a source to its sinks, byte for byte the same.

It serves tests and meetings in virtual time; it speaks plain RTP, keeps no statistics but what
forwarding itself needs, and asks for no lost packets.  Of a line it counts what leaves by sinks.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from sfu.errors import PeerError
from sfu.media.engine.apply import Application
from sfu.media.engine.command import Command, SetSource
from sfu.media.engine.departure import Departures, Sent
from sfu.media.engine.event import SinkStarved
from sfu.media.engine.line import LineState
from sfu.media.engine.sink import Arrived
from sfu.media.engine.source import SourceState
from sfu.media.engine.tables import Tables
from sfu.media.payload import h264, red
from sfu.media.rtp import packet as rtp
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Kind, LineId, SinkId, TransportId


class Forwarder:
    """All transports, sources and sinks of one engine; owns no socket, reads no clock."""

    def __init__(self, seed: int) -> None:
        """Choose the first sequence numbers by `seed`, as the engine does by its dice."""
        self._tables = Tables()
        self._departures = Departures(self._tables)
        self._application = Application(seed, self._tables, self._departures)

    def apply(self, command: Command, now_us: int = 0) -> list[Sent]:
        """Make it so; return what leaves by that, and by which sink."""
        sent = self._application.apply(command, now_us)
        if isinstance(command, SetSource):
            sent += self._release_early(command.transport, now_us)
        return sent

    def forward(self, transport: TransportId, datagram: bytes, now_us: int) -> list[Sent]:
        """Take one datagram of a transport; return what leaves, and by which sink."""
        return self._take(transport, datagram, now_us) + self.release(now_us)

    def resend(self, sink: SinkId, sequence: int, now_us: int) -> bytes | None:
        """Answer one lost packet of a NACK; None where it is gone, or waits for its line."""
        state = self._tables.sinks[sink]
        line = state.transport.line
        if line is not None and line.holds(state, now_us):
            self._departures.put_repair(line, state, sequence, now_us)
            return None
        return self._departures.resend(state, sequence, now_us)

    def release(self, now_us: int) -> list[Sent]:
        """Return what the lines take now; `forward` does so by itself."""
        sent: list[Sent] = []
        for line in self._tables.lines.values():
            for waiting in line.pacer.depart(now_us):
                state = self._tables.sinks[waiting.sink]
                sent += self._departures.depart(state, waiting.packet, now_us)
            self._departures.starve(line, now_us)
            line.fill(partial(self._departures.fill, sent, now_us), now_us)
        return sent

    @property
    def deadline_us(self) -> int | None:
        """When to call `release` next; None: not before something comes."""
        deadlines = [
            it.deadline_us for it in self._tables.lines.values() if it.deadline_us is not None
        ]
        return min(deadlines, default=None)

    def poll(self) -> Iterator[SinkStarved]:
        """Yield the sinks whose pictures were dropped, oldest first."""
        while self._departures.events:
            yield self._departures.events.popleft()

    def line(self, line: LineId) -> LineState:
        """Show a line and what it has counted."""
        return self._tables.lines[line]

    def dropped(self, sink: SinkId) -> int:
        """Count packets the sink could not take."""
        return self._tables.sinks[sink].dropped

    def _take(self, transport: TransportId, datagram: bytes, now_us: int) -> list[Sent]:
        try:
            packet = rtp.parse(datagram)
        except PeerError:
            return []
        sent = self._hand_in(transport, packet, now_us, now_us)
        if sent is None and self._awaited(transport, packet):
            early = replace(packet, extensions={}, padding=0)
            self._tables.transports[transport].early.keep(early, now_us)
        return sent or []

    def _hand_in(
        self, transport: TransportId, packet: RtpPacket, at_us: int, now_us: int
    ) -> list[Sent] | None:
        """Pass a packet that came at `at_us` on to its source; None where it has none."""
        found = self._find_source(transport, packet)
        if found is None:
            return None
        source, repair = found
        level = packet.extensions.get(
            self._tables.transports[transport].asked.extensions.audio_level
        )
        if repair:
            unwrapped = source.unwrap(packet)
            if unwrapped is None:
                return []
            packet = unwrapped
        return self._pass(source, packet, repair, level, at_us, now_us)

    def _release_early(self, transport: TransportId, now_us: int) -> list[Sent]:
        """Pass on what came before its source was set."""
        state = self._tables.transports.get(transport)
        sent: list[Sent] = []
        for packet, at_us in [] if state is None else list(state.early.take(now_us)):
            passed = self._hand_in(transport, packet, at_us, now_us)
            if passed is None and state is not None:
                state.early.put_back(packet, at_us)
            sent += passed or []
        return sent

    def _awaited(self, transport: TransportId, packet: RtpPacket) -> bool:
        """Tell whether some picture of this transport has the payload type of a packet."""
        return any(
            packet.payload_type in it.codecs
            for it in self._tables.sources.values()
            if it.asked.transport == transport and it.asked.kind is Kind.VIDEO
        )

    def _pass(
        self,
        source: SourceState,
        packet: RtpPacket,
        repair: bool,
        level: bytes | None,
        at_us: int,
        now_us: int,
    ) -> list[Sent]:
        codec = source.codecs.get(packet.payload_type)
        earlier: list[red.Block] = []
        if codec is Codec.RED:
            try:
                *earlier, sound = red.parse(packet.payload)
            except PeerError:
                return []
            packet, codec = replace(packet, payload=sound.payload), source.opus(sound)
        event = codec in (Codec.TELEPHONE_EVENT, Codec.CN)
        other = source.counter.begun and packet.ssrc != source.counter.ssrc
        if codec is None or (event and other):
            return []
        highest = source.counter.highest
        place = source.counter.take(packet.ssrc, packet.sequence, repaired=repair)
        if place is None:
            return []
        extended, late = place
        gap = 0 if late or source.counter.restarted else extended - highest - 1
        if codec is Codec.H264:
            for unit in h264.parameter_sets(packet.payload):
                source.keep(unit)
        arrived = Arrived(
            source.asked.source,
            packet,
            codec,
            *place,
            level,
            source.sets.values(),
            at_us,
            source.counter.restarted,
        )
        newest = source.timestamp
        if not late and codec is not Codec.TELEPHONE_EVENT:
            source.timestamp = packet.timestamp
        sent: list[Sent] = []
        for lost in source.recovered(arrived, earlier[max(0, len(earlier) - gap) :], newest):
            sent += self._offer(source, lost, now_us)
        return sent + self._offer(source, arrived, now_us)

    def _offer(self, source: SourceState, arrived: Arrived, now_us: int) -> list[Sent]:
        """Send a packet to all sinks that carry it, or have it wait for their lines."""
        if arrived.restarted:
            source.before = None
        if source.before is not None and arrived.codec is Codec.OPUS:
            arrived = replace(arrived, before=source.before)
        source.past.take(arrived)
        sent: list[Sent] = []
        crowded: list[LineState] = []
        for sink in list(source.sinks):
            sent += self._departures.offer(sink, arrived, now_us, crowded)
        if source.sinks:
            source.keep_before(arrived)
        self._departures.thin_out(crowded, now_us)
        return sent

    def _find_source(
        self, transport: TransportId, packet: RtpPacket
    ) -> tuple[SourceState, bool] | None:
        by_payload: SourceState | None = None
        mine = [it for it in self._tables.sources.values() if it.asked.transport == transport]
        for source in reversed(mine):  # the newest first, as the engine's list
            wanted = source.asked.ssrc
            if wanted is not None and wanted == packet.ssrc:
                return source, False
            repairs = packet.payload_type in source.repairs
            if repairs if wanted is None else source.asked.rtx_ssrc == packet.ssrc:
                return source, True
            if wanted is not None or packet.payload_type not in source.codecs:
                continue
            if source.counter.begun and source.counter.ssrc == packet.ssrc:
                return source, False
            by_payload = by_payload or source
        return (by_payload, False) if by_payload else None
