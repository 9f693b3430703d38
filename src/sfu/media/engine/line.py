"""An access line of the reference forwarder: what it counts, paces and probes with.

The twin of `native/line.c` and of the probe in `native/pacer.c`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sfu.media.engine.command import Probe, SetLine
from sfu.media.engine.pacer import Pacer, carried_at
from sfu.media.engine.sink import Arrived, SinkState
from sfu.model import Framing, Kind

PROBE_US_MAX = 500_000
IPV4_UDP_BYTES, IPV6_UDP_BYTES = 28, 48


@dataclass(slots=True)
class Probing:
    """A probe under way."""

    sink: SinkState
    rate_bps: int
    until_us: int
    free_at_us: int
    """When the line, were this its rate, will have carried all that was sent."""


class LineState:
    """One line: its pacer holds packets as they arrived, and numbers to be sent again."""

    def __init__(self, asked: SetLine) -> None:
        """Start with an idle line."""
        self.asked = asked
        self.pacer = Pacer[Arrived | int](asked.rate_bps)
        self.probing: Probing | None = None
        self.sent_bytes = self.sound_bytes = self.probe_bytes = 0
        self._filling = False

    def line_bytes(self, datagram_bytes: int, *, ipv6: bool) -> int:
        """Reckon what a datagram takes on the line."""
        size = datagram_bytes + (IPV6_UDP_BYTES if ipv6 else IPV4_UDP_BYTES)
        size += self.asked.overhead_bytes
        match self.asked.framing:
            case Framing.EFM:
                return -(-size * 65 // 64)
            case Framing.ATM:
                return 53 * -(-size // 48)
            case _:
                return size

    def holds(self, sink: SinkState, now_us: int) -> bool:
        """Tell whether a packet for a sink must wait."""
        return (
            sink.asked.kind is Kind.VIDEO and self.asked.rate_bps > 0 and self.pacer.holds(now_us)
        )

    def sent(self, sink: SinkState, datagram: bytes, now_us: int) -> None:
        """Charge what left."""
        remote = sink.transport.asked.remote
        size = self.line_bytes(len(datagram), ipv6=remote is not None and ":" in remote.host)
        self.sent_bytes += size
        self.sound_bytes += size * (sink.asked.kind is Kind.AUDIO)
        self.probe_bytes += size * self._filling
        probing = self.probing
        running = probing is not None and now_us < probing.until_us
        self.pacer.rate_bps = self.asked.rate_bps
        if probing is not None and running:
            self.pacer.rate_bps = max(probing.rate_bps, self.asked.rate_bps)
        self.pacer.charge(size, now_us)
        if probing is not None:
            probing.free_at_us = carried_at(probing.free_at_us, now_us, size, probing.rate_bps)

    @property
    def _most_bps(self) -> int:
        return self.asked.rate_bps * 5 // 4

    def set(self, asked: SetLine) -> None:
        """Take another pace; a probe under way keeps to it, and ends where there is none."""
        self.asked = asked
        self.pacer.rate_bps = asked.rate_bps
        if self.probing is not None:
            self.probing.rate_bps = min(self.probing.rate_bps, self._most_bps)
            if not self.probing.rate_bps:
                self.probing = None

    def probe(self, asked: Probe, sink: SinkState | None, now_us: int) -> None:
        """Begin another probe, or stop the one that runs."""
        rate_bps = min(asked.rate_bps, self._most_bps)
        self.probing = None
        if rate_bps and sink is not None and sink.transport.line is self:
            until_us = now_us + min(asked.duration_us, PROBE_US_MAX)
            self.probing = Probing(sink, rate_bps, until_us, now_us)

    def fill(self, send: Callable[[SinkState], bool], now_us: int) -> None:
        """Send what proves room while nothing else waits."""
        if self.probing is not None and now_us >= self.probing.until_us:
            self.probing = None
        while (
            self.probing is not None
            and not len(self.pacer)
            and not self.pacer.holds(now_us)
            and self.probing.free_at_us <= now_us
        ):
            self._filling = True
            if not send(self.probing.sink):
                self.probing = None
            self._filling = False

    @property
    def deadline_us(self) -> int | None:
        """When to let time pass next."""
        if len(self.pacer):
            return self.pacer.deadline_us
        if self.probing is None:
            return None
        return max(self.pacer.free_at_us, self.probing.free_at_us)
