"""What all event families share: tables of calls, answers, requests of ours, outputs.

The families (`invited`, `dialled`, `reinvite`, `midcall`, `refresh`, `outside`) are functions that
take the desk and a leg; none of them knows another's insides.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sfu.errors import PeerError
from sfu.model import CallId
from sfu.signalling.call import CallEnded, CallEvent, End
from sfu.signalling.sip.asked import Asked
from sfu.signalling.sip.binding import BindingOrder
from sfu.signalling.sip.flow import Connect, Flow, Hop, Place, Send
from sfu.signalling.sip.guard import Guard, WrongPassword
from sfu.signalling.sip.keepalive import Keepalive
from sfu.signalling.sip.leg import Alarm, Leg, State
from sfu.signalling.sip.message import Header, Request, Response
from sfu.signalling.sip.registrar import EXTENSIONS as REGISTRAR_EXTENSIONS
from sfu.signalling.sip.registrar import Registrar, RegistrarFact
from sfu.signalling.sip.reply import reply, stateless_tag
from sfu.signalling.sip.settings import SipSettings
from sfu.signalling.sip.text import quote
from sfu.signalling.sip.timers import TIMEOUT_S, Alarms
from sfu.signalling.sip.transaction.key import ServerKey
from sfu.signalling.sip.transaction.layer import Transactions
from sfu.signalling.sip.trunk import Trunk, TrunkAlarm, TrunkChanged
from sfu.signalling.sip.uri import Uri, escape

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, REGISTER"
ACCEPT = "application/sdp, application/media_control+xml, application/dtmf-relay, application/dtmf"
SUPPORTED = "timer, 100rel, replaces, norefersub"
EXTENSIONS = frozenset({"timer", "100rel", "replaces", "norefersub"})
"""What a peer may require.  100rel is kept by sending no provisional answer but 100."""

SipOutput = Send | Connect | CallEvent | RegistrarFact | BindingOrder | WrongPassword | TrunkChanged


class Desk:
    """Tables, limits and the ways out."""

    def __init__(
        self,
        settings: SipSettings,
        entropy: Callable[[int], bytes],
        new_call: Callable[[], CallId],
    ) -> None:
        """Start with no call; `entropy(n)` gives n unpredictable bytes."""
        self.settings = settings
        self.entropy = entropy
        self.new_call = new_call
        self.secret = entropy(32)
        self.guard = Guard(settings.realm, settings.accounts, entropy(32))
        self.registrar = Registrar(self.token, settings.domain)
        self.trunks = {
            one.name: Trunk(one, self.token(16), self.token()) for one in settings.trunks
        }
        self.trunk_alarms: Alarms[tuple[str, TrunkAlarm]] = Alarms()
        self.transactions = Transactions()
        self.legs: dict[CallId, Leg] = {}
        self.dialogs: dict[tuple[str, str], Leg] = {}
        self.early: Counter[str] = Counter()
        self.alarms: Alarms[tuple[CallId, Alarm]] = Alarms()
        self.answered: deque[tuple[Asked, Response]] = deque()
        self.connecting: dict[int, Callable[[Flow | None, float], None]] = {}
        self.no_tcp: set[str] = set()
        self.outputs: deque[SipOutput] = deque()
        self.keepalive = Keepalive()
        self._tickets = 0

    def configure(self, settings: SipSettings) -> None:
        """Go by other accounts, networks and limits; realm, domain and trunks stay."""
        ours = self.settings
        self.settings = replace(settings, realm=ours.realm, domain=ours.domain, trunks=ours.trunks)
        self.guard = replace(self.guard, accounts=settings.accounts)

    def token(self, size: int = 8) -> str:
        """Return an unguessable word for a tag, branch, Call-ID or cnonce."""
        return self.entropy(size).hex()

    def chance(self, low: float, high: float) -> float:
        """Return a number between two, in steps of 10 ms (14.1)."""
        steps = round((high - low) * 100)
        return low + int.from_bytes(self.entropy(2), "big") % (steps + 1) / 100

    def tell(self, event: CallEvent | RegistrarFact | WrongPassword | TrunkChanged) -> None:
        """Tell the server."""
        self.outputs.append(event)

    def connect(
        self,
        hop: Hop,
        then: Callable[[Flow | None, float], None],
        avoid: Iterable[Place] = (),
    ) -> None:
        """Have the shell find a flow, and go on with it (None: there is none)."""
        self._tickets += 1
        self.connecting[self._tickets] = then
        self.outputs.append(Connect(self._tickets, hop, tuple(avoid)))

    def flows_behind_nat(self) -> Iterator[Flow]:
        """Yield the flows that alone reach a call's peer or a registered account."""
        for leg in self.legs.values():
            if leg.behind_nat and leg.flow is not None and leg.state is not State.CLOSED:
                yield leg.flow
        yield from self.registrar.flows_behind_nat()

    def add(self, leg: Leg) -> None:
        """Enter a new call."""
        self.legs[leg.call] = leg
        self.dialogs[leg.call_id, leg.local_tag] = leg
        leg.early = leg.state is State.INVITED
        self.early[leg.source] += leg.early

    def settled(self, leg: Leg) -> None:
        """Stop counting a call against the limit of its source."""
        self.early[leg.source] -= leg.early
        leg.early = False
        if not self.early[leg.source]:
            del self.early[leg.source]

    def close(self, leg: Leg, cause: End, status: int, text: str, now: float) -> None:
        """Tell the server that a call is over, once; keep it for signalling still owed."""
        if leg.state is State.CLOSED:
            return
        leg.state = State.CLOSED
        leg.queued = leg.pending = leg.referral = leg.referring = None
        for alarm in Alarm:
            if alarm is not Alarm.RESEND:
                self.alarms.set((leg.call, alarm), None)
        self.alarms.set((leg.call, Alarm.LINGER), now + TIMEOUT_S)
        self.tell(CallEnded(leg.call, cause, status, text))

    def forget(self, leg: Leg) -> None:
        """Drop a closed call from the tables."""
        if self.legs.pop(leg.call, None) is None:
            return
        self.settled(leg)
        self.dialogs.pop((leg.call_id, leg.local_tag), None)
        for alarm in Alarm:
            self.alarms.set((leg.call, alarm), None)

    def contact(self, flow: Flow, user: str) -> Header:
        """Return our Contact on a flow."""
        params = () if not flow.carrier.reliable else (("transport", str(flow.carrier)),)
        local = flow.local
        return "Contact", f"<{Uri('sip', escape(user), local.host, local.port, params)}>"

    def answer(
        self,
        key: ServerKey,
        request: Request,
        status: int,
        now: float,
        *,
        tag: str = "",
        reason: str = "",
        headers: Iterable[Header] = (),
        body: bytes = b"",
    ) -> Response:
        """Answer a request in its transaction."""
        headers = (("Server", self.settings.user_agent), *headers)
        response = reply(
            request, status, tag=tag or self.token(), reason=reason, headers=headers, body=body
        )
        self.transactions.respond(key, response, now)
        return response

    def answer_briefly(
        self,
        key: ServerKey,
        request: Request,
        status: int,
        now: float,
        headers: Iterable[Header] = (),
    ) -> None:
        """Answer and keep nothing (8.2.7): a flood of strangers must cost no memory.

        A repeated request is judged again and gets the same answer, tag included.
        """
        tag = stateless_tag(request, self.secret)
        self.answer(key, request, status, now, tag=tag, headers=headers)
        self.transactions.release(key)

    def trying(self, key: ServerKey, request: Request, now: float) -> None:
        """Stop the caller's retransmissions: what follows may take a while."""
        self.transactions.respond(key, reply(request, 100), now)

    def check_required(self, request: Request) -> None:
        """Raise 420 where the peer requires an extension we do not have (8.2.2.3)."""
        if self.unsupported(request):
            raise PeerError("extension not supported", status=420)

    @staticmethod
    def unsupported(request: Request) -> frozenset[str]:
        """Return what a peer requires and we do not have."""
        known = EXTENSIONS | (REGISTRAR_EXTENSIONS if request.method == "REGISTER" else frozenset())
        return request.options("Require") - known

    def warning(self, text: str, code: int = 399) -> Header:
        """Return a Warning in words (20.43)."""
        agent = re.sub(r"[^A-Za-z0-9.\-]", "-", self.settings.realm) or "sfu"
        return "Warning", f"{code} {agent} {quote(text)}"

    def answer_leg(
        self,
        leg: Leg,
        key: ServerKey,
        request: Request,
        status: int,
        now: float,
        *,
        reason: str = "",
        headers: Iterable[Header] = (),
        body: bytes = b"",
    ) -> Response:
        """Answer within a call: our tag, and where a dialog is made Contact and Record-Route."""
        extra = list(headers)
        if request.method in ("INVITE", "UPDATE") and 100 < status < 300 and leg.flow is not None:
            routes = [(n, v) for n, v in request.headers if n == "Record-Route"]
            fixed = [("Allow", ALLOW), ("Supported", SUPPORTED)]
            extra = [*routes, self.contact(leg.flow, leg.user), *fixed, *extra]
        return self.answer(
            key, request, status, now, tag=leg.local_tag, reason=reason, headers=extra, body=body
        )
