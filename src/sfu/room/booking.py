"""What is booked: rooms for a time, once or weekly, by the wall clock of a place.

::

    Booking (wall clock, zone, weekly until) --> occurrences --> Occurrence (seconds since 1970)

As RFC 5545 section 3.3.5 has it, a wall time that comes twice is the first of both, and one that
does not come is reckoned by the offset before the gap: what Python calls fold 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(weeks=1)
ALL_ROOMS = ""
"""In place of a room: the whole meeting of a day."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Rooms, asked for."""

    title: str
    organisation: str
    organiser: str
    """Who asks: a mail address, or a name."""
    rooms: tuple[str, ...]
    """Numbers, none twice."""
    starts: datetime
    """By the wall clock of `zone`; without a zone of its own."""
    minutes: int
    zone: str
    """By its name in the IANA database."""
    weekly_until: date | None = None
    """The last day on which it may begin; None: once."""

    def days(self) -> Iterator[date]:
        """Yield the days on which it begins."""
        day = self.starts.date()
        yield day
        while self.weekly_until is not None and (day := day + WEEK) <= self.weekly_until:
            yield day

    def begins_at(self, day: date) -> float:
        """Return when it begins on a day, in seconds since 1970, UTC."""
        local = datetime.combine(day, self.starts.time(), ZoneInfo(self.zone))
        return local.timestamp()


@dataclass(frozen=True, slots=True)
class Booking:
    """A wish that was granted."""

    booking: int
    uid: str
    """Its name in calendars, for ever."""
    number: str
    """The room in which it meets."""
    wish: Wish
    created_at: float
    given_up: frozenset[tuple[date, str]] = frozenset()
    """Days that were cancelled (`ALL_ROOMS`), and rooms that were freed on a day."""
    sequence: int = 0
    """How often calendars must be told anew (RFC 5545 section 3.8.7.4)."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One meeting of a booking."""

    booking: int
    number: str
    title: str
    organisation: str
    day: date
    begins_at: float
    ends_at: float
    rooms: tuple[str, ...]
    """Those that were not freed."""

    def overlaps(self, begin: float, end: float) -> bool:
        """Tell whether it has a moment in a span; spans are open at their end."""
        return self.begins_at < end and begin < self.ends_at


def occurrences(booking: Booking, begin: float, end: float) -> Iterator[Occurrence]:
    """Yield the meetings of a booking within a span, the first one first."""
    wish = booking.wish
    for day in wish.days():
        begins_at = wish.begins_at(day)
        if begins_at >= end:
            return
        if (day, ALL_ROOMS) in booking.given_up:
            continue
        rooms = tuple(room for room in wish.rooms if (day, room) not in booking.given_up)
        one = Occurrence(
            booking.booking, booking.number, wish.title, wish.organisation, day,
            begins_at, begins_at + wish.minutes * 60, rooms,
        )  # fmt: skip
        if rooms and one.overlaps(begin, end):
            yield one
