r"""Room codecs' way in and out: call events to legs, doors, dial-out, signs of life.

::

    CallOffered --> which room? --> CodecLeg.answer --> Accept
                       |                                  |-- no PIN -----------> House.enter
                       \-- 404, 403, 480, 486, 488        \-- PIN, or no room --> Door --^
    it replaces another --> that one's room, and its BYE          transfers: see `transfers`
    nothing heard for a while --> Probe (OPTIONS) --> still nothing: HangUp(VANISHED)
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import assert_never

import structlog

from sfu.errors import PeerError, UseError
from sfu.media.allocation.admission import Admitted
from sfu.media.engine.snapshot import Snapshot
from sfu.model import CallId, Protocol, RoomId
from sfu.room.attendant import Attendant
from sfu.room.directory import Found, Outcome, Reception, UnknownRoom, WrongPin
from sfu.room.keys import Way
from sfu.room.pin import PinGate
from sfu.shell.bridge import Bridge
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.door import Door
from sfu.shell.fault import surviving
from sfu.shell.house import House
from sfu.shell.record import Direction
from sfu.shell.screen import Draw, Screen
from sfu.shell.surroundings import Surroundings
from sfu.shell.transfers import Transfers
from sfu.shell.waiting import Waiting
from sfu.signalling.call import (
    Accept,
    AnswerMedia,
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallEvent,
    CallOffered,
    CallOrder,
    CallProgressed,
    CallRinging,
    Dial,
    DigitPressed,
    End,
    HangUp,
    MediaAnswered,
    MediaOffered,
    MediaRefused,
    PictureWanted,
    Probe,
    ProbeAnswered,
    RefuseMedia,
    Reject,
    TransferTold,
    TransferWanted,
)

log = structlog.get_logger()

PROBE_AFTER = 3 / 8
"""Share of the time to vanish after which a silent member is asked whether it lives: 15 s of 40,
and asked again as often."""
FIRST_DIALLED = 1 << 40
"""Ids of our own calls begin here, far from those of calls that come in."""
PHRASES = {400: "Bad Request", 415: "Unsupported Media Type"}
NO_ROOM = RoomId("")
"""Where a caller is that the attendant asks."""


class LineFull(UseError):
    """A line has no room for the speech of one call more."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a call of ours went."""

    call: CallId
    answered: bool
    cause: str
    status: int
    text: str


@dataclass(slots=True)
class Visit:
    """A call, from its first sign to its end."""

    leg: CodecLeg
    room: RoomId
    caller: str
    host: str
    direction: Direction
    account: str | None = None
    """What its caller proved to be."""
    replaces: CallId | None = None
    """The call that makes way for it."""
    door: Door | None = None
    """What it stands before, or has passed."""
    inside: bool = False
    unproven: bool = False
    """Nothing came since our 200: its address may be forged, and it gets no place yet."""
    ending: bool = False
    """It was told to go: nothing lets it in any more."""
    probed_at: float = 0.0
    dialled: asyncio.Future[Dialled] | None = None


