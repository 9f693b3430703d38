"""The transaction layer: matches messages to transactions (RFC 3261 section 17).

Memory is bounded: beyond MAX_OPEN open server transactions a request is answered 503 without
keeping anything.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from sfu.signalling.sip.asked import Asked
from sfu.signalling.sip.flow import Flow, Send
from sfu.signalling.sip.message import Request, Response
from sfu.signalling.sip.reply import reply, reply_flow
from sfu.signalling.sip.timers import Alarms
from sfu.signalling.sip.transaction.client import Client
from sfu.signalling.sip.transaction.client_invite import InviteClient
from sfu.signalling.sip.transaction.key import ClientKey, ServerKey, merge_key, server_key
from sfu.signalling.sip.transaction.output import GiveUp, Pass, Transmit
from sfu.signalling.sip.transaction.server import Server
from sfu.signalling.sip.transaction.server_invite import InviteServer

MAX_OPEN = 8192


@dataclass(frozen=True, slots=True)
class RequestArrived:
    """A new request wants an answer by `respond(key, ...)`."""

    key: ServerKey
    flow: Flow
    request: Request


@dataclass(frozen=True, slots=True)
class AckArrived:
    """An ACK that belongs to a 2xx, so to no transaction."""

    request: Request


@dataclass(frozen=True, slots=True)
class ResponseArrived:
    """A response to a request of ours."""

    asked: Asked
    response: Response


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request of ours got no answer: 408 by timeout, 503 by a broken flow (8.1.3.1)."""

    asked: Asked
    status: int


LayerOutput = Send | RequestArrived | AckArrived | ResponseArrived | RequestFailed


@dataclass(slots=True)
class _Asking:
    asked: Asked
    flow: Flow
    machine: Client | InviteClient


@dataclass(slots=True)
class _Answering:
    flow: Flow
    machine: Server | InviteServer
    merge: ServerKey | None


