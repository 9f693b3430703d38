"""What the engine hears, told to whom it concerns.

::

    engine -- SourceAppeared, keys pressed ----> the listener of its path
           -- KeyframePassed, SinkStarved -----> routes, wishes for key frames
           -- RTCP --> Reporter --> a picture is wanted --> key frames of its source
                                --> rates --> who listens on the path; arrivals: kept till asked for
"""

from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from sfu.errors import PeerError
from sfu.media.engine.event import (
    DatagramReceived,
    Event,
    KeyframePassed,
    RtcpReceived,
    SinkStarved,
    SocketEnded,
    SourceAppeared,
    TelephoneEventReceived,
    TransportLatched,
)
from sfu.media.report import (
    ArrivalsHeard,
    EstimateHeard,
    LimitNoted,
    PictureAsked,
    RateLimited,
    Reporter,
)
from sfu.media.route import RouteTable
from sfu.model import LineId, SinkId, SocketId, SourceId, TransportId
from sfu.shell.keyframes import Keyframes
from sfu.shell.path import Path, RateFact

log = structlog.get_logger()


class Hearing:
    """Hands the engine's events on; what is open is the patchbay's, and only read here."""

    def __init__(
        self,
        reporter: Reporter,
        routes: RouteTable,
        keyframes: Keyframes,
        paths: Mapping[TransportId, Path],
        owners: Mapping[SourceId, TransportId],
        sinks: Mapping[SinkId, TransportId],
    ) -> None:
        """Hear nothing yet; `owners` and `sinks` say the path of each source and sink."""
        self.sockets: dict[SocketId, Callable[[DatagramReceived], None]] = {}
        """Who takes a socket's STUN and DTLS of strangers."""
        self.streams: dict[SocketId, Callable[[SocketId], None]] = {}
        """Who hears that a connection over TCP has ended."""
        self.wishes: Counter[str] = Counter()
        """Wishes from receivers, as they came: "picture" or "less"."""
        self.starved: Counter[LineId] = Counter()
        """Pictures the pacer of a line dropped, since the start."""
        self.arrivals: list[ArrivalsHeard] = []
        """What peers fed back on our packets."""
        self.on_arrivals: Callable[[], None] = _nobody
        """Hears that there are some."""
        self._reporter = reporter
        self._routes = routes
        self._keyframes = keyframes
        self._paths = paths
        self._owners = owners
        self._sinks = sinks

    def take(self, event: Event) -> None:
        """Take one event of a batch; a fault costs this one, not those behind it."""
        try:  # not `surviving`: there are thousands a second
            self._on_event(event)
        except Exception:
            log.exception("event_failed", kind=type(event).__name__)

    def picture_wanted(self, sink: SinkId, now: float) -> None:
        """Pass the wish of who receives a sink on to who sends its source."""
        source = self._routes.source_of(sink)
        self.wishes["picture"] += 1
        if source is not None:
            self._keyframes.wanted(source, now, budgeted=self._line_of(sink) is not None)

    def _on_event(self, event: Event) -> None:
        match event:
            case DatagramReceived():
                if heard := self.sockets.get(event.socket):
                    heard(event)
            case RtcpReceived():
                self._on_rtcp(event)
            case KeyframePassed():
                self._routes.keyframe_passed(event.source)
                self._keyframes.passed(event.source, event.at_us / 1e6)
            case SourceAppeared() | TransportLatched():
                if path := self._paths.get(event.transport):
                    path.listener(event)
            case SinkStarved():
                self._sink_starved(event)
            case SocketEnded():
                if ended := self.streams.get(event.socket):
                    ended(event.socket)
            case TelephoneEventReceived():
                owner = self._owners.get(event.source)
                if owner is not None and (path := self._paths.get(owner)):
                    path.listener(event)

    def _sink_starved(self, event: SinkStarved) -> None:
        """Wish for a key frame: what waited for a sink was dropped, nothing decodes before one."""
        line = self._line_of(event.sink)
        if line is not None:
            self.starved[line] += 1
        source = self._routes.source_of(event.sink)
        if source is not None:
            self._keyframes.wanted(source, event.at_us / 1e6, budgeted=True)

    def _on_rtcp(self, event: RtcpReceived) -> None:
        try:
            facts = self._reporter.handle(event)
        except PeerError as error:
            log.debug("rtcp_refused", transport=event.transport, reason=error.reason)
            return
        path = self._paths.get(event.transport)
        for fact in facts:
            match fact:
                case PictureAsked():
                    self.picture_wanted(fact.sink, event.at_us / 1e6)
                case RateLimited() | LimitNoted() | EstimateHeard():
                    self._rate_heard(path, fact)
                case ArrivalsHeard():
                    if path is not None and path.line is not None:
                        self.arrivals.append(fact)
                        self.on_arrivals()
                case _:
                    pass  # streams end by silence

    def _rate_heard(self, path: Path | None, fact: RateFact) -> None:
        if not isinstance(fact, LimitNoted):
            self.wishes["less"] += 1
        if path is not None and path.limited is not None:
            path.limited(fact)

    def _line_of(self, sink: SinkId) -> LineId | None:
        transport = self._sinks.get(sink)
        path = self._paths.get(transport) if transport is not None else None
        return path.line if path is not None else None


def _nobody() -> None:
    """Hear nothing."""
