"""RAS's datagrams: the gatekeeper's port, the multicast group by which units look for one.

::

    UDP 1719 --share of its address left?--> told(remote, ours, data)
    UDP 1718, group 224.0.1.41 ------------> the same, as multicast
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

import structlog

from sfu.model import Address
from sfu.shell.fault import naming
from sfu.shell.gate import Gate
from sfu.shell.udp import Advertised, local_host_toward

DISCOVERY_PORT = 1718
DISCOVERY_GROUP = "224.0.1.41"
"""Where all gatekeepers listen (H.225.0 annex I)."""
MAX_DATAGRAM = 2048

log = structlog.get_logger()

Judge = Callable[[str, bytes], bool]
"""Tells whether what a host sent is heard."""
Told = Callable[[Address, Address, bytes, bool], None]
"""Hears who sent, our address as the sender shall know it, what, and whether it went to all."""


class RasSocket(asyncio.DatagramProtocol):
    """One socket."""

    def __init__(
        self, judge: Judge, advertised: Advertised, told: Told, us: Address | None
    ) -> None:
        """`us` is where answers shall come to if that is not this socket: of the group's."""
        self._judge, self._advertised, self._told = judge, advertised, told
        self._us = us
        self._transport: asyncio.DatagramTransport | None = None
        self.bound = Address("", 0)

    async def start(self, sock: socket.socket, host: str) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=sock)
        self.bound = Address(host, sock.getsockname()[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember how to send."""
        # neither asyncio's nor uvloop's class says that it is a DatagramTransport
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram on, unless its address sends too many."""
        remote = Address(addr[0], addr[1])
        if not data or len(data) > MAX_DATAGRAM or not self._judge(remote.host, data):
            return
        us = self._us or self.bound
        local = Address(self._advertised.host(us.host, remote), us.port)
        self._told(remote, local, data, self._us is not None)

    def error_received(self, exc: Exception) -> None:
        """Do nothing: a unit that is gone is noticed by its time to live."""

    def takes(self, remote: Address) -> bool:
        """Tell whether this socket can reach a peer."""
        return (":" in self.bound.host) == (":" in remote.host)

    def send(self, remote: Address, data: bytes) -> None:
        """Send a datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, (remote.host, remote.port))

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


class RasDoor:
    """All sockets of RAS."""

    def __init__(self, gate: Gate, advertised: Advertised, told: Told) -> None:
        """Start without a socket; what comes is judged by the gate of SIP's."""
        self._gate, self._advertised, self._told = gate, advertised, told
        self._sockets: list[RasSocket] = []
        self._groups: list[RasSocket] = []

    async def listen(self, host: str, port: int) -> Address:
        """Open the gatekeeper's port on one address, or say in one line why not."""
        with naming(f"H.323 RAS over UDP, {Address(host, port)}"):
            sock = bind_ras(host, port)
        one = RasSocket(self._gate.may_send, self._advertised, self._told, None)
        await one.start(sock, host)
        self._sockets.append(one)
        return one.bound

    async def discover(self, us: Address) -> None:
        """Listen for who looks for any gatekeeper; where the network has no multicast, be told."""
        if ":" in us.host:
            return  # H.225.0 names a group of IPv4 alone
        try:
            sock = bind_ras(DISCOVERY_GROUP, DISCOVERY_PORT, shared=True)
        except OSError as error:
            log.warning("no_h323_discovery", why=error.strerror or str(error))
            return
        with contextlib.closing(sock):
            joined = [_join(sock, host) for host in _interfaces(us.host)]
            if not any(joined):
                log.warning("no_h323_discovery", why="no interface takes the multicast group")
                return
            one = RasSocket(self._gate.may_send, self._advertised, self._told, us)
            await one.start(sock.dup(), DISCOVERY_GROUP)
        self._groups.append(one)

    def send(self, remote: Address, data: bytes) -> None:
        """Send from the gatekeeper's port."""
        for one in self._sockets:
            if one.takes(remote):
                one.send(remote, data)
                return

    def close(self) -> None:
        """Close all sockets."""
        for one in (*self._sockets, *self._groups):
            one.close()
        self._sockets, self._groups = [], []


def bind_ras(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind a UDP socket; OSError where it cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _interfaces(host: str) -> list[str]:
    """Return on which addresses of ours the group is joined; 0.0.0.0 lets the kernel choose."""
    if host != "0.0.0.0":
        return [host]
    return list(dict.fromkeys(["0.0.0.0", local_host_toward(Address("192.0.2.1", 9))]))


def _join(sock: socket.socket, host: str) -> bool:
    request = struct.pack("4s4s", socket.inet_aton(DISCOVERY_GROUP), socket.inet_aton(host))
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    except OSError:
        return False
    return True
