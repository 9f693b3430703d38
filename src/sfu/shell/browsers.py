r"""Browsers' way in and out: one `Session` for each WebSocket, one `BrowserLeg` for each member.

::

    join --> which room, PIN? --> held? --> joined, layout --offer/answer--> media --> Meeting
               |                    \-- waiting: until a moderator lets it in
               \-- refused: the person tries again, three times a minute and address
    WebSocket lost --> place kept RESUME_S --join {resume}--> the same member again
                                           \-- nobody came, or media is gone too: out
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from sfu.errors import PeerError
from sfu.media.allocation.admission import Admitted
from sfu.media.engine.snapshot import Snapshot
from sfu.model import MemberId, RoomId
from sfu.room.directory import Found, UnknownRoom, WrongPin
from sfu.room.waitingroom import Away
from sfu.shell.admission import UNBOUND
from sfu.shell.browser_leg import BrowserLeg, BrowserSurroundings, Send
from sfu.shell.fault import surviving
from sfu.shell.house import House
from sfu.shell.moderation import Moderation
from sfu.shell.voices import USUAL_EXTENSIONS, of_browser
from sfu.shell.waitingrooms import Visitor
from sfu.signalling.call import End
from sfu.signalling.webrtc.message import (
    Admit,
    ClientMessage,
    EndCode,
    Hold,
    Join,
    Joined,
    Leave,
    Mute,
    Offer,
    Path,
    RefusalCode,
    Remove,
    Sound,
    State,
    TurnAway,
    Waiting,
    ended,
    line_full,
    refused,
)

log = structlog.get_logger()

RESUME_S = 20.0
"""How long a member whose WebSocket is lost keeps its place."""


@dataclass(slots=True)
class _Place:
    """A member, its secret to come back with, and the WebSocket it has now."""

    leg: BrowserLeg
    token: str
    session: "Session | None"
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

    def __len__(self) -> int:
        """Count the members there are, those who may still come back among them."""
        return len(self._places)

    def open(
        self, send: Send, remote: str, user_agent: str, *, organiser: bool = False
    ) -> "Session":
        """Welcome a WebSocket; `organiser`: of who is logged in as one who organises meetings."""
        session = Session(self, send, remote, user_agent)
        session.organiser = organiser
        return session

    def forget(self, session: "Session") -> None:
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
        session: "Session",
        member: MemberId,
        found: Found,
        name: str,
        *,
        sound_only: bool = False,
        moderator: bool = False,
    ) -> BrowserLeg:
        """Let somebody into a room; its streams come with its offer."""
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

    def resume(self, session: "Session", token: str, room: str) -> BrowserLeg | None:
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


class Session:
    """One WebSocket; implements `sfu.api.house.Browser`."""

    def __init__(self, browsers: Browsers, send: Send, remote: str, user_agent: str) -> None:
        """Begin outside any room."""
        self.send = send
        self.remote = remote
        self.user_agent = user_agent
        self.leg: BrowserLeg | None = None
        self.organiser = False
        """Whoever it is organises meetings: it moderates those it comes into."""
        self._waits: MemberId | None = None
        """As whom it waits to be let in."""
        self.verdict = UNBOUND
        """What its line bore when it asked to be let in."""
        self._over = False
        self._browsers = browsers

    def receive(self, message: ClientMessage) -> None:
        """Take a message."""
        if self._browsers.stopping:
            self._refuse(RefusalCode.SERVER_STOPPING)
            return
        if self._over:
            raise PeerError("this connection is about to be closed", status=403)
        match message:
            case Join():
                self._join(message)
            case Leave() if self._waits is not None:
                self._stop_waiting()
                self.end(EndCode.LEFT)
            case _ if self.leg is None:
                raise PeerError("join first", status=403)
            case Offer():
                self._offer(self.leg, message)
            case State():
                self.leg.set_state(
                    microphone=message.microphone, camera=message.camera, layers=message.layers
                )
            case Path():
                self.leg.set_way(message.way)
            case Sound():
                meeting = self._browsers.house.meeting_of(self.leg)
                if meeting is not None:
                    forwarded = self._browsers.sound_rule(message.forwarded)
                    now = self._browsers.house.clock()
                    meeting.set_sound_rule(self.leg.member, forwarded, now)
            case Admit() | TurnAway() | Mute() | Remove() | Hold():
                self._browsers.moderation.take(self.leg, message)
            case Leave():
                self._browsers.out(self.leg, End.HUNG_UP, EndCode.LEFT, "you left")

    def closed(self) -> None:
        """Hear that the WebSocket is gone."""
        self._stop_waiting()
        self._browsers.forget(self)

    def replaced(self) -> None:
        """Hear that the place was taken up from elsewhere."""
        self.end(EndCode.REPLACED)

    def end(self, code: EndCode) -> None:
        """Say goodbye; nothing more is taken from this connection."""
        self.leg, self._over = None, True
        self.send(ended(code))

    def _join(self, message: Join) -> None:
        if self.leg is not None or self._waits is not None:
            raise PeerError("joined already", status=403)
        if message.resume is not None:
            self.leg = self._browsers.resume(self, message.resume, message.room)
            if self.leg is not None:
                return
        if self._browsers.house.drain.on:
            self._refuse(RefusalCode.SERVER_STOPPING)
            return
        if not message.name:
            self._refuse(RefusalCode.NAME_MISSING)
            return
        found = self._find(message)
        if found is not None:
            self._knock(message, found)

    def _knock(self, message: Join, found: Found) -> None:
        """Come in, or wait until a moderator says so."""
        browsers = self._browsers
        moderator = self.organiser or browsers.moderation.is_moderator(found.room, message)
        member = self._waits = browsers.house.new_member()

        def let_in() -> None:
            self._waits = None
            waited = self in browsers.waiting
            browsers.waiting.discard(self)
            if waited and browsers.house.is_full(found.room):
                self._refuse(RefusalCode.ROOM_FULL)  # others came while it waited
                return
            if waited and not self._line_bears(message):
                return  # they have what was free
            self.leg = browsers.settle(
                self, member, found, message.name, sound_only=message.sound_only,
                moderator=moderator,
            )  # fmt: skip

        def wait() -> None:
            browsers.waiting.add(self)
            self.send(Waiting(room=found.room, room_name=found.name))

        def turn_away(why: Away) -> None:
            self._waits = None
            browsers.waiting.discard(self)
            stops = browsers.stopping
            self._refuse(RefusalCode.SERVER_STOPPING if stops else RefusalCode.NOT_ADMITTED)

        visitor = Visitor(member, message.name, let_in, wait, turn_away)
        browsers.house.waiting_rooms.knock(found.room, visitor, free=moderator)

    def _stop_waiting(self) -> None:
        if self._waits is not None:
            member, self._waits = self._waits, None
            self._browsers.waiting.discard(self)
            self._browsers.house.waiting_rooms.left(member)

    def _find(self, message: Join) -> Found | None:
        house, tries = self._browsers.house, self._browsers.house.tries
        now = house.clock()
        found = house.find(message.room, message.pin or "")
        if isinstance(found, UnknownRoom):
            found = self._browsers.ring(message.room, message.name or "", self.remote) or found
        elif self._opens(message, found.room):
            found = Found(found.room, "", "")
        elif message.pin and house.wants_moderators_pin(found.room):
            found = WrongPin(found.room)  # whoever guesses it is counted
        elif isinstance(found, Found) and house.by_invitation(found.room):
            self._refuse(RefusalCode.INVITATION_REQUIRED)
            return None
        match found:
            case UnknownRoom():
                self._refuse(RefusalCode.UNKNOWN_ROOM)
            case WrongPin() | Found() if self._asks_pin(message, found.room) and not tries.left(
                self.remote, now
            ):
                self._refuse(RefusalCode.TOO_MANY_TRIES)
            case WrongPin():
                tries.wrong(self.remote, now)
                left = tries.left(self.remote, now)
                code = RefusalCode.WRONG_PIN if left else RefusalCode.TOO_MANY_TRIES
                self._refuse(code)
            case Found() if found.pin:
                self._refuse(RefusalCode.PIN_REQUIRED)
            case Found() if house.is_full(found.room):
                self._refuse(RefusalCode.ROOM_FULL)
            case Found():
                return found if self._line_bears(message) else None
        return None

    def _opens(self, message: Join, room: RoomId) -> bool:
        """Tell whether a link or the moderators' PIN opens this room, whatever else it asks."""
        house = self._browsers.house
        by_pin = house.is_moderators(room, message.pin or "")
        left = house.tries.left(self.remote, house.clock())
        return (by_pin and left) or self._is_invited(message, room)

    def _is_invited(self, message: Join, room: RoomId) -> bool:
        """Tell whether a guest's link opens this room now."""
        invitations = self._browsers.house.invitations
        return bool(message.invitation) and invitations.opens(
            message.invitation or "", room, time.time()
        )

    def _asks_pin(self, message: Join, room: RoomId) -> bool:
        """Tell whether a PIN must be given, right or not."""
        return self._browsers.house.is_protected(room) and not self._is_invited(message, room)

    def _line_bears(self, message: Join) -> bool:
        """Tell whether its line bears its speech, and its pictures at their least."""
        house = self._browsers.house
        line, pictures = house.lines.of_browser(self.remote), not message.sound_only
        voices = of_browser(USUAL_EXTENSIONS, hears_mix=False, ipv6=":" in self.remote)
        verdict = house.sharing.weigh(
            line, voices, browser=True, sees=pictures, shows=pictures,
            beside=not house.lines.spends_from_server(self.remote),
        )  # fmt: skip
        house.sharing.decided(verdict, remote=self.remote)
        self.verdict = verdict
        if verdict.outcome is not Admitted.REFUSED:
            return True
        log.info("join_refused", code=RefusalCode.LINE_FULL, remote=self.remote)
        self.send(line_full(verdict.admission.required_bps, verdict.admission.available_bps))
        return False

    def _offer(self, leg: BrowserLeg, message: Offer) -> None:
        leg.answer(message.sdp, restart=message.restart)
        meeting = self._browsers.house.meeting_of(leg)
        if meeting is not None:
            meeting.changed(leg, self._browsers.house.clock())

    def _refuse(self, code: RefusalCode) -> None:
        log.info("join_refused", code=code, remote=self.remote)
        self._over = code.final
        self.send(refused(code))
