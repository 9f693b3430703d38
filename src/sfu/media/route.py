"""Which source each sink carries: what is wanted, what the engine was told, and the difference.

Whoever decides states what shall be, as often as it likes; the engine hears changes only::

    want(sink, source) ---> wanted -- diff() --> SetRoute for each change ---> engine
                                        |
                                        +--> waiting: video sinks whose source owes a key frame
                                                | keyframe_passed(), served(), observe(rows)
                                                v
                                             keyframes_wanted() ---> media.keyframe
"""

from collections.abc import Iterable

from sfu.media.engine.command import SetRoute
from sfu.media.engine.snapshot import SinkRow
from sfu.model import Kind, SinkId, SourceId

ALL_TEMPORALS = 7
"""Every temporal layer of a stream."""


class RouteTable:
    """All routes of one engine."""

    def __init__(self) -> None:
        """Start without a sink."""
        self._kinds: dict[SinkId, Kind] = {}
        self._wanted: dict[SinkId, SourceId | None] = {}
        self._told: dict[SinkId, SourceId | None] = {}
        self._waiting: set[SinkId] = set()
        self._layers: dict[SinkId, int] = {}
        """Highest temporal layer wanted, where it is not all."""
        self._told_layers: dict[SinkId, int] = {}

    def add(self, sink: SinkId, kind: Kind) -> None:
        """Know a sink the engine was given by `SetSink`; it carries nothing yet."""
        self._kinds[sink] = kind
        self._wanted.setdefault(sink, None)
        self._told.setdefault(sink, None)

    def want(self, sink: SinkId, source: SourceId | None, temporal: int = ALL_TEMPORALS) -> None:
        """State what one sink shall carry; a sink not (or no longer) known is ignored."""
        if sink in self._kinds:
            self._wanted[sink] = source
            self._layers[sink] = temporal

    def wanted(self, sink: SinkId) -> SourceId | None:
        """Return what a sink shall carry."""
        return self._wanted.get(sink)

    def forget_sink(self, sink: SinkId) -> None:
        """Drop a sink the engine closes: nothing more is said of it."""
        self._kinds.pop(sink, None)
        self._wanted.pop(sink, None)
        self._told.pop(sink, None)
        self._layers.pop(sink, None)
        self._told_layers.pop(sink, None)
        self._waiting.discard(sink)

    def forget_source(self, source: SourceId) -> None:
        """Drop a source the engine closes: its sinks carry nothing, which the engine knows."""
        for sink, wanted in self._wanted.items():
            if wanted == source:
                self._wanted[sink] = None
        for sink, told in self._told.items():
            if told == source:
                self._told[sink] = None

    def diff(self) -> list[SetRoute]:
        """Return the commands that make the engine carry what is wanted, and count them as told."""
        changed = [
            SetRoute(sink, source, self._layer(sink))
            for sink, source in self._wanted.items()
            if source != self._told[sink]
            or (source is not None and self._layer(sink) != self._told_layer(sink))
        ]
        for route in changed:
            moved = route.source != self._told[route.sink]
            self._told[route.sink] = route.source
            self._told_layers[route.sink] = route.temporal
            if not moved:
                continue  # fewer or more layers of the same stream need no key frame
            if self._kinds[route.sink] is Kind.VIDEO and route.source is not None:
                self._waiting.add(route.sink)
            else:
                self._waiting.discard(route.sink)
        return changed

    def _layer(self, sink: SinkId) -> int:
        return self._layers.get(sink, ALL_TEMPORALS)

    def _told_layer(self, sink: SinkId) -> int:
        return self._told_layers.get(sink, ALL_TEMPORALS)

    def keyframe_passed(self, source: SourceId) -> None:
        """Count the sinks that waited for this source as served."""
        self._waiting -= set(self.sinks_of(source))

    def served(self, sinks: Iterable[SinkId]) -> None:
        """Count sinks as served that began with what their source had sent before."""
        self._waiting.difference_update(sinks)

    def observe(self, rows: Iterable[SinkRow]) -> None:
        """Let the engine's word correct ours: a key frame may have begun before our command."""
        for row in rows:
            if self._told.get(row.sink) is None or self._kinds[row.sink] is not Kind.VIDEO:
                continue
            if row.waiting:
                self._waiting.add(row.sink)
            elif row.source == self._told[row.sink]:
                self._waiting.discard(row.sink)

    def keyframes_wanted(self) -> frozenset[tuple[SinkId, SourceId]]:
        """Return the sinks that carry nothing of a source before its next key frame."""
        pairs = ((sink, self._told[sink]) for sink in self._waiting)
        return frozenset((sink, source) for sink, source in pairs if source is not None)

    def kinds(self) -> dict[SinkId, Kind]:
        """Return what kind of stream each sink carries."""
        return dict(self._kinds)

    def source_of(self, sink: SinkId) -> SourceId | None:
        """Return what a sink is told to carry."""
        return self._told.get(sink)

    def sinks_of(self, source: SourceId) -> tuple[SinkId, ...]:
        """Return the sinks told to carry a source."""
        return tuple(sink for sink, told in self._told.items() if told == source)
