r"""Browsers' way in and out: one `Session` for each WebSocket, one `BrowserLeg` for each member.

::

    `page`: a room is found and open --> settle: joined, layout --offer/answer--> media --> Meeting
    WebSocket lost --> place kept RESUME_S --join {resume}--> the same member again
                                           \-- nobody came, or media is gone too: out
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sfu.media.allocation.admission import Admitted
from sfu.media.engine.snapshot import Snapshot
from sfu.model import MemberId
from sfu.room.directory import Found
from sfu.shell.browser_leg import BrowserLeg, Send
from sfu.shell.browser_surroundings import BrowserSurroundings
from sfu.shell.fault import surviving
from sfu.shell.house import House
from sfu.shell.moderation import Moderation
from sfu.shell.page import Session
from sfu.signalling.call import End
from sfu.signalling.webrtc.message import EndCode, Joined

log = structlog.get_logger()

RESUME_S = 20.0
"""How long a member whose WebSocket is lost keeps its place."""


@dataclass(slots=True)
class _Place:
    """A member, its secret to come back with, and the WebSocket it has now."""

    leg: BrowserLeg
    token: str
    session: Session | None
    lost_at: float | None = None


class Browsers:
    """Every browser, joined or on the way."""

    def __init__(
        self, house: House, around: BrowserSurroundings, entropy: Callable[[int], bytes]
    ) -> None:
        """Begin with none."""
        self.house = house
        self._around = around
        self._entropy = entropy
        self._places: dict[MemberId, _Place] = {}
        self.waiting: set[Session] = set()
        """Those a moderator has to let in."""
        self.stopping = False
        self.moderation = Moderation(house, self.remove)
        self.ring: Callable[[str, str, str], Found | None] = lambda number, name, host: None
        """Calls a unit's number for who asks for it as for a room (number, name, host)."""

    @property
    def relayed(self) -> bool:
        """Tell whether pages are to gather from relays before their first offer."""
        return self._around.turn is not None

    def __len__(self) -> int:
        """Count the members there are, those who may still come back among them."""
        return len(self._places)

    def open(self, send: Send, remote: str, user_agent: str, *, organiser: bool = False) -> Session:
        """Welcome a WebSocket; `organiser`: of who is logged in as one who organises meetings."""
        session = Session(self, send, remote, user_agent)
        session.organiser = organiser
        return session

    def forget(self, session: Session) -> None:
        """Hear that a WebSocket is gone; its member may come back."""
        for place in self._places.values():
            if place.session is session:
                place.session, place.lost_at = None, self.house.clock()
                place.leg.send = _nowhere

    def has_members(self, host: str) -> bool:
        """Tell whether somebody in a room came from this address."""
        return any(one.session and one.session.remote == host for one in self._places.values())

    def settle(
        self,
        session: Session,
        member: MemberId,
        found: Found,
        name: str,
        *,
        sound_only: bool = False,
        moderator: bool = False,
        offered: bool = False,
    ) -> BrowserLeg:
        """Let somebody into a room; its streams come with its offer, which may be here already."""
        bound = session.verdict.outcome is Admitted.SOUND_ONLY
        leg = BrowserLeg(
            member, name, self._around, session.send, session.user_agent, session.remote
        )
        leg.sound_only = sound_only or bound
        leg.moderator = moderator
        token = self._entropy(16).hex()
        self._places[member] = _Place(leg, token, session)
        meeting = self.house.meeting(found.room)
        weighed = session.verdict.admission
        session.send(
            Joined(
                member=member,
                room=found.room,
                room_name=meeting.name,
                resume=token,
                sound_only=leg.sound_only,
                needed_bps=weighed.required_bps if bound else None,
                free_bps=weighed.available_bps if bound else None,
                playout_ms=leg.playout_ms,
                moderator=moderator,
                ice_servers=leg.relays(time.time()),
                offered=offered,
            )
        )
        leg.begin(self.house.clock())
        self.house.enter(leg, found.room, "")
        meeting.set_sound_rule(member, self.sound_rule(3), self.house.clock())
        self.moderation.begin(leg, found.room)
        return leg

    def sound_rule(self, wanted: int) -> int:
        """Forward as many voices as a page wants, and no more than configured."""
        return min(wanted, self.house.settings.media.forwarded_sounds)

    def resume(self, session: Session, token: str, room: str) -> BrowserLeg | None:
        """Give somebody its place back, by its secret; None where there is none."""
        for place in self._places.values():
            meeting = self.house.meeting_of(place.leg)
            if meeting is None or not hmac.compare_digest(
                place.token.encode(),
                token.encode(),  # a str of other letters would raise
            ):
                continue
            if place.session is not None:
                place.session.replaced()
            place.session, place.lost_at = session, None
            leg = place.leg
            session.send(
                Joined(
                    member=leg.member,
                    room=meeting.id,
                    room_name=meeting.name,
                    resume=place.token,
                    sound_only=leg.sound_only,
                    playout_ms=leg.playout_ms,
                    moderator=leg.moderator,
                    ice_servers=leg.relays(time.time()),
                )
            )
            leg.come_back(session.send)
            leg.members_changed(meeting.rows())
            leg.speaker_changed(meeting.speaker)
            self.moderation.begin(leg, meeting.id)
            return leg
        return None

    def out(self, leg: BrowserLeg, cause: End, code: EndCode, text: str) -> None:
        """Let a member out and tell it why."""
        place = self._places.pop(leg.member, None)
        if place is None:
            return
        self.house.leave(leg, cause, text=text)
        leg.close()
        if place.session is not None:
            place.session.end(code)

    def tick(self, snapshot: Snapshot) -> None:
        """Let time pass: handshakes, signs of life, places nobody came back to."""
        now = self.house.clock()
        for place in list(self._places.values()):
            with surviving("browser_failed", member=place.leg.member):
                self._tick(place, snapshot, now)

    def _tick(self, place: _Place, snapshot: Snapshot, now: float) -> None:
        leg = place.leg
        leg.tick(snapshot, now)
        if leg.vanished(now):
            log.info("member_vanished", member=leg.member)
            self.out(leg, End.VANISHED, EndCode.MEDIA_FAILED, "nothing came for too long")
        elif leg.failed:
            self.out(leg, End.PROTOCOL_ERROR, EndCode.MEDIA_FAILED, "no keys could be agreed")
        elif place.lost_at is not None and now - place.lost_at > RESUME_S:
            self.out(leg, End.VANISHED, EndCode.MEDIA_FAILED, "the page did not come back")

    def stop(self) -> None:
        """Say goodbye to everybody."""
        self.stopping = True
        self.house.waiting_rooms.clear_all()
        for place in list(self._places.values()):
            self.out(place.leg, End.ENDED_BY_SERVER, EndCode.SERVER_STOPPING, "server stops")

    def remove(self, member: MemberId) -> bool:
        """Put a member out by the operator's wish."""
        place = self._places.get(member)
        if place is None:
            return False
        self.out(place.leg, End.ENDED_BY_SERVER, EndCode.REMOVED, "removed by the operator")
        return True


def _nowhere(message: object) -> None:
    """Where messages go while a page is away; it is told all anew when it comes back."""
