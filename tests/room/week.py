"""Wishes for rooms, written shortly; moments by the wall clock of Paris."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sfu.room.agenda import Agenda, Bookable
from sfu.room.booking import Booking, Wish

PARIS = "Europe/Paris"
NOW = datetime(2027, 3, 1, 8, 0, tzinfo=ZoneInfo(PARIS)).timestamp()
LAJOUX, MOREZ, PONS = "4201", "4202", "4300"
ROOMS = (
    Bookable(LAJOUX, owner="Parc", lent_to=frozenset(), site="lajoux"),
    Bookable(MOREZ, owner="Morez", lent_to=frozenset({"Parc", "Jura Sud"}), site="morez"),
    Bookable(PONS, owner="Minervois au Caroux", site="saint-pons"),
)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(PARIS)).timestamp()


def wish(*rooms: str, starts=(2027, 3, 12, 9, 0), minutes=90, until=None, **more) -> Wish:
    facts = {"title": "Conseil", "organisation": "Parc", "organiser": "anne@example.org"} | more
    last = date(*until) if until else None
    return Wish(
        rooms=rooms or (MOREZ,),
        starts=datetime(*starts),
        minutes=minutes,
        weekly_until=last,
        **({"zone": PARIS} | facts),
    )


def booked(agenda: Agenda, asked: Wish, number: int = 0, now: float = NOW) -> Booking:
    booking = number or len(agenda.bookings) + 1
    found = agenda.book(asked, now, booking, f"b{booking}@sfu")
    assert isinstance(found, Booking), found
    return found
