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

What the peer says is read by `heard`, what we say is written by `signals`; which way H.245 goes is
for `way` to decide.  While H.245 goes over a connection of its own, call signalling may be closed
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
from sfu.signalling.h323.cause import NORMAL, end_of, release_of
from sfu.signalling.h323.conversation import Conversation
from sfu.signalling.h323.fact import Alive, Changed, Ended, Fact, Keyed, Settled, Wished
from sfu.signalling.h323.flow import Close, Connect, FlowId, FlowOrder, Send
from sfu.signalling.h323.heard import Heard
from sfu.signalling.h323.heard import read as hear
from sfu.signalling.h323.identity import Identity
from sfu.signalling.h323.session import Session
from sfu.signalling.h323.signals import Signals
from sfu.signalling.h323.tpkt import Framer
from sfu.signalling.h323.way import Way

CONNECT_S = 10.0
"""So long a connection of ours may take, and the first answer to our Setup."""
RING_S = 90.0
CONTROL_S = 20.0
"""So long after Connect H.245 may take to settle."""
ALONE_S = 5.0
"""So long a peer whose call signalling closed may take to show by H.245 that it lives."""
_ELSEWHERE = (
    h225.Reason.CALL_FORWARDED,
    h225.Reason.ROUTE_CALL_TO_GATEKEEPER,
    h225.Reason.ROUTE_CALL_TO_MC,
)


