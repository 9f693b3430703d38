"""The SIP core: bytes, orders and time in; bytes, call events and registrations out.

::

    Received -> parse -> Transactions -> dialog? -> midcall, reinvite, referred, referring
                                            `-----> outside, invited, early
    CallOrder ------------------------------------> dialled, invited, reinvite, hangup, midcall
    tick -> Transactions, Registrar, alarms of the legs, keep-alives

Sans-IO: `handle(event, now)`, `tick(now)`, `deadline`, `poll()`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

from sfu.errors import PeerError
from sfu.model import CallId
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    AskPicture,
    CallOrder,
    Dial,
    End,
    HangUp,
    OfferMedia,
    Probe,
    RefuseMedia,
    Reject,
    Ring,
    TellTransfer,
    Transfer,
)
from sfu.signalling.sip import (
    accepted,
    dialled,
    early,
    hangup,
    invited,
    midcall,
    outbox,
    outside,
    places,
    referred,
    referring,
    refresh,
    registering,
    reinvite,
)
from sfu.signalling.sip.asked import Asked, Purpose
from sfu.signalling.sip.binding import Remembered
from sfu.signalling.sip.desk import ACCEPT, Desk, SipOutput
from sfu.signalling.sip.flow import (
    Connected,
    ConnectFailed,
    Flow,
    FlowClosed,
    FlowEvent,
    Received,
    Send,
    TurnedAway,
)
from sfu.signalling.sip.glimpse import Glimpse
from sfu.signalling.sip.keepalive import PING
from sfu.signalling.sip.leg import Alarm, Leg, State
from sfu.signalling.sip.message import (
    Header,
    Request,
    Response,
    check_request,
    parse_head,
    parse_message,
)
from sfu.signalling.sip.reply import mark_source, reply, reply_flow, stateless_tag
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.transaction.key import ServerKey, server_key
from sfu.signalling.sip.transaction.layer import (
    AckArrived,
    RequestArrived,
    RequestFailed,
    ResponseArrived,
)
from sfu.signalling.sip.trunk import Trunk, TrunkReading


@dataclass(frozen=True, slots=True)
class Start:
    """Register at the trunks."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Take our registrations back."""


SipEvent = FlowEvent | Remembered | CallOrder | Start | Stop


