"""What calendars are told of a zone's clock is what the clock does."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sfu.room.zonerules import zone_rules


def onsets(rules: Any) -> list[tuple[datetime, timedelta]]:
    """Give each onset, by the wall clock, and the offset from then on, as a reader has them."""
    found = []
    for part in rules.subcomponents:
        also = part.get("RDATE")
        for at in (part.decoded("DTSTART"), *([one.dt for one in also.dts] if also else [])):
            found.append((at, part.decoded("TZOFFSETTO")))
    return sorted(found)


def hours(zone, year):
    """Yield the wall clock of every hour of a year that comes once."""
    at = datetime(year, 1, 2, tzinfo=UTC)
    while at.year == year:
        wall = at.astimezone(zone)
        if wall.replace(fold=0).utcoffset() == wall.replace(fold=1).utcoffset():
            yield wall
        at += timedelta(hours=1)


@pytest.mark.parametrize(
    "name", ["Europe/Paris", "America/Guadeloupe", "Australia/Lord_Howe", "UTC"]
)
def test_every_hour_of_a_year_has_its_offset(name):
    zone = ZoneInfo(name)
    rules: Any = zone_rules(name, 2027, 2028)
    assert rules["TZID"] == name
    told = onsets(rules)
    for wall in hours(zone, 2028):
        offset = [after for at, after in told if at <= wall.replace(tzinfo=None)][-1]
        assert offset == wall.utcoffset(), wall


def test_paris_goes_to_summer_time_at_two_and_back_at_three():
    said = zone_rules("Europe/Paris", 2027, 2027).to_ical().decode()
    assert "BEGIN:DAYLIGHT\r\nDTSTART:20270328T020000\r\n" in said
    assert "BEGIN:STANDARD\r\nDTSTART:20271031T030000\r\n" in said
    assert said.count("BEGIN:STANDARD") == 2  # and how it stands on the first of January
    assert len(said) < 600


def test_years_alike_stand_in_one_rule():
    rules: Any = zone_rules("Europe/Paris", 2027, 2029)
    assert [part.name for part in rules.subcomponents] == ["STANDARD", "DAYLIGHT", "STANDARD"]
    assert [one.dt.day for one in rules.subcomponents[1]["RDATE"].dts] == [26, 25]
