"""What leaves by the sinks of the reference engine, and is counted by their lines."""

from collections import deque

from sfu.media.engine.event import SinkStarved
from sfu.media.engine.line import LineState
from sfu.media.engine.pacer import PictureClass, Waiting
from sfu.media.engine.past import BACK_US, FRESH_US
from sfu.media.engine.sink import Arrived, SinkState
from sfu.media.engine.source import SourceState
from sfu.media.engine.tables import Tables
from sfu.model import SinkId, SourceId

Sent = tuple[SinkId, bytes]


class Departures:
    """The ways out; `events` tells of pictures that were dropped."""

    def __init__(self, tables: Tables) -> None:
        """Let leave what these sinks carry."""
        self._tables = tables
        self.events: deque[SinkStarved] = deque()

    def offer(
        self, sink: SinkState, arrived: Arrived, now_us: int, crowded: list[LineState]
    ) -> list[Sent]:
        """Give a packet to one of the sinks of its source, at once or by its line.

        Lines where more may wait now than should go to `crowded`.
        """
        before = sink.source
        if not sink.carries(arrived):
            return []
        line = sink.transport.line
        if before != sink.source:
            self._taken_over(sink, before)
        if arrived.key and not arrived.skip:
            sink.key_timestamp = arrived.packet.timestamp
        if line is None or not line.holds(sink, now_us):
            return self.deliver(sink, arrived, now_us)
        key = sink.key_timestamp == arrived.packet.timestamp
        size = line.line_bytes(len(arrived.packet.payload) + 12, ipv6=False)
        waiting: Waiting[Arrived | int] = Waiting(sink.asked.sink, size, now_us, arrived, key)
        line.pacer.add(sink.asked.picture_class, waiting, now_us)
        crowded.append(line)
        return []

    def catch_up(self, sink: SinkState, source: SourceState, now_us: int) -> list[Sent]:
        """Have a sink that waits begin with the last key frame, where that is cheaper."""
        sent: list[Sent] = []
        crowded: list[LineState] = []
        shown = None if sink.source is None else self._tables.sources[sink.source]
        layer = shown is not None and shown.asked.transport == source.asked.transport
        for arrived in source.past.since_key(now_us, BACK_US if layer else FRESH_US):
            sent += self.offer(sink, arrived, now_us, crowded)
            if sink.source != arrived.source:
                return []  # no way to it yet, or a codec it does not know
        self.thin_out(crowded, now_us)
        return sent

    def thin_out(self, crowded: list[LineState], now_us: int) -> None:
        """Drop the stalest of lines where too much waits."""
        for line in crowded:
            line.pacer.trim()
            self.starve(line, now_us)

    def deliver(self, sink: SinkState, arrived: Arrived, now_us: int) -> list[Sent]:
        """Write one packet for one sink."""
        datagrams = sink.deliver(arrived, now_us)
        line = sink.transport.line
        for datagram in datagrams if line is not None else ():
            assert line is not None
            line.sent(sink, datagram, now_us)
        return [(sink.asked.sink, datagram) for datagram in datagrams]

    def depart(self, sink: SinkState, packet: Arrived | int, now_us: int) -> list[Sent]:
        """Let leave what has waited: a packet, or a repair by its number."""
        if isinstance(packet, Arrived):
            return self.deliver(sink, packet, now_us)
        datagram = self.resend(sink, packet, now_us)
        return [] if datagram is None else [(sink.asked.sink, datagram)]

    def resend(self, sink: SinkState, sequence: int, now_us: int) -> bytes | None:
        """Answer one lost packet; None where it is gone."""
        datagram = sink.resend(sequence, now_us)
        if datagram is not None and sink.transport.line is not None:
            sink.transport.line.sent(sink, datagram, now_us)
        return datagram

    def put_repair(self, line: LineState, sink: SinkState, sequence: int, now_us: int) -> None:
        """Have a repair wait for its line."""
        name, pacer = sink.asked.sink, line.pacer
        known = any(it.packet == sequence for it in pacer.waits(PictureClass.REPAIR, name))
        kept = sink.recall(sequence)
        if not known and kept is not None:  # not asked for again while it waits, nor gone
            size = line.line_bytes(len(kept.datagram), ipv6=False)
            pacer.put(PictureClass.REPAIR, name, size, sequence, now_us)
            self.starve(line, now_us)

    def fill(self, sent: list[Sent], now_us: int, sink: SinkState) -> bool:
        """Send something of no news, for a probe; False where there is nothing."""
        datagram = sink.fill(now_us)
        if datagram is None or sink.transport.line is None:
            return False
        sink.transport.line.sent(sink, datagram, now_us)
        sent.append((sink.asked.sink, datagram))
        return True

    def forget_waiting(self, sink: SinkState) -> None:
        """Forget what a sink was about to show."""
        if sink.transport.line is not None:
            pacer = sink.transport.line.pacer
            pacer.forget_class(sink.asked.picture_class, sink.asked.sink)

    def _taken_over(self, sink: SinkState, before: SourceId | None) -> None:
        """Forget what waits of the source before: nobody wants to see it any more."""
        self.forget_waiting(sink)
        if before is not None:
            self._tables.sources[before].unlink(sink)

    def starve(self, line: LineState, now_us: int) -> None:
        """Have the sinks whose pictures were dropped wait for a key frame."""
        for starved in line.pacer.poll():
            sink = self._tables.sinks[starved.sink]
            if sink.source is not None and sink.pending is not None:
                self._tables.sources[sink.source].unlink(sink)
            sink.pending = sink.pending or sink.source
            sink.source, sink.rebase = None, True
            self.events.append(SinkStarved(starved.sink, starved.packets, now_us))
