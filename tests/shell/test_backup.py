"""A backup holds one instant, comes back into either kind, and disturbs nobody who is calling."""

import asyncio
import contextlib
import os
import sqlite3
import stat

import pytest
from sqlalchemy import delete, insert, select

from sfu.errors import UseError
from sfu.model import MemberId, Protocol, RoomId
from sfu.shell.backup import back_up, restore
from sfu.shell.database import connect_plainly, newest_revision
from sfu.shell.record import SERVER_STOPPED, Joining
from sfu.shell.store import Store
from sfu.shell.tables import PASSING, accounts, audit, calls, metadata, outbox, sessions, tokens
from sfu.shell.tasks import spawn
from tests.databases import rows

pytestmark = pytest.mark.machine

NOW = 1_800_000_000.0


@pytest.fixture
def file(tmp_path):
    return tmp_path / "copy.sqlite3"


def joining(member, room="4201"):
    return Joining(RoomId(room), MemberId(member), "Morez", Protocol.SIP, "", "")


@contextlib.asynccontextmanager
async def opened(url):
    store = await Store.open(url)
    try:
        yield store
    finally:
        await store.close()


def a_day(url):
    """Keep a day of a server: one call over, one that lasts, people, and what they did."""

    async def story():
        async with opened(url) as store:
            over = store.joined(joining("m1"), NOW)
            store.joined(joining("m2", "4202"), NOW + 10)
            store.left(over, NOW + 60, "hung_up")
            store.heartbeat([2], NOW + 65)
            await store.flush()
            await store.change(
                insert(accounts),
                {"name": "anne", "role": "operator", "password": "x", "subject": "",
                 "created_at": NOW},
            )  # fmt: skip
            await store.change(
                insert(sessions),
                {"hash": "s", "account": "anne", "created_at": NOW, "expires_at": NOW + 9},
            )
            await store.change(
                insert(tokens),
                {"id": "t", "hash": "h", "name": "n", "role": "operator", "made_by": "anne",
                 "created_at": NOW},
            )  # fmt: skip
            await store.change(insert(audit), said(NOW, "calls"))
            await store.change(
                insert(outbox),
                {"id": "e", "webhook": "w", "body": "{}", "created_at": NOW, "attempts": 0,
                 "next_at": NOW},
            )  # fmt: skip

    asyncio.run(story())


def said(at, action):
    return {"at": at, "who": "anne", "role": "operator", "address": "192.0.2.9",
            "action": action, "target": "", "detail": "", "status": 201}  # fmt: skip


def whole(url):
    return {
        table.name: rows(url, f"select * from {table.name} order by 1")
        for table in (accounts, audit, tokens)
    } | {"calls": rows(url, "select id, meeting_id, room, cause, left_at from calls order by id")}


def test_what_was_kept_comes_back(url, file):
    a_day(url)
    before = whole(url)
    assert back_up(url, file) == file.stat().st_size
    engine = connect_plainly(url)
    with engine.begin() as connection:
        for table in (calls, accounts, tokens):
            connection.execute(table.delete())
    engine.dispose()
    assert (
        restore(url, file).rows == 6
    )  # meetings, calls, an account, a token; the audit line is there
    over = (2, 2, "4202", SERVER_STOPPED, NOW + 65)  # it lasted when the backup was made
    assert whole(url) == {**before, "calls": [before["calls"][0], over]}
    assert rows(url, "select count(*) from sessions") == [(0,)]
    assert rows(url, "select id from outbox") == [("e",)]


