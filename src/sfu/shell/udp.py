"""SIP datagrams: one listening socket, and which address of ours a peer sees."""

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import cast

from sfu.model import Address
from sfu.shell import sieve
from sfu.shell.fault import naming
from sfu.signalling.sip.flow import Carrier, Flow, literal
from sfu.signalling.sip.limit import Admission

MAX_REMEMBERED = 4096
RECEIVE_BUFFER = 1 << 20
ANY = ("0.0.0.0", "::")

Judge = Callable[[str, bytes], Admission]
OnDatagram = Callable[[Flow, bytes, Admission], None]


def local_host_toward(remote: Address) -> str:
    """Return the address of ours that packets to a peer carry; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote.host, remote.port or 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])


class Advertised:
    """Which address of ours a peer shall be told: the public one, else the one it reached."""

    def __init__(self, public_host: str = "") -> None:
        """Advertise `public_host` to everybody if it is given."""
        self._public_host = public_host
        self._known: OrderedDict[str, str] = OrderedDict()

    def host(self, bound: str, remote: Address) -> str:
        """Return our host for a peer; the routing table is asked once per peer."""
        public = self._public_host
        if public and (not literal(public) or (":" in public) == (":" in remote.host)):
            return public
        if bound not in ANY:
            return bound
        host = self._known.get(remote.host)
        if host is None:
            host = self._known[remote.host] = local_host_toward(remote)
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return host


def _enlarge(sock: socket.socket) -> None:
    """Let more wait in the kernel than it grants to everybody, where we may (CAP_NET_ADMIN)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, sieve.SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


class UdpListener(asyncio.DatagramProtocol):
    """One socket; each peer it hears is a flow."""

    def __init__(
        self, index: int, advertised: Advertised, judge: Judge, on_datagram: OnDatagram
    ) -> None:
        """Belong to a shell that knows listeners by their index; `judge` says what is heard."""
        self._index = index
        self._judge = judge
        self._advertised = advertised
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self._socket: socket.socket | None = None
        self.bound = Address("", 0)

    async def bind(self, host: str, port: int) -> None:
        """Open the socket, or say in one line why not."""
        where = Address(host, port)
        with naming(f"SIP over UDP, {where}"):
            sock = socket.socket(
                socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM
            )
            try:
                if ":" in host:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                _enlarge(sock)
                sock.bind((host, port))
                sock.setblocking(False)
            except OSError:
                sock.close()
                raise
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=sock)
        self._socket = sock
        self.bound = Address(host, sock.getsockname()[1])

    def block(self, sites: Collection[str]) -> None:
        """Have the kernel drop what these sites send; where it refuses, we go on doing so."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                sieve.block(self._socket, sites)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember how to send."""
        # neither asyncio's nor uvloop's class says that it is a DatagramTransport
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a datagram on, if its source has not sent too many."""
        admission = self._judge(addr[0], data)
        if admission is not Admission.DROP:
            self._on_datagram(self.flow_to(Address(addr[0], addr[1])), data, admission)

    def error_received(self, exc: Exception) -> None:
        """Do nothing: an ICMP error cannot be tied to a request; timers notice."""

    def takes(self, remote: Address) -> bool:
        """Tell whether this socket can reach a peer."""
        return (":" in self.bound.host) == (":" in remote.host)

    def flow_to(self, remote: Address) -> Flow:
        """Return the flow to a peer."""
        local = Address(self._advertised.host(self.bound.host, remote), self.bound.port)
        return Flow(self._index, Carrier.UDP, local, remote)

    def send(self, remote: Address, data: bytes) -> None:
        """Send a datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, (remote.host, remote.port))

    def close(self) -> None:
        """Close the socket."""
        self._socket = None
        if self._transport is not None:
            self._transport.close()
