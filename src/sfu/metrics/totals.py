"""Counters that outlive what they count.

The engine forgets a source with its numbers when it closes; a Prometheus counter must not fall.
So a row's last and highest numbers are kept when it is gone, per noun and kind; ids are never used
again.  Whoever takes a snapshot each tick hands it in each tick, and a call shorter than a scrape
interval is counted too.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import add, attrgetter
from typing import Any

from sfu.media.engine.snapshot import Snapshot
from sfu.model import Codec, Kind, SinkId

SOURCE = ("packets", "bytes", "lost", "keyframes", "nacks_sent", "repaired", "recovered")
SINK = ("packets", "octets", "nacks_received", "retransmitted", "dropped", "redundant")
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

KIND_NAMES = {kind: kind.name.lower() for kind in Kind}
CODEC_NAMES = {codec: KIND_NAMES[codec.kind] for codec in Codec}


class Tally:
    """Sums of some counters of one noun, kept by label.

    Ticks are many and scrapes are few: a tick only remembers the rows, a sum is made when asked.
    """

    def __init__(self, fields: tuple[str, ...]) -> None:
        """Start at nought."""
        self._fields = fields
        self._read = attrgetter(*fields)
        self._open: dict[int, tuple[str, tuple[int, ...]]] = {}
        """Label and highest values of the rows seen last."""
        self._closed: dict[str, tuple[int, ...]] = defaultdict(lambda: (0,) * len(fields))
        """What those had that are gone."""

    def observe(self, rows: Iterable[tuple[int, str, Any]]) -> None:
        """Remember these; rows are (id, label, row), and who is not among them is closed."""
        gone, self._open = self._open, {}
        for number, label, row in rows:
            values = self._read(row)
            if before := gone.pop(number, None):
                label = before[0]
                if values != before[1]:
                    # `lost` may fall when late packets arrive: what was counted stays counted
                    values = tuple(map(max, values, before[1]))
            self._open[number] = (label, values)
        for label, values in gone.values():
            self._closed[label] = tuple(map(add, self._closed[label], values))

    def sum_of(self, field: str, label: str = "") -> int:
        """Return one sum since the start."""
        place = self._fields.index(field)
        lasting = sum(values[place] for own, values in self._open.values() if own == label)
        return self._closed[label][place] + lasting


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
            (number, CODEC_NAMES[row.codec], row)
            for number, row in snapshot.sources.items()
            if row.codec is not None
        )
        self.sinks.observe(
            (number, KIND_NAMES[sink_kinds[number]], row)
            for number, row in snapshot.sinks.items()
            if number in sink_kinds
        )
        self.transports.observe((n, "", row) for n, row in snapshot.transports.items())
        self.sockets.observe((n, "", row) for n, row in snapshot.sockets.items())


def name_of(kind: Kind) -> str:
    """Return a kind as the label `kind` spells it."""
    return KIND_NAMES[kind]
