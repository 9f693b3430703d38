"""One H.323 call: H.225.0 call signalling, and the H.245 it brings about.

::

    caller                      core                              server
      |-- Setup ---------------->|-- CallOffered (offer=None) ------>|
      |<- CallProceeding --------|                                   |
      |<- Alerting --------------|<------------------------- Ring ---|
      |                          |<----------- Accept (our offer) ---|
      |<- Connect h245Address ---|                                   |
      |<= TCS MSD OLC =========> |-- CallConfirmed (its answer) ---->|
      |-- ReleaseComplete ------>|-- CallEnded --------------------->|

H.245 goes over a connection of its own.  Where the peer insists on its tunnel, or we are told to
prefer it, it goes in Facility messages.  While it goes over its own, call signalling may be closed
(H.323 section 7.3.1).
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.errors import PeerError
from sfu.model import Address, CallId
from sfu.signalling.call import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallRinging,
    DigitPressed,
    End,
    MediaAnswered,
    MediaOffered,
    PictureWanted,
    ProbeAnswered,
)
from sfu.signalling.h323 import h225, h245_per, q931
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.asked import read_offer
from sfu.signalling.h323.bearer import Bearer
from sfu.signalling.h323.cause import NORMAL, end_of, release_of
from sfu.signalling.h323.fact import Alive, Changed, Ended, Fact, Keyed, Settled, Wished
from sfu.signalling.h323.flow import Close, Connect, FlowId, FlowOrder, Listen, Send, Unlisten
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.session import Session
from sfu.signalling.h323.signals import Signals
from sfu.signalling.h323.tpkt import Framer
from sfu.signalling.h323.tpkt import write as frame
from sfu.signalling.h323.transport import may_be_reached

CONNECT_S = 10.0
"""So long a connection of ours may take, and the first answer to our Setup."""
RING_S = 90.0
CONTROL_S = 20.0
"""So long after Connect H.245 may take to settle."""
ALONE_S = 5.0
"""So long a peer whose call signalling closed may take to show by H.245 that it lives."""
_ELSEWHERE = (h225.Reason.CALL_FORWARDED, h225.Reason.ROUTE_CALL_TO_MC)


class State(Enum):
    """How far the call is."""

    OFFERED = auto()
    ACCEPTED = auto()
    """Connect is sent, or waits for its H.245 port."""
    DIALLED = auto()
    ANSWERED = auto()
    """The peer sent Connect."""
    TALKING = auto()
    CLOSED = auto()


@dataclass(slots=True)
class Call:
    """A call, from its Setup to its ReleaseComplete."""

    id: CallId
    identity: Identity
    fresh: Callable[[], int]
    flow: FlowId
    remote: Address
    local: Address
    reference: int
    identifier: bytes
    conference: bytes
    outgoing: bool
    state: State
    deadline: float | None = None
    framer: Framer = field(default_factory=Framer)
    session: Session = field(init=False)
    bearer: Bearer = field(default_factory=Bearer)
    fast_start: bool = False
    user: str = ""
    display: str = ""
    destination: tuple[Alias, ...] = ()
    model: str = ""
    settled: bool = False
    heard: bool = False
    """The peer works on our Setup."""
    routed: bool = False
    """It goes through the gatekeeper that we are registered at: H.245 may not."""
    _alone: bool = False
    """Its call signalling is closed, its H.245 goes on."""
    _ready: bool = False
    """H.245 settled before the call was taken."""
    _named: Address | None = None
    """Where the caller waits for H.245, said before the call was taken."""
    _signals: Signals = field(init=False)
    _due: float | None = None
    _orders: deque[FlowOrder] = field(default_factory=deque)
    _events: deque[CallEvent] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Begin without media; its signalling goes to its connection."""
        self.session = Session(self.fresh)
        self._signals = Signals(
            self.identity,
            self.reference,
            self.outgoing,
            self.identifier,
            self.conference,
            self._send,
            self._tunnels,
            self.user,
            self.display,
        )

    # ---- what the user agent asks of it

    def orders(self) -> Iterator[FlowOrder]:
        """Yield what to do with connections, oldest first."""
        while self._orders:
            yield self._orders.popleft()

    def events(self) -> Iterator[CallEvent]:
        """Yield what the server must know, oldest first."""
        while self._events:
            yield self._events.popleft()

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state is State.CLOSED

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self.over:
            return
        if self._due is not None and now >= self._due:
            self._due = None
            self._late(now)
        if not self.over:
            self.session.tick(now)
            self._flush(now)
        self._arm()

    def receive(self, flow: FlowId, data: bytes, now: float) -> None:
        """Take bytes of one of its connections."""
        signalling = flow == self.flow
        if not signalling and flow != self.bearer.flow:
            return
        framer = self.framer if signalling else self.bearer.framer
        for payload in framer.feed(data):
            try:
                if signalling and payload[0] == q931.PROTOCOL:
                    self._signalled(q931.parse(payload), now)
                elif not signalling:
                    self._controlled(payload, now)
            except PeerError as error:
                self._misread(error, signalling=signalling)
            if self.over:
                return
        if framer.error is not None:
            self._fail(framer.error.reason, End.PROTOCOL_ERROR)
        self._arm()

    def flow_closed(self, flow: FlowId, now: float) -> None:
        """Take in that a connection is over."""
        if self.over:
            return
        if flow == self.flow and self.settled and self.bearer.open:
            self._alone, self._due = True, now + ALONE_S
            self.probe(now)
            self._arm()
        elif flow == self.flow:
            connected = self.state is not State.DIALLED
            self._close(End.VANISHED if connected else End.UNREACHABLE, 0, "connection lost")
        elif flow == self.bearer.flow and self.bearer.lost():
            self._fail("H.245 connection lost", End.VANISHED)

    # ---- the server's orders

    def ring(self) -> None:
        """Say that it rings here."""
        if self.state is State.OFFERED:
            self._signals.proceeding(ringing=True)

    def accept(self, description: bytes, now: float) -> None:
        """Take the call with a description of ours."""
        if self.state is not State.OFFERED:
            return
        self.state = State.ACCEPTED
        self.session.set_ours(description, now)
        self._due = now + CONTROL_S
        if self.identity.tunnelling and self.bearer.peer_tunnels:
            self.bearer.tunnel = True
            self._connect(None, now)
        else:
            self._listen()
        self._arm()

    def listening(self, address: Address | None, now: float) -> None:
        """Go on with the H.245 port that was opened."""
        if self.state not in (State.ACCEPTED, State.ANSWERED):
            return
        self.bearer.listens = address
        if self.state is State.ACCEPTED and (address is not None or self.bearer.peer_tunnels):
            self.bearer.tunnel = self.bearer.tunnel or address is None
            self._connect(None if self.bearer.tunnel else address, now)
        elif address is not None:
            self._signals.start_h245(address)
        elif not self.session.begun:
            self._fail("no free port for H.245", End.ENDED_BY_SERVER)
        self._arm()

    def reject(self, status: int, reason: str) -> None:
        """Do not take the call."""
        self._release(release_of(status))
        self._close(End.REFUSED, status, reason)

    def deny(self, reason: str) -> None:
        """End a call that the gatekeeper does not let us make."""
        nobody = reason in ("calledPartyNotRegistered", "noRouteToDestination", "unallocatedNumber")
        self._close(End.UNREACHABLE if nobody else End.REFUSED, 0, reason)

    def dial(self, description: bytes, now: float) -> None:
        """Begin to call: the connection is asked for."""
        self.session.set_ours(description, now)
        self._orders.append(Connect(self.flow, self.remote))
        self._due = now + CONNECT_S
        self._arm()

    def connected(self, flow: FlowId, local: Address, now: float) -> None:
        """Go on with a connection of ours that came through."""
        if flow == self.bearer.flow:
            self.bearer.came_through()
            self._begin_control(now)
        elif flow == self.flow and self.state is State.DIALLED:
            self.local = local
            self._signals.setup(self._setup())
            self._due = now + CONNECT_S
        self._arm()

    def h245_opened(self, flow: FlowId, now: float) -> None:
        """Take the peer's H.245 connection to our port."""
        left = flow if self.over else self.bearer.opened(flow)
        if left is not None:
            self._orders.append(Close(left))
        if left == flow:
            return
        if left is not None and self.session.begun:
            self.session.begin_again(now)
        self._begin_control(now)
        self._arm()

    def offer_media(self, description: bytes, now: float) -> None:
        """Change what we take: the rate by flowControlCommand, the rest by capabilities."""
        self.session.set_ours(description, now)
        self.session.limit()
        self._flush(now)
        if self.settled:
            self._events.append(MediaAnswered(self.id, self._described()))
        self._arm()

    def answer_media(self, description: bytes, now: float) -> None:
        """Take in our answer to what the peer changed."""
        self.session.set_ours(description, now)
        self._flush(now)
        self._arm()

    def ask_picture(self, now: float) -> None:
        """Wish for a key frame."""
        self.session.ask_picture()
        self._flush(now)

    def probe(self, now: float) -> None:
        """Ask whether the peer lives."""
        self.session.probe(now)
        self._flush(now)

    def hang_up(self, cause: End) -> None:
        """End the call."""
        if self.over:
            return
        self._release(None if self.settled else h225.Release.UNDEFINED_REASON)
        self._close(cause, NORMAL, "")

    # ---- call signalling

    def _signalled(self, message: q931.Message, now: float) -> None:
        if message.type == q931.Type.STATUS_ENQUIRY:
            self._signals.status()
        if message.type == q931.Type.INFORMATION:
            self._keys((message.element(q931.Element.KEYPAD) or b"").decode("ascii", "replace"))
        octets = message.user_user
        if octets is None:
            if message.type == q931.Type.RELEASE_COMPLETE:
                self._released(None, message.cause)
            return
        information = h225.read(octets)
        self.bearer.peer_tunnels = self.bearer.peer_tunnels or information.tunnelling
        self._body(message, information.body, now)
        for control in information.control:
            if self.over:
                return
            with contextlib.suppress(PeerError):  # it costs itself, not those beside it
                self._tunnelled(control, now)

    def _body(self, message: q931.Message, body: h225.Body, now: float) -> None:
        match body:
            case h225.ReleaseComplete():
                self._released(body.reason, message.cause)
            case h225.Proceeding() if self.outgoing:
                self._proceeding(body, now)
            case h225.Connect() if self.state is State.DIALLED:
                self._answered(body, now)
            case h225.Facility():
                self._facility(body, now)
            case _:
                pass  # Notify, Status, Information: heard

    def offered(self, message: q931.Message, setup: h225.Setup, source: Address) -> None:
        """Take the Setup this call began with."""
        self.fast_start = bool(setup.fast_start)
        self.model = setup.source_info.model
        self._signals.proceeding(ringing=False)
        prefixes = self.identity.prefixes
        self._events.append(read_offer(self.id, message, setup, source, prefixes))

    def _proceeding(self, body: h225.Proceeding, now: float) -> None:
        if self.state is not State.DIALLED:
            return
        self.heard, self._due = True, now + RING_S
        if body.ringing:
            self._events.append(CallRinging(self.id))
        self._reach(body.h245_address)

    def _answered(self, body: h225.Connect, now: float) -> None:
        self.state = State.ANSWERED
        self.model = body.info.model
        self._due = now + CONTROL_S
        if self._ready:
            self._settled()
        elif body.h245_address is None and self.bearer.peer_tunnels and self.identity.tunnelling:
            self.bearer.tunnel = True
            self._begin_control(now)
        elif body.h245_address is None and self.bearer.flow is None:
            self._listen()
        else:
            self._reach(body.h245_address)

    def _facility(self, body: h225.Facility, now: float) -> None:
        if body.reason == h225.Reason.START_H245 and self.state is State.OFFERED:
            self._named = body.h245_address
        elif body.reason == h225.Reason.START_H245:
            self._reach(body.h245_address, moved=True)
        elif body.reason in _ELSEWHERE and self.outgoing and self.state is State.DIALLED:
            self._release(h225.Release.FACILITY_CALL_DEFLECTION)
            self._close(End.REFUSED, 0, "it sends the call elsewhere")

    def _reach(self, address: Address | None, *, moved: bool = False) -> None:
        """Open H.245 to where the peer waits: on its own host, as nobody else asked for us.

        Of a call through our gatekeeper that may be another.  `moved`: the peer leaves the tunnel.
        """
        if address is None or self.bearer.tried or self.bearer.flow is not None:
            return
        if self.session.begun and not moved:
            return
        if not (self.routed and may_be_reached(address, self.remote.host)):
            address = Address(self.remote.host, address.port)
        self._orders.append(Connect(self.bearer.dial(self.flow, address), address))

    def _listen(self) -> None:
        self._orders.append(Listen(self.id, self.local.host, self.routed))

    def _released(self, reason: str | None, cause: int) -> None:
        answered = self.settled or cause == NORMAL
        self._close(end_of(reason, cause, answered=answered), cause, reason or "")

    def _connect(self, address: Address | None, now: float) -> None:
        body = h225.Connect(
            self.identifier,
            self.conference,
            self.identity.endpoint,
            address,
            fast_start_refused=self.fast_start,
        )
        self._signals.connect(body)
        if self.bearer.tunnel:
            self._begin_control(now)
        self._reach(self._named, moved=True)

    def _setup(self) -> h225.Setup:
        return h225.Setup(
            self.identifier,
            self.conference,
            self._signals.source(),
            self.identity.endpoint,
            None,
            self.destination,
            self.remote,
        )

    # ---- H.245

    def _begin_control(self, now: float) -> None:
        self.session.begin(now)
        self._flush(now)
        for octets in self.bearer.held():
            with contextlib.suppress(PeerError):
                self._controlled(octets, now)

    def _tunnelled(self, octets: bytes, now: float) -> None:
        """Take H.245 that came in call signalling: who sends it so is answered so."""
        if not self.session.begun:
            if self.bearer.flow is not None:
                return  # beside a connection of its own
            if self.state not in (State.ACCEPTED, State.ANSWERED):
                self.bearer.hold(octets)  # before the call is taken
                return
            self.bearer.tunnel = True
            self._begin_control(now)
        elif not self.bearer.open:
            self.bearer.tunnel = True
        self._controlled(octets, now)

    def _controlled(self, octets: bytes, now: float) -> None:
        if self.over:
            return
        self.bearer.heard = True
        self.session.receive(octets, now)
        self._flush(now)

    def _flush(self, now: float) -> None:
        """Send what H.245 says, tell what it means."""
        for octets in self.session.messages():
            self._carry(octets)
        for fact in self.session.facts():
            self._learn(fact)

    def _carry(self, octets: bytes) -> None:
        if (flow := self.bearer.connection) is not None:
            self._orders.append(Send(flow, frame(octets)))
        elif self.bearer.tunnel:
            self._signals.carry(octets)

    def _learn(self, fact: Fact) -> None:
        match fact:
            case Settled() if self.state is State.DIALLED:
                self._ready = True
            case Settled():
                self._settled()
            case Changed() if self.settled:
                self._events.append(MediaOffered(self.id, self._described()))
            case Wished():
                self._events.append(PictureWanted(self.id))
            case Keyed():
                self._keys(fact.keys)
            case Alive():
                self._due = None if self._alone else self._due
                self._events.append(ProbeAnswered(self.id))
            case Ended():
                self._ended(fact)
            case Changed():
                pass  # it is told whole once the call is taken

    def _ended(self, fact: Ended) -> None:
        if fact.reason:
            self._fail(fact.reason, End.VANISHED if fact.silent else End.PROTOCOL_ERROR)
        else:
            self._release(None)
            self._close(End.HUNG_UP, NORMAL, "")

    def _settled(self) -> None:
        self.settled, self.state, self._due = True, State.TALKING, None
        answer = self._described()
        if self.outgoing:
            self._events.append(CallAnswered(self.id, answer, self.model))
        else:
            self._events.append(CallConfirmed(self.id, answer))
        self.session.limit()

    def _described(self) -> bytes:
        return self.session.described(self.remote.host)

    def _keys(self, keys: str) -> None:
        for key in keys:
            if key in h245_per.KEYS:
                self._events.append(DigitPressed(self.id, key))

    # ---- the end

    def _late(self, now: float) -> None:
        if self.state is State.DIALLED:
            self._release(h225.Release.UNDEFINED_REASON)
            cause = End.NO_ANSWER if self.heard else End.UNREACHABLE
            self._close(cause, 0, "no answer")
        elif self._alone:
            self._fail("connection lost", End.VANISHED)
        elif not self.settled:
            self._fail("H.245 did not settle", End.PROTOCOL_ERROR)

    def _misread(self, error: PeerError, *, signalling: bool) -> None:
        """Pass over what cannot be read; a call that has not begun to talk fails by it."""
        if not self.session.begun and signalling and self.state is State.DIALLED:
            self._fail(error.reason, End.PROTOCOL_ERROR)

    def _fail(self, reason: str, cause: End) -> None:
        self._release(h225.Release.UNDEFINED_REASON)
        self._close(cause, 0, reason)

    def _release(self, reason: h225.Release | None) -> None:
        if self.over:
            return
        try:
            last = self.session.close()
        except PeerError:
            last = ()  # what cannot be said any more ends no less
        if (flow := self.bearer.connection) is not None:
            self._orders.extend(Send(flow, frame(one)) for one in last)
            last = ()
        self._signals.release(reason, last if self.bearer.tunnel else ())

    def _close(self, cause: End, status: int, text: str) -> None:
        if self.over:
            return
        self.state, self.deadline, self._due = State.CLOSED, None, None
        self._orders.append(Unlisten(self.id))
        if self.bearer.flow is not None:
            self._orders.append(Close(self.bearer.flow))
        self._orders.append(Close(self.flow))
        self._events.append(CallEnded(self.id, cause, status, text))

    # ---- writing

    def _send(self, data: bytes) -> None:
        self._orders.append(Send(self.flow, data))

    def _tunnels(self) -> bool:
        """Tell what holds now of H.245 in the tunnel: it goes there, or would be taken there."""
        return self.bearer.tunnel or (self.identity.tunnelling and self.bearer.flow is None)

    def _arm(self) -> None:
        session = self.session.deadline if not self.over else None
        self.deadline = min((one for one in (self._due, session) if one is not None), default=None)
