"""Our gatekeeper: who may register, call, take a call, have another rate (H.225.0 section 7).

::

    GRQ -> GCF                    its address, and how passwords are proved
    RRQ -> RCF, Enrolled          again before its time is over: keepAlive -> RCF
    ARQ -> ACF                    to a room, or who is called by another protocol: by our 1720
                                  to who is registered here, or an address: directly
    BRQ -> BCF, BRJ               as much as its site's line has
    URQ, time over -> Left        LRQ -> LCF   IRR -> IACK   RAI -> RAC

Answers go to the host a request came from and nowhere else.  A copy of a request is answered by a
copy of its answer.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.h323 import ras
from sfu.signalling.h323.admission import Admissions, Destination
from sfu.signalling.h323.credentials import Credentials
from sfu.signalling.h323.enrolment import Enrolment, told
from sfu.signalling.h323.rasread import read
from sfu.signalling.h323.raswrite import write
from sfu.signalling.h323.token import HMAC_SHA1_96, MD5, MessageHash, Proof
from sfu.signalling.h323.zone import Registration, Zone
from sfu.signalling.h323.zonefact import Datagram, GatekeeperFact, Heard, Left, Questions, Refused

SIGNALLING_PORT = 1720
MEMORY_S, MAX_MEMORY = 8.0, 1024
"""So long, and so many, answers are kept for who asks again."""
OUTCOMES = ("confirmed", "rejected", "ignored")


class Gatekeeper:
    """One zone; owns no socket, reads no clock."""

    def __init__(
        self,
        name: str,
        questions: Questions,
        entropy: Callable[[int], bytes],
        ttl_s: int = 120,
        signalling_port: int = SIGNALLING_PORT,
    ) -> None:
        """Start with nobody; `name` is the gatekeeperIdentifier, `ttl_s` the most we grant."""
        self.zone = Zone(lambda number: questions.account_of(number) is not None)
        self.counts: Counter[tuple[str, str]] = Counter()
        """(request, outcome) since the start."""
        self._name, self._port = name, signalling_port
        self._entropy = entropy
        self._questions = questions
        self._credentials = Credentials(
            name,
            questions.account_of,
            questions.password_of,
            questions.listed,
            questions.may_try,
            self.zone.holds,
        )
        self._admissions = Admissions(self.zone, questions.takes, questions.budget_bps)
        self._answers: OrderedDict[tuple[Address, str, bytes], tuple[float, Datagram]]
        self._answers = OrderedDict()
        self._outputs: deque[Datagram | GatekeeperFact] = deque()
        self._enrolment = Enrolment(
            name,
            self.zone,
            self._credentials,
            lambda: entropy(8).hex(),
            questions.has_place,
            signalling_port,
            ttl_s,
        )

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        return self.zone.deadline

    def handle(self, event: Heard, now: float) -> None:
        """Take one datagram; what follows from it waits in `poll`."""
        key = (event.remote, event.at, event.data)
        known = self._answers.get(key)
        if known is not None and now - known[0] < MEMORY_S:
            self._outputs.append(known[1])
            return
        try:
            message, proofs = read(event.data)
        except PeerError:
            self.counts["unreadable", "ignored"] += 1
            return
        try:
            self._take(event, message, proofs, now)
        except PeerError:  # of what it said something cannot be said back
            self.counts["unreadable", "ignored"] += 1

    def _take(self, event: Heard, message: ras.Ras, proofs: tuple[Proof, ...], now: float) -> None:
        remote, one = self._reply_to(event, message), self._member(event, message)
        answer = self._answer(event, message, proofs, now)
        self._outputs.extend(self._enrolment.facts())
        self._count(message, answer)
        if answer is not None:
            if isinstance(answer, ras.RegistrationConfirm):
                one = self.zone.of(answer.identifier, event.remote.host)
            datagram = Datagram(remote, self._octets(event, answer, one), event.at)
            self._outputs.append(datagram)
            self._answers[event.remote, event.at, event.data] = (now, datagram)
            while len(self._answers) > MAX_MEMORY:
                self._answers.popitem(last=False)

    def tick(self, now: float) -> None:
        """Let time pass."""
        for one in self.zone.expired(now):
            self._outputs.append(Left(one.identifier, one.names))

    def poll(self) -> Iterator[Datagram | GatekeeperFact]:
        """Yield what shall be sent and what the server must know, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    # ---- one request

    def _answer(
        self, event: Heard, message: ras.Ras, proofs: tuple[Proof, ...], now: float
    ) -> ras.Ras | None:
        number, us = message.number, Address(event.local.host, self._port)
        match message:
            case ras.GatekeeperRequest():
                return self._discovered(event, message)
            case _ if event.multicast and not isinstance(message, ras.LocationRequest):
                return None
            case ras.RegistrationRequest(keep_alive=True):
                one = self._sender(event, message, proofs)
                return self._enrolment.keep(event, message, one, now)
            case ras.RegistrationRequest():
                return self._enrolment.register(event, message, proofs, now)
            case ras.LocationRequest():
                return self._located(event, message, us)
            case (
                ras.AdmissionRequest() | ras.BandwidthRequest() | ras.DisengageRequest()
                | ras.UnregistrationRequest() | ras.InfoResponse()
            ):  # fmt: skip
                sender = self._sender(event, message, proofs)
                return self._of_member(event, message, sender, us)
            case ras.UnknownRas("resourcesAvailableIndicate"):
                return ras.Confirm("resourcesAvailableConfirm", number)
            case ras.UnknownRas():
                return message  # as unknownMessageResponse
            case _:
                return None  # an answer, and we asked nothing

    def _of_member(
        self,
        event: Heard,
        message: ras.AdmissionRequest
        | ras.BandwidthRequest
        | ras.DisengageRequest
        | ras.UnregistrationRequest
        | ras.InfoResponse,
        one: Registration | None,
        us: Address,
    ) -> ras.Ras | None:
        """Answer what only who is registered may ask."""
        number, host = message.number, event.remote.host
        match message:
            case ras.AdmissionRequest() if one is None:
                return self._reject(host, "admission", number, "callerNotRegistered")
            case ras.BandwidthRequest() if one is None:
                return self._reject(host, "bandwidth", number, "notBound")
            case ras.DisengageRequest() if one is None:
                return self._reject(host, "disengage", number, "notRegistered")
            case ras.UnregistrationRequest() if one is None:
                return self._reject(host, "unregistration", number, "notCurrentlyRegistered")
            case ras.InfoResponse() if one is None:
                return ras.Reject("infoRequestNak", number, "notRegistered")
            case _:
                assert one is not None
        match message:
            case ras.AdmissionRequest():
                return self._admissions.admit(message, one, us)
            case ras.BandwidthRequest():
                return self._admissions.change(message, one)
            case ras.DisengageRequest():
                one.calls.pop(message.call or message.conference, None)
                return ras.Confirm("disengageConfirm", number)
            case ras.UnregistrationRequest():
                self.zone.remove(one.identifier)
                self._outputs.append(Left(one.identifier, one.names))
                return ras.Confirm("unregistrationConfirm", number)
            case ras.InfoResponse():
                return ras.Confirm("infoRequestAck", number) if message.wants_answer else None

    def _reject(
        self, host: str, request: str, number: int, reason: str, why: str = ""
    ) -> ras.Reject:
        self._outputs.append(Refused(host, request, why or reason))
        return ras.Reject(f"{request}Reject", number, reason, gatekeeper=self._name)

    def _sender(
        self, event: Heard, message: ras.Ras, proofs: tuple[Proof, ...]
    ) -> Registration | None:
        """Return whose message it is; a unit that signs must have signed this one."""
        host = event.remote.host
        identifier = getattr(message, "identifier", "")
        one = self.zone.of(identifier, host)
        if one is None and isinstance(message, ras.UnregistrationRequest) and not identifier:
            one = self._nameless(event, message)
        if one is None or not one.signs:
            return one
        signed = [proof for proof in proofs if isinstance(proof, MessageHash)]
        for proof in signed[:1]:
            doubt = self._credentials.doubt(host, one.account, proof, event.data, event.calendar)
            if doubt is None:
                return one
            self._outputs.extend(told(host, "message", doubt))
        return None

    def _nameless(self, event: Heard, message: ras.UnregistrationRequest) -> Registration | None:
        """Return who leaves without its identifier: it proved nothing, and its port is known."""
        found = (self.zone.at(Address(event.remote.host, at.port)) for at in message.signalling)
        one = next((each for each in found if each is not None), None)
        known = one is not None and not one.account and one.ras == event.remote
        return one if known else None

    # ---- discovery

    def _discovered(self, event: Heard, message: ras.GatekeeperRequest) -> ras.Ras | None:
        """Tell where we are; strangers learn by it no more than that a password is wanted."""
        if event.multicast and message.gatekeeper not in ("", self._name):
            return None
        listed = self._questions.listed(event.remote.host)
        if not listed and (event.multicast or not message.aliases):
            return self._reject_unless(event, "gatekeeper", message.number, "securityDenial")
        asked = not listed or self._credentials.accounts(message.aliases)
        offered = [one for one in (HMAC_SHA1_96, MD5) if one in message.algorithms]
        chosen = offered[0] if asked and offered else None
        return ras.GatekeeperConfirm(message.number, self._name, event.local, chosen)

    def _located(self, event: Heard, message: ras.LocationRequest, us: Address) -> ras.Ras | None:
        """Tell where a number is: strangers learn it of rooms, one a question, some a minute."""
        host, house = event.remote.host, self._questions
        if house.listed(host) or house.neighbour(host):
            found = self._admissions.find(message.destination, us)
        elif not house.may_ask(host):
            return None
        else:
            room = any(house.is_room(alias.text) for alias in message.destination[:1])
            found = Destination(us, ours=True) if room else None
            if found is None:
                house.asked_wrong(host)
        if found is None:
            return self._reject_unless(event, "location", message.number, "notRegistered")
        return ras.LocationConfirm(message.number, found.signalling, event.local)

    def _reject_unless(
        self, event: Heard, request: str, number: int, reason: str
    ) -> ras.Reject | None:
        """Say no to who asked us; who asks everybody is answered by who knows."""
        return None if event.multicast else self._reject(event.remote.host, request, number, reason)

    # ---- answers

    def _reply_to(self, event: Heard, message: ras.Ras) -> Address:
        """Return where an answer goes: the port it asks for, but on the host it comes from."""
        match message:
            case ras.GatekeeperRequest(ras=asked) | ras.LocationRequest(reply=asked):
                wanted = asked
            case ras.RegistrationRequest(keep_alive=False) if message.ras:
                wanted = message.ras[0]
            case _:
                one = self._member(event, message)
                wanted = one.ras if one is not None else None
        if wanted is not None and wanted.host == event.remote.host and wanted.port:
            return wanted
        return event.remote

    def _member(self, event: Heard, message: ras.Ras) -> Registration | None:
        return self.zone.of(getattr(message, "identifier", ""), event.remote.host)

    def _octets(self, event: Heard, answer: ras.Ras, one: Registration | None) -> bytes:
        """Write an answer, signed for who signs."""
        if one is None or not one.signs:
            return write(answer)
        random = int.from_bytes(self._entropy(4)) & 0x7FFF_FFFF
        # H323Plus takes none that names it otherwise, not even the first, which gives it the name
        proof = MessageHash(self._name, one.identifier, int(event.calendar), random)
        return write(answer, (proof,), self._questions.password_of(one.account) or "")

    def _count(self, message: ras.Ras, answer: ras.Ras | None) -> None:
        outcome = "ignored" if answer is None else "confirmed"
        if isinstance(answer, (ras.Reject, ras.UnknownRas)):
            outcome = "rejected"
        self.counts[NAMES.get(type(message), "other"), outcome] += 1


NAMES: dict[type, str] = {
    ras.GatekeeperRequest: "grq",
    ras.RegistrationRequest: "rrq",
    ras.AdmissionRequest: "arq",
    ras.BandwidthRequest: "brq",
    ras.DisengageRequest: "drq",
    ras.UnregistrationRequest: "urq",
    ras.LocationRequest: "lrq",
    ras.InfoResponse: "irr",
}
"""How metrics name a request."""
REQUESTS = (*NAMES.values(), "other", "unreadable")
