"""One door to SQLite and PostgreSQL: addresses, connections, migrations, and words for faults.

The server waits for nobody and connects by asyncio (`connect`); `sfu backup`, `restore` and
`forget` connect plainly (`connect_plainly`), beside a server that runs.  SQLite runs with a
write-ahead log: readers do not wait for the writer, and a killed process loses nothing that was
committed.  What is deleted is overwritten (secure_delete): what is forgotten shall be gone.
"""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sfu.errors import UseError
from sfu.shell.fault import naming

MIGRATIONS = Path(__file__).parent / "migrations"

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
"""Who names a database alone gets the driver we bring."""
PLAIN_DRIVERS = {"sqlite+aiosqlite": "sqlite+pysqlite"}
"""psycopg serves both ways."""


def read_url(text: str) -> URL:
    """Read `[store] url`; ArgumentError where it is none."""
    url = make_url(text)
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername))


def sqlite_file(text: str) -> Path | None:
    """Give the file of an SQLite database, None for another one and for one in memory."""
    url = read_url(text)
    kept = url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:"
    return Path(str(url.database)) if kept else None


def connect(text: str) -> AsyncEngine:
    """Prepare connections for the server; nothing is opened yet."""
    url = read_url(text)
    # a server that was restarted meanwhile is found so before a write fails
    engine = create_async_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    _tune(engine.sync_engine)
    return engine


def connect_plainly(text: str) -> Engine:
    """Prepare connections for a command; nothing is opened yet."""
    url = read_url(text)
    engine = create_engine(url.set(drivername=PLAIN_DRIVERS.get(url.drivername, url.drivername)))
    _tune(engine)
    return engine


def try_file(text: str) -> None:
    """Open SQLite's file once by ourselves: the system's words are better than the driver's."""
    path = sqlite_file(text)
    if path is not None:
        with naming(f"call records {path}"):  # an empty file is an empty database
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring the tables up to date; a start that finds them so does without alembic's 10 MB.

    `to` is the revision to stop at, for tables that shall be as an older version had them.

    All or nothing, also where we are killed midway; the connection must not have written yet.
    """
    begin(connection)
    found = revision(connection)
    if found == newest_revision():
        return
    if found is not None and found not in revisions():
        raise UseError(f"call records: they are of a newer version of sfu (schema {found})")
    upgrade(connection, to)


def begin(connection: Connection) -> None:
    """Begin what shall be all or nothing; more than once does no harm."""
    if connection.dialect.name != "sqlite":
        return
    plain = connection.connection.driver_connection
    if not getattr(plain, "in_transaction", False):  # its driver begins nothing before CREATE
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def upgrade(connection: Connection, to: str = "head") -> None:
    """Have alembic lay the tables, or change them, within the transaction that has begun."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revision(connection: Connection) -> str | None:
    """Return where the last migration left the database; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def revisions() -> list[str]:
    """Return the revisions of all migrations, oldest first: the numbers of their files."""
    names = (path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    return sorted(name.partition("_")[0] for name in names)


def newest_revision() -> str:
    """Return the revision of the newest migration."""
    return revisions()[-1]


def words(error: Exception) -> str:
    """Say what the database said, in one line, without statement or password."""
    if isinstance(error, ArgumentError):
        return "store.url is no SQLAlchemy URL of a known database"
    if isinstance(error, ImportError):
        return f"the driver is not installed: {error} (PostgreSQL: pip install '.[postgresql]')"
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _tune(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    pragmas = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON")
    for pragma in (*pragmas, "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
