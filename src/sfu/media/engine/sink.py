"""One sink of the reference forwarder: what it makes of each packet of its source."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfu.errors import PeerError
from sfu.media.engine.command import SetSink
from sfu.media.engine.history import History
from sfu.media.engine.sequence import Places
from sfu.media.payload import h261, h263, h264, vp8
from sfu.media.rtp import extension
from sfu.media.rtp import packet as rtp
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Latch, SourceId, Ssrc

if TYPE_CHECKING:
    from sfu.media.engine.forward import TransportState

NAL_BYTES_MAX = 1400
"""The largest NAL unit put together from fragments."""
PAYLOAD_BYTES_MAX = 2048 - 148 - 128
WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet of a source, on its way to all sinks."""

    source: SourceId
    packet: RtpPacket
    codec: Codec
    extended: int
    late: bool
    level: bytes | None
    sets: tuple[bytes, ...]
    """SPS and PPS the source is known to use."""
    now_us: int

    @property
    def skip(self) -> bool:
        """Whether it takes its number along and nothing else: padding, a digit."""
        return self.codec is Codec.TELEPHONE_EVENT or not self.packet.payload

    @property
    def keyframe(self) -> bool:
        """Whether a waiting sink may begin here."""
        match self.codec:
            case Codec.H264:
                return h264.look(self.packet.payload).keyframe
            case Codec.VP8:
                return vp8.look(self.packet.payload).keyframe
            case Codec.H263:
                return h263.begins_keyframe_2190(self.packet.payload)
            case Codec.H263_1998:
                return h263.begins_keyframe_4629(self.packet.payload)
            case Codec.H261:
                return h261.look(self.packet.payload).picture
            case _:
                return True  # nothing to wait for


@dataclass(slots=True)
class Pictures:
    """VP8 picture numbers that go on over a switch."""

    rebase: bool = True
    picture_offset: int = 0
    tl0_offset: int = 0
    last_picture: int | None = None
    last_tl0: int | None = None

    def renumber(self, payload: bytes, in_order: bool) -> bytes:
        """Write our numbers."""
        look = vp8.look(payload)
        if self.rebase:
            last, last_tl0 = self.last_picture, self.last_tl0
            self.picture_offset = 0 if last is None else last + 1 - look.picture
            self.tl0_offset = 0 if last_tl0 is None else last_tl0 + 1 - look.tl0
            self.rebase = False
        mask = 0x7FFF if look.picture_bytes == 2 else 0x7F
        picture = (look.picture + self.picture_offset) & mask
        tl0 = (look.tl0 + self.tl0_offset) & 0xFF
        if look.picture_bytes:
            self.last_picture = picture if in_order else self.last_picture or 0
        if look.tl0_at:
            self.last_tl0 = tl0 if in_order else self.last_tl0 or 0
        return vp8.renumbered(payload, look, picture, tl0)


@dataclass(slots=True)
class Fragments:
    """FU-A fragments in order become one NAL unit, if it stays small enough."""

    active: bool = False
    next: int = 0
    nal: bytes = b""

    def add(self, payload: bytes, extended: int, in_order: bool) -> bytes | None:
        """Return the NAL unit at its end, nothing before; PeerError for what has no use."""
        if len(payload) > 1 and payload[1] & 0x80 and in_order:
            self.active, self.next, self.nal = True, extended, h264.unfragmented_header(payload)
        fits = len(self.nal) + len(payload) - 2 <= NAL_BYTES_MAX
        if len(payload) <= 2 or not self.active or self.next != extended or not fits:
            self.active = self.active and not in_order
            raise PeerError("fragment without its neighbours, or of too large a NAL unit")
        self.nal += payload[2:]
        self.next += 1
        if not payload[1] & 0x40:
            return None
        self.active = False
        return self.nal