class Calls:
    """Every call of a room codec."""

    def __init__(
        self,
        house: House,
        around: Surroundings,
        advertise: Callable[[str], str],
        is_known: Callable[[str], bool] = lambda host: True,
        draw: Draw = lambda card, title: None,
    ) -> None:
        """Begin without a call.

        `advertise` gives our address as a host shall know it; `is_known` says whether an address
        proved before that it is one's own: others wait for their ACK; `draw` puts the name of a
        room on a card.
        """
        self.house = house
        self._around = around
        self._advertise = advertise
        self._is_known = is_known
        self._screen = Screen(around.patchbay, draw)
        self._waiting = Waiting(house, self._screen)
        self._visits: dict[CallId, Visit] = {}
        self._dials = count(FIRST_DIALLED)
        self.transfers = Transfers(self, house, around.order, advertise)
        self.bridge: Bridge | None = None
        """Who calls a unit's number is called on by it; None: such calls are refused."""

    def __len__(self) -> int:
        """Count the calls there are, in rooms or on the way."""
        return len(self._visits)

    def by_protocol(self) -> Counter[Protocol]:
        """Count the calls by what they are signalled with."""
        return Counter(visit.leg.protocol for visit in self._visits.values())

    def handle(self, event: CallEvent) -> None:
        """Take one event of any signalling."""
        with surviving("call_event_failed", call=event.call, kind=type(event).__name__):
            if isinstance(event, CallOffered):
                self._offered(event)
            elif event.call in self._visits:  # else refused by us, or ended a moment ago
                self._take(self._visits[event.call], event)
            if isinstance(event, CallEnded) and self.bridge is not None:
                self.bridge.ended(event.call)

    def order(self, order: CallOrder) -> None:
        """Have a call's signalling carry something out."""
        self._around.order(order)

    def new_dial(self) -> CallId:
        """Choose the id of a call of ours."""
        return CallId(next(self._dials))

    def _take(self, visit: Visit, event: CallEvent) -> None:
        now = self.house.clock()
        visit.leg.alive(now)
        match event:
            case CallEnded():
                self._ended(visit, event)
            case _ if visit.ending:
                pass  # it crossed our goodbye
            case CallOffered():
                pass  # a call id has one beginning
            case CallRinging():
                log.info("ringing", call=event.call, room=visit.room)
            case CallProgressed():
                self._progressed(visit, event.description)
            case CallAnswered():
                self._taken(visit, event)
            case CallConfirmed():
                self._confirmed(visit, event)
            case MediaOffered():
                self._media_offered(visit, event)
            case MediaAnswered():
                self._media_answered(visit, event.answer)
            case MediaRefused():
                visit.leg.refused(event.status)
                self._changed(visit)
            case DigitPressed():
                if visit.door is not None:
                    visit.door.press(Way.INFO, event.digit)
            case PictureWanted():
                for sink in visit.leg.streams.pictures:
                    self._around.patchbay.picture_wanted(sink, now)
            case ProbeAnswered():
                pass  # counted as a sign of life above
            case TransferWanted():
                self.transfers.wanted(visit, event)
            case TransferTold():
                self.transfers.told(visit, event)
            case _:
                assert_never(event)

    # ---- in

    def _offered(self, event: CallOffered) -> None:
        if event.replaces is not None:
            self._offered_instead(event, event.replaces)
            return
        found, host, now = self._find(event), event.source.host, self.house.clock()
        tries = self.house.tries
        match found:
            case UnknownRoom() if self.bridge is not None and self.bridge.offered(event):
                pass  # it is rung there first
            case UnknownRoom():
                self.refuse(event, 404, "Not Found", f"no room {event.target!r}")
            case WrongPin():
                tries.wrong(host, now)
                self.refuse(event, 403, "Forbidden", "wrong PIN")
            case Found() if self.house.is_protected(found.room) and not tries.left(host, now):
                self.refuse(event, 403, "Forbidden", "too many wrong PINs")
            case Found() if self.house.is_full(found.room):
                self.refuse(event, 486, "Busy Here", f"room {found.room} is full")
            case Reception() if not self.house.desk.available:
                why = "no mixer, so no attendant: call a room by its number"
                self.refuse(event, 480, "Temporarily Unavailable", why)
            case Reception() if len(self) >= self.house.settings.limits.max_calls:
                self.refuse(event, 486, "Busy Here", "too many calls")
            case Found() | Reception():
                self.welcome(event, found)
            case _:
                assert_never(found)

    def _find(self, event: CallOffered) -> Outcome:
        """Find what the called number means, or another name the call may mean."""
        names = [name for name in (event.target, *event.also) if name] or [""]
        outcomes = [self.house.reach(name) for name in names]
        known = (one for one in outcomes if not isinstance(one, UnknownRoom))
        return next(known, outcomes[0])

    def _offered_instead(self, event: CallOffered, replaces: CallId) -> None:
        """Let a call take another's place: inside, where that one is inside or was asked in."""
        old = self._visits.get(replaces)
        if old is None or old.ending:
            self.refuse(event, 481, "Call/Transaction Does Not Exist", "its call is over")
            return
        if old.room == NO_ROOM:
            self.welcome(event, Reception())
            return
        known = self.house.directory.rooms.get(old.room)
        pin = known.pin if known is not None and old.door is not None and not old.inside else ""
        self.welcome(event, Found(old.room, known.name if known else "", pin))

    def refuse(
        self, event: CallOffered, status: int, phrase: str, why: str, *, code: int = 399
    ) -> None:
        """Refuse a call that came, and say why in the log."""
        log.info("call_refused", caller=event.caller, status=status, reason=why)
        self._around.order(Reject(event.call, status, phrase, why, code))

    def _describe(self, leg: CodecLeg, offer: bytes | None) -> bytes:
        """Answer, or offer, what its line bears; LineFull where that is not even its speech."""
        if offer is None:
            self._admit(leg, sees=True, shows=True)
            return leg.offer()
        body = leg.answer(offer)
        able = leg.capability
        if not self._admit(leg, sees=bool(able.pictures), shows=bool(able.video_send)):
            body = leg.answer(offer)
        return body

    def _admit(self, leg: CodecLeg, *, sees: bool, shows: bool) -> bool:
        """Weigh a call; False where it shall do without pictures, LineFull without anything."""
        sharing = self.house.sharing
        verdict = sharing.weigh(
            leg.line, leg.voices(), browser=False, sees=sees, shows=shows,
            beside=leg.line is None, newcomer=leg.member,
        )  # fmt: skip
        sharing.decided(verdict, member=leg.member)
        if verdict.outcome is Admitted.REFUSED:
            raise LineFull(verdict.sentence)
        sharing.arrive(leg)
        if verdict.outcome is Admitted.SOUND_ONLY:
            leg.without_pictures()
            return False
        return True

    def welcome(self, event: CallOffered, found: Found | Reception) -> None:
        """Take a call: into a room, or before a door."""
        now = self.house.clock()
        leg = CodecLeg(
            self.house.new_member(),
            event.call,
            event.display_name or event.caller.partition("@")[0] or event.source.host,
            self._around,
            host=self._advertise(event.source.host),
            peer_host=event.source.host,
            model=event.model,
            now=now,
            account=event.account,
            protocol=event.protocol,
        )
        room = found.room if isinstance(found, Found) else NO_ROOM
        self._prefer(leg, room)
        try:
            body = self._describe(leg, event.offer)
        except LineFull as full:
            self._abandon(leg)
            self.refuse(event, 488, "Not Acceptable Here", str(full), code=370)
            return
        except PeerError as error:
            self._abandon(leg)
            status = error.status if error.status >= 400 else 488
            phrase = PHRASES.get(status, "Not Acceptable Here")
            self.refuse(event, status, phrase, error.reason)
            return
        except UseError as error:
            self._abandon(leg)
            self.refuse(event, 503, "Service Unavailable", str(error))
            return
        except Exception:
            self._abandon(leg)
            self.refuse(event, 500, "Server Internal Error", "a fault of ours")
            raise
        visit = Visit(
            leg, room, event.caller, event.source.host, Direction.IN,
            event.account, event.replaces,
        )  # fmt: skip
        self._visits[event.call] = visit
        tries = self.house.settings.rooms.pin_tries
        if isinstance(found, Reception):
            visit.door = self._door(visit, Attendant(self.house.directory, now, tries))
        elif found.pin:
            visit.door = self._door(visit, PinGate(found.pin, now, tries))
        self._around.order(Accept(event.call, body))
        visit.unproven = not self._is_known(visit.host)
        if event.offer is not None and not visit.unproven:
            self._open_door(visit)

    def _proven(self, visit: Visit) -> None:
        """Hear an ACK, or media at ports that only our 200 told."""
        if visit.unproven:
            visit.unproven = False
            self._open_door(visit)

    def _abandon(self, leg: CodecLeg) -> None:
        """Give back what a call had that is not taken."""
        self.house.sharing.depart(leg)
        leg.close()

    def _door(self, visit: Visit, core: Attendant | PinGate) -> Door:
        door = Door(
            visit.leg,
            core,
            (self._around.patchbay, self.house.desk, self._screen),
            self.house.settings.rooms.languages,
            self.house.clock,
            partial(self._granted, visit),
            partial(self._refused, visit),
            partial(self._mistaken, visit),
        )
        visit.leg.on_digit = partial(door.press, Way.EVENT)
        return door

    def _prefer(self, leg: CodecLeg, room: RoomId) -> None:
        """Let those already inside decide what the newcomer may send."""
        meeting = self.house.meetings.get(room)
        others = [other.capability for other in meeting.legs.values()] if meeting else []
        leg.prefer_single_nal(any(other.single_nal for other in others))
        leg.allow_old_pictures(others)
        inside = list(meeting.legs.values()) if meeting else []
        leg.share_camera(len(inside) < 2 and all(other.streams.camera for other in inside))

    def _confirmed(self, visit: Visit, event: CallConfirmed) -> None:
        if event.answer is None:
            self._proven(visit)
            return
        visit.unproven = False
        try:
            visit.leg.take_answer(event.answer)
        except PeerError as error:
            log.info("answer_refused", member=visit.leg.member, reason=error.reason)
            if not visit.inside:
                self.part(visit, End.PROTOCOL_ERROR)
            return
        if visit.inside:
            self._changed(visit)
        else:
            self._open_door(visit)

    def _open_door(self, visit: Visit) -> None:
        """Let in who needs no PIN; ask the others."""
        if visit.door is None:
            self._enter(visit)
        else:
            visit.door.open()

    def _enter(self, visit: Visit) -> None:
        """Let in, unless the last place was taken while it stood before the door or rang."""
        if visit.replaces is not None:
            self._make_way(visit)
        if self.house.is_full(visit.room):
            self.part(visit, End.BUSY)
            return
        visit.inside = True
        self.house.enter(visit.leg, visit.room, visit.caller, visit.direction)

    def _make_way(self, visit: Visit) -> None:
        """End the call whose place this one takes, wherever it is now."""
        old = self._visits.get(visit.replaces) if visit.replaces is not None else None
        visit.replaces = None
        if old is not None and not old.ending:
            visit.room = old.room or visit.room
            self.transfers.replaced(old, visit)
            self.house.leave(old.leg, End.TRANSFERRED)
            self.part(old, End.TRANSFERRED)

    def move(self, visit: Visit, found: Found) -> None:
        """Bring a member to another room; what it saw and heard ends at once."""
        patchbay, streams = self._around.patchbay, visit.leg.streams
        self.house.leave(visit.leg, End.TRANSFERRED)
        self._waiting.leave(visit.leg)
        for sink in (*streams.pictures, *([streams.mix.sink] if streams.mix else [])):
            patchbay.want(sink, None)
        patchbay.flush(self.house.clock())
        visit.room, visit.inside, visit.door = found.room, False, None
        if found.pin:
            tries = self.house.settings.rooms.pin_tries
            visit.door = self._door(visit, PinGate(found.pin, self.house.clock(), tries))
        self._open_door(visit)

    def visit_of(self, call: CallId) -> Visit | None:
        """Return the visit of a call, None where it is over or about to be."""
        visit = self._visits.get(call)
        return None if visit is None or visit.ending else visit

    def part(self, visit: Visit, cause: End) -> None:
        """Hang up; only the end of the call is heard after this."""
        visit.ending = True
        if visit.door is not None:
            visit.door.close()
        self._around.order(HangUp(visit.leg.call, cause))

    # ---- the door

    def _granted(self, visit: Visit, room: RoomId | None) -> None:
        """Let in who named the room and its PIN."""
        assert visit.door is not None
        visit.room = visit.room if room is None else room
        host, now = visit.host, self.house.clock()
        if self.house.is_protected(visit.room) and not self.house.tries.left(host, now):
            self.part(visit, End.REFUSED)
        elif self.house.is_full(visit.room) and visit.door.asks_for_rooms:
            visit.door.full()
        else:
            visit.door.close()
            self._enter(visit)

    def _refused(self, visit: Visit, reason: str) -> None:
        log.info("pin_refused", member=visit.leg.member, cause=reason)
        self.part(visit, End.REFUSED)

    def _mistaken(self, visit: Visit) -> None:
        """Count a wrong PIN for its address: calling again gives nobody more tries."""
        self.house.tries.wrong(visit.host, self.house.clock())

    # ---- in mid call

    def _media_offered(self, visit: Visit, event: MediaOffered) -> None:
        try:
            if event.offer is None:
                self._around.order(AnswerMedia(event.call, visit.leg.offer()))
                return
            body = self._redescribe(visit.leg, event.offer)
        except PeerError as error:
            log.info("media_change_refused_by_us", member=visit.leg.member, reason=error.reason)
            self._around.order(RefuseMedia(event.call, 488))
            return
        except UseError as error:
            log.warning("no_media_port", member=visit.leg.member, reason=str(error))
            self._around.order(RefuseMedia(event.call, 500))
            return
        self._around.order(AnswerMedia(event.call, body))
        self._changed(visit)

    def _redescribe(self, leg: CodecLeg, offer: bytes) -> bytes:
        """Answer a change; who came without pictures has them once its line bears them."""
        if leg.sound_only:
            verdict = self.house.sharing.weigh(
                leg.line, leg.voices(), browser=False, sees=True, shows=True,
                beside=leg.line is None, newcomer=leg.member,
            )  # fmt: skip
            if verdict.outcome is Admitted.FULL:
                leg.with_pictures()
        return leg.answer(offer)

    def _media_answered(self, visit: Visit, answer: bytes) -> None:
        try:
            visit.leg.take_answer(answer)
        except PeerError as error:
            log.info("answer_refused", member=visit.leg.member, reason=error.reason)
            return
        self._changed(visit)

    def _changed(self, visit: Visit) -> None:
        meeting = self.house.meeting_of(visit.leg)
        if meeting is not None:
            meeting.changed(visit.leg, self.house.clock())
        elif visit.door is not None and not visit.ending:
            visit.door.open()

    # ---- out

    async def dial(
        self,
        uri: str,
        name: str,
        room: RoomId,
        *,
        host: str,
        trunk: str = "",
        account: str | None = None,
        call: CallId | None = None,
        shown: tuple[str, str] | None = None,
    ) -> Dialled:
        """Call an address, or by a trunk a number, into a room; return once answered or over.

        `account` is what the called one registered as; `shown` name and number it sees, if not
        those of the room; `call` an id from `new_dial`.
        """
        call = self.new_dial() if call is None else call
        leg = CodecLeg(
            self.house.new_member(), call, name, self._around,
            host=self._advertise(host), peer_host=host, model="", now=self.house.clock(),
            account=account,
            protocol=Protocol.H323 if uri.lower().startswith("h323:") else Protocol.SIP,
        )  # fmt: skip
        self._prefer(leg, room)
        try:
            self._admit(leg, sees=True, shows=True)
            offer = leg.offer(secure=uri.lower().startswith("sips:"))
        except UseError:
            self._abandon(leg)
            raise
        except PeerError as error:
            self._abandon(leg)
            raise UseError(f"{uri} cannot be called: {error.reason}") from None
        visit = Visit(leg, room, uri, host, Direction.OUT)
        visit.dialled = asyncio.get_running_loop().create_future()
        self._visits[call] = visit
        known = self.house.settings.find_room(room)
        title = known.name if known and known.name else room
        name, user = shown or (title, room)
        self._around.order(Dial(call, uri, offer, name, user, trunk))
        return await visit.dialled

    def _progressed(self, visit: Visit, answer: bytes) -> None:
        """Take an answer that came early; what it sends before it is taken is not played."""
        try:
            visit.leg.take_answer(answer)
        except PeerError as error:
            log.info("early_answer_refused", call=visit.leg.call, reason=error.reason)

    def _taken(self, visit: Visit, event: CallAnswered) -> None:
        try:
            visit.leg.answered(event.description, event.model)
        except PeerError as error:
            log.info("answer_refused", call=event.call, reason=error.reason)
            self.part(visit, End.PROTOCOL_ERROR)
            return
        self._enter(visit)
        if visit.inside:  # else its end tells
            self._settle(visit, Dialled(event.call, True, "answered", 200, ""))

    def _settle(self, visit: Visit, outcome: Dialled) -> None:
        if visit.dialled is not None and not visit.dialled.done():
            visit.dialled.set_result(outcome)

    def hang_up(self, call: CallId) -> bool:
        """End a call by the operator's wish; False where there is none of this id."""
        visit = self._visits.get(call)
        if visit is None:
            return False
        self.part(visit, End.ENDED_BY_SERVER)
        return True

    def _ended(self, visit: Visit, event: CallEnded) -> None:
        del self._visits[event.call]
        self._waiting.leave(visit.leg)
        cause = End.VANISHED if visit.leg.gone else event.cause
        log.info(
            "call_ended", call=event.call, member=visit.leg.member, room=visit.room,
            cause=cause, status=event.status, text=event.text,
        )  # fmt: skip
        try:
            if visit.door is not None:
                visit.door.close()
            self.house.desk.forget(visit.leg.member)
            self.house.leave(visit.leg, cause, status=event.status, text=event.text)
        finally:
            self.transfers.ended(event.call, event.cause)
            self._settle(visit, Dialled(event.call, False, cause, event.status, event.text))
            self._abandon(visit.leg)

    # ---- the rhythm

    def tick(self, snapshot: Snapshot) -> None:
        """Look for signs of life, and let the doors' time pass."""
        now = self.house.clock()
        with surviving("cards_failed"):
            self._screen.tick(now)
        for visit in list(self._visits.values()):
            with surviving("call_failed", member=visit.leg.member):
                self._tick(visit, snapshot, now)

    def _tick(self, visit: Visit, snapshot: Snapshot, now: float) -> None:
        if visit.door is not None:
            visit.door.tick(now)
        self._waiting.look(visit.leg, now)
        for transport in visit.leg.transports():
            row = snapshot.transports.get(transport)
            if row is not None and row.last_received_us:
                visit.leg.received(row.last_received_us / 1e6)
                if visit.leg.described and not visit.ending:
                    self._proven(visit)
        visit.leg.tick(snapshot, now)
        if not visit.ending:
            self._watch(visit, now)

    def _watch(self, visit: Visit, now: float) -> None:
        leg = visit.leg
        if visit.dialled is not None and not visit.inside:
            return  # it rings: the SIP core has its own patience
        if leg.vanished(now) and not leg.gone:
            leg.gone = True
            log.info("member_vanished", member=leg.member, room=visit.room)
            self.part(visit, End.VANISHED)
            return
        pause_s = PROBE_AFTER * self._around.vanish_s
        if not leg.gone and min(leg.silence_s(now), now - visit.probed_at) > pause_s:
            visit.probed_at = now
            self._around.order(Probe(leg.call))
