"""Messages of H.245 out of their octets and into them: aligned PER, by `per`.

What the standard has and we do not use is read as `Unknown`, by its name alone.
"""

from collections.abc import Callable

from sfu.errors import PeerError
from sfu.signalling.h323.capset import CapabilitySet, read_set, write_set
from sfu.signalling.h323.datatype import (
    UNIT_BPS,
    Unsupported,
    read_data_type,
    read_packetization,
    write_data_type,
    write_packetization,
)
from sfu.signalling.h323.h245 import (
    H245,
    CloseAck,
    CloseChannel,
    Command,
    Determination,
    DeterminationAck,
    DeterminationReject,
    EndSession,
    FlowControl,
    Generic,
    ModeReject,
    ModeRequest,
    NotUnderstood,
    OpenAck,
    OpenChannel,
    OpenReject,
    RequestClose,
    RequestCloseAck,
    RoundTrip,
    RoundTripResponse,
    SendSet,
    SetAck,
    SetReject,
    Unknown,
    UserInput,
)
from sfu.signalling.h323.per import Pdu, Value, decode, encode
from sfu.signalling.h323.transport import read_unicast, write_unicast

NUMBER_MOST = 65_535
"""Of a parameter's value, as far as we may have to say it back (unsignedMin)."""
RATE_MOST = 16_777_215
"""Units of 100 bit/s in a flowControlCommand."""


def read(octets: bytes) -> H245:
    """Read a message; PeerError where it is not H.245."""
    try:
        kind, (name, value) = decode(Pdu.H245, octets)
        reader = _READERS.get(name)
        return reader(value) if reader is not None else Unknown(kind, name)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        # an extension of the standard that the library skipped
        raise PeerError(f"H.245: {type(error).__name__}") from None


def _read_open(value: Value) -> OpenChannel:
    forward = value["forwardLogicalChannelParameters"]
    name, parameters = forward["multiplexParameters"]
    reverse = value.get("reverseLogicalChannelParameters")
    number = value["forwardLogicalChannelNumber"]
    data = read_data_type(forward["dataType"])
    if name != "h2250LogicalChannelParameters":
        return OpenChannel(number, Unsupported(name), 0, None)
    packing = parameters.get("mediaPacketization")
    packed = packing is not None and packing[0] == "rtpPayloadType"
    return OpenChannel(
        number,
        data,
        parameters["sessionID"],
        read_unicast(parameters.get("mediaControlChannel")),
        read_unicast(parameters.get("mediaChannel")),
        parameters.get("dynamicRTPPayloadType"),
        read_packetization(packing[1]) if packed else None,
        read_data_type(reverse["dataType"]) if reverse else None,
    )


def _read_open_ack(value: Value) -> OpenAck:
    name, found = value.get("forwardMultiplexAckParameters", ("", {}))
    parameters = found if name == "h2250LogicalChannelAckParameters" else {}
    return OpenAck(
        value["forwardLogicalChannelNumber"],
        parameters.get("sessionID"),
        read_unicast(parameters.get("mediaChannel")),
        read_unicast(parameters.get("mediaControlChannel")),
        parameters.get("dynamicRTPPayloadType"),
        bool(parameters.get("flowControlToZero", False)),
    )


def _read_flow(value: Value) -> FlowControl:
    scope, channel = value["scope"]
    kind, rate = value["restriction"]
    number = channel if scope == "logicalChannelNumber" else None
    return FlowControl(number, rate * UNIT_BPS if kind == "maximumBitRate" else None)


KEYS = frozenset("0123456789*#ABCD")


def _read_input(value: Value) -> UserInput:
    name, detail = value
    text = ""
    if name == "alphanumeric":
        text = detail
    elif name == "signal":
        text = detail["signalType"]
    elif name == "extendedAlphanumeric":
        text = detail["alphanumeric"]
    return UserInput("".join(key for key in str(text)[:64].upper() if key in KEYS))


