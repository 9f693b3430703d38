"""Which sites took part, with how many people, for how long."""

from hypothesis import given

from sfu.ledger import Attendance, attend
from tests.ledger import people
from tests.ledger.people import stay

MINUTE = 60.0


def test_a_site_counts_its_people_and_its_minutes():
    found = attend([stay("morez", 0, 30 * MINUTE, 3), stay("lajoux", 0, 90 * MINUTE)], 10)
    assert found == (Attendance("lajoux", 1, 90.0), Attendance("morez", 3, 30.0))


def test_a_unit_that_lost_its_line_and_came_back_is_one_unit():
    twice = [stay("morez", 0, 20 * MINUTE), stay("morez", 22 * MINUTE, 60 * MINUTE)]
    assert attend(twice, 10) == (Attendance("morez", 1, 58.0),)
    at_once = [stay("morez", 0, 20 * MINUTE), stay("morez", 20 * MINUTE, 60 * MINUTE)]
    assert attend(at_once, 10) == (Attendance("morez", 1, 60.0),)


def test_two_at_one_site_are_two_people_and_one_hour():
    both = [stay("morez", 0, 60 * MINUTE), stay("morez", 30 * MINUTE, 60 * MINUTE)]
    assert attend(both, 10) == (Attendance("morez", 2, 60.0),)


def test_who_came_for_a_moment_did_not_take_part():
    assert attend([stay("morez", 0, 9 * MINUTE)], 10) == ()
    assert attend([stay("morez", 0, 5 * MINUTE), stay("morez", 6 * MINUTE, 11 * MINUTE)], 10)


@given(people.meetings)
def test_nobody_is_counted_twice_and_no_minute(meeting):
    for one in attend(meeting.stays, 0):
        here = [each for each in meeting.stays if each.site == one.site]
        assert 0 < one.people <= sum(each.people for each in here)
        longest = max(each.left_at - each.joined_at for each in here) / 60
        whole = (meeting.ended_at - meeting.started_at) / 60
        assert longest - 1e-6 <= one.minutes <= whole + 1e-6
