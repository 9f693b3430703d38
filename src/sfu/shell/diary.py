"""Bookings in the database: what was granted is on disk before anybody hears yes."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import RowMapping, func, insert, select, update

from sfu.room.booking import ALL_ROOMS, Booking, Wish
from sfu.shell.store import Store
from sfu.shell.tables import bookings, given_up

log = structlog.get_logger()


class Diary:
    """Reads and writes bookings; decides nothing."""

    def __init__(self, store: Store) -> None:
        """Keep them there."""
        self._store = store

    async def load(self) -> tuple[list[Booking], int]:
        """Return what is not cancelled, and the next booking's id."""
        last = await self._store.look(select(func.max(bookings.c.id).label("id")))
        heads = await self._store.look(select(bookings).where(bookings.c.cancelled_at.is_(None)))
        changes: dict[int, set[tuple[date, str]]] = defaultdict(set)
        for row in await self._store.look(select(given_up)):
            changes[row["booking_id"]].add((date.fromisoformat(row["day"]), row["room"]))
        found = [_booking(head, frozenset(changes[head["id"]])) for head in heads]
        return found, (last[0]["id"] or 0) + 1

    async def organisers(self) -> dict[int, str]:
        """Return who organises what: `sfu forget` and retention empty it beside us."""
        asked = select(bookings.c.id, bookings.c.organiser)
        return {row["id"]: row["organiser"] for row in await self._store.look(asked)}

    async def grant(self, booking: Booking) -> None:
        """Write a booking; return when it is on disk."""
        await self._store.change(insert(bookings), _row(booking))

    async def cancel(self, booking: int, at: float) -> None:
        """Write that all its weeks are cancelled."""
        mine = bookings.c.id == booking
        await self._store.change(update(bookings).where(mine).values(cancelled_at=at))

    async def give_up(self, booking: int, day: date, rooms: Collection[str], at: float) -> None:
        """Write that a day is cancelled, or rooms were freed on it."""
        rows = [
            {"booking_id": booking, "day": day.isoformat(), "room": room, "at": at}
            for room in rooms
        ]
        await self._store.change(insert(given_up), rows)


def _row(booking: Booking) -> Mapping[str, Any]:
    wish = booking.wish
    return {
        "id": booking.booking,
        "uid": booking.uid,
        "number": booking.number,
        "title": wish.title,
        "organisation": wish.organisation,
        "organiser": wish.organiser,
        "rooms": " ".join(wish.rooms),
        "starts": wish.starts.isoformat(timespec="minutes"),
        "minutes": wish.minutes,
        "zone": wish.zone,
        "weekly_until": wish.weekly_until.isoformat() if wish.weekly_until else None,
        "created_at": booking.created_at,
        "cancelled_at": None,
    }


def _booking(row: RowMapping, changes: frozenset[tuple[date, str]]) -> Booking:
    until = row["weekly_until"]
    wish = Wish(
        row["title"],
        row["organisation"],
        row["organiser"],
        tuple(row["rooms"].split()),
        datetime.fromisoformat(row["starts"]),
        row["minutes"],
        row["zone"],
        date.fromisoformat(until) if until else None,
    )
    cancelled = sum(room == ALL_ROOMS for _, room in changes)
    return Booking(
        row["id"], row["uid"], row["number"], wish, row["created_at"], changes, cancelled
    )
