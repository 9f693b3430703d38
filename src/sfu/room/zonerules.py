"""A time zone's rules as calendars read them (RFC 5545 section 3.6.5), for the years that matter.

Each change of the clock is said by the wall clock before it: Paris goes to summer time at 02:00.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """The clock is put on or back."""

    at: datetime
    """By the wall clock before it, without a zone."""
    before: timedelta
    after: timedelta
    name: str
    summer: bool


def zone_rules(name: str, first: int, last: int) -> Timezone:
    """Return the rules of a zone from the year `first` to the year `last`, both whole."""
    rules = Timezone()
    rules.add("tzid", name)
    zone = ZoneInfo(name)
    begin = datetime(first, 1, 1, tzinfo=UTC)
    found = [_change(zone, begin, begin)]  # how it stands when the first year begins
    found += [_change(zone, at - SECOND, at) for at in _changes(zone, begin, last)]
    alike: dict[tuple[object, ...], list[Change]] = {}
    for one in found:
        alike.setdefault((one.before, one.after, one.name, one.summer), []).append(one)
    for ones in alike.values():
        rules.add_component(_rule(ones))
    return rules


def _rule(ones: list[Change]) -> TimezoneStandard | TimezoneDaylight:
    rule = TimezoneDaylight() if ones[0].summer else TimezoneStandard()
    rule.add("dtstart", ones[0].at)
    if ones[1:]:
        rule.add("rdate", [one.at for one in ones[1:]])
    rule.add("tzname", ones[0].name)
    rule.add("tzoffsetfrom", ones[0].before)
    rule.add("tzoffsetto", ones[0].after)
    return rule


def _change(zone: ZoneInfo, before: datetime, at: datetime) -> Change:
    was, now = before.astimezone(zone).utcoffset(), at.astimezone(zone)
    offset = now.utcoffset()
    assert was is not None
    assert offset is not None
    wall = (at + was).replace(tzinfo=None)
    return Change(wall, was, offset, now.tzname() or "", bool(now.dst()))


def _changes(zone: ZoneInfo, begin: datetime, last: int) -> Iterator[datetime]:
    """Give the moments at which the offset changes, to the second."""
    at = begin
    while at.year <= last:
        if at.astimezone(zone).utcoffset() != (at + DAY).astimezone(zone).utcoffset():
            yield _between(zone, at, at + DAY)
        at += DAY


def _between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    old = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
