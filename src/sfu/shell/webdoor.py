"""The page's port: who may connect, agree on keys, and how long a request may take to come.

::

    accept --share of its address, places--> TLS --> Visit --> HTTP, WebSocket (uvicorn's)
       `-- reset                             |`-- late, too many   `-- no whole head: closed
                                             `-- browsers' media over TCP: `icetcp`

A `Visit` stands between the connection and uvicorn's protocols: uvicorn waits for ever for a
request's head, and tells nobody when a WebSocket's connection ends.
"""

import asyncio
import ssl
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from socket import socket
from typing import Any, cast

import structlog

from sfu.shell.accept import Acceptor, Divert, Failure
from sfu.shell.crowd import Crowd, Held
from sfu.signalling.sip.blame import Blame, Reason
from sfu.signalling.sip.flow import site_of
from sfu.signalling.sip.share import Share

log = structlog.get_logger()

MOST, MOST_EACH = 1024, 256
"""Connections; a browser has up to six, and a whole town hall may stand behind one address."""
PER_S, AT_ONCE = 20.0, 128
"""New connections of one address."""
STRANGERS_PER_S, STRANGERS_AT_ONCE = 100.0, 300
"""New connections of all addresses without a member: a handshake costs a millisecond or two."""
MAX_ADDRESSES = 4096
HEAD_S = 10.0
"""A request's head must be whole so long after the connection, or after its first byte."""
ANSWER_S = 300.0
"""Its body, and our answer: who is called by an operator may ring for long."""
MOST_BYTES = 1 << 20
"""Between two answers of ours: nothing that is asked of us is larger, and what uvicorn was told and
does not want it reads to its end, however long that is."""
SWEEP_S = 1.0
END_OF_HEAD = b"\r\n\r\n"


