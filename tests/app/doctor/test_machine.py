"""Disk, database, clock, what is granted and installed."""

import sqlite3

import pytest

from sfu.app.doctor.finding import Level
from sfu.app.doctor.machine import (
    check_buffers,
    check_clock,
    check_database,
    check_disk,
    check_files,
    check_libraries,
    check_machine,
)
from sfu.config import Settings
from sfu.config.protocol import H323


def test_a_disk_that_is_full_or_not_there_yet(tmp_path):
    assert check_disk(tmp_path / "not" / "yet", least=1).level is Level.OK
    full = check_disk(tmp_path, least=1 << 60)
    assert full.level is Level.WRONG
    assert full.fix is not None


def test_a_database_that_is_broken_is_told(tmp_path):
    file = tmp_path / "calls.sqlite3"
    url = f"sqlite+aiosqlite:///{file}"
    assert check_database(url).level is Level.OK
    with sqlite3.connect(file) as made:
        made.execute("create table t (x)")
        made.executemany("insert into t values (?)", [("a" * 500,)] * 2000)
    assert check_database(url).level is Level.OK
    raw = bytearray(file.read_bytes())
    raw[5000:40_000] = b"\x55" * 35_000
    file.write_bytes(raw)
    told = check_database(url)
    assert told.level is Level.WRONG
    assert told.fix is not None
    assert "systemctl stop sfu" in told.fix.en


def test_a_database_that_does_not_answer_is_told(tmp_path):
    told = check_database(f"postgresql://sfu@/sfu?host={tmp_path}")
    assert told.level is Level.WRONG
    assert told.fix is not None
    assert "systemctl status postgresql" in told.fix.en


@pytest.mark.parametrize(("unsynchronised", "level"), [(True, Level.NOTE), (False, Level.OK)])
def test_a_clock_nobody_keeps(unsynchronised, level):
    assert check_clock(unsynchronised).level is level


def test_small_buffers_and_few_files(tmp_path):
    (tmp_path / "rmem").write_text("212992\n")
    small = check_buffers(tmp_path / "rmem")
    assert small.fix is not None
    assert "net.core.rmem_max=4194304" in small.fix.fr
    (tmp_path / "rmem").write_text("8388608\n")
    assert check_buffers(tmp_path / "rmem").level is Level.OK
    assert check_buffers(tmp_path / "none").level is Level.NOTE
    assert [check_files(one).level for one in (1024, 65_536, -1)] == [
        Level.NOTE, Level.OK, Level.OK,
    ]  # fmt: skip


def test_what_is_not_installed():
    def levels(settings, **has):
        return {one.check: one.level for one in check_libraries(settings, **has)}

    assert levels(Settings(), mixer=False, h323=False) == {
        "mixer": Level.WRONG, "h323": Level.NOTE,
    }  # fmt: skip
    off = Settings(h323=H323(enabled=False))
    assert levels(off, mixer=True, h323=False) == {"mixer": Level.OK}


def test_this_machine_is_looked_at_as_a_whole(tmp_path):
    checks = [one.check for one in check_machine(Settings(data=str(tmp_path)), {})]
    assert checks[:5] == ["disk", "database", "clock", "buffers", "files"]
