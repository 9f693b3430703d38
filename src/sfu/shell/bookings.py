r"""Bookings carried out: asked for, kept, and rung at their hour.

::

    book, cancel --> Agenda (yes or no) --> Diary --> answer
                         | planned
    who is in a number --> Hours --> call by the house's own dialling, prompts and notices, hang up
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from sfu.config import Endpoint, Policy, Settings
from sfu.config import Room as RoomSetting
from sfu.errors import UseError
from sfu.model import MemberId, Protocol, RoomId
from sfu.room.agenda import Agenda, Bears, Bookable, Bounds, Refusal, Refused
from sfu.room.booking import ALL_ROOMS, Booking, Occurrence, Wish
from sfu.room.hours import (
    SETTLE_S,
    Attended,
    CallRooms,
    EndRooms,
    FreeRooms,
    Hours,
    Planned,
    Warn,
)
from sfu.room.output import NoticeCode, Notify
from sfu.shell.calls import Calls
from sfu.shell.codec_leg import CodecLeg
from sfu.shell.diary import Diary
from sfu.shell.fault import surviving
from sfu.shell.house import House
from sfu.shell.leg import Leg
from sfu.shell.places import ADDRESS
from sfu.shell.record import Direction
from sfu.shell.tasks import spawn

TICK_S = 1.0
PLAN_EVERY_S = 60.0
LOOK_EVERY_S = 30.0
"""How long who was forgotten is still shown as organiser."""
BEFORE_S, AHEAD_S = 3_600.0, 86_400.0
"""What the hours are told of: the past hour, and the coming day."""
STEPS = ("called", "freed", "warned", "ended")
GRANTED = "granted"
ANSWERS = (GRANTED, *(one.value for one in Refusal))

log = structlog.get_logger()

Dial = Callable[[str, str], Awaitable[str]]
"""Call an [[endpoint]]'s number into a room; returns how it went in a word, raises UseError."""


@dataclass(slots=True)
class BookingCounts:
    """Since the start."""

    answers: Counter[str]
    steps: Counter[str]


