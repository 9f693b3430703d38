"""Writing RAS: a message to the octets of a datagram, signed where there is a password for it."""

from collections.abc import Iterable
from typing import assert_never

from sfu.model import Address
from sfu.signalling.h323.alias import Alias, write_aliases
from sfu.signalling.h323.h225 import PROTOCOL, write_endpoint
from sfu.signalling.h323.per import Pdu, Value, encode
from sfu.signalling.h323.ras import (
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
from sfu.signalling.h323.token import MessageHash, Proof, sign, write_proof
from sfu.signalling.h323.transport import write_transport

TOP_BANDWIDTH = 0xFFFF_FFFF
NO_UUIES = dict.fromkeys(
    (
        "setup", "callProceeding", "connect", "alerting", "information", "releaseComplete",
        "facility", "progress", "empty", "status", "statusInquiry", "setupAcknowledge", "notify",
    ),
    False,
)  # fmt: skip
"""Copies of call signalling that a gatekeeper may ask for: none."""
SHORT_REJECTS = frozenset({"unregistrationReject", "disengageReject", "bandwidthReject",
                           "locationReject", "admissionReject"})  # fmt: skip
"""Those without protocolIdentifier."""


def write(message: Ras, proofs: Iterable[Proof] = (), password: str = "") -> bytes:
    """Put a message into octets; `password` is that of a `MessageHash` among the proofs."""
    name, value = _value(message)
    proofs = tuple(proofs)
    if proofs:
        value["cryptoTokens"] = [write_proof(one) for one in proofs]
    octets = encode(Pdu.RAS, (name, value))
    signed = any(isinstance(one, MessageHash) for one in proofs)
    return sign(octets, password) if signed and password else octets


def _value(message: Ras) -> tuple[str, dict[str, Value]]:
    head: dict[str, Value] = {"requestSeqNum": message.number}
    match message:
        case GatekeeperRequest() | GatekeeperConfirm():
            return _discovery(message, head)
        case RegistrationRequest() | RegistrationConfirm() | UnregistrationRequest():
            return _registration(message, head)
        case AdmissionRequest() | AdmissionConfirm() | BandwidthRequest() | BandwidthConfirm():
            return _admission(message, head)
        case DisengageRequest():
            return "disengageRequest", head | _of_call(message) | {
                "disengageReason": ("normalDrop", 0),
                "answeredCall": message.answered,
            }
        case LocationRequest() | LocationConfirm():
            return _location(message, head)
        case InfoRequest() | InfoResponse():
            return _information(message, head)
        case Confirm(name):
            if name == "resourcesAvailableConfirm":
                head["protocolIdentifier"] = PROTOCOL
            return name, head
        case Reject():
            return _reject(message, head)
        case InProgress():
            return "requestInProgress", head | {"delay": message.delay_ms}
        case UnknownRas():
            return "unknownMessageResponse", head
        case _:
            assert_never(message)


def _named(value: dict[str, Value], gatekeeper: str) -> dict[str, Value]:
    return value | {"gatekeeperIdentifier": gatekeeper} if gatekeeper else value


def _aliased(value: dict[str, Value], key: str, aliases: Iterable[Alias]) -> dict[str, Value]:
    written = write_aliases(aliases)
    return value | {key: written} if written else value


def _addresses(addresses: Iterable[Address]) -> list[Value]:
    return [write_transport(one) for one in addresses]


def _discovery(
    message: GatekeeperRequest | GatekeeperConfirm, head: dict[str, Value]
) -> tuple[str, dict[str, Value]]:
    head["protocolIdentifier"] = PROTOCOL
    assert message.ras is not None
    head["rasAddress"] = write_transport(message.ras)
    head = _named(head, message.gatekeeper)
    if isinstance(message, GatekeeperConfirm):
        if message.algorithm is not None:
            head["authenticationMode"] = ("pwdHash", 0)
            head["algorithmOID"] = message.algorithm
        return "gatekeeperConfirm", head
    head["endpointType"] = write_endpoint(message.endpoint)
    if message.algorithms:
        head["authenticationCapability"] = [("pwdHash", 0)]
        head["algorithmOIDs"] = list(message.algorithms)
    return "gatekeeperRequest", _aliased(head, "endpointAlias", message.aliases)


def _registration(
    message: RegistrationRequest | RegistrationConfirm | UnregistrationRequest,
    head: dict[str, Value],
) -> tuple[str, dict[str, Value]]:
    head["callSignalAddress"] = _addresses(message.signalling)
    if message.identifier:
        head["endpointIdentifier"] = message.identifier
    if isinstance(message, UnregistrationRequest):
        return "unregistrationRequest", _aliased(head, "endpointAlias", message.aliases)
    head = _named(head, message.gatekeeper) | {"protocolIdentifier": PROTOCOL}
    head = _aliased(head, "terminalAlias", message.aliases) | {"maintainConnection": False}
    if message.ttl_s is not None:
        head["timeToLive"] = message.ttl_s
    if isinstance(message, RegistrationConfirm):
        return "registrationConfirm", head | {"willRespondToIRR": False}
    endpoint = write_endpoint(message.endpoint)
    return "registrationRequest", head | {
        "discoveryComplete": True,
        "rasAddress": _addresses(message.ras),
        "terminalType": endpoint,
        "endpointVendor": endpoint["vendor"],
        "keepAlive": message.keep_alive,
        "willSupplyUUIEs": False,
    }


def _of_call(message: AdmissionRequest | BandwidthRequest | DisengageRequest) -> dict[str, Value]:
    value: dict[str, Value] = {
        "endpointIdentifier": message.identifier,
        "conferenceID": message.conference,
        "callReferenceValue": message.reference,
    }
    if message.call:
        value["callIdentifier"] = {"guid": message.call}
    return _named(value, message.gatekeeper)


def _admission(
    message: AdmissionRequest | AdmissionConfirm | BandwidthRequest | BandwidthConfirm,
    head: dict[str, Value],
) -> tuple[str, dict[str, Value]]:
    head["bandWidth"] = min(message.rate_bps // UNIT_BPS, TOP_BANDWIDTH)
    match message:
        case BandwidthConfirm():
            return "bandwidthConfirm", head
        case BandwidthRequest():
            return "bandwidthRequest", head | _of_call(message)
        case AdmissionConfirm():
            assert message.signalling is not None
            if message.report_s is not None:
                head["irrFrequency"] = message.report_s
            return "admissionConfirm", head | {
                "callModel": ("gatekeeperRouted" if message.routed else "direct", 0),
                "destCallSignalAddress": write_transport(message.signalling),
                "willRespondToIRR": False,
                "uuiesRequested": dict(NO_UUIES),
            }
        case AdmissionRequest():
            return "admissionRequest", _asked(message, head | _of_call(message))


def _asked(message: AdmissionRequest, value: dict[str, Value]) -> dict[str, Value]:
    value |= {
        "callType": ("pointToPoint", 0),
        "srcInfo": write_aliases(message.source),
        "activeMC": False,
        "answerCall": message.answering,
        "canMapAlias": False,
        "willSupplyUUIEs": False,
    }
    if message.destination_address is not None:
        value["destCallSignalAddress"] = write_transport(message.destination_address)
    return _aliased(value, "destinationInfo", message.destination)


def _location(
    message: LocationRequest | LocationConfirm, head: dict[str, Value]
) -> tuple[str, dict[str, Value]]:
    if isinstance(message, LocationConfirm):
        head["callSignalAddress"] = write_transport(message.signalling)
        return "locationConfirm", head | {"rasAddress": write_transport(message.ras)}
    assert message.reply is not None
    destination = write_aliases(message.destination)
    reply = write_transport(message.reply)
    return "locationRequest", head | {"destinationInfo": destination, "replyAddress": reply}


def _information(
    message: InfoRequest | InfoResponse, head: dict[str, Value]
) -> tuple[str, dict[str, Value]]:
    if isinstance(message, InfoRequest):
        head["callReferenceValue"] = message.reference
        if message.call:
            head["callIdentifier"] = {"guid": message.call}
        if message.reply is not None:
            head["replyAddress"] = write_transport(message.reply)
        return "infoRequest", head
    assert message.ras is not None
    if message.calls:
        head["perCallInfo"] = [_reported(one) for one in message.calls]
    if message.unknown_call:
        head["irrStatus"] = ("invalidCall", 0)
    return "infoRequestResponse", head | {
        "endpointType": write_endpoint(message.endpoint),
        "endpointIdentifier": message.identifier,
        "rasAddress": write_transport(message.ras),
        "callSignalAddress": _addresses(message.signalling),
        "needResponse": message.wants_answer,
        "unsolicited": message.unsolicited,
    }


def _reported(call: Report) -> Value:
    return {
        "callReferenceValue": call.reference,
        "conferenceID": call.conference,
        "originator": call.originator,
        "h245": {},
        "callSignalling": {},
        "callType": ("pointToPoint", 0),
        "bandWidth": min(call.rate_bps // UNIT_BPS, TOP_BANDWIDTH),
        "callModel": ("direct", 0),
        "callIdentifier": {"guid": call.call},
        "substituteConfIDs": [],
    }


def _reject(message: Reject, head: dict[str, Value]) -> tuple[str, dict[str, Value]]:
    empty: Value = [] if message.reason == "duplicateAlias" else 0
    if message.name == "infoRequestNak":
        return message.name, head | {"nakReason": (message.reason, empty)}
    head["rejectReason"] = (message.reason, empty)
    if message.name == "bandwidthReject":
        head["allowedBandWidth"] = min(message.allowed_bps // UNIT_BPS, TOP_BANDWIDTH)
    if message.name not in SHORT_REJECTS:
        head["protocolIdentifier"] = PROTOCOL
        head = _named(head, message.gatekeeper)
    return message.name, head
