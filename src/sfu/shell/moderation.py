"""What moderators may do from their pages: admit, turn away, mute, remove, lock; and what they see.

A moderator is who came by a link for moderators, gave the room's moderator PIN, or is logged in as
one who organises meetings.
"""

import time
from collections.abc import Callable
from typing import assert_never

import structlog

from sfu.errors import PeerError
from sfu.model import MemberId, RoomId
from sfu.shell.browser_leg import BrowserLeg
from sfu.shell.house import House
from sfu.signalling.webrtc import message as m

log = structlog.get_logger()


class Moderation:
    """The moderators of one house's rooms."""

    def __init__(self, house: House, put_out: Callable[[MemberId], bool]) -> None:
        """Hear who waits; `put_out` ends a member's call."""
        self._house = house
        self.put_out = put_out
        house.waiting_rooms.told.append(self._tell_all)

    def is_moderator(self, room: RoomId, message: m.Join) -> bool:
        """Tell whether what somebody shows makes it a moderator of this room."""
        links, word = self._house.invitations, message.invitation or ""
        if word and links.opens(word, room, time.time()):  # its PIN was not looked at
            return links.moderates(word, room, time.time())
        return bool(message.pin) and self._house.is_moderators(room, message.pin or "")

    def begin(self, leg: BrowserLeg, room: RoomId) -> None:
        """Show a moderator who waits."""
        if leg.moderator:
            rooms = self._house.waiting_rooms
            waiting = rooms.waiting(room).items()
            leg.send(
                m.Door(
                    locked=rooms.is_locked(room),
                    waiting_room=rooms.has_waiting_room(room),
                    waiting=tuple(m.Visitor(member=one, name=name) for one, name in waiting),
                )
            )

    def take(self, leg: BrowserLeg, message: m.Moderation) -> None:
        """Do what a moderator says; PeerError (403) for anybody else."""
        meeting = self._house.meeting_of(leg)
        if not leg.moderator or meeting is None:
            raise PeerError("moderators alone may say this", status=403)
        room, rooms = meeting.id, self._house.waiting_rooms
        log.info("moderated", room=room, member=leg.member, what=message.type)
        match message:
            case m.Admit():
                rooms.admit(room, MemberId(message.member))
            case m.TurnAway():
                rooms.refuse(room, MemberId(message.member))
            case m.Mute():
                meeting.mute(MemberId(message.member), message.muted, self._house.clock())
            case m.Remove() if message.member in meeting.legs:
                self.put_out(MemberId(message.member))
            case m.Remove():
                pass  # it has left meanwhile
            case m.Hold():
                if message.locked is not None:
                    rooms.lock(room, message.locked)
                if message.waiting_room is not None:
                    rooms.hold(room, message.waiting_room)
            case _:
                assert_never(message)

    def _tell_all(self, room: RoomId) -> None:
        meeting = self._house.meetings.get(room)
        for leg in meeting.legs.values() if meeting is not None else ():
            if isinstance(leg, BrowserLeg):
                self.begin(leg, room)
