"""What is done at the hour of a booking: call, free what is unused, warn, end.

::

    begin: CallRooms (again twice) --> grace over: FreeRooms --> before the end: Warn --> EndRooms

A core like all others.  Facts in: what is planned, and who is in a meeting's number now.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from sfu.room.booking import Occurrence

AGAIN_S = 120.0
"""Who did not answer is called again so much later,"""
TRIES = 3
"""so often in all."""
EARLY_S = 900.0
"""Who comes so early comes to the booking."""
SETTLE_S = 5.0
"""What was hung up needs so long until it can be called again."""
WANTED_WITHIN_S = 60.0
"""A booking that begins so soon after another wants its rooms."""


@dataclass(frozen=True, slots=True)
class Planned:
    """All meetings of now and of the coming hours; who is not among them any more is over."""

    meetings: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Attended:
    """Who is in a number now."""

    number: str
    rooms: frozenset[str]
    """Booked rooms whose unit is in."""
    members: int


@dataclass(frozen=True, slots=True)
class CallRooms:
    """Call these rooms into the number, out of any other meeting."""

    meeting: Occurrence
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FreeRooms:
    """These rooms were not used: others may have them."""

    meeting: Occurrence
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell everybody in the number that the booking ends soon."""

    meeting: Occurrence


@dataclass(frozen=True, slots=True)
class EndRooms:
    """The time is over; hang these rooms up, for others want them."""

    meeting: Occurrence
    rooms: tuple[str, ...]
    everybody: bool
    """Others meet in the same number: nobody stays there."""


HoursOutput = CallRooms | FreeRooms | Warn | EndRooms
Key = tuple[int, date]


@dataclass(slots=True)
class _Running:
    """A meeting whose time has come."""

    meeting: Occurrence
    begun_at: float
    next_try_at: float
    tries: int = 0
    seen: frozenset[str] = frozenset()
    """Rooms that came; who hung up is not called again."""
    judged: bool = False
    warned: bool = False


@dataclass(slots=True)
class _There:
    rooms: frozenset[str] = frozenset()
    members: int = 0


