"""What one address may ask of us, decided before a message is parsed.

::

    message --> its address's share left? --yes--> a new call, a password? --> TAKE, REFUSE (503)
                   `-- no --> of a call that is up? --its own share--> TAKE
                                  `-- no, or that is spent too ---------> DROP, unread

Shares refill steadily (GCRA: one float each).  An address with a call, a registration or a listed
network does not compete with strangers for what all of them together may ask.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from sfu.signalling.sip.blame import Abuse, Blame, Reason
from sfu.signalling.sip.flow import Network, in_networks, site_of
from sfu.signalling.sip.glimpse import Glimpse, glimpse, is_invite, is_response, user_of
from sfu.signalling.sip.returning import Returning
from sfu.signalling.sip.share import Share
from sfu.signalling.sip.shield import Shield

MAX_ADDRESSES = 4096
"""Addresses (and accounts with wrong passwords) remembered; the one unheard of longest goes."""
LISTED = 20
"""A listed network may ask so many times as much: a PBX, or a town hall, stands there."""
BURST_S = 4.0
"""Messages of so many seconds may come at once."""
IN_CALLS = 5
"""Share of messages within calls, beside that outside them."""
BYTES_EACH = 4096
"""A larger message counts as several."""
DATAGRAM_BYTES_EACH = 128
"""The same of RAS, which is read as ASN.1: an octet may cost some microseconds."""
ACCOUNTS = 6
"""An address may get so many times more passwords wrong than one account from there: one unit
with an old password does not lock out its neighbours."""
NUMBERS_PER_MIN = 10
QUESTIONS_PER_MIN = 10
"""Questions of a strange gatekeeper after a number that is no room."""
STRANGERS_CALLS_PER_S, STRANGERS_CALLS_AT_ONCE = 5.0, 30
"""A call that is taken costs some 10 ms; those of all strangers together may cost a twentieth."""
AGAIN_CALLS_PER_S, AGAIN_CALLS_AT_ONCE = 2.5, 10
"""Calls, beside those, of strangers who were not heard and come again."""
AGAIN = 0.2
"""Their share of messages, of what all strangers have."""
CONNECTIONS_PER_S, CONNECTIONS_AT_ONCE = 10.0, 64


class Admission(Enum):
    """What becomes of a message."""

    TAKE = auto()
    REFUSE = auto()
    """Answer 503 with Retry-After, and nothing else."""
    DROP = auto()
    """Leave it unread and unanswered."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one address may; the defaults suit a site with several units behind one address."""

    messages_per_s: float = 30.0
    calls_per_min: float = 60.0
    wrong_passwords_per_min: float = 10.0
    strangers_per_s: float = 100.0
    listed: tuple[Network, ...] = ()


@dataclass(slots=True)
class _Entry:
    """One address, or an IPv6 network."""

    factor: int
    """How many times the plain share it has."""
    guests: int = 0
    """Calls that are up and registrations."""
    messages: Share = field(default_factory=Share)
    in_calls: Share = field(default_factory=Share)
    calls: Share = field(default_factory=Share)
    passwords: Share = field(default_factory=Share)
    numbers: Share = field(default_factory=Share)
    connections: Share = field(default_factory=Share)
    told_passwords: Share = field(default_factory=Share)
    """Wrong ones that came in single datagrams: whoever forged them locks nobody out of SIP."""
    questions: Share = field(default_factory=Share)


