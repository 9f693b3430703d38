r"""On what terms a member is sent pictures: its own, then those of its unit, account and room.

::

    operator, in the meeting -----------\
    [[endpoint]] it is ------------------+--> the first that says something --> Demand
    [[account]] it called or registered -+
    [[room]] ---------------------------/

A unit is known by its account, or by where it calls from or was called at; where several stand at
one address (behind a PBX), by its user there too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sfu.config import Account, Endpoint, Room, Settings
from sfu.shell.places import ADDRESS


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, as far as it is known."""

    account: str | None = None
    """What it proved to be, or registered as."""
    user: str = ""
    """Of its address, as it says itself; counts beside `host` only."""
    host: str = ""
    """Where its calls come from, or where it was called."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is said of one member's pictures; None where nothing is."""

    priority: int | None = None
    """0 to 9: of places of one kind on one line the higher goes first."""
    floor_bps: int | None = None
    """What the main picture has before anybody has more, bit/s of payload; 0: none."""
    most_bps: int | None = None
    """The most a picture takes, bit/s of payload; 0: any."""

    def over(self, other: "Terms") -> "Terms":
        """Return these where they say something, else the other's."""
        return Terms(
            other.priority if self.priority is None else self.priority,
            other.floor_bps if self.floor_bps is None else self.floor_bps,
            other.most_bps if self.most_bps is None else self.most_bps,
        )


NO_TERMS = Terms()


class KnownTerms:
    """Terms of all units and accounts; reads settings once."""

    def __init__(self, settings: Settings = Settings()) -> None:  # noqa: B008
        """Know what settings say."""
        users = {one.user for one in settings.account}
        self._accounts = {one.user: terms_of(one) for one in settings.account}
        self._units: dict[tuple[str, str], Terms] = {}
        self._hosts: dict[str, list[Terms]] = {}
        for one in settings.endpoint:
            found = ADDRESS.match(one.uri)
            user, host = found.groups(default="") if found else ("", "")
            terms, host = terms_of(one), _host(host)
            self._hosts.setdefault(host, []).append(terms)
            self._units[user, host] = terms
            if user in users:
                self._accounts[user] = terms.over(self._accounts[user])
        self._any = any(one != NO_TERMS for one in (*self._accounts.values(), *self._all()))

    def of(self, who: Identity) -> Terms:
        """Return what settings say of somebody, its room apart."""
        if not self._any:
            return NO_TERMS
        if who.account is not None and who.account in self._accounts:
            return self._accounts[who.account]
        host = _host(who.host)
        named = self._units.get((who.user, host))
        if named is not None:
            return named
        there = self._hosts.get(host, [])
        return there[0] if len(there) == 1 else NO_TERMS

    def _all(self) -> Iterable[Terms]:
        return (one for there in self._hosts.values() for one in there)


def terms_of(said: Account | Endpoint | Room | None) -> Terms:
    """Return what one table says; for a call to no configured room nothing."""
    if said is None:
        return NO_TERMS
    return Terms(said.priority, said.picture_floor_bps, said.picture_max_bps)


def identity_of(address: str, host: str, account: str | None) -> Identity:
    """Return who a call is from, or to: `user@host` or a URI; `host` is where it really is."""
    bare = address.partition(":")[2] if ADDRESS.match(address) else address
    return Identity(account, bare.partition("@")[0] if "@" in bare else "", host)


def _host(text: str) -> str:
    return text.strip("[]").casefold()
