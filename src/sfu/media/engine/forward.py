"""The reference of `native/forward.c`: from a source to its sinks, byte for byte the same.

It serves tests and meetings in virtual time; it speaks plain RTP, keeps no statistics but what
forwarding itself needs, and asks for no lost packets.  Of a line it counts what leaves by sinks.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import assert_never

from sfu.errors import PeerError
from sfu.media.engine.command import (
    CloseLine,
    CloseSink,
    CloseSocket,
    CloseSource,
    CloseTransport,
    Command,
    OpenSocket,
    OpenTransport,
    Probe,
    SetKeys,
    SetLine,
    SetMarks,
    SetRoute,
    SetSink,
    SetSource,
    Transmit,
    TransmitRtcp,
)
from sfu.media.engine.event import SinkStarved
from sfu.media.engine.line import LineState
from sfu.media.engine.pacer import PictureClass, Waiting
from sfu.media.engine.picture import ALL
from sfu.media.engine.sequence import Counter
from sfu.media.engine.sink import WORD, Arrived, Before, SinkState
from sfu.media.payload import h264, red
from sfu.media.rtp import packet as rtp
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Kind, LineId, SinkId, SourceId, Ssrc, TransportId

SETS_MAX = 8
SET_BYTES = 256
Sent = tuple[SinkId, bytes]


@dataclass(slots=True)
class TransportState:
    """A peer as far as its packets are written differently."""

    asked: OpenTransport
    line: LineState | None = None
    wide_sequence: int = 0
    spent: dict[int, int] = field(default_factory=dict)
    """SSRC to the sequence number it goes on with, as long as the keys live."""


@dataclass(slots=True)
class SourceState:
    """A stream received."""

    asked: SetSource
    codecs: dict[int, Codec]
    repairs: dict[int, int]
    counter: Counter = field(default_factory=Counter)
    sets: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """(NAL type, id) to SPS or PPS, in the order they came."""
    sinks: list[SinkState] = field(default_factory=list)
    """That carry it or wait for it, in the engine's order."""
    before: Before | None = None
    """The sound that went before, for sinks that send it again beside the next."""

    def link(self, sink: SinkState) -> None:
        """Have a sink carry it or wait for it."""
        if sink not in self.sinks:
            self.sinks.append(sink)

    def unlink(self, sink: SinkState) -> None:
        """Forget a sink; the last one takes its place."""
        if sink in self.sinks:
            last = self.sinks.pop()
            if last is not sink:
                self.sinks[self.sinks.index(sink)] = last

    def keep(self, unit: bytes) -> None:
        """Remember a parameter set."""
        number = h264.parameter_set_id(unit) if unit else None
        if number is None or len(unit) > SET_BYTES or unit[0] & 31 not in (h264.SPS, h264.PPS):
            return
        key = (unit[0] & 31, number)
        if key in self.sets or len(self.sets) < SETS_MAX:
            self.sets[key] = unit


