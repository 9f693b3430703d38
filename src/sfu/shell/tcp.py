"""SIP over TCP and TLS: listeners, connections out, framing, keep-alives, limits.

::

    accept or connect -> Stream (Framer) -> on_message        idle, slow or too many -> closed
                            ^---- rests where its address asks more than its share
"""

import asyncio
import itertools
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import structlog

from sfu.model import Address
from sfu.shell.accept import Acceptor, Failure
from sfu.shell.crowd import Crowd, Held
from sfu.shell.fault import naming
from sfu.shell.gate import Gate
from sfu.shell.paced import Paced
from sfu.shell.udp import Advertised
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.flow import Carrier, Flow
from sfu.signalling.sip.framing import Framer
from sfu.signalling.sip.limit import LISTED

log = structlog.get_logger()

MAX_STREAMS = 1024
MAX_STREAMS_PER_HOST = 64
"""Of one address, or one IPv6 network; a listed one may have more."""
REST_S = 1.0
"""A peer beyond its share is not read for so long: TCP itself holds it back."""
LINGER_S = 2.0
"""How long the answer to what is too large may take to be read."""
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

    message: Callable[[Flow, bytes], bool]
    """False: its address asks too much, and shall rest."""
    too_large: Callable[[Flow, bytes], None]
    """The head of a message whose body is not read."""
    closed: Callable[[Flow], None]


class Stream(Paced, asyncio.Protocol):
    """One connection."""

    def __init__(self, door: "StreamDoor", carrier: Carrier, host: str = "") -> None:
        """Belong to a door, which has counted it already under the `host` it comes from."""
        self._door = door
        self._carrier = carrier
        self._counted = host
        self._framer = Framer()
        self.flow: Flow | None = None
        self.last_byte = self.message_since = asyncio.get_running_loop().time()
        self.heard = False
        self.verified = False
        """Its certificate named whom we wanted."""

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
        if self._counted or self._door.reserve(remote.host):
            self._counted = remote.host
            self._door.enter(flow, self)
            self.flow = flow
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Cut messages out, answer pings, close where framing is lost."""
        if self.flow is None or self._transport is None or self._framer.error is not None:
            return
        now = asyncio.get_running_loop().time()
        self.last_byte = now
        if self._framer.idle:
            self.message_since = now
        welcome = True
        for message in self._framer.feed(data):
            self.message_since, self.heard = now, True
            welcome = self._door.events.message(self.flow, message) and welcome
        if self._framer.take_pings():
            self.send(b"\r\n")  # RFC 5626 section 4.4.1
        if self._framer.error is not None:
            self._give_up(self.flow)
        elif not welcome:
            self._rest(REST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        if self.flow is not None:
            self._door.leave(self.flow)
        if self._counted:
            self._door.release(self._counted)

    def _give_up(self, flow: Flow) -> None:
        """Close where framing is lost; who wants to send too much is told so, and not read."""
        assert self._transport is not None
        head = self._framer.refused_head
        self._door.refused(flow, Reason.TOO_LARGE if head else Reason.GARBLED)
        if not head:
            self._transport.abort()
            return
        self._transport.pause_reading()
        self._door.events.too_large(flow, head)
        asyncio.get_running_loop().call_later(LINGER_S, self._transport.abort)

    def send(self, data: bytes) -> None:
        """Send, unless the peer reads nothing."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self._transport.abort()
            return
        self._transport.write(data)

    @property
    def idle(self) -> bool:
        """Whether it has spoken and no message is half read."""
        return self.heard and self._framer.idle

    def stale(self, now: float) -> bool:
        """Tell whether it has been idle or slow for too long."""
        slow = not self.idle and now - self.message_since > SLOW_S
        return slow or now - self.last_byte > IDLE_S

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()


