"""One contact of an account (RFC 3261 section 10, RFC 5626), and keeping it over a restart.

A binding is known by its key: the Contact's URI, or for a flow of RFC 5626 the instance and the
number of the flow, so that a unit which comes back by another connection takes its own place.
"""

import re
from dataclasses import dataclass

from sfu.signalling.sip.address import NameAddr
from sfu.signalling.sip.flow import Carrier, Flow, literal, same_host
from sfu.signalling.sip.uri import Uri


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of an account."""

    account: str
    key: str
    address: NameAddr
    """Contact as it came, parameters included."""
    flow: Flow
    """The way it registered by; it goes before the Contact's URI while it is open."""
    expires_at: float
    call_id: str
    cseq: int
    model: str
    display_name: str
    home: str = ""
    """Host, or host:port, of the GRUUs it was given; "" for none."""
    temporary: tuple[str, ...] = ()
    """What tells its temporary GRUUs apart, the newest last."""
    flow_open: bool = True
    path: tuple[NameAddr, ...] = ()
    """The proxies between us, the nearest to us first (RFC 3327)."""

    @property
    def uri(self) -> Uri:
        """Where the account is reached."""
        return self.address.uri

    @property
    def instance(self) -> str:
        """The unit itself, say `urn:uuid:...`; "" where it does not tell."""
        return instance_of(self.address)

    @property
    def behind_nat(self) -> bool:
        """Whether its open flow leads to another place than its Contact names."""
        uri, remote = self.uri, self.flow.remote
        if not self.flow_open or self.path:
            return False  # proxies that name themselves keep its way open
        if not same_host(uri.host, remote.host):
            return literal(uri.host)
        return not self.flow.carrier.reliable and (uri.port or Carrier.UDP.port) != remote.port

    @property
    def by_flow(self) -> bool:
        """Whether it stands for a flow, not for an address."""
        return self.key != str(self.uri)

    @property
    def preference(self) -> float:
        """The q of its Contact; 1 where none, or none that can be read, is told."""
        text = self.address.param("q") or ""
        return min(1.0, float(text)) if re.fullmatch(r"[01](\.[0-9]{0,9})?", text) else 1.0


def instance_of(address: NameAddr) -> str:
    """Return the instance a Contact names (RFC 5626 section 4.1), "" for none."""
    return (address.param("+sip.instance") or "").strip("<>")


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep this binding over a restart, in place of what was kept under its account and key."""

    binding: Binding


@dataclass(frozen=True, slots=True)
class Drop:
    """Keep this binding no longer."""

    account: str
    key: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """A binding was kept over a restart; it ends by the clock that is handed in now."""

    binding: Binding


BindingOrder = Keep | Drop
