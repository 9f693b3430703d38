"""All H.323 calls of this house: which connection, which order belongs to which call.

Sans-IO: connections and orders in, bytes and call events out; the deadline of the earliest call.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from sfu.errors import PeerError
from sfu.model import Address, CallId, is_address
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    AskPicture,
    CallEnded,
    CallEvent,
    CallOrder,
    Dial,
    End,
    HangUp,
    OfferMedia,
    Probe,
    Reject,
    Ring,
    Transfer,
    TransferTold,
)
from sfu.signalling.h323 import h225, q931
from sfu.signalling.h323.alias import Alias, number
from sfu.signalling.h323.asking import Admitted, Ask, Denied, Over
from sfu.signalling.h323.call import Call, State
from sfu.signalling.h323.flow import (
    Close,
    Closed,
    Connected,
    FlowEvent,
    FlowId,
    FlowOrder,
    Listening,
    Opened,
    Received,
)
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.tpkt import Framer
from sfu.signalling.h323.tpkt import write as frame

PORT = 1720
GREETING_S = 10.0
"""So long a connection may stay without a Setup."""
CALLS_MAX = 500
WAITING_MAX = 200
MODULUS = 1 << 24
MAX_NAME = 64


@dataclass(slots=True)
class _Waiting:
    """A connection that has not said Setup yet."""

    remote: Address
    local: Address
    until: float
    framer: Framer = field(default_factory=Framer)


class H323UserAgent:
    """Every call by H.323."""

    def __init__(
        self,
        identity: Identity,
        entropy: Callable[[int], bytes],
        new_call: Callable[[], CallId],
    ) -> None:
        """Begin without calls; ids of calls are shared with the other protocols."""
        self.deadline: float | None = None
        self.refused = 0
        """Connections and messages that were no call."""
        self._identity = identity
        self._entropy = entropy
        self._new_call = new_call
        self._flows = count(1, 2)
        self._references = count(int.from_bytes(entropy(2)) & 0x3FFF | 1)
        self._waiting: dict[FlowId, _Waiting] = {}
        self._calls: dict[CallId, Call] = {}
        self._by_flow: dict[FlowId, Call] = {}
        self.asks: Callable[[str], bool] = lambda host: False
        """Whether a foreign gatekeeper is asked before a call from a host is taken."""
        self.routes: Callable[[str], bool] = lambda host: False
        """Whether a host is that gatekeeper: what comes from it is of others behind it."""
        self.may_call: Callable[[str], bool] = lambda host: True
        """Whether a host may begin one more call; asked before a gatekeeper is."""
        self.dials_numbers = False
        """Whether it is asked where a number is that comes without an address."""
        self._asked: dict[CallId, bytes] = {}
        """Calls it was asked about; of our own the description we offer."""
        self._held: dict[CallId, list[CallEvent]] = {}
        """What is told of a call that comes, once it may be taken."""
        self._orders: deque[FlowOrder | Ask | Over] = deque()
        self._events: deque[CallEvent] = deque()

    def __len__(self) -> int:
        """Count the calls."""
        return len(self._calls)

    def owns(self, call: CallId) -> bool:
        """Tell whether a call is one of these."""
        return call in self._calls

    # ---- in

    def handle(self, event: FlowEvent | CallOrder | Admitted | Denied, now: float) -> None:
        """Take one event or order; what follows from it waits in `poll`."""
        match event:
            case Opened():
                self._opened(event, now)
            case Connected():
                if call := self._by_flow.get(event.flow):
                    call.connected(event.flow, event.local, now)
            case Received():
                self._received(event, now)
            case Closed():
                self._waiting.pop(event.flow, None)
                if call := self._by_flow.pop(event.flow, None):
                    call.flow_closed(event.flow, now)
            case Listening():
                if call := self._calls.get(event.call):
                    call.listening(event.address, now)
            case Admitted():
                self._admitted(event, now)
            case Denied():
                self._denied(event)
            case _:
                self._order(event, now)
        self._gather()

    def tick(self, now: float) -> None:
        """Let time pass."""
        for flow in [one for one, waiting in self._waiting.items() if now >= waiting.until]:
            del self._waiting[flow]
            self.refused += 1
            self._orders.append(Close(flow))
        for call in list(self._calls.values()):
            if call.deadline is not None and now >= call.deadline:
                call.tick(now)
        self._gather()

    def poll(self) -> Iterator[FlowOrder | Ask | Over | CallEvent]:
        """Yield orders to connections and what the server must know, oldest first."""
        while self._orders:
            yield self._orders.popleft()
        while self._events:
            yield self._events.popleft()

    # ---- connections

    def _opened(self, event: Opened, now: float) -> None:
        if event.call is not None:
            call = self._calls.get(event.call)
            if call is None or not (call.h245.routed or event.remote.host == call.remote.host):
                self.refused += 1
                self._orders.append(Close(event.flow))
                return
            self._by_flow[event.flow] = call
            call.h245_opened(event.flow, now)
        elif len(self._waiting) >= WAITING_MAX or len(self._calls) >= CALLS_MAX:
            self.refused += 1
            self._orders.append(Close(event.flow))
        else:
            self._waiting[event.flow] = _Waiting(event.remote, event.local, now + GREETING_S)

    def _received(self, event: Received, now: float) -> None:
        if call := self._by_flow.get(event.flow):
            call.receive(event.flow, event.data, now)
            return
        waiting = self._waiting.get(event.flow)
        if waiting is None:
            return
        payloads = waiting.framer.feed(event.data)
        if waiting.framer.error is not None:
            self._turn_away(event.flow)
        for at, payload in enumerate(payloads):
            if event.flow not in self._waiting:
                break
            if (call := self._greeted(event.flow, waiting, payload, now)) is not None:
                call.framer = waiting.framer
                rest = b"".join(frame(one) for one in payloads[at + 1 :])
                if rest:
                    self._again(call, rest, now)
                break

    def _again(self, call: Call, data: bytes, now: float) -> None:
        """Hand over what came in one segment with the Setup."""
        held, call.framer = call.framer, Framer()
        call.receive(call.flow, data, now)
        call.framer = held

    def _greeted(self, flow: FlowId, waiting: _Waiting, payload: bytes, now: float) -> Call | None:
        try:
            message = q931.parse(payload)
            octets = message.user_user
            if message.type != q931.Type.SETUP or octets is None:
                raise PeerError("a connection begins with Setup")
            information = h225.read(octets)
            setup = information.body
            if not isinstance(setup, h225.Setup):
                raise PeerError("no Setup in it")
        except PeerError:
            self._turn_away(flow)
            return None
        del self._waiting[flow]
        call = Call(
            self._new_call(),
            self._identity,
            self._fresh,
            flow,
            waiting.remote,
            waiting.local,
            message.reference,
            setup.identifier or self._entropy(16),
            setup.conference,
            outgoing=False,
            state=State.OFFERED,
        )
        call.h245.routed = self.routes(waiting.remote.host)
        call.h245.bearer.peer_tunnels = information.tunnelling
        for control in information.control:
            call.h245.bearer.hold(control)
        self._calls[call.id] = self._by_flow[flow] = call
        if not self.may_call(waiting.remote.host):
            call.reject(503, "too many calls")
            return call
        call.offered(message, setup, waiting.remote)
        if self.asks(waiting.remote.host):
            self._held[call.id] = list(call.events())
            self._ask(call, setup.destination, setup.source, b"")
        return call

    def _turn_away(self, flow: FlowId) -> None:
        self.refused += 1
        self._waiting.pop(flow, None)
        self._orders.append(Close(flow))

    def _fresh(self) -> int:
        return int.from_bytes(self._entropy(3)) % MODULUS

    # ---- orders

    def _order(self, order: CallOrder, now: float) -> None:
        if isinstance(order, Dial):
            self._dial(order, now)
            return
        call = self._calls.get(order.call)
        if call is None:
            return
        match order:
            case Ring():
                call.ring()
            case Accept():
                call.accept(order.description, now)
            case Reject():
                call.reject(order.status, order.reason)
            case AnswerMedia():
                call.answer_media(order.description, now)
            case OfferMedia():
                call.offer_media(order.description, now)
            case AskPicture():
                call.ask_picture()
            case Probe():
                call.probe(now)
            case Transfer():
                self._events.append(TransferTold(order.call, 501, "not by H.323", over=True))
            case HangUp():
                call.hang_up(order.cause)

    # ---- what a foreign gatekeeper is asked

    def _ask(
        self, call: Call, destination: tuple[Alias, ...], source: tuple[Alias, ...], offer: bytes
    ) -> None:
        self._asked[call.id] = offer
        self._orders.append(
            Ask(
                call.id,
                call.identifier,
                call.conference,
                call.reference,
                not call.outgoing,
                destination,
                source,
            )
        )

    def _admitted(self, event: Admitted, now: float) -> None:
        call = self._calls.get(event.call)
        if call is None:
            return
        self._events.extend(self._held.pop(call.id, ()))
        if not call.outgoing or call.remote.host:
            return
        if event.signalling is None:
            self._denied(Denied(call.id, "no address of IP"))
            return
        call.sent_to(event.signalling, routed=self.routes(event.signalling.host))
        call.dial(self._asked[call.id], now)

    def _denied(self, event: Denied) -> None:
        call = self._calls.get(event.call)
        if call is None:
            return
        self._asked.pop(call.id, None)
        if call.outgoing:
            call.deny(event.reason)
        else:
            call.reject(403, event.reason)

    def _dial(self, order: Dial, now: float) -> None:
        try:
            remote, destination = read_uri(order.uri)
        except PeerError as error:
            name = order.uri.removeprefix("h323:")
            if not self.dials_numbers or not is_name(name):
                self._events.append(CallEnded(order.call, End.UNREACHABLE, 484, error.reason))
                return
            remote, destination = Address("", 0), (number(name),)
        flow = FlowId(next(self._flows))
        call = Call(
            order.call,
            self._identity,
            self._fresh,
            flow,
            remote,
            Address("", 0),
            next(self._references) & 0x7FFF,
            self._entropy(16),
            self._entropy(16),
            outgoing=True,
            state=State.DIALLED,
            user=order.user,
            display=order.display_name,
            destination=destination,
        )
        self._calls[call.id] = self._by_flow[flow] = call
        call.h245.routed = self.routes(remote.host)
        if remote.host:
            call.dial(order.description, now)
        else:
            self._ask(call, destination, (), order.description)

    # ---- out

    def _gather(self) -> None:
        for call in list(self._calls.values()):
            self._orders.extend(call.orders())
            held = self._held.get(call.id)
            (self._events if held is None else held).extend(call.events())
            if call.h245.bearer.flow is not None:
                self._by_flow.setdefault(call.h245.bearer.flow, call)
            if call.over:
                del self._calls[call.id]
                self._held.pop(call.id, None)
                if self._asked.pop(call.id, None) is not None:
                    self._orders.append(Over(call.id))
                for flow in [one for one, owner in self._by_flow.items() if owner is call]:
                    del self._by_flow[flow]
        due = [call.deadline for call in self._calls.values()]
        due += [waiting.until for waiting in self._waiting.values()]
        self.deadline = min((one for one in due if one is not None), default=None)


def is_name(text: str) -> bool:
    """Tell whether this is a number or name without an address, as a gatekeeper finds it."""
    return 0 < len(text) <= MAX_NAME and text.isprintable() and not set(text) & set("@:/ ")


def read_uri(uri: str) -> tuple[Address, tuple[Alias, ...]]:
    """Read "h323:morez@192.0.2.21:1720", "h323:192.0.2.21" or "192.0.2.21##4201"."""
    text = uri.removeprefix("h323:")
    host, mark, inner = text.partition("##")
    user, at, rest = (inner, mark, host) if mark else text.rpartition("@")
    rest = rest if at else text
    port = PORT
    if rest.count(":") == 1 or rest.startswith("["):
        head, _, tail = rest.rpartition(":")
        if tail.isascii() and tail.isdigit() and len(tail) <= 5 and head:
            rest, port = head, int(tail)
    rest = rest.strip("[]")
    if not is_address(rest) or not 0 < port < 65_536:
        raise PeerError("no address to call", status=484)
    return Address(rest, port), (number(user),) if user else ()