class StreamDoor:
    """All connections, in and out."""

    def __init__(
        self,
        advertised: Advertised,
        events: StreamEvents,
        client_tls: Callable[[bool], ssl.SSLContext],
        gate: Gate,
    ) -> None:
        """Start without a listener; `client_tls` makes contexts for connections out.

        Codecs have certificates of their own making: only who shall prove a name is verified.
        """
        self.events = events
        self._gate = gate
        self._advertised = advertised
        self._client_tls = {verify: client_tls(verify) for verify in (False, True)}
        self._streams: dict[int, Stream] = {}
        self._crowd = Crowd(MAX_STREAMS, self._yielding)
        self._acceptors: list[Acceptor] = []
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
        self._acceptors.append(
            Acceptor(
                sock, context, self.reserve, lambda host: Stream(self, carrier, host), self._failed
            )
        )
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        return bound

    async def connect(
        self, carrier: Carrier, remote: Address, name: str, *, verify: bool = False
    ) -> Flow | None:
        """Use a connection there is, or open one; None where nobody answers.

        `verify`: over TLS only with who proves to be `name`.
        """
        verify = verify and carrier is Carrier.TLS
        for stream in self._streams.values():
            flow = stream.flow
            there = flow is not None and (flow.carrier, flow.remote) == (carrier, remote)
            if there and (stream.verified or not verify):
                return flow
        loop = asyncio.get_running_loop()
        tls = self._client_tls[verify] if carrier is Carrier.TLS else None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, stream = await loop.create_connection(
                    lambda: Stream(self, carrier),
                    remote.host,
                    remote.port,
                    ssl=tls,
                    server_hostname=name if tls is not None else None,
                )
        except ssl.SSLCertVerificationError as error:
            log.warning(
                "certificate_refused", name=name, remote=str(remote), why=error.verify_message
            )
            return None
        except (OSError, ValueError):  # ValueError: a name that cannot be one
            return None
        stream.verified = verify
        stream.heard = True  # we speak first
        return stream.flow

    def flow(self, carrier: Carrier, here: str, remote: Address) -> Flow:
        """Make the flow of a new connection: it names where we listen, not its own port."""
        port = self._ports.get(carrier, carrier.port)
        local = Address(self._advertised.host(here, remote), port)
        return Flow(next(self._ids), carrier, local, remote)

    def reserve(self, host: str) -> bool:
        """Count one more connection with a host; False where it has enough, or nobody yields."""
        if not self._gate.connect(host):
            return False
        most = MAX_STREAMS_PER_HOST * (LISTED if self._gate.listed(host) else 1)
        if not self._crowd.reserve(host, most):
            self._gate.refuse(host, Reason.CONNECTIONS)
            return False
        return True

    def release(self, host: str) -> None:
        """Count one less."""
        self._crowd.release(host)

    def _failed(self, host: str, failure: Failure) -> None:
        """Count a connection that agreed on no keys."""
        self._crowd.release(host)
        if failure is not Failure.BROKEN:
            self._gate.refuse(host, Reason.HANDSHAKES)

    def refused(self, flow: Flow, reason: Reason) -> None:
        """Count what a connection is closed for."""
        self._gate.refuse(flow.remote.host, reason)

    def enter(self, flow: Flow, stream: Stream) -> None:
        """Take a connection into the table."""
        self._streams[flow.id] = stream

    def leave(self, flow: Flow) -> None:
        """Drop a closed connection and tell of it."""
        if self._streams.pop(flow.id, None) is not None:
            self.events.closed(flow)

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._streams)

    def _yielding(self) -> Iterator[Held]:
        """Name the connections nobody needs: of addresses without a call or a registration."""
        for stream in self._streams.values():
            if stream.flow is not None and not self._gate.has_guests(stream.flow.remote.host):
                yield Held(stream.flow.remote.host, stream.last_byte, stream.abort)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send on a connection; on one that is gone nothing happens."""
        stream = self._streams.get(flow.id)
        if stream is not None:
            stream.send(data)

    def close(self) -> None:
        """Close all listeners and connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for acceptor in self._acceptors:
            acceptor.close()
        for stream in list(self._streams.values()):
            stream.close()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for stream in list(self._streams.values()):
            if stream.stale(loop.time()):
                if stream.flow is not None and not stream.idle:
                    self.refused(stream.flow, Reason.SLOW)
                    stream.abort()
                else:
                    stream.close()
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)
