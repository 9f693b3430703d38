"""Transport-wide feedback on what arrives (draft-holmer-rmcat-transport-wide-cc-extensions-01).

::

    rows of the snapshot --arrived--> ArrivalLog of each transport --take--> messages

Each message begins at the earliest packet not yet told of.  A packet that was late therefore
makes the message reach back, and what arrived meanwhile is told again, as its sender expects.
`PlainArrivals` is the reference; a server that runs has the engine's (`shell.arrived`), which
writes the same.
"""

from typing import Protocol

from sfu.media.engine import layout
from sfu.media.rtp.rtcp.transport_cc import LARGEST_DELTA, TICK_US, compose_statuses
from sfu.model import TransportId

INTERVAL_US = 95_000
"""About 100 ms, so that a tick of 50 or 100 ms is not missed by a hair."""
KEPT_US = 500_000
"""How far back a message may reach."""
KEPT = 1024
"""The same in packets; a jump beyond begins anew instead of telling of so many losses."""
MAX_STATUSES = 400
"""Per message: 800 bytes of deltas at worst."""


class Arrivals(Protocol):
    """What arrives on all transports we give feedback to."""

    def put(self, transport: TransportId) -> None:
        """Keep what arrives on a transport from now on; said again, it changes nothing."""

    def forget(self, transport: TransportId) -> None:
        """Forget a transport."""

    def arrived(self, rows: bytes) -> None:
        """Take arrivals, `layout.LOG_ROW` each; those of nobody's transports are passed over."""

    def take(self, transport: TransportId, now_us: int) -> list[bytes]:
        """Write the messages that are due, each as it stands behind its two SSRCs."""


class PlainArrivals:
    """The reference: a packet is a call."""

    def __init__(self) -> None:
        """Know no transport."""
        self._logs: dict[TransportId, ArrivalLog] = {}

    def put(self, transport: TransportId) -> None:
        """Keep what arrives on a transport from now on; said again, it changes nothing."""
        self._logs.setdefault(transport, ArrivalLog())

    def forget(self, transport: TransportId) -> None:
        """Forget a transport."""
        self._logs.pop(transport, None)

    def arrived(self, rows: bytes) -> None:
        """Take arrivals, `layout.LOG_ROW` each; those of nobody's transports are passed over."""
        for transport, sequence, _, at_us in layout.LOG_ROW.iter_unpack(rows):
            if log := self._logs.get(TransportId(transport)):
                log.add(sequence, at_us)

    def take(self, transport: TransportId, now_us: int) -> list[bytes]:
        """Write the messages that are due, each as it stands behind its two SSRCs."""
        log = self._logs.get(transport)
        return log.take(now_us) if log else []


class ArrivalLog:
    """Packets with a transport-wide sequence number that arrived on one transport."""

    def __init__(self) -> None:
        """Nothing has arrived."""
        self._arrivals: dict[int, int] = {}
        self._untold: int | None = None
        self._highest: int | None = None
        self._told_us = 0
        self._number = 0

    def add(self, sequence: int, at_us: int) -> None:
        """Take one arrival."""
        extended = sequence
        if self._highest is not None:
            ahead = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
            extended = self._highest + ahead
            if abs(ahead) >= KEPT:
                self._arrivals.clear()
                self._untold = None
                self._highest = extended
        self._arrivals.setdefault(extended, at_us)
        self._highest = extended if self._highest is None else max(extended, self._highest)
        self._untold = min(extended, self._untold) if self._untold is not None else extended

    def due(self, now_us: int) -> bool:
        """Tell whether there is something to tell of, and time to."""
        return self._untold is not None and now_us - self._told_us >= INTERVAL_US

    def take(self, now_us: int) -> list[bytes]:
        """Write the messages that are due, each as it stands behind its two SSRCs."""
        if not self.due(now_us):
            return []
        assert self._highest is not None
        assert self._untold is not None
        told: list[bytes] = []
        at = self._next_arrival(max(self._untold, self._highest - KEPT + 1))
        while at <= self._highest:
            statuses = self._statuses(at)
            told.append(compose_statuses(at & 0xFFFF, self._number, statuses))
            self._number = self._number + 1 & 0xFF
            at = self._next_arrival(at + len(statuses))
        self._untold = None
        self._told_us = now_us
        kept = now_us - KEPT_US
        self._arrivals = {s: at_us for s, at_us in self._arrivals.items() if at_us >= kept}
        return told

    def _statuses(self, base: int) -> list[int | None]:
        """Gather from `base`, which arrived, to an arrival no delta can reach or the end."""
        assert self._highest is not None
        statuses: list[int | None] = []
        before = self._arrivals[base] // TICK_US
        for sequence in range(base, min(self._highest + 1, base + MAX_STATUSES)):
            at_us = self._arrivals.get(sequence)
            if at_us is None:
                statuses.append(None)
                continue
            if abs(at_us // TICK_US - before) > LARGEST_DELTA:
                break
            before = at_us // TICK_US
            statuses.append(before)
        return statuses

    def _next_arrival(self, sequence: int) -> int:
        assert self._highest is not None
        while sequence <= self._highest and sequence not in self._arrivals:
            sequence += 1
        return sequence