def _read_generic(kind: str, value: Value) -> Generic:
    form, identifier = value["messageIdentifier"]
    content = []
    for each in value.get("messageContent", ())[:32]:
        name, number = each["parameterIdentifier"]
        shape, found = each["parameterValue"]
        if name == "standard" and isinstance(found, int) and 0 <= found <= NUMBER_MOST:
            content.append((number, 1 if shape == "logical" else found))
    oid = tuple(identifier) if form == "standard" else ()
    return Generic(kind, oid, value.get("subMessageIdentifier"), tuple(content))


_NUMBER = "forwardLogicalChannelNumber"
_READERS: dict[str, Callable[[Value], H245]] = {
    "terminalCapabilitySet": read_set,
    "terminalCapabilitySetAck": lambda v: SetAck(v["sequenceNumber"]),
    "terminalCapabilitySetReject": lambda v: SetReject(v["sequenceNumber"], v["cause"][0]),
    "masterSlaveDetermination": lambda v: Determination(
        v["terminalType"], v["statusDeterminationNumber"]
    ),
    "masterSlaveDeterminationAck": lambda v: DeterminationAck(v["decision"][0] == "master"),
    "masterSlaveDeterminationReject": lambda _: DeterminationReject(),
    "openLogicalChannel": _read_open,
    "openLogicalChannelAck": _read_open_ack,
    "openLogicalChannelReject": lambda v: OpenReject(v[_NUMBER], v["cause"][0]),
    "closeLogicalChannel": lambda v: CloseChannel(v[_NUMBER]),
    "closeLogicalChannelAck": lambda v: CloseAck(v[_NUMBER]),
    "requestChannelClose": lambda v: RequestClose(v[_NUMBER]),
    "requestChannelCloseAck": lambda v: RequestCloseAck(v[_NUMBER]),
    "roundTripDelayRequest": lambda v: RoundTrip(v["sequenceNumber"]),
    "roundTripDelayResponse": lambda v: RoundTripResponse(v["sequenceNumber"]),
    "requestMode": lambda v: ModeRequest(v["sequenceNumber"]),
    "requestModeReject": lambda v: ModeReject(v["sequenceNumber"]),
    "miscellaneousCommand": lambda v: Command(v["logicalChannelNumber"], v["type"][0]),
    "flowControlCommand": _read_flow,
    "endSessionCommand": lambda _: EndSession(),
    "sendTerminalCapabilitySet": lambda _: SendSet(),
    "userInput": _read_input,
    "functionNotUnderstood": lambda _: NotUnderstood(),
    "functionNotSupported": lambda _: NotUnderstood(),
    "genericRequest": lambda v: _read_generic("request", v),
    "genericResponse": lambda v: _read_generic("response", v),
    "genericCommand": lambda v: _read_generic("command", v),
    "genericIndication": lambda v: _read_generic("indication", v),
}


def write(message: H245) -> bytes:
    """Put a message into octets; only of those we send."""
    return encode(Pdu.H245, _value(message))


def _value(message: H245) -> Value:
    match message:
        case CapabilitySet():
            return "request", ("terminalCapabilitySet", write_set(message))
        case SetAck():
            return _response("terminalCapabilitySetAck", {"sequenceNumber": message.sequence})
        case SetReject():
            value = {"sequenceNumber": message.sequence, "cause": (message.cause, 0)}
            return _response("terminalCapabilitySetReject", value)
        case Determination():
            numbers = {
                "terminalType": message.terminal_type,
                "statusDeterminationNumber": message.number,
            }
            return "request", ("masterSlaveDetermination", numbers)
        case DeterminationAck():
            decision = ("master" if message.master else "slave", 0)
            return _response("masterSlaveDeterminationAck", {"decision": decision})
        case DeterminationReject():
            cause = {"cause": ("identicalNumbers", 0)}
            return _response("masterSlaveDeterminationReject", cause)
        case RoundTrip():
            return "request", ("roundTripDelayRequest", {"sequenceNumber": message.sequence})
        case RoundTripResponse():
            return _response("roundTripDelayResponse", {"sequenceNumber": message.sequence})
        case ModeReject():
            value = {"sequenceNumber": message.sequence, "cause": ("requestDenied", 0)}
            return _response("requestModeReject", value)
        case EndSession():
            return "command", ("endSessionCommand", ("disconnect", 0))
        case UserInput():
            return "indication", ("userInput", ("alphanumeric", message.keys))
    return _channel_value(message)


