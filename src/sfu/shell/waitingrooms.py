r"""The waiting rooms of one house: carries out what each room's core decides.

::

    Session, Entrance -- knock --> WaitingRoom (pure) --> let_in | wait | turn_away
    pages of moderators, the API -- admit, refuse, lock --^   \--> told: who waits, what holds them
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

import structlog

from sfu.model import MemberId, RoomId
from sfu.room.waitingroom import (
    Admitted,
    Away,
    Changed,
    Event,
    Knocked,
    Left,
    LetIn,
    LockSet,
    MeetingEnded,
    SettingChanged,
    TurnAway,
    TurnedAway,
    Wait,
    WaitingRoom,
    WaitingSet,
)
from sfu.shell.fault import surviving

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at a door, and how it hears what becomes of it."""

    member: MemberId
    name: str
    let_in: Callable[[], None]
    wait: Callable[[], None]
    turn_away: Callable[[Away], None]


class WaitingRooms:
    """One for each room at whose door something was said."""

    def __init__(self, has_one: Callable[[RoomId], bool], clock: Callable[[], float]) -> None:
        """Begin with nobody; `has_one`: the setting of a room."""
        self.told: list[Callable[[RoomId], None]] = []
        """Who hears of each change, to tell moderators."""
        self.turned_away = 0
        self._has_one = has_one
        self._clock = clock
        self._rooms: dict[RoomId, WaitingRoom] = {}
        self._visitors: dict[MemberId, tuple[RoomId, Visitor]] = {}

    def knock(self, room: RoomId, visitor: Visitor, *, free: bool = False) -> None:
        """Ask for a place: one of the visitor's three is called, now or later."""
        self._visitors[visitor.member] = room, visitor
        self._tell(room, Knocked(visitor.member, visitor.name, free))

    def left(self, member: MemberId) -> None:
        """Hear that who waited is gone."""
        if (known := self._visitors.pop(member, None)) is not None:
            self._tell(known[0], Left(member))

    def admit(self, room: RoomId, member: MemberId) -> bool:
        """Let in who waits; False where it does not wait for this room."""
        return self._decide(room, Admitted(member))

    def refuse(self, room: RoomId, member: MemberId) -> bool:
        """Send away who waits; False where it does not wait for this room."""
        return self._decide(room, TurnedAway(member))

    def lock(self, room: RoomId, locked: bool) -> None:
        """Have everybody wait who comes from now on, or nobody whom nothing else holds."""
        self._tell(room, LockSet(locked))

    def hold(self, room: RoomId, waiting: bool) -> None:
        """Switch the waiting room."""
        self._tell(room, WaitingSet(waiting))

    def ended(self, room: RoomId) -> None:
        """Hear that nobody is inside any more."""
        if room in self._rooms:
            self._tell(room, MeetingEnded())

    def clear(self, room: RoomId) -> None:
        """Send away who waits before a room: whoever was inside is told to go as well."""
        for member in self.waiting(room):
            self.refuse(room, member)

    def clear_all(self) -> None:
        """Send away who waits anywhere: the server stops."""
        for room in list(self._rooms):
            self.clear(room)

    def configure(self) -> None:
        """Go by the rooms' settings as they are now."""
        for room, core in list(self._rooms.items()):
            if core.setting != self._has_one(room):
                self._tell(room, SettingChanged(self._has_one(room)))

    def is_locked(self, room: RoomId) -> bool:
        """Tell whether a moderator locked a room."""
        return room in self._rooms and self._rooms[room].locked

    def has_waiting_room(self, room: RoomId) -> bool:
        """Tell whether who comes to a room waits first, locked or not."""
        return self._rooms[room].waiting if room in self._rooms else self._has_one(room)

    def waiting(self, room: RoomId) -> Mapping[MemberId, str]:
        """Say who waits before a room, and by which names; who came first at the head."""
        return dict(self._rooms[room].names) if room in self._rooms else {}

    def __len__(self) -> int:
        """Count who waits."""
        return sum(len(one.names) for one in self._rooms.values())

    def tick(self, now: float) -> None:
        """Let time pass."""
        for room, core in list(self._rooms.items()):
            if core.deadline is not None and now >= core.deadline:
                core.tick(now)
                self._carry_out(room, core)

    def _decide(self, room: RoomId, event: Admitted | TurnedAway) -> bool:
        known = room in self._rooms and event.visitor in self._rooms[room].names
        if known:
            self._tell(room, event)
        return known

    def _tell(self, room: RoomId, event: Event) -> None:
        if room not in self._rooms:
            self._rooms[room] = WaitingRoom(waiting=self._has_one(room))
        core = self._rooms[room]
        core.handle(event, self._clock())
        self._carry_out(room, core)

    def _carry_out(self, room: RoomId, core: WaitingRoom) -> None:
        changed = False
        for output in core.poll():
            match output:
                case LetIn():
                    visitor = self._visitors.pop(output.visitor)[1]
                    with surviving("waiting_failed", room=room, member=output.visitor):
                        visitor.let_in()
                case Wait():
                    log.info("waits_for_moderator", room=room, member=output.visitor)
                    with surviving("waiting_failed", room=room, member=output.visitor):
                        self._visitors[output.visitor][1].wait()
                case TurnAway():
                    log.info("turned_away", room=room, member=output.visitor, why=output.why)
                    self.turned_away += 1
                    visitor = self._visitors.pop(output.visitor)[1]
                    with surviving("waiting_failed", room=room, member=output.visitor):
                        visitor.turn_away(output.why)
                case Changed():
                    changed = True
                case _:
                    assert_never(output)
        if core.same_as_begun:
            self._rooms.pop(room, None)
        if changed:
            log.debug("waiting_room", room=room, waiting=len(core.names), locked=core.locked)
            for tell in self.told:
                tell(room)
