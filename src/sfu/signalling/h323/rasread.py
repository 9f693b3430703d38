"""Reading RAS: the octets of a datagram to a message and the proofs that came with it."""

from collections.abc import Callable

from sfu.errors import PeerError
from sfu.model import Address
from sfu.signalling.h323.alias import read_aliases
from sfu.signalling.h323.h225 import read_endpoint
from sfu.signalling.h323.per import Pdu, Value, decode
from sfu.signalling.h323.ras import (
    MAX_ADDRESSES,
    UNIT_BPS,
    AdmissionConfirm,
    AdmissionRequest,
    BandwidthConfirm,
    BandwidthRequest,
    Confirm,
    DisengageRequest,
    GatekeeperConfirm,
    GatekeeperRequest,
    InfoRequest,
    InfoResponse,
    InProgress,
    LocationConfirm,
    LocationRequest,
    Ras,
    RegistrationConfirm,
    RegistrationRequest,
    Reject,
    Report,
    UnknownRas,
    UnregistrationRequest,
)
from sfu.signalling.h323.token import Proof, read_proofs
from sfu.signalling.h323.transport import read_transport

MAX_ALGORITHMS = 16
MAX_IDENTIFIER = 128
MAX_REPORTS = 64


def read(octets: bytes) -> tuple[Ras, tuple[Proof, ...]]:
    """Read a datagram; PeerError where it is not RAS."""
    try:
        name, value = decode(Pdu.RAS, octets)
        number = value["requestSeqNum"]
        return _message(name, number, value), read_proofs(value)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise PeerError(f"RAS: {type(error).__name__}") from None


def _message(name: str, number: int, value: Value) -> Ras:
    if name in CONFIRMS:
        return Confirm(name, number)
    if name.endswith("Reject") or name == "infoRequestNak":
        return _reject(name, number, value)
    reader = _READERS.get(name)
    return reader(number, value) if reader else UnknownRas(name, number)


CONFIRMS = frozenset(
    {
        "disengageConfirm",
        "unregistrationConfirm",
        "infoRequestAck",
        "resourcesAvailableConfirm",
        "unknownMessageResponse",
    }
)


def _reject(name: str, number: int, value: Value) -> Reject:
    reason = value.get("rejectReason", value.get("nakReason", ("undefinedReason", 0)))[0]
    allowed = value.get("allowedBandWidth", 0) * UNIT_BPS
    return Reject(name, number, reason, allowed, _identifier(value))


def _identifier(value: Value) -> str:
    return _name(value.get("gatekeeperIdentifier", "")).rstrip("\0")


def _name(said: object) -> str:
    """Read an identifier (BMPString of 1 to 128); one that could not be said back is refused."""
    assert isinstance(said, str)
    if len(said) > MAX_IDENTIFIER or any("\ud800" <= one <= "\udfff" for one in said):
        raise PeerError("an identifier that is none")
    return said


def _addresses(values: Value) -> tuple[Address, ...]:
    found = (read_transport(value) for value in values[:MAX_ADDRESSES])
    return tuple(one for one in found if one is not None)


def _call(value: Value) -> bytes:
    guid = value.get("callIdentifier", {}).get("guid", b"")
    assert isinstance(guid, bytes)
    return guid


def _grq(number: int, value: Value) -> GatekeeperRequest:
    return GatekeeperRequest(
        number,
        read_transport(value["rasAddress"]),
        read_endpoint(value["endpointType"]),
        _identifier(value),
        read_aliases(value.get("endpointAlias", ())),
        tuple(value.get("algorithmOIDs", ())[:MAX_ALGORITHMS]),
    )


def _gcf(number: int, value: Value) -> GatekeeperConfirm:
    ras = read_transport(value["rasAddress"])
    return GatekeeperConfirm(number, _identifier(value), ras, value.get("algorithmOID"))


def _rrq(number: int, value: Value) -> RegistrationRequest:
    return RegistrationRequest(
        number,
        _addresses(value["callSignalAddress"]),
        _addresses(value["rasAddress"]),
        read_endpoint(value["terminalType"]),
        read_aliases(value.get("terminalAlias", ())),
        _identifier(value),
        _name(value.get("endpointIdentifier", "")),
        bool(value.get("keepAlive", False)),
        value.get("timeToLive"),
        "additiveRegistration" in value,
    )


