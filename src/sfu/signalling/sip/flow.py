"""Between the core and the shell: where bytes come from and go to.

A flow is one way to one peer: a connection, or over UDP a listening socket and a remote address.
The shell tells its `local` address as the peer shall know it (configured public address, or the
address this flow arrived on, with the port we listen on): it goes into Via and Contact.

::

    shell --Received, Connected, ConnectFailed, FlowClosed--> core
    shell <--------------- Send, Connect -------------------- core
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from sfu.model import Address

Network = IPv4Network | IPv6Network
_INSIDE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
"""RFC 1918, 6598, 3927, 4193, 4291; Python's is_private counts documentation addresses too."""


class Carrier(StrEnum):
    """What carries SIP; the Via names it in capitals."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"

    @property
    def reliable(self) -> bool:
        """Whether it delivers or tells: no retransmission then."""
        return self is not Carrier.UDP

    @property
    def port(self) -> int:
        """Port where none is told."""
        return 5061 if self is Carrier.TLS else 5060


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to one peer; `id` tells connections (or listening sockets) apart."""

    id: int
    carrier: Carrier
    local: Address
    remote: Address

    @property
    def place(self) -> "Place":
        """Where it leads."""
        return Place(self.carrier, self.remote)


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a request shall go; no carrier or port means: by SRV (RFC 3263)."""

    host: str
    port: int | None
    carrier: Carrier | None
    verify: bool = False
    """Whether TLS there must prove by its certificate that it is `host` (RFC 5922)."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places a name stands for."""

    carrier: Carrier
    address: Address


@dataclass(frozen=True, slots=True)
class Received:
    """A datagram or a framed message came in."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A message came in that shall be answered so, and not looked into any further."""

    flow: Flow
    data: bytes
    status: int
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Connected:
    """A `Connect` succeeded."""

    ticket: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class ConnectFailed:
    """A `Connect` failed: no such name, nobody there."""

    ticket: int
    reason: str


@dataclass(frozen=True, slots=True)
class FlowClosed:
    """A connection is gone."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on this flow."""

    flow: Flow
    data: bytes


@dataclass(frozen=True, slots=True)
class Connect:
    """Find or make a flow to this hop, and tell by the ticket."""

    ticket: int
    hop: Hop
    avoid: tuple[Place, ...] = ()
    """Places of this name that did not answer: the next one is wanted (RFC 3263 section 4.3)."""


FlowEvent = Received | TurnedAway | Connected | ConnectFailed | FlowClosed


def literal(host: str) -> bool:
    """Tell whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def private(host: str) -> bool:
    """Tell whether a host is an address that means nothing outside its own network."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _INSIDE)


def same_host(one: str, other: str) -> bool:
    """Compare hosts; IPv6 addresses have many spellings."""
    if one == other:
        return True
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return one.lower() == other.lower()


IPV6_SITE_BITS = 64
"""One machine has all the addresses of such a network to send from."""


@lru_cache(8192)
def site_of(host: str) -> str:
    """Name where an address belongs when it is counted: itself, or its network of IPv6."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = address if isinstance(address, IPv4Address) else address.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ip_network((address, IPV6_SITE_BITS), strict=False))


def in_networks(host: str, networks: tuple[Network, ...]) -> bool:
    """Tell whether an address stands in one of these."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in networks)
