"""RAS's datagrams: the gatekeeper's port, the multicast group by which units look for one.

::

    UDP 1719 --share of its address left?--> told(Arrived)
    UDP 1718, group 224.0.1.41 ------------> the same, as multicast

An answer leaves from the address its request came to, whichever socket heard that: units, and the
firewalls before them, take it from nowhere else.
"""

import contextlib
import socket
import struct

import structlog

from sfu.model import Address
from sfu.shell.fault import naming
from sfu.shell.gate import Gate
from sfu.shell.rassocket import RasSocket, Told
from sfu.shell.udp import Advertised, local_host_toward

DISCOVERY_PORT = 1718
DISCOVERY_GROUP = "224.0.1.41"
"""Where all gatekeepers listen (H.225.0 annex I)."""
IP_MULTICAST_ALL = 49
"""Linux: 0 has a socket hear the groups that it joined itself, not those of other sockets."""

log = structlog.get_logger()


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
        one = RasSocket(self._gate.may_send, self._advertised, self._told)
        one.start(sock, host)
        self._sockets.append(one)
        return one.bound

    async def discover(self) -> None:
        """Listen for who looks for any gatekeeper; where the network has no multicast, be told."""
        ours = [one.bound for one in self._sockets if ":" not in one.bound.host]
        if not ours:
            return  # H.225.0 names a group of IPv4 alone
        try:
            sock = bind_ras(DISCOVERY_GROUP, DISCOVERY_PORT, shared=True)
        except OSError as error:
            log.warning("no_h323_discovery", why=error.strerror or str(error))
            return
        with contextlib.closing(sock):
            joined = [_join(sock, host) for one in ours for host in _interfaces(one.host)]
            if not any(joined):
                log.warning("no_h323_discovery", why="no interface takes the multicast group")
                return
            one = RasSocket(self._gate.may_send, self._advertised, self._told, ours)
            one.start(sock.dup(), DISCOVERY_GROUP)
        self._groups.append(one)

    def send(self, remote: Address, data: bytes, source: str = "") -> None:
        """Send from the gatekeeper's port, on that address of ours where it is given."""
        able = [one for one in self._sockets if one.takes(remote)]
        own = next((one for one in able if one.bound.host == source), None)
        for one in (own, *able):
            if one is not None:
                one.send(remote, data, source)
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
            sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
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