def _rcf(number: int, value: Value) -> RegistrationConfirm:
    return RegistrationConfirm(
        number,
        _name(value.get("endpointIdentifier", "")),
        _addresses(value["callSignalAddress"]),
        read_aliases(value.get("terminalAlias", ())),
        _identifier(value),
        value.get("timeToLive"),
    )


def _arq(number: int, value: Value) -> AdmissionRequest:
    return AdmissionRequest(
        number,
        _name(value.get("endpointIdentifier", "")),
        _call(value),
        value["conferenceID"],
        value["callReferenceValue"],
        value["answerCall"],
        read_aliases(value.get("destinationInfo", ())),
        read_transport(value.get("destCallSignalAddress")),
        read_aliases(value.get("srcInfo", ())),
        value["bandWidth"] * UNIT_BPS,
        _identifier(value),
    )


def _acf(number: int, value: Value) -> AdmissionConfirm:
    return AdmissionConfirm(
        number,
        value["bandWidth"] * UNIT_BPS,
        read_transport(value["destCallSignalAddress"]),
        value["callModel"][0] == "gatekeeperRouted",
        value.get("irrFrequency"),
    )


def _brq(number: int, value: Value) -> BandwidthRequest:
    return BandwidthRequest(
        number,
        _name(value.get("endpointIdentifier", "")),
        _call(value),
        value["conferenceID"],
        value["callReferenceValue"],
        value["bandWidth"] * UNIT_BPS,
        _identifier(value),
    )


def _bcf(number: int, value: Value) -> BandwidthConfirm:
    return BandwidthConfirm(number, value["bandWidth"] * UNIT_BPS)


def _drq(number: int, value: Value) -> DisengageRequest:
    return DisengageRequest(
        number,
        _name(value.get("endpointIdentifier", "")),
        _call(value),
        value["conferenceID"],
        value["callReferenceValue"],
        bool(value.get("answeredCall", False)),
        _identifier(value),
    )


def _urq(number: int, value: Value) -> UnregistrationRequest:
    return UnregistrationRequest(
        number,
        _addresses(value["callSignalAddress"]),
        read_aliases(value.get("endpointAlias", ())),
        _name(value.get("endpointIdentifier", "")),
    )


def _lrq(number: int, value: Value) -> LocationRequest:
    reply = read_transport(value["replyAddress"])
    return LocationRequest(number, read_aliases(value["destinationInfo"]), reply)


def _lcf(number: int, value: Value) -> LocationConfirm:
    signalling = read_transport(value["callSignalAddress"])
    ras = read_transport(value["rasAddress"])
    if signalling is None or ras is None:
        raise ValueError("no IP address")
    return LocationConfirm(number, signalling, ras)


def _irq(number: int, value: Value) -> InfoRequest:
    reply = read_transport(value.get("replyAddress"))
    return InfoRequest(number, reply, _call(value), value["callReferenceValue"])


def _irr(number: int, value: Value) -> InfoResponse:
    return InfoResponse(
        number,
        _name(value.get("endpointIdentifier", "")),
        read_transport(value["rasAddress"]),
        _addresses(value["callSignalAddress"]),
        read_endpoint(value["endpointType"]),
        bool(value.get("needResponse", False)),
        tuple(_report(one) for one in value.get("perCallInfo", ())[:MAX_REPORTS]),
        bool(value.get("unsolicited", False)),
        value.get("irrStatus", ("",))[0] == "invalidCall",
    )


def _report(value: Value) -> Report:
    return Report(
        _call(value),
        value["conferenceID"],
        value["callReferenceValue"],
        bool(value.get("originator", False)),
        value["bandWidth"] * UNIT_BPS,
    )


def _rip(number: int, value: Value) -> InProgress:
    return InProgress(number, value["delay"])


_READERS: dict[str, Callable[[int, Value], Ras]] = {
    "gatekeeperRequest": _grq,
    "gatekeeperConfirm": _gcf,
    "registrationRequest": _rrq,
    "registrationConfirm": _rcf,
    "admissionRequest": _arq,
    "admissionConfirm": _acf,
    "bandwidthRequest": _brq,
    "bandwidthConfirm": _bcf,
    "disengageRequest": _drq,
    "unregistrationRequest": _urq,
    "locationRequest": _lrq,
    "locationConfirm": _lcf,
    "infoRequest": _irq,
    "infoRequestResponse": _irr,
    "requestInProgress": _rip,
}
