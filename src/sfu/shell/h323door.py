"""H.323's TCP connections: the signalling port, a port for each call's H.245, connections out.

::

    accept --share of its address left?--> Connection --4 KiB at a time--> Received
    Listen: a port of the range, for the call's own peer   too much at once: it rests
    Close: what is written goes out, then ours; LINGER_S later the rest
"""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator
from typing import cast

from sfu.model import Address, CallId
from sfu.shell.accept import Acceptor
from sfu.shell.crowd import Crowd, Held
from sfu.shell.fault import naming
from sfu.shell.gate import Gate
from sfu.shell.paced import Paced
from sfu.shell.tasks import spawn
from sfu.shell.udp import ANY, Advertised
from sfu.signalling.h323.flow import Closed, Connected, FlowEvent, FlowId, Opened, Received
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.limit import LISTED

MAX_CONNECTIONS = 1200
MAX_PER_HOST = 64
"""Of one address, or one IPv6 network: thirty calls; a listed one may have more."""
READ_BYTES = 4096
"""Decoding costs 4 us an octet: nobody keeps us for longer than one such piece at a time."""
AT_ONCE_BYTES = 48 * 1024
BYTES_PER_S = 8 * 1024
"""A call begins with some 5 KiB and lives on some 20 bytes a second."""
MAX_UNSENT = 64 * 1024
CONNECT_S = 8.0
LINGER_S = 2.0


