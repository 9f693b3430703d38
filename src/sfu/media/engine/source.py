"""A stream received by the reference engine: its numbers, its parameter sets, who carries it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sfu.media.engine.command import SetSource
from sfu.media.engine.past import Past
from sfu.media.engine.sequence import Counter
from sfu.media.engine.sink import WORD, Arrived, Before, SinkState
from sfu.media.payload import h264, red
from sfu.media.rtp.packet import RtpPacket
from sfu.model import Codec, Ssrc

SETS_MAX = 8
SET_BYTES = 256


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
    past: Past = field(default_factory=Past)
    """What who begins to wait for a key frame may begin with."""
    timestamp: int = 0
    """Of the newest packet, digits aside: theirs stands still."""

    def link(self, sink: SinkState) -> None:
        """Have a sink carry it or wait for it."""
        if sink not in self.sinks:
            self.sinks.append(sink)

    def unlink(self, sink: SinkState) -> None:
        """Forget a sink; the last one takes its place."""
        if sink.joined == self.asked.source:
            sink.forget()
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

    def unwrap(self, packet: RtpPacket) -> RtpPacket | None:
        """RFC 4588: the original sequence number stands before the payload."""
        original = self.repairs.get(packet.payload_type)
        if not self.counter.begun or original is None or len(packet.payload) <= 2:
            return None
        return RtpPacket(
            original,
            int.from_bytes(packet.payload[:2]),
            packet.timestamp,
            Ssrc(self.counter.ssrc),
            packet.payload[2:],
            packet.marker,
        )

    def opus(self, sound: red.Block) -> Codec | None:
        """Return what a block is, where it may be sent twice."""
        codec = self.codecs.get(sound.payload_type)
        return codec if codec is Codec.OPUS else None

    def recovered(
        self, arrived: Arrived, blocks: list[red.Block], newest: int
    ) -> Iterator[Arrived]:
        """Yield what was lost just before, out of the packet behind it.

        What is not newer than the sound before (`newest`) was no sound, a digit say, or was sent.
        """
        for back, block in zip(range(len(blocks), 0, -1), blocks, strict=True):
            timestamp = (arrived.packet.timestamp - block.offset) & WORD
            if self.opus(block) is None or not block.payload:
                continue
            if not block.offset or not 0 < (timestamp - newest) & WORD < 1 << 31:
                continue
            newest = timestamp
            packet = RtpPacket(
                block.payload_type,
                (arrived.packet.sequence - back) & 0xFFFF,
                timestamp,
                arrived.packet.ssrc,
                block.payload,
            )
            extended = arrived.extended - back
            yield replace(
                arrived, packet=packet, extended=extended, level=None, late=False, restarted=False
            )

    def keep_before(self, arrived: Arrived) -> None:
        """Keep a sound until the next one has gone."""
        if arrived.codec is not Codec.OPUS or arrived.late:
            return
        packet = arrived.packet
        fits = not arrived.skip and len(packet.payload) <= red.BYTES_MAX
        self.before = Before(arrived.extended, packet.timestamp, packet.payload) if fits else None
