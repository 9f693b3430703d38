"""Messages of RAS (H.225.0 section 7.7) as a gatekeeper and an endpoint use them.

::

    GRQ GCF GRJ   where is a gatekeeper         RRQ RCF RRJ   here I am
    ARQ ACF ARJ   may I call, or take a call    BRQ BCF BRJ   may I have another rate
    DRQ DCF DRJ   the call is over              URQ UCF URJ   I go
    LRQ LCF LRJ   where is this number          IRQ IRR IACK  what calls are there
    RAI RAC       a gateway has room            RIP           wait a little longer

`rasread` and `raswrite` are their octets; `token` proves who sent them.
"""

from dataclasses import dataclass, field

from sfu.model import Address
from sfu.signalling.h323.alias import Alias
from sfu.signalling.h323.h225 import Endpoint

UNIT_BPS = 100
"""A BandWidth of 1."""
MAX_ADDRESSES = 8


@dataclass(frozen=True, slots=True)
class GatekeeperRequest:
    """GRQ."""

    number: int
    """requestSeqNum, 1 to 65,535; the answer has the same."""
    ras: Address | None
    endpoint: Endpoint = field(default_factory=Endpoint)
    gatekeeper: str = ""
    """The one it looks for, "" for any."""
    aliases: tuple[Alias, ...] = ()
    algorithms: tuple[tuple[int, ...], ...] = ()
    """By which it can prove its password: `token` names them."""


@dataclass(frozen=True, slots=True)
class GatekeeperConfirm:
    """GCF."""

    number: int
    gatekeeper: str
    ras: Address | None
    algorithm: tuple[int, ...] | None = None
    """By which passwords shall be proved; None: it is left to the endpoint."""


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """RRQ; `keep_alive` asks only that an earlier one goes on."""

    number: int
    signalling: tuple[Address, ...]
    ras: tuple[Address, ...]
    endpoint: Endpoint = field(default_factory=Endpoint)
    aliases: tuple[Alias, ...] = ()
    gatekeeper: str = ""
    identifier: str = ""
    """endpointIdentifier, as we gave it."""
    keep_alive: bool = False
    ttl_s: int | None = None
    additive: bool = False
    """Its names are more of those it has; only read, ours never are."""


@dataclass(frozen=True, slots=True)
class RegistrationConfirm:
    """RCF."""

    number: int
    identifier: str
    signalling: tuple[Address, ...] = ()
    aliases: tuple[Alias, ...] = ()
    gatekeeper: str = ""
    ttl_s: int | None = None


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """ARQ."""

    number: int
    identifier: str
    call: bytes
    """callIdentifier."""
    conference: bytes
    reference: int
    """The call reference of its Q.931 messages."""
    answering: bool
    destination: tuple[Alias, ...] = ()
    destination_address: Address | None = None
    source: tuple[Alias, ...] = ()
    rate_bps: int = 0
    """Both directions together, without headers."""
    gatekeeper: str = ""


@dataclass(frozen=True, slots=True)
class AdmissionConfirm:
    """ACF."""

    number: int
    rate_bps: int
    signalling: Address | None
    routed: bool = True
    """The call goes through the gatekeeper."""
    report_s: int | None = None
    """irrFrequency: so often it wants to hear of the call by IRR."""


@dataclass(frozen=True, slots=True)
class BandwidthRequest:
    """BRQ."""

    number: int
    identifier: str
    call: bytes
    conference: bytes
    reference: int
    rate_bps: int
    gatekeeper: str = ""


@dataclass(frozen=True, slots=True)
class BandwidthConfirm:
    """BCF."""

    number: int
    rate_bps: int


@dataclass(frozen=True, slots=True)
class DisengageRequest:
    """DRQ."""

    number: int
    identifier: str
    call: bytes
    conference: bytes
    reference: int
    answered: bool = False
    gatekeeper: str = ""


@dataclass(frozen=True, slots=True)
class UnregistrationRequest:
    """URQ, by either side."""

    number: int
    signalling: tuple[Address, ...]
    aliases: tuple[Alias, ...] = ()
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class LocationRequest:
    """LRQ."""

    number: int
    destination: tuple[Alias, ...]
    reply: Address | None


@dataclass(frozen=True, slots=True)
class LocationConfirm:
    """LCF."""

    number: int
    signalling: Address
    ras: Address


@dataclass(frozen=True, slots=True)
class Report:
    """One call, as its endpoint knows it (perCallInfo of IRR)."""

    call: bytes
    """callIdentifier."""
    conference: bytes
    reference: int
    originator: bool
    rate_bps: int


@dataclass(frozen=True, slots=True)
class InfoResponse:
    """IRR; `wants_answer` asks for IACK."""

    number: int
    identifier: str
    ras: Address | None = None
    signalling: tuple[Address, ...] = ()
    endpoint: Endpoint = field(default_factory=Endpoint)
    wants_answer: bool = False
    calls: tuple[Report, ...] = ()
    unsolicited: bool = False
    unknown_call: bool = False
    """It was asked about a call that is none."""


@dataclass(frozen=True, slots=True)
class InfoRequest:
    """IRQ; we are asked for all our calls, or for one."""

    number: int
    reply: Address | None = None
    call: bytes = b""
    """callIdentifier, empty where only `reference` names one."""
    reference: int = 0
    """0 for all calls."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """Confirmations that only name their request, by their name in the standard: DCF, UCF, IACK."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Reject:
    """Any rejection, by its name in the standard: registrationReject..."""

    name: str
    number: int
    reason: str
    allowed_bps: int = 0
    """Of a bandwidthReject."""
    gatekeeper: str = ""


@dataclass(frozen=True, slots=True)
class InProgress:
    """RIP: ask again only after this."""

    number: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class UnknownRas:
    """What we do not use; it is answered XRS."""

    name: str
    number: int


Ras = (
    GatekeeperRequest | GatekeeperConfirm | RegistrationRequest | RegistrationConfirm
    | AdmissionRequest | AdmissionConfirm | BandwidthRequest | BandwidthConfirm | DisengageRequest
    | UnregistrationRequest | LocationRequest | LocationConfirm | InfoRequest | InfoResponse
    | Confirm | Reject | InProgress | UnknownRas
)  # fmt: skip