class Hours:
    """All meetings of today; owns no socket, reads no clock."""

    def __init__(self, warn_s: float, grace_s: float) -> None:
        """Warn so long before the end, judge what is unused so long after the begin."""
        self.deadline: float | None = None
        self._warn_s = warn_s
        self._grace_s = grace_s
        self._planned: dict[Key, Occurrence] = {}
        self._running: dict[Key, _Running] = {}
        self._over: dict[Key, float] = {}
        """When what is over would have ended: it does not begin again."""
        self._there: dict[str, _There] = {}
        self._settling: dict[str, float] = {}
        """Rooms and numbers that were emptied, until when nothing begins there."""
        self._outputs: deque[HoursOutput] = deque()

    def configure(self, warn_s: float, grace_s: float) -> None:
        """Warn and judge by other times from now on; what runs goes by those it began with."""
        self._warn_s, self._grace_s = warn_s, grace_s

    def handle(self, event: Planned | Attended, now: float) -> None:
        """Take one fact; what follows from it waits in `poll`."""
        match event:
            case Planned():
                self._plan(event.meetings, now)
            case Attended():
                self._there[event.number] = _There(event.rooms, event.members)
            case _:
                assert_never(event)
        self._arm()

    def tick(self, now: float) -> None:
        """Let time pass: what is over ends before anything begins."""
        for key, running in list(self._running.items()):
            if now >= running.meeting.ends_at:
                self._end(key, running.meeting, now)
        for key, meeting in sorted(self._planned.items(), key=lambda pair: pair[1].begins_at):
            known = key in self._running or key in self._over
            if not known and self._begins_at(meeting) <= now < meeting.ends_at:
                self._running[key] = _Running(meeting, now, now)
        for key, running in list(self._running.items()):
            self._advance(key, running, now)
        self._settling = {one: until for one, until in self._settling.items() if until > now}
        self._over = {key: until for key, until in self._over.items() if until > now}
        self._arm()

    def poll(self) -> Iterator[HoursOutput]:
        """Yield what the shell must do, oldest first."""
        while self._outputs:
            yield self._outputs.popleft()

    def holder(self, number: str, now: float) -> Occurrence | None:
        """Return the meeting that has a number now, one that is about to begin among them."""
        soon = now + EARLY_S
        found = [
            one for one in self._planned.values()
            if one.number == number and one.begins_at <= soon and now < one.ends_at
        ]  # fmt: skip
        return max(found, key=lambda one: one.begins_at <= now, default=None)

    def _plan(self, meetings: Iterable[Occurrence], now: float) -> None:
        known = {(one.booking, one.day): one for one in meetings}
        self._planned = {
            key: one for key, one in known.items() if one.ends_at > now or key in self._running
        }
        for key in list(self._running):
            if key in self._planned:
                self._running[key].meeting = self._planned[key]
            else:
                del self._running[key]  # cancelled, or all its rooms freed: it may go on unbooked

    def _advance(self, key: Key, running: _Running, now: float) -> None:
        meeting = running.meeting
        there = self._there.get(meeting.number, _There())
        running.seen |= there.rooms
        if running.tries < TRIES and now >= running.next_try_at and not running.judged:
            running.tries += 1
            running.next_try_at = now + AGAIN_S
            missing = tuple(room for room in meeting.rooms if room not in running.seen)
            if missing:
                self._outputs.append(CallRooms(meeting, missing))
        if not running.judged and now >= running.begun_at + self._grace_s:
            running.judged = True
            self._judge(key, running, there.members)
        if key in self._running and not running.warned and now >= meeting.ends_at - self._warn_s:
            running.warned = True
            if there.members:
                self._outputs.append(Warn(meeting))

    def _end(self, key: Key, meeting: Occurrence, now: float) -> None:
        del self._running[key]
        self._over[key] = meeting.ends_at + self._grace_s
        following = self._following(meeting)
        wanted = {room for one in following for room in one.rooms}
        rooms = tuple(room for room in meeting.rooms if room in wanted)
        everybody = any(one.number == meeting.number for one in following)
        if everybody:
            self._there.pop(meeting.number, None)
        gone = (meeting.number, *rooms) if everybody else rooms
        self._settling |= dict.fromkeys(gone, now + SETTLE_S)
        self._outputs.append(EndRooms(meeting, rooms, everybody))

    def _judge(self, key: Key, running: _Running, members: int) -> None:
        """Free what nobody used; one member alone is no meeting."""
        meeting = running.meeting
        unused = tuple(room for room in meeting.rooms if room not in running.seen)
        if members < 2:
            unused = meeting.rooms
            del self._running[key]
            self._over[key] = meeting.ends_at
        if unused:
            self._outputs.append(FreeRooms(meeting, unused))

    def _following(self, meeting: Occurrence) -> list[Occurrence]:
        """Return what begins when a meeting ends."""
        end = meeting.ends_at
        return [
            one
            for one in self._planned.values()
            if one.booking != meeting.booking and end <= one.begins_at <= end + WANTED_WITHIN_S
        ]

    def _begins_at(self, meeting: Occurrence) -> float:
        """Return when a meeting can begin: what was emptied for it needs its time."""
        held = (self._settling.get(one, 0.0) for one in (meeting.number, *meeting.rooms))
        return max(meeting.begins_at, *held)

    def _arm(self) -> None:
        known = self._running.keys() | self._over.keys()
        times = [self._begins_at(one) for key, one in self._planned.items() if key not in known]
        for running in self._running.values():
            times.append(running.meeting.ends_at)
            if not running.judged:
                times.append(running.begun_at + self._grace_s)
                if running.tries < TRIES:
                    times.append(running.next_try_at)
            if not running.warned:
                times.append(running.meeting.ends_at - self._warn_s)
        self.deadline = min(times, default=None)
