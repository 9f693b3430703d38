"""What a logical channel or capability is about (H.245 DataType), and its octets' values.

Rates are bit/s here and units of 100 bit/s on the wire; the parameters of H.264 stand in H.241.
"""

from dataclasses import dataclass, field

from sfu.model import Codec
from sfu.signalling.h323.per import Value

H264_CAPABILITY = (0, 0, 8, 241, 0, 0, 1)
SINGLE_NAL = (0, 0, 8, 241, 0, 0, 0, 0)
"""Packetization of H.241 Annex A: RFC 6184's mode 0."""
NON_INTERLEAVED = (0, 0, 8, 241, 0, 0, 0, 1)
"""RFC 6184's mode 1."""
PROFILE, LEVEL = 41, 42
MAX_MBPS, MAX_FS, MAX_DPB, MAX_BR, MAX_SMBPS = 3, 4, 5, 6, 7
BASELINE = 64
"""In the boolean array of parameter 41; 32 is main, 8 high."""
UNIT_BPS = 100
FRAMES_MOST = 256
MODES: dict[tuple[int, ...], int] = {SINGLE_NAL: 0, NON_INTERLEAVED: 1}

SOUNDS = {
    "g722-64k": Codec.G722,
    "g711Alaw64k": Codec.PCMA,
    "g711Ulaw64k": Codec.PCMU,
}
SOUND_NAMES = {codec: name for name, codec in SOUNDS.items()}


@dataclass(frozen=True, slots=True)
class Sound:
    """G.711 or G.722."""

    codec: Codec
    frames: int = 20
    """Milliseconds a packet; some stacks count samples, so of a peer's it is only a word."""


@dataclass(frozen=True, slots=True)
class H264:
    """H.264 by H.241; parameters of its collapsing list by number, `PROFILE` and `LEVEL` first."""

    max_bps: int
    parameters: tuple[tuple[int, int], ...] = ((PROFILE, BASELINE), (LEVEL, 71))
    modes: frozenset[int] = frozenset()
    """Packetizations its `mediaPacketization` names; empty where it names none."""

    def parameter(self, number: int) -> int:
        """Return a parameter, 0 where it is not told."""
        return next((value for one, value in self.parameters if one == number), 0)


@dataclass(frozen=True, slots=True)
class OldPicture:
    """H.263 or H.261."""

    codec: Codec
    max_bps: int
    intervals: tuple[tuple[str, int], ...]
    """(sqcif, qcif, cif, 4cif or 16cif; least interval in units of 1/29.97 s)."""


@dataclass(frozen=True, slots=True)
class Camera:
    """Far-end camera control: H.224 in HDLC frames."""

    max_bps: int = 6_400


