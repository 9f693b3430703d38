"""What a room is told."""

from dataclasses import dataclass

from sfu.model import Codec, MemberId, Protocol
from sfu.room.layout import Layout
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


@dataclass(frozen=True, slots=True)
class ReceptionLimited:
    """A member takes no more than this of each picture, bit/s of payload; 0: as it negotiated.

    Its own word in mid call (TMMBR, REMB), or the share of a line.
    """

    member: MemberId
    max_bps: int


@dataclass(frozen=True, slots=True)
class SendingLimited:
    """A member shall send its picture at no more than this, whoever watches; 0: no such limit."""

    member: MemberId
    max_bps: int


@dataclass(frozen=True, slots=True)
class SoundMuted:
    """A moderator took a member's voice away, or gave it back: nobody hears what arrives."""

    member: MemberId
    muted: bool


@dataclass(frozen=True, slots=True)
class LayoutSet:
    """An operator's wish: by which rule pictures are chosen, and who is shown before all others."""

    layout: Layout
    pinned: MemberId | None = None
    """None, or one who is not in: nobody."""


MemberEvent = (
    CapabilityChanged
    | PictureStarted
    | PictureStopped
    | SoundStarted
    | SoundStopped
    | SoundMuted
    | SoundRuleSet
    | ReceptionLimited
    | SendingLimited
)
"""What changes about one who is in."""
RoomEvent = MemberJoined | MemberLeft | LevelsMeasured | LayoutSet | MemberEvent
