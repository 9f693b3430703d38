"""The engine in virtual time: real pacers, sinks that change over at key frames, histories.

It does what `native/` does and nothing more; who gets what is decided in `wiring.py`, which is told
what the engine's snapshot tells the shell: departures, bytes of lines and sources, key frames that
passed, sinks that starved.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.media.allocation.encapsulation import Encapsulation
from sfu.media.bwe import Acked, Sent
from sfu.media.engine.pacer import Pacer, PictureClass
from sfu.media.keyframe import Arrived, KeyframeEvent, Started, Wanted
from sfu.model import LineId, MemberId, SinkId, SourceId, TransportId
from tests.scenarios.browser import Browser
from tests.scenarios.clock import Clock
from tests.scenarios.codec import Codec
from tests.scenarios.member import Member
from tests.scenarios.packet import BROWSER_BYTES, PLAIN_BYTES, Packet, What

HISTORY = 512
PADDING_BYTES = 1166
REPAIR_TOO_LATE_US = 600_000
"""A packet that left so long ago is not played any more."""


@dataclass
class Line:
    """One line as the engine knows it, towards its site; no pacer where nothing is configured."""

    line: LineId
    encapsulation: Encapsulation
    pacer: Pacer[tuple["Sink", Packet, int]] | None
    sent_bytes: int = 0
    sound_bytes: int = 0
    received_bytes: int = 0
    probe_bytes: int = 0
    wake_us: int | None = None
    probe: tuple["Sink", int, int] | None = None
    """(sink, rate, until) of a probe under way."""
    probed_bytes: int = 0
    probe_began_us: int = 0
    out: list[tuple[int, int, int]] = field(default_factory=list)
    """(when, line bytes, rate of the pacer then) of each packet, for the laws."""


@dataclass(eq=False)
class Sink:
    """A stream sent to one member."""

    sink: SinkId
    viewer: Member
    line: Line
    picture_class: PictureClass = PictureClass.MAIN
    source: SourceId | None = None
    wanted: SourceId | None = None
    temporal: int = 7
    starved: bool = False
    sequence: int = 0
    history: deque[tuple[int, Packet, int]] = field(default_factory=lambda: deque(maxlen=HISTORY))
    """(sequence, packet, when it left)."""
    changes: list[int] = field(default_factory=list)
    repairs: int = 0
    resent: dict[int, int] = field(default_factory=dict)


@dataclass
class Source:
    """A stream received."""

    source: SourceId
    member: Member
    bytes: int = 0
    packets: int = 0
    begun: bool = False
    last_us: int = 0
    keyframes_us: list[int] = field(default_factory=list)


class Engine:
    """Forwards; the wiring sets its lines, sinks and routes and reads what it notes."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lines: dict[LineId, Line] = {}
        self.sinks: dict[SinkId, Sink] = {}
        self.sources: dict[SourceId, Source] = {}
        self.carried: dict[SourceId, dict[SinkId, Sink]] = {}
        """Sinks that carry or await a source."""
        self.departures: list[tuple[LineId, Sent]] = []
        self.sequences: dict[TransportId, int] = {}
        self.starved: list[SinkId] = []
        self.sounds: list[tuple[LineId, SourceId, int, int]] = []
        """(line, source, when it was said, when it came) of what is heard."""
        self.stalled_until_us = 0
        self.hearers: Callable[[Member], list[Member]] = lambda speaker: []
        self.on_keyframe: Callable[[SourceId, KeyframeEvent], None] = lambda source, event: None
        self.on_feedback: Callable[[Member, Acked], None] = lambda member, acked: None
        self.on_report: Callable[[Member], None] = lambda member: None
        self.line_of: dict[MemberId, Line] = {}
        self.arrivals: dict[MemberId, list[tuple[int, int, int]]] = {}
        self.lost_up: dict[MemberId, int] = {}
        self.worst_batch = 0
        """Most packets of pictures that left a pacer at one call."""

    # ---- what comes in

    def receive(self, member: Member, packet: Packet) -> None:
        """A packet has come."""
        now_us = self.clock.now_us
        if now_us < self.stalled_until_us:
            self.clock.at(self.stalled_until_us, self.receive, member, packet)
            return
        line = self.line_of[member.name]
        size = packet.payload_bytes + member.headers_bytes
        line.received_bytes += line.encapsulation.line_bytes(size)
        self.arrivals.setdefault(member.name, []).append((packet.sent_us, now_us, size))
        if packet.what is What.SOUND:
            self.sounds.append((line.line, packet.source, packet.sent_us, now_us))
            for hearer in self.hearers(member):
                self._send_sound(hearer, packet)
        elif packet.what is What.PICTURE:
            self._forward(packet)

    def _forward(self, packet: Packet) -> None:
        source = self.sources[packet.source]
        frame = packet.frame
        assert frame is not None
        source.bytes += packet.payload_bytes
        source.packets += 1
        source.last_us = self.clock.now_us
        if not source.begun:
            source.begun = True
            self.on_keyframe(source.source, Started())
        begins = frame.key and packet.index == 0
        if begins:
            source.keyframes_us.append(self.clock.now_us)
            self.on_keyframe(source.source, Arrived())
        for sink in list(self.carried.get(packet.source, {}).values()):
            if sink.wanted == packet.source and begins:
                self._change_over(sink, packet.source)
            if sink.source != packet.source or frame.temporal > sink.temporal:
                continue
            if sink.starved:
                if not begins:
                    continue
                sink.starved = False
            self._put(sink, sink.picture_class, packet, -1)

    def _change_over(self, sink: Sink, source: SourceId) -> None:
        if sink.source is not None:
            self.carried[sink.source].pop(sink.sink, None)
        sink.source, sink.wanted, sink.starved = source, None, False
        self.carried.setdefault(source, {})[sink.sink] = sink
        sink.changes.append(self.clock.now_us)

    def nack(self, sink_id: SinkId, sequences: list[int]) -> None:
        """A browser asks again for packets."""
        sink = self.sinks.get(sink_id)
        if sink is None:
            return
        now_us, wanted = self.clock.now_us, set(sequences)
        for sequence, packet, left_us in list(sink.history):
            known = sequence in wanted and now_us - left_us < REPAIR_TOO_LATE_US
            if known and now_us - sink.resent.get(sequence, -100_000) > 60_000:
                sink.resent[sequence] = now_us
                sink.repairs += 1
                self._put(sink, PictureClass.REPAIR, packet, sequence)

    def wish(self, sink_id: SinkId) -> None:
        """A viewer asks for a key frame."""
        sink = self.sinks.get(sink_id)
        if sink is not None and sink.source is not None:
            self.on_keyframe(sink.source, Wanted(budgeted=sink.line.pacer is not None))

    def feedback(self, member: Member, arrivals: tuple[tuple[int, int | None], ...]) -> None:
        """A browser's transport-cc feedback has come."""
        self._count_report(member, 60 + 2 * len(arrivals))
        pairs = tuple((n & 0xFFFF, at) for n, at in arrivals)
        self.on_feedback(member, Acked(member.transport, pairs))

    def reported(self, member: Member) -> None:
        """A receiver report has come."""
        self._count_report(member, 120)
        self.on_report(member)

    def _count_report(self, member: Member, ip_bytes: int) -> None:
        line = self.line_of[member.name]
        line.received_bytes += line.encapsulation.line_bytes(ip_bytes)

    # ---- lines and routes

    def pace(self, line_id: LineId, rate_bps: int) -> None:
        """Hold all that is sent down a line to a rate from now on."""
        line = self.lines[line_id]
        if line.pacer is None:
            line.pacer = Pacer(rate_bps)
        line.pacer.rate_bps = max(rate_bps, 1)

    def route(self, sink_id: SinkId, source: SourceId | None, temporal: int) -> None:
        """Have a sink carry a source from its next key frame on; None: stop at once."""
        sink = self.sinks[sink_id]
        sink.temporal = temporal
        if source == sink.source and source is not None:
            if sink.wanted is not None:
                self.carried[sink.wanted].pop(sink_id, None)
                sink.wanted = None
            return
        if sink.wanted is not None and sink.wanted != source:
            self.carried[sink.wanted].pop(sink_id, None)
        sink.wanted = source
        if source is None:
            if sink.source is not None:
                self.carried[sink.source].pop(sink_id, None)
                sink.changes.append(self.clock.now_us)
            sink.source = None
            if sink.line.pacer is not None:
                sink.line.pacer.forget(sink_id)
        else:
            self.carried.setdefault(source, {})[sink_id] = sink

    # ---- what goes out

    def send_mix(self, hearer: Member, payload_bytes: int = 0) -> None:
        """Send one packet of a mix made for somebody."""
        now_us = self.clock.now_us
        if now_us < self.stalled_until_us:
            self.clock.at(self.stalled_until_us, self.send_mix, hearer, payload_bytes)
            return
        packet = Packet(What.SOUND, SourceId(0), payload_bytes or hearer.sound_bytes, now_us)
        self._send_sound(hearer, packet)

    def _send_sound(self, hearer: Member, packet: Packet) -> None:
        size = packet.payload_bytes + self._headers(hearer)
        line = self.line_of[hearer.name]
        line.sound_bytes += self._depart(line, hearer, size, charge=True)
        now_us = self.clock.now_us
        sequence = self._number(line, hearer, size)
        hearer.down.carry(size, self._sound_carried, hearer, now_us, packet.sent_us, sequence)

    def _sound_carried(
        self, arrival: int | None, hearer: Member, left_us: int, spoken_us: int, sequence: int
    ) -> None:
        delay_us = None if arrival is None else arrival - left_us - hearer.down.delay_us
        whole_us = -1 if arrival is None else arrival - spoken_us
        hearer.ear.hear(left_us, delay_us, whole_us)
        if arrival is None and any(line.waits_us[-1] < 0 for line in hearer.down.lines):
            hearer.ear.dropped_us.append(left_us)
        if arrival is not None and sequence >= 0:
            assert isinstance(hearer, Browser)
            hearer.arrived(sequence, arrival)

    def send_report(self, member: Member, ip_bytes: int, done: Callable[..., None]) -> None:
        """Send RTCP to a member; `done` happens when it arrives."""
        line = self.line_of[member.name]
        self._depart(line, member, ip_bytes, charge=True)

        def carried(arrival: int | None) -> None:
            if arrival is not None:
                self.clock.at(arrival, done)

        member.down.carry(ip_bytes, carried)

    def _put(self, sink: Sink, picture_class: PictureClass, packet: Packet, sequence: int) -> None:
        line, now_us = sink.line, self.clock.now_us
        if line.pacer is None:
            self._leave(sink, packet, sequence)
            return
        size = line.encapsulation.line_bytes(packet.payload_bytes + self._headers(sink.viewer))
        line.pacer.put(picture_class, sink.sink, size, (sink, packet, sequence), now_us)
        self.wake(line)

    def wake(self, line: Line) -> None:
        """Take what the line takes now; come again when it takes more."""
        now_us, pacer = self.clock.now_us, line.pacer
        assert pacer is not None
        if now_us < self.stalled_until_us:
            if line.wake_us is None or line.wake_us < self.stalled_until_us:
                line.wake_us = self.stalled_until_us
                self.clock.at(self.stalled_until_us, self._woken, line, self.stalled_until_us)
            return
        batch = 0
        for waiting in pacer.take(now_us):
            sink, packet, sequence = waiting.packet
            batch += 1
            self._leave(sink, packet, sequence)
        self.worst_batch = max(self.worst_batch, batch)
        for one in pacer.poll():
            self.sinks[one.sink].starved = True
            self.starved.append(one.sink)
        self._pad(line, now_us)
        due_us = pacer.deadline_us
        if due_us is not None and (line.wake_us is None or line.wake_us > due_us):
            line.wake_us = max(due_us, now_us + 1)
            self.clock.at(line.wake_us, self._woken, line, line.wake_us)

    def _woken(self, line: Line, due_us: int) -> None:
        if line.wake_us == due_us:
            line.wake_us = None
            self.wake(line)

    def _leave(self, sink: Sink, packet: Packet, sequence: int) -> None:
        """Number a packet and send it; repairs keep the number they had, the pacer charged it."""
        now_us = self.clock.now_us
        if sequence < 0:
            sequence = sink.sequence
            sink.sequence += 1
            sink.history.append((sequence, packet, now_us))
        size = packet.payload_bytes + self._headers(sink.viewer)
        self._depart(sink.line, sink.viewer, size, charge=False)
        number = self._number(sink.line, sink.viewer, size)
        sink.viewer.down.carry(size, self._picture_carried, sink, packet, sequence, number)

    def _picture_carried(
        self, arrival: int | None, sink: Sink, packet: Packet, sequence: int, number: int
    ) -> None:
        if arrival is None:
            return
        if packet.what is not What.PADDING:
            sink.viewer.eyes[sink.sink].arrivals.append((arrival, packet, sequence))
        if number >= 0:
            assert isinstance(sink.viewer, Browser)
            sink.viewer.arrived(number, arrival)

    def _depart(self, line: Line, viewer: Member, ip_bytes: int, *, charge: bool) -> int:
        size = line.encapsulation.line_bytes(ip_bytes)
        line.sent_bytes += size
        rate = 0
        if line.pacer is not None:
            rate = line.pacer.rate_bps
            if charge:
                line.pacer.charge(size, self.clock.now_us)
        line.out.append((self.clock.now_us, size, rate))
        return size

    def _number(self, line: Line, member: Member, ip_bytes: int) -> int:
        """Give a browser's packet its transport-wide number."""
        if not member.is_browser:
            return -1
        number = self.sequences.get(member.transport, 0)
        self.sequences[member.transport] = number + 1
        sent = Sent(member.transport, number & 0xFFFF, ip_bytes - 28, self.clock.now_us)
        self.departures.append((line.line, sent))
        return number

    def _headers(self, viewer: Member) -> int:
        return BROWSER_BYTES if viewer.is_browser else PLAIN_BYTES

    # ---- probes

    def probe(self, line_id: LineId, sink_id: SinkId, rate_bps: int, duration_us: int) -> None:
        """Raise what a line carries for a while; a rate of 0 stops it."""
        line = self.lines[line_id]
        line.probe = None
        if rate_bps and line.pacer is not None:
            now_us = self.clock.now_us
            line.probe = (self.sinks[sink_id], rate_bps, now_us + min(duration_us, 500_000))
            line.probed_bytes, line.probe_began_us = line.sent_bytes, now_us
            self._probing(line, line.probe)

    def _probing(self, line: Line, probe: tuple[Sink, int, int]) -> None:
        now_us = self.clock.now_us
        if line.probe is not probe:
            return
        if now_us >= probe[2]:
            line.probe = None
            return
        self._pad(line, now_us)
        self.clock.at(now_us + 2_000, self._probing, line, probe)

    def _pad(self, line: Line, now_us: int) -> None:
        """Fill up to the rate of the probe with what is of no use."""
        if line.probe is None or now_us < self.stalled_until_us:
            return
        sink, rate_bps, _ = line.probe
        due = rate_bps * (now_us - line.probe_began_us) // 8_000_000
        sent = line.sent_bytes - line.probed_bytes
        size = line.encapsulation.line_bytes(PADDING_BYTES + BROWSER_BYTES)
        if due - sent > size:
            packet = Packet(What.PADDING, SourceId(0), PADDING_BYTES, now_us)
            line.probe_bytes += size
            self._leave(sink, packet, 0)


__all__ = ["Codec", "Engine", "Line", "Sink", "Source"]
