"""What one meeting saved: the example of docs/ledger.md first, then the laws."""

import pytest
from hypothesis import given

from sfu.ledger import Journey, Rule, enter
from sfu.model import Venue
from tests.ledger import people
from tests.ledger.people import HOUR, JURA, meeting, stay

COUNCIL = meeting(
    stay("lajoux", 0, 1.5 * HOUR),
    stay("morez", 0, 1.5 * HOUR),
    stay("saint-claude", 0, 1.5 * HOUR),
    stay("saint-claude", 0, 1.5 * HOUR),
    home="morez",
)


def entry(rule, of=COUNCIL):
    found = enter(of, rule, JURA)
    assert found is not None
    return found


def test_by_the_nearest_the_least_is_counted():
    found = entry(Rule())
    assert found.venue == "saint-claude"
    assert found.journeys == (Journey("lajoux", 40.0), Journey("morez", 48.0))
    assert (found.km, found.co2_kg, found.people, found.minutes) == (88, 88 * 0.244, 4, 90)


@pytest.mark.parametrize(
    ("rule", "venue", "km"),
    [
        (Rule(venue=Venue.SEAT, seat="lajoux"), "lajoux", 132),
        (Rule(venue=Venue.SEAT), "saint-claude", 88),
        (Rule(venue=Venue.ROOM), "morez", 148),
        (Rule(venue=Venue.LARGEST), "saint-claude", 88),
        (Rule(venue=Venue.SEAT, seat="lajoux", round_trip=False), "lajoux", 66),
        (Rule(venue=Venue.SEAT, seat="lajoux", people_per_car=2), "lajoux", 92),
    ],
)
def test_each_rule_sends_them_elsewhere(rule, venue, km):
    assert (entry(rule).venue, entry(rule).km) == (venue, km)


def test_a_room_without_site_meets_at_the_seat():
    homeless = meeting(stay("morez"), stay("saint-claude"))
    assert entry(Rule(venue=Venue.ROOM, seat="lajoux"), homeless).venue == "lajoux"
    assert entry(Rule(venue=Venue.ROOM), homeless).km == 48


def test_where_most_people_sit_the_fewest_drive():
    crowd = meeting(stay("lajoux", people=4), stay("morez"))
    found = entry(Rule(venue=Venue.LARGEST), crowd)
    assert (found.venue, found.km) == ("lajoux", 52)


def test_a_car_that_is_not_full_drives_too():
    assert [Rule(people_per_car=3).cars(people) for people in (1, 3, 4, 6, 7)] == [1, 1, 2, 2, 3]


def test_one_site_alone_saved_nothing():
    assert enter(meeting(stay("morez"), stay("morez"), stay("")), Rule(), JURA) is None
    assert enter(meeting(), Rule(), JURA) is None


def test_who_is_at_home_counts_and_saves_nothing():
    found = entry(Rule(), meeting(stay("morez"), stay("lajoux"), stay("", people=2)))
    assert (found.people, found.km) == (4, 52)


def test_an_unknown_road_is_told_and_avoided_where_it_can_be():
    far = meeting(stay("lajoux"), stay("morez"), stay("oyonnax"))
    found = entry(Rule(), far)
    assert [one.site for one in found.journeys if not one.known] == ["oyonnax"]
    assert found.km == 52


@given(people.meetings, people.rules)
def test_kilometres_are_never_less_than_nothing_and_nobody_drives_to_where_he_is(meeting, rule):
    found = enter(meeting, rule, JURA)
    if found is None:
        return
    assert all(one.km >= 0 for one in found.journeys)
    assert found.venue not in [one.site for one in found.journeys]
    sites = {one.site for one in found.attendances if one.site}
    assert {one.site for one in found.journeys} == sites - {found.venue}
    assert found.co2_kg == pytest.approx(found.km * rule.co2_kg_per_km)


@given(people.meetings, people.rules)
def test_no_rule_saves_less_than_the_nearest_where_all_roads_are_known(meeting, rule):
    nearest = Rule(
        people_per_car=rule.people_per_car,
        round_trip=rule.round_trip,
        least_minutes=rule.least_minutes,
    )
    least, found = enter(meeting, nearest, JURA), enter(meeting, rule, JURA)
    if least is None or found is None or rule.venue is not Venue.LARGEST:
        return
    if all(one.known for one in (*least.journeys, *found.journeys)):
        assert found.km >= least.km
