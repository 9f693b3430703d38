"""Whether a RAS message comes from who it says: passwords of accounts, each proof taken once.

::

    aliases, proofs --> an account is named, or proved? --no--> a listed network?
                                | yes                             | yes: as nobody's account
                                v                                 v
                   every account named is proved, in time, not seen before --> its account
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.token import MessageHash, Proof, is_right

WINDOW_S = 7200
"""Clocks of units are set by hand, and by summer time; with this H.323 gatekeepers begin."""
MAX_SEEN = 4096
"""Of one account, within the time in which they would serve again."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent it: an account, or "" for one of a listed network."""

    account: str = ""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """It is not believed: why, and whose password was wrong."""

    why: str
    account: str = ""


class Credentials:
    """Checks senders; remembers the proofs it took, so that none serves twice."""

    def __init__(
        self,
        name: str,
        account_of: Callable[[str], str | None],
        password_of: Callable[[str], str | None],
        listed: Callable[[str], bool],
        may_try: Callable[[str, str], bool],
        holds: Callable[[str, str], bool],
    ) -> None:
        """`may_try` tells whether a host may still try a password of an account.

        `holds`: whether that host has that account's registration; `name` is our gatekeeper's.
        """
        self._name = name
        self._account_named = account_of
        self._password_of = password_of
        self._listed = listed
        self._may_try, self._holds = may_try, holds
        self._seen: dict[str, OrderedDict[bytes, float]] = {}
        """By account: its proofs, and until when each would be in time."""

    def accounts(self, aliases: Iterable[Alias]) -> set[str]:
        """Return the accounts among these names, as configured."""
        found = (self._account_named(alias.text) for alias in aliases)
        return {account for account in found if account is not None}

    def may_have(self, host: str, aliases: Iterable[Alias]) -> tuple[Alias, ...]:
        """Return which names who is at this host may have: those without password if listed."""
        listed = self._listed(host)
        return tuple(one for one in aliases if listed or self._account_named(one.text) is not None)

    def may_be_gateway(self, host: str) -> bool:
        """Tell whether numbers may be had by their first digits: a password proves none of them."""
        return self._listed(host)

    def judge(
        self,
        host: str,
        aliases: Iterable[Alias],
        proofs: Iterable[Proof],
        octets: bytes,
        calendar: float,
    ) -> Sender | Doubt:
        """Say who sent these octets; `calendar` is the time in seconds since 1970."""
        named = self.accounts(aliases)
        proved: dict[str, Proof] = {}
        for one in proofs:
            account = self._account_of(one, named)
            if account is None:
                continue
            doubt = self.doubt(host, account, one, octets, calendar)
            if doubt is not None:
                return doubt
            proved[account] = one
        if missing := named - proved.keys():
            return Doubt("no password came for " + ", ".join(sorted(missing)))
        if proved:
            account, proof = next(iter(proved.items()))
            return Sender(account, proof)
        if self._listed(host):
            return Sender()
        return Doubt("neither an account's name nor a listed network")

    def _account_of(self, proof: Proof, named: set[str]) -> str | None:
        """Return whose password a proof is about: whom it names, else the one account named."""
        name = proof.sender if isinstance(proof, MessageHash) else proof.alias.text
        account = self._account_named(name)
        if account is not None:
            return account
        return next(iter(named)) if len(named) == 1 else None

    def doubt(
        self, host: str, account: str, proof: Proof, octets: bytes, calendar: float
    ) -> Doubt | None:
        """Say what is wrong with a proof of an account; None: nothing."""
        password = self._password_of(account)
        # somebody else's wrong passwords, in its name, do not lock out who is registered there
        known = self._holds(host, account)
        if not known and not self._may_try(host, account):
            return Doubt("too many wrong passwords")
        if password is None or not is_right(proof, password, octets):
            if known and not self._may_try(host, account):
                return Doubt("too many wrong passwords")
            return Doubt("wrong password", account)
        if abs(calendar - proof.time) > WINDOW_S:
            return Doubt(f"its clock is {round(abs(calendar - proof.time) / 60)} minutes off")
        if isinstance(proof, MessageHash) and proof.receiver not in ("", self._name):
            return Doubt("it was made for another gatekeeper")
        if not self._first(account, proof, octets, calendar):
            return Doubt("a message sent before")
        return None

    def _first(self, account: str, proof: Proof, octets: bytes, calendar: float) -> bool:
        """Take a proof once; two messages of one second may share the proof of an old unit.

        A copy that comes at once is answered from the memory of answers before it comes here.
        """
        key = proof.digest if isinstance(proof, MessageHash) else octets
        seen = self._seen.setdefault(account, OrderedDict())
        if key in seen:
            return False
        for old in [one for one, until in seen.items() if until < calendar]:
            del seen[old]
        seen[key] = proof.time + WINDOW_S
        while len(seen) > MAX_SEEN:
            seen.popitem(last=False)
        return True
