"""terminalCapabilitySet: what an endpoint takes, by numbered entries, and what goes together."""

from dataclasses import dataclass

from sfu.errors import PeerError
from sfu.signalling.h323.datatype import (
    H264,
    MODES,
    Camera,
    DataType,
    OldPicture,
    Packetization,
    Sound,
    Unsupported,
    read_data,
    read_packetization,
    read_picture,
    read_sound,
    write_data,
    write_packetization,
    write_picture,
    write_sound,
)
from sfu.signalling.h323.per import Value

PROTOCOL = (0, 0, 8, 245, 0, 13)
"""H.245 version 13, as the units in the field say."""
MAX_ENTRIES = 256
MAX_PACKETIZATIONS = 32


@dataclass(frozen=True, slots=True)
class Ability:
    """One entry: a stream it can receive (or both ways), or another faculty."""

    number: int
    what: DataType
    receives: bool = True


@dataclass(frozen=True, slots=True)
class CapabilitySet:
    """All of it; without abilities: send me nothing for now (H.323 section 8.4.6)."""

    sequence: int
    abilities: tuple[Ability, ...] = ()
    packetizations: tuple[Packetization, ...] = ()
    keys: bool = True
    """It takes user input."""
    telephone_event: int | None = None
    """Payload type in which it takes RFC 4733 keys."""

    @property
    def modes(self) -> frozenset[int]:
        """H.264 packetization modes it names; H.241 has mode 0 where it names none."""
        return frozenset(MODES[one.oid] for one in self.packetizations if one.oid in MODES)

    def takes(self, kind: type[DataType]) -> tuple[Ability, ...]:
        """Return the entries of one kind that it receives, as it ordered them."""
        return tuple(one for one in self.abilities if one.receives and isinstance(one.what, kind))


# ---- reading


def read_set(value: Value) -> CapabilitySet:
    """Read a TerminalCapabilitySet."""
    table = value.get("capabilityTable", ())
    if len(table) > MAX_ENTRIES:
        raise PeerError("too many capabilities")
    abilities, keys, event = [], False, None
    for entry in table:
        if "capability" not in entry:
            continue  # it withdraws one by its number
        name, detail = entry["capability"]
        keys = keys or name.endswith("UserInputCapability")
        if name == "receiveRTPAudioTelephonyEventCapability":
            event = detail["dynamicRTPPayloadType"]
        elif (found := _ability(entry["capabilityTableEntryNumber"], name, detail)) is not None:
            abilities.append(found)
    multiplex = value.get("multiplexCapability")
    return CapabilitySet(
        value["sequenceNumber"], tuple(abilities), _packetizations(multiplex), keys, event
    )


def _ability(number: int, name: str, detail: Value) -> Ability | None:
    receives = name.startswith("receive")
    if name.endswith("AudioCapability"):
        return Ability(number, read_sound(detail), receives)
    if name.endswith("VideoCapability"):
        return Ability(number, read_picture(detail), receives)
    if name.endswith("DataApplicationCapability"):
        return Ability(number, read_data(detail), receives)
    if name.endswith("UserInputCapability"):
        return None
    return Ability(number, Unsupported(name), receives=False)


def _packetizations(multiplex: Value) -> tuple[Packetization, ...]:
    if multiplex is None or multiplex[0] != "h2250Capability":
        return ()
    named = multiplex[1]["mediaPacketizationCapability"].get("rtpPayloadType", ())
    return tuple(read_packetization(one) for one in named[:MAX_PACKETIZATIONS])


# ---- writing

_NO_DISTRIBUTION = {
    "centralizedControl": False,
    "distributedControl": False,
    "centralizedAudio": False,
    "distributedAudio": False,
    "centralizedVideo": False,
    "distributedVideo": False,
}
_UNICAST_ONLY = {
    "multicastCapability": False,
    "multiUniCastConference": False,
    "mediaDistributionCapability": [_NO_DISTRIBUTION],
}


def write_set(message: CapabilitySet) -> Value:
    """Make a TerminalCapabilitySet; sounds, pictures and others each are one of several."""
    value: dict[str, Value] = {
        "sequenceNumber": message.sequence,
        "protocolIdentifier": PROTOCOL,
    }
    if not message.abilities:
        return value  # empty: a pause
    table = [
        {"capabilityTableEntryNumber": one.number, "capability": _capability(one.what)}
        for one in message.abilities
    ]
    last = max(one.number for one in message.abilities)
    together = [
        [one.number for one in message.abilities if isinstance(one.what, kinds)]
        for kinds in ((Sound,), (H264, OldPicture), (Camera,))
    ]
    for keys in ("dtmf", "basicString") if message.keys else ():
        last += 1
        table.append(
            {
                "capabilityTableEntryNumber": last,
                "capability": ("receiveUserInputCapability", (keys, 0)),
            }
        )
        together.append([last])
    if message.telephone_event is not None:
        last += 1
        event = {
            "dynamicRTPPayloadType": message.telephone_event,
            "audioTelephoneEvent": "0-16",
        }
        table.append(
            {
                "capabilityTableEntryNumber": last,
                "capability": ("receiveRTPAudioTelephonyEventCapability", event),
            }
        )
        together.append([last])
    value["multiplexCapability"] = ("h2250Capability", _multiplex(message))
    value["capabilityTable"] = table
    value["capabilityDescriptors"] = [
        {
            "capabilityDescriptorNumber": 0,
            "simultaneousCapabilities": [one for one in together if one],
        }
    ]
    return value


def _capability(what: DataType) -> Value:
    match what:
        case Sound():
            return "receiveAudioCapability", write_sound(what)
        case H264() | OldPicture():
            return "receiveVideoCapability", write_picture(what)
        case Camera():
            return "receiveAndTransmitDataApplicationCapability", write_data(what)
    raise AssertionError(f"not ours to offer: {what}")


def _multiplex(message: CapabilitySet) -> Value:
    packing: dict[str, Value] = {"h261aVideoPacketization": False}
    if message.packetizations:
        packing["rtpPayloadType"] = [write_packetization(one) for one in message.packetizations]
    return {
        "maximumAudioDelayJitter": 250,
        "receiveMultipointCapability": _UNICAST_ONLY,
        "transmitMultipointCapability": _UNICAST_ONLY,
        "receiveAndTransmitMultipointCapability": _UNICAST_ONLY,
        "mcCapability": {"centralizedConferenceMC": False, "decentralizedConferenceMC": False},
        "rtcpVideoControlCapability": False,
        "mediaPacketizationCapability": packing,
        "logicalChannelSwitchingCapability": False,
        "t120DynamicPortCapability": False,
    }
