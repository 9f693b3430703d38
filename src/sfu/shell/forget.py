"""What is kept of people, how long, and `sfu forget` (GDPR articles 5(1)(e) and 17).

Columns that tell of a person are marked in `tables` (`info={"person": True}`); their table says
by which column a row's age is reckoned (`info={"time": "joined_at"}`).  Forgetting empties those
columns and leaves the row: when a room met, how long and by which protocol stay, for the figures.
What webhooks have still to tell of him is not told.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Table, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from sfu.errors import UseError
from sfu.model import Role
from sfu.shell.audit import Deed, row_of
from sfu.shell.database import connect_plainly, migrate, revision, sqlite_file, words
from sfu.shell.tables import audit, calls, meetings, metadata, outbox

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """Days that things are kept; 0: until somebody deletes them."""

    people_days: int
    records_days: int
    audit_days: int


def forget(url: str, who: str = "", before: float | None = None) -> int:
    """Forget somebody, or everybody of rows older than `before`; return how many rows it met."""
    engine = connect_plainly(url)
    try:
        path = sqlite_file(url)
        if path is not None and not path.exists():
            raise UseError(f"nothing is kept: {path} does not exist")
        with engine.begin() as connection:
            if revision(connection) is None:
                raise UseError("nothing is kept: the database has no tables of sfu")
            migrate(connection)
            met = forget_person(connection, who) if who else 0
            if before is not None:
                met += forget_people(connection, before)
            # that it was done, and not whom
            deed = Deed(
                "command line", Role.ADMINISTRATOR.value, "", "forget", "", f"{met} rows", 0
            )
            connection.execute(insert(audit), row_of(deed, time.time()))
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":  # the log ahead holds the old pages still
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return met
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise UseError(f"forget: {words(error)}") from error
    finally:
        engine.dispose()


def read_date(text: str) -> float:
    """Read a day, 2026-01-31, as its first second here; raise UseError."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").timestamp()
    except ValueError:
        raise UseError(f"{text!r} is no date like 2026-01-31") from None


def forget_person(connection: Connection, who: str) -> int:
    """Empty every column that names this person, this address, or a host where he called from."""
    wanted = who.strip().casefold()
    met = 0
    for table, columns in _personal():
        for column in columns:
            said = connection.execute(select(column).where(column != "").distinct()).scalars()
            his = [one for one in said if wanted in _names(one)]
            for start in range(0, len(his), 500):
                chosen = column.in_(his[start : start + 500])
                met += connection.execute(update(table).where(chosen).values({column: ""})).rowcount
    return met + _not_told(connection, wanted)


def _not_told(connection: Connection, wanted: str) -> int:
    told = connection.execute(select(outbox.c.id, outbox.c.body))
    his = [
        number
        for number, body in told
        if any(wanted in _names(said) for said in _texts(json.loads(body)))
    ]
    for start in range(0, len(his), 500):
        connection.execute(delete(outbox).where(outbox.c.id.in_(his[start : start + 500])))
    return len(his)


def _texts(value: object) -> Iterator[str]:
    """Give all texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def forget_people(connection: Connection, before: float) -> int:
    """Empty the columns that name people in all rows that began before a time."""
    met = 0
    for table, columns in _personal():
        aged = table.c[table.info["time"]] < before
        named = columns[0] != ""
        for column in columns[1:]:
            named |= column != ""
        emptied = dict.fromkeys(columns, "")
        met += connection.execute(update(table).where(aged & named).values(emptied)).rowcount
    return met


def keep_to(connection: Connection, keeping: Keeping, now: float | None = None) -> int:
    """Let go of what is older than it is kept; return how many rows that met."""
    now = time.time() if now is None else now
    met = 0
    if keeping.people_days:
        met += forget_people(connection, now - keeping.people_days * DAY_S)
    if keeping.audit_days:
        aged = audit.c.at < now - keeping.audit_days * DAY_S
        met += connection.execute(delete(audit).where(aged)).rowcount
    if keeping.records_days:
        ended = now - keeping.records_days * DAY_S
        met += connection.execute(delete(calls).where(calls.c.left_at < ended)).rowcount
        lasting = select(calls.c.meeting_id)
        gone = (meetings.c.ended_at < ended) & meetings.c.id.not_in(lasting)
        met += connection.execute(delete(meetings).where(gone)).rowcount
    return met


def _personal() -> list[tuple[Table, list[Column[str]]]]:
    found = []
    for table in metadata.sorted_tables:
        columns = [column for column in table.c if column.info.get("person")]
        if columns:
            found.append((table, columns))
    return found


def _names(said: str) -> set[str]:
    """Give all that somebody may be called by: whole, and each side of user@host."""
    folded = said.casefold()
    user, at, host = folded.rpartition("@")
    return {folded, user, host} if at else {folded}