class Forwarder:
    """All transports, sources and sinks of one engine; owns no socket, reads no clock."""

    def __init__(self, seed: int) -> None:
        """Choose the first sequence numbers by `seed`, as the engine does by its dice."""
        self._seed = seed
        self._transports: dict[TransportId, TransportState] = {}
        self._sources: dict[SourceId, SourceState] = {}
        self._sinks: dict[SinkId, SinkState] = {}
        self._lines: dict[LineId, LineState] = {}
        self._events: deque[SinkStarved] = deque()

    def apply(self, command: Command, now_us: int = 0) -> None:
        """Make it so."""
        match command:
            case OpenTransport(transport):
                state = self._transports.setdefault(transport, TransportState(command))
                state.asked = command
                line = None if command.line is None else self._lines.get(command.line)
                self._move(state, line, now_us)
            case SetSource():
                self._set_source(command)
            case SetSink():
                self._set_sink(command)
            case SetRoute():
                self._set_route(command)
            case CloseSource(source):
                self._close_source(source)
            case CloseSink(sink):
                self._close_sink(sink)
            case CloseTransport(transport):
                self._close_transport(transport)
            case OpenSocket() | CloseSocket() | SetKeys() | SetMarks():
                pass  # no sockets, no keys: what is sent is returned in the clear
            case Transmit() | TransmitRtcp():
                pass
            case SetLine(line_id):
                self._set_line(line_id, command)
            case CloseLine(line_id):
                self._close_line(line_id, now_us)
            case Probe(line_id, sink):
                if line_id in self._lines:
                    self._lines[line_id].probe(command, self._sinks.get(sink), now_us)
            case _:
                assert_never(command)

    def forward(self, transport: TransportId, datagram: bytes, now_us: int) -> list[Sent]:
        """Take one datagram of a transport; return what leaves, and by which sink."""
        return self._take(transport, datagram, now_us) + self.release(now_us)

    def resend(self, sink: SinkId, sequence: int, now_us: int) -> bytes | None:
        """Answer one lost packet of a NACK; None where it is gone, or waits for its line."""
        state = self._sinks[sink]
        line = state.transport.line
        if line is not None and line.holds(state, now_us):
            self._put_repair(line, state, sequence, now_us)
            return None
        return self._resend(state, sequence, now_us)

    def release(self, now_us: int) -> list[Sent]:
        """Return what the lines take now; `forward` does so by itself."""
        sent: list[Sent] = []
        for line in self._lines.values():
            for waiting in line.pacer.depart(now_us):
                state = self._sinks[waiting.sink]
                sent += self._depart(state, waiting.packet, now_us)
            self._starve(line, now_us)
            line.fill(partial(self._fill, sent, now_us), now_us)
        return sent

    @property
    def deadline_us(self) -> int | None:
        """When to call `release` next; None: not before something comes."""
        deadlines = [it.deadline_us for it in self._lines.values() if it.deadline_us is not None]
        return min(deadlines, default=None)

    def poll(self) -> Iterator[SinkStarved]:
        """Yield the sinks whose pictures were dropped, oldest first."""
        while self._events:
            yield self._events.popleft()

    def line(self, line: LineId) -> LineState:
        """Show a line and what it has counted."""
        return self._lines[line]

    def dropped(self, sink: SinkId) -> int:
        """Count packets the sink could not take."""
        return self._sinks[sink].dropped

    def _take(self, transport: TransportId, datagram: bytes, now_us: int) -> list[Sent]:
        try:
            packet = rtp.parse(datagram)
        except PeerError:
            return []
        found = self._find_source(transport, packet)
        if found is None:
            return []
        source, repair = found
        level = packet.extensions.get(self._transports[transport].asked.extensions.audio_level)
        if repair:
            unwrapped = _unwrap(source, packet)
            if unwrapped is None:
                return []
            packet = unwrapped
        return self._pass(source, packet, repair, level, now_us)

    def _pass(
        self,
        source: SourceState,
        packet: RtpPacket,
        repair: bool,
        level: bytes | None,
        now_us: int,
    ) -> list[Sent]:
        codec = source.codecs.get(packet.payload_type)
        earlier: list[red.Block] = []
        if codec is Codec.RED:
            try:
                *earlier, sound = red.parse(packet.payload)
            except PeerError:
                return []
            packet, codec = replace(packet, payload=sound.payload), _opus(source, sound)
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
            now_us,
            source.counter.restarted,
        )
        sent: list[Sent] = []
        for lost in _recovered(source, arrived, earlier[max(0, len(earlier) - gap) :]):
            sent += self._offer(source, lost, now_us)
        return sent + self._offer(source, arrived, now_us)

    def _offer(self, source: SourceState, arrived: Arrived, now_us: int) -> list[Sent]:
        """Send a packet to all sinks that carry it, or have it wait for their lines."""
        if arrived.restarted:
            source.before = None
        arrived = replace(arrived, before=source.before)
        sent: list[Sent] = []
        crowded: list[LineState] = []
        for sink in list(source.sinks):
            before = sink.source
            if not sink.carries(arrived):
                continue
            line = sink.transport.line
            if before != sink.source:
                self._taken_over(sink, before)
            if arrived.key and not arrived.skip:
                sink.key_timestamp = arrived.packet.timestamp
            if line is None or not line.holds(sink, now_us):
                sent += self._deliver(sink, arrived, now_us)
                continue
            key = sink.key_timestamp == arrived.packet.timestamp
            size = line.line_bytes(len(arrived.packet.payload) + 12, ipv6=False)
            waiting: Waiting[Arrived | int] = Waiting(sink.asked.sink, size, now_us, arrived, key)
            line.pacer.add(sink.asked.picture_class, waiting, now_us)
            crowded.append(line)
        if source.sinks:
            _keep_before(source, arrived)
        for line in crowded:
            line.pacer.trim()
            self._starve(line, now_us)
        return sent

    def _deliver(self, sink: SinkState, arrived: Arrived, now_us: int) -> list[Sent]:
        datagrams = sink.deliver(arrived, now_us)
        line = sink.transport.line
        for datagram in datagrams if line is not None else ():
            assert line is not None
            line.sent(sink, datagram, now_us)
        return [(sink.asked.sink, datagram) for datagram in datagrams]

    def _depart(self, sink: SinkState, packet: Arrived | int, now_us: int) -> list[Sent]:
        if isinstance(packet, Arrived):
            return self._deliver(sink, packet, now_us)
        datagram = self._resend(sink, packet, now_us)
        return [] if datagram is None else [(sink.asked.sink, datagram)]

    def _resend(self, sink: SinkState, sequence: int, now_us: int) -> bytes | None:
        datagram = sink.resend(sequence, now_us)
        if datagram is not None and sink.transport.line is not None:
            sink.transport.line.sent(sink, datagram, now_us)
        return datagram

    def _put_repair(self, line: LineState, sink: SinkState, sequence: int, now_us: int) -> None:
        name, pacer = sink.asked.sink, line.pacer
        known = any(it.packet == sequence for it in pacer.waits(PictureClass.REPAIR, name))
        kept = sink.history.find(sequence)
        if not known and kept is not None:  # not asked for again while it waits, nor gone
            size = line.line_bytes(len(kept.datagram), ipv6=False)
            pacer.put(PictureClass.REPAIR, name, size, sequence, now_us)
            self._starve(line, now_us)

    def _fill(self, sent: list[Sent], now_us: int, sink: SinkState) -> bool:
        datagram = sink.fill(now_us)
        if datagram is None or sink.transport.line is None:
            return False
        sink.transport.line.sent(sink, datagram, now_us)
        sent.append((sink.asked.sink, datagram))
        return True

    def _taken_over(self, sink: SinkState, before: SourceId | None) -> None:
        """Forget what waits of the source before: nobody wants to see it any more."""
        self._forget_waiting(sink)
        if before is not None:
            self._sources[before].unlink(sink)

    def _forget_waiting(self, sink: SinkState) -> None:
        if sink.transport.line is not None:
            pacer = sink.transport.line.pacer
            pacer.forget_class(sink.asked.picture_class, sink.asked.sink)

    def _starve(self, line: LineState, now_us: int) -> None:
        """Have the sinks whose pictures were dropped wait for a key frame."""
        for starved in line.pacer.poll():
            sink = self._sinks[starved.sink]
            if sink.source is not None and sink.pending is not None:
                self._sources[sink.source].unlink(sink)
            sink.pending = sink.pending or sink.source
            sink.source, sink.rebase = None, True
            self._events.append(SinkStarved(starved.sink, starved.packets, now_us))

    def _find_source(
        self, transport: TransportId, packet: RtpPacket
    ) -> tuple[SourceState, bool] | None:
        by_payload: SourceState | None = None
        mine = [it for it in self._sources.values() if it.asked.transport == transport]
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

    def _set_line(self, line: LineId, command: SetLine) -> None:
        self._lines.setdefault(line, LineState(command)).set(command)

    def _close_line(self, line: LineId, now_us: int) -> None:
        state = self._lines.get(line)
        for transport in [it for it in self._transports.values() if it.line is state]:
            self._move(transport, None, now_us)
        self._lines.pop(line, None)

    def _move(self, transport: TransportState, line: LineState | None, now_us: int) -> None:
        """Let what waits for one line wait for another; without one it leaves, unseen here."""
        before, transport.line = transport.line, line
        if before is None or before is line:
            return
        if before.probing is not None and before.probing.sink.transport is transport:
            before.probing = None
        for sink in [it for it in self._sinks.values() if it.transport is transport]:
            for picture_class in (sink.asked.picture_class, PictureClass.REPAIR):
                for waiting in before.pacer.forget_class(picture_class, sink.asked.sink):
                    if line is None:
                        self._depart(sink, waiting.packet, now_us)
                    else:
                        line.pacer.add(picture_class, waiting, now_us)
        if line is not None:
            line.pacer.trim()
            self._starve(line, now_us)

    def _set_source(self, command: SetSource) -> None:
        state = self._sources.get(command.source)
        if command.transport not in self._transports:
            return
        if state is None:
            state = self._sources[command.source] = SourceState(command, {}, {})
        state.asked = command
        state.codecs = dict(command.payloads)
        state.repairs = dict(command.rtx_payloads)
        if not state.counter.begun:  # in band is newer
            for unit in command.parameter_sets:
                state.keep(unit)

    def _set_sink(self, command: SetSink) -> None:
        transport = self._transports.get(command.transport)
        if transport is None:
            return
        state = self._sinks.get(command.sink)
        if state is None:
            first = self._first_sequence(transport, command.ssrc)
            state = self._sinks[command.sink] = SinkState(command, transport, first)
            if command.rtx_ssrc is not None:
                state.next_rtx = self._first_sequence(transport, command.rtx_ssrc)
        else:
            self._renumber(state, command)
        before, state.asked = state.asked, command
        state.history.resize(command.history)
        if transport.line is not None:
            pacer = transport.line.pacer
            pacer.move(command.sink, before.picture_class, command.picture_class)

    def _renumber(self, state: SinkState, command: SetSink) -> None:
        transport, before = state.transport, state.asked
        if before.ssrc != command.ssrc:
            transport.spent[before.ssrc] = state.places.next
            state.places.next = self._first_sequence(transport, command.ssrc)
        if before.rtx_ssrc == command.rtx_ssrc:
            return
        if before.rtx_ssrc is not None:
            transport.spent[before.rtx_ssrc] = state.next_rtx
        if command.rtx_ssrc is not None:
            state.next_rtx = self._first_sequence(transport, command.rtx_ssrc)

    def _first_sequence(self, transport: TransportState, ssrc: Ssrc) -> int:
        """RFC 3711 section 3.3.1: below 2**15, or where the SSRC was left with these keys."""
        dice = mix64(self._seed ^ (transport.asked.transport << 32 | ssrc))
        return transport.spent.get(ssrc, dice & 0x7FFF)

    def _set_route(self, command: SetRoute) -> None:
        sink = self._sinks.get(command.sink)
        if sink is None:
            return
        sink.pictures.temporal = min(command.temporal, ALL)
        source = None if command.source is None else self._sources.get(command.source)
        if source is None:
            self._let_go(sink)
        elif sink.pending != command.source and (
            sink.source != command.source or sink.pending is not None
        ):
            self._route(sink, source)

    def _route(self, sink: SinkState, source: SourceState) -> None:
        if sink.pending is not None:
            self._sources[sink.pending].unlink(sink)
        sink.pending = None
        if sink.source == source.asked.source:
            return
        if sink.asked.kind is Kind.VIDEO:
            sink.pending = source.asked.source
        else:
            self._let_go(sink)
            sink.source = source.asked.source
        source.link(sink)

    def _let_go(self, sink: SinkState) -> None:
        """Carry nothing."""
        self._forget_waiting(sink)
        for source in (sink.source, sink.pending):
            if source is not None:
                self._sources[source].unlink(sink)
        sink.source = sink.pending = None
        sink.rebase = True

    def _close_source(self, source: SourceId) -> None:
        state = self._sources.pop(source, None)
        for sink in [] if state is None else state.sinks:
            if sink.source == source:
                self._forget_waiting(sink)
                sink.source = None
            sink.pending = None if sink.pending == source else sink.pending
            sink.rebase = True

    def _close_sink(self, sink: SinkId) -> None:
        state = self._sinks.pop(sink, None)
        if state is None:
            return
        self._let_go(state)
        line = state.transport.line
        if line is not None:
            line.pacer.forget(sink)
            if line.probing is not None and line.probing.sink is state:
                line.probing = None
        state.transport.spent[state.asked.ssrc] = state.places.next
        if state.asked.rtx_ssrc is not None:
            state.transport.spent[state.asked.rtx_ssrc] = state.next_rtx

    def _close_transport(self, transport: TransportId) -> None:
        for sink in [it for it, state in self._sinks.items() if state.asked.transport == transport]:
            self._close_sink(sink)
        for source in [
            it for it, state in self._sources.items() if state.asked.transport == transport
        ]:
            self._close_source(source)
        self._transports.pop(transport, None)


