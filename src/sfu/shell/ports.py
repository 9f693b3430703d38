"""Pairs of UDP ports for calls whose RTP and RTCP do not share one (RFC 3550 section 11).

RTP takes the even port, RTCP the odd one above it.  The range lies outside the kernel's ephemeral
ports, and the search goes round, so that a port just given back rests before it is used again.
"""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from sfu.errors import UseError

RECEIVE_BUFFER_BYTES = 256 * 1024
"""A key frame of 60 kB at line rate fits several times; the kernel may grant less."""


@dataclass(frozen=True, slots=True)
class PortPair:
    """Two bound sockets; whoever takes them owns them."""

    port: int
    rtp_fd: int
    rtcp_fd: int


class PortRange:
    """Hands out port pairs of a range, bound to the wildcard address of a family."""

    def __init__(self, low: int, high: int) -> None:
        """Take the even ports of `low`..`high`, both included."""
        self._first = low + low % 2
        self._pairs = (high + 1 - self._first) // 2
        if self._pairs < 1:
            raise UseError(f"no pair of ports between {low} and {high}")
        self._next = 0

    def take(self, *, ipv6: bool = False) -> PortPair:
        """Bind the next free pair; raise UseError when the range is used up."""
        for port in self._candidates():
            with contextlib.suppress(OSError):
                return _bind_pair(port, socket.AF_INET6 if ipv6 else socket.AF_INET)
        raise UseError("no media port is free")

    def _candidates(self) -> Iterator[int]:
        for _ in range(self._pairs):
            port = self._first + 2 * self._next
            self._next = (self._next + 1) % self._pairs  # before who takes it stops asking
            yield port


def _bind_pair(port: int, family: socket.AddressFamily) -> PortPair:
    rtp = bind_udp(family, "", port)
    try:
        rtcp = bind_udp(family, "", port + 1)
    except OSError:
        rtp.close()
        raise
    return PortPair(port, rtp.detach(), rtcp.detach())


def bind_udp(
    family: socket.AddressFamily, host: str, port: int, buffer_bytes: int = RECEIVE_BUFFER_BYTES
) -> socket.socket:
    """Bind a non-blocking UDP socket; an IPv6 one takes IPv6 only."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
