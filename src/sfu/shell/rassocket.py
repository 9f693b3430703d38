"""One UDP socket of RAS, which says to which address of ours a datagram came (RFC 3542).

::

    kernel --data, in_pktinfo--> the address's share left? --> told(Arrived)
    send(remote, data, source) --in_pktinfo--> leaves from `source`
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from sfu.model import Address
from sfu.shell.udp import ANY, Advertised

MAX_DATAGRAM = 2048
AT_ONCE = 32
"""Datagrams read in one turn of the loop, at most."""
IP_PKTINFO = 8
"""Linux: struct in_pktinfo {int ifindex; in_addr spec_dst; in_addr addr}."""
IPV6_RECVPKTINFO, IPV6_PKTINFO = 49, 50
"""Linux: struct in6_pktinfo {in6_addr addr; unsigned ifindex}."""
PKTINFO, PKTINFO6 = struct.Struct("@i4s4s"), struct.Struct("@16sI")

Ancillary = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A datagram that may be looked at."""

    remote: Address
    local: Address
    """Where answers shall come to, as its sender shall know it."""
    data: bytes
    at: str
    """The address of ours it came to, or of the interface where it came to all."""
    multicast: bool


Judge = Callable[[str, bytes], bool]
"""Tells whether what a host sent is heard."""
Told = Callable[[Arrived], None]


class RasSocket:
    """One socket."""

    def __init__(
        self, judge: Judge, advertised: Advertised, told: Told, doors: Sequence[Address] = ()
    ) -> None:
        """`doors` are where answers leave from and come to, if not here: this hears a group."""
        self._judge, self._advertised, self._told = judge, advertised, told
        self._doors = doors
        self._socket: socket.socket | None = None
        self.bound = Address("", 0)

    def start(self, sock: socket.socket, host: str) -> None:
        """Begin to listen."""
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        asyncio.get_running_loop().add_reader(sock, self._readable)
        self._socket = sock
        self.bound = Address(host, sock.getsockname()[1])

    def takes(self, remote: Address) -> bool:
        """Tell whether this socket can reach a peer."""
        return (":" in self.bound.host) == (":" in remote.host)

    def send(self, remote: Address, data: bytes, source: str = "") -> None:
        """Send a datagram; one that cannot leave now is lost, as on the way."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.sendmsg([data], _from(source), 0, (remote.host, remote.port))

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        for _ in range(AT_ONCE):
            if self._socket is None:
                return
            try:
                data, ancillary, _, source = self._socket.recvmsg(MAX_DATAGRAM + 1, 256)
            except OSError:  # nothing more, or an error that cannot be tied to a request
                return
            self._received(data, Address(source[0], source[1]), at(ancillary))

    def _received(self, data: bytes, remote: Address, at: str) -> None:
        """Hand a datagram on, unless its address sends too many."""
        if not data or len(data) > MAX_DATAGRAM or not self._judge(remote.host, data):
            return
        doors = self._doors or (self.bound,)
        door = next((one for one in doors if one.host == at), doors[0])
        local = Address(self._advertised.host(door.host, remote), door.port)
        at = at if door.host in ANY else door.host
        self._told(Arrived(remote, local, data, at, bool(self._doors)))


def at(ancillary: Iterable[Ancillary]) -> str:
    """Return the address of ours that the kernel says a datagram came to, "" for none."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO) and len(data) >= PKTINFO.size:
            return socket.inet_ntoa(PKTINFO.unpack_from(data)[1])
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO) and len(data) >= PKTINFO6.size:
            return socket.inet_ntop(socket.AF_INET6, PKTINFO6.unpack_from(data)[0])
    return ""


def _from(source: str) -> list[Ancillary]:
    """Return what has the kernel send from an address of ours; a link's own needs no help."""
    if not source or ip_address(source).is_link_local or ip_address(source).is_multicast:
        return []
    if ":" in source:
        where = PKTINFO6.pack(socket.inet_pton(socket.AF_INET6, source), 0)
        return [(socket.IPPROTO_IPV6, IPV6_PKTINFO, where)]
    where = PKTINFO.pack(0, socket.inet_aton(source), bytes(4))
    return [(socket.IPPROTO_IP, IP_PKTINFO, where)]