def one_row(table, count):
    """Make up a row of any table."""
    row = {}
    for one in table.columns:
        of = next((key.column.table.name for key in one.foreign_keys), table.name)
        kinds = {int: count, float: NOW + count, str: f"{of}{count}"}
        row[one.name] = kinds[one.type.python_type]
    return row


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_no_table_is_forgotten(url, file, table):
    """What a restore leaves behind of each, those that came last included: rows of the backup."""
    asyncio.run(start(url))
    engine = connect_plainly(url)
    with engine.begin() as connection:
        for one in dict.fromkeys([*(key.column.table for key in table.foreign_keys), table]):
            connection.execute(insert(one), [one_row(one, count) for count in (1, 2)])
    kept = rows(url, f"select * from {table.name} order by 1, 2")
    assert len(kept) == 2
    back_up(url, file)
    with engine.begin() as connection:
        connection.execute(delete(table))
    engine.dispose()
    restore(url, file)
    found = rows(url, f"select * from {table.name} order by 1, 2")
    assert found == ([] if table.name in PASSING else kept)


async def start(url):
    async with opened(url):
        pass


def test_a_backup_is_one_file_of_sqlite_for_its_owner_without_logins(url, file):
    a_day(url)
    back_up(url, file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert sorted(path.name for path in file.parent.glob("copy*")) == ["copy.sqlite3"]
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert found == (newest_revision(),)
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


@pytest.mark.interop
@pytest.mark.parametrize("way", [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_of_one_kind_comes_back_into_the_other(way, request, file):
    old, new = map(request.getfixturevalue, way)
    a_day(old)
    back_up(old, file)
    restore(new, file)
    assert {**whole(old), "calls": 0} == {**whole(new), "calls": 0}
    assert len(whole(new)["calls"]) == 2

    async def story():  # and the numbers go on after those that came in
        async with opened(new) as store:
            await store.change(insert(audit), said(NOW + 1, "later"))
            return store.joined(joining("m9"), NOW + 99)

    assert asyncio.run(story()) == 3
    assert [number for (number,) in rows(new, "select id from audit order by id")] == [1, 2]


def test_calls_that_last_go_on_through_a_backup_and_a_restore(url, file):
    a_day(url)

    async def story():
        async with opened(url) as store:
            first = store.joined(joining("m3", "4203"), NOW + 100)
            await store.flush()
            await asyncio.to_thread(back_up, url, file)  # while the server writes
            gone = store.joined(joining("m4"), NOW + 110)
            second = store.joined(joining("m5", "4203"), NOW + 110)
            store.left(gone, NOW + 120, "hung_up")
            await store.restore(file)
            assert (store.row_of(first), store.row_of(second)) == (first, second)
            store.left(first, NOW + 130, "hung_up")
            store.left(second, NOW + 131, "hung_up")
            return store.joined(joining("m6"), NOW + 140)

    assert asyncio.run(story()) == 6
    assert [(number, cause) for number, _, _, cause, _ in whole(url)["calls"]] == [
        (1, "hung_up"),
        (2, SERVER_STOPPED),
        (3, "hung_up"),
        (5, "hung_up"),  # 4 was over and came after the backup
        (6, None),
    ]
    ended = rows(url, "select room, ended_at from meetings where room = '4203'")
    assert ended == [("4203", NOW + 131)]


def test_on_a_new_machine_calls_that_last_yield_their_numbers(url, file, tmp_path):
    old = f"sqlite:///{tmp_path}/old.sqlite3"
    a_day(old)
    back_up(old, file)

    async def story():
        async with opened(url) as store:
            first = store.joined(joining("m7", "4207"), NOW + 500)
            assert first == 1
            await store.restore(file)
            assert store.row_of(first) == 3
            second = store.joined(joining("m8", "4207"), NOW + 501)
            store.heartbeat([first, second], NOW + 510)
            await store.flush()
            store.left(first, NOW + 520, "hung_up")
            store.left(second, NOW + 530, "hung_up")
            return second

    assert asyncio.run(story()) == 4
    assert rows(url, "select id, meeting_id, room, last_seen_at from calls order by id") == [
        (1, 1, "4201", NOW + 60),
        (2, 2, "4202", NOW + 65),
        (3, 3, "4207", NOW + 520),
        (4, 3, "4207", NOW + 530),
    ]
    assert rows(url, "select ended_at from meetings where id = 3") == [(NOW + 530,)]


def test_who_comes_and_goes_while_it_is_restored_is_written_where_he_stands(url, file, tmp_path):
    old = f"sqlite:///{tmp_path}/old.sqlite3"
    a_day(old)
    back_up(old, file)

    async def story():
        async with opened(url) as store:
            first = store.joined(joining("m7", "4207"), NOW + 500)
            await store.flush()
            restoring = spawn("restore", store.restore(file))
            for _ in range(10_000):
                if store._next_call >= 4:
                    break
                await asyncio.sleep(0.001)
            store.left(first, NOW + 520, "hung_up")
            second = store.joined(joining("m8", "4208"), NOW + 521)
            store.heartbeat([second], NOW + 525)
            await restoring
            store.left(second, NOW + 530, "hung_up")
            await store.flush()
            assert store.lost_writes == 0

    asyncio.run(story())
    assert rows(url, "select id, room, left_at, cause from calls order by id") == [
        (1, "4201", NOW + 60, "hung_up"),
        (2, "4202", NOW + 65, SERVER_STOPPED),
        (3, "4207", NOW + 520, "hung_up"),
        (4, "4208", NOW + 530, "hung_up"),
    ]
    ended = "select room, ended_at from meetings where id > 2 order by id"
    assert rows(url, ended) == [("4207", NOW + 520), ("4208", NOW + 530)]


def test_nobody_erases_what_he_did_by_a_restore(url, file):
    a_day(url)
    back_up(url, file)

    async def story():
        async with opened(url) as store:
            await store.change(insert(audit), said(NOW + 5, "misdeed"))
            await store.restore(file)
            return await store.look(select(audit.c.action).order_by(audit.c.at))

    assert [row["action"] for row in asyncio.run(story())] == ["calls", "misdeed"]


def test_a_backup_before_an_upgrade_keeps_the_old_schema(empty, file):
    from alembic import command  # as tests of the migrations do
    from alembic.config import Config

    from sfu.shell.database import MIGRATIONS

    engine = connect_plainly(empty)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    back_up(empty, file)
    assert rows(f"sqlite:///{file}", "select version_num from alembic_version") == [("0002",)]
    assert restore(empty, file).rows == 0
    assert rows(empty, "select version_num from alembic_version") == [(newest_revision(),)]


def test_a_backup_takes_the_place_of_a_backup_and_of_nothing_else(url, file, tmp_path):
    a_day(url)
    back_up(url, file)
    back_up(url, file)
    for content in (b"a letter", b""):
        (tmp_path / "letter").write_bytes(content)
        with pytest.raises(UseError, match="is not overwritten"):
            back_up(url, tmp_path / "letter")
        assert (tmp_path / "letter").read_bytes() == content


def test_what_is_no_backup_changes_nothing(url, file, tmp_path):
    a_day(url)
    before = whole(url)
    back_up(url, file)
    damaged = tmp_path / "damaged"
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    damaged.write_bytes(content)
    newer = tmp_path / "newer"
    newer.write_bytes(file.read_bytes())
    with contextlib.closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    (tmp_path / "text").write_text("hello")
    for name in ("damaged", "newer", "text", "missing"):
        with pytest.raises(UseError, match=name):
            restore(url, tmp_path / name)
    assert whole(url) == before


def test_without_records_there_is_nothing_to_back_up(tmp_path, file):
    with pytest.raises(UseError, match="does not exist"):
        back_up(f"sqlite:///{tmp_path}/none.sqlite3", file)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(UseError, match="no tables of sfu"):
        back_up(f"sqlite:///{tmp_path}/empty", file)
    with pytest.raises(UseError, match=f"there is no folder {tmp_path}/no"):
        back_up(f"sqlite:///{tmp_path}/empty", tmp_path / "no" / "folder")
    assert not file.exists()


def test_a_database_without_tables_is_not_backed_up(empty, file):
    with pytest.raises(UseError, match="nothing to back up"):
        back_up(empty, file)
    assert not file.exists()
