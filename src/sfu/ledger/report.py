"""Sums over meetings: by month, by the site that would have driven, by who held them."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, tzinfo
from enum import StrEnum

from sfu.ledger.meeting import Meeting
from sfu.ledger.road import Roads
from sfu.ledger.saving import Entry, Rule, enter

TOTAL = "total"
"""Key of the last line of a table."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would reckon with instead of showing it."""


class By(StrEnum):
    """How sums are split."""

    MONTH = "month"
    SITE = "site"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report; of a site, the meetings it took part in."""

    key: str
    """A month as 2026-01, a site, an organisation; "" for who is none of these."""
    meetings: int
    people: int
    minutes: float
    km: float
    co2_kg: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a span of time saved."""

    rows: tuple[Row, ...]
    """By key."""
    total: Row
    unknown_roads: tuple[tuple[str, str], ...]
    """Pairs of sites that would have been driven between, of which nobody said how far it is."""


def table(by: By, rows: Iterable[Row]) -> str:
    """Return rows as RFC 4180 has them, numbers with a point."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([by.value, *(one.name for one in fields(Row)[1:])])
    for key, *numbers in map(astuple, rows):
        shown = f"'{key}" if key.startswith(FORMULA) else key
        writer.writerow([shown, *map(_number, numbers)])
    return out.getvalue()


def report(meetings: Iterable[Meeting], by: By, rule: Rule, roads: Roads, zone: tzinfo) -> Report:
    """Reckon meetings that are over; months are those of `zone` in which they began."""
    found = [entry for one in meetings if (entry := enter(one, rule, roads)) is not None]
    sums: dict[str, Row] = {}
    for entry in found:
        for row in _split(entry, by, rule, zone):
            sums[row.key] = _add(sums.get(row.key), row)
    total = Row(TOTAL, 0, 0, 0.0, 0.0, 0.0)
    for entry in found:
        total = _add(total, _whole(entry, TOTAL))
    return Report(tuple(sums[key] for key in sorted(sums)), total, _unknown(found))


def _split(entry: Entry, by: By, rule: Rule, zone: tzinfo) -> Iterator[Row]:
    match by:
        case By.MONTH:
            begun = datetime.fromtimestamp(entry.meeting.started_at, zone)
            yield _whole(entry, f"{begun:%Y-%m}")
        case By.ORGANISATION:
            yield _whole(entry, entry.meeting.organisation)
        case By.SITE:
            km = {one.site: one.km for one in entry.journeys}
            for one in entry.attendances:
                driven = km.get(one.site, 0.0)
                co2_kg = driven * rule.co2_kg_per_km
                yield Row(one.site, 1, one.people, one.minutes, driven, co2_kg)


def _whole(entry: Entry, key: str) -> Row:
    return Row(key, 1, entry.people, entry.minutes, entry.km, entry.co2_kg)


def _add(sum_: Row | None, row: Row) -> Row:
    if sum_ is None:
        return row
    return Row(
        sum_.key,
        sum_.meetings + row.meetings,
        sum_.people + row.people,
        sum_.minutes + row.minutes,
        sum_.km + row.km,
        sum_.co2_kg + row.co2_kg,
    )


def _unknown(entries: Sequence[Entry]) -> tuple[tuple[str, str], ...]:
    pairs = {
        (min(one.site, entry.venue), max(one.site, entry.venue))
        for entry in entries
        for one in entry.journeys
        if not one.known
    }
    return tuple(sorted(pairs))


def _number(value: float) -> str:
    """Write a number without tail: 2584, 630.5."""
    return f"{value:.1f}".removesuffix(".0")
