"""The echo test: everybody sees and hears himself, and nobody else.

The same face as `Room`: facts in, wishes out.  A browser is forwarded its own sound; a room codec
hears itself by the mixer, as it would hear others, or, without one, forwarded where it can decode
what it sends.
"""

from collections.abc import Iterator

from sfu.model import Codec, MemberId
from sfu.room import event as e
from sfu.room.layout import Front
from sfu.room.loudness import Loudness
from sfu.room.member import Member, Members
from sfu.room.output import PlaySounds, RoomOutput, ShowPictures
from sfu.room.picture import instruct
from sfu.room.policy import places_of
from sfu.room.sound import shape_of

PREFERRED = (Codec.VP8, Codec.H264, Codec.H263, Codec.H261)


def image(member: MemberId) -> MemberId:
    """Return by which name a page knows its own image: it shows no tile of itself."""
    return MemberId(f"{member}:echo")


class EchoRoom:
    """Any number of members, each alone."""

    deadline: float | None = None

    def __init__(self, *, mixing: bool = True) -> None:
        """Open an empty room."""
        self._mixing = mixing
        self.members: Members = {}
        self.front = Front()
        """As `Room` has it; here nobody stands before another."""
        self._said: dict[tuple[type, MemberId], RoomOutput] = {}

    def handle(self, event: e.RoomEvent, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        match event:
            case e.MemberJoined():
                self.members[event.member] = Member(
                    event.member, event.name, event.protocol, event.capability, Loudness(now)
                )
            case e.MemberLeft():
                self.members.pop(event.member, None)
                self._said = {key: out for key, out in self._said.items() if key[1] != event.member}
            case e.LevelsMeasured() | e.LayoutSet():
                pass  # nobody leads where everybody is alone
            case _:
                if (member := self.members.get(event.member)) is not None:
                    member.take(event)

    def tick(self, now: float) -> None:
        """Let time pass: nothing here waits."""

    def poll(self) -> Iterator[RoomOutput]:
        """Return what differs from what was said before."""
        for member in list(self.members.values()):
            for output in self._outputs(member):
                key = (type(output), member.member)
                if self._said.get(key) != output:
                    self._said[key] = output
                    yield output

    def _outputs(self, member: Member) -> Iterator[RoomOutput]:
        can = member.capability.video_send & member.capability.video_receive
        codec = next((one for one in PREFERRED if one in can), None)
        if codec is not None:
            yield instruct(member, codec, [member])
        places: list[MemberId | None] = [None] * places_of(member)
        if places and member.picture in member.capability.video_receive:
            places[0] = member.member
        yield ShowPictures(member.member, tuple(places))
        yield self._sounds(member)

    def _sounds(self, member: Member) -> PlaySounds:
        shape = shape_of(member, mixing=self._mixing)
        wide: list[MemberId | None] = [None] * shape.wide
        narrow: list[MemberId | None] = [None] * shape.narrow
        mixed: frozenset[MemberId] = frozenset()
        if member.sound is None:
            return PlaySounds(member.member, tuple(wide), tuple(narrow), mixed)
        places = wide if member.sound is Codec.OPUS else narrow
        if places and shape.forwarded and member.sound in member.capability.audio_receive:
            places[0] = member.member
        elif self._mixing:
            mixed = frozenset({member.member})
        return PlaySounds(member.member, tuple(wide), tuple(narrow), mixed)