class State(Enum):
    """How far the call is."""

    OFFERED = auto()
    ACCEPTED = auto()
    """Our Connect waits for its H.245 port."""
    DIALLED = auto()
    ANSWERED = auto()
    """Connect was said, by the peer or by us."""
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
    h245: Conversation = field(init=False)
    fast_start: bool = False
    user: str = ""
    display: str = ""
    destination: tuple[Alias, ...] = ()
    model: str = ""
    settled: bool = False
    heard: bool = False
    """The peer works on our Setup."""
    _alone: bool = False
    """Its call signalling is closed, its H.245 goes on."""
    _ready: bool = False
    """H.245 settled before the call was taken."""
    _way: Way = field(init=False)
    _signals: Signals = field(init=False)
    _due: float | None = None
    _orders: deque[FlowOrder] = field(default_factory=deque)
    _events: deque[CallEvent] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Begin without media; its signalling goes to its connection."""
        self._signals = Signals(
            self.identity,
            self.reference,
            self.outgoing,
            self.identifier,
            self.conference,
            self._send,
            lambda: self._way.claims(dialled=self.state is State.DIALLED),
            self.user,
            self.display,
        )
        self.h245 = Conversation(
            self.id,
            self.flow,
            Session(self.fresh),
            self._orders.append,
            self._signals.carry,
            self._learn,
        )
        self._way = Way(self.h245, self.identity.tunnelling, self.remote.host, self.local.host)

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
            self.h245.session.tick(now)
            self.h245.flush()
        if not self.over and self.h245.deaf(now):
            self._way.leave_tunnel()
        self._arm()

    def receive(self, flow: FlowId, data: bytes, now: float) -> None:
        """Take bytes of one of its connections."""
        signalling = flow == self.flow
        if not signalling and flow != self.h245.bearer.flow:
            return
        framer = self.framer if signalling else self.h245.bearer.framer
        for payload in framer.feed(data):
            with contextlib.suppress(PeerError):  # what cannot be read is passed over
                if signalling and payload[0] == q931.PROTOCOL:
                    self._signalled(q931.parse(payload), now)
                elif not signalling:
                    self.h245.take(payload, now)
            if self.over:
                return
        if framer.error is not None:
            self._fail(framer.error.reason, End.PROTOCOL_ERROR)
        self._arm()

    def flow_closed(self, flow: FlowId, now: float) -> None:
        """Take in that a connection is over."""
        if self.over:
            return
        if flow == self.flow and self.settled and self.h245.bearer.open:
            self._alone, self._due = True, now + ALONE_S
            self.probe(now)
            self._arm()
        elif flow == self.flow:
            connected = self.state is not State.DIALLED
            self._close(End.VANISHED if connected else End.UNREACHABLE, 0, "connection lost")
        elif flow == self.h245.bearer.flow and self._way.lost():
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
        self.h245.session.set_ours(description, now)
        self._due = now + CONTROL_S
        if self._way.choose():
            self._connect(None, now)
        self._arm()

    def listening(self, address: Address | None, now: float) -> None:
        """Go on with the H.245 port that was opened."""
        if self.state not in (State.ACCEPTED, State.ANSWERED):
            return
        self.h245.bearer.listens = address
        if self.state is State.ACCEPTED and self._way.bound(address):
            self._connect(None if self.h245.bearer.tunnel else address, now)
        elif address is not None:
            self._signals.start_h245(address)
        elif not self.h245.session.begun:
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

    def sent_to(self, remote: Address, *, routed: bool) -> None:
        """Take in where a gatekeeper sends a call of ours; `routed`: to itself."""
        self.remote, self._way.host, self.h245.routed = remote, remote.host, routed

    def dial(self, description: bytes, now: float) -> None:
        """Begin to call: the connection is asked for."""
        self.h245.session.set_ours(description, now)
        self._orders.append(Connect(self.flow, self.remote))
        self._due = now + CONNECT_S
        self._arm()

    def connected(self, flow: FlowId, local: Address, now: float) -> None:
        """Go on with a connection of ours that came through."""
        if flow == self.h245.bearer.flow:
            self.h245.connected(now)
        elif flow == self.flow and self.state is State.DIALLED:
            self.local, self._way.local = local, local.host
            self._signals.setup(self._setup())
            self._due = now + CONNECT_S
        self._arm()

    def h245_opened(self, flow: FlowId, now: float) -> None:
        """Take the peer's H.245 connection to our port."""
        self.h245.opened(flow, now)
        self._arm()

    def offer_media(self, description: bytes, now: float) -> None:
        """Change what we take: the rate by flowControlCommand, the rest by capabilities."""
        self.h245.session.set_ours(description, now)
        self.h245.session.limit()
        self.h245.flush()
        if self.settled:
            self._events.append(MediaAnswered(self.id, self._described()))
        self._arm()

    def answer_media(self, description: bytes, now: float) -> None:
        """Take in our answer to what the peer changed."""
        self.h245.session.set_ours(description, now)
        self.h245.flush()
        self._arm()

    def ask_picture(self) -> None:
        """Wish for a key frame."""
        self.h245.session.ask_picture()
        self.h245.flush()

    def probe(self, now: float) -> None:
        """Ask whether the peer lives."""
        self.h245.session.probe(now)
        self.h245.flush()

    def hang_up(self, cause: End) -> None:
        """End the call."""
        if self.over:
            return
        self._release(None if self.settled else h225.Release.UNDEFINED_REASON)
        self._close(cause, NORMAL, "")

    # ---- call signalling

    def _signalled(self, message: q931.Message, now: float) -> None:
        if message.type == q931.Type.STATUS_ENQUIRY:
            self._signals.status(self._call_state())
        said = hear(message)
        self._keys(said.keys)
        if said.whole:
            connect = isinstance(said.body, h225.Connect)
            self._way.heard(tunnelling=said.tunnelling, connect=connect)
        self._body(message, said, now)
        taken = self.state not in (State.OFFERED, State.DIALLED)
        for control in said.control:
            if self.over:
                return
            with contextlib.suppress(PeerError):  # it costs itself, not those beside it
                self.h245.tunnelled(control, now, taken=taken)

    def _body(self, message: q931.Message, said: Heard, now: float) -> None:
        match said.body:
            case h225.ReleaseComplete() as body:
                self._released(body.reason, message.cause)
            case h225.Proceeding() as body:
                self._proceeding(body, now)
            case h225.Connect() as body if self.state is State.DIALLED:
                self._answered(body, now)
            case h225.Facility() as body:
                self._facility(body, now)
            case None if message.type == q931.Type.CONNECT and self.state is State.DIALLED:
                self._fail("no H.225.0 in its Connect", End.PROTOCOL_ERROR)
            case _:
                pass  # Notify, Status, Information: heard

    def offered(self, message: q931.Message, setup: h225.Setup, source: Address) -> None:
        """Take the Setup this call began with."""
        self.fast_start = bool(setup.fast_start)
        self.model = setup.source_info.model
        self._way.offered = setup.h245_address
        self._signals.proceeding(ringing=False)
        prefixes = self.identity.prefixes
        self._events.append(read_offer(self.id, message, setup, source, prefixes))

    def _proceeding(self, body: h225.Proceeding, now: float) -> None:
        if self.state is not State.DIALLED:
            return
        self.heard, self._due = True, now + RING_S
        if body.ringing:
            self._events.append(CallRinging(self.id))
        self._way.reach(body.h245_address)

    def _answered(self, body: h225.Connect, now: float) -> None:
        self.state = State.ANSWERED
        self.model = body.info.model
        self._due = now + CONTROL_S
        if self._ready:
            self._settled()
        else:
            self._way.answered(body.h245_address, now)

    def _facility(self, body: h225.Facility, now: float) -> None:
        if body.reason == h225.Reason.START_H245 and self.state is State.OFFERED:
            self._way.named = body.h245_address
        elif body.reason == h225.Reason.START_H245:
            self._way.reach(body.h245_address, moved=True)
        elif body.reason in _ELSEWHERE and self.outgoing and self.state is State.DIALLED:
            self._release(h225.Release.FACILITY_CALL_DEFLECTION)
            self._close(End.REFUSED, 0, "it sends the call elsewhere")

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
        self.state = State.ANSWERED
        knock = self._way.connect_said(now, named=address is not None)
        self._due = self._due if knock is None else knock

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

    # ---- what H.245 tells

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
        self.h245.session.limit()

    def _described(self) -> bytes:
        return self.h245.session.described(self.remote.host)

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
        elif not self.settled and self._way.knock():
            self._due = now + CONTROL_S
        elif not self.settled:
            self._fail("H.245 did not settle", End.PROTOCOL_ERROR)

    def _fail(self, reason: str, cause: End) -> None:
        self._release(h225.Release.UNDEFINED_REASON)
        self._close(cause, 0, reason)

    def _release(self, reason: h225.Release | None) -> None:
        if not self.over:
            self._signals.release(reason, self.h245.last_words())

    def _close(self, cause: End, status: int, text: str) -> None:
        if self.over:
            return
        self.state, self.deadline, self._due = State.CLOSED, None, None
        self.h245.stop()
        self._orders.append(Close(self.flow))
        self._events.append(CallEnded(self.id, cause, status, text))

    # ---- writing

    def _send(self, data: bytes) -> None:
        self._orders.append(Send(self.flow, data))

    def _call_state(self) -> q931.CallState:
        if self.state is State.OFFERED:
            return q931.CallState.INCOMING_PROCEEDING
        if self.state is not State.DIALLED:
            return q931.CallState.ACTIVE
        return q931.CallState.OUTGOING_PROCEEDING if self.heard else q931.CallState.INITIATED

    def _arm(self) -> None:
        h245 = self.h245.deadline if not self.over else None
        self.deadline = min((one for one in (self._due, h245) if one is not None), default=None)
