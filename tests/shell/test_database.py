"""Databases of every schema there was are brought up to date without loss, on both kinds."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, insert, select, text

from sfu.errors import UseError
from sfu.shell import database
from sfu.shell.database import connect_plainly
from sfu.shell.store import Store
from sfu.shell.tables import bindings, calls, meetings, metadata
from tests.databases import rows

pytestmark = pytest.mark.machine

MEETING = {"id": 7, "room": "4201", "started_at": 1000.5, "ended_at": 1060.0}
NEWER = {"meetings": {"organisation": ""}, "calls": {"site": ""}}
"""What older rows get of columns that came later."""
CALL = {
    "id": 12, "meeting_id": 7, "room": "4201", "member": "m1", "name": "Les Rousses — salle",
    "protocol": "sip", "direction": "in", "caller": "rousses@192.0.2.22", "model": "X",
    "joined_at": 1000.5, "last_seen_at": 1060.0, "left_at": 1060.0, "cause": "hung_up",
    "status": 200, "status_text": "OK", "received_bytes": 2**31 - 1, "sent_bytes": 8,
    "received_packets": 7, "lost_packets": 6,
}  # fmt: skip
BINDING = {
    "account": "morez", "key": "k", "contact": "<sip:morez@192.0.2.21>", "carrier": "udp",
    "local_host": "192.0.2.1", "local_port": 5060, "remote_host": "192.0.2.21",
    "remote_port": 5060, "expires_at": 9e9, "call_id": "a", "cseq": 2**32, "model": "",
    "display_name": "", "home": "", "temporary": "",
}  # fmt: skip


@pytest.fixture
def url(empty):
    return empty


def scripts():
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    return config


@contextlib.contextmanager
def connected(url):
    engine = connect_plainly(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def made_at(url, revision):
    """Make a database as a server of that revision left it, with what it could hold."""
    with connected(url) as connection:
        config = scripts()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(insert(meetings), MEETING)
        connection.execute(insert(calls), CALL)
        if revision >= "0002":
            connection.execute(insert(bindings), BINDING)


@pytest.mark.parametrize("revision", database.revisions())
def test_a_database_of_any_schema_is_brought_up_to_date_without_loss(url, revision):
    made_at(url, revision)

    async def story():
        store = await Store.open(url)
        await store.close()

    asyncio.run(story())
    with connected(url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert [dict(row) for row in connection.execute(select(meetings)).mappings()] == [
            MEETING | NEWER["meetings"]
        ]
        assert [dict(row) for row in connection.execute(select(calls)).mappings()] == [
            CALL | NEWER["calls"]
        ]
        kept = [dict(row) for row in connection.execute(select(bindings)).mappings()]
        assert kept == ([{**BINDING, "path": ""}] if revision >= "0002" else [])
        larger = {**CALL, "id": 13, "received_bytes": 2**33}
        connection.execute(insert(calls), larger)


def test_a_new_database_has_the_tables_we_use_and_one_thread_of_migrations(url):
    with connected(url) as connection:
        database.migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert database.revision(connection) == database.newest_revision()
    head = ScriptDirectory.from_config(scripts()).get_current_head()
    assert database.newest_revision() == head


def test_a_database_of_a_newer_version_stops_the_start_untouched(url):
    with connected(url) as connection:
        database.migrate(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UseError, match="newer version of sfu"):
        asyncio.run(Store.open(url))
    assert rows(url, "select version_num from alembic_version") == [("9999",)]


def test_sqlite_keeps_a_log_ahead_and_overwrites_what_is_deleted(sqlite):
    with connected(sqlite) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA secure_delete")).scalar() == 1


def test_who_names_a_database_alone_gets_the_driver_we_bring():
    assert str(database.read_url("postgresql://u@db/sfu")) == "postgresql+psycopg://u@db/sfu"
    assert database.sqlite_file("sqlite:////var/a.sqlite3") == Path("/var/a.sqlite3")
    assert database.sqlite_file("postgresql://u@db/sfu") is None


def test_a_migration_that_is_killed_midway_starts_again(url):
    made_at(url, "0001")
    engine = connect_plainly(url)
    steps = []

    @event.listens_for(engine, "after_cursor_execute")
    def switched_off(_connection, _cursor, statement, *_):
        if statement.lstrip().startswith(("CREATE", "ALTER")):
            steps.append(statement)
            if len(steps) == 4:
                raise RuntimeError("switched off")

    with pytest.raises(RuntimeError), engine.begin() as connection:
        database.migrate(connection)
    engine.dispose()
    with connected(url) as connection:
        assert database.revision(connection) == "0001"
    with connected(url) as connection:
        database.migrate(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
