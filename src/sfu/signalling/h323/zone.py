"""Who is registered at our gatekeeper, under which names, and which calls they were admitted to.

::

    put --> registered --expires--> gone       by identifier: its own later requests
             | put again: renewed              by name or prefix: who calls it
             `-- remove ---> gone
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sfu.model import Address
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.h225 import Endpoint

MAX_ENDPOINTS = 2000
MAX_CALLS = 64
"""Of one endpoint; the oldest is forgotten."""
GRACE_S = 30.0
"""So much later than its time to live a registration ends: a datagram may be lost."""


@dataclass(slots=True)
class Registration:
    """One endpoint."""

    identifier: str
    """endpointIdentifier: chosen by us, nobody guesses it."""
    signalling: Address
    """Where it takes calls: on the host it registered from."""
    ras: Address
    """Where answers go: the same host."""
    aliases: tuple[Alias, ...]
    endpoint: Endpoint
    expires_at: float
    ttl_s: int
    account: str = ""
    """Whose password it proved; "" where its network was enough."""
    signs: bool = False
    """It proved by `MessageHash`: each message must be proved so, and so are our answers."""
    calls: dict[bytes, int] = field(default_factory=dict)
    """callIdentifier: the rate it was given, bit/s both ways together."""

    def admit(self, call: bytes, rate_bps: int) -> None:
        """Remember what a call was given."""
        self.calls.pop(call, None)
        self.calls[call] = rate_bps
        while len(self.calls) > MAX_CALLS:
            del self.calls[next(iter(self.calls))]

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called by, each once."""
        return tuple(dict.fromkeys(alias.text for alias in self.aliases))


class Zone:
    """All registrations."""

    def __init__(self, has_password: Callable[[str], bool]) -> None:
        """Start with none; a number that `has_password` is nobody's by its first digits."""
        self._has_password = has_password
        self._known: dict[str, Registration] = {}
        self._names: dict[str, Registration] = {}

    def __len__(self) -> int:
        """Count the endpoints."""
        return len(self._known)

    def __iter__(self) -> Iterator[Registration]:
        """Go through the endpoints."""
        return iter(list(self._known.values()))

    @property
    def full(self) -> bool:
        """Whether nobody else can be taken."""
        return len(self._known) >= MAX_ENDPOINTS

    @property
    def deadline(self) -> float | None:
        """When the next registration ends."""
        return min((one.expires_at for one in self._known.values()), default=None)

    def put(self, one: Registration) -> None:
        """Register, or take the place of what was registered under this identifier."""
        self.remove(one.identifier)
        self._known[one.identifier] = one
        for name in one.names:
            self._names[name.casefold()] = one

    def remove(self, identifier: str) -> Registration | None:
        """Forget an endpoint."""
        gone = self._known.pop(identifier, None)
        if gone is not None:
            for name in [name for name, one in self._names.items() if one is gone]:
                del self._names[name]
        return gone

    def of(self, identifier: str, host: str) -> Registration | None:
        """Return who has this identifier, if a host may use it: the one it was given to."""
        found = self._known.get(identifier)
        return found if found is not None and found.ras.host == host else None

    def holds(self, host: str, account: str) -> bool:
        """Tell whether this account has registered from this host."""
        return any(one.account == account and one.ras.host == host for one in self)

    def at(self, signalling: Address) -> Registration | None:
        """Return who takes calls there."""
        return next((one for one in self._known.values() if one.signalling == signalling), None)

    def named(self, name: str) -> Registration | None:
        """Return who has registered this name or number."""
        return self._names.get(name.casefold())

    def find(self, number: str) -> Registration | None:
        """Return who is called by a name or number: its own, or beginning with its prefix."""
        found = self.named(number)
        if found is not None or self._has_password(number):
            return found
        longest, best = 0, None
        for one in self._known.values():
            for prefix in one.endpoint.prefixes:
                if prefix and number.startswith(prefix) and len(prefix) > longest:
                    longest, best = len(prefix), one
        return best

    def expired(self, now: float) -> list[Registration]:
        """Forget and return whose time is over."""
        over = [one for one in self._known.values() if one.expires_at <= now]
        for one in over:
            self.remove(one.identifier)
        return over