@dataclass(slots=True)
class Transactions:
    """All open transactions of one endpoint."""

    _clients: dict[ClientKey, _Asking] = field(default_factory=dict)
    _servers: dict[ServerKey, _Answering] = field(default_factory=dict)
    _merges: dict[ServerKey, ServerKey] = field(default_factory=dict)
    _client_alarms: Alarms[ClientKey] = field(default_factory=Alarms)
    _server_alarms: Alarms[ServerKey] = field(default_factory=Alarms)
    _outputs: deque[LayerOutput] = field(default_factory=deque)

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        both = (self._client_alarms.deadline, self._server_alarms.deadline)
        return min((when for when in both if when is not None), default=None)

    def __len__(self) -> int:
        """Count the open transactions."""
        return len(self._clients) + len(self._servers)

    @property
    def waiting(self) -> bool:
        """Whether a request of ours has no final answer yet."""
        return any(entry.machine.waiting for entry in self._clients.values())

    def receive_request(self, flow: Flow, request: Request, now: float) -> None:
        """Take a checked request whose top Via is marked with its source."""
        key = server_key(request)
        entry = self._servers.get(key)
        if request.method == "ACK" and (entry is None or not entry.machine.refused):
            self._outputs.append(AckArrived(request))
        elif entry is not None:
            entry.machine.handle(request, now)
            self._settle_server(key, entry)
        elif len(self._servers) >= MAX_OPEN:
            answer = reply(request, 503, headers=[("Retry-After", "10")])
            self._outputs.append(Send(reply_flow(request, flow), answer.to_bytes()))
        else:
            self._open_server(key, flow, request, now)

    def receive_response(self, response: Response, now: float) -> None:
        """Take a response; one that answers nothing of ours is dropped."""
        key = (response.via.branch, response.cseq.method)
        entry = self._clients.get(key)
        if entry is not None:
            entry.machine.handle(response, now)
            self._settle_client(key, entry)

    def start(self, asked: Asked, flow: Flow, request: Request, now: float) -> None:
        """Send a request, its Via being ours."""
        key = (request.via.branch, request.method)
        machine = InviteClient if request.method == "INVITE" else Client
        entry = _Asking(asked, flow, machine(request, flow.carrier.reliable, now))
        self._clients[key] = entry
        self._settle_client(key, entry)

    def respond(self, key: ServerKey, response: Response, now: float) -> None:
        """Answer a request; where its transaction is gone nothing happens."""
        entry = self._servers.get(key)
        if entry is not None:
            entry.machine.respond(response, now)
            self._settle_server(key, entry)

    def release(self, key: ServerKey) -> None:
        """Forget a request that was answered statelessly."""
        if key in self._servers:
            self._forget_server(key)

    def unanswered(self, key: ServerKey) -> Request | None:
        """Return the request of a server transaction that still wants its final answer."""
        entry = self._servers.get(key)
        return None if entry is None or entry.machine.answered else entry.machine.request

    def knows(self, key: ServerKey) -> bool:
        """Tell whether a server transaction is open, answered or not."""
        return key in self._servers

    def awaits(self, branch: str, method: str) -> bool:
        """Tell whether a response with this branch and method answers a request of ours."""
        return (branch, method) in self._clients

    def flow_closed(self, flow: Flow) -> None:
        """Fail what still waits for an answer on a connection."""
        for key, entry in list(self._clients.items()):
            if entry.flow == flow:
                if entry.machine.waiting:
                    self._outputs.append(RequestFailed(entry.asked, 503))
                self._forget_client(key)

    def tick(self, now: float) -> None:
        """Let time pass."""
        for asked in self._client_alarms.due(now):
            self._clients[asked].machine.tick(now)
            self._settle_client(asked, self._clients[asked])
        for answered in self._server_alarms.due(now):
            self._servers[answered].machine.tick(now)
            self._settle_server(answered, self._servers[answered])

    def poll(self) -> Iterator[LayerOutput]:
        """Yield what happened and what to send."""
        while self._outputs:
            yield self._outputs.popleft()

    def _open_server(self, key: ServerKey, flow: Flow, request: Request, now: float) -> None:
        reliable = flow.carrier.reliable
        invite = request.method == "INVITE"
        machine = InviteServer(request, reliable) if invite else Server(request, reliable)
        merge = merge_key(request)
        merged = merge is not None and merge in self._merges
        self._servers[key] = _Answering(
            reply_flow(request, flow), machine, None if merged else merge
        )
        if merged:  # 8.2.2.2: the same request by another way
            self.respond(key, reply(request, 482, tag="merged"), now)
            return
        if merge is not None:
            self._merges[merge] = key
        self._outputs.append(RequestArrived(key, flow, request))

    def _settle_client(self, key: ClientKey, entry: _Asking) -> None:
        for output in entry.machine.poll():
            match output:
                case Transmit(data):
                    self._outputs.append(Send(entry.flow, data))
                case Pass(response):
                    self._outputs.append(ResponseArrived(entry.asked, response))
                case GiveUp():
                    self._outputs.append(RequestFailed(entry.asked, 408))
        if entry.machine.terminated:
            self._forget_client(key)
        else:
            self._client_alarms.set(key, entry.machine.deadline)

    def _settle_server(self, key: ServerKey, entry: _Answering) -> None:
        for output in entry.machine.poll():
            self._outputs.append(Send(entry.flow, output.data))
        if entry.machine.terminated:
            self._forget_server(key)
        else:
            self._server_alarms.set(key, entry.machine.deadline)

    def _forget_client(self, key: ClientKey) -> None:
        del self._clients[key]
        self._client_alarms.set(key, None)

    def _forget_server(self, key: ServerKey) -> None:
        entry = self._servers.pop(key)
        self._server_alarms.set(key, None)
        if entry.merge is not None:
            self._merges.pop(entry.merge, None)