def _opus(source: SourceState, sound: red.Block) -> Codec | None:
    """Return what a block is, where it may be sent twice."""
    codec = source.codecs.get(sound.payload_type)
    return codec if codec is Codec.OPUS else None


def _recovered(source: SourceState, arrived: Arrived, blocks: list[red.Block]) -> Iterator[Arrived]:
    """Yield what was lost just before, out of the packet behind it."""
    for back, block in zip(range(len(blocks), 0, -1), blocks, strict=True):
        if _opus(source, block) is None or not block.payload:
            continue
        packet = RtpPacket(
            block.payload_type,
            (arrived.packet.sequence - back) & 0xFFFF,
            (arrived.packet.timestamp - block.offset) & WORD,
            arrived.packet.ssrc,
            block.payload,
        )
        extended = arrived.extended - back
        yield replace(
            arrived, packet=packet, extended=extended, level=None, late=False, restarted=False
        )


def _keep_before(source: SourceState, arrived: Arrived) -> None:
    """Keep a sound until the next one has gone."""
    if arrived.codec is not Codec.OPUS or arrived.late:
        return
    packet = arrived.packet
    fits = not arrived.skip and len(packet.payload) <= red.BYTES_MAX
    source.before = Before(arrived.extended, packet.timestamp, packet.payload) if fits else None


def _unwrap(source: SourceState, packet: RtpPacket) -> RtpPacket | None:
    """RFC 4588: the original sequence number stands before the payload."""
    original = source.repairs.get(packet.payload_type)
    if not source.counter.begun or original is None or len(packet.payload) <= 2:
        return None
    return RtpPacket(
        original,
        int.from_bytes(packet.payload[:2]),
        packet.timestamp,
        Ssrc(source.counter.ssrc),
        packet.payload[2:],
        packet.marker,
    )


def mix64(value: int) -> int:
    """splitmix64: the dice that both forwarders throw."""
    mask = (1 << 64) - 1
    value = (value + 0x9E3779B97F4A7C15) & mask
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & mask
    value = (value ^ value >> 27) * 0x94D049BB133111EB & mask
    return value ^ value >> 31
