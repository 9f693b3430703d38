"""What a room knows of one member."""

from dataclasses import dataclass, field

from sfu.model import Codec, MemberId, Protocol
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
    sound: Codec | None = None
    """Codec of the sound that arrives from it now."""
    forwarded: int = field(default=FORWARDED)

    @property
    def sends_pictures(self) -> bool:
        """Whether it can send video at all."""
        return bool(self.capability.video_send)

    @property
    def views_pictures(self) -> bool:
        """Whether it can show video at all."""
        return self.capability.pictures > 0 and bool(self.capability.video_receive)


Members = dict[MemberId, Member]
"""All members of a room, in the order they joined."""
