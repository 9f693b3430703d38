"""What a room is told."""

from dataclasses import dataclass

from sfu.model import Codec, MemberId, Protocol
from sfu.signalling.capability import Capability


@dataclass(frozen=True, slots=True)
class MemberJoined:
    """Somebody is in."""

    member: MemberId
    name: str
    protocol: Protocol
    capability: Capability


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """Somebody is out, for whatever reason."""

    member: MemberId


@dataclass(frozen=True, slots=True)
class CapabilityChanged:
    """A member renegotiated: hold, resume, other codecs, other tiles."""

    member: MemberId
    capability: Capability


@dataclass(frozen=True, slots=True)
class PictureStarted:
    """Video of a member arrives, in this codec; said again when the codec changes."""

    member: MemberId
    codec: Codec


@dataclass(frozen=True, slots=True)
class PictureStopped:
    """No video of this member arrives (camera off, hold, or two seconds without a packet)."""

    member: MemberId


@dataclass(frozen=True, slots=True)
class SoundStarted:
    """Sound of a member arrives, in this codec; said again when the codec changes."""

    member: MemberId
    codec: Codec


@dataclass(frozen=True, slots=True)
class SoundStopped:
    """No sound of this member arrives (muted, hold, or two seconds without a packet)."""

    member: MemberId


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """Loudness of the members heard since the last time: 0 dBov loudest, 127 silent (RFC 6464)."""

    levels: tuple[tuple[MemberId, int], ...]


@dataclass(frozen=True, slots=True)
class SoundRuleSet:
    """How a member that plays several streams is served: 3 or 1 forwarded, or 0 for the mix."""

    member: MemberId
    forwarded: int


RoomEvent = (
    MemberJoined
    | MemberLeft
    | CapabilityChanged
    | PictureStarted
    | PictureStopped
    | SoundStarted
    | SoundStopped
    | LevelsMeasured
    | SoundRuleSet
)