class WebGate:
    """What one listener's visitors may ask of it."""

    def __init__(
        self,
        has_members: Callable[[str], bool] = lambda host: False,
        *,
        each: int = MOST_EACH,
        rated: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Spare whose members are in a room; not `rated`: a proxy of ours stands before it."""
        self._has_members = has_members
        self._each = each
        self._rated = rated
        self._clock = clock
        self._blame = Blame()
        self._shares: OrderedDict[str, Share] = OrderedDict()
        self._strangers = Share()
        self.visits: set[Visit] = set()
        self.crowd = Crowd(MOST, self._yielding)

    @property
    def refused(self) -> Counter[Reason]:
        """How much was refused since the start, by reason."""
        return self._blame.refused

    def connect(self, host: str) -> bool:
        """Count one more connection of a host, if it may have it."""
        reason = self._overdrawn(host) if self._rated else None
        if reason is None and self.crowd.reserve(host, self._each):
            return True
        self.refuse(host, reason or Reason.CONNECTIONS)
        return False

    def failed(self, host: str, failure: Failure) -> None:
        """Count one less, that never agreed on keys."""
        self.crowd.release(host)
        if failure in (Failure.LATE, Failure.CROWDED_OUT):
            self.refuse(host, Reason.HANDSHAKES)

    def refuse(self, host: str, reason: Reason) -> None:
        """Count what was refused, and log what fail2ban reads (config/fail2ban)."""
        self._blame.refuse(host, reason, self._clock())
        for abuse in self._blame.poll():
            facts = {"reason": str(abuse.reason), "count": abuse.count}
            if abuse.remote:
                log.warning("web_abuse", remote=abuse.remote, **facts)
            else:
                log.warning("web_crowded", **facts)

    def sweep(self) -> None:
        """Close the connections whose requests do not come."""
        now = self._clock()
        for visit in list(self.visits):
            if visit.slow(now):
                if visit.said:  # browsers connect ahead, and may never need it
                    self.refuse(visit.host, Reason.SLOW)
                visit.abort()

    def _overdrawn(self, host: str) -> Reason | None:
        now, site = self._clock(), site_of(host)
        share = self._shares.setdefault(site, Share())
        self._shares.move_to_end(site)
        if len(self._shares) > MAX_ADDRESSES:
            self._shares.popitem(last=False)
        if not share.take(now, PER_S, AT_ONCE):
            return Reason.CONNECTIONS
        known = self._has_members(host)
        if not known and not self._strangers.take(now, STRANGERS_PER_S, STRANGERS_AT_ONCE):
            return Reason.STRANGERS
        return None

    def _yielding(self) -> Iterator[Held]:
        for visit in self.visits:
            if not self._has_members(visit.host):
                yield Held(visit.host, visit.last_byte, visit.abort)


class Visit(asyncio.Protocol):
    """One connection: hands everything on, and looks at the clock."""

    def __init__(
        self, gate: WebGate, host: str, inner: asyncio.Protocol, clock: Callable[[], float]
    ) -> None:
        """Stand before `inner`, which becomes a WebSocket's protocol by an upgrade."""
        self.host = host
        self._gate = gate
        self._inner = inner
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self.last_byte = clock()
        self.said = False
        """Whether it has sent anything at all."""
        self._head_since: float | None = self.last_byte
        self._answer_since: float | None = None
        self._upgraded = False
        self._tail = b""
        self._unanswered = 0
        """Bytes since our last."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the gate's table."""
        self._transport = cast(asyncio.Transport, transport)
        self._gate.visits.add(self)
        self._inner.connection_made(cast(asyncio.Transport, _Way(self._transport, self)))

    def data_received(self, data: bytes) -> None:
        """Look for the end of a head, and hand on."""
        self.said = True
        self.last_byte = self._clock()
        if not self._upgraded:
            self._unanswered += len(data)
            if self._unanswered > MOST_BYTES:
                self._gate.refuse(self.host, Reason.TOO_LARGE)
                self.abort()
                return
            if self._answer_since is None:
                self._read_head(data)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Hand on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        self._gate.visits.discard(self)
        self._gate.crowd.release(self.host)
        self._inner.connection_lost(exc)

    def upgrade(self, inner: asyncio.Protocol) -> None:
        """Go on as a WebSocket: its own rules say how long it may be silent."""
        self._inner, self._upgraded = inner, True

    def wrote(self) -> None:
        """Hear that an answer goes out; for the next request uvicorn itself waits 15 s."""
        self._head_since = self._answer_since = None
        self._unanswered = 0

    def slow(self, now: float) -> bool:
        """Tell whether a head, or all else of a request, takes too long."""
        if self._upgraded:
            return False
        head, rest = self._head_since, self._answer_since
        late = head is not None and now - head > HEAD_S
        return late or (rest is not None and now - rest > ANSWER_S)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _read_head(self, data: bytes) -> None:
        if self._head_since is None:
            self._head_since = self.last_byte
        seen = self._tail + data
        self._tail = seen[-len(END_OF_HEAD) + 1 :]
        if END_OF_HEAD in seen:
            self._tail, self._head_since, self._answer_since = b"", None, self.last_byte


class _Way:
    """A transport as uvicorn sees it: ours, but for what a `Visit` wants to know."""

    def __init__(self, transport: asyncio.Transport, visit: Visit) -> None:
        self._transport = transport
        self._visit = visit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._visit.wrote()
        self._transport.write(data)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._visit.upgrade(cast(asyncio.Protocol, protocol))


@dataclass(slots=True)
class WebDoor:
    """The listening sockets of one application."""

    gate: WebGate
    acceptors: list[Acceptor]
    sweeper: asyncio.TimerHandle | None = None

    @classmethod
    def open(
        cls,
        gate: WebGate,
        sockets: Sequence[socket],
        context: ssl.SSLContext | None,
        serve: Callable[[], asyncio.Protocol],
        divert: Divert | None = None,
    ) -> "WebDoor":
        """Accept on bound sockets; `serve` makes the protocol of each connection.

        `divert` takes those that are none of the web's.
        """

        def welcome(host: str) -> Visit:
            return Visit(gate, host, serve(), time.monotonic)

        door = cls(
            gate,
            [Acceptor(one, context, gate.connect, welcome, gate.failed, divert) for one in sockets],
        )
        door._sweep()
        return door

    def close(self) -> None:
        """Accept no more; connections there are stay."""
        if self.sweeper is not None:
            self.sweeper.cancel()
        for one in self.acceptors:
            one.close()

    def _sweep(self) -> None:
        self.gate.sweep()
        self.sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
