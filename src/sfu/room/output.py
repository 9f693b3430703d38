"""What a room wants: who shall be seen and heard where.  Each states what shall be."""

from dataclasses import dataclass
from enum import StrEnum

from sfu.model import Codec, MemberId


@dataclass(frozen=True, slots=True)
class ShowPictures:
    """Which members' pictures a viewer's places carry, in order; None is an empty place.

    A member keeps its place as long as it can, so that tiles do not jump.
    """

    viewer: MemberId
    shown: tuple[MemberId | None, ...]


@dataclass(frozen=True, slots=True)
class PlaySounds:
    """What a listener hears: members forwarded untouched, each in a fixed place, and the mix.

    `forwarded` maps places to members, in order, places of `wide` (Opus) then of `narrow`
    (G.722, G.711: 8 kHz RTP clock) sounds.  `mixed` are the members the mix must hold for this
    listener (never itself); empty where it needs none.
    """

    listener: MemberId
    wide: tuple[MemberId | None, ...]
    narrow: tuple[MemberId | None, ...]
    mixed: frozenset[MemberId]


@dataclass(frozen=True, slots=True)
class SendPicture:
    """How a member shall encode its one video stream: codec, packetization mode, limits."""

    member: MemberId
    codec: Codec
    single_nal: bool
    max_bps: int
    max_fs: int
    """Macroblocks per picture every viewer can take; 0 for no limit."""
    wanted: bool
    """False: nobody watches; it may stop."""
    max_mbps: int = 0
    """Macroblocks per second, likewise."""
    bound_by: MemberId | None = None
    """The viewer whose rate is the least, for logs; itself where its own line is."""


@dataclass(frozen=True, slots=True)
class SpeakerChanged:
    """Who leads now; None in an empty or silent room."""

    member: MemberId | None


class NoticeCode(StrEnum):
    """Sentences a member may be told; the page and docs/protocol.md hold the words."""

    NO_COMMON_PICTURE_CODEC = "no_common_picture_codec"
    NO_COMMON_SOUND_CODEC = "no_common_sound_codec"
    PICTURE_NEEDS_TRANSCODING = "picture_needs_transcoding"
    ENDS_SOON = "ends_soon"
    """About the member itself: the booking of the room ends."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell a member something about another, once per change."""

    member: MemberId
    code: NoticeCode
    about: MemberId
    active: bool
    """False: it no longer holds."""


RoomOutput = ShowPictures | PlaySounds | SendPicture | SpeakerChanged | Notify
