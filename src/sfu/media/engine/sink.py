"""One sink of the reference forwarder: what it makes of each packet of its source."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfu.errors import PeerError
from sfu.media.engine.command import SetSink
from sfu.media.engine.history import HISTORY_BYTES, SHARED_MAX, History, Kept
from sfu.media.engine.picture import Pictures
from sfu.media.engine.sequence import Places
from sfu.media.payload import h261, h263, h264, red, vp8
from sfu.media.rtp import extension
from sfu.media.rtp import packet as rtp
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Kind, Latch, SourceId, Ssrc

if TYPE_CHECKING:
    from sfu.media.engine.transport import TransportState

NAL_BYTES_MAX = 1400
"""The largest NAL unit put together from fragments."""
FILL_BACK = 64
"""A probe sends the last so many packets again, in turn,"""
FILL_BYTES = 1000
"""larger ones only: what is shorter costs more headers than it proves."""
PAYLOAD_BYTES_MAX = 2048 - 148 - 128
WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Before:
    """The sound that went before."""

    extended: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet of a source, on its way to all sinks."""

    source: SourceId
    packet: RtpPacket
    codec: Codec
    extended: int
    late: bool
    level: bytes | None
    sets: Collection[bytes]
    """SPS and PPS the source is known to use, also those it shows while this waits."""
    now_us: int
    restarted: bool = False
    """Another stream begins in its source."""
    before: Before | None = None
    """What a sink may send again beside it (RFC 2198)."""

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

    @property
    def key(self) -> bool:
        """Whether a key frame begins here, by its name."""
        if self.codec.kind is not Kind.VIDEO:
            return False
        return (
            h261.look(self.packet.payload).keyframe if self.codec is Codec.H261 else self.keyframe
        )


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
        self.redundant = 0
        self.offset = 0
        self.joined: SourceId | None = None
        """Whose packets are numbered here."""
        self._first = 0
        """The first packet of its source that went this way."""
        self._last: tuple[int, int] | None = None
        """Newest timestamp sent, and when its first packet arrived."""
        self._unit: int | None = None
        self._unit_sets = (False, False)
        self._fragments = Fragments()
        self.pictures = Pictures()
        self._probed = 0
        """The number a probe sent again last."""
        self.key_timestamp: int | None = None
        """Of the newest key frame."""

    def carries(self, arrived: Arrived) -> bool:
        """Tell whether a packet is for this sink; a new source takes over at its key frame."""
        if self.source == arrived.source:
            return True
        if self.pending != arrived.source or arrived.skip or arrived.late or not arrived.keyframe:
            return False
        if arrived.codec not in dict(self.asked.payloads) or not self._ready:
            return False
        self.source, self.pending, self.rebase = arrived.source, None, True
        return True

    def deliver(self, arrived: Arrived, now_us: int) -> list[bytes]:
        """Return the datagrams that a packet it carries becomes, mostly one."""
        payload_type = dict(self.asked.payloads).get(arrived.codec)
        self.rebase |= arrived.restarted
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
        return list(self._compose(arrived, payload_type, *place, now_us))

    def resend(self, sequence: int, now_us: int) -> bytes | None:
        """RFC 4588, or the very datagram where the peer has no RTX."""
        if not self._ready or not self._reaches(sequence):
            return None
        kept = self.history.take(sequence, now_us)
        if kept is None:
            return None
        return self._rtx(kept, now_us) or kept.datagram

    def fill(self, now_us: int) -> bytes | None:
        """Write something of no news on the RTX stream; None where there is none."""
        asked = self.asked
        if asked.rtx_ssrc is None or not asked.rtx_payloads or not self._ready:
            return None
        kept = self._worth_filling()
        if kept is not None:
            return self._rtx(kept, now_us)
        timestamp = 0 if self._last is None else self._last[0]
        return rtp.compose(
            RtpPacket(
                asked.rtx_payloads[0][1],
                self._next_rtx(),
                timestamp,
                asked.rtx_ssrc,
                extensions=self._extensions(None, now_us),
                padding=255,
            )
        )

    @property
    def shares(self) -> bool:
        """Whether what can be sent again stands with the source: all of it by RTX, unchanged."""
        asked, rtx = self.asked, dict(self.asked.rtx_payloads)
        whole = bool(asked.history) and not asked.single_nal and asked.kind is Kind.VIDEO
        return whole and asked.rtx_ssrc is not None and all(pt in rtx for _, pt in asked.payloads)

    def recall(self, sequence: int) -> Kept | None:
        """Give what left under a number, as long as it can be sent again."""
        return self.history.find(sequence) if self._reaches(sequence) else None

    def forget(self) -> None:
        """Another stream, or another SSRC: nothing from before has a number any more."""
        self.places.forget()
        self.joined = None
        if self.shares:
            self.history.forget()

    def _reaches(self, sequence: int) -> bool:
        back = (self.places.next - sequence) & 0xFFFF
        return not self.shares or 0 < back <= min(self.history.size, SHARED_MAX)

    def _worth_filling(self) -> Kept | None:
        """Find the newest packet before the one sent again last that is large enough."""
        for _ in range(FILL_BACK):
            back = (self.places.next - self._probed) & 0xFFFF
            if not 0 < back < FILL_BACK:
                self._probed = self.places.next
            self._probed = (self._probed - 1) & 0xFFFF
            kept = self.recall(self._probed)
            if kept is None or kept.packet.payload_type not in dict(self.asked.rtx_payloads):
                continue
            if len(kept.packet.payload) >= FILL_BYTES:
                return kept
        return None

    def _rtx(self, kept: Kept, now_us: int) -> bytes | None:
        rtx = dict(self.asked.rtx_payloads).get(kept.packet.payload_type)
        if rtx is None or self.asked.rtx_ssrc is None:
            return None
        level = kept.packet.extensions.get(self.transport.asked.extensions.audio_level)
        packet = RtpPacket(
            rtx,
            self._next_rtx(),
            kept.packet.timestamp,
            self.asked.rtx_ssrc,
            kept.packet.sequence.to_bytes(2) + kept.packet.payload,
            kept.packet.marker,
            extensions=self._extensions(level, now_us),
        )
        return rtp.compose(packet)

    def _next_rtx(self) -> int:
        number, self.next_rtx = self.next_rtx, (self.next_rtx + 1) & 0xFFFF
        return number

    @property
    def _ready(self) -> bool:
        asked = self.transport.asked
        return asked.latch is Latch.CONNECTED or asked.remote is not None

    def _join(self, arrived: Arrived) -> None:
        """Let timestamps go on by the time that has passed."""
        if self._last is not None:
            timestamp, at_us = self._last
            passed = (arrived.now_us - at_us) * self.asked.clock_hz // 1_000_000
            self.offset = (timestamp + max(1, passed) - arrived.packet.timestamp) & WORD
        self.forget()
        self.joined = arrived.source
        self.places.rebase(arrived.extended)
        self._first = arrived.extended
        self.rebase = self._fragments.active = False
        self._unit = None
        self.pictures.join()

    def _compose(
        self, arrived: Arrived, payload_type: int, in_order: bool, kept: int, now_us: int
    ) -> Iterator[bytes]:
        twice = self._twice(arrived, payload_type) if in_order else None
        if twice is not None:
            marker, number = arrived.packet.marker, self.places.take()
            self.redundant += 1
            datagram = self._datagram(arrived, twice[0], number, twice[1], marker, now_us)
            if datagram is not None:
                yield datagram
            return
        for payload, marker in self._payloads(arrived, in_order):
            number = self.places.take() if in_order else kept
            datagram = self._datagram(arrived, payload_type, number, payload, marker, now_us)
            if datagram is not None:
                yield datagram

    def _twice(self, arrived: Arrived, payload_type: int) -> tuple[int, bytes] | None:
        """Give type and payload that hold the sound before beside this one (RFC 2198)."""
        wanted, before = dict(self.asked.payloads).get(Codec.RED), arrived.before
        if wanted is None or before is None or arrived.codec is not Codec.OPUS:
            return None
        if before.extended + 1 != arrived.extended or arrived.extended == self._first:
            return None
        offset = (arrived.packet.timestamp - before.timestamp) & WORD
        payload = red.compose(payload_type, offset, before.payload, arrived.packet.payload)
        return None if payload is None else (wanted, payload)

    def _payloads(self, arrived: Arrived, in_order: bool) -> Iterator[tuple[bytes, bool]]:
        """Payloads and marker bits that a packet's payload becomes."""
        marker = arrived.packet.marker
        payload = self.pictures.take(
            arrived.codec, arrived.packet.payload, arrived.packet.timestamp, in_order
        )
        if payload is None:
            return
        match arrived.codec:
            case Codec.H264:
                if in_order:
                    yield from ((unit, False) for unit in self._missing_sets(arrived))
                if self.asked.single_nal and not 1 <= h264.nal_type(payload) <= 23:
                    yield from self._single_nals(arrived, in_order)
                else:
                    yield payload, marker
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
        self,
        arrived: Arrived,
        payload_type: int,
        number: int,
        payload: bytes,
        marker: bool,
        now_us: int,
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
            extensions=self._extensions(arrived.level, now_us),
        )
        datagram = rtp.compose(packet)
        if len(payload if self.shares else datagram) <= HISTORY_BYTES:
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