class Limits:
    """All addresses' shares; memory stays below a few megabytes whoever sends."""

    def __init__(self, rates: Rates, belongs: Callable[[Glimpse], bool]) -> None:
        """Start with every share full; `belongs`: a message of a call, or an answer we wait for."""
        self._blame = Blame()
        self._rates = rates
        self._belongs = belongs
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._accounts: OrderedDict[tuple[str, str, bool], Share] = OrderedDict()
        """Wrong passwords by address and account; those of single datagrams apart."""
        self._guests: dict[Hashable, str] = {}
        self._homes: Counter[str] = Counter()
        self._partners: set[str] = set()
        self._strangers = Share()
        self._strangers_calls = Share()
        self._again = Returning()
        self._calls_again = Share()
        self.shield = Shield()
        """Whom the kernel shall drop before we see it."""

    def configure(self, rates: Rates) -> None:
        """Judge by other rates from now on; what an address has spent stays spent."""
        self._rates = rates
        for site, entry in self._entries.items():
            host = site.partition("/")[0]
            entry.factor = self._factor(site, host)

    def _factor(self, site: str, host: str) -> int:
        known = site in self._partners or in_networks(host, self._rates.listed)
        return LISTED if known else 1

    def admit(self, host: str, data: bytes, now: float) -> Admission:
        """Judge a message by its source and a glimpse at it."""
        entry = self._entry(host)
        if entry.guests and self._in_call(entry, data, now):
            return Admission.TAKE
        reason = self._overdrawn(entry, data, now)
        again = reason is Reason.STRANGERS and self._comes_again(host, data, now)
        if again:
            reason = None
        if reason is not None:
            # an answer we wait for is let through whatever else comes from there
            if not entry.guests and is_response(data) and self._in_call(entry, data, now):
                return Admission.TAKE
            self.refuse(host, reason, now)
            self._shun(entry, host, reason, now)
            return Admission.DROP
        reason = self._too_bold(entry, host, data, now)
        each, burst = AGAIN_CALLS_PER_S, AGAIN_CALLS_AT_ONCE
        if again and reason is Reason.STRANGERS and self._calls_again.take(now, each, burst):
            reason = None
        if reason is not None:
            self.refuse(host, reason, now)
            return Admission.REFUSE
        return Admission.TAKE

    def _comes_again(self, host: str, data: bytes, now: float) -> bool:
        per_s, cost = AGAIN * self._rates.strangers_per_s, 1 + len(data) // BYTES_EACH
        return is_invite(data) and self._again.may(host, data, now, per_s, cost)

    def connect(self, host: str, now: float) -> bool:
        """Tell whether an address may open one more connection now."""
        entry = self._entry(host)
        factor = entry.factor
        if entry.connections.take(now, CONNECTIONS_PER_S * factor, CONNECTIONS_AT_ONCE * factor):
            return True
        self.refuse(host, Reason.CONNECTIONS, now)
        return False

    def wrong_password(self, host: str, account: str, now: float, *, proven: bool = True) -> None:
        """Count a password that was wrong; not `proven`: anybody may have sent it as this host."""
        entry, per_min = self._entry(host), self._rates.wrong_passwords_per_min
        passwords = entry.passwords if proven else entry.told_passwords
        passwords.take(now, ACCOUNTS * per_min / 60, ACCOUNTS * per_min)
        key = (site_of(host), account, proven)
        share = self._accounts.setdefault(key, Share())
        self._accounts.move_to_end(key)
        share.take(now, per_min / 60, per_min)
        if len(self._accounts) > MAX_ADDRESSES:
            self._accounts.popitem(last=False)

    def wrong_number(self, host: str, now: float) -> None:
        """Count a call to a room that is not, or with a wrong PIN."""
        entry = self._entry(host)
        entry.numbers.take(now, NUMBERS_PER_MIN / 60 * entry.factor, NUMBERS_PER_MIN * entry.factor)

    def guest(self, key: Hashable, host: str) -> None:
        """Know an address by a call that is up, or by a registration; `key` names which."""
        self.gone(key)
        site = self._guests[key] = site_of(host)
        self._homes[site] += 1
        self.shield.spare(site)
        if site in self._entries:
            self._entries[site].guests += 1

    def partner(self, key: Hashable, host: str) -> None:
        """Know the host of a trunk: many people call from there, as from a listed network."""
        self.guest(key, host)
        self._partners.add(site_of(host))
        self._entry(host).factor = LISTED

    def gone(self, key: Hashable) -> None:
        """Forget a call or a registration."""
        site = self._guests.pop(key, None)
        if site is None:
            return
        self._homes[site] -= 1
        if not self._homes[site]:
            del self._homes[site]
        if site in self._entries:
            self._entries[site].guests -= 1

    def has_guests(self, host: str) -> bool:
        """Tell whether a call or a registration comes from there."""
        return site_of(host) in self._homes

    def listed(self, host: str) -> bool:
        """Tell whether an address stands in a listed network."""
        return self._entry(host).factor > 1

    @property
    def refused(self) -> Counter[Reason]:
        """How much was refused since the start, by reason."""
        return self._blame.refused

    def refuse(self, host: str, reason: Reason, now: float, *, proven: bool = True) -> None:
        """Count a refusal, and have it told of unless that was done a moment ago."""
        self._blame.refuse(host, reason, now, proven=proven)

    def poll(self) -> Iterator[Abuse]:
        """Yield what shall be logged."""
        return self._blame.poll()

    def _entry(self, host: str) -> _Entry:
        site = site_of(host)
        entry = self._entries.get(site)
        if entry is None:
            entry = self._entries[site] = _Entry(self._factor(site, host), self._homes[site])
            if len(self._entries) > MAX_ADDRESSES:
                self._entries.popitem(last=False)
        else:
            self._entries.move_to_end(site)
        return entry

    def _in_call(self, entry: _Entry, data: bytes, now: float) -> bool:
        per_s = self._rates.messages_per_s * IN_CALLS * entry.factor
        return self._belongs(glimpse(data)) and entry.in_calls.take(now, per_s, per_s * BURST_S)

    def _shun(self, entry: _Entry, host: str, reason: Reason, now: float) -> None:
        if reason is Reason.MESSAGES and self._stranger(entry):
            self.shield.dropped(site_of(host), now)

    def _overdrawn(
        self, entry: _Entry, data: bytes, now: float, bytes_each: int = BYTES_EACH
    ) -> Reason | None:
        """Spend from the shares of messages; return which of them has too little."""
        cost = 1 + len(data) // bytes_each
        per_s = self._rates.messages_per_s * entry.factor
        if not entry.messages.take(now, per_s, per_s * BURST_S, cost):
            return Reason.MESSAGES
        all_per_s = self._rates.strangers_per_s
        if self._stranger(entry) and not self._strangers.take(now, all_per_s, 3 * all_per_s, cost):
            return Reason.STRANGERS
        return None

    def _too_bold(self, entry: _Entry, host: str, data: bytes, now: float) -> Reason | None:
        if entry.passwords.full_at > now and self._tried_enough(entry, host, data, now):
            return Reason.PASSWORDS
        return self._call(entry, now) if is_invite(data) else None

    def datagram(self, host: str, data: bytes, now: float) -> Reason | None:
        """Spend from the shares of messages for one that is not SIP's; return which is spent."""
        entry = self._entry(host)
        reason = self._overdrawn(entry, data, now, DATAGRAM_BYTES_EACH)
        if reason is not None:
            self._shun(entry, host, reason, now)
        return reason

    def may_try(self, host: str, account: str, now: float) -> bool:
        """Tell whether a password that came in a datagram may be looked at, right or not."""
        entry = self._entry(host)
        if entry.told_passwords.full_at <= now:
            return True
        return not self._tried(entry, host, account, now, proven=False)

    def may_ask(self, host: str, now: float) -> bool:
        """Tell whether an address may still ask for numbers: it has not missed too often."""
        entry = self._entry(host)
        misses = QUESTIONS_PER_MIN * entry.factor
        return entry.questions.has(now, misses / 60, misses)

    def asked_wrong(self, host: str, now: float) -> None:
        """Count a question for a number that is none."""
        entry = self._entry(host)
        misses = QUESTIONS_PER_MIN * entry.factor
        entry.questions.take(now, misses / 60, misses)

    def call(self, host: str, now: float) -> Reason | None:
        """Spend from the shares of calls; return which of them has too little."""
        return self._call(self._entry(host), now)

    def _call(self, entry: _Entry, now: float) -> Reason | None:
        misses = NUMBERS_PER_MIN * entry.factor
        if not entry.numbers.has(now, misses / 60, misses):
            return Reason.NUMBERS
        per_min = self._rates.calls_per_min * entry.factor
        if not entry.calls.take(now, per_min / 60, max(1, per_min / 3)):
            return Reason.CALLS
        each, burst = STRANGERS_CALLS_PER_S, STRANGERS_CALLS_AT_ONCE
        if self._stranger(entry) and not self._strangers_calls.take(now, each, burst):
            return Reason.STRANGERS
        return None

    @staticmethod
    def _stranger(entry: _Entry) -> bool:
        return entry.factor == 1 and not entry.guests

    def _tried_enough(self, entry: _Entry, host: str, data: bytes, now: float) -> bool:
        """Tell whether too many passwords were wrong to look at another, right or not."""
        user = user_of(data)
        return bool(user) and self._tried(entry, host, user, now)

    def _tried(
        self, entry: _Entry, host: str, user: str, now: float, *, proven: bool = True
    ) -> bool:
        per_min = self._rates.wrong_passwords_per_min
        share = self._accounts.get((site_of(host), user, proven))
        if share is not None and not share.has(now, per_min / 60, per_min):
            return True
        passwords = entry.passwords if proven else entry.told_passwords
        return not passwords.has(now, ACCOUNTS * per_min / 60, ACCOUNTS * per_min)
