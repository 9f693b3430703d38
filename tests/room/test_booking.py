"""Weekly meetings stay at their wall clock over both changes of the clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import WEEKLY, rrule
from hypothesis import given
from hypothesis import strategies as st

from sfu.room.booking import ALL_ROOMS, Booking, occurrences
from tests.room.week import LAJOUX, MOREZ, PARIS, at, wish

FOREVER = float("inf")


def booking(asked, **more):
    return Booking(1, "b1@sfu", LAJOUX, asked, 0.0, **more)


def begins(asked, zone=UTC):
    return [
        datetime.fromtimestamp(one.begins_at, zone).isoformat(timespec="minutes")
        for one in occurrences(booking(asked), 0, FOREVER)
    ]


def test_fridays_at_nine_stay_at_nine_when_summer_begins():
    friday = wish(starts=(2027, 3, 19, 9, 0), until=(2027, 4, 2))
    assert begins(friday) == [
        "2027-03-19T08:00+00:00", "2027-03-26T08:00+00:00", "2027-04-02T07:00+00:00",
    ]  # fmt: skip


def test_fridays_at_nine_stay_at_nine_when_summer_ends():
    friday = wish(starts=(2027, 10, 22, 9, 0), until=(2027, 11, 5))
    assert begins(friday) == [
        "2027-10-22T07:00+00:00", "2027-10-29T07:00+00:00", "2027-11-05T08:00+00:00",
    ]  # fmt: skip
    assert [text[11:16] for text in begins(friday, ZoneInfo(PARIS))] == ["09:00"] * 3


def test_a_time_that_does_not_come_is_reckoned_by_the_offset_before_the_gap():
    sunday = wish(starts=(2027, 3, 21, 2, 30), until=(2027, 4, 4))
    assert begins(sunday, ZoneInfo(PARIS)) == [
        "2027-03-21T02:30+01:00", "2027-03-28T03:30+02:00", "2027-04-04T02:30+02:00",
    ]  # fmt: skip


def test_a_time_that_comes_twice_is_the_first_of_both():
    assert begins(wish(starts=(2027, 10, 31, 2, 30)), ZoneInfo(PARIS)) == ["2027-10-31T02:30+02:00"]


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ((2027, 3, 28, 1, 0), "2027-03-28T04:00+02:00"),  # two real hours, three by the clock
        ((2027, 10, 31, 1, 0), "2027-10-31T02:00+01:00"),  # and one by the clock
    ],
)
def test_minutes_are_real_ones(starts, ends):
    (one,) = occurrences(booking(wish(starts=starts, minutes=120)), 0, FOREVER)
    shown = datetime.fromtimestamp(one.ends_at, ZoneInfo(PARIS))
    assert shown.isoformat(timespec="minutes") == ends


def test_what_was_given_up_does_not_come():
    given_up = frozenset({(date(2027, 3, 19), ALL_ROOMS), (date(2027, 3, 26), MOREZ)})
    weekly = booking(wish(LAJOUX, MOREZ, until=(2027, 3, 26)), given_up=given_up)
    found = [(one.day.day, one.rooms) for one in occurrences(weekly, 0, FOREVER)]
    assert found == [(12, (LAJOUX, MOREZ)), (26, (LAJOUX,))]


def test_a_day_of_which_all_rooms_were_freed_does_not_come():
    freed = booking(wish(MOREZ), given_up=frozenset({(date(2027, 3, 12), MOREZ)}))
    assert list(occurrences(freed, 0, FOREVER)) == []


def test_a_span_shows_what_has_a_moment_in_it():
    nine = booking(wish(minutes=60))
    for begin, end, shown in (
        (at(2027, 3, 12, 8), at(2027, 3, 12, 9), 0),
        (at(2027, 3, 12, 8), at(2027, 3, 12, 9, 1), 1),
        (at(2027, 3, 12, 9, 59), at(2027, 3, 12, 12), 1),
        (at(2027, 3, 12, 10), at(2027, 3, 12, 12), 0),
    ):
        assert len(list(occurrences(nine, begin, end))) == shown


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    st.integers(0, 60),
    st.sampled_from([PARIS, "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]),
)
def test_weeks_are_those_of_an_rrule(starts, weeks, zone):
    starts = starts.replace(second=0, microsecond=0)
    until = (starts + timedelta(weeks=weeks, days=3)).date()
    asked = wish(starts=starts.timetuple()[:5], until=until.timetuple()[:3], zone=zone)
    walls = rrule(WEEKLY, dtstart=starts, until=datetime.combine(until, datetime.max.time()))
    expected = [wall.replace(tzinfo=ZoneInfo(zone)).timestamp() for wall in walls]
    assert [one.begins_at for one in occurrences(booking(asked), 0, FOREVER)] == expected
