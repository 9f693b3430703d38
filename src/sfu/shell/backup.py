"""`sfu backup` and `sfu restore`: the whole database as one SQLite file, whatever it came from.

::

    SQLite      -- its own online copy, one instant -----\
                                                          +--> FILE.part, checked --> FILE
    PostgreSQL  -- all rows of one snapshot, as SQLite --/

    FILE --> a copy, checked, brought up to date --> one transaction: all rows out, its rows in

Neither stops a server that runs.  A backup of one kind is restored into the other too.  What a
restore leaves alone: calls that last, and their meetings; what webhooks are still to be told; the
audit log, to which the backup's lines are added.  Who was logged in logs in again.
"""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, func, insert, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from sfu.errors import UseError
from sfu.shell.database import (
    connect_plainly,
    migrate,
    revision,
    revisions,
    sqlite_file,
    words,
)
from sfu.shell.fault import naming
from sfu.shell.makeway import lay_anew_if_newer, set_aside_if_damaged
from sfu.shell.record import SERVER_STOPPED
from sfu.shell.tables import PASSING, audit, bindings, calls, meetings, metadata

ROWS = 500
"""Rows that are carried over at a time."""
LOCK_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Moved:
    """What came in, and which open rows got another number because theirs was taken."""

    rows: int
    calls: Mapping[int, int] = field(default_factory=dict)
    meetings: Mapping[int, int] = field(default_factory=dict)


def back_up(url: str, target: Path) -> int:
    """Write a backup, atomically and for its owner's eyes only; return its size in bytes."""
    if target.exists() and not _is_ours(target):
        raise UseError(f"{target} is there and is no backup of sfu: it is not overwritten")
    source = sqlite_file(url)
    if source is not None and not source.exists():
        raise UseError(f"nothing to back up: {source} does not exist")
    if not target.parent.is_dir():
        raise UseError(f"backup {target}: there is no folder {target.parent}")
    part = target.with_name(target.name + ".part")
    try:
        with naming(f"backup {part}"):
            part.unlink(missing_ok=True)  # of one that was killed; its mode may be anybody's
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        if source is not None:
            _copy_file(source, part)
        else:
            _copy_rows(url, part)
        _finish(part)
        with naming(f"backup {target}"):
            _flush(part)
            part.replace(target)
            _flush(target.parent)
            return target.stat().st_size
    except (sqlite3.Error, SQLAlchemyError, ImportError) as error:
        raise UseError(f"backup: {words(error)}") from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(backup: Path) -> Iterator[Connection]:
    """Open a copy of a backup, checked and brought up to date; UseError where it is none."""
    with tempfile.TemporaryDirectory(prefix="sfu-restore-") as folder:
        copy = Path(folder, "backup.sqlite3")
        with naming(f"backup {backup}"):
            shutil.copyfile(backup, copy)
        if not _is_ours(copy):
            raise UseError(f"{backup} is no backup of sfu")
        try:
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                _demand_whole(connection, backup)
            engine = connect_plainly(f"sqlite:///{copy}")
            try:
                with engine.begin() as source:
                    if (found := revision(source)) not in revisions():
                        raise UseError(f"{backup} is of a newer version of sfu (schema {found})")
                    migrate(source)
                    yield source
            finally:
                engine.dispose()
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise UseError(f"backup {backup}: {words(error)}") from error


def last_numbers(backup: Path) -> tuple[int, int]:
    """Give the highest numbers of a call and of a meeting in a backup."""
    with opened(backup) as source:
        found = [source.scalar(select(func.max(table.c.id))) for table in (calls, meetings)]
        return found[0] or 0, found[1] or 0


def restore(url: str, backup: Path, *, running: bool = False) -> Moved:
    """Put a backup in place of what was kept; `running`: beside a server that waits."""
    with opened(backup) as source:
        if not running:
            set_aside_if_damaged(url)
        engine = connect_plainly(url)
        try:
            with engine.begin() as target:
                if not running:
                    lay_anew_if_newer(target)
                migrate(target)
                return bring_back(source, target, running=running)
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise UseError(f"restore: {words(error)}") from error
        finally:
            engine.dispose()


def bring_back(source: Connection, target: Connection, *, running: bool) -> Moved:
    """Put the rows of `source` in place of those of `target`, within its transaction.

    Where a server runs, open calls and meetings are its own and stay; so do its registrations.
    """
    open_meetings = _open(target, meetings, running)
    open_calls = _open(target, calls, running)
    kept = {"audit", "outbox", *({"bindings"} if running else ())}
    for table in reversed(metadata.sorted_tables):
        if table.name not in kept:
            target.execute(delete(table))
    count = 0
    moved: dict[str, dict[int, int]] = {"meetings": {}, "calls": {}}
    for table in metadata.sorted_tables:
        if table.name in PASSING or (table is bindings and running):
            continue
        if table is audit:
            count += _add_audit(source, target)
            continue
        ours = {meetings.name: open_meetings, calls.name: open_calls}.get(table.name, [])
        count += _fill(source, target, table, {_identity(row) for row in ours})
        for row in ours:
            if table is calls:
                number = row["meeting_id"]
                row["meeting_id"] = moved["meetings"].get(number, number)
            _put_open(target, table, row, moved[table.name])
    _set_sequences(target)
    return Moved(count, moved["calls"], moved["meetings"])


