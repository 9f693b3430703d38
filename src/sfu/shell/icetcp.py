r"""Browsers' media over TCP (RFC 6544): connections that prove whose they are, or go.

::

    page's port, first byte --22--> TLS: the page     (a ClientHello's record, RFC 8446)
                             \--0-8--> RFC 4571: the length of a frame --> engine, a socket each
    own port [webrtc] tcp_port -------------------------------------------^
    engine -- STUN in frames --> IceDoor; no authentic check within PROVE_S: closed

Browsers connect to us and we never to them: our candidates are passive.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable

import structlog

from sfu.model import SocketId
from sfu.shell.accept import Acceptor
from sfu.shell.icedoor import IceDoor
from sfu.signalling.sip.flow import site_of

log = structlog.get_logger()

PROVE_S = 10.0
"""A connection without an authentic check for so long is closed."""
LOOK_S = 1.0
MOST, MOST_EACH = 512, 128
"""Connections, and those of one address: a whole town hall may stand behind it."""
LONGEST_HIGH = 2048 >> 8
"""First byte of the longest frame the engine takes."""


def begins_frame(first: int) -> bool:
    """Tell a frame's first byte from TLS's, which is 22."""
    return first <= LONGEST_HIGH


class IceTcp:
    """The connections of one door."""

    def __init__(self, door: IceDoor) -> None:
        """Begin with none."""
        self._door = door
        self._since: dict[SocketId, tuple[float, str]] = {}
        """When each came, and from which site."""
        self._sites: Counter[str] = Counter()
        self.refused = 0
        self._acceptors: list[Acceptor] = []
        self._look_at = 0.0
        door.on_stream_ended = self.ended

    def __len__(self) -> int:
        """Count the connections."""
        return len(self._since)

    def allowed(self, host: str) -> bool:
        """Tell whether an address may have one more."""
        if len(self._since) < MOST and self._sites[site_of(host)] < MOST_EACH:
            return True
        self.refused += 1
        return False

    def take(self, connection: socket.socket, host: str) -> None:
        """Hand a connection to the engine, or close it where there are too many."""
        if not self.allowed(host):
            connection.close()
            return
        site = site_of(host)
        self._since[self._door.join(connection.detach())] = self._door.clock(), site
        self._sites[site] += 1

    def divert(self, connection: socket.socket, host: str, first: int) -> bool:
        """Take a connection of the page's port that begins with a frame."""
        if begins_frame(first):
            self.take(connection, host)
        return begins_frame(first)

    def listen(self, bound: Iterable[socket.socket]) -> None:
        """Take whatever comes to a port of our own; what begins with no frame is closed."""
        for one in bound:
            self._acceptors.append(
                Acceptor(one, None, self.allowed, _nothing, lambda host, why: None, self._own)
            )

    def close(self) -> None:
        """Accept no more."""
        for one in self._acceptors:
            one.close()

    def _own(self, connection: socket.socket, host: str, first: int) -> bool:
        if not self.divert(connection, host, first):
            connection.close()
        return True

    def ended(self, stream: SocketId) -> None:
        """Hear that a connection is over."""
        known = self._since.pop(stream, None)
        if known is not None:
            self._sites[known[1]] -= 1
            if not self._sites[known[1]]:
                del self._sites[known[1]]
            self._door.drop(stream)

    def tick(self) -> None:
        """Close connections that belong to nobody."""
        now = self._door.clock()
        if not self._since or now < self._look_at:
            return
        self._look_at, used = now + LOOK_S, self._door.directory.sockets()
        for stream, (since, site) in list(self._since.items()):
            if stream not in used and now - since > PROVE_S:
                log.debug("tcp_unproven", site=site)
                self.ended(stream)


def _nothing(host: str) -> asyncio.BaseProtocol:
    raise AssertionError("a port of frames has no other protocol")
