"""Counters that outlive what they count.

The engine forgets a source with its numbers when it closes; a Prometheus counter must not fall.
So each snapshot adds what has grown since the one before, per noun and kind; ids are never used
again.  Whoever takes a snapshot each tick hands it in each tick, and a call shorter than a scrape
interval is counted too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from sfu.media.engine.snapshot import Snapshot
from sfu.model import Kind, SinkId

SOURCE = ("packets", "bytes", "lost", "keyframes", "nacks_sent", "repaired")
SINK = ("packets", "octets", "nacks_received", "retransmitted", "dropped")
TRANSPORT = ("auth_failed", "replayed", "refused", "received_rtcp", "sent_rtcp")
SOCKET = (
    "received_packets",
    "received_bytes",
    "sent_packets",
    "sent_bytes",
    "unknown_packets",
    "kernel_dropped",
    "send_errors",
    "gso_packets",
)


class Tally:
    """Sums of some counters of one noun, kept by label."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        """Start at nought."""
        self._fields = fields
        self._read = attrgetter(*fields)
        self._peaks: dict[int, tuple[int, ...]] = {}
        self._sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(fields))

    def observe(self, rows: Iterable[tuple[int, str, Any]]) -> None:
        """Add what has grown; rows are (id, label, row), and who is not among them is closed."""
        peaks: dict[int, tuple[int, ...]] = {}
        for number, label, row in rows:
            values: tuple[int, ...] = self._read(row)
            before = self._peaks.get(number, (0,) * len(values))
            if values != before:
                # `lost` may fall when late packets arrive: what was counted stays counted
                values = tuple(map(max, values, before))
                sums = self._sums[label]
                for place, (value, peak) in enumerate(zip(values, before, strict=True)):
                    sums[place] += value - peak
            peaks[number] = values
        self._peaks = peaks

    def sum_of(self, field: str, label: str = "") -> int:
        """Return one sum since the start."""
        return self._sums[label][self._fields.index(field)]


class Totals:
    """All sums of the engine's rows."""

    def __init__(self) -> None:
        """Start at nought."""
        self.sources = Tally(SOURCE)
        self.sinks = Tally(SINK)
        self.transports = Tally(TRANSPORT)
        self.sockets = Tally(SOCKET)

    def observe(self, snapshot: Snapshot, sink_kinds: Mapping[SinkId, Kind]) -> None:
        """Take the numbers of one instant."""
        self.sources.observe(
            (number, name_of(row.codec.kind), row)
            for number, row in snapshot.sources.items()
            if row.codec is not None
        )
        self.sinks.observe(
            (number, name_of(sink_kinds[number]), row)
            for number, row in snapshot.sinks.items()
            if number in sink_kinds
        )
        self.transports.observe((n, "", row) for n, row in snapshot.transports.items())
        self.sockets.observe((n, "", row) for n, row in snapshot.sockets.items())


def name_of(kind: Kind) -> str:
    """Return a kind as the label `kind` spells it."""
    return kind.name.lower()