@dataclass(frozen=True, slots=True)
class Slides:
    """A second picture by H.239: refused until content can be shared."""

    max_bps: int = 0


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Anything else, by the name the standard gives it."""

    name: str
    kind: str = ""
    """audio, video, data, or "" for others."""


DataType = Sound | H264 | OldPicture | Camera | Slides | Unsupported


# ---- reading


def read_sound(value: Value) -> DataType:
    """Read an AudioCapability."""
    name, detail = value
    codec = SOUNDS.get(name)
    return Sound(codec, detail) if codec is not None else Unsupported(name, "audio")


def read_picture(value: Value) -> DataType:
    """Read a VideoCapability."""
    name, detail = value
    if name == "genericVideoCapability" and _oid(detail["capabilityIdentifier"]) == H264_CAPABILITY:
        return _read_h264(detail)
    if name in _OLD:
        return _read_old(name, detail)
    if name == "extendedVideoCapability":
        return Slides()
    return Unsupported(name, "video")


def _read_h264(detail: Value) -> H264:
    found: dict[int, int] = {}
    for each in (*detail.get("collapsing", ()), *detail.get("nonCollapsing", ())):
        kind, number = each["parameterIdentifier"]
        content, value = each["parameterValue"]
        if kind == "standard" and content in _NUMBERS:
            found.setdefault(number, value)
    rate = min(detail.get("maxBitRate", 0), 1_000_000) * UNIT_BPS
    return H264(rate, tuple(found.items()))


_NUMBERS = frozenset(
    ("unsignedMin", "unsignedMax", "unsigned32Min", "unsigned32Max", "booleanArray")
)
_OLD = {"h263VideoCapability": Codec.H263, "h261VideoCapability": Codec.H261}
_SIZES = ("sqcif", "qcif", "cif", "cif4", "cif16")


def _read_old(name: str, detail: Value) -> OldPicture:
    sizes = tuple((one, detail[f"{one}MPI"]) for one in _SIZES if detail.get(f"{one}MPI"))
    return OldPicture(_OLD[name], detail["maxBitRate"] * UNIT_BPS, sizes)


def read_data(value: Value) -> DataType:
    """Read a DataApplicationCapability."""
    name, detail = value["application"]
    if name == "h224" and detail[0] == "hdlcFrameTunnelling":
        return Camera(value["maxBitRate"] * UNIT_BPS)
    return Unsupported(name, "data")


def read_data_type(value: Value) -> DataType:
    """Read the DataType of a logical channel."""
    name, detail = value
    match name:
        case "audioData":
            return read_sound(detail)
        case "videoData":
            return read_picture(detail)
        case "data":
            return read_data(detail)
    return Unsupported(name)


def _oid(identifier: Value) -> Value:
    return identifier[1] if identifier[0] == "standard" else None


# ---- writing


def write_sound(sound: Sound) -> Value:
    """Make an AudioCapability."""
    return SOUND_NAMES[sound.codec], min(max(sound.frames, 1), FRAMES_MOST)


def write_picture(picture: H264 | OldPicture) -> Value:
    """Make a VideoCapability."""
    if isinstance(picture, OldPicture):
        return _write_old(picture)
    collapsing = [
        {
            "parameterIdentifier": ("standard", number),
            "parameterValue": ("booleanArray" if number == PROFILE else "unsignedMin", value),
        }
        for number, value in picture.parameters
    ]
    return "genericVideoCapability", {
        "capabilityIdentifier": ("standard", H264_CAPABILITY),
        "maxBitRate": picture.max_bps // UNIT_BPS,
        "collapsing": collapsing,
    }


def _write_old(picture: OldPicture) -> Value:
    value: dict[str, Value] = {f"{size}MPI": interval for size, interval in picture.intervals}
    value |= {
        "maxBitRate": max(picture.max_bps // UNIT_BPS, 1),
        "temporalSpatialTradeOffCapability": False,
    }
    if picture.codec is Codec.H261:
        return "h261VideoCapability", value | {"stillImageTransmission": False}
    flags = ("unrestrictedVector", "arithmeticCoding", "advancedPrediction", "pbFrames")
    return "h263VideoCapability", value | {
        **dict.fromkeys(flags, False),
        "errorCompensation": False,
    }


def write_data(camera: Camera) -> Value:
    """Make a DataApplicationCapability."""
    tunnelling = ("hdlcFrameTunnelling", 0)
    return {"application": ("h224", tunnelling), "maxBitRate": camera.max_bps // UNIT_BPS}


def write_data_type(data: DataType) -> Value:
    """Make the DataType of a logical channel; only of what we open."""
    match data:
        case Sound():
            return "audioData", write_sound(data)
        case H264() | OldPicture():
            return "videoData", write_picture(data)
        case Camera():
            return "data", write_data(data)
    raise AssertionError(f"no channel of {data}")


@dataclass(frozen=True, slots=True)
class Packetization:
    """How a picture is packed (RTPPayloadType): by an object identifier or an RFC's number."""

    payload_type: int | None
    oid: tuple[int, ...] = field(default=())
    rfc: int = 0


def read_packetization(value: Value) -> Packetization:
    """Read an RTPPayloadType."""
    name, detail = value["payloadDescriptor"]
    payload_type = value.get("payloadType")
    if name == "oid":
        return Packetization(payload_type, tuple(detail))
    return Packetization(payload_type, rfc=detail if name == "rfc-number" else 0)


def write_packetization(packetization: Packetization) -> Value:
    """Make an RTPPayloadType."""
    value: dict[str, Value] = {
        "payloadDescriptor": ("oid", packetization.oid)
        if packetization.oid
        else ("rfc-number", packetization.rfc)
    }
    if packetization.payload_type is not None:
        value["payloadType"] = packetization.payload_type
    return value
