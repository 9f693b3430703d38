"""Messages of H.225.0 call signalling as we use them, and their octets.

What stands in the user-user element of Q.931.  Only what a call needs is kept; whatever a newer
peer adds is read over, and nothing that was decoded is ever encoded again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.h323.alias import Alias, read_aliases, write_aliases
from sfu.signalling.h323.per import Pdu, Value, decode, encode
from sfu.signalling.h323.transport import read_transport, write_transport

PROTOCOL = (0, 0, 8, 2250, 0, 6)
"""H.225.0 version 6."""
MAX_CONTROL = 32
"""H.245 messages tunnelled in one of these."""
MAX_PREFIXES = 16


class Release(StrEnum):
    """ReleaseCompleteReason; those we send, and those we tell apart."""

    NO_BANDWIDTH = "noBandwidth"
    GATEKEEPER_RESOURCES = "gatekeeperResources"
    UNREACHABLE_DESTINATION = "unreachableDestination"
    DESTINATION_REJECTION = "destinationRejection"
    NO_PERMISSION = "noPermission"
    BAD_FORMAT_ADDRESS = "badFormatAddress"
    ADAPTIVE_BUSY = "adaptiveBusy"
    IN_CONF = "inConf"
    UNDEFINED_REASON = "undefinedReason"
    FACILITY_CALL_DEFLECTION = "facilityCallDeflection"
    SECURITY_DENIED = "securityDenied"
    CALLED_PARTY_NOT_REGISTERED = "calledPartyNotRegistered"
    CALLER_NOT_REGISTERED = "callerNotRegistered"


class Reason(StrEnum):
    """FacilityReason, as far as we act on it."""

    START_H245 = "startH245"
    TRANSPORTED_INFORMATION = "transportedInformation"
    CALL_FORWARDED = "callForwarded"
    ROUTE_CALL_TO_GATEKEEPER = "routeCallToGatekeeper"
    ROUTE_CALL_TO_MC = "routeCallToMC"
    UNDEFINED_REASON = "undefinedReason"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """EndpointType: what somebody is, by whom it was made."""

    kind: str = "terminal"
    """terminal, gateway, mcu or gatekeeper."""
    mc: bool = False
    product: str = ""
    version: str = ""
    prefixes: tuple[str, ...] = ()
    """Of a gateway or MCU: numbers that begin so are reached through it."""

    @property
    def model(self) -> str:
        """Product and version, as call records show them."""
        return f"{self.product} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Setup:
    """A call begins."""

    identifier: bytes
    """Sixteen octets, the same in every message of the call."""
    conference: bytes
    source: tuple[Alias, ...] = ()
    source_info: Endpoint = field(default_factory=Endpoint)
    source_address: Address | None = None
    """Where the caller takes calls itself."""
    destination: tuple[Alias, ...] = ()
    destination_address: Address | None = None
    h245_address: Address | None = None
    fast_start: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Proceeding:
    """CallProceeding, Progress or Alerting: the call is on its way, or rings."""

    identifier: bytes
    ringing: bool = False
    info: Endpoint = field(default_factory=Endpoint)
    h245_address: Address | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    """The call is taken."""

    identifier: bytes
    conference: bytes
    info: Endpoint = field(default_factory=Endpoint)
    h245_address: Address | None = None
    fast_start_refused: bool = False
    """Said by us where the peer offered fastStart."""


@dataclass(frozen=True, slots=True)
class ReleaseComplete:
    """The call is over."""

    identifier: bytes
    reason: str | None = None
    """A `Release` where it is known; None where only the Q.931 cause tells."""


@dataclass(frozen=True, slots=True)
class Facility:
    """H.245 in it, or a wish that the call goes another way."""

    identifier: bytes
    reason: str = Reason.TRANSPORTED_INFORMATION
    h245_address: Address | None = None
    alternative: Address | None = None
    aliases: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """How the call is, which Q.931 beside it tells."""

    identifier: bytes


@dataclass(frozen=True, slots=True)
class Other:
    """empty, and all we only read for the H.245 they may carry."""

    name: str = "empty"


Body = Setup | Proceeding | Connect | ReleaseComplete | Facility | Status | Other


@dataclass(frozen=True, slots=True)
class Information:
    """H323-UserInformation: a message and what is tunnelled in it."""

    body: Body
    tunnelling: bool = False
    control: tuple[bytes, ...] = ()
    """H.245 messages, encoded."""


# ---- reading


def read(octets: bytes) -> Information:
    """Read what a user-user element carries; PeerError where it is not H.225.0."""
    try:
        pdu = decode(Pdu.H225, octets)["h323-uu-pdu"]
        name, value = pdu["h323-message-body"]
        control = tuple(pdu.get("h245Control", ()))
        reader = _READERS.get(name)
        body = reader(value) if reader else Other(name)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PeerError(f"H.225.0: {type(error).__name__}") from None
    if len(control) > MAX_CONTROL:
        raise PeerError("too many H.245 messages in one")
    return Information(body, bool(pdu.get("h245Tunnelling", False)), control)


def _setup(value: Value) -> Setup:
    return Setup(
        _identifier(value),
        value["conferenceID"],
        read_aliases(value.get("sourceAddress", ())),
        read_endpoint(value["sourceInfo"]),
        read_transport(value.get("sourceCallSignalAddress")),
        read_aliases(value.get("destinationAddress", ())),
        read_transport(value.get("destCallSignalAddress")),
        read_transport(value.get("h245Address")),
        tuple(value.get("fastStart", ())),
    )


def _proceeding(value: Value) -> Proceeding:
    info = read_endpoint(value["destinationInfo"])
    address = read_transport(value.get("h245Address"))
    return Proceeding(_identifier(value), info=info, h245_address=address)


def _alerting(value: Value) -> Proceeding:
    info = read_endpoint(value["destinationInfo"])
    return Proceeding(_identifier(value), True, info, read_transport(value.get("h245Address")))


def _connect(value: Value) -> Connect:
    return Connect(
        _identifier(value),
        value["conferenceID"],
        read_endpoint(value["destinationInfo"]),
        read_transport(value.get("h245Address")),
        "fastConnectRefused" in value,
    )


def _release(value: Value) -> ReleaseComplete:
    reason = value.get("reason")
    return ReleaseComplete(_identifier(value), reason[0] if reason else None)


def _facility(value: Value) -> Facility:
    aliases = value.get("alternativeAliasAddress", ())
    return Facility(
        _identifier(value),
        value["reason"][0],
        read_transport(value.get("h245Address")),
        read_transport(value.get("alternativeAddress")),
        read_aliases(aliases),
    )


def _identifier(value: Value) -> bytes:
    """Return the identifier of the call; units before version 2 have none."""
    identifier = value.get("callIdentifier", {}).get("guid", b"")
    assert isinstance(identifier, bytes)
    return identifier


def read_endpoint(value: Value) -> Endpoint:
    """Read an EndpointType."""
    kind = next((one for one in ("mcu", "gateway", "gatekeeper") if one in value), "terminal")
    vendor = value.get("vendor", {})
    supported = value.get(kind, {}).get("protocol", ()) if kind in ("mcu", "gateway") else ()
    prefixes = [
        found.text
        for _, protocol in supported
        if isinstance(protocol, dict)
        for prefix in protocol.get("supportedPrefixes", ())
        for found in read_aliases([prefix["prefix"]])
    ]
    return Endpoint(
        kind,
        bool(value.get("mc", False)),
        _text(vendor.get("productId", b"")),
        _text(vendor.get("versionId", b"")),
        tuple(prefixes[:MAX_PREFIXES]),
    )


def _text(octets: bytes) -> str:
    text = octets.rstrip(b"\0").decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable())[:64].strip()


_READERS: dict[str, Callable[[Value], Body]] = {
    "setup": _setup,
    "callProceeding": _proceeding,
    "progress": _proceeding,
    "alerting": _alerting,
    "connect": _connect,
    "releaseComplete": _release,
    "facility": _facility,
    "status": lambda value: Status(_identifier(value)),
}


# ---- writing


def write(information: Information) -> bytes:
    """Put a message into octets."""
    pdu: dict[str, Value] = {
        "h323-message-body": _body(information.body),
        "h245Tunnelling": information.tunnelling,
    }
    if information.control:
        pdu["h245Control"] = list(information.control)
    return encode(Pdu.H225, {"h323-uu-pdu": pdu})


def _body(body: Body) -> tuple[str, Value]:
    match body:
        case Setup():
            return "setup", _write_setup(body)
        case Proceeding():
            name = "alerting" if body.ringing else "callProceeding"
            return name, _write_answer(body.identifier, body.info, body.h245_address)
        case Connect():
            value = _write_answer(body.identifier, body.info, body.h245_address)
            value["conferenceID"] = body.conference
            if body.fast_start_refused:
                value["fastConnectRefused"] = 0
            return "connect", value
        case ReleaseComplete():
            value = _head(body.identifier)
            if body.reason is not None:
                value["reason"] = (body.reason, 0)
            return "releaseComplete", value
        case Facility():
            return "facility", _write_facility(body)
        case Status():
            return "status", _head(body.identifier)
        case Other():
            return body.name, 0


def _head(identifier: bytes) -> dict[str, Value]:
    value: dict[str, Value] = {"protocolIdentifier": PROTOCOL}
    if identifier:
        value["callIdentifier"] = {"guid": identifier}
    return value


def _write_setup(body: Setup) -> Value:
    value = _head(body.identifier) | {
        "conferenceID": body.conference,
        "conferenceGoal": ("create", 0),
        "callType": ("pointToPoint", 0),
        "sourceInfo": write_endpoint(body.source_info),
        "activeMC": body.source_info.mc,
        "mediaWaitForConnect": False,
        "canOverlapSend": False,
        "multipleCalls": False,
        "maintainConnection": False,
    }
    if source := write_aliases(body.source):
        value["sourceAddress"] = source
    if destination := write_aliases(body.destination):
        value["destinationAddress"] = destination
    if body.source_address:
        value["sourceCallSignalAddress"] = write_transport(body.source_address)
    if body.destination_address:
        value["destCallSignalAddress"] = write_transport(body.destination_address)
    if body.h245_address:
        value["h245Address"] = write_transport(body.h245_address)
    return value


def _write_answer(identifier: bytes, info: Endpoint, h245: Address | None) -> dict[str, Value]:
    value = _head(identifier) | {
        "destinationInfo": write_endpoint(info),
        "multipleCalls": False,
        "maintainConnection": False,
    }
    if h245:
        value["h245Address"] = write_transport(h245)
    return value


def _write_facility(body: Facility) -> Value:
    value = _head(body.identifier) | {"reason": (body.reason, 0)}
    if body.h245_address:
        value["h245Address"] = write_transport(body.h245_address)
    if body.alternative:
        value["alternativeAddress"] = write_transport(body.alternative)
    if aliases := write_aliases(body.aliases):
        value["alternativeAliasAddress"] = aliases
    return value


def write_endpoint(endpoint: Endpoint) -> Value:
    """Make an EndpointType."""
    own: dict[str, Value] = {}
    if endpoint.prefixes and endpoint.kind in ("mcu", "gateway"):
        prefixes = [{"prefix": ("dialledDigits", one)} for one in endpoint.prefixes]
        voice = ("h323", {"supportedPrefixes": prefixes})
        own["protocol"] = [voice]
    return {
        "vendor": {
            "vendor": {"t35CountryCode": 61, "t35Extension": 0, "manufacturerCode": 0},
            "productId": endpoint.product.encode()[:255] + b"\0",
            "versionId": endpoint.version.encode()[:255] + b"\0",
        },
        endpoint.kind: own,
        "mc": endpoint.mc,
        "undefinedNode": False,
    }