class Connection(Paced, asyncio.BufferedProtocol):
    """One connection, theirs or ours."""

    def __init__(self, door: "H323Door", flow: FlowId, host: str, call: CallId | None) -> None:
        """Belong to a door, which has counted it under `host`; `call`: it came to its H.245 port.

        Both are for what comes in; what we open is told as `Connected`.
        """
        self.host = host
        self._door = door
        self._flow = flow
        self._call = call
        self._buffer = bytearray(READ_BYTES)
        self._share, self._share_at = float(AT_ONCE_BYTES), 0.0
        self._ending = False
        self.last_byte = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell of it, with our address as the peer reached it."""
        self._transport = cast(asyncio.Transport, transport)
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer is None or self._ending:
            self._transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        remote, local = Address(peer[0], peer[1]), Address(own[0], own[1])
        if self._flow % 2:
            self._door.tell(Connected(self._flow, local))
        else:
            self._door.tell(Opened(self._flow, remote, local, self._call))

    def get_buffer(self, sizehint: int) -> bytearray:
        """Say where to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what was read; who sends too much rests."""
        now = asyncio.get_running_loop().time()
        self.last_byte = now
        if self._ending:  # let it finish, not fill our ears
            self._share -= nbytes
            if self._share < 0 and self._transport is not None:
                self._transport.abort()
            return
        grown = (now - self._share_at) * BYTES_PER_S
        self._share = min(AT_ONCE_BYTES, self._share + grown) - nbytes
        self._share_at = now
        if self._share < 0:
            self._door.refused(self.host, Reason.MESSAGES)
            self._rest(-self._share / BYTES_PER_S)
        self._door.tell(Received(self._flow, bytes(self._buffer[:nbytes])))

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        self._door.lost(self._flow, self)

    def send(self, data: bytes) -> None:
        """Send, unless the peer reads nothing."""
        if self._transport is None or self._transport.is_closing() or self._ending:
            return
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            self._transport.abort()
            return
        self._transport.write(data)

    def close(self) -> None:
        """End our side once what was sent is out; what still comes is read, lest it reset us."""
        if self._ending:
            return
        self._ending = True
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write_eof()
        self._go_on()
        asyncio.get_running_loop().call_later(LINGER_S, self.abort)


class H323Door:
    """All connections of H.323."""

    def __init__(
        self,
        gate: Gate,
        advertised: Advertised,
        h245_ports: range,
        tell: Callable[[FlowEvent], None],
    ) -> None:
        """Start without a listener; connections share the gate of SIP's."""
        self.tell = tell
        self._gate = gate
        self._advertised = advertised
        self._ports = h245_ports
        self._next = 0
        self._ids = itertools.count(2, 2)
        self._connections: dict[FlowId, Connection] = {}
        self._crowd = Crowd(MAX_CONNECTIONS, self._yielding)
        self._acceptors: list[Acceptor] = []
        self._h245: dict[CallId, Acceptor] = {}
        self._sources: list[str] = []
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._connections)

    async def listen(self, host: str, port: int) -> Address:
        """Open the signalling port, or say in one line why not."""
        with naming(f"H.323 over TCP, {Address(host, port)}"):
            sock = _bind(host, port, 256)
        if host not in ANY:
            self._sources.append(host)
        bound = Address(host, sock.getsockname()[1])
        self._acceptors.append(self._acceptor(sock, self._reserve, None))
        return bound

    def listen_for(
        self, call: CallId, host: str, peer: str, *, anyone: bool = False
    ) -> Address | None:
        """Open an H.245 port on an address of ours for one peer; None where none is free.

        `anyone`: its signalling comes through a gatekeeper, itself it may be anywhere.
        """
        for _ in self._ports:
            port = self._ports[self._next]
            self._next = (self._next + 1) % len(self._ports)
            try:
                sock = _bind(host, port, 4)
            except OSError:
                continue
            self._h245[call] = self._acceptor(
                sock, lambda host: (anyone or host == peer) and self._reserve(host), call
            )
            return Address(self._advertised.host(host, Address(peer, 0)), port)
        return None

    def unlisten(self, call: CallId) -> None:
        """Close the H.245 port of a call, if it has one."""
        acceptor = self._h245.pop(call, None)
        if acceptor is not None:
            acceptor.close()

    def connect(self, flow: FlowId, remote: Address) -> None:
        """Open a connection; `Connected` or `Closed` tells how it went."""
        self._crowd.reserve(remote.host, MAX_CONNECTIONS)
        connection = Connection(self, flow, remote.host, None)
        self._connections[flow] = connection
        spawn(f"h323 connect {remote}", self._connect(connection, flow, remote))

    def send(self, flow: FlowId, data: bytes) -> None:
        """Send on a connection; on one that is gone nothing happens."""
        if connection := self._connections.get(flow):
            connection.send(data)

    def close_flow(self, flow: FlowId) -> None:
        """Close a connection once what was sent is out."""
        if connection := self._connections.get(flow):
            connection.close()

    def lost(self, flow: FlowId, connection: Connection) -> None:
        """Drop a connection that is over and tell of it."""
        if self._connections.get(flow) is connection:
            del self._connections[flow]
            self._crowd.release(connection.host)
            self.tell(Closed(flow))
            if not self._connections:
                self._empty.set()

    def refused(self, host: str, reason: Reason) -> None:
        """Count what an address is held back for."""
        self._gate.refuse(host, reason)

    def stop(self) -> None:
        """Close all listeners."""
        for acceptor in (*self._acceptors, *self._h245.values()):
            acceptor.close()
        self._acceptors, self._h245 = [], {}

    async def drained(self, seconds: float) -> None:
        """Wait until no connection is left, so long at most."""
        self._empty.clear()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)

    def abort(self) -> None:
        """Close all connections at once."""
        for connection in list(self._connections.values()):
            connection.abort()

    def _acceptor(
        self, sock: socket.socket, allowed: Callable[[str], bool], call: CallId | None
    ) -> Acceptor:
        return Acceptor(
            sock, None, allowed, lambda host: self._welcome(host, call),
            lambda host, failure: self._crowd.release(host),
        )  # fmt: skip

    def _welcome(self, host: str, call: CallId | None) -> Connection:
        flow = next(FlowId(one) for one in self._ids if one not in self._connections)
        connection = self._connections[flow] = Connection(self, flow, host, call)
        return connection

    def _reserve(self, host: str) -> bool:
        if not self._gate.connect(host):
            return False
        most = MAX_PER_HOST * (LISTED if self._gate.listed(host) else 1)
        if not self._crowd.reserve(host, most):
            self._gate.refuse(host, Reason.CONNECTIONS)
            return False
        return True

    def _yielding(self) -> Iterator[Held]:
        """Name the connections nobody needs: of addresses without a call or a registration."""
        for one in self._connections.values():
            if not self._gate.has_guests(one.host):
                yield Held(one.host, one.last_byte, one.abort)

    async def _connect(self, connection: Connection, flow: FlowId, remote: Address) -> None:
        loop = asyncio.get_running_loop()
        own = next((one for one in self._sources if (":" in one) == (":" in remote.host)), None)
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(
                    lambda: connection, remote.host, remote.port,
                    local_addr=(own, 0) if own else None,
                )  # fmt: skip
        except OSError:  # TimeoutError is one
            self.lost(flow, connection)


def _bind(host: str, port: int, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
