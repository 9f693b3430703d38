"""What people of the house change of rooms, units, sites and lines, kept over a restart.

::

    settings of file and environment + rows --> Settings --adopt--> house, ledger, bookings
    put, drop, undo: tried whole, adopted, written; refused where it cannot be
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, delete, insert, select

from sfu.config import Settings
from sfu.config.overlay import (
    SECRETS,
    Changes,
    HouseKind,
    Values,
    bearable,
    check_key,
    overlay,
    tables,
)
from sfu.shell.store import Store
from sfu.shell.tables import alterations

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Item:
    """A room, unit, site or line as it is now."""

    kind: HouseKind
    key: str
    values: Values
    """As the file would have it, secrets left out."""
    secret: bool
    """A secret is set."""
    of_file: bool
    """The file has one of this key."""
    altered: bool
    """What holds was said here."""


class Alterations:
    """Rows of the database laid over the settings of the file."""

    def __init__(self, store: Store, base: Settings) -> None:
        """Begin with what the file says; `open` before use."""
        self.settings = base
        self.base = base
        """The file's."""
        self.adopt: Callable[[Settings], Awaitable[None]] = _nobody
        """Has the house go by settings; UseError where it cannot now, and nothing changed."""
        self._store = store
        self._changes: dict[tuple[HouseKind, str], Values | None] = {}
        self._one = asyncio.Lock()

    async def open(self) -> Settings:
        """Read what was changed; return the settings that hold."""
        rows = await self._store.look(select(alterations).order_by(alterations.c.at))
        known = {kind.value for kind in HouseKind}
        self._changes = {
            (HouseKind(row["kind"]), row["key"]): json.loads(row["body"])
            for row in rows
            if row["kind"] in known
        }
        self.settings, faults = bearable(self.base, self._changes)
        for fault in faults:
            log.error("alteration_left_out", why=fault)
        return self.settings

    async def renew(self, base: Settings | None = None) -> None:
        """Read rows, or another file's settings, anew, and have the house go by them."""
        async with self._one:
            before = self.base, self.settings, self._changes
            self.base = base or self.base
            try:
                await self.adopt(await self.open())
            except BaseException:
                self.base, self.settings, self._changes = before
                raise

    def items(self) -> list[Item]:
        """List what there is, kind by kind, in order."""
        found = []
        for kind in HouseKind:
            of_file = tables(self.base, kind)
            for key, values in tables(self.settings, kind).items():
                hidden = SECRETS.get(kind, ())
                shown = {name: one for name, one in values.items() if name not in hidden}
                secret = any(values.get(name) for name in hidden)
                altered = (kind, key) in self._changes
                found.append(Item(kind, key, shown, secret, key in of_file, altered))
        return found

    def item(self, kind: HouseKind, key: str) -> Item | None:
        """Return one of them, None for no such one."""
        found = (one for one in self.items() if (one.kind, one.key) == (kind, key))
        return next(found, None)

    async def put(self, kind: HouseKind, key: str, values: Values) -> None:
        """Have one be like this; a secret that is not named stays.  UseError where it cannot."""
        check_key(key)
        before = tables(self.settings, kind).get(key, {})
        kept = {name: before[name] for name in SECRETS.get(kind, ()) if name in before}
        await self._have({**self._changes, (kind, key): {**kept, **values}})

    async def drop(self, kind: HouseKind, key: str) -> bool:
        """Have one be no more; False where there is none."""
        if key not in tables(self.settings, kind):
            return False
        changes = dict(self._changes)
        changes.pop((kind, key), None)
        if key in tables(self.base, kind):
            changes[kind, key] = None
        await self._have(changes)
        return True

    async def undo(self, kind: HouseKind, key: str) -> bool:
        """Have the file's hold again; False where nothing was changed."""
        if (kind, key) not in self._changes:
            return False
        changes = {one: values for one, values in self._changes.items() if one != (kind, key)}
        await self._have(changes)
        return True

    async def _have(self, changes: Changes) -> None:
        """Try, adopt and write what shall be; all of it or nothing."""
        async with self._one:
            settings = overlay(self.base, changes)
            await self.adopt(settings)
            before, self.settings = self.settings, settings
            try:
                await self._store.work(lambda connection: _write(connection, changes))
            except BaseException:
                self.settings = before
                await self.adopt(before)
                raise
            self._changes = dict(changes)


async def _nobody(settings: Settings) -> None:
    """Before there is a house nobody goes by them."""


def _write(connection: Connection, changes: Changes) -> None:
    """Write all of them anew: they are few, and none is left half written."""
    connection.execute(delete(alterations))
    rows = [
        {
            "kind": kind.value,
            "key": key,
            "body": json.dumps(values),
            "at": time.time() + place / 1e3,
        }
        for place, ((kind, key), values) in enumerate(changes.items())
    ]
    if rows:
        connection.execute(insert(alterations), rows)
