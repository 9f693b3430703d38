"""Logical channels of one call (H.245 section 8.4): those we opened, those the peer opened."""

from dataclasses import dataclass
from enum import Enum, auto

from sfu.model import Address, Kind
from sfu.signalling.h323.datatype import (
    H264,
    MODES,
    NON_INTERLEAVED,
    Camera,
    DataType,
    OldPicture,
    Sound,
)
from sfu.signalling.h323.description import Flow
from sfu.signalling.h323.h245 import OpenAck, OpenChannel


class Way(Enum):
    """How far a channel of ours is."""

    ASKED = auto()
    OPEN = auto()


@dataclass(slots=True)
class Outgoing:
    """A channel of ours: what we send."""

    asked: OpenChannel
    way: Way = Way.ASKED
    media: Address | None = None
    control: Address | None = None
    held: bool = False
    """flowControlToZero: nothing before a flowControlCommand."""
    max_bps: int = 0
    """By flowControlCommand, 0 without a limit."""

    def accepted(self, ack: OpenAck) -> None:
        """Take in where to send; port 0 is nowhere."""
        self.way, self.media, self.control = Way.OPEN, _place(ack.media), _place(ack.control)
        self.held = ack.hold

    @property
    def flows(self) -> bool:
        """Whether we may send."""
        return self.way is Way.OPEN and not self.held and self.media is not None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A channel of the peer: what it sends us."""

    number: int
    kind: Kind
    data: DataType
    payload_type: int | None
    mode: int
    """H.264 packetization."""
    control: Address | None


def _place(address: Address | None) -> Address | None:
    return address if address is not None and address.port else None


def kind_of(data: DataType) -> Kind | None:
    """Return the kind of media of what a channel carries; None for what we do not take."""
    match data:
        case Sound():
            return Kind.AUDIO
        case H264() | OldPicture():
            return Kind.VIDEO
        case Camera():
            return Kind.CAMERA
    return None


def incoming(asked: OpenChannel, kind: Kind) -> Incoming:
    """Make what we know of a channel the peer opens."""
    packing = asked.packetization
    payload = asked.payload_type
    if payload is None and packing is not None:
        payload = packing.payload_type
    mode = MODES.get(packing.oid, 0) if packing is not None else 0
    return Incoming(asked.number, kind, asked.data, payload, mode, asked.control)


def flow(kind: Kind, out: Outgoing | None, into: Incoming | None) -> Flow:
    """Tell what flows by the channels of one kind of media."""
    rtp = out.media if out is not None and out.way is Way.OPEN else None
    rtcp = out.control if out is not None and out.way is Way.OPEN else None
    if rtcp is None and into is not None:
        rtcp = into.control
    packing = out.asked.packetization if out is not None else None
    return Flow(
        kind,
        rtp,
        rtcp,
        out.asked.data if out is not None and out.flows else None,
        out.asked.payload_type if out is not None else None,
        into.data if into is not None else None,
        into.payload_type if into is not None else None,
        out.max_bps if out is not None else 0,
        1 if packing is not None and packing.oid == NON_INTERLEAVED else 0,
        into.mode if into is not None else 0,
    )
