"""SIP over TCP and TLS: listeners, connections out, framing, keep-alives, limits.

::

    accept or connect -> Stream (Framer) -> on_message        idle, slow or too many -> closed
"""

import asyncio
import itertools
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from sfu.model import Address
from sfu.shell.fault import naming
from sfu.shell.udp import Advertised
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.framing import Framer

MAX_STREAMS = 1024
MAX_STREAMS_PER_HOST = 64
MAX_UNSENT = 256 * 1024
"""Bytes a peer may leave unread before its connection is cut."""
CONNECT_S = 4.0
SLOW_S = 20.0
"""A message, and the first one of a connection, must be whole after this long."""
IDLE_S = 3600.0
"""A connection without a byte for this long is closed; codecs ping or refresh sooner."""
SWEEP_S = 5.0


@dataclass(frozen=True, slots=True)
class StreamEvents:
    """What a door tells its shell."""

    message: Callable[[Flow, bytes], None]
    closed: Callable[[Flow], None]


class Stream(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: "StreamDoor", carrier: Carrier, local: Address | None) -> None:
        """Belong to a door; `local` is where we listen, None until known."""
        self._door = door
        self._carrier = carrier
        self._listening = local
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self.flow: Flow | None = None
        self.last_byte = self.message_since = asyncio.get_running_loop().time()
        self.heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the door's table, unless it is full."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if peer is None:
            self._transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        remote = Address(peer[0], peer[1])
        here = transport.get_extra_info("sockname")[0]
        flow = self._door.flow(self._carrier, here, remote)
        if self._door.enter(flow, self):
            self.flow = flow
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Cut messages out, answer pings, close where framing is lost."""
        if self.flow is None or self._transport is None:
            return
        now = asyncio.get_running_loop().time()
        self.last_byte = now
        if self._framer.idle:
            self.message_since = now
        for message in self._framer.feed(data):
            self.message_since, self.heard = now, True
            self._door.events.message(self.flow, message)
        if self._framer.take_pings():
            self.send(b"\r\n")  # RFC 5626 section 4.4.1
        if self._framer.error is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        if self.flow is not None:
            self._door.leave(self.flow)

    def send(self, data: bytes) -> None:
        """Send, unless the peer reads nothing."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self._transport.abort()
            return
        self._transport.write(data)

    def stale(self, now: float) -> bool:
        """Tell whether it has been idle or slow for too long."""
        waiting = not self.heard or not self._framer.idle
        return now - self.last_byte > IDLE_S or (waiting and now - self.message_since > SLOW_S)

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()


class StreamDoor:
    """All connections, in and out."""

    def __init__(
        self, advertised: Advertised, events: StreamEvents, client_tls: ssl.SSLContext
    ) -> None:
        """Start without a listener; `client_tls` is for connections out."""
        self.events = events
        self._advertised = advertised
        self._client_tls = client_tls
        self._streams: dict[int, Stream] = {}
        self._hosts: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._ports: dict[Carrier, int] = {}
        self._ids = itertools.count(1 << 16)
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(
        self, carrier: Carrier, host: str, port: int, context: ssl.SSLContext | None
    ) -> Address:
        """Open a listener, or say in one line why not."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with naming(f"SIP over {carrier.upper()}, {Address(host, port)}"):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((host, port))
                sock.listen(256)
                sock.setblocking(False)
            except OSError:
                sock.close()
                raise
        bound = Address(host, sock.getsockname()[1])
        self._ports.setdefault(carrier, bound.port)
        server = await loop.create_server(
            lambda: Stream(self, carrier, bound), sock=sock, ssl=context
        )
        self._servers.append(server)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        return bound

    async def connect(self, carrier: Carrier, remote: Address, name: str) -> Flow | None:
        """Use a connection there is, or open one; None where nobody answers."""
        for stream in self._streams.values():
            flow = stream.flow
            if flow is not None and (flow.carrier, flow.remote) == (carrier, remote):
                return flow
        loop = asyncio.get_running_loop()
        tls = self._client_tls if carrier is Carrier.TLS else None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, stream = await loop.create_connection(
                    lambda: Stream(self, carrier, None),
                    remote.host,
                    remote.port,
                    ssl=tls,
                    server_hostname=name if tls is not None else None,
                )
        except (OSError, ValueError):  # ValueError: a name that cannot be one
            return None
        stream.heard = True  # we speak first
        return stream.flow

    def flow(self, carrier: Carrier, here: str, remote: Address) -> Flow:
        """Make the flow of a new connection: it names where we listen, not its own port."""
        port = self._ports.get(carrier, carrier.port)
        local = Address(self._advertised.host(here, remote), port)
        return Flow(next(self._ids), carrier, local, remote)

    def enter(self, flow: Flow, stream: Stream) -> bool:
        """Take a connection into the table, if there is room."""
        host = flow.remote.host
        if len(self._streams) >= MAX_STREAMS or self._hosts[host] >= MAX_STREAMS_PER_HOST:
            return False
        self._streams[flow.id] = stream
        self._hosts[host] += 1
        return True

    def leave(self, flow: Flow) -> None:
        """Drop a closed connection and tell of it."""
        if self._streams.pop(flow.id, None) is not None:
            self._hosts[flow.remote.host] -= 1
            if not self._hosts[flow.remote.host]:
                del self._hosts[flow.remote.host]
            self.events.closed(flow)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send on a connection; on one that is gone nothing happens."""
        stream = self._streams.get(flow.id)
        if stream is not None:
            stream.send(data)

    def close(self) -> None:
        """Close all listeners and connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for server in self._servers:
            server.close()
        for stream in list(self._streams.values()):
            stream.close()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for stream in list(self._streams.values()):
            if stream.stale(loop.time()):
                stream.close()
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)
