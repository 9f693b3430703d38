"""Bookings as operators, calendars and scrapes see them; what lines bear is weighed here."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from sfu.api.view import BookingAnswer, BookingRefusal, BookingView, OccurrenceView
from sfu.app.addresses import public_host
from sfu.config import Settings
from sfu.errors import UseError
from sfu.media.allocation.admission import Admitted
from sfu.metrics import BookingFigures
from sfu.room.agenda import Bears, Refused
from sfu.room.booking import ALL_ROOMS, Booking, Occurrence, Wish
from sfu.room.invitation import Words, feed, invitation
from sfu.shell.admission import adds_of, server_state, together, weigh
from sfu.shell.bookings import ANSWERS, STEPS, Bookings
from sfu.shell.lines import AccessLine, Lines
from sfu.shell.voices import PRESUMED

SPAN_DAYS = 30
MOST_DAYS = 400
CALENDAR_TITLE = "sfu"


def line_question(lines: Lines) -> Bears:
    """Return what says whether the lines, empty but for these units, bear them with pictures."""

    def bears(units: Mapping[str, int]) -> str:
        server = lines.server
        own = server.site if server is not None else None
        for line in lines:
            first = next(one for one in lines if one.site == line.site)
            if line.server:
                count = sum(number for site, number in units.items() if site != own)
            elif line is first:
                count = units.get(line.site, 0)
            else:
                continue  # units of a site are weighed against its first line
            if why := _weigh(line, count):
                return why
        return ""

    return bears


def _weigh(line: AccessLine, units: int) -> str:
    adds = adds_of(PRESUMED, line.encapsulation, browser=False, sees=True, shows=True)
    verdict = weigh(line, (), server_state(line, (), 0), together([adds] * units))
    return "" if verdict.outcome is Admitted.FULL else verdict.sentence


async def book(bookings: Bookings, wish: Wish) -> BookingView | BookingRefusal:
    """Ask for rooms."""
    answer = await bookings.book(wish)
    if isinstance(answer, Refused):
        return BookingRefusal(answer.reason.value, answer.why, answer.facts)
    return view(answer)


def question(bookings: Bookings, wish: Wish) -> BookingAnswer:
    """Say whether rooms could be booked, and book nothing."""
    answer = bookings.weigh(wish)
    if isinstance(answer, Refused):
        return BookingAnswer(False, answer.reason.value, answer.why, facts=answer.facts)
    return BookingAnswer(True, number=answer.number)


def view(booking: Booking) -> BookingView:
    """Show a booking."""
    wish = booking.wish
    return BookingView(
        booking=booking.booking,
        title=wish.title,
        organisation=wish.organisation,
        organiser=wish.organiser,
        rooms=wish.rooms,
        number=booking.number,
        starts=wish.starts,
        timezone=wish.zone,
        minutes=wish.minutes,
        weekly_until=wish.weekly_until,
        cancelled_days=tuple(sorted(day for day, room in booking.given_up if room == ALL_ROOMS)),
    )


def between(
    bookings: Bookings, settings: Settings, first: date | None, last: date | None
) -> list[OccurrenceView]:
    """Show what is booked on some days; without days, on the next 30."""
    zone = ZoneInfo(settings.timezone)
    first = first or datetime.fromtimestamp(bookings.clock(), zone).date()
    last = last or first + timedelta(days=SPAN_DAYS)
    if last < first:
        raise UseError(f"{last} is before {first}")
    if last - first > timedelta(days=MOST_DAYS):
        raise UseError(f"{first} to {last} are more than {MOST_DAYS} days")
    begin, end = (
        datetime.combine(day, wall_time(), zone).timestamp()
        for day in (first, last + timedelta(days=1))
    )
    return [_occurrence(one, zone) for one in bookings.agenda.between(begin, end)]


def _occurrence(one: Occurrence, zone: ZoneInfo) -> OccurrenceView:
    begins, ends = (
        datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat(timespec="minutes")
        for at in (one.begins_at, one.ends_at)
    )
    return OccurrenceView(
        one.booking, one.title, one.organisation, one.rooms, one.number, one.day, begins, ends
    )


def invite(bookings: Bookings, settings: Settings, booking: int) -> bytes | None:
    """Write a booking as iCalendar."""
    known = bookings.agenda.bookings.get(booking)
    if known is None:
        return None
    return invitation(known, _words(known, settings), bookings.clock())


def calendar(bookings: Bookings, settings: Settings, room: str, organisation: str) -> bytes:
    """Write what is booked as iCalendar."""
    wanted = [
        (one, _words(one, settings))
        for one in bookings.agenda.bookings.values()
        if (not room or room in one.wish.rooms)
        and (not organisation or organisation == one.wish.organisation)
    ]
    title = organisation or _title(room, settings) or CALENDAR_TITLE
    return feed(wanted, title, bookings.clock(), settings.timezone)


def figures(bookings: Bookings) -> BookingFigures:
    """Show counts to a scrape."""
    counts = bookings.counts
    return BookingFigures(
        len(bookings.agenda.bookings),
        {one: counts.answers[one] for one in ANSWERS},
        {one: counts.steps[one] for one in STEPS},
    )


def _title(number: str, settings: Settings) -> str:
    room = settings.find_room(number) if number else None
    return (room.name if room is not None else "") or number


def _words(booking: Booking, settings: Settings) -> Words:
    rooms = ", ".join(_title(room, settings) for room in booking.wish.rooms)
    host = settings.sip.domain or _in_url(public_host(settings))
    page = _page(booking.number, settings)
    lines = [
        f"Salle / room {booking.number}",
        f"Codec : sip:{booking.number}@{host}" if host else "",
        page,
    ]
    return Words(rooms, "\n".join(filter(None, lines)), page)


def _page(number: str, settings: Settings) -> str:
    """Say where browsers join: by the server's name, else by its public address."""
    host = settings.tls.names[0] if settings.tls.names else _in_url(public_host(settings))
    if not host:
        return ""
    port = "" if settings.http.tls_port == 443 else f":{settings.http.tls_port}"
    return f"https://{host}{port}/?room={number}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