class SinkState:
    """Sequence numbers, timestamps and pictures of one sink go on whatever happens."""

    def __init__(self, asked: SetSink, transport: "TransportState", first: int) -> None:
        """Start with sequence number `first`."""
        self.asked = asked
        self.transport = transport
        self.places = Places(first)
        self.next_rtx = 0
        self.source: SourceId | None = None
        self.pending: SourceId | None = None
        self.rebase = True
        self.history = History()
        self.dropped = 0
        self.offset = 0
        self._last: tuple[int, int] | None = None
        """Newest timestamp sent, and when its first packet arrived."""
        self._unit: int | None = None
        self._unit_sets = (False, False)
        self._fragments = Fragments()
        self._pictures = Pictures()

    def stop(self) -> None:
        """Carry nothing."""
        self.source = self.pending = None
        self.rebase = True

    def route(self, source: SourceId, *, at_once: bool) -> None:
        """Carry another source, at once or from its next key frame on."""
        self.pending = None
        if self.source == source:
            return
        if at_once:
            self.source, self.rebase = source, True
        else:
            self.pending = source

    def lose(self, source: SourceId) -> None:
        """Forget a source that is gone."""
        if source in (self.source, self.pending):
            self.source = None if self.source == source else self.source
            self.pending = None if self.pending == source else self.pending
            self.rebase = True

    def take(self, arrived: Arrived) -> list[bytes]:
        """Return the datagrams that a packet becomes, mostly one."""
        payload_type = dict(self.asked.payloads).get(arrived.codec)
        if self.source != arrived.source and not self._take_over(arrived, payload_type):
            return []
        if not self._ready:
            self.rebase = True
            return []
        if payload_type is None and not arrived.skip:
            self.dropped += 1
        useless = arrived.skip or payload_type is None
        if self.rebase:
            if useless:
                return []
            self._join(arrived)
        place = self.places.find(arrived.extended)
        if place is None or useless or payload_type is None:
            return []
        return list(self._compose(arrived, payload_type, *place))

    def resend(self, sequence: int, now_us: int) -> bytes | None:
        """RFC 4588, or the very datagram where the peer has no RTX."""
        kept = self.history.take(sequence, now_us) if self._ready else None
        if kept is None:
            return None
        rtx = dict(self.asked.rtx_payloads).get(kept.packet.payload_type)
        if rtx is None or self.asked.rtx_ssrc is None:
            return kept.datagram
        number, self.next_rtx = self.next_rtx, (self.next_rtx + 1) & 0xFFFF
        level = kept.packet.extensions.get(self.transport.asked.extensions.audio_level)
        packet = RtpPacket(
            rtx,
            number,
            kept.packet.timestamp,
            self.asked.rtx_ssrc,
            sequence.to_bytes(2) + kept.packet.payload,
            kept.packet.marker,
            extensions=self._extensions(level, now_us),
        )
        return rtp.compose(packet)

    @property
    def _ready(self) -> bool:
        asked = self.transport.asked
        return asked.latch is Latch.CONNECTED or asked.remote is not None

    def _take_over(self, arrived: Arrived, payload_type: int | None) -> bool:
        """Let the new source take over at its key frame."""
        if self.pending != arrived.source or arrived.skip or arrived.late or not arrived.keyframe:
            return False
        if payload_type is None or not self._ready:
            return False
        self.source, self.pending, self.rebase = arrived.source, None, True
        return True

    def _join(self, arrived: Arrived) -> None:
        """Let timestamps go on by the time that has passed."""
        if self._last is not None:
            timestamp, at_us = self._last
            passed = (arrived.now_us - at_us) * self.asked.clock_hz // 1_000_000
            self.offset = (timestamp + max(1, passed) - arrived.packet.timestamp) & WORD
        self.places.rebase(arrived.extended)
        self.rebase = self._fragments.active = False
        self._unit = None
        self._pictures.rebase = True

    def _compose(
        self, arrived: Arrived, payload_type: int, in_order: bool, kept: int
    ) -> Iterator[bytes]:
        for payload, marker in self._payloads(arrived, in_order):
            number = self.places.take() if in_order else kept
            datagram = self._datagram(arrived, payload_type, number, payload, marker)
            if datagram is not None:
                yield datagram

    def _payloads(self, arrived: Arrived, in_order: bool) -> Iterator[tuple[bytes, bool]]:
        """Payloads and marker bits that a packet's payload becomes."""
        payload, marker = arrived.packet.payload, arrived.packet.marker
        match arrived.codec:
            case Codec.H264:
                if in_order:
                    yield from ((unit, False) for unit in self._missing_sets(arrived))
                if self.asked.single_nal and not 1 <= h264.nal_type(payload) <= 23:
                    yield from self._single_nals(arrived, in_order)
                else:
                    yield payload, marker
            case Codec.VP8:
                yield self._pictures.renumber(payload, in_order), marker
            case _:
                yield payload, marker

    def _missing_sets(self, arrived: Arrived) -> list[bytes]:
        """Give what a decoder that has just come needs before the IDR picture."""
        look = h264.look(arrived.packet.payload)
        if self._unit != arrived.packet.timestamp:
            self._unit_sets = (False, False)
        self._unit = arrived.packet.timestamp
        sps, pps = self._unit_sets
        self._unit_sets = (sps or look.sps, pps or look.pps)
        if not look.keyframe or all(self._unit_sets):
            return []
        first = [unit for unit in arrived.sets if unit[0] & 31 == h264.SPS]
        second = [unit for unit in arrived.sets if unit[0] & 31 == h264.PPS]
        if not first or not second:
            return []
        self._unit_sets = (True, True)
        return first + second

    def _single_nals(self, arrived: Arrived, in_order: bool) -> list[tuple[bytes, bool]]:
        """Mode 0 takes nothing but single NAL units (RFC 6184 section 6.2)."""
        payload, marker = arrived.packet.payload, arrived.packet.marker
        try:
            match h264.nal_type(payload):
                case h264.STAP_A:
                    units = h264.units(payload)
                    if len(units) > 1 and not in_order:
                        raise PeerError("one number was kept, more would be needed")
                    return [(unit, False) for unit in units[:-1]] + [(units[-1], marker)]
                case h264.FU_A:
                    nal = self._fragments.add(payload, arrived.extended, in_order)
                    return [] if nal is None else [(nal, marker)]
                case _:
                    raise PeerError("of packetization mode 2, or of no type at all")
        except PeerError:
            self.dropped += 1
            return []

    def _datagram(
        self, arrived: Arrived, payload_type: int, number: int, payload: bytes, marker: bool
    ) -> bytes | None:
        if len(payload) > PAYLOAD_BYTES_MAX:
            self.dropped += 1
            return None
        timestamp = (arrived.packet.timestamp + self.offset) & WORD
        packet = RtpPacket(
            payload_type,
            number,
            timestamp,
            Ssrc(self.asked.ssrc),
            payload,
            marker,
            extensions=self._extensions(arrived.level, arrived.now_us),
        )
        datagram = rtp.compose(packet)
        self.history.put(packet, datagram)
        if self._last is None or 0 < (timestamp - self._last[0]) & WORD < 0x80000000:
            self._last = (timestamp, arrived.now_us)
        return datagram

    def _extensions(self, level: bytes | None, now_us: int) -> dict[int, bytes]:
        """Give those the transport has, in the engine's order, stamped."""
        ids = self.transport.asked.extensions
        found: dict[int, bytes] = {}
        if ids.mid and self.asked.mid:
            found[ids.mid] = self.asked.mid.encode()
        if ids.audio_level and level:
            found[ids.audio_level] = level[:1]
        if ids.abs_send_time:
            ticks = now_us * extension.TICKS_PER_S // 1_000_000
            found[ids.abs_send_time] = (ticks & 0xFFFFFF).to_bytes(3)
        if ids.transport_cc:
            found[ids.transport_cc] = self.transport.wide_sequence.to_bytes(2)
            self.transport.wide_sequence = (self.transport.wide_sequence + 1) & 0xFFFF
        return found
