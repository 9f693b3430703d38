"""Who is asked for a key frame, and when: the wishes of each video source, driven.

::

    a new route, a receiver, a picture dropped, a first packet --> KeyframeRequests --> said
    a key frame passed, a source that sends nothing any more --^
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.media.keyframe import Arrived, Ask, KeyframeRequests, Routed, Started, Stopped, Wanted
from sfu.media.route import RouteTable
from sfu.model import Protocol, SinkId, SourceId


@dataclass(slots=True)
class _Picture:
    """The wishes of one source, and how they are said."""

    say: Callable[[Ask], None]
    protocol: Protocol
    requests: KeyframeRequests = field(default_factory=KeyframeRequests)


class Keyframes:
    """All video sources of one engine."""

    def __init__(self, routes: RouteTable) -> None:
        """Begin with none; `routes` tells which sinks wait."""
        self.said: Counter[Protocol] = Counter()
        """Wishes said since the start, by the protocol of whom they were said to."""
        self._routes = routes
        self._pictures: dict[SourceId, _Picture] = {}
        self._wished: frozenset[tuple[SinkId, SourceId]] = frozenset()

    def add(self, source: SourceId, protocol: Protocol, say: Callable[[Ask], None]) -> None:
        """Know a source, once."""
        if source not in self._pictures:
            self._pictures[source] = _Picture(say, protocol)

    def forget(self, source: SourceId) -> None:
        """Ask it no more."""
        self._pictures.pop(source, None)

    def started(self, source: SourceId, now: float) -> None:
        """Count a source's first packets: its first key frame may have been lost."""
        self._handle(source, Started(), now)

    def stopped(self, source: SourceId, now: float) -> None:
        """Stop asking a source that sends nothing."""
        if picture := self._pictures.get(source):
            picture.requests.handle(Stopped(), now)

    def wanted(self, source: SourceId, now: float, *, budgeted: bool) -> None:
        """Take a receiver's wish; `budgeted`: its line has a budget, wishes are rationed."""
        self._handle(source, Wanted(budgeted), now)

    def passed(self, source: SourceId, now: float) -> None:
        """Hear that a key frame went out."""
        # a sink that still waits after this one, by the next snapshot, wishes anew
        self._wished = frozenset(one for one in self._wished if one[1] != source)
        if picture := self._pictures.get(source):
            picture.requests.handle(Arrived(), now)

    def missing_s(self, source: SourceId, now: float) -> float:
        """Tell for how long a key frame has been asked for in vain."""
        picture = self._pictures.get(source)
        return picture.requests.unanswered_s(now) if picture else 0.0

    def routed(self, now: float) -> None:
        """Ask for the key frames that new routes need."""
        wanted = self._routes.keyframes_wanted()
        for source in {source for _, source in wanted - self._wished}:
            self._handle(source, Routed(), now)
        self._wished = wanted

    def tick(self, now: float) -> None:
        """Let time pass: ask again."""
        for picture in list(self._pictures.values()):  # to ask may end a call
            picture.requests.tick(now)
            self._say(picture)

    def _handle(self, source: SourceId, event: Started | Wanted | Routed, now: float) -> None:
        if picture := self._pictures.get(source):
            picture.requests.handle(event, now)
            self._say(picture)

    def _say(self, picture: _Picture) -> None:
        for ask in picture.requests.poll():
            self.said[picture.protocol] += 1
            picture.say(ask)