class Bookings:
    """All bookings of the house; `open` before use."""

    def __init__(
        self,
        diary: Diary,
        house: House,
        calls: Calls,
        remove: Callable[[MemberId], bool],
        dial: Dial,
        bears: Bears,
        new_uid: Callable[[], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Serve this house; `clock` is that of the wall, in seconds since 1970.

        `remove` puts a browser out.
        """
        settings = house.settings
        self._bears = bears
        self.agenda = Agenda((), _bounds(settings), bears)
        self.counts = BookingCounts(Counter(), Counter())
        self.clock = clock
        one = settings.bookings
        self._hours = Hours(one.warn_min * 60, one.grace_min * 60)
        self._diary = diary
        self._house = house
        self._calls = calls
        self._dial = dial
        self._remove = remove
        self._new_uid = new_uid
        self._next = 1
        self._plan_at = 0.0
        self._look_at = 0.0
        self._numbers: frozenset[str] = frozenset()
        self._ringing: set[tuple[str, str]] = set()
        self._later: list[tuple[float, str, Occurrence]] = []
        """Rooms that were just taken out of another meeting, and when they can be called."""
        self._units: dict[str, tuple[Endpoint, ...]] = {}
        self._hosts: Counter[str] = Counter()
        self.configure(settings)
        house.holder = self.organisation_of

    def configure(self, settings: Settings) -> None:
        """Grant and ring by other settings; what is booked stays booked."""
        kept = self.agenda.bookings
        self.agenda = Agenda(
            map(_bookable(settings), settings.room), _bounds(settings), self._bears
        )
        self.agenda.bookings = kept
        self._hours.configure(settings.bookings.warn_min * 60, settings.bookings.grace_min * 60)
        self._units = {room.number: settings.units_of(room) for room in settings.room}
        self._hosts = Counter(_address(one)[1] for one in settings.endpoint)
        self._plan_at = 0.0

    async def open(self) -> None:
        """Read what is booked."""
        found, self._next = await self._diary.load()
        self.agenda.bookings = {one.booking: one for one in found}
        self._plan_at = 0.0

    # ---- asked for

    async def book(self, wish: Wish) -> Booking | Refused:
        """Say yes, once it is on disk, or no."""
        answer = self.agenda.book(wish, self.clock(), self._next, self._new_uid())
        reason = answer.reason.value if isinstance(answer, Refused) else GRANTED
        self.counts.answers[reason] += 1
        if isinstance(answer, Refused):
            log.info("booking_refused", reason=reason, why=answer.why)
            return answer
        self._next += 1
        try:
            await self._diary.grant(answer)
        except (SQLAlchemyError, OSError) as error:
            self.agenda.cancel(answer.booking)
            raise UseError("the booking cannot be written now: try again") from error
        self._plan_at = 0.0
        log.info("booked", booking=answer.booking, rooms=wish.rooms, number=answer.number)
        return answer

    def weigh(self, wish: Wish) -> Booking | Refused:
        """Say what `book` would, and book nothing."""
        return self.agenda.weigh(wish, self.clock())

    async def cancel(self, booking: int, day: date | None = None) -> bool:
        """Cancel a booking, or one of its days; False where there is no such."""
        known = self.agenda.bookings.get(booking)
        if known is None:
            return False
        if day is None:
            await self._diary.cancel(booking, self.clock())
            self.agenda.cancel(booking)
        else:
            gone = (day, ALL_ROOMS) in known.given_up
            if gone or day not in known.wish.days():
                return False
            await self._diary.give_up(booking, day, [ALL_ROOMS], self.clock())
            self.agenda.give_up(booking, day)
        self._plan_at = 0.0
        log.info("booking_cancelled", booking=booking, day=str(day or ""))
        return True

    def organisation_of(self, room: RoomId) -> str:
        """Say who holds a meeting that begins now: who booked the room, else its owner."""
        held = self._hours.holder(room, self.clock())
        return held.organisation if held is not None else (
            self._house.settings.organisation_of(room)
        )  # fmt: skip

    # ---- at the hour

    async def run(self) -> None:
        """Look at the clock; the one task of all bookings."""
        while True:
            with surviving("bookings_failed"):
                if self.clock() >= self._look_at:
                    self._look_at = self.clock() + LOOK_EVERY_S
                    await self.forget()
                self.tick()
            await asyncio.sleep(TICK_S)

    async def forget(self) -> None:
        """Let go of organisers the database has no more: somebody asked to be forgotten."""
        kept = await self._diary.organisers()
        for number, one in self.agenda.bookings.items():
            if one.wish.organiser and kept.get(number) == "":
                wish = replace(one.wish, organiser="")
                self.agenda.bookings[number] = replace(one, wish=wish)

    def tick(self) -> None:
        """Let time pass."""
        now = self.clock()
        if now >= self._plan_at:
            self._plan_at = now + PLAN_EVERY_S
            planned = self.agenda.between(now - BEFORE_S, now + AHEAD_S)
            self._numbers = frozenset(one.number for one in planned)
            self._hours.handle(Planned(tuple(planned)), now)
        for number in self._numbers:
            self._hours.handle(self._attended(number), now)
        self._hours.tick(now)
        due = [one for one in self._later if one[0] <= now]
        self._later = [one for one in self._later if one[0] > now]
        for _, room, meeting in due:
            self._call(room, meeting)
        for output in self._hours.poll():
            with surviving("booking_failed", booking=output.meeting.booking):
                self._carry_out(output)

    def _carry_out(self, output: CallRooms | FreeRooms | Warn | EndRooms) -> None:
        one = output.meeting
        match output:
            case CallRooms():
                log.info("booking_begins", booking=one.booking, room=one.number)
                for room in output.rooms:
                    self._call(room, one)
            case FreeRooms():
                self._free(one, output.rooms)
            case Warn():
                self.counts.steps["warned"] += 1
                log.info("booking_warned", booking=one.booking, room=one.number)
                self._warn(one, active=True)
            case EndRooms():
                self.counts.steps["ended"] += 1
                log.info("booking_over", booking=one.booking, room=one.number, ends=output.rooms)
                self._warn(one, active=False)
                self._hang_up(one.number, output.rooms)
                if output.everybody:
                    self._empty(one.number)
            case _:
                assert_never(output)

    def _attended(self, number: str) -> Attended:
        meeting = self._house.meetings.get(RoomId(number))
        if meeting is None:
            return Attended(number, frozenset(), 0)
        legs = list(meeting.legs.values())
        there = {
            room
            for room, units in self._units.items()
            if not units or any(self._is(leg, room) for leg in legs)
        }
        return Attended(number, frozenset(there), len(legs))

    def _call(self, room: str, meeting: Occurrence) -> None:
        """Call a room's units, after they were taken out of any other meeting."""
        if self._house.drain.on:
            log.info("booking_not_called", booking=meeting.booking, reason="the server drains")
            return
        gone = [
            other
            for other in list(self._house.meetings)
            if other != meeting.number and self._hang_up(other, (room,))
        ]
        if gone:
            self._later.append((self.clock() + SETTLE_S, room, meeting))
            return
        for unit in self._units.get(room, ()):
            if (unit.number, meeting.number) not in self._ringing:
                self.counts.steps["called"] += 1
                spawn("booking call", self._ring(unit, meeting))

    async def _ring(self, unit: Endpoint, meeting: Occurrence) -> None:
        key = (unit.number, meeting.number)
        self._ringing.add(key)
        try:
            outcome = await self._dial(unit.number, meeting.number)
        except UseError as error:
            outcome = str(error)
        finally:
            self._ringing.discard(key)
        log.info("booking_called", booking=meeting.booking, unit=unit.number, outcome=outcome)

    def _free(self, meeting: Occurrence, rooms: tuple[str, ...]) -> None:
        known = self.agenda.bookings.get(meeting.booking)
        if known is None:
            return
        now = self.clock()
        rooms = tuple(room for room in rooms if (meeting.day, room) not in known.given_up)
        log.info("booking_freed", booking=meeting.booking, rooms=rooms, reason="unused")
        self.counts.steps["freed"] += len(rooms)
        for room in rooms:
            self.agenda.give_up(meeting.booking, meeting.day, room)
        if rooms:
            written = self._diary.give_up(meeting.booking, meeting.day, rooms, now)
            spawn("rooms freed", written)
        self._hang_up(meeting.number, rooms)
        self._plan_at = 0.0

    def _warn(self, meeting: Occurrence, *, active: bool) -> None:
        held = self._house.meetings.get(RoomId(meeting.number))
        languages = self._house.settings.rooms.languages
        for leg in list(held.legs.values()) if held is not None else ():
            leg.notify(Notify(leg.member, NoticeCode.ENDS_SOON, leg.member, active))
            if active and leg.protocol is not Protocol.WEBRTC:
                said = tuple(f"{one}/ending" for one in languages)
                self._house.desk.speak(leg.member, said)

    def _hang_up(self, number: str, rooms: tuple[str, ...]) -> bool:
        """Let the units of these rooms go from a meeting; tell whether there was one."""
        held = self._house.meetings.get(RoomId(number))
        gone = False
        for leg in list(held.legs.values()) if held is not None else ():
            if isinstance(leg, CodecLeg) and any(self._is(leg, room) for room in rooms):
                gone = self._calls.hang_up(leg.call) or gone
        return gone

    def _empty(self, number: str) -> None:
        """Let everybody go from a number: those who meet there next are others."""
        self._house.waiting_rooms.clear(RoomId(number))
        held = self._house.meetings.get(RoomId(number))
        for leg in list(held.legs.values()) if held is not None else ():
            if isinstance(leg, CodecLeg):
                self._calls.hang_up(leg.call)
            else:
                self._remove(leg.member)

    def _is(self, leg: Leg, room: str) -> bool:
        """Tell whether a member is a unit of a room: as we called it, or by where it calls from.

        Where several units are at one address, by its user too.
        """
        visit = self._calls.visit_of(leg.call) if isinstance(leg, CodecLeg) else None
        if visit is None:
            return False
        units = self._units.get(room, ())
        if visit.direction is Direction.OUT:
            return any(visit.caller == one.uri for one in units)
        user = visit.caller.partition("@")[0]
        alone = self._hosts[visit.host] == 1
        return any(
            host == visit.host and (alone or name == user) for name, host in map(_address, units)
        )


def _address(unit: Endpoint) -> tuple[str, str]:
    """Return user and host of a unit's address."""
    found = ADDRESS.match(unit.uri)
    return (found[1] or "", found[2].strip("[]")) if found else ("", "")


def _bookable(settings: Settings) -> Callable[[RoomSetting], Bookable]:
    def made(room: RoomSetting) -> Bookable:
        lent = frozenset(room.lent_to)
        everybody = room.policy is Policy.SHARED and not lent
        return Bookable(
            room.number,
            settings.organisation_of(room.number),
            None if everybody else lent,
            room.site,
            len(settings.units_of(room)),
        )

    return made


def _bounds(settings: Settings) -> Bounds:
    one = settings.bookings
    numbers = []
    for part in one.numbers:
        first, _, last = part.partition("-")
        numbers += [str(n).zfill(len(first)) for n in range(int(first), int(last or first) + 1)]
    return Bounds(
        tuple(numbers), int(one.most_hours * 60), one.ahead_days, settings.limits.max_calls
    )
