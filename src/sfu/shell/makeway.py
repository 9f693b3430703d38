"""Before a restore: what stands there and cannot be used makes way.

::

    tables of a newer version (an upgrade taken back) --> dropped, ours laid; the audit log stays
    a file of SQLite that is damaged                  --> set aside as FILE.damaged-TIME

Both only with the server standing still, and the first within the restore's own transaction.
"""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

import structlog
from sqlalchemy import Connection, MetaData, insert, select

from sfu.shell.database import begin, revision, revisions, sqlite_file, upgrade
from sfu.shell.fault import naming
from sfu.shell.tables import audit

log = structlog.get_logger()


def set_aside_if_damaged(url: str) -> Path | None:
    """Rename a damaged file, with its log ahead, and return where it is; None: it is none."""
    file = sqlite_file(url)
    if file is None or not file.exists() or not _is_damaged(file):
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = file.with_name(f"{file.name}.damaged-{stamp}")
    with naming(f"{file}"):
        owner = file.stat()
        for end in ("-wal", "-shm", ""):  # the file last: killed midway, it is still damaged
            part = file.with_name(file.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
        # an empty file is an empty database; root makes it for whose the old one was
        new = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        if os.geteuid() == 0:
            os.fchown(new, owner.st_uid, owner.st_gid)
        os.close(new)
    log.warning("damaged_database_set_aside", file=str(aside))
    return aside


def _is_damaged(file: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.OperationalError:  # locked, or no disk: nothing about what is in it
        return False
    except sqlite3.DatabaseError:
        return True


def lay_anew_if_newer(connection: Connection) -> None:
    """Drop tables of a version we do not know, lay ours, and put back what was done to them."""
    begin(connection)
    found = revision(connection)
    if found is None or found in revisions():
        return
    there = MetaData()
    there.reflect(connection)
    lines = _lines(connection, there)
    there.drop_all(connection)
    upgrade(connection)
    if lines:
        connection.execute(insert(audit), lines)


def _lines(connection: Connection, there: MetaData) -> list[dict[str, object]]:
    """Give the audit log as far as our table has columns for it."""
    if audit.name not in there.tables:
        return []
    newer = there.tables[audit.name]
    shared = [newer.c[column.name] for column in audit.columns if column.name in newer.c]
    if len(shared) < len(audit.columns):
        return []
    return [dict(row) for row in connection.execute(select(*shared)).mappings()]
