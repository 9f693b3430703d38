"""Yes, or no with the reason in words."""

from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.room.agenda import Agenda, Bookable, Bounds, Refusal, Refused
from sfu.room.booking import Booking
from tests.room.week import LAJOUX, MOREZ, NOW, PONS, ROOMS, at, booked, wish


@pytest.fixture
def agenda():
    return Agenda(ROOMS)


def refused(agenda, asked, now=NOW):
    found = agenda.book(asked, now, 99, "b99@sfu")
    assert isinstance(found, Refused), found
    assert 99 not in agenda.bookings
    return found.reason, found.why


def test_the_example_of_the_docs(agenda):
    booked(agenda, wish(LAJOUX, MOREZ, until=(2027, 4, 9)))
    asked = wish(MOREZ, starts=(2027, 4, 2, 10, 0), organisation="Jura Sud")
    assert refused(agenda, asked) == (
        Refusal.TAKEN,
        "room 4202 is booked on 2027-04-02 from 09:00 to 10:30 (Conseil)",
    )
    agenda.give_up(1, date(2027, 4, 2), MOREZ)
    booked(agenda, asked, 2, at(2027, 4, 2, 9, 15))


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [
        (wish("4299"), Refusal.UNKNOWN_ROOM, "4299"),
        (wish(LAJOUX, organisation="Morez"), Refusal.NOT_LENT, "of Parc is not lent to Morez"),
        (wish(MOREZ, organisation=""), Refusal.NOT_LENT, "nobody in particular"),
        (wish(starts=(2027, 3, 1, 7, 59)), Refusal.PAST, "before now"),
        (wish(until=(2027, 3, 11)), Refusal.PAST, "before it begins"),
        (wish(minutes=0), Refusal.PAST, "before it begins"),
        (wish(minutes=721), Refusal.TOO_LONG, "721 minutes"),
        (wish(starts=(2028, 6, 1, 9, 0)), Refusal.TOO_FAR, "400 days"),
        (wish(until=(9999, 12, 31)), Refusal.TOO_FAR, "9999-12-31"),
    ],
)
def test_a_no_says_why(agenda, asked, reason, words):
    found, why = refused(agenda, asked)
    assert found is reason
    assert words in why


def test_rooms_are_lent_to_whom_they_are_lent(agenda):
    booked(agenda, wish(MOREZ, organisation="Jura Sud"))
    booked(agenda, wish(PONS, organisation="Olargues"))  # to every organisation
    nobodys = Agenda([Bookable("1", lent_to=frozenset())])
    booked(nobodys, wish("1", organisation=""))


def test_one_after_the_other_is_no_conflict(agenda):
    booked(agenda, wish(minutes=60))
    booked(agenda, wish(starts=(2027, 3, 12, 10, 0)))
    booked(agenda, wish(starts=(2027, 3, 12, 8, 0), minutes=60))
    assert refused(agenda, wish(starts=(2027, 3, 12, 9, 59)))[0] is Refusal.TAKEN


def test_of_a_weekly_wish_one_week_that_is_taken_is_a_no_with_its_day(agenda):
    booked(agenda, wish(starts=(2027, 4, 2, 10, 0)))
    assert refused(agenda, wish(minutes=120, until=(2027, 4, 30))) == (
        Refusal.TAKEN, "room 4202 is booked on 2027-04-02 from 10:00 to 11:30 (Conseil)",
    )  # fmt: skip
    assert agenda.between(at(2027, 3, 12), at(2027, 3, 13)) == []


def test_by_different_clocks_it_is_the_same_moment(agenda):
    booked(agenda, wish(starts=(2027, 3, 29, 9, 0), minutes=60))
    london = wish(starts=(2027, 3, 29, 8, 30), zone="Europe/London")
    assert refused(agenda, london)[1] == (
        "room 4202 is booked on 2027-03-29 from 08:00 to 09:00 (Conseil)"
    )
    booked(agenda, wish(starts=(2027, 3, 29, 9, 0), zone="Europe/London"))


