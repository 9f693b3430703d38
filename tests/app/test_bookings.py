"""Bookings as operators and calendars see them, and what lines bear."""

from datetime import date
from ipaddress import ip_network
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from sfu.app import bookings
from sfu.config import Http, Line, Room, Settings, Sip, Tls
from sfu.errors import UseError
from sfu.model import LineId
from sfu.room.agenda import Agenda
from sfu.shell.lines import Lines
from tests.room.week import LAJOUX, MOREZ, NOW, ROOMS, booked, wish

SETTINGS = Settings(
    tls=Tls(names=("visio.example.org",)),
    http=Http(tls_port=443),
    sip=Sip(domain="example.org"),
    room=(Room(number=LAJOUX, name="Lajoux"), Room(number=MOREZ, name="Morez")),
)


def lines(*given: Line) -> Lines:
    numbers = count(1)
    return Lines(given, [one.site for one in given], lambda: LineId(next(numbers)))


def line(site: str, bps: int, **more: Any) -> Line:
    return Line(site=site, up_bps=bps, down_bps=bps, **more)


@pytest.fixture
def shown() -> Any:
    agenda = Agenda(ROOMS)
    booked(agenda, wish(LAJOUX, MOREZ, until=(2027, 4, 9)))
    return SimpleNamespace(agenda=agenda, clock=lambda: NOW)


def test_a_line_bears_so_many_units_with_a_picture_each():
    bears = bookings.line_question(lines(line("morez", 1_000_000), line("lajoux", 64_000)))
    assert bears({"morez": 1}) == ""
    assert bears({"elsewhere": 40, "": 3}) == ""
    assert bears({"morez": 20}).startswith("line morez has no room: ")
    assert bears({"morez": 1, "lajoux": 1}).startswith("line lajoux has no room: ")


def test_the_servers_own_line_bears_all_who_are_not_beside_it():
    networks = (ip_network("192.0.2.0/24"),)
    bears = bookings.line_question(
        lines(line("hall", 1_000_000, server=True, networks=networks), line("morez", 90_000_000))
    )
    assert bears({"hall": 40, "morez": 2}) == ""
    assert bears({"morez": 20}).startswith("line hall has no room: ")


def test_weeks_are_shown_by_the_wall_clock_with_its_offset(shown):
    rows = bookings.between(shown, SETTINGS, date(2027, 3, 20), date(2027, 4, 2))
    assert [(row.begins_at, row.ends_at) for row in rows] == [
        ("2027-03-26T09:00+01:00", "2027-03-26T10:30+01:00"),
        ("2027-04-02T09:00+02:00", "2027-04-02T10:30+02:00"),
    ]
    assert len(bookings.between(shown, SETTINGS, None, None)) == 3
    with pytest.raises(UseError):
        bookings.between(shown, SETTINGS, date(2027, 3, 2), date(2027, 3, 1))


def test_a_booking_shows_what_was_cancelled(shown):
    shown.agenda.give_up(1, date(2027, 3, 19))
    shown.agenda.give_up(1, date(2027, 3, 26), MOREZ)
    view = bookings.view(shown.agenda.bookings[1])
    assert view.cancelled_days == (date(2027, 3, 19),)
    assert (view.rooms, view.timezone) == ((LAJOUX, MOREZ), "Europe/Paris")


def test_an_invitation_says_where_to_go(shown):
    text = bookings.invite(shown, SETTINGS, 1)
    assert text is not None
    unfolded = text.decode().replace("\r\n ", "")
    assert "LOCATION:Lajoux\\, Morez" in unfolded
    assert "sip:4201@example.org" in unfolded
    assert "https://visio.example.org/?room=4201" in unfolded
    assert bookings.invite(shown, SETTINGS, 7) is None


@pytest.mark.parametrize(
    ("room", "organisation", "found", "title"),
    [
        ("", "", 1, "sfu"),
        (MOREZ, "", 1, "Morez"),
        ("4299", "", 0, "4299"),
        ("", "Parc", 1, "Parc"),
        ("", "Olargues", 0, "Olargues"),
    ],
)
def test_a_feed_holds_what_was_asked_for(shown, room, organisation, found, title):
    text = bookings.calendar(shown, SETTINGS, room, organisation).decode()
    assert text.count("BEGIN:VEVENT") == found
    assert f"X-WR-CALNAME:{title}\r\n" in text
