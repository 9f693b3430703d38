"""Bookings as calendars read them (RFC 5545), and invitations (RFC 5546).

Times stand by the wall clock of their zone, with the zone's rules beside them, so that "Fridays at
nine" stays at nine in every calendar.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from sfu.room.booking import ALL_ROOMS, Booking

MAIL = re.compile(r"[^\s@\"<>,;:]+@[^\s@\"<>,;:]+")
PRODUCT = "-//sfu//bookings//FR"


@dataclass(frozen=True, slots=True)
class Words:
    """What an invitation says of how to come."""

    location: str
    """The rooms, as people write them."""
    description: str


def invitation(booking: Booking, words: Words, now: float) -> bytes:
    """Return one booking as something to be sent: who reads it is invited."""
    organised = MAIL.fullmatch(booking.wish.organiser)
    calendar = _calendar("REQUEST" if organised else "PUBLISH")
    calendar.add_component(_event(booking, words, now))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def feed(bookings: Iterable[tuple[Booking, Words]], title: str, now: float) -> bytes:
    """Return many bookings as something to subscribe to."""
    calendar = _calendar("PUBLISH")
    # nobody escapes a property the library does not know
    calendar.add("x-wr-calname", vText(title))
    for booking, words in bookings:
        calendar.add_component(_event(booking, words, now))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    return calendar


def _event(booking: Booking, words: Words, now: float) -> Event:
    wish, zone = booking.wish, ZoneInfo(booking.wish.zone)
    event = Event()
    event.add("uid", booking.uid)
    event.add("dtstamp", datetime.fromtimestamp(now, UTC))
    event.add("sequence", booking.sequence)
    event.add("dtstart", wish.starts.replace(tzinfo=zone))
    event.add("duration", timedelta(minutes=wish.minutes))
    event.add("summary", wish.title)
    event.add("location", words.location)
    event.add("description", words.description)
    event.add("status", "CONFIRMED")
    if MAIL.fullmatch(wish.organiser):
        organiser = vCalAddress(f"mailto:{wish.organiser}")
        if wish.organisation:
            organiser.params["CN"] = vText(wish.organisation)
        event.add("organizer", organiser)
    if wish.weekly_until is not None:
        last = max(wish.days())
        # with a zone in DTSTART, UNTIL is UTC (section 3.3.10)
        until = datetime.fromtimestamp(wish.begins_at(last), UTC)
        event.add("rrule", {"freq": "weekly", "until": until})
        for day in sorted(day for day, room in booking.given_up if room == ALL_ROOMS):
            event.add("exdate", datetime.combine(day, wish.starts.time(), zone))
    return event
