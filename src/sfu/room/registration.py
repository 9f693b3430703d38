r"""Where known endpoints are reached: the bindings of SIP REGISTER (RFC 3261 section 10).

::

    put(alias, contact) --> bound --expires--> gone
                              |  put again with the same uri: renewed
                              \--remove-----> gone

A dial-out to a number or name asks here first; the newest binding is tried first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sfu.model import Address, Protocol

MOST_CONTACTS = 8
"""Per alias: a unit that forgets its old ports pushes its own oldest binding out."""
MOST_ALIASES = 4096


@dataclass(frozen=True, slots=True)
class Contact:
    """One address an endpoint is reached at."""

    uri: str
    """As it stood in Contact: "sip:morez@192.0.2.21:5060;transport=tcp"."""
    source: Address
    """Where the registration came from: the way back through a NAT (RFC 3581, RFC 5626)."""
    protocol: Protocol
    expires_at: float
    model: str = ""
    account: str = ""
    """The alias as its owner writes it."""
    key: str = ""
    """What tells it from the alias's others where that is not the uri."""


class Registrations:
    """All bindings of this server."""

    def __init__(self) -> None:
        """Start with none."""
        self._contacts: dict[str, dict[str, Contact]] = {}

    def __len__(self) -> int:
        """Count the aliases that are bound."""
        return len(self._contacts)

    @property
    def deadline(self) -> float | None:
        """When the next binding expires."""
        times = (c.expires_at for contacts in self._contacts.values() for c in contacts.values())
        return min(times, default=None)

    def has_place(self, aliases: Iterable[str]) -> bool:
        """Tell whether these can be bound as well."""
        new = {alias.casefold() for alias in aliases} - self._contacts.keys()
        return len(self._contacts) + len(new) <= MOST_ALIASES

    def put(self, alias: str, contact: Contact) -> bool:
        """Bind or renew; False where the house is full."""
        key = alias.casefold()
        if key not in self._contacts and len(self._contacts) >= MOST_ALIASES:
            return False
        contacts = self._contacts.setdefault(key, {})
        contacts.pop(contact.key or contact.uri, None)
        contacts[contact.key or contact.uri] = contact
        while len(contacts) > MOST_CONTACTS:
            del contacts[next(iter(contacts))]
        return True

    def remove(self, alias: str, uri: str | None = None) -> None:
        """Unbind one contact by its uri (or key), or all of them (`Contact: *`)."""
        key = alias.casefold()
        contacts = self._contacts.get(key, {})
        if uri is None:
            contacts.clear()
        contacts.pop(uri or "", None)
        if not contacts:
            self._contacts.pop(key, None)

    def find(self, alias: str, now: float) -> tuple[Contact, ...]:
        """Return the bindings that hold, newest first."""
        contacts = self._contacts.get(alias.casefold(), {}).values()
        return tuple(c for c in reversed(list(contacts)) if c.expires_at > now)

    def holds(self, host: str, now: float) -> bool:
        """Tell whether somebody registered from this host."""
        return any(
            contact.source.host == host and contact.expires_at > now
            for contacts in self._contacts.values()
            for contact in contacts.values()
        )

    def tick(self, now: float) -> None:
        """Forget what has expired."""
        for alias in list(self._contacts):
            contacts = self._contacts[alias]
            for uri in [uri for uri, c in contacts.items() if c.expires_at <= now]:
                del contacts[uri]
            if not contacts:
                del self._contacts[alias]
