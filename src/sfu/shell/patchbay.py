"""The one hand on the engine: opens paths, states routes, asks for key frames, sends reports.

::

    legs, mix desk -- open_transport, add_source, add_sink, want --> Patchbay -- commands --> Engine
                   <------------- listeners of their transports ----    |    <-- events -----
                                                                   Reporter, RouteTable,
    tick, each TICK_S: snapshot --> reports, key frame wishes      KeyframeRequests per source
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count

import structlog

from sfu.errors import PeerError
from sfu.media.engine.command import (
    CloseLine,
    CloseSink,
    CloseSocket,
    CloseSource,
    CloseTransport,
    Command,
    OpenSocket,
    OpenTransport,
    Probe,
    SetKeys,
    SetLine,
    SetSink,
    SetSource,
    Transmit,
)
from sfu.media.engine.event import (
    DatagramReceived,
    Event,
    KeyframePassed,
    RtcpReceived,
    SinkStarved,
    SourceAppeared,
    TelephoneEventReceived,
    TransportLatched,
)
from sfu.media.engine.pacer import PictureClass
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.media.report import (
    ArrivalsHeard,
    EstimateHeard,
    LimitNoted,
    PictureAsked,
    RateLimited,
    Reporter,
)
from sfu.media.route import ALL_TEMPORALS, RouteTable
from sfu.model import (
    Component,
    Kind,
    LineId,
    MemberId,
    Protocol,
    SinkId,
    SocketId,
    SourceId,
    Ssrc,
    TransportId,
)
from sfu.shell.engine import Engine
from sfu.shell.fault import surviving
from sfu.shell.keyframes import Keyframes

log = structlog.get_logger()

Listener = Callable[[SourceAppeared | TelephoneEventReceived | TransportLatched], None]
"""Told what the engine says of one transport."""
RateFact = RateLimited | LimitNoted | EstimateHeard
"""What the peer of one transport says of rates."""


class Patchbay:
    """Issues ids, keeps what is open, and drives the cores that live on the engine's numbers."""

    def __init__(self, engine: Engine, reporter: Reporter, entropy: Callable[[int], bytes]) -> None:
        """Take over the engine's events."""
        self.engine = engine
        self.reporter = reporter
        self.routes = RouteTable()
        self.keyframes = Keyframes(self.routes)
        self.wishes_said: Counter[str] = Counter()
        """Wishes for a picture or for less, by the dialect they were said in."""
        self.wishes_heard: Counter[str] = Counter()
        """The same from receivers, as they came: "picture" or "less"."""
        self.starved: Counter[LineId] = Counter()
        """Pictures the pacer of a line dropped, since the start."""
        self.lines_refused: Counter[str] = Counter()
        """Lines of room codecs that came to nothing, by reason."""
        self._ids = count(1)
        self._entropy = entropy
        self._listeners: dict[TransportId, Listener] = {}
        self._limited: dict[TransportId, Callable[[RateFact], None]] = {}
        self._sockets: dict[SocketId, Callable[[DatagramReceived], None]] = {}
        self._owners: dict[SourceId, TransportId] = {}
        self._sinks: dict[SinkId, TransportId] = {}
        self._kinds: dict[SinkId, Kind] = {}
        self._locked: set[TransportId] = set()
        """Secure paths that have no keys yet."""
        self._held: dict[SinkId, tuple[SourceId | None, int]] = {}
        """What their sinks shall carry then."""
        self._lines: dict[TransportId, LineId | None] = {}
        self._ipv6: set[TransportId] = set()
        self._fed_back: set[TransportId] = set()
        self._stated: dict[SinkId, SetSink] = {}
        """Sinks as they were stated last."""
        self._arrivals: list[ArrivalsHeard] = []
        self._now = 0.0
        engine.on_event(self._take)

    # ---- lines

    def new_line(self) -> LineId:
        """Choose the id of an access line."""
        return LineId(next(self._ids))

    def set_line(self, command: SetLine) -> None:
        """State a line's rate and how it wraps packets; paths name it after."""
        self.engine.apply(command)

    def close_line(self, line: LineId) -> None:
        """Forget a line whose paths are closed."""
        self.starved.pop(line, None)
        self.engine.apply(CloseLine(line))

    def probe(self, command: Probe) -> None:
        """Fill a line up to a rate for a moment, or stop that."""
        self.engine.apply(command)

    def line_of(self, transport: TransportId) -> LineId | None:
        """Tell the line a path takes."""
        return self._lines.get(transport)

    def is_ipv6(self, transport: TransportId) -> bool:
        """Tell whether a path goes by IPv6, as it was stated last."""
        return transport in self._ipv6

    def feeds_back(self, transport: TransportId) -> bool:
        """Tell whether a peer says when each packet came (transport-wide feedback)."""
        return transport in self._fed_back

    def has_rtx(self, sink: SinkId) -> bool:
        """Tell whether what a sink sends can be repaired on a stream of its own (RFC 4588)."""
        stated = self._stated.get(sink)
        return stated is not None and stated.rtx_ssrc is not None

    def set_class(self, sink: SinkId, picture_class: PictureClass) -> None:
        """State which queue of its line a picture waits in."""
        stated = self._stated.get(sink)
        if stated is not None and stated.picture_class is not picture_class:
            self._stated[sink] = replace(stated, picture_class=picture_class)
            self.engine.apply(self._stated[sink])

    def take_arrivals(self) -> list[ArrivalsHeard]:
        """Take what peers fed back on our packets since the last time."""
        heard, self._arrivals = self._arrivals, []
        return heard

    # ---- paths

    def open_socket(
        self, fd: int, on_datagram: Callable[[DatagramReceived], None] | None = None
    ) -> SocketId:
        """Hand a bound descriptor over; strangers' STUN and DTLS go to `on_datagram`."""
        socket = SocketId(next(self._ids))
        if on_datagram is not None:
            self._sockets[socket] = on_datagram
        self.engine.apply(OpenSocket(socket, fd))
        return socket

    def close_socket(self, socket: SocketId) -> None:
        """Close a socket whose transports are closed."""
        self._sockets.pop(socket, None)
        self.engine.apply(CloseSocket(socket))

    def new_transport(self) -> TransportId:
        """Choose the id of a path to open."""
        return TransportId(next(self._ids))

    def open_transport(
        self, command: OpenTransport, listener: Listener, *, reports: bool = True
    ) -> None:
        """Open a path, or state it again with another address."""
        if reports and command.transport not in self._listeners:
            self.reporter.add_transport(command.transport, self.new_ssrc(), transport_cc=True)
        if command.secure and command.transport not in self._listeners:
            self._locked.add(command.transport)
        self._listeners[command.transport] = listener
        self._lines[command.transport] = command.line
        if command.remote is not None and ":" in command.remote.host:
            self._ipv6.add(command.transport)
        else:
            self._ipv6.discard(command.transport)
        if command.extensions.transport_cc:
            self._fed_back.add(command.transport)
        self.engine.apply(command)

    def hear_limits(self, transport: TransportId, heard: Callable[[RateFact], None]) -> None:
        """Tell `heard` what the peer of a path says of rates, until it closes."""
        self._limited[transport] = heard

    def agree_remb(self, transport: TransportId, agreed: bool) -> None:
        """Take in whether its peer reads REMB."""
        self.reporter.agree(transport, remb=agreed)

    def close_transport(self, transport: TransportId) -> None:
        """Close a path with all its sources and sinks."""
        for source in [one for one, owner in self._owners.items() if owner == transport]:
            self._forget_source(source)
        for sink in [one for one, owner in self._sinks.items() if owner == transport]:
            self._forget_sink(sink)
        self._listeners.pop(transport, None)
        self._limited.pop(transport, None)
        self._lines.pop(transport, None)
        self._ipv6.discard(transport)
        self._fed_back.discard(transport)
        self._locked.discard(transport)
        self.reporter.remove_transport(transport)
        self.engine.apply(CloseTransport(transport))

    def new_source(self) -> SourceId:
        """Choose the id of a stream to receive."""
        return SourceId(next(self._ids))

    def new_sink(self) -> SinkId:
        """Choose the id of a stream to send."""
        return SinkId(next(self._ids))

    def new_ssrc(self) -> Ssrc:
        """Choose an SSRC for a stream of ours."""
        return Ssrc(int.from_bytes(self._entropy(4)) or 1)

    def set_source(
        self,
        command: SetSource,
        member: MemberId,
        ask: tuple[Protocol, Callable[[Ask], None]] | None = None,
        *,
        shown: bool = True,
    ) -> None:
        """Expect a stream; `ask` says the wish for a key frame to whoever sends it.

        Not `shown`: its SSRC only keeps a place until the stream shows itself under its own.
        """
        known = command.source in self._owners
        self._owners[command.source] = command.transport
        ssrc = command.ssrc if shown else None
        if not known:
            self.reporter.add_source(
                command.source, command.transport, command.clock_hz, member, ssrc
            )
        elif ssrc is not None:
            self.reporter.name_source(command.source, ssrc)
        if command.kind is Kind.VIDEO and ask is not None:
            self.keyframes.add(command.source, *ask)
        self.engine.apply(command)

    def close_source(self, source: SourceId) -> None:
        """Expect a stream no longer."""
        self._forget_source(source)
        self.engine.apply(CloseSource(source))

    def set_sink(self, command: SetSink) -> None:
        """Prepare a stream to send; it carries nothing before `want`."""
        if command.sink not in self._sinks:
            self.reporter.add_sink(
                command.sink, command.transport, command.ssrc, command.kind, command.clock_hz
            )
        self._sinks[command.sink] = command.transport
        self._kinds[command.sink] = command.kind
        self._stated[command.sink] = command
        self.engine.apply(command)
        self.routes.add(command.sink, command.kind)

    def close_sink(self, sink: SinkId) -> None:
        """Send a stream no longer."""
        self._forget_sink(sink)
        self.engine.apply(CloseSink(sink))

    def set_keys(self, *commands: SetKeys) -> None:
        """Give SRTP keys; what its sinks shall carry begins with them."""
        self.engine.apply(*commands)
        for command in commands:
            if command.sending and command.component is not Component.RTCP:
                self._locked.discard(command.transport)
        for sink in [one for one in self._held if self._sinks[one] not in self._locked]:
            self.routes.want(sink, *self._held.pop(sink))

    def transmit(self, *commands: Transmit) -> None:
        """Send STUN or DTLS."""
        self.engine.apply(*commands)

    def apply(self, commands: Iterable[Command]) -> None:
        """Pass on what a core composed itself."""
        self.engine.apply(*commands)

    def sink_kinds(self) -> Mapping[SinkId, Kind]:
        """Tell what each open sink carries."""
        return self._kinds

    # ---- routes and key frames

    def want(self, sink: SinkId, source: SourceId | None, temporal: int = ALL_TEMPORALS) -> None:
        """State what a sink shall carry; `flush` tells the engine.

        A path without keys carries nothing yet: a key frame asked for now would be wasted.
        """
        if self._sinks.get(sink) in self._locked:
            self._held[sink] = source, temporal
        else:
            self.routes.want(sink, source, temporal)

    def wanted(self, sink: SinkId) -> SourceId | None:
        """Return what a sink shall carry, now or once it has keys."""
        return self._held[sink][0] if sink in self._held else self.routes.wanted(sink)

    def flush(self, now: float) -> None:
        """Tell the engine what changed, and ask at once for the key frames that needs."""
        changes = self.routes.diff()
        if changes:
            self.engine.apply(*changes)
        self.keyframes.routed(now)

    def picture_wanted(self, sink: SinkId, now: float) -> None:
        """Pass the wish of who receives a sink on to who sends its source."""
        source = self.routes.source_of(sink)
        self.wishes_heard["picture"] += 1
        if source is not None:
            self.keyframes.wanted(source, now, budgeted=self._behind_line(sink))

    def _behind_line(self, sink: SinkId) -> bool:
        transport = self._sinks.get(sink)
        return transport is not None and self._lines.get(transport) is not None

    def ask_picture(self, source: SourceId, *, fir: bool, repeated: bool = False) -> None:
        """Say the wish by RTCP: FIR, or PLI."""
        self.wishes_said["fir" if fir else "pli"] += 1
        self.engine.apply(*self.reporter.ask_picture(source, fir=fir, repeated=repeated))

    def ask_rate(self, source: SourceId, bps: int) -> None:
        """Say by TMMBR what a source may send at most, headers counted."""
        self.engine.apply(*self.reporter.ask_rate(source, bps))

    def tell_estimate(self, transport: TransportId, bps: int) -> None:
        """Say by REMB, with each report, what a peer may send at most, headers counted."""
        self.reporter.set_estimate(transport, bps)

    # ---- the rhythm

    def tick(self, now: float) -> Snapshot:
        """Take the engine's numbers and send what they call for; return them."""
        self._now = now
        snapshot = self.engine.snapshot()
        self.routes.observe(snapshot.sinks.values())
        self.keyframes.routed(now)
        self.keyframes.tick(now)
        reports = self.reporter.tick(snapshot)
        if reports:
            self.engine.apply(*reports)
        return snapshot

    def _take(self, event: Event) -> None:
        """Take one event of a batch; a fault costs this one, not those behind it."""
        with surviving("event_failed", kind=type(event).__name__):
            self._on_event(event)

    def _on_event(self, event: Event) -> None:
        match event:
            case DatagramReceived():
                if heard := self._sockets.get(event.socket):
                    heard(event)
            case RtcpReceived():
                self._on_rtcp(event)
            case KeyframePassed():
                self.routes.keyframe_passed(event.source)
                self.keyframes.passed(event.source, event.at_us / 1e6)
            case SourceAppeared() | TransportLatched():
                if listener := self._listeners.get(event.transport):
                    listener(event)
            case SinkStarved():
                self._sink_starved(event)
            case TelephoneEventReceived():
                owner = self._owners.get(event.source)
                if owner is not None and (listener := self._listeners.get(owner)):
                    listener(event)

    def _sink_starved(self, event: SinkStarved) -> None:
        """Wish for a key frame: what waited for a sink was dropped, nothing decodes before one."""
        transport = self._sinks.get(event.sink)
        line = self._lines.get(transport) if transport is not None else None
        if line is not None:
            self.starved[line] += 1
        source = self.routes.source_of(event.sink)
        if source is not None:
            self.keyframes.wanted(source, event.at_us / 1e6, budgeted=True)

    def _on_rtcp(self, event: RtcpReceived) -> None:
        try:
            facts = self.reporter.handle(event)
        except PeerError as error:
            log.debug("rtcp_refused", transport=event.transport, reason=error.reason)
            return
        for fact in facts:
            match fact:
                case PictureAsked():
                    self.picture_wanted(fact.sink, event.at_us / 1e6)
                case RateLimited() | LimitNoted() | EstimateHeard():
                    self._rate_heard(event.transport, fact)
                case ArrivalsHeard():
                    if self._lines.get(event.transport) is not None:
                        self._arrivals.append(fact)
                case _:
                    pass  # streams end by silence

    def _rate_heard(self, transport: TransportId, fact: RateFact) -> None:
        if not isinstance(fact, LimitNoted):
            self.wishes_heard["less"] += 1
        if heard := self._limited.get(transport):
            heard(fact)

    def _forget_source(self, source: SourceId) -> None:
        self._owners.pop(source, None)
        self.keyframes.forget(source)
        for sink in [one for one, held in self._held.items() if held[0] == source]:
            self._held[sink] = None, ALL_TEMPORALS
        self.routes.forget_source(source)
        self.reporter.remove_source(source)

    def _forget_sink(self, sink: SinkId) -> None:
        self._sinks.pop(sink, None)
        self._kinds.pop(sink, None)
        self._stated.pop(sink, None)
        self._held.pop(sink, None)
        self.routes.forget_sink(sink)
        self.reporter.remove_sink(sink)
