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
prefer it, it goes in Facility messages.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.errors import PeerError
from sfu.model import Address, CallId, Protocol
from sfu.signalling.call import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallOffered,
    CallRinging,
    DigitPressed,
    End,
    MediaAnswered,
    MediaOffered,
    PictureWanted,
    ProbeAnswered,
)
from sfu.signalling.h323 import h225, h245_per, q931
from sfu.signalling.h323.alias import Alias, number
from sfu.signalling.h323.cause import CAUSES, NORMAL, end_of, release_of
from sfu.signalling.h323.control import (
    Alive,
    Changed,
    Control,
    Ended,
    Fact,
    Keyed,
    Settled,
    Wished,
)
from sfu.signalling.h323.description import describe, read_ours
from sfu.signalling.h323.flow import Close, Connect, FlowId, FlowOrder, Listen, Send, Unlisten
from sfu.signalling.h323.tpkt import Framer
from sfu.signalling.h323.tpkt import write as frame
from sfu.signalling.sdp.bandwidth import video_limit_bps
from sfu.signalling.sdp.session import SessionDescription, parse

CONNECT_S = 10.0
"""So long a connection of ours may take, and the first answer to our Setup."""
RING_S = 90.0
CONTROL_S = 20.0
"""So long after Connect H.245 may take to settle."""
_ELSEWHERE = (h225.Reason.CALL_FORWARDED, h225.Reason.ROUTE_CALL_TO_MC)
ACTIVE = 10
"""Q.931 call state of an answered call."""


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


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are towards a peer."""

    name: str
    endpoint: h225.Endpoint
    tunnelling: bool = False
    """Prefer H.245 in the tunnel to a connection of its own."""
    prefixes: tuple[str, ...] = ()
    """With which numbers begin that a foreign gatekeeper sends us."""


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
    h245_flow: FlowId | None = None
    h245_framer: Framer = field(default_factory=Framer)
    h245_open: bool = False
    tunnel: bool = False
    """H.245 goes in call signalling."""
    peer_tunnels: bool = False
    fast_start: bool = False
    control: Control | None = None
    ours: SessionDescription | None = None
    user: str = ""
    display: str = ""
    destination: tuple[Alias, ...] = ()
    model: str = ""
    version: int = 0
    settled: bool = False
    heard: bool = False
    """The peer works on our Setup."""
    limit_bps: int = 0
    _due: float | None = None
    _orders: deque[FlowOrder] = field(default_factory=deque)
    _events: deque[CallEvent] = field(default_factory=deque)

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
        if self.control is not None and not self.over:
            self.control.tick(now)
            self._flush(now)
        self._arm()

    def receive(self, flow: FlowId, data: bytes, now: float) -> None:
        """Take bytes of one of its connections."""
        signalling = flow == self.flow
        framer = self.framer if signalling else self.h245_framer
        for payload in framer.feed(data):
            try:
                if signalling and payload[0] == q931.PROTOCOL:
                    self._signalled(q931.parse(payload), now)
                elif not signalling:
                    self._controlled(payload, now)
            except PeerError as error:
                self._misread(error, signalling=signalling, now=now)
            if self.over:
                return
        if framer.error is not None:
            self._fail(framer.error.reason, End.PROTOCOL_ERROR)
        self._arm()

    def flow_closed(self, flow: FlowId, now: float) -> None:
        """Take in that a connection is over."""
        if self.over:
            return
        if flow == self.flow:
            connected = self.state is not State.DIALLED
            self._close(End.VANISHED if connected else End.UNREACHABLE, 0, "connection lost")
        elif flow == self.h245_flow:
            self.h245_flow, self.h245_open = None, False
            if not self.tunnel:
                self._fail("H.245 connection lost", End.VANISHED)

    # ---- the server's orders

    def ring(self) -> None:
        """Say that it rings here."""
        if self.state is State.OFFERED:
            body = h225.Proceeding(self.identifier, ringing=True, info=self.identity.endpoint)
            self._say(q931.Type.ALERTING, body)

    def accept(self, description: bytes, now: float) -> None:
        """Take the call with a description of ours."""
        if self.state is not State.OFFERED:
            return
        self.state = State.ACCEPTED
        self.ours = parse(description)
        self._due = now + CONTROL_S
        if self.identity.tunnelling and self.peer_tunnels:
            self.tunnel = True
            self._connect(None, now)
        else:
            self._orders.append(Listen(self.id, self.local.host))
        self._arm()

    def listening(self, address: Address | None, now: float) -> None:
        """Go on with the H.245 port that was opened."""
        if self.state is not State.ACCEPTED:
            return
        if address is None and not self.peer_tunnels:
            self._fail("no free port for H.245", End.ENDED_BY_SERVER)
            return
        self.tunnel = address is None
        self._connect(address, now)
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
        self.ours = parse(description)
        self._orders.append(Connect(self.flow, self.remote))
        self._due = now + CONNECT_S
        self._arm()

    def connected(self, flow: FlowId, local: Address, now: float) -> None:
        """Go on with a connection of ours that came through."""
        if flow == self.h245_flow:
            self.h245_open = True
            self._begin_control(now)
        elif flow == self.flow and self.state is State.DIALLED:
            self.local = local
            self._say(q931.Type.SETUP, self._setup())
            self._due = now + CONNECT_S
        self._arm()

    def h245_opened(self, flow: FlowId, now: float) -> None:
        """Take the peer's H.245 connection to our port."""
        if self.h245_flow is not None or self.over:
            self._orders.append(Close(flow))
            return
        self.h245_flow, self.h245_open = flow, True
        self.tunnel = False
        self._begin_control(now)
        self._arm()

    def offer_media(self, description: bytes, now: float) -> None:
        """Change what we take: the rate by flowControlCommand, the rest by capabilities."""
        session = parse(description)
        self.ours = session
        if self.control is not None:
            self.control.set_ours(read_ours(session), now)
            self._limit(session)
            self._flush(now)
        if self.settled:
            self._events.append(MediaAnswered(self.id, bytes(self._described())))
        self._arm()

    def answer_media(self, description: bytes, now: float) -> None:
        """Take in our answer to what the peer changed."""
        self.ours = parse(description)
        if self.control is not None:
            self.control.set_ours(read_ours(self.ours), now)
            self._flush(now)
        self._arm()

    def ask_picture(self, now: float) -> None:
        """Wish for a key frame."""
        if self.control is not None:
            self.control.ask_picture()
            self._flush(now)

    def probe(self, now: float) -> None:
        """Ask whether the peer lives."""
        if self.control is not None:
            self.control.probe(now)
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
            state = (q931.Element.CALL_STATE, bytes((ACTIVE,)))
            self._write(q931.Type.STATUS, None, (q931.cause(30), state))
        if message.type == q931.Type.INFORMATION:
            self._keys((message.element(q931.Element.KEYPAD) or b"").decode("ascii", "replace"))
        octets = message.user_user
        if octets is None:
            if message.type == q931.Type.RELEASE_COMPLETE:
                self._released(None, message.cause)
            return
        information = h225.read(octets)
        self.peer_tunnels = self.peer_tunnels or information.tunnelling
        self._body(message, information.body, now)
        for control in information.control:
            if self.over:
                return
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
        info = self.identity.endpoint
        self._say(q931.Type.CALL_PROCEEDING, h225.Proceeding(self.identifier, info=info))
        names = [alias.text for alias in setup.source if alias.kind == "h323-ID"]
        numbers = [alias.text for alias in setup.source if alias.kind == "dialledDigits"]
        target = _target(setup, message)
        without = (target.removeprefix(one) for one in self.identity.prefixes)
        who = (numbers or names or [message.calling_number or "unknown"])[0]
        self._events.append(
            CallOffered(
                self.id,
                Protocol.H323,
                target,
                f"{who}@{source.host}",
                (names or [message.display or who])[0],
                self.model,
                source,
                None,
                None,
                also=tuple(one for one in without if one != target),
            )
        )

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
        if body.h245_address is None and self.peer_tunnels and self.identity.tunnelling:
            self.tunnel = True
            self._begin_control(now)
        elif body.h245_address is None and self.h245_flow is None:
            self._orders.append(Listen(self.id, self.local.host))
        else:
            self._reach(body.h245_address)

    def _facility(self, body: h225.Facility, now: float) -> None:
        if body.reason == h225.Reason.START_H245 and self.state is not State.OFFERED:
            self._reach(body.h245_address)
        elif body.reason in _ELSEWHERE and self.outgoing and self.state is State.DIALLED:
            self._release(h225.Release.FACILITY_CALL_DEFLECTION)
            self._close(End.REFUSED, 0, "it sends the call elsewhere")

    def _reach(self, address: Address | None) -> None:
        """Open H.245 to where the peer waits: on its own host, as nobody else asked for us."""
        if address is None or self.h245_flow is not None or self.control is not None:
            return
        if address.host != self.remote.host:
            address = Address(self.remote.host, address.port)
        self.h245_flow = FlowId(self.flow + (2 << 20))
        self._orders.append(Connect(self.h245_flow, address))

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
        self._say(q931.Type.CONNECT, body)
        if self.tunnel:
            self._begin_control(now)

    def _setup(self) -> h225.Setup:
        return h225.Setup(
            self.identifier,
            self.conference,
            (Alias("h323-ID", self.display or self.identity.name), number(self.user))
            if self.user
            else (Alias("h323-ID", self.identity.name),),
            self.identity.endpoint,
            None,
            self.destination,
            self.remote,
        )

    # ---- H.245

    def _begin_control(self, now: float) -> None:
        if self.control is not None or self.ours is None:
            return
        self.control = Control(read_ours(self.ours), self.fresh)
        self.control.begin(now)
        self._flush(now)

    def _tunnelled(self, octets: bytes, now: float) -> None:
        """Take H.245 that came in call signalling: who sends it so is answered so."""
        if self.control is None:
            if self.state not in (State.ACCEPTED, State.ANSWERED) or self.h245_flow is not None:
                return  # before we take the call, or beside a connection of its own
            self.tunnel = True
            self._begin_control(now)
        elif not self.h245_open:
            self.tunnel = True
        self._controlled(octets, now)

    def _controlled(self, octets: bytes, now: float) -> None:
        if self.control is not None:
            self.control.receive(h245_per.read(octets), now)
            self._flush(now)

    def _flush(self, now: float) -> None:
        """Send what H.245 says, tell what it means."""
        assert self.control is not None
        for message in self.control.messages():
            self._carry(h245_per.write(message))
        for fact in self.control.facts():
            self._learn(fact, now)

    def _carry(self, octets: bytes) -> None:
        if self.h245_open and self.h245_flow is not None:
            self._orders.append(Send(self.h245_flow, frame(octets)))
        elif self.tunnel:
            self._say(q931.Type.FACILITY, h225.Facility(self.identifier), (octets,))

    def _learn(self, fact: Fact, now: float) -> None:
        match fact:
            case Settled():
                self._settled()
            case Changed():
                self._changed()
            case Wished():
                self._events.append(PictureWanted(self.id))
            case Keyed():
                self._keys(fact.keys)
            case Alive():
                self._events.append(ProbeAnswered(self.id))
            case Ended():
                if fact.silent:
                    self._fail(fact.reason, End.VANISHED)
                else:
                    self._release(None)
                    self._close(End.HUNG_UP, NORMAL, fact.reason)

    def _settled(self) -> None:
        self.settled, self.state, self._due = True, State.TALKING, None
        answer = bytes(self._described())
        if self.outgoing:
            self._events.append(CallAnswered(self.id, answer, self.model))
        else:
            self._events.append(CallConfirmed(self.id, answer))
        assert self.ours is not None
        self._limit(self.ours)

    def _changed(self) -> None:
        self._events.append(MediaOffered(self.id, bytes(self._described())))

    def _described(self) -> SessionDescription:
        assert self.control is not None
        assert self.ours is not None
        self.version += 1
        event = self.control.telephone_event
        return describe(self.control.flows(), self.ours, self.remote.host, self.version, event)

    def _limit(self, session: SessionDescription) -> None:
        """Say by flowControlCommand what our description allows a picture."""
        video = next((one for one in session.media if one.media == "video" and one.port), None)
        bps = video_limit_bps(session, video, sound=True) if video is not None else 0
        if bps and bps != self.limit_bps and self.control is not None and self.control.limit(bps):
            self.limit_bps = bps

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
        elif not self.settled:
            self._fail("H.245 did not settle", End.PROTOCOL_ERROR)

    def _misread(self, error: PeerError, *, signalling: bool, now: float) -> None:
        """Count what cannot be read; a call that has begun goes on."""
        if self.control is not None:
            self.control.unknown += 1
        elif signalling and self.state is State.DIALLED:
            self._fail(error.reason, End.PROTOCOL_ERROR)

    def _fail(self, reason: str, cause: End) -> None:
        self._release(h225.Release.UNDEFINED_REASON)
        self._close(cause, 0, reason)

    def _release(self, reason: h225.Release | None) -> None:
        if self.over:
            return
        if self.control is not None:
            self.control.close()
            octets = [h245_per.write(message) for message in self.control.messages()]
            list(self.control.facts())
            if self.h245_open and self.h245_flow is not None:
                for one in octets:
                    self._orders.append(Send(self.h245_flow, frame(one)))
                octets = []
        else:
            octets = []
        cause = CAUSES.get(reason, NORMAL) if reason is not None else NORMAL
        body = h225.ReleaseComplete(self.identifier, reason)
        control = tuple(octets) if self.tunnel else ()
        self._say(q931.Type.RELEASE_COMPLETE, body, control, (q931.cause(cause),))

    def _close(self, cause: End, status: int, text: str) -> None:
        if self.over:
            return
        self.state, self.deadline, self._due = State.CLOSED, None, None
        self._orders.append(Unlisten(self.id))
        if self.h245_flow is not None:
            self._orders.append(Close(self.h245_flow))
        self._orders.append(Close(self.flow))
        self._events.append(CallEnded(self.id, cause, status, text))

    # ---- writing

    def _say(
        self,
        kind: q931.Type,
        body: h225.Body,
        control: tuple[bytes, ...] = (),
        before: tuple[tuple[int, bytes], ...] = (),
    ) -> None:
        tunnelling = self.tunnel or (self.identity.tunnelling and self.h245_flow is None)
        information = h225.Information(body, tunnelling, control)
        if kind is q931.Type.SETUP:
            bearer = (q931.Element.BEARER_CAPABILITY, q931.MULTIRATE)
            before = (bearer, q931.display(self.display or self.identity.name))
        elif kind is q931.Type.CONNECT:
            bearer = (q931.Element.BEARER_CAPABILITY, q931.MULTIRATE)
            before = (bearer, q931.display(self.identity.name))
        self._write(kind, information, before)

    def _write(
        self,
        kind: q931.Type,
        information: h225.Information | None,
        before: tuple[tuple[int, bytes], ...],
    ) -> None:
        elements = before
        if information is not None:
            elements = (*before, q931.user_user(h225.write(information)))
        message = q931.Message(kind, self.reference, not self.outgoing, elements)
        self._orders.append(Send(self.flow, frame(q931.write(message))))

    def _arm(self) -> None:
        control = self.control.deadline if self.control is not None and not self.over else None
        self.deadline = min((one for one in (self._due, control) if one is not None), default=None)


def _target(setup: h225.Setup, message: q931.Message) -> str:
    """Return what was dialled: a number before a name, "" for none."""
    order = ("dialledDigits", "partyNumber", "h323-ID", "url-ID", "email-ID")
    found = sorted(
        (alias for alias in setup.destination if alias.kind in order),
        key=lambda alias: order.index(alias.kind),
    )
    text = found[0].text if found else message.called_number
    for prefix in ("h323:", "sip:"):
        text = text.removeprefix(prefix)
    return text.partition("@")[0] if "@" in text else text
