"""Bookings as calendars read them (RFC 5545), and invitations (RFC 5546).

An invitation is published, not requested: a request names its attendees (section 3.2.2), whom we do
not know.  What is published has an organiser; without his address it is a plain calendar.

Times stand by the wall clock of their zone, with the zone's rules beside them, so that "Fridays at
nine" stays at nine in every calendar.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from sfu.room.booking import ALL_ROOMS, Booking
from sfu.room.zonerules import zone_rules

MAIL = re.compile(r"[^\s@\"<>,;:]+@[^\s@\"<>,;:]+")
PRODUCT = "-//sfu//bookings//FR"


@dataclass(frozen=True, slots=True)
class Words:
    """What an invitation says of how to come."""

    location: str
    """The rooms, as people write them."""
    description: str
    page: str = ""
    """Where browsers join; "" where the server knows no address of its own."""


def invitation(booking: Booking, words: Words, now: float) -> bytes:
    """Return one booking as something to be sent: who reads it is invited."""
    organised = MAIL.fullmatch(booking.wish.organiser)
    calendar = _calendar("PUBLISH" if organised else "")
    calendar.add_component(_rules([booking], booking.wish.zone))
    calendar.add_component(_event(booking, words, now))
    return bytes(calendar.to_ical())


def feed(bookings: Iterable[tuple[Booking, Words]], title: str, now: float, zone: str) -> bytes:
    """Return many bookings as something to subscribe to; `zone` is the house's.

    A calendar is never empty (section 3.6): where nothing is booked it has the house's zone.
    """
    bookings = list(bookings)
    calendar = _calendar("PUBLISH")
    # nobody escapes a property the library does not know
    calendar.add("x-wr-calname", vText(title))
    booked = [booking for booking, _ in bookings]
    for name in dict.fromkeys([zone, *(one.wish.zone for one in booked)]):
        there = [one for one in booked if one.wish.zone == name]
        calendar.add_component(_rules(there, name, datetime.fromtimestamp(now, UTC).year))
    for booking, words in bookings:
        calendar.add_component(_event(booking, words, now))
    return bytes(calendar.to_ical())


def _rules(bookings: Iterable[Booking], zone: str, *years: int) -> Timezone:
    """Return a zone's rules for all years in which these take place, and for those."""
    found = [*years, *(day.year for one in bookings for day in one.wish.days())]
    return zone_rules(zone, min(found), max(found))


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if method:
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
    if words.page:
        event.add("url", words.page)
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
