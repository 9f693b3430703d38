r"""Who may have which room when: yes, or no with the reason in words.

::

    Wish --> known rooms, lent to them, in time --> free --> borne by server and lines --> Booking
                  \-> Refused                        \-> Refused  \-> Refused
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from zoneinfo import ZoneInfo

from sfu.room.booking import ALL_ROOMS, Booking, Occurrence, Wish, occurrences

DAY_S = 86_400.0
NUMBER_APART_S = DAY_S / 2
"""A meeting that goes on must not meet the next one: a number is had for the day."""

Bears = Callable[[Mapping[str, int]], str]
"""Units at once by site -> "" if the lines bear them, else a sentence that says which does not."""


class Refusal(StrEnum):
    """Why a wish was not granted; docs/bookings.md has a line for each."""

    UNKNOWN_ROOM = "unknown_room"
    NOT_LENT = "not_lent"
    PAST = "past"
    TOO_LONG = "too_long"
    TOO_FAR = "too_far"
    TAKEN = "taken"
    SERVER_FULL = "server_full"
    LINE_FULL = "line_full"
    NO_NUMBER = "no_number"


@dataclass(frozen=True, slots=True)
class Refused:
    """No, and why."""

    reason: Refusal
    why: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """What `why` is made of, for who says it in another language; a `day` as 2027-03-12."""


@dataclass(frozen=True, slots=True)
class Bookable:
    """A room as bookings see it."""

    room: str
    owner: str = ""
    lent_to: frozenset[str] | None = None
    """Organisations besides its owner; None: all."""
    site: str = ""
    units: int = 1
    """How many are called with it."""

    def lent(self, organisation: str) -> bool:
        """Tell whether an organisation may book it."""
        free = self.lent_to is None or not self.owner
        return free or organisation == self.owner or organisation in (self.lent_to or ())


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is granted at most."""

    numbers: tuple[str, ...] = ()
    """Rooms that meetings get for the day; none: they meet in the first room they booked."""
    most_minutes: int = 720
    ahead_days: int = 400
    most_units: int = 500


