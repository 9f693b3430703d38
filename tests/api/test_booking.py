"""Bookings over HTTP."""

import pytest
from starlette.testclient import TestClient

from sfu.api.app import WebSettings, create_app
from tests.api.house import ScriptedHouse

WISH = {
    "title": "Conseil",
    "organisation": "Parc",
    "organiser": "anne@example.org",
    "rooms": ["4201"],
    "starts": "2027-03-12T09:00",
    "minutes": 90,
    "weekly_until": "2027-04-09",
}


@pytest.fixture
def house() -> ScriptedHouse:
    return ScriptedHouse()


@pytest.fixture
def client(house: ScriptedHouse) -> TestClient:
    return TestClient(create_app(house, WebSettings()), base_url="http://127.0.0.1")


def test_a_wish_is_granted_shown_and_cancelled(client, house):
    made = client.post("/api/v1/bookings", json=WISH)
    assert made.status_code == 201
    booking = made.json()
    assert (booking["number"], booking["timezone"]) == ("4201", "Europe/Paris")
    assert booking["starts"] == "2027-03-12T09:00:00"
    shown = client.get(f"/api/v1/bookings/{booking['booking']}")
    assert shown.json() == booking
    weeks = client.get("/api/v1/bookings?from=2027-03-01&to=2027-04-30").json()
    assert [one["begins_at"] for one in weeks][2:4] == [
        "2027-03-26T09:00+01:00", "2027-04-02T09:00+02:00",
    ]  # fmt: skip
    assert client.delete(f"/api/v1/bookings/{booking['booking']}?day=2027-03-19").status_code == 204
    assert client.delete(f"/api/v1/bookings/{booking['booking']}").status_code == 204
    assert client.delete(f"/api/v1/bookings/{booking['booking']}").status_code == 404
    assert client.get(f"/api/v1/bookings/{booking['booking']}").status_code == 404


def test_a_no_comes_with_its_reason_in_words(client):
    client.post("/api/v1/bookings", json=WISH)
    twice = client.post("/api/v1/bookings", json=WISH | {"weekly_until": None})
    assert twice.status_code == 409
    assert twice.json() == {
        "reason": "taken",
        "why": "room 4201 is booked on 2027-03-12 from 09:00 to 10:30 (Conseil)",
        "facts": {
            "room": "4201",
            "title": "Conseil",
            "day": "2027-03-12",
            "begin": "09:00",
            "end": "10:30",
        },
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"rooms": []},
        {"rooms": ["4201", "4201"]},
        {"rooms": ["nowhere"]},
        {"starts": "2027-03-12T09:00+01:00"},
        {"starts": "9999-12-31T23:00"},
        {"starts": "0001-01-01T00:00"},
        {"weekly_until": "9999-12-31"},
        {"minutes": 0},
        {"title": ""},
        {"title": "a\r\nBEGIN:VALARM"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"unknown": 1},
    ],
)
def test_a_wish_that_cannot_be_is_a_422(client, wrong):
    assert client.post("/api/v1/bookings", json=WISH | wrong).status_code == 422


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=2027-03-02&to=2027-03-01", 400),
        ("from=2027-03-02&to=2037-03-01", 400),
        ("from=0001-01-01", 422),
        ("from=2027-03-01", 200),
        ("", 200),
    ],
)
def test_days_are_looked_at_within_reason(client, query, status):
    assert client.get(f"/api/v1/bookings?{query}").status_code == status


def test_what_cannot_be_written_is_a_503(client, house):
    house.disk_full = True
    assert client.post("/api/v1/bookings", json=WISH).status_code == 503


def test_calendars_get_what_they_read(client):
    booking = client.post("/api/v1/bookings", json=WISH).json()["booking"]
    invitation = client.get(f"/api/v1/bookings/{booking}/invitation")
    assert invitation.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "METHOD:PUBLISH" in invitation.text
    assert client.get("/api/v1/bookings/77/invitation").status_code == 404
    feed = client.get("/api/v1/calendar?room=4201")
    assert feed.text.count("BEGIN:VEVENT") == 1
    assert client.get("/api/v1/calendar?room=4202").text.count("BEGIN:VEVENT") == 0


def test_strangers_book_nothing(client, house):
    house.trusted = frozenset()
    assert client.post("/api/v1/bookings", json=WISH).status_code == 401
    assert client.get("/api/v1/calendar").status_code == 401


def test_a_question_is_answered_as_the_wish_would_be_and_books_nothing(client, house):
    asked = client.post("/api/v1/bookings/question", json=WISH)
    assert asked.status_code == 200
    assert asked.json() == {
        "granted": True, "reason": "", "why": "", "number": "4201", "facts": {},
    }  # fmt: skip
    assert house.agenda.bookings == {}
    client.post("/api/v1/bookings", json=WISH)
    again = client.post("/api/v1/bookings/question", json=WISH | {"weekly_until": None}).json()
    assert (again["granted"], again["reason"]) == (False, "taken")
    assert again["why"] == "room 4201 is booked on 2027-03-12 from 09:00 to 10:30 (Conseil)"
    assert len(house.agenda.bookings) == 1