class UserAgent:
    """All calls and registrations of one server."""

    def __init__(
        self,
        settings: SipSettings,
        entropy: Callable[[int], bytes],
        new_call: Callable[[], CallId],
    ) -> None:
        """Start idle; `entropy(n)` gives n unpredictable bytes, `new_call` a fresh id."""
        self._desk = Desk(settings, entropy, new_call)

    def configure(self, settings: SipSettings) -> None:
        """Go by other accounts, networks and limits; realm, domain and trunks stay."""
        self._desk.configure(settings)

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        desk = self._desk
        each = (
            desk.transactions.deadline,
            desk.registrar.deadline,
            desk.alarms.deadline,
            desk.keepalive.deadline,
            desk.trunk_alarms.deadline,
        )
        return min((when for when in each if when is not None), default=None)

    @property
    def calls(self) -> list[CallId]:
        """The calls that are not over."""
        return [leg.call for leg in self._desk.legs.values() if leg.state is not State.CLOSED]

    def trunks(self, now: float) -> list[TrunkReading]:
        """Show how our registrations stand."""
        return [trunk.reading(now) for trunk in self._desk.trunks.values()]

    @property
    def waits_for_answers(self) -> bool:
        """Whether a request of ours has no final answer yet."""
        return self._desk.transactions.waiting

    def expects(self, seen: Glimpse) -> bool:
        """Tell whether a message belongs to a dialog, or answers a request of ours."""
        desk = self._desk
        if any((seen.call_id, tag) in desk.dialogs for tag in seen.tags):
            return True
        return desk.transactions.awaits(seen.branch, seen.method)

    def handle(self, event: SipEvent, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        desk = self._desk
        match event:
            case Received(flow, data):
                self._received(flow, data, now)
            case TurnedAway():
                self._turned_away(event)
            case Connected(ticket, flow):
                if then := desk.connecting.pop(ticket, None):
                    then(flow, now)
            case ConnectFailed(ticket, _):
                if then := desk.connecting.pop(ticket, None):
                    then(None, now)
            case FlowClosed(flow):
                for leg in desk.legs.values():
                    leg.flow_open = leg.flow_open and leg.flow != flow
                registering.flow_closed(desk, flow, now)
                desk.transactions.flow_closed(flow)
                desk.registrar.flow_closed(flow)
            case Remembered(binding):
                outside.remembered(desk, binding, now)
            case Start():
                registering.start(desk, now)
            case Stop():
                registering.stop(desk, now)
            case Dial():
                dialled.dial(desk, event, now)
            case _:
                self._ordered(event, now)
        self._drain(now)

    def tick(self, now: float) -> None:
        """Let time pass."""
        desk = self._desk
        desk.transactions.tick(now)
        desk.registrar.tick(now)
        for call, alarm in desk.alarms.due(now):
            self._alarmed(desk.legs[call], alarm, now)
        for flow in desk.keepalive.tick(desk.flows_behind_nat(), now):
            desk.outputs.append(Send(flow, PING))
        for name, trunk_alarm in desk.trunk_alarms.due(now):
            registering.alarmed(desk, desk.trunks[name], trunk_alarm, now)
        self._drain(now)

    def poll(self) -> Iterator[SipOutput]:
        """Yield what the shell must do and what the server must know, oldest first."""
        while self._desk.outputs:
            yield self._desk.outputs.popleft()

    def _received(self, flow: Flow, data: bytes, now: float) -> None:
        if not data.strip(b"\r\n\0"):
            return  # keep-alive
        try:
            message = parse_message(data)
            if isinstance(message, Response):
                self._desk.transactions.receive_response(message, now)
                return
            request = mark_source(message, flow)
        except PeerError as error:
            self._refuse_broken(flow, data, error)
            return
        try:
            check_request(request)
        except PeerError as error:
            self._refuse_statelessly(flow, request, error)
            return
        self._desk.transactions.receive_request(flow, request, now)

    def _refuse_broken(self, flow: Flow, data: bytes, error: PeerError) -> None:
        """Answer what cannot be read whole, if its head tells where to; noise is not answered."""
        try:
            message = parse_head(data, broken=True)
            if isinstance(message, Request):
                self._refuse_statelessly(flow, mark_source(message, flow), error)
        except PeerError:
            pass  # nothing that could be answered

    def _turned_away(self, event: TurnedAway) -> None:
        """Answer from the head alone, and keep nothing."""
        try:
            message = parse_head(event.data)
            if isinstance(message, Response):
                return
            request = mark_source(message, event.flow)
        except PeerError:
            return
        headers = [("Retry-After", str(event.retry_after_s))] if event.retry_after_s else []
        self._refuse_statelessly(event.flow, request, PeerError("", status=event.status), headers)

    def _refuse_statelessly(
        self, flow: Flow, request: Request, error: PeerError, headers: Iterable[Header] = ()
    ) -> None:
        """Answer what is too broken for a transaction (8.2.7)."""
        if request.method == "ACK":
            return
        try:
            tag = stateless_tag(request, self._desk.secret)
        except PeerError:
            tag = "broken"
        response = reply(request, error.status, tag=tag, reason=error.reason, headers=headers)
        self._desk.outputs.append(Send(reply_flow(request, flow), response.to_bytes()))

    def _drain(self, now: float) -> None:
        desk = self._desk
        while True:
            for output in desk.transactions.poll():
                match output:
                    case Send():
                        desk.outputs.append(output)
                    case RequestArrived(key, flow, request):
                        self._requested(key, flow, request, now)
                    case AckArrived(request):
                        self._acknowledged(request, now)
                    case ResponseArrived(asked, response):
                        self._answered(asked, response, now)
                    case RequestFailed(asked, status):
                        outbox.fail(desk, asked, status)
                    case _:
                        assert_never(output)
            if not desk.answered:
                break
            self._answered(*desk.answered.popleft(), now)
        desk.outputs.extend(desk.registrar.poll())

    def _requested(self, key: ServerKey, flow: Flow, request: Request, now: float) -> None:
        desk = self._desk
        try:
            if request.method == "CANCEL":
                self._cancelled(key, request, now)
            elif not request.to.tag or request.method == "REGISTER":
                outside.requested(desk, key, flow, request, now)
            elif (leg := self._leg_of(request)) is not None:
                self._follow(leg, flow)
                midcall.requested(desk, leg, key, request, now)
            elif (ringing := desk.dialogs.get((request.call_id, request.to.tag))) is not None and (
                fork := ringing.forks.get(request.sender.tag)
            ):
                early.requested(desk, ringing, fork, key, request, now)
            else:
                desk.answer_briefly(key, request, 481, now)
        except PeerError as error:
            self._refuse(key, request, error, now)

    def _refuse(self, key: ServerKey, request: Request, error: PeerError, now: float) -> None:
        """Answer what a peer did wrong, with the headers that say how to do it right."""
        desk = self._desk
        unknown = ", ".join(sorted(desk.unsupported(request)))
        told = {
            420: [("Unsupported", unknown)],
            415: [("Accept", ACCEPT), ("Accept-Encoding", "identity")],
            422: [("Min-SE", str(desk.settings.min_session_s))],
            423: outside.too_brief(),
            500: [("Retry-After", "1")],
        }
        headers = [*told.get(error.status, []), desk.warning(error.reason)]
        desk.answer_briefly(key, request, error.status, now, headers)

    def _leg_of(self, message: Request) -> Leg | None:
        leg = self._desk.dialogs.get((message.call_id, message.to.tag))
        if leg is None or leg.dialog is None or leg.dialog.remote_tag != message.sender.tag:
            return None
        return leg

    @staticmethod
    def _follow(leg: Leg, flow: Flow) -> None:
        """Go the way the peer comes now: its connection is new, or its NAT maps it anew."""
        moved = leg.behind_nat and leg.flow is not None and leg.flow.id == flow.id
        if moved or (flow.carrier.reliable and not leg.flow_open):
            leg.flow, leg.flow_open = flow, True

    def _acknowledged(self, request: Request, now: float) -> None:
        leg = self._leg_of(request)
        if leg is not None:
            invited.acknowledged(self._desk, leg, request, now)

    def _cancelled(self, key: ServerKey, request: Request, now: float) -> None:
        """9.2: the INVITE with the same branch; 481 if we know none."""
        desk, invite = self._desk, server_key(request, "INVITE")
        if not desk.transactions.knows(invite):
            desk.answer_briefly(key, request, 481, now)
            return
        desk.answer(key, request, 200, now)
        for leg in list(desk.legs.values()):
            if leg.pending is not None and leg.pending.key == invite:
                invited.cancelled(desk, leg, now)

    def _answered(self, asked: Asked, response: Response, now: float) -> None:
        """Bring an answer to whoever asked."""
        desk = self._desk
        if asked.trunk:
            self._trunk_answered(desk.trunks[asked.trunk], asked, response, now)
            return
        if outbox.authorise(desk, asked, response, now):
            return
        leg = desk.legs.get(asked.call)
        if leg is None:
            if asked.purpose is Purpose.DIAL and 200 <= response.status < 300:
                dialled.stray(desk, asked, response, now)  # it crossed the end of the call
            return
        try:
            self._dispatch(leg, asked, response, now)
        except PeerError as error:
            hangup.hang_up(desk, leg, End.PROTOCOL_ERROR, now, error.status, error.reason)

    def _trunk_answered(self, trunk: Trunk, asked: Asked, response: Response, now: float) -> None:
        if asked.turn != trunk.turn:
            return  # of a try that was given up
        register = asked.purpose is Purpose.REGISTER
        if register and outbox.authorise(self._desk, asked, response, now):
            registering.wait(self._desk, trunk, now)
        else:
            registering.answered(self._desk, trunk, asked, response, now)

    def _dispatch(self, leg: Leg, asked: Asked, response: Response, now: float) -> None:
        match asked.purpose:
            case Purpose.DIAL:
                dialled.answered(self._desk, leg, asked, response, now)
            case Purpose.OFFER:
                reinvite.answered(self._desk, leg, asked, response, now)
            case Purpose.REFRESH if asked.draft.method == "INVITE":
                reinvite.answered(self._desk, leg, asked, response, now)
            case Purpose.REFRESH:
                refresh.updated(self._desk, leg, asked, response, now)
            case Purpose.PROBE:
                midcall.probed(self._desk, leg, asked, response, now)
            case Purpose.REFER:
                referring.answered(self._desk, leg, asked, response, now)
            case Purpose.NOTIFY:
                referred.notified(self._desk, leg, asked, response, now)
            case Purpose.PICTURE:
                midcall.picture_answered(leg, response)
            case Purpose.OTHER | Purpose.REGISTER:
                pass
            case _:
                assert_never(asked.purpose)

    def _ordered(self, order: CallOrder, now: float) -> None:
        """Carry out an order; one for a call that is over crossed its end and is dropped."""
        desk = self._desk
        leg = desk.legs.get(order.call)
        if leg is None or leg.state is State.CLOSED:
            return
        match order:
            case Dial():
                pass  # a call id used twice
            case Ring():
                invited.ring(desk, leg, now)
            case Accept(_, description):
                invited.accept(desk, leg, description, now)
            case Reject():
                invited.reject(desk, leg, order, now)
            case AnswerMedia(_, description):
                reinvite.answer(desk, leg, description, now)
            case RefuseMedia(_, status):
                reinvite.refuse(desk, leg, status, now)
            case OfferMedia(_, description):
                reinvite.offer(desk, leg, description, now)
            case AskPicture():
                midcall.ask_picture(desk, leg, now)
            case Probe():
                midcall.probe(desk, leg, now)
            case TellTransfer(_, status, text):
                referred.tell(desk, leg, status, text, now)
            case Transfer(_, uri):
                referring.refer(desk, leg, uri, now)
            case HangUp(_, cause):
                hangup.hang_up(desk, leg, cause, now)
            case _:
                assert_never(order)

    def _alarmed(self, leg: Leg, alarm: Alarm, now: float) -> None:
        desk = self._desk
        match alarm:
            case Alarm.ANSWER:
                hangup.hang_up(desk, leg, End.NO_ANSWER, now)
            case Alarm.NEXT:
                places.try_next(desk, leg, now)
            case Alarm.RESEND:
                accepted.resend(desk, leg, now)
            case Alarm.GLARE:
                reinvite.glare_over(desk, leg, now)
            case Alarm.PENDING:
                reinvite.refuse(desk, leg, 500, now)
            case Alarm.REFRESH:
                refresh.refresh(desk, leg, now)
            case Alarm.EXPIRY:
                refresh.expired(desk, leg, now)
            case Alarm.REFERRED:
                referred.forgotten(desk, leg, now)
            case Alarm.REFERRING:
                referring.unheard(desk, leg)
            case Alarm.LINGER:
                desk.forget(leg)
            case _:
                assert_never(alarm)
