r"""The ledger over the call records: what a span of time saved, and running sums for /metrics.

::

    meetings, calls --> read --> Meeting --> ledger.report     when somebody asks
                          \--> enter, add                    each minute, those that ended since
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, RowMapping, select
from sqlalchemy.exc import SQLAlchemyError

from sfu.config import Settings
from sfu.ledger import By, Meeting, Report, Roads, Rule, Stay, enter, report
from sfu.model import Protocol
from sfu.shell.store import Store
from sfu.shell.tables import calls, meetings

EVERY_S = 60.0
"""How often meetings that ended are added to the sums."""
OTHER = "other"
"""Label of sites that are configured no more: the series stay few."""

log = structlog.get_logger()


def rule_of(settings: Settings) -> Rule:
    """Give the rule as it is configured."""
    one = settings.ledger
    return Rule(
        one.venue,
        one.seat,
        one.people_per_car,
        one.round_trip,
        one.co2_kg_per_km,
        one.least_minutes,
    )


def roads_of(settings: Settings) -> Roads:
    """Give the roads as they are configured."""
    return Roads((one.between[0], one.between[1], one.km) for one in settings.distance)


@dataclass(slots=True)
class Sums:
    """All meetings there are records of."""

    meetings: int = 0
    km: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By site that would have driven."""
    co2_kg: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Ledger:
    """Reads the records; changes nothing in them."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Reckon by these settings."""
        self._store = store
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Reckon by these settings from now on, what was before too."""
        self.rule = rule_of(settings)
        self.zone = ZoneInfo(settings.timezone)
        self.titles = {one.name: one.title for one in settings.site if one.title}
        self._roads = roads_of(settings)
        self._settings = settings
        self._sites = {one.name for one in settings.site} | {one.site for one in settings.line}
        self.reset()

    def reset(self) -> None:
        """Begin to sum anew: the records are others now."""
        self.sums = Sums()
        for site in sorted(self._sites):
            self.sums.km[site] = self.sums.co2_kg[site] = 0.0
        self._ended_at = float("-inf")

    async def report(self, first: date, last: date, by: By) -> Report:
        """Say what the meetings that began from one day to another saved, both included."""
        begin, end = self._midnight(first), self._midnight(last + timedelta(days=1))
        began = (meetings.c.started_at >= begin) & (meetings.c.started_at < end)
        found = await self._read(began)
        return report(found, by, self.rule, self._roads, self.zone)

    async def add(self) -> None:
        """Add the meetings that ended since the last time."""
        found = await self._read(meetings.c.ended_at > self._ended_at)
        for one in found:
            self._ended_at = max(self._ended_at, one.ended_at)
            entry = enter(one, self.rule, self._roads)
            if entry is None:
                continue
            self.sums.meetings += 1
            for journey in entry.journeys:
                site = journey.site if journey.site in self._sites else OTHER
                self.sums.km[site] += journey.km
                self.sums.co2_kg[site] += journey.km * self.rule.co2_kg_per_km

    async def run(self) -> None:
        """Keep the sums of /metrics up to date; the one task of a ledger."""
        while True:
            try:
                await self.add()
            except (SQLAlchemyError, OSError) as error:
                log.warning("ledger_not_read", error=type(error).__name__)
            await asyncio.sleep(EVERY_S)

    def _midnight(self, day: date) -> float:
        return datetime.combine(day, time(), self.zone).timestamp()

    async def _read(self, which: ColumnElement[bool]) -> list[Meeting]:
        """Read meetings that are over, with the calls of each; nobody meets in the echo test."""
        over = which & meetings.c.ended_at.is_not(None)
        over &= meetings.c.room != self._settings.rooms.echo_test
        heads = await self._store.read(select(meetings).where(over).order_by(meetings.c.id))
        rows = await self._store.read(
            select(
                calls.c.meeting_id, calls.c.site, calls.c.protocol,
                calls.c.joined_at, calls.c.last_seen_at, calls.c.left_at,
            ).join(meetings, meetings.c.id == calls.c.meeting_id).where(over)
        )  # fmt: skip
        stays: dict[int, list[Stay]] = defaultdict(list)
        for row in rows:
            stays[row["meeting_id"]].append(self._stay(row))
        return [self._meeting(head, stays[head["id"]]) for head in heads]

    def _stay(self, row: RowMapping) -> Stay:
        people = 1
        if row["protocol"] != Protocol.WEBRTC.value:
            people = self._settings.ledger.people_per_unit
        left_at = row["left_at"] if row["left_at"] is not None else row["last_seen_at"]
        return Stay(row["site"], people, row["joined_at"], left_at)

    def _meeting(self, head: Mapping[str, Any] | RowMapping, stays: Sequence[Stay]) -> Meeting:
        room = self._settings.find_room(head["room"])
        return Meeting(
            head["id"],
            head["room"],
            head["organisation"],
            room.site if room is not None else "",
            head["started_at"],
            head["ended_at"],
            tuple(stays),
        )
