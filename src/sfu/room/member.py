"""What a room knows of one member."""

from dataclasses import dataclass, field
from typing import assert_never

from sfu.model import Codec, MemberId, Protocol
from sfu.room import event as e
from sfu.room.loudness import Loudness
from sfu.signalling.capability import Capability

FORWARDED = 3
"""Sounds forwarded to who plays several side by side, unless a `SoundRuleSet` says less."""


@dataclass(slots=True)
class Member:
    """One endpoint in the room; owned by its `Room`."""

    member: MemberId
    name: str
    protocol: Protocol
    capability: Capability
    loudness: Loudness
    picture: Codec | None = None
    """Codec of the video that arrives from it now."""
    arriving: Codec | None = None
    """Codec of the sound that arrives from it now."""
    muted: bool = False
    """A moderator took its voice away."""
    forwarded: int = field(default=FORWARDED)
    takes_bps: int = 0
    """Most it takes of a picture now, by its own word or its line's; 0: as negotiated."""
    sends_bps: int = 0
    """Most its own picture may have on its line; 0 for no such limit."""

    @property
    def sound(self) -> Codec | None:
        """Codec of what others may hear of it now."""
        return None if self.muted else self.arriving

    @property
    def reception_bps(self) -> int:
        """Most it takes of a picture, by all that is known; 0 for unknown."""
        known = (self.capability.video_bps, self.takes_bps)
        return min((bps for bps in known if bps > 0), default=0)

    @property
    def sends_pictures(self) -> bool:
        """Whether it can send video at all."""
        return bool(self.capability.video_send)

    @property
    def views_pictures(self) -> bool:
        """Whether it can show video at all."""
        return self.capability.pictures > 0 and bool(self.capability.video_receive)

    def take(self, event: e.MemberEvent) -> None:
        """Take in what changed about it."""
        match event:
            case e.CapabilityChanged():
                self.capability = event.capability
            case e.PictureStarted():
                self.picture = event.codec
            case e.PictureStopped():
                self.picture = None
            case e.SoundStarted():
                self.arriving = event.codec
            case e.SoundStopped():
                self.arriving = None
            case e.SoundMuted():
                self.muted = event.muted
            case e.SoundRuleSet():
                self.forwarded = event.forwarded
            case e.ReceptionLimited():
                self.takes_bps = event.max_bps
            case e.SendingLimited():
                self.sends_bps = event.max_bps
            case _:
                assert_never(event)


Members = dict[MemberId, Member]
"""All members of a room, in the order they joined."""
