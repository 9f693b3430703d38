"""The least of an H.323 room codec: our own core as the caller, over blocking sockets.

It notes when its Setup left, when Connect came, and when H.245 had settled.
"""

import itertools
import os
import select
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from benchmarks.caller import HOST, port_of, udp
from sfu.model import Address, CallId
from sfu.signalling.call import (
    Accept,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallOffered,
    CallOrder,
    Dial,
    End,
    HangUp,
)
from sfu.signalling.h323 import q931
from sfu.signalling.h323.flow import (
    Close,
    Closed,
    Connect,
    Connected,
    FlowEvent,
    FlowId,
    Listen,
    Listening,
    Opened,
    Received,
    Send,
    Unlisten,
)
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.tpkt import Framer
from sfu.signalling.h323.useragent import H323UserAgent
from sfu.signalling.sdp.local import LocalLine, LocalMedia, Policy
from sfu.signalling.sdp.offer import compose_offer

PATIENCE_S = 10.0
CALL = CallId(1)
T = TypeVar("T")


class Unit:
    """One call; `dial`, then packets come to `audio` and `video`, then `hang_up`."""

    def __init__(self, *, tunnelling: bool = False, name: str = "bench") -> None:
        identity = Identity(name, Endpoint("terminal", False, "bench", "1"), tunnelling)
        self.core = H323UserAgent(identity, os.urandom, lambda: CALL)
        self.audio, self.video, *self._control = (udp() for _ in range(4))
        self.events: list[CallEvent] = []
        self.setup_at = self.connect_at = self.settled_at = 0.0
        self._flows: dict[FlowId, socket.socket] = {}
        self._listener: socket.socket | None = None
        self._framer = Framer()
        self._numbers = itertools.count(2, 2)

    def dial(self, server_port: int, room: str) -> None:
        """Call, and return when media may flow; ConnectionError where it comes to nothing."""
        uri = f"h323:{room}@{HOST}:{server_port}"
        self._order(Dial(CALL, uri, self._offer(), "Bench", "7001"))
        self.wait(lambda: self.settled_at > 0 or bool(self._told(CallEnded)))
        if not self.settled_at:
            raise ConnectionError(self._told(CallEnded)[0].text)

    def hang_up(self) -> None:
        """End the call, and give everything back."""
        self._order(HangUp(CALL, End.HUNG_UP))
        self.close()

    def close(self) -> None:
        """Give everything back, as who is killed does."""
        for sock in (*self._flows.values(), self.audio, self.video, *self._control):
            sock.close()
        if self._listener is not None:
            self._listener.close()
        self._flows.clear()

    def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Play until something holds; TimeoutError where it does not in time."""
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError("it did not come")
            self.turn(0.05)

    def turn(self, seconds: float) -> None:
        """Take what has come, waiting so long for something."""
        able = {sock: flow for flow, sock in self._flows.items()}
        listener = [self._listener] if self._listener is not None else []
        for sock in select.select([*able, *listener], [], [], seconds)[0]:
            if sock is self._listener:
                self._accepted(sock)
            elif self._flows.get(able[sock]) is sock:
                self._read(able[sock], sock)
        if self.core.deadline is not None and time.monotonic() >= self.core.deadline:
            self.core.tick(time.monotonic())
            self._drain()

    # ---- between the core and the sockets

    def _order(self, order: CallOrder | FlowEvent) -> None:
        self.core.handle(order, time.monotonic())
        self._drain()

    def _accepted(self, listener: socket.socket) -> None:
        sock, (host, port, *_) = listener.accept()
        flow = FlowId(next(self._numbers))
        self._flows[flow] = sock
        self._order(Opened(flow, Address(host, port), Address(*listener.getsockname()), CALL))

    def _read(self, flow: FlowId, sock: socket.socket) -> None:
        try:
            data = sock.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._flows.pop(flow).close()
            self._order(Closed(flow))
            return
        if not self.connect_at:
            kinds = [one[4] for one in self._framer.feed(data) if one[0] == q931.PROTOCOL]
            if q931.Type.CONNECT in kinds:
                self.connect_at = time.perf_counter()
        self._order(Received(flow, data))

    def _drain(self) -> None:
        for output in self.core.poll():
            match output:
                case Connect(flow, remote):
                    sock = socket.create_connection((remote.host, remote.port), PATIENCE_S)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._flows[flow] = sock
                    self._order(Connected(flow, Address(*sock.getsockname()[:2])))
                case Send(flow, data):
                    self.setup_at = self.setup_at or time.perf_counter()
                    if flow in self._flows:
                        self._flows[flow].sendall(data)
                case Close(flow):
                    if flow in self._flows:
                        self._flows.pop(flow).close()
                case Listen(call):
                    self._listener = socket.create_server((HOST, 0))
                    self._order(Listening(call, Address(*self._listener.getsockname()[:2])))
                case Unlisten():
                    if self._listener is not None:
                        self._listener.close()
                        self._listener = None
                case CallAnswered():
                    self.settled_at = time.perf_counter()
                    self.events.append(output)
                case CallOffered():
                    self.events.append(output)
                    self._order(Accept(output.call, self._offer()))
                case _ if isinstance(output, CallEvent):
                    self.events.append(output)

    def _told(self, kind: type[T]) -> list[T]:
        return [one for one in self.events if isinstance(one, kind)]

    def _offer(self) -> bytes:
        ports = [port_of(sock) for sock in (self.audio, self.video, *self._control)]
        media = LocalMedia(HOST, 1, LocalLine(ports[0], ports[2]), LocalLine(ports[1], ports[3]))
        return bytes(compose_offer(media, Policy()))
