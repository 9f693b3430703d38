"""What calendars read: parsed back by a reader that is not ours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from icalendar import Calendar

from sfu.room.booking import ALL_ROOMS, Booking, occurrences
from sfu.room.invitation import Words, feed, invitation
from tests.room.week import LAJOUX, MOREZ, NOW, PARIS, wish

WORDS = Words(
    "Lajoux, siège; Morez", "Composez 4201 depuis la salle\nou ouvrez https://sfu.example"
)


def booking(asked, **more):
    return Booking(1, "b1@sfu.example", "4201", asked, NOW, **more)


def read(text):
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    calendar = Calendar.from_ical(text)
    return calendar, calendar.walk("VEVENT")


def test_an_invitation_says_what_when_where_and_who():
    calendar, (event,) = read(invitation(booking(wish(LAJOUX, MOREZ), sequence=2), WORDS, NOW))
    assert calendar["METHOD"] == "PUBLISH"  # RFC 5546, 3.2.2: a request has attendees
    assert (event["UID"], event["SUMMARY"], event["SEQUENCE"]) == ("b1@sfu.example", "Conseil", 2)
    assert event.decoded("DTSTART") == datetime(2027, 3, 12, 9, tzinfo=ZoneInfo(PARIS))
    assert event["DTSTART"].params["TZID"] == PARIS
    assert event.decoded("DURATION") == timedelta(minutes=90)
    assert str(event["LOCATION"]) == WORDS.location
    assert str(event["DESCRIPTION"]) == WORDS.description
    assert event["ORGANIZER"] == "mailto:anne@example.org"
    assert "RRULE" not in event


def test_who_gave_no_address_invites_nobody():
    calendar, (event,) = read(invitation(booking(wish(organiser="Anne")), WORDS, NOW))
    assert "METHOD" not in calendar  # 3.2.1: what is published has an organiser
    assert "ORGANIZER" not in event


@pytest.mark.parametrize(
    ("starts", "until"),
    [((2027, 3, 12, 9, 0), (2027, 4, 14)), ((2027, 10, 15, 9, 0), (2027, 11, 30))],
)
def test_weeks_are_the_same_to_a_calendar_as_to_us(starts, until):
    skipped = date(*starts[:3]) + timedelta(weeks=2)
    weekly = booking(wish(starts=starts, until=until), given_up=frozenset({(skipped, ALL_ROOMS)}))
    calendar, (event,) = read(invitation(weekly, WORDS, NOW))
    rule = rrulestr(event["RRULE"].to_ical().decode(), dtstart=event.decoded("DTSTART"))
    away = {one.dt for one in event["EXDATE"].dts}
    theirs = [one.timestamp() for one in rule if one not in away]
    assert theirs == [one.begins_at for one in occurrences(weekly, 0, float("inf"))]
    (zone,) = calendar.walk("VTIMEZONE")
    assert zone["TZID"] == PARIS
    assert {part.name for part in zone.subcomponents} >= {"DAYLIGHT", "STANDARD"}


def test_the_last_week_is_said_in_utc():
    _, (event,) = read(invitation(booking(wish(until=(2027, 4, 10))), WORDS, NOW))
    assert event["RRULE"]["UNTIL"] == [datetime(2027, 4, 9, 7, tzinfo=UTC)]


def test_what_people_write_cannot_end_a_line():
    evil = wish(title="a\r\nBEGIN:VALARM\r\nb", organisation='"Parc";X=1', organiser="a@b\r\nX:1")
    _, (event,) = read(invitation(booking(evil), WORDS, NOW))
    assert event.subcomponents == []
    assert "X" not in event


def test_a_feed_holds_all_and_each_zone_once():
    two = [(booking(wish()), WORDS), (booking(wish(starts=(2027, 3, 13, 9, 0))), WORDS)]
    calendar, events = read(feed(two, "Salles", NOW, PARIS))
    assert (calendar["METHOD"], len(events)) == ("PUBLISH", 2)
    assert str(calendar["X-WR-CALNAME"]) == "Salles"
    assert len(calendar.walk("VTIMEZONE")) == 1
    empty, events = read(feed([], "Salles", NOW, PARIS))
    assert events == []
    assert [part.name for part in empty.subcomponents] == [
        "VTIMEZONE"
    ]  # RFC 5545, 3.6: one at least
    abroad = booking(wish(starts=(2027, 3, 13, 9, 0), zone="America/Guadeloupe"))
    calendar, _ = read(feed([(abroad, WORDS)], "Salles", NOW, PARIS))
    assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == [PARIS, "America/Guadeloupe"]


@pytest.mark.parametrize("title", ["Conseil\nBEGIN:VEVENT", "a\r\nb", "a;b,c\\d", "\u2028"])
def test_a_feed_of_any_title_is_one_calendar(title):
    (calendar,) = Calendar.from_ical(feed((), title, NOW, PARIS), multiple=True)
    assert [part.name for part in calendar.subcomponents] == ["VTIMEZONE"]
    assert calendar.to_ical().count(b"X-WR-CALNAME") == 1
