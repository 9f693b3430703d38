"""A backup comes back where an upgrade was taken back, and where the file is damaged."""

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from sfu.errors import UseError
from sfu.shell.backup import back_up, restore
from sfu.shell.database import connect_plainly, newest_revision, sqlite_file
from sfu.shell.makeway import set_aside_if_damaged
from sfu.shell.tables import audit, meetings
from tests.databases import rows

NOW = 1_800_000_000.0


def said(at, action):
    return {"at": at, "who": "anne", "role": "operator", "address": "", "action": action,
            "target": "", "detail": "", "status": 200}  # fmt: skip


@pytest.fixture
def backed_up(url, tmp_path):
    """A database with a meeting in it, and its backup."""
    engine = connect_plainly(url)
    with engine.begin() as connection:
        connection.execute(insert(meetings), {"room": "4201", "started_at": NOW, "ended_at": NOW})
        connection.execute(insert(audit), said(NOW, "calls"))
    engine.dispose()
    back_up(url, tmp_path / "copy")
    return tmp_path / "copy"


def upgraded(url):
    """Do what a version nobody has yet does to it: more tables, more columns, and a deed."""
    engine = connect_plainly(url)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE things (id INTEGER PRIMARY KEY, held INTEGER REFERENCES meetings (id))",
            "INSERT INTO things VALUES (1, 1)",
            "ALTER TABLE audit ADD COLUMN more TEXT",
            "ALTER TABLE meetings ADD COLUMN more TEXT NOT NULL DEFAULT 'x'",
            "UPDATE alembic_version SET version_num = '9999'",
        ):
            connection.execute(text(statement))
        connection.execute(insert(audit), said(NOW + 5, "of the newer one"))
    engine.dispose()


def test_an_upgrade_is_taken_back_by_the_backup_before_it(url, backed_up):
    upgraded(url)
    with pytest.raises(UseError, match="newer version of sfu"):
        restore(url, backed_up, running=True)
    assert rows(url, "select count(*) from things") == [(1,)]
    assert restore(url, backed_up).rows == 1  # its line of the audit log is there
    assert rows(url, "select version_num from alembic_version") == [(newest_revision(),)]
    assert rows(url, "select room from meetings") == [("4201",)]
    assert rows(url, "select action from audit order by id") == [("calls",), ("of the newer one",)]
    with pytest.raises(Exception, match="things"):
        rows(url, "select * from things")


def test_a_restore_that_fails_leaves_the_newer_tables_alone(url, backed_up, monkeypatch):
    upgraded(url)

    def broken(*_):
        raise UseError("no more disk")

    monkeypatch.setattr("sfu.shell.backup._set_sequences", broken)
    with pytest.raises(UseError, match="no more disk"):
        restore(url, backed_up)
    assert rows(url, "select version_num from alembic_version") == [("9999",)]
    assert rows(url, "select count(*) from things") == [(1,)]


def damage(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = bytearray(file.read_bytes())
    raw[4096:40_000] = b"\x55" * (40_000 - 4096)
    file.write_bytes(raw)


def test_a_damaged_file_is_set_aside_and_the_backup_comes_back(sqlite, tmp_path):
    file = sqlite_file(sqlite)
    assert file is not None
    engine = connect_plainly(sqlite)
    with engine.begin() as connection:
        connection.execute(insert(meetings), {"room": "4201", "started_at": NOW, "ended_at": NOW})
    engine.dispose()
    back_up(sqlite, tmp_path / "copy")
    damage(file)
    if os.geteuid() == 0:
        os.chown(file, 65_534, 65_534)
    owner = file.stat().st_uid
    octets = file.read_bytes()
    assert restore(sqlite, tmp_path / "copy").rows == 1
    assert rows(sqlite, "select room from meetings") == [("4201",)]
    (aside,) = [one for one in tmp_path.glob("calls.sqlite3.damaged-*") if one.suffix[-4:-3] != "-"]
    assert aside.read_bytes() == octets
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (owner, 0o600)


def test_a_sound_file_and_another_database_stay(sqlite):
    assert set_aside_if_damaged(sqlite) is None
    assert set_aside_if_damaged("postgresql://u@db/sfu") is None
