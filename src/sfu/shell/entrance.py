r"""From a call that is answered into its room: proof of the address, the door, the last place.

::

    answered --> known address? --no--> its ACK, or media at ports only our 200 told
                      |                           |
                      +---------------------------+--> no PIN -----------> held? --> House.enter
                                                   \-> PIN, or no room --> Door --^
    held: the room is locked or has a waiting room; a card, until a moderator lets it in
"""

from functools import partial
from typing import TYPE_CHECKING

import structlog

from sfu.model import RoomId
from sfu.room.attendant import Attendant
from sfu.room.directory import Found
from sfu.room.held import Held
from sfu.room.keys import Way
from sfu.room.pin import PinGate
from sfu.room.waitingroom import Away
from sfu.shell.door import Door
from sfu.shell.house import House
from sfu.shell.record import Direction
from sfu.shell.screen import Screen
from sfu.shell.visit import Visit
from sfu.shell.waitingrooms import Visitor
from sfu.signalling.call import End

if TYPE_CHECKING:
    from sfu.shell.calls import Calls

log = structlog.get_logger()


class Entrance:
    """Lets calls in."""

    def __init__(self, calls: "Calls", house: House, screen: Screen) -> None:
        """Let into this house; cards are shown on this screen."""
        self._calls, self._house, self._screen = calls, house, screen

    def proven(self, visit: Visit) -> None:
        """Hear an ACK, or media at ports that only our 200 told."""
        if visit.unproven:
            visit.unproven = False
            self.open(visit)

    def open(self, visit: Visit) -> None:
        """Let in who needs no PIN; ask the others."""
        if visit.door is None:
            self.enter(visit)
        else:
            visit.door.open()

    def enter(self, visit: Visit) -> None:
        """Let in, unless the last place was taken while it stood before the door or rang."""
        if visit.replaces is not None:
            self._make_way(visit)
        if self._house.is_full(visit.room):
            self._calls.part(visit, End.BUSY)
            return
        leg = visit.leg
        visitor = Visitor(
            leg.member, leg.name, partial(self._let_in, visit), partial(self._hold, visit),
            partial(self._turn_away, visit),
        )  # fmt: skip
        free = visit.direction is Direction.OUT  # whom we call is wanted
        self._house.waiting_rooms.knock(visit.room, visitor, free=free)

    def _let_in(self, visit: Visit) -> None:
        if self._house.is_full(visit.room):
            self._calls.part(visit, End.BUSY)
            return
        if visit.door is not None:
            visit.door.close()
        visit.inside = True
        self._house.enter(visit.leg, visit.room, visit.caller, visit.direction)

    def _hold(self, visit: Visit) -> None:
        """Show a card to who waits; a moderator's PIN lets in without another's word."""
        if visit.door is not None:
            visit.door.close()
        known = self._house.settings.find_room(visit.room)
        tries = self._house.settings.rooms.pin_tries
        visit.door = self.door(visit, Held(known.moderator_pin if known else "", tries))
        visit.door.open()

    def _turn_away(self, visit: Visit, why: Away) -> None:
        self._calls.part(visit, End.REFUSED)

    def _make_way(self, visit: Visit) -> None:
        """End the call whose place this one takes, wherever it is now."""
        old = self._calls.visits.get(visit.replaces) if visit.replaces is not None else None
        visit.replaces = None
        if old is not None and not old.ending:
            visit.room = old.room or visit.room
            self._calls.transfers.replaced(old, visit)
            self._house.leave(old.leg, End.TRANSFERRED)
            self._calls.part(old, End.TRANSFERRED)

    def move(self, visit: Visit, found: Found) -> None:
        """Bring a member to another room; what it saw and heard ends at once."""
        patchbay, streams = self._house.patchbay, visit.leg.streams
        self._house.leave(visit.leg, End.TRANSFERRED)
        self._calls.waiting.leave(visit.leg)
        for sink in (*streams.pictures, *([streams.mix.sink] if streams.mix else [])):
            patchbay.want(sink, None)
        patchbay.flush(self._house.clock())
        visit.room, visit.inside, visit.door = found.room, False, None
        if found.pin:
            tries = self._house.settings.rooms.pin_tries
            visit.door = self.door(visit, PinGate(found.pin, self._house.clock(), tries))
        self.open(visit)

    def door(self, visit: Visit, core: Attendant | PinGate | Held) -> Door:
        """Put a door before a caller; `open` opens it."""
        door = Door(
            visit.leg,
            core,
            (self._house.patchbay, self._house.desk, self._screen),
            self._house.settings.rooms.languages,
            self._house.clock,
            partial(self._granted, visit),
            partial(self._refused, visit),
            partial(self._mistaken, visit),
        )
        visit.leg.media.on_digit = partial(door.press, Way.EVENT)
        return door

    def _granted(self, visit: Visit, room: RoomId | None) -> None:
        """Let in who named the room and its PIN."""
        assert visit.door is not None
        if visit.door.holds:
            self._by_pin(visit)
            return
        visit.room = visit.room if room is None else room
        host, now = visit.host, self._house.clock()
        if self._house.is_protected(visit.room) and not self._house.tries.left(host, now):
            self._calls.part(visit, End.REFUSED)
        elif self._house.is_full(visit.room) and visit.door.asks_for_rooms:
            visit.door.full()
        else:
            visit.door.close()
            self.enter(visit)

    def _by_pin(self, visit: Visit) -> None:
        """Let in who waits and gave the moderators' PIN."""
        if self._house.tries.left(visit.host, self._house.clock()):
            self._house.waiting_rooms.admit(visit.room, visit.leg.member)

    def _refused(self, visit: Visit, reason: str) -> None:
        log.info("pin_refused", member=visit.leg.member, cause=reason)
        self._calls.part(visit, End.REFUSED)

    def _mistaken(self, visit: Visit) -> None:
        """Count a wrong PIN for its address: calling again gives nobody more tries."""
        self._house.tries.wrong(visit.host, self._house.clock())
