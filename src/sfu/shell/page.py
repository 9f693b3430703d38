r"""One page: its WebSocket, from the first word to goodbye.

::

    join --> which room, PIN? --> its line? --> held? --> `Browsers.settle` --> offers, wishes
               |                    |            \-- waiting: until a moderator lets it in
               \--------------------\-- refused: the person tries again, three times a minute
"""

import time
from typing import TYPE_CHECKING

import structlog

from sfu.errors import PeerError
from sfu.media.allocation.admission import Admitted
from sfu.model import MemberId, RoomId
from sfu.room.directory import Found, UnknownRoom, WrongPin
from sfu.room.waitingroom import Away
from sfu.shell.admission import UNBOUND
from sfu.shell.browser_leg import BrowserLeg, Send
from sfu.shell.voices import USUAL_EXTENSIONS, of_browser
from sfu.shell.waitingrooms import Visitor
from sfu.signalling.call import End
from sfu.signalling.webrtc.message import (
    Admit,
    ClientMessage,
    EndCode,
    Hold,
    Join,
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

if TYPE_CHECKING:
    from sfu.shell.browsers import Browsers

log = structlog.get_logger()


class Session:
    """One WebSocket; implements `sfu.api.house.Browser`."""

    def __init__(self, browsers: "Browsers", send: Send, remote: str, user_agent: str) -> None:
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
        offer, message = message.offer, message.model_copy(update={"offer": None})
        offers = offer is not None and not browsers.relayed

        def let_in() -> None:
            self._waits = None
            waited = self in browsers.waiting
            browsers.waiting.discard(self)
            if waited and browsers.house.is_full(found.room):
                self._refuse(RefusalCode.ROOM_FULL)  # others came while it waited
                return
            if waited and not self._line_bears(message):
                return  # they have what was free
            # an offer is not kept for half an hour: who waited says it again
            self.leg = browsers.settle(
                self, member, found, message.name, sound_only=message.sound_only,
                moderator=moderator, offered=offers and not waited,
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
        if self.leg is not None and offer is not None and offers:
            self._offer(self.leg, Offer(sdp=offer))

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
        """Answer an offer; PeerError where nothing is common."""
        leg.answer(message.sdp, restart=message.restart)
        meeting = self._browsers.house.meeting_of(leg)
        if meeting is not None:
            meeting.changed(leg, self._browsers.house.clock())

    def _refuse(self, code: RefusalCode) -> None:
        log.info("join_refused", code=code, remote=self.remote)
        self._over = code.final
        self.send(refused(code))