def test_what_is_cancelled_is_free_again(agenda):
    weekly = booked(agenda, wish(until=(2027, 3, 26)))
    told = agenda.give_up(weekly.booking, date(2027, 3, 19))
    assert told is not None
    assert told.sequence == 1
    booked(agenda, wish(starts=(2027, 3, 19, 9, 0)))
    assert refused(agenda, wish(starts=(2027, 3, 26, 9, 0)))[0] is Refusal.TAKEN
    assert agenda.cancel(weekly.booking) is not None
    booked(agenda, wish(starts=(2027, 3, 26, 9, 0)))
    assert agenda.cancel(77) is None
    assert agenda.give_up(77, date(2027, 3, 19)) is None


def test_the_lines_are_asked_for_every_crowd_once():
    asked = []

    def bears(crowd):
        asked.append(dict(crowd))
        return "line morez is full" if crowd["morez"] > 1 else ""

    rooms = [Bookable("1", site="morez"), Bookable("2", site="morez"), Bookable("3", site="pons")]
    agenda = Agenda(rooms, bears=bears)
    booked(agenda, wish("1", "3", until=(2027, 4, 30)))
    assert asked == [{"morez": 1, "pons": 1}]
    assert refused(agenda, wish("2", starts=(2027, 3, 19, 10, 0))) == (
        Refusal.LINE_FULL, "2027-03-19: line morez is full",
    )  # fmt: skip
    assert asked[1:] == [{"morez": 2, "pons": 1}]
    booked(agenda, wish("2", starts=(2027, 3, 19, 10, 30)))


def test_the_server_takes_so_many_units_and_no_more():
    agenda = Agenda([Bookable("1", units=2), Bookable("2")], Bounds(most_units=2))
    booked(agenda, wish("1"))
    assert refused(agenda, wish("2", starts=(2027, 3, 12, 10, 0))) == (
        Refusal.SERVER_FULL, "2027-03-12: the server takes 2 calls",
    )  # fmt: skip
    booked(agenda, wish("2", starts=(2027, 3, 12, 10, 30)))


def test_a_meeting_has_a_number_for_all_its_weeks():
    agenda = Agenda(ROOMS, Bounds(numbers=("4310", "4311")))
    weekly = booked(agenda, wish(LAJOUX, until=(2027, 4, 30)))
    other = booked(agenda, wish(MOREZ, starts=(2027, 3, 19, 10, 0)))
    after = booked(agenda, wish(MOREZ, starts=(2027, 3, 20, 9, 0)))
    assert (weekly.number, other.number, after.number) == ("4310", "4311", "4310")
    third = wish(PONS, starts=(2027, 3, 19, 16, 0))  # what went on since ten may still go on
    assert refused(agenda, third)[0] is Refusal.NO_NUMBER


def test_without_numbers_it_meets_in_the_first_room(agenda):
    assert booked(agenda, wish(MOREZ, LAJOUX)).number == MOREZ


wishes = st.builds(
    lambda rooms, day, hour, minutes, weeks: wish(
        *rooms, starts=(2027, 3, day, hour, 0), minutes=minutes,
        until=(2027, 4, weeks) if weeks else None,
    ),
    st.lists(st.sampled_from((LAJOUX, MOREZ, PONS)), min_size=1, max_size=3, unique=True),
    st.integers(2, 31), st.integers(0, 23), st.integers(1, 720), st.integers(0, 30),
)  # fmt: skip


@given(st.lists(wishes, max_size=12))
def test_whatever_is_asked_no_room_and_no_number_is_had_twice_at_once(asked):
    agenda = Agenda(ROOMS, Bounds(numbers=("4310", "4311")))
    for number, one in enumerate(asked, 1):
        found = agenda.book(one, NOW, number, "")
        assert isinstance(found, Booking) == (number in agenda.bookings)
        if isinstance(found, Refused):
            assert found.why
    there = agenda.between(NOW, at(2028, 1, 1))
    for one, other in combinations(there, 2):
        if one.overlaps(other.begins_at, other.ends_at):
            assert not set(one.rooms) & set(other.rooms)
            assert one.number != other.number
