"""We register at a foreign gatekeeper, as an MCU with prefixes, and ask it before each call.

::

    begin -> GRQ --GCF--> RRQ --RCF--> registered --half its time--> RRQ keepAlive -> ...
      ^        `- silence, GRJ, RRJ -----.  |  URQ, fullRegistrationRequired
      |<-- pause: 30 s, twice as long    |  v
      |    each time, up to 30 min <-----'  begin
    Ask -> ARQ --ACF--> Admitted    Over -> DRQ    its DRQ -> Dropped
             |             `-- irrFrequency, IRQ --> IRR: the calls we are in
             `-- ARJ, silence --> Denied; a call to us is taken when the gatekeeper is silent

Whatever does not come from where we send is not heard.  Where HMAC was agreed, what would admit us,
send us away or end a call is heard only if it is signed with our password, from the first message
that was: some gatekeepers (GnuGk) check our proofs and sign nothing themselves.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sfu.errors import PeerError
from sfu.model import Address, CallId
from sfu.signalling.h323 import ras
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.asking import Admitted, Ask, Denied, Dropped, Over
from sfu.signalling.h323.h225 import Endpoint
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.token import HMAC_SHA1_96, MD5, MessageHash, Proof, is_right, prove
from sfu.signalling.h323.zonefact import Datagram, Heard

PATIENCE_S, TRIES = 3.0, 3
"""H.225.0 table 22: a request is repeated twice."""
PAUSE_S, LONGEST_PAUSE_S = 30.0, 1800.0
SOON_S = 1.0
MAX_ASKED = 500
MAX_REPORTED = 16
"""Calls in one IRR: it goes in one datagram."""
LEAST_REPORT_S = 5.0
"""No gatekeeper has us report on a call more often."""
FORGOTTEN = frozenset({"callerNotRegistered", "invalidEndpointIdentifier"})
"""Why a call is refused by a gatekeeper that does not know us any more."""
WEIGHTY = (
    ras.RegistrationConfirm,
    ras.AdmissionConfirm,
    ras.UnregistrationRequest,
    ras.DisengageRequest,
    ras.BandwidthRequest,
)
"""What nobody else shall tell us."""


@dataclass(frozen=True, slots=True)
class Membership:
    """How we register."""

    gatekeeper: Address
    signalling: Address
    """Where we take calls."""
    ras: Address
    """Where we take answers."""
    aliases: tuple[Alias, ...]
    endpoint: Endpoint
    password: str = ""
    rate_bps: int = 4_000_000
    """What is asked for a call, both ways together."""
    ttl_s: int = 120


@dataclass(frozen=True, slots=True)
class Standing:
    """How we stand there has changed, or a try has failed."""

    registered: bool
    reason: str = ""
    again_in_s: float = 0.0


@dataclass(slots=True)
class _Request:
    """One that waits for its answer."""

    octets: bytes
    due: float
    left: int
    call: CallId | None = None
    answering: bool = False
    optional: bool = False
    """Its silence means nothing."""


@dataclass(slots=True)
class _Known:
    """A call that was admitted."""

    asked: Ask
    admitted: bool = False
    rate_bps: int = 0
    report_s: float | None = None
    report_at: float | None = None
    """When the gatekeeper hears of it next (irrFrequency)."""


@dataclass(slots=True)
class Registrant:
    """Our side of one foreign gatekeeper; `calendar` turns `now` into seconds since 1970."""

    membership: Membership
    entropy: Callable[[int], bytes]
    calendar: Callable[[float], float]
    registered: bool = False
    failures: int = 0
    identifier: str = ""
    """endpointIdentifier, as it gave it."""
    gatekeeper: str = ""
    """Its name."""
    _ras: Address | None = None
    """Where it takes requests."""
    _algorithm: tuple[int, ...] | None = None
    _signs: bool = False
    """It has signed a message with our password: all of them must be."""
    _number: int = 0
    _tries: int = 0
    _again_at: float | None = None
    _stopped: bool = False
    _requests: dict[int, _Request] = field(default_factory=dict)
    _calls: dict[CallId, _Known] = field(default_factory=dict)
    _outputs: deque[Datagram | Standing | Admitted | Denied | Dropped] = field(
        default_factory=deque
    )

    def __post_init__(self) -> None:
        """Begin to number where nobody guesses."""
        self._number = int.from_bytes(self.entropy(2))

    # ---- in

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        due = [one.due for one in self._requests.values()]
        if self._again_at is not None:
            due.append(self._again_at)
        due += [one.report_at for one in self._calls.values() if one.report_at is not None]
        return min(due, default=None)

    def start(self, now: float) -> None:
        """Look whether the gatekeeper is there, and register."""
        self._again_at, self.identifier = None, ""
        self._requests = {n: one for n, one in self._requests.items() if one.call is not None}
        me = self.membership
        algorithms = (HMAC_SHA1_96, MD5) if me.password else ()
        ask = ras.GatekeeperRequest(self._next(), me.ras, me.endpoint, "", me.aliases, algorithms)
        self._ask(ask, now, to=me.gatekeeper)

    def stop(self, now: float) -> None:
        """Take the registration back."""
        self._stopped, self._again_at = True, None
        self._requests.clear()
        if self.registered:
            self.registered = False
            me = self.membership
            gone = ras.UnregistrationRequest(
                self._next(), (me.signalling,), me.aliases, self.identifier
            )
            self._say(gone, now)

    def handle(self, event: Heard | Ask | Over, now: float) -> None:
        """Take a datagram, or what a call asks; what follows waits in `poll`."""
        match event:
            case Ask():
                self._admit(event, now)
            case Over(call):
                self._over(call, now)
            case Heard(remote) if remote in (self._where(), self.membership.gatekeeper):
                try:
                    message, proofs = read(event.data)
                    believed = self._believes(message, proofs, event.data)
                except PeerError:
                    return
                if believed:
                    self._heard(message, now)

    def tick(self, now: float) -> None:
        """Let time pass: ask again, give up, refresh."""
        for number, one in list(self._requests.items()):
            if one.due > now:
                continue
            if one.left > 0:
                one.left, one.due = one.left - 1, now + PATIENCE_S
                self._outputs.append(Datagram(self._where(), one.octets))
            else:
                del self._requests[number]
                self._silent(one, now)
        for known in list(self._calls.values()):
            if known.report_at is not None and known.report_s and now >= known.report_at:
                known.report_at = now + known.report_s
                self._report(self._next(), (known,), now, unsolicited=True)
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            if self.registered:
                self._register(now, keep_alive=True)
            else:
                self.start(now)

    def poll(self) -> Iterator[Datagram | Standing | Admitted | Denied | Dropped]:
        """Yield what shall be sent and what the server must know, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    # ---- what it says

    def _heard(self, message: ras.Ras, now: float) -> None:
        asked = self._requests.get(message.number)
        match message:
            case ras.UnregistrationRequest():
                self._say(ras.Confirm("unregistrationConfirm", message.number), now)
                self._lost("it sent us away", SOON_S, now)
            case ras.InfoRequest() if self.registered:
                self._report(message.number, self._meant(message), now, message)
            case ras.DisengageRequest():
                self._say(ras.Confirm("disengageConfirm", message.number), now)
                self._dropped(message.call)
            case ras.BandwidthRequest():
                self._say(ras.BandwidthConfirm(message.number, message.rate_bps), now)
            case ras.InProgress() if asked is not None:
                asked.due = now + min(message.delay_ms / 1000, PATIENCE_S * TRIES)
            case _ if asked is not None and not self._stopped:
                del self._requests[message.number]
                self._answered(message, asked, now)
            case _:
                pass  # an answer that comes twice, or too late

    def _answered(self, message: ras.Ras, asked: _Request, now: float) -> None:
        match message:
            case ras.GatekeeperConfirm():
                self.gatekeeper = message.gatekeeper
                if self._algorithm != HMAC_SHA1_96:  # never a weaker one than was agreed before
                    self._algorithm = message.algorithm
                if message.ras is not None and message.ras.host == self.membership.gatekeeper.host:
                    self._ras = message.ras
                self._register(now)
            case ras.RegistrationConfirm():
                self._registered(message, now)
            case ras.AdmissionConfirm() if asked.call in self._calls and asked.call is not None:
                self._admitted(self._calls[asked.call], message, now)
            case ras.Reject("registrationReject") if self.registered:
                self.registered = False  # it was started anew, or we are too late
                self.start(now)
            case ras.Reject("admissionReject") if asked.call is not None:
                self._calls.pop(asked.call, None)
                self._outputs.append(Denied(asked.call, message.reason))
                if message.reason in FORGOTTEN and self.registered:
                    self.registered = False
                    self.start(now)
            case ras.Reject("gatekeeperReject" | "registrationReject"):
                self._fail(message.reason, now)
            case _:
                self._silent(asked, now)  # of DRQ, which is optional, that is DCF; else no answer

    def _admitted(self, known: _Known, message: ras.AdmissionConfirm, now: float) -> None:
        known.admitted, known.rate_bps = True, message.rate_bps
        if message.report_s:
            known.report_s = max(float(message.report_s), LEAST_REPORT_S)
            known.report_at = now + known.report_s
        self._outputs.append(Admitted(known.asked.call, message.signalling))

    def _registered(self, message: ras.RegistrationConfirm, now: float) -> None:
        fresh = not self.registered
        self.registered, self._tries = True, 0
        self.identifier = message.identifier
        self.gatekeeper = message.gatekeeper or self.gatekeeper
        lasts = message.ttl_s or self.membership.ttl_s
        self._again_at = now + max(2.0, lasts / 2)
        if fresh:
            self._outputs.append(Standing(registered=True))

    def _silent(self, one: _Request, now: float) -> None:
        if one.call is not None:
            if one.answering:
                self._outputs.append(Admitted(one.call, None))
            else:
                self._calls.pop(one.call, None)
                self._outputs.append(Denied(one.call, "no answer"))
        elif not one.optional:
            self._fail("no answer", now)

    def _fail(self, reason: str, now: float) -> None:
        pause = min(PAUSE_S * 2**self._tries, LONGEST_PAUSE_S)
        self._tries += 1
        self._lost(reason, pause, now)

    def _lost(self, reason: str, pause_s: float, now: float) -> None:
        self.registered, self.identifier = False, ""
        self.failures += 1
        self._again_at = now + pause_s
        self._outputs.append(Standing(registered=False, reason=reason, again_in_s=pause_s))

    def _dropped(self, identifier: bytes) -> None:
        """Have the call ended; of what is over already nothing is given back again."""
        for call, known in list(self._calls.items()):
            if known.asked.identifier == identifier:
                del self._calls[call]
                self._outputs.append(Dropped(call))

    def _meant(self, message: ras.InfoRequest) -> tuple[_Known, ...]:
        """Return the calls an IRQ asks about: one by its identifier or reference, or all."""
        return tuple(
            one
            for one in self._calls.values()
            if one.admitted
            and message.call in (b"", one.asked.identifier)
            and (message.call or message.reference in (0, one.asked.reference))
        )

    # ---- what we say

    def _report(
        self,
        number: int,
        calls: tuple[_Known, ...],
        now: float,
        asked: ras.InfoRequest | None = None,
        *,
        unsolicited: bool = False,
    ) -> None:
        """Tell what calls there are: a gatekeeper may end one it hears nothing of."""
        me = self.membership
        told = ras.InfoResponse(
            number, self.identifier, me.ras, (me.signalling,), me.endpoint,
            calls=tuple(_reported(one) for one in calls[:MAX_REPORTED]), unsolicited=unsolicited,
            unknown_call=not calls and asked is not None and bool(asked.call or asked.reference),
        )  # fmt: skip
        self._say(told, now)

    def _register(self, now: float, *, keep_alive: bool = False) -> None:
        me = self.membership
        ask = ras.RegistrationRequest(
            self._next(), (me.signalling,), (me.ras,), me.endpoint, me.aliases, self.gatekeeper,
            self.identifier if keep_alive else "", keep_alive, me.ttl_s,
        )  # fmt: skip
        self._ask(ask, now)

    def _admit(self, asked: Ask, now: float) -> None:
        if not self.registered or len(self._calls) >= MAX_ASKED:
            denied = Denied(asked.call, "not registered")
            self._outputs.append(Admitted(asked.call, None) if asked.answering else denied)
            return
        self._calls[asked.call] = _Known(asked)
        me = self.membership
        ask = ras.AdmissionRequest(
            self._next(), self.identifier, asked.identifier, asked.conference, asked.reference,
            asked.answering, asked.destination or me.aliases,
            me.signalling if asked.answering else None,
            asked.source or me.aliases, me.rate_bps, self.gatekeeper,
        )  # fmt: skip
        self._ask(ask, now, call=asked.call, answering=asked.answering)

    def _over(self, call: CallId, now: float) -> None:
        known = self._calls.pop(call, None)
        for number in [n for n, one in self._requests.items() if one.call == call]:
            del self._requests[number]
        if known is None or not known.admitted or not self.registered:
            return
        asked = known.asked
        gone = ras.DisengageRequest(
            self._next(), self.identifier, asked.identifier, asked.conference, asked.reference,
            asked.answering, self.gatekeeper,
        )  # fmt: skip
        self._ask(gone, now, optional=True)

    def _ask(
        self,
        message: ras.Ras,
        now: float,
        *,
        to: Address | None = None,
        call: CallId | None = None,
        answering: bool = False,
        optional: bool = False,
    ) -> None:
        octets = self._say(message, now, to=to)
        self._requests[message.number] = _Request(
            octets, now + PATIENCE_S, TRIES - 1, call, answering, optional
        )

    def _say(self, message: ras.Ras, now: float, *, to: Address | None = None) -> bytes:
        octets = write(message, self._proofs(message, now), self.membership.password)
        self._outputs.append(Datagram(to or self._where(), octets))
        return octets

    def _proofs(self, message: ras.Ras, now: float) -> tuple[Proof, ...]:
        """Prove our password: in every message by HMAC, in RRQ and ARQ the old way."""
        me, time = self.membership, int(self.calendar(now))
        if not me.password or isinstance(message, ras.GatekeeperRequest):
            return ()
        if self._algorithm == HMAC_SHA1_96:
            random = int.from_bytes(self.entropy(4)) & 0x7FFF_FFFF
            sender = self.identifier or me.aliases[0].text
            return (MessageHash(sender, self.gatekeeper, time, random),)
        if isinstance(message, (ras.RegistrationRequest, ras.AdmissionRequest)):
            return (prove(me.aliases[0], me.password, time),)
        return ()

    def _where(self) -> Address:
        return self._ras or self.membership.gatekeeper

    def _believes(self, message: ras.Ras, proofs: tuple[Proof, ...], octets: bytes) -> bool:
        """Tell whether a message is signed by who knows our password, if it must be."""
        password = self.membership.password
        if not password or self._algorithm != HMAC_SHA1_96 or not isinstance(message, WEIGHTY):
            return True
        hashes = [one for one in proofs if isinstance(one, MessageHash)]
        if not hashes and not self._signs:
            return True  # GnuGk checks our proofs and signs nothing itself
        if not any(is_right(one, password, octets) for one in hashes):
            return False
        self._signs = True  # from now on nothing less is believed
        return True

    def _next(self) -> int:
        self._number = self._number % 0xFFFF + 1
        return self._number


def _reported(known: _Known) -> ras.Report:
    asked = known.asked
    return ras.Report(
        asked.identifier, asked.conference, asked.reference, not asked.answering, known.rate_bps
    )
