"""Sums: split in whichever way, kilometres and CO2 are the same."""

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.ledger import By, Row, Rule, report, table
from tests.ledger import people
from tests.ledger.people import HOUR, JURA, meeting, stay

PARIS = ZoneInfo("Europe/Paris")
DAY = 24 * HOUR
PAIR = (stay("lajoux"), stay("morez"))
HERE = Rule(people_per_car=2)


def test_a_meeting_belongs_to_the_month_in_which_it_began_here():
    late = meeting(*PAIR, began=31 * DAY - HOUR)  # 31 January 23:00 UTC is 1 February in Paris
    made = report([meeting(*PAIR), late], By.MONTH, HERE, JURA, PARIS)
    assert [(row.key, row.km) for row in made.rows] == [("2026-01", 52), ("2026-02", 52)]
    assert made.total == Row("total", 2, 4, 120, 104, 52 * 0.244 + 52 * 0.244)


def test_a_site_has_the_meetings_it_took_part_in():
    made = report(
        [meeting(*PAIR), meeting(*PAIR, stay("saint-claude"))], By.SITE, HERE, JURA, PARIS
    )
    assert {row.key: row.meetings for row in made.rows} == {
        "lajoux": 2, "morez": 2, "saint-claude": 1,
    }  # fmt: skip
    assert made.total.meetings == 2


def test_who_held_it_has_it_whole():
    held = [
        meeting(*PAIR, organisation="Parc"),
        meeting(*PAIR),
        meeting(*PAIR, organisation="Parc"),
    ]
    made = report(held, By.ORGANISATION, HERE, JURA, PARIS)
    assert [(row.key, row.meetings, row.km) for row in made.rows] == [("", 1, 52), ("Parc", 2, 104)]


def test_roads_nobody_told_are_named_once():
    far = meeting(stay("oyonnax"), stay("lajoux"))
    made = report([far, far], By.MONTH, HERE, JURA, PARIS)
    assert made.unknown_roads == (("lajoux", "oyonnax"),)
    assert (made.total.meetings, made.total.km) == (2, 0)


def test_the_table_is_one_a_spreadsheet_reads_and_does_not_reckon():
    held = [meeting(*PAIR, organisation='=1+1;"a", b')]
    made = report(held, By.ORGANISATION, HERE, JURA, PARIS)
    text = table(By.ORGANISATION, (*made.rows, made.total))
    head, row, total = csv.reader(io.StringIO(text))
    assert head == ["organisation", "meetings", "people", "minutes", "km", "co2_kg"]
    assert row == ['\'=1+1;"a", b', "1", "2", "60", "52", "12.7"]
    assert total == ["total", "1", "2", "60", "52", "12.7"]


@given(st.lists(people.meetings, max_size=6), people.rules)
def test_split_in_whichever_way_the_sums_are_the_same(meetings, rule):
    made = [report(meetings, by, rule, JURA, PARIS) for by in By]
    for one in made:
        assert one.total == made[0].total
        assert sum(row.km for row in one.rows) == pytest.approx(one.total.km)
        assert sum(row.co2_kg for row in one.rows) == pytest.approx(one.total.co2_kg)
        assert sum(row.people for row in one.rows) == one.total.people
        assert min([0, *(row.km for row in one.rows)]) == 0
    for one in (made[0], made[2]):
        assert sum(row.meetings for row in one.rows) == one.total.meetings
