"""A room: events in, and out what has changed of who shall be seen and heard where.

::

    RoomEvent --handle--> members, loudness, speaker      (facts, kept)
                 poll --> codecs -> rows -> pictures, sounds, notices   (reckoned anew, compared)
                      --> RoomOutput, only where it differs from what was said before

Everything stated follows from the facts and from who stood where, so events that come together
cost one answer, and a member that leaves takes all that was said of it along.
"""

from collections.abc import Iterator
from typing import assert_never

from sfu.model import Codec, MemberId, RoomId
from sfu.room import event as e
from sfu.room.layout import Front
from sfu.room.loudness import Loudness
from sfu.room.member import Member, Members
from sfu.room.notice import Notice, find_notices
from sfu.room.output import (
    Notify,
    PlaySounds,
    RoomOutput,
    SendPicture,
    ShowPictures,
    SpeakerChanged,
)
from sfu.room.picture import choose_codec, instruct_all
from sfu.room.policy import Places, choose, line_up, places_of, wish
from sfu.room.sound import SoundPlaces
from sfu.room.speaker import Speaker


class Room:
    """Who is with whom; owns no socket, reads no clock."""

    def __init__(self, room_id: RoomId, *, mixing: bool = True) -> None:
        """Open an empty room; without `mixing` (no media worker) sound is forwarded only."""
        self.room_id = room_id
        self.members: Members = {}
        self._mixing = mixing
        self._now = 0.0
        self._dirty = False
        """Somebody's state changed: everything is reckoned anew."""
        self._heard = False
        """Levels came: only sounds can change places, unless the leader changed."""
        self._speaker = Speaker()
        self.front = Front()
        self._screens: dict[MemberId, Places] = {}
        self._ears: dict[MemberId, SoundPlaces] = {}
        self._said_leader: MemberId | None = None
        self._said: dict[tuple[type, MemberId], RoomOutput] = {}
        self._said_notices: set[Notice] = set()

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do: a challenger takes over, another has his turn."""
        both = (self._speaker.deadline, self.front.deadline)
        return min((one for one in both if one is not None), default=None)

    @property
    def leader(self) -> MemberId | None:
        """Who leads now."""
        return self._speaker.leader

    def handle(self, event: e.RoomEvent, now: float) -> None:
        """Take one event; what follows from it waits in `poll`."""
        self._now = now
        self._dirty |= not isinstance(event, e.LevelsMeasured)
        match event:
            case e.MemberJoined():
                self._join(event)
            case e.MemberLeft():
                self._leave(event.member)
            case e.LevelsMeasured():
                self._hear(event)
            case e.LayoutSet():
                pinned = event.pinned if event.pinned in self.members else None
                self.front.set(event.layout, pinned, now)
                self._turn()
            case _:
                member = self.members.get(event.member)
                if member is not None:  # else it has left while the news was under way
                    member.take(event)

    def tick(self, now: float) -> None:
        """Let time pass: a challenge, or a turn, may have lasted long enough."""
        if self.deadline is not None and now >= self.deadline:
            self._now = now
            self._lead()
            self._turn()

    def poll(self) -> Iterator[RoomOutput]:
        """Return what has changed: first how to send, then whom to show and play, then words."""
        outputs: list[RoomOutput] = []
        if self._said_leader != self.leader:
            self._said_leader = self.leader
            self._dirty = True
            outputs.append(SpeakerChanged(self.leader))
        if self._dirty:
            codecs = self._codecs()
            pictures, shown = self._pictures(codecs)
            outputs += [output for output in pictures if self._is_news(output)]
            outputs += [output for output in shown if self._is_news(output)]
        if self._dirty or self._heard:
            outputs += [output for output in self._sounds() if self._is_news(output)]
        if self._dirty:
            outputs += self._notices(codecs)
        self._dirty = self._heard = False
        return iter(outputs)

    # --- facts ---

    def _join(self, event: e.MemberJoined) -> None:
        known = self.members.get(event.member)
        if known is not None:
            known.name, known.capability = event.name, event.capability
            return
        self.members[event.member] = Member(
            event.member, event.name, event.protocol, event.capability, Loudness(self._now)
        )
        self._screens[event.member] = Places()
        self._ears[event.member] = SoundPlaces()

    def _leave(self, member: MemberId) -> None:
        if self.members.pop(member, None) is None:
            return
        del self._screens[member], self._ears[member]
        for screen in self._screens.values():
            screen.forget(member)
        self._speaker.forget(member, self._now)
        self.front.forget(member, self._now)
        self._turn()
        self._said = {key: said for key, said in self._said.items() if key[1] != member}
        self._said_notices = {n for n in self._said_notices if member not in (n[0], n[2])}

    def _hear(self, event: e.LevelsMeasured) -> None:
        for name, level_dbov in event.levels:
            member = self.members.get(name)
            if member is not None and member.sound is not None:
                member.loudness.hear(level_dbov, self._now)
        self._heard = True
        self._lead()

    def _lead(self) -> None:
        heard = (m for m in self.members.values() if m.sound is not None)
        self._speaker.hear({m.member: m.loudness.at(self._now) for m in heard}, self._now)

    def _turn(self) -> None:
        senders = [one.member for one in self.members.values() if one.sends_pictures]
        self._dirty |= self.front.tick(senders, self._now)

    # --- what follows ---

    def _codecs(self) -> dict[MemberId, Codec]:
        chosen = {m.member: choose_codec(m, self.members) for m in self.members.values()}
        return {member: codec for member, codec in chosen.items() if codec is not None}

    def _pictures(
        self, codecs: dict[MemberId, Codec]
    ) -> tuple[list[SendPicture], list[ShowPictures]]:
        wishes, shown = {}, []
        recent = [*self.front.row(), *self._speaker.recent]
        for viewer in self.members.values():
            screen = self._screens[viewer.member]
            row = line_up(viewer, self.members, recent, screen.shown)
            screen.show(choose(viewer, self.members, row), places_of(viewer))
            shown.append(ShowPictures(viewer.member, screen.shown))
            # who is shown now stands before who was not: reckoned again nothing changes
            row = line_up(viewer, self.members, recent, screen.shown)
            wishes[viewer.member] = wish(viewer, self.members, row, codecs)
        return instruct_all(self.members, codecs, wishes), shown

    def _sounds(self) -> list[PlaySounds]:
        return [
            self._ears[listener.member].play(listener, self.members, self._now, mixing=self._mixing)
            for listener in self.members.values()
        ]

    def _is_news(self, output: SendPicture | ShowPictures | PlaySounds) -> bool:
        """Tell whether it was not the last thing said to this member, and remember it."""
        match output:
            case SendPicture():
                key: tuple[type, MemberId] = (SendPicture, output.member)
            case ShowPictures():
                key = (ShowPictures, output.viewer)
            case PlaySounds():
                key = (PlaySounds, output.listener)
            case _:
                assert_never(output)
        if self._said.get(key) == output:
            return False
        self._said[key] = output
        return True

    def _notices(self, codecs: dict[MemberId, Codec]) -> Iterator[Notify]:
        notices = find_notices(self.members, codecs, mixing=self._mixing)
        for member, code, about in sorted(self._said_notices - notices):
            yield Notify(member, code, about, active=False)
        for member, code, about in sorted(notices - self._said_notices):
            yield Notify(member, code, about, active=True)
        self._said_notices = notices
