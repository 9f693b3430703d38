"""What stands before the SIP core: shares by address, a queue that leaves room, a log.

::

    host, bytes --judge--> DROP | TAKE, REFUSE --let_in--> Inbox --> core
    what the core and the calls make of it --learn--> Limits
"""

import time
from collections import Counter
from collections.abc import Callable

import structlog

from sfu.model import CallId
from sfu.shell.inbox import Inbox
from sfu.signalling.call import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallOffered,
    End,
    Reject,
)
from sfu.signalling.sip.blame import Reason
from sfu.signalling.sip.flow import Flow, Received, TurnedAway, site_of
from sfu.signalling.sip.glimpse import Glimpse, user_of
from sfu.signalling.sip.guard import WrongPassword
from sfu.signalling.sip.limit import Admission, Limits, Rates
from sfu.signalling.sip.registrar import Registered, RegistrarFact, Unregistered
from sfu.signalling.sip.trunk import TrunkChanged

log = structlog.get_logger()

RETRY_AFTER_S = 10
"""What is told to who asks too much."""
WRONG_NUMBER = (403, 404)
"""No such room, or a wrong PIN dialled with its number."""


class Gate:
    """One gate for all sockets of SIP."""

    def __init__(
        self,
        rates: Rates,
        belongs: Callable[[Glimpse], bool],
        arrived: Callable[[Received | TurnedAway], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hand what may come in to `arrived`."""
        self._limits = Limits(rates, belongs)
        self._inbox = Inbox(arrived)
        self._clock = clock
        self.blocked: frozenset[str] = frozenset()
        self._unconfirmed: dict[CallId, str] = {}
        """Calls that came in and are not acknowledged, and where they came from."""
        self.on_block: Callable[[frozenset[str]], None] = lambda sites: None
        """Hears which addresses the kernel shall drop from now on."""

    @property
    def refused(self) -> Counter[Reason]:
        """How much was refused since the start, by reason."""
        return self._limits.refused

    def configure(self, rates: Rates) -> None:
        """Judge by other rates and listed networks from now on."""
        self._limits.configure(rates)

    def judge(self, host: str, data: bytes) -> Admission:
        """Say what becomes of a message, before anything is read of it."""
        admission = self._limits.admit(host, data, self._clock())
        if admission is not Admission.TAKE:
            self._tell()
            self._block()
        return admission

    def asks(self, host: str) -> None:
        """Hear that we send a request there: its answer shall come through."""
        self._limits.shield.spare(site_of(host))
        self._block()

    @property
    def deadline(self) -> float | None:
        """When to tick."""
        return self._limits.shield.deadline

    def tick(self) -> None:
        """Let time pass: who was blocked may try again."""
        self._limits.shield.tick(self._clock())
        self._block()

    def let_in(self, flow: Flow, data: bytes, admission: Admission) -> None:
        """Queue a message that was not dropped."""
        message: Received | TurnedAway = Received(flow, data)
        if admission is Admission.REFUSE:
            message = TurnedAway(flow, data, 503, RETRY_AFTER_S)
        if not self._inbox.offer(message, first=self.has_guests(flow.remote.host)):
            self.refuse(flow.remote.host, Reason.BACKLOG)

    def connect(self, host: str) -> bool:
        """Tell whether an address may open one more connection now."""
        allowed = self._limits.connect(host, self._clock())
        if not allowed:
            self._tell()
        return allowed

    def listed(self, host: str) -> bool:
        """Tell whether an address stands in a listed network."""
        return self._limits.listed(host)

    def has_guests(self, host: str) -> bool:
        """Tell whether a call or a registration comes from there."""
        return self._limits.has_guests(host)

    def knows(self, host: str) -> bool:
        """Tell whether an address is no stranger's: listed, or of a call or registration."""
        return self.listed(host) or self.has_guests(host)

    def refuse(self, host: str, reason: Reason, *, proven: bool = True) -> None:
        """Count what was refused elsewhere; not `proven`: anybody may have sent it as this host."""
        self._limits.refuse(host, reason, self._clock(), proven=proven)
        self._tell()

    def learn(
        self,
        fact: CallEvent | RegistrarFact | WrongPassword | Reject | TrunkChanged,
        source: Received | None,
    ) -> None:
        """Take what came of a message; `source` is the one the core is looking at, if it is."""
        limits, now = self._limits, self._clock()
        match fact:
            case Registered(account, contact, flow):
                limits.guest((account, contact), flow.remote.host)
            case Unregistered(account, contact):
                limits.gone((account, contact))
            case TrunkChanged(trunk, registered, place=place):
                if registered and place is not None:
                    limits.partner((TrunkChanged, trunk), place.address.host)
                else:
                    limits.gone((TrunkChanged, trunk))
            case CallOffered():
                self._unconfirmed[fact.call] = fact.source.host
            case CallEnded():
                limits.gone(fact.call)
                host = self._unconfirmed.pop(fact.call, None)
                if host is not None and fact.cause is End.VANISHED:
                    self.refuse(host, Reason.UNCONFIRMED)
            case _ if source is None:
                pass
            case CallAnswered() | CallConfirmed():
                # its packets reach us and ours reach it: the address is no forgery
                self._unconfirmed.pop(fact.call, None)
                limits.guest(fact.call, source.flow.remote.host)
            case WrongPassword():
                limits.wrong_password(fact.source.host, user_of(source.data), now)
            case Reject() if fact.status in WRONG_NUMBER:
                limits.wrong_number(source.flow.remote.host, now)
            case _:
                pass

    def may_call(self, host: str) -> bool:
        """Tell whether an address may begin one more call now; of SIP `judge` says it."""
        reason = self._limits.call(host, self._clock())
        if reason is not None:
            self.refuse(host, reason)
        return reason is None

    def may_send(self, host: str, data: bytes) -> bool:
        """Tell whether a datagram of another protocol than SIP may be looked at."""
        reason = self._limits.datagram(host, data, self._clock())
        if reason is not None:
            self.refuse(host, reason, proven=False)
            self._block()
        return reason is None

    def may_try(self, host: str, account: str) -> bool:
        """Tell whether an address may still try passwords of an account; of SIP `judge` does."""
        allowed = self._limits.may_try(host, account, self._clock())
        if not allowed:
            self.refuse(host, Reason.PASSWORDS, proven=False)
        return allowed

    def wrong_password(self, host: str, account: str) -> None:
        """Count a wrong password that came by another protocol than SIP, in one datagram."""
        self._limits.wrong_password(host, account, self._clock(), proven=False)

    def may_ask(self, host: str) -> bool:
        """Tell whether a strange gatekeeper may still ask for numbers."""
        allowed = self._limits.may_ask(host, self._clock())
        if not allowed:
            self.refuse(host, Reason.NUMBERS, proven=False)
        return allowed

    def asked_wrong(self, host: str) -> None:
        """Count its question for a number that is none."""
        self._limits.asked_wrong(host, self._clock())

    def welcome(self, guest: CallId | str, host: str) -> None:
        """Know an address by a call whose connection proved it, or a registration by H.323."""
        self._limits.guest(guest, host)

    def partner(self, guest: str, host: str) -> None:
        """Know the host of a gatekeeper: many people call from there, as from a listed network."""
        self._limits.partner(guest, host)

    def farewell(self, guest: str) -> None:
        """Forget a registration by H.323, theirs or ours."""
        self._limits.gone(guest)

    def wrong_number(self, host: str) -> None:
        """Count a call to a room that is not, or with a wrong PIN."""
        self._limits.wrong_number(host, self._clock())

    def close(self) -> None:
        """Forget what waits."""
        self._inbox.close()

    def _block(self) -> None:
        blocked = self._limits.shield.blocked
        if blocked != self.blocked:
            self.blocked = blocked
            self.on_block(blocked)

    def _tell(self) -> None:
        """Log what fail2ban reads (config/fail2ban): event and keys stay as they are.

        It does not read of datagrams that anybody may have sent under the address: else a
        stranger could have it ban a town hall.
        """
        for abuse in self._limits.poll():
            facts = {"reason": str(abuse.reason), "count": abuse.count}
            if abuse.remote and not abuse.proven:
                log.warning("ras_refused", remote=abuse.remote, **facts)
            elif abuse.remote:
                log.warning("sip_abuse", remote=abuse.remote, **facts)
            else:
                log.warning("sip_crowded", **facts)