def _open(target: Connection, table: Table, running: bool) -> list[dict[str, Any]]:
    """Give the rows of what goes on now."""
    if not running:
        return []
    end = table.c.left_at if table is calls else table.c.ended_at
    return [dict(row) for row in target.execute(select(table).where(end.is_(None))).mappings()]


def _fill(source: Connection, target: Connection, table: Table, ours: set[tuple[Any, ...]]) -> int:
    """Copy a table, but what goes on now and was in the backup already; what was open is over."""
    count = 0
    found = source.execute(select(table).execution_options(yield_per=ROWS)).mappings()
    for some in found.partitions(ROWS):
        rows = [dict(row) for row in some]
        if ours:
            rows = [row for row in rows if _identity(row) not in ours]
        if table is calls:
            rows = [_closed(row) for row in rows]
        if rows:
            target.execute(insert(table), rows)
        count += len(rows)
    return count


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Tell a call or meeting from another that was given the same number on another machine."""
    return row["id"], row["room"], row.get("joined_at"), row.get("started_at")


def _closed(row: dict[str, Any]) -> dict[str, Any]:
    """End a call that lasted when the backup was made."""
    if row["left_at"] is None:
        row |= {"left_at": row["last_seen_at"], "cause": SERVER_STOPPED}
    return row


def _put_open(target: Connection, table: Table, row: dict[str, Any], moved: dict[int, int]) -> None:
    """Put back what goes on now, under the next number where its own is taken."""
    if target.scalar(select(table.c.id).where(table.c.id == row["id"])) is not None:
        number = (target.scalar(select(func.max(table.c.id))) or 0) + 1
        moved[row["id"]] = number
        row["id"] = number
    target.execute(insert(table), row)


def _add_audit(source: Connection, target: Connection) -> int:
    """Add the lines the log does not have: nobody erases what he did by a restore."""

    def lines(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(select(audit)).mappings()]

    ours = lines(target)
    known = {(row["at"], row["who"], row["action"]) for row in ours}
    new = [row for row in lines(source) if (row["at"], row["who"], row["action"]) not in known]
    if not new:
        return 0
    target.execute(delete(audit))
    in_order = sorted([*ours, *new], key=lambda row: row["at"])
    target.execute(insert(audit), [{**row, "id": n} for n, row in enumerate(in_order, 1)])
    return len(new)


def _set_sequences(target: Connection) -> None:
    """Have PostgreSQL number on after what came in."""
    if target.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if table.autoincrement_column is not None:
            name = table.autoincrement_column.name
            target.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{name}'), "
                    f'(SELECT COALESCE(MAX("{name}"), 0) + 1 FROM "{table.name}"), false)'
                )
            )


def _copy_file(source: Path, part: Path) -> None:
    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=LOCK_WAIT_S)
        ) as old,
        contextlib.closing(sqlite3.connect(part)) as new,
    ):
        if not old.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise UseError(f"nothing to back up: {source} has no tables of sfu")
        old.backup(new)


def _copy_rows(url: str, part: Path) -> None:
    engine = connect_plainly(url)
    copy = connect_plainly(f"sqlite:///{part}")
    try:
        plain = engine.execution_options(isolation_level="REPEATABLE READ")
        with plain.begin() as old, copy.begin() as new:
            found = revision(old)
            if found is None:
                raise UseError("nothing to back up: the database has no tables of sfu")
            if found not in revisions():
                raise UseError(f"the database is of a newer version of sfu (schema {found})")
            migrate(new, to=found)
            for table in _tables(new):
                if table.name not in PASSING:
                    rows = old.execution_options(yield_per=ROWS).execute(select(table)).mappings()
                    for some in rows.partitions(ROWS):
                        new.execute(insert(table), [dict(row) for row in some])
    finally:
        engine.dispose()
        copy.dispose()


def _tables(connection: Connection) -> list[Table]:
    """Give the tables as they are there: before an upgrade they are not yet those of `tables`."""
    there = MetaData()
    there.reflect(connection)
    return [table for table in there.sorted_tables if table.name != "alembic_version"]


def _finish(part: Path) -> None:
    """Leave out what passes, make it one file, and read it once."""
    with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for table in PASSING & names:
            connection.execute(f"DELETE FROM {table}")
        connection.execute("VACUUM")
        _demand_whole(connection, part)


def _demand_whole(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != ("ok",):
        raise UseError(f"{path} is damaged: {found[0]}")


def _is_ours(path: Path) -> bool:
    """Tell whether a file is a database of sfu, or an empty file."""
    with naming(f"backup {path}"), open(path, "rb") as stream:
        head = stream.read(16)
    if not head:
        return False
    if head != b"SQLite format 3\0":
        return False
    engine = connect_plainly(f"sqlite:///file:{path.absolute()}?mode=ro&immutable=1&uri=true")
    try:
        with engine.connect() as connection:
            return inspect(connection).has_table("alembic_version")
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
