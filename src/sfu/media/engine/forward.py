"""The reference of `native/forward.c`: from a source to its sinks, byte for byte the same.

It serves tests and meetings in virtual time; it speaks plain RTP, keeps no statistics but what
forwarding itself needs, and asks for no lost packets.
"""

from dataclasses import dataclass, field
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
from sfu.media.engine.sequence import Counter
from sfu.media.engine.sink import Arrived, SinkState
from sfu.media.payload import h264
from sfu.media.rtp import packet as rtp
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Kind, SinkId, SourceId, Ssrc, TransportId

SETS_MAX = 8
SET_BYTES = 256
Sent = tuple[SinkId, bytes]


@dataclass(slots=True)
class TransportState:
    """A peer as far as its packets are written differently."""

    asked: OpenTransport
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

    def apply(self, command: Command) -> None:
        """Make it so."""
        match command:
            case OpenTransport(transport):
                state = self._transports.setdefault(transport, TransportState(command))
                state.asked = command
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
            case OpenSocket() | CloseSocket() | SetKeys() | Transmit() | TransmitRtcp():
                pass  # no sockets, no keys: what is sent is returned in the clear
            case SetLine() | CloseLine() | SetMarks() | Probe():
                pass
            case _:
                assert_never(command)

    def forward(self, transport: TransportId, datagram: bytes, now_us: int) -> list[Sent]:
        """Take one datagram of a transport; return what leaves, and by which sink."""
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

    def resend(self, sink: SinkId, sequence: int, now_us: int) -> bytes | None:
        """Answer one lost packet of a NACK."""
        state = self._sinks[sink]
        return state.resend(sequence, now_us)

    def dropped(self, sink: SinkId) -> int:
        """Count packets the sink could not take."""
        return self._sinks[sink].dropped

    def _pass(
        self,
        source: SourceState,
        packet: RtpPacket,
        repair: bool,
        level: bytes | None,
        now_us: int,
    ) -> list[Sent]:
        codec = source.codecs.get(packet.payload_type)
        event = codec in (Codec.TELEPHONE_EVENT, Codec.CN)
        other = source.counter.begun and packet.ssrc != source.counter.ssrc
        if codec is None or (event and other):
            return []
        place = source.counter.take(packet.ssrc, packet.sequence, repaired=repair)
        if place is None:
            return []
        if source.counter.restarted:
            for sink in self._sinks.values():
                sink.rebase |= sink.source == source.asked.source
        if codec is Codec.H264:
            for unit in h264.parameter_sets(packet.payload):
                source.keep(unit)
        arrived = Arrived(
            source.asked.source, packet, codec, *place, level, tuple(source.sets.values()), now_us
        )
        return [
            (sink.asked.sink, datagram)
            for sink in self._sinks.values()
            for datagram in sink.take(arrived)
        ]

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
        state.asked = command
        state.history.resize(command.history)

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
        if command.source is None or command.source not in self._sources:
            sink.stop()
        elif command.source not in (sink.pending, sink.source) or sink.pending is not None:
            sink.route(command.source, at_once=sink.asked.kind is not Kind.VIDEO)

    def _close_source(self, source: SourceId) -> None:
        self._sources.pop(source, None)
        for sink in self._sinks.values():
            sink.lose(source)

    def _close_sink(self, sink: SinkId) -> None:
        state = self._sinks.pop(sink, None)
        if state is None:
            return
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