class Agenda:
    """All bookings there are; reads no clock."""

    def __init__(
        self,
        rooms: Iterable[Bookable],
        bounds: Bounds = Bounds(),
        bears: Bears = lambda more: "",
    ) -> None:
        """Begin with nothing booked."""
        self.rooms = {one.room: one for one in rooms}
        self.bookings: dict[int, Booking] = {}
        self._bounds = bounds
        self._bears = bears

    # ---- yes or no

    def book(self, wish: Wish, now: float, booking: int, uid: str) -> Booking | Refused:
        """Grant a wish or say why not; `booking` and `uid` name it if it is granted."""
        answer = self.weigh(wish, now, booking, uid)
        if isinstance(answer, Booking):
            self.bookings[booking] = answer
        return answer

    def weigh(self, wish: Wish, now: float, booking: int = 0, uid: str = "") -> Booking | Refused:
        """Say what `book` would, and book nothing."""
        asked = Booking(booking, uid, wish.rooms[0], wish, now)
        refused = self._entitled(wish) or self._in_time(wish, now)
        if refused is not None:
            return refused
        wanted = list(occurrences(asked, now, float("inf")))
        others = self.between(wanted[0].begins_at, wanted[-1].ends_at)
        refused = self._free(wanted, others, wish.zone) or self._borne(wanted, others)
        if refused is not None:
            return refused
        if self._bounds.numbers:
            number = self._number(wanted)
            if number is None:
                return Refused(Refusal.NO_NUMBER, "all numbers for meetings are taken then")
            asked = replace(asked, number=number)
        return asked

    def _entitled(self, wish: Wish) -> Refused | None:
        for number in wish.rooms:
            room = self.rooms.get(number)
            if room is None:
                why = f"there is no room {number} to be booked"
                return Refused(Refusal.UNKNOWN_ROOM, why, {"room": number})
            if not room.lent(wish.organisation):
                who = wish.organisation or "nobody in particular"
                why = f"room {number} of {room.owner} is not lent to {who}"
                facts = {"room": number, "owner": room.owner, "who": wish.organisation}
                return Refused(Refusal.NOT_LENT, why, facts)
        return None

    def _in_time(self, wish: Wish, now: float) -> Refused | None:
        bounds, begins_at = self._bounds, wish.begins_at(wish.starts.date())
        if wish.minutes > bounds.most_minutes:
            why = f"{wish.minutes} minutes are longer than {bounds.most_minutes}"
            return Refused(Refusal.TOO_LONG, why, {"minutes": str(bounds.most_minutes)})
        last = wish.weekly_until or wish.starts.date()
        if begins_at < now or last < wish.starts.date() or wish.minutes < 1:
            why = "it would begin before now, or end before it begins"
            return Refused(Refusal.PAST, why)
        if wish.begins_at(last) > now + bounds.ahead_days * DAY_S:
            why = f"{last} is more than {bounds.ahead_days} days ahead"
            facts = {"day": last.isoformat(), "days": str(bounds.ahead_days)}
            return Refused(Refusal.TOO_FAR, why, facts)
        return None

    def _free(
        self, wanted: Iterable[Occurrence], others: Iterable[Occurrence], zone: str
    ) -> Refused | None:
        taken: dict[str, list[Occurrence]] = {}
        for other in others:
            for room in other.rooms:
                taken.setdefault(room, []).append(other)
        for one in wanted:
            for room in one.rooms:
                for other in taken.get(room, ()):
                    if other.overlaps(one.begins_at, one.ends_at):
                        facts = {"room": room, "title": other.title, **_span(other, zone)}
                        why = "room {room} is booked on {day} from {begin} to {end} ({title})"
                        return Refused(Refusal.TAKEN, why.format_map(facts), facts)
        return None

    def _borne(self, wanted: Iterable[Occurrence], others: Iterable[Occurrence]) -> Refused | None:
        """Ask for each moment at which somebody begins, and for each crowd only once."""
        known = list(others)
        asked: set[frozenset[tuple[str, int]]] = set()
        for one in wanted:
            beside = [other for other in known if other.overlaps(one.begins_at, one.ends_at)]
            for moment in {one.begins_at, *(other.begins_at for other in beside)}:
                there = [each for each in beside if each.begins_at <= moment < each.ends_at]
                crowd = self._units((one, *there))
                key = frozenset(crowd.items())
                if moment < one.begins_at or key in asked:
                    continue
                asked.add(key)
                if crowd.total() > self._bounds.most_units:
                    why = f"{one.day}: the server takes {self._bounds.most_units} calls"
                    facts = {"day": one.day.isoformat(), "calls": str(self._bounds.most_units)}
                    return Refused(Refusal.SERVER_FULL, why, facts)
                if why := self._bears(crowd):
                    facts = {"day": one.day.isoformat()}
                    return Refused(Refusal.LINE_FULL, f"{one.day}: {why}", facts)
        return None

    def _units(self, there: Iterable[Occurrence]) -> Counter[str]:
        crowd: Counter[str] = Counter()
        for number in chain.from_iterable(one.rooms for one in there):
            if (room := self.rooms.get(number)) is not None:
                crowd[room.site] += room.units
        return crowd

    def _number(self, wanted: list[Occurrence]) -> str | None:
        apart = NUMBER_APART_S
        others = self.between(wanted[0].begins_at - apart, wanted[-1].ends_at + apart)
        taken = {
            other.number
            for other in others
            if any(other.overlaps(one.begins_at - apart, one.ends_at + apart) for one in wanted)
        }
        return next((one for one in self._bounds.numbers if one not in taken), None)

    # ---- what there is

    def between(self, begin: float, end: float) -> list[Occurrence]:
        """Return the meetings of a span, by when they begin."""
        found: Iterator[Occurrence] = chain.from_iterable(
            occurrences(one, begin, end) for one in self.bookings.values()
        )
        return sorted(found, key=lambda one: (one.begins_at, one.booking))

    def give_up(self, booking: int, day: date, room: str = ALL_ROOMS) -> Booking | None:
        """Free a room on a day, or cancel the day; None where there is no such booking."""
        known = self.bookings.get(booking)
        if known is None:
            return None
        anew = known.sequence + (room == ALL_ROOMS)
        changed = replace(known, given_up=known.given_up | {(day, room)}, sequence=anew)
        self.bookings[booking] = changed
        return changed

    def cancel(self, booking: int) -> Booking | None:
        """Forget a booking, all its weeks; None where there is none."""
        return self.bookings.pop(booking, None)


def _span(one: Occurrence, zone: str) -> dict[str, str]:
    """Give when, by the wall clock of who asks."""
    begin, end = (datetime.fromtimestamp(at, ZoneInfo(zone)) for at in (one.begins_at, one.ends_at))
    return {"day": f"{begin:%Y-%m-%d}", "begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}
