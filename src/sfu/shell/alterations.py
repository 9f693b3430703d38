"""What people of the house change of rooms, units, sites and lines, kept over a restart.

::

    settings of file and environment + rows --> Settings --adopt--> house, ledger, bookings
    put, drop, undo: tried whole, adopted, written; refused where it cannot be
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from sfu.config import Settings
from sfu.config.overlay import (
    SECRETS,
    Changes,
    HouseKind,
    Values,
    as_tables,
    bearable,
    check_key,
    overlay,
    tables,
)
from sfu.errors import UseError
from sfu.shell.database import words
from sfu.shell.store import Store
from sfu.shell.tables import alterations

log = structlog.get_logger()

MOST = 2_000
"""Changes that are kept: all of them are written anew with each."""


@dataclass(frozen=True, slots=True)
class Item:
    """A room, unit, site or line as it is now."""

    kind: HouseKind
    key: str
    values: Values
    """As the file would have it, secrets left out."""
    secrets: tuple[str, ...]
    """Names of the secrets that are set."""
    of_file: bool
    """The file has one of this key."""
    altered: bool
    """What holds was said here."""
    fault: str = ""
    """Why what was said here does not hold: the file is another now."""


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
        self._left_out: dict[tuple[HouseKind, str], str] = {}
        """Of those, what the settings of the file do not bear, and why."""
        self._one = asyncio.Lock()

    async def open(self) -> Settings:
        """Read what was changed; return the settings that hold."""
        await self._read()
        return self.settings

    async def renew(self, base: Settings | None = None) -> None:
        """Read rows, or another file's settings, anew, and have the house go by them.

        UseError, and nothing changed, where another file would leave out what was changed here.
        Rows that were restored hold from the next start where they cannot now.
        """
        async with self._one:
            before = self.base, self.settings, self._changes, self._left_out
            self.base = base or self.base
            try:
                await self._read()
                new = self._left_out.keys() - before[3].keys()
                if base is not None and new:
                    raise UseError(self._left_out[min(new)])
                await self.adopt(self.settings)
            except BaseException as error:
                if base is None and isinstance(error, UseError):
                    self.settings = before[1]
                    log.warning("alterations_wait", why=str(error))
                    return
                self.base, self.settings, self._changes, self._left_out = before
                raise

    async def _read(self) -> None:
        rows = await self._store.look(select(alterations).order_by(alterations.c.at))
        known = {kind.value for kind in HouseKind}
        self._changes = {
            (HouseKind(row["kind"]), row["key"]): json.loads(row["body"])
            for row in rows
            if row["kind"] in known
        }
        found = await asyncio.to_thread(bearable, self.base, self._changes)
        self.settings, self._left_out = found
        for fault in self._left_out.values():
            log.error("alteration_left_out", why=fault)

    def items(self) -> list[Item]:
        """List what there is, kind by kind, in order; then what was changed and cannot hold."""
        now, file = as_tables(self.settings), as_tables(self.base)
        found = [one for kind in HouseKind for one in self._of_kind(kind, now, file)]
        shown = {(one.kind, one.key) for one in found}
        for (kind, key), fault in self._left_out.items():
            if (kind, key) not in shown:
                values = dict(self._changes[kind, key] or {})
                found.append(self._item(kind, key, values, of_file=False, fault=fault))
        return found

    def item(self, kind: HouseKind, key: str) -> Item | None:
        """Return one of them, None for no such one."""
        found = self._of_kind(kind, as_tables(self.settings), as_tables(self.base))
        return next((one for one in found if one.key == key), None)

    def _of_kind(
        self, kind: HouseKind, now: Mapping[str, Any], file: Mapping[str, Any]
    ) -> Iterator[Item]:
        of_file = tables(self.base, kind, file)
        for key, values in tables(self.settings, kind, now).items():
            fault = self._left_out.get((kind, key), "")
            yield self._item(kind, key, values, of_file=key in of_file, fault=fault)

    def _item(
        self, kind: HouseKind, key: str, values: Values, *, of_file: bool, fault: str
    ) -> Item:
        hidden = SECRETS.get(kind, ())
        shown = {name: one for name, one in values.items() if name not in hidden}
        secrets = tuple(name for name in hidden if values.get(name))
        return Item(kind, key, shown, secrets, of_file, (kind, key) in self._changes, fault)

    async def put(self, kind: HouseKind, key: str, values: Values) -> None:
        """Have one be like this; a secret that is not named stays.  UseError where it cannot."""
        check_key(key)
        async with self._one:
            before = tables(self.settings, kind).get(key, {})
            kept = {name: before[name] for name in SECRETS.get(kind, ()) if name in before}
            await self._have({**self._changes, (kind, key): {**kept, **values}}, (kind, key))

    async def drop(self, kind: HouseKind, key: str) -> bool:
        """Have one be no more; False where there is none."""
        async with self._one:
            if key not in tables(self.settings, kind):
                return False
            changes = dict(self._changes)
            changes.pop((kind, key), None)
            if key in tables(self.base, kind):
                changes[kind, key] = None
            await self._have(changes, (kind, key))
            return True

    async def undo(self, kind: HouseKind, key: str) -> bool:
        """Have the file's hold again; False where nothing was changed."""
        async with self._one:
            if (kind, key) not in self._changes:
                return False
            rest = {one: values for one, values in self._changes.items() if one != (kind, key)}
            await self._have(rest, (kind, key))
            return True

    async def _have(self, changes: Changes, touched: tuple[HouseKind, str]) -> None:
        """Try, adopt and write what shall be; all of it or nothing.  What cannot hold waits on."""
        if len(changes) > MOST:
            raise UseError(f"console: more than {MOST} changes; put some of them into the file")
        left_out = {one: why for one, why in self._left_out.items() if one != touched}
        held = {one: values for one, values in changes.items() if one not in left_out}
        settings = await asyncio.to_thread(overlay, self.base, held)
        await self.adopt(settings)
        before, self.settings = self.settings, settings
        try:
            await self._store.work(lambda connection: _write(connection, changes))
        except BaseException as error:
            self.settings = before
            await self.adopt(before)
            if isinstance(error, SQLAlchemyError | OSError):
                raise UseError(f"console: {words(error)}") from error
            raise
        self._changes, self._left_out = dict(changes), left_out


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