def _channel_value(message: H245) -> Value:
    match message:
        case OpenChannel():
            return "request", ("openLogicalChannel", _write_open(message))
        case OpenAck():
            return _response("openLogicalChannelAck", _write_open_ack(message))
        case OpenReject():
            value = {_NUMBER: message.number, "cause": (message.cause, 0)}
            return _response("openLogicalChannelReject", value)
        case CloseChannel():
            value = {_NUMBER: message.number, "source": ("lcse", 0)}
            return "request", ("closeLogicalChannel", value)
        case CloseAck():
            return _response("closeLogicalChannelAck", {_NUMBER: message.number})
        case RequestClose():
            value = {_NUMBER: message.number, "reason": ("normal", 0)}
            return "request", ("requestChannelClose", value)
        case RequestCloseAck():
            return _response("requestChannelCloseAck", {_NUMBER: message.number})
        case Command():
            value = {"logicalChannelNumber": message.number, "type": (message.type, 0)}
            return "command", ("miscellaneousCommand", value)
        case FlowControl():
            return "command", ("flowControlCommand", _write_flow(message))
        case Generic():
            return message.kind, (f"generic{message.kind.capitalize()}", _write_generic(message))
        case Unknown(kind="request"):
            return "indication", ("functionNotSupported", {"cause": ("unknownFunction", 0)})
    raise AssertionError(f"not ours to send: {message}")


def _response(name: str, value: Value) -> Value:
    return "response", (name, value)


def _write_open(message: OpenChannel) -> Value:
    parameters: dict[str, Value] = {
        "sessionID": message.session,
        "mediaGuaranteedDelivery": False,
        "mediaControlGuaranteedDelivery": False,
    }
    if message.control:
        parameters["mediaControlChannel"] = write_unicast(message.control)
    if message.media:
        parameters["mediaChannel"] = write_unicast(message.media)
    if message.payload_type is not None:
        parameters["dynamicRTPPayloadType"] = message.payload_type
    if message.packetization:
        packing = write_packetization(message.packetization)
        parameters["mediaPacketization"] = ("rtpPayloadType", packing)
    return {
        _NUMBER: message.number,
        "forwardLogicalChannelParameters": {
            "dataType": write_data_type(message.data),
            "multiplexParameters": ("h2250LogicalChannelParameters", parameters),
        },
    }


def _write_open_ack(message: OpenAck) -> Value:
    parameters: dict[str, Value] = {"flowControlToZero": message.hold}
    if message.session is not None:
        parameters["sessionID"] = message.session
    if message.media:
        parameters["mediaChannel"] = write_unicast(message.media)
    if message.control:
        parameters["mediaControlChannel"] = write_unicast(message.control)
    if message.payload_type is not None:
        parameters["dynamicRTPPayloadType"] = message.payload_type
    return {
        _NUMBER: message.number,
        "forwardMultiplexAckParameters": ("h2250LogicalChannelAckParameters", parameters),
    }


def _write_flow(message: FlowControl) -> Value:
    scope: Value = ("wholeMultiplex", 0)
    if message.number is not None:
        scope = ("logicalChannelNumber", message.number)
    restriction: Value = ("noRestriction", 0)
    if message.max_bps is not None:
        restriction = ("maximumBitRate", min(message.max_bps // UNIT_BPS, RATE_MOST))
    return {"scope": scope, "restriction": restriction}


def _write_generic(message: Generic) -> Value:
    content = [
        {
            "parameterIdentifier": ("standard", number),
            "parameterValue": ("logical", 0) if number in _FLAGS else ("unsignedMin", value),
        }
        for number, value in message.content
    ]
    value: dict[str, Value] = {"messageIdentifier": ("standard", message.identifier)}
    if message.sub is not None:
        value["subMessageIdentifier"] = message.sub
    if content:
        value["messageContent"] = content
    return value


_FLAGS = frozenset({126, 127})
"""Acknowledge and reject of H.239 (table 10): they are there or not."""
