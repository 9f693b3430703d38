"""Registering at our gatekeeper (RRQ): whose names, for how long, again in time.

::

    RRQ --password, or listed network--> its names nobody else's? --> RCF, Enrolled
         `--> RRJ securityDenial          `--> RRJ duplicateAlias; one account may move its names
    RRQ keepAlive --> RCF, or RRJ fullRegistrationRequired: we have been started anew
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sfu.model import Address
from sfu.signalling.h323 import ras
from sfu.signalling.h323.alias import MAX_ALIASES, Alias
from sfu.signalling.h323.credentials import Credentials, Doubt, Sender
from sfu.signalling.h323.token import MessageHash, Proof
from sfu.signalling.h323.zone import GRACE_S, Registration, Zone
from sfu.signalling.h323.zonefact import (
    Enrolled,
    GatekeeperFact,
    Heard,
    Left,
    Refused,
    WrongPassword,
)

SIGNALLING_PORT = 1720
SHORTEST_S, ASKED_S = 20, 300
MAX_TOGETHER = 32
"""Endpoints of one address, and of one account."""


def told(host: str, request: str, doubt: Doubt) -> Iterator[GatekeeperFact]:
    """Yield what is told of a doubt."""
    if doubt.account:
        yield WrongPassword(host, doubt.account)
    yield Refused(host, request, doubt.why)


class Enrolment:
    """Puts endpoints into the zone."""

    def __init__(
        self,
        name: str,
        zone: Zone,
        credentials: Credentials,
        fresh: Callable[[], str],
        has_place: Callable[[Iterable[str]], bool],
        port: int,
        ttl_s: int,
    ) -> None:
        """`fresh` makes identifiers, `port` is that of our call signalling.

        `has_place` tells whether the house can keep these names as well.
        """
        self._name, self._zone, self._credentials = name, zone, credentials
        self._fresh, self._port, self._ttl_s = fresh, port, ttl_s
        self._has_place = has_place
        self._facts: deque[GatekeeperFact] = deque()

    def facts(self) -> Iterator[GatekeeperFact]:
        """Yield what the server must know, oldest first."""
        while self._facts:
            yield self._facts.popleft()

    def register(
        self, event: Heard, message: ras.RegistrationRequest, proofs: tuple[Proof, ...], now: float
    ) -> ras.Ras:
        """Answer a whole registration."""
        host, number = event.remote.host, message.number
        sender = self._credentials.judge(host, message.aliases, proofs, event.data, event.calendar)
        if isinstance(sender, Doubt):
            self._facts.extend(told(host, "registration", sender))
            return ras.Reject("registrationReject", number, "securityDenial", gatekeeper=self._name)
        message = self._allowed(host, message)
        port = message.signalling[0].port if message.signalling else SIGNALLING_PORT
        signalling = Address(host, port)
        old = self._before(message, sender, signalling)
        others = (self._zone.named(alias.text) for alias in message.aliases)
        taken = [one for one in others if one is not None and one is not old]
        if any(not sender.account or one.account != sender.account for one in taken):
            why = "a name that another endpoint has"
            return self._reject(host, number, "duplicateAlias", why)
        if not isinstance(sender.proof, MessageHash) and any(
            one.signs for one in (old, *taken) if one is not None
        ):
            why = "it signed its messages before"
            return self._reject(host, number, "securityDenial", why)
        if old is None and self._crowded(host, sender.account):
            return self._reject(host, number, "resourceUnavailable", "too many endpoints")
        if not self._has_place(alias.text for alias in message.aliases):
            return self._reject(host, number, "resourceUnavailable", "too many names")
        for one in taken:  # the same account from elsewhere: the unit has moved
            self._zone.remove(one.identifier)
            self._facts.append(Left(one.identifier, one.names))
        return self._enrol(event, message, sender, old, signalling, now)

    def _enrol(
        self,
        event: Heard,
        message: ras.RegistrationRequest,
        sender: Sender,
        old: Registration | None,
        signalling: Address,
        now: float,
    ) -> ras.Ras:
        signs = isinstance(sender.proof, MessageHash)
        if message.additive and old is not None:
            message = replace(message, aliases=_together(old.aliases, message.aliases))
        ttl_s = min(max(SHORTEST_S, message.ttl_s or ASKED_S), self._ttl_s)
        new = Registration(
            old.identifier if old is not None else self._fresh(),
            signalling,
            _port_of(event, message),
            message.aliases,
            message.endpoint,
            now + ttl_s + GRACE_S,
            ttl_s,
            sender.account,
            signs,
        )
        if old is not None:
            new.calls = old.calls
        same = old is not None and (old.names, old.signalling) == (new.names, new.signalling)
        if old is not None and not same:
            self._facts.append(Left(old.identifier, old.names))
        self._zone.put(new)
        if not same:
            self._facts.append(
                Enrolled(
                    new.identifier, new.names, signalling, sender.account, message.endpoint.model
                )
            )
        return self._confirmed(event, message.number, new)

    def _crowded(self, host: str, account: str) -> bool:
        """Tell whether we, this address or this account have as many endpoints as they may."""
        here = sum(one.ras.host == host for one in self._zone)
        own = sum(one.account == account for one in self._zone) if account else 0
        return self._zone.full or max(here, own) >= MAX_TOGETHER

    def _allowed(self, host: str, message: ras.RegistrationRequest) -> ras.RegistrationRequest:
        """Leave out the names and prefixes that need a listed network, and did not come from one.

        RCF says which names are left.
        """
        endpoint = message.endpoint
        if not self._credentials.may_be_gateway(host):
            endpoint = replace(endpoint, prefixes=())
        aliases = self._credentials.may_have(host, message.aliases)
        return replace(message, aliases=aliases, endpoint=endpoint)

    def _before(
        self, message: ras.RegistrationRequest, sender: Sender, signalling: Address
    ) -> Registration | None:
        """Return what this endpoint registered before; another behind its NAT is not it."""
        known = self._zone.of(message.identifier, signalling.host)
        names = {alias.text.casefold() for alias in message.aliases}
        for one in (known, self._zone.at(signalling)):
            own = {name.casefold() for name in one.names} if one is not None else set()
            same = one is known or not own or names & own
            if one is not None and same and one.account in ("", sender.account):
                return one
        return None

    def keep(
        self, event: Heard, message: ras.RegistrationRequest, one: Registration | None, now: float
    ) -> ras.Ras:
        """Answer who only asks that its registration goes on."""
        if one is None:
            why = "fullRegistrationRequired"
            return self._reject(event.remote.host, message.number, why, why)
        one.expires_at = now + one.ttl_s + GRACE_S
        return self._confirmed(event, message.number, one)

    def _confirmed(self, event: Heard, number: int, one: Registration) -> ras.RegistrationConfirm:
        us = Address(event.local.host, self._port)
        return ras.RegistrationConfirm(
            number, one.identifier, (us,), one.aliases, self._name, one.ttl_s
        )

    def _reject(self, host: str, number: int, reason: str, why: str) -> ras.Reject:
        self._facts.append(Refused(host, "registration", why))
        return ras.Reject("registrationReject", number, reason, gatekeeper=self._name)


def _together(old: tuple[Alias, ...], new: tuple[Alias, ...]) -> tuple[Alias, ...]:
    """Return the names it has and those it adds (additiveRegistration), as many as one may have."""
    return tuple(dict.fromkeys((*old, *new)))[:MAX_ALIASES]


def _port_of(event: Heard, message: ras.RegistrationRequest) -> Address:
    """Return where answers go: the port it takes them at, on the host it came from."""
    asked = message.ras[0] if message.ras else event.remote
    return asked if asked.host == event.remote.host and asked.port else event.remote
