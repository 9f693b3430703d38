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
from sfu.media.engine.event import DatagramReceived
from sfu.media.engine.pacer import PictureClass
from sfu.media.engine.snapshot import Snapshot
from sfu.media.keyframe import Ask
from sfu.media.report import ArrivalsHeard, Reporter
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
from sfu.shell.hearing import Hearing
from sfu.shell.keyframes import Keyframes
from sfu.shell.path import Listener, Path, RateFact


class Patchbay:
    """Issues ids, keeps what is open, and drives the cores that live on the engine's numbers."""

    def __init__(self, engine: Engine, reporter: Reporter, entropy: Callable[[int], bytes]) -> None:
        """Take over the engine's events."""
        self.engine = engine
        self.reporter = reporter
        self.routes = RouteTable()
        self.keyframes = Keyframes(self.routes)
        self.on_hurry: Callable[[], None] = lambda: None
        """Hears that somebody waits for a tick: a picture came first, a browser was answered."""
        self.wishes_said: Counter[str] = Counter()
        """Wishes for a picture or for less, by the dialect they were said in."""
        self.lines_refused: Counter[str] = Counter()
        """Lines of room codecs that came to nothing, by reason."""
        self._ids = count(1)
        self._entropy = entropy
        self._paths: dict[TransportId, Path] = {}
        self._owners: dict[SourceId, TransportId] = {}
        self._sinks: dict[SinkId, TransportId] = {}
        self._kinds: dict[SinkId, Kind] = {}
        self._held: dict[SinkId, tuple[SourceId | None, int]] = {}
        """What sinks of paths without keys shall carry once there are keys."""
        self._stated: dict[SinkId, SetSink] = {}
        """Sinks as they were stated last."""
        self.hearing = Hearing(
            reporter, self.routes, self.keyframes, self._paths, self._owners, self._sinks
        )
        engine.on_event(self.hearing.take)

    @property
    def wishes_heard(self) -> Counter[str]:
        """Wishes from receivers, as they came: "picture" or "less"."""
        return self.hearing.wishes

    @property
    def starved(self) -> Counter[LineId]:
        """Pictures the pacer of a line dropped, since the start."""
        return self.hearing.starved

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
        path = self._paths.get(transport)
        return path.line if path is not None else None

    def is_ipv6(self, transport: TransportId) -> bool:
        """Tell whether a path goes by IPv6, as it was stated last."""
        path = self._paths.get(transport)
        return path is not None and path.ipv6

    def feeds_back(self, transport: TransportId) -> bool:
        """Tell whether a peer says when each packet came (transport-wide feedback)."""
        path = self._paths.get(transport)
        return path is not None and path.fed_back

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
        heard, self.hearing.arrivals = self.hearing.arrivals, []
        return heard

    # ---- paths

    def open_socket(
        self,
        fd: int,
        on_datagram: Callable[[DatagramReceived], None] | None = None,
        on_ended: Callable[[SocketId], None] | None = None,
    ) -> SocketId:
        """Hand a bound descriptor over; strangers' STUN and DTLS go to `on_datagram`.

        One of a connection over TCP carries datagrams in frames, and has an end.
        """
        socket = SocketId(next(self._ids))
        if on_datagram is not None:
            self.hearing.sockets[socket] = on_datagram
        if on_ended is not None:
            self.hearing.streams[socket] = on_ended
        self.engine.apply(OpenSocket(socket, fd))
        return socket

    def close_socket(self, socket: SocketId) -> None:
        """Close a socket whose transports are closed."""
        self.hearing.sockets.pop(socket, None)
        self.hearing.streams.pop(socket, None)
        self.engine.apply(CloseSocket(socket))

    def new_transport(self) -> TransportId:
        """Choose the id of a path to open."""
        return TransportId(next(self._ids))

    def open_transport(
        self, command: OpenTransport, listener: Listener, *, reports: bool = True
    ) -> None:
        """Open a path, or state it again with another address."""
        path = self._paths.get(command.transport)
        if path is None:
            path = self._paths[command.transport] = Path(listener, locked=command.secure)
            if reports:
                self.reporter.add_transport(command.transport, self.new_ssrc(), transport_cc=True)
        path.listener, path.line = listener, command.line
        path.ipv6 = command.remote is not None and ":" in command.remote.host
        path.fed_back = path.fed_back or bool(command.extensions.transport_cc)
        self.engine.apply(command)

    def hear_limits(self, transport: TransportId, heard: Callable[[RateFact], None]) -> None:
        """Tell `heard` what the peer of a path says of rates, until it closes."""
        if path := self._paths.get(transport):
            path.limited = heard

    def agree_remb(self, transport: TransportId, agreed: bool) -> None:
        """Take in whether its peer reads REMB."""
        self.reporter.agree(transport, remb=agreed)

    def close_transport(self, transport: TransportId) -> None:
        """Close a path with all its sources and sinks."""
        for source in [one for one, owner in self._owners.items() if owner == transport]:
            self._forget_source(source)
        for sink in [one for one, owner in self._sinks.items() if owner == transport]:
            self._forget_sink(sink)
        self._paths.pop(transport, None)
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
                self._unlock(command.transport)
        for sink in [one for one in self._held if not self._is_locked(one)]:
            self.routes.want(sink, *self._held.pop(sink))

    def _unlock(self, transport: TransportId) -> None:
        if path := self._paths.get(transport):
            path.locked = False

    def _is_locked(self, sink: SinkId) -> bool:
        transport = self._sinks.get(sink)
        path = self._paths.get(transport) if transport is not None else None
        return path is not None and path.locked

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
        if self._is_locked(sink):
            self._held[sink] = source, temporal
        else:
            self.routes.want(sink, source, temporal)

    def wanted(self, sink: SinkId) -> SourceId | None:
        """Return what a sink shall carry, now or once it has keys."""
        return self._held[sink][0] if sink in self._held else self.routes.wanted(sink)

    def flush(self, now: float) -> None:
        """Tell the engine what changed, and ask at once for the key frames that needs.

        Who can begin with the source's last one is served by then.
        """
        changes = self.routes.diff()
        if changes:
            self.engine.apply(*changes)
            self.routes.served(self.engine.served())
        self.keyframes.routed(now)

    def picture_wanted(self, sink: SinkId, now: float) -> None:
        """Pass the wish of who receives a sink on to who sends its source."""
        self.hearing.picture_wanted(sink, now)

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
        snapshot = self.engine.snapshot()
        self.routes.observe(snapshot.sinks.values())
        self.keyframes.routed(now)
        self.keyframes.tick(now)
        reports = self.reporter.tick(snapshot)
        if reports:
            self.engine.apply(*reports)
        return snapshot

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
