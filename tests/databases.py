"""The databases a test of storage runs on: SQLite always, PostgreSQL where -m interop asks.

A test says `url` (a database with its tables and nothing in them) or `empty` (one without tables)
and is two tests.  Who opens SQLite alone fails, unless he stands in ONLY_SQLITE with a reason.
"""

import contextlib
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.pool import Pool

from sfu.shell.database import connect_plainly

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.interop)]

THE_FILE = "of SQLite's file itself: "
BEFORE = "where no [store] url is set there is a file: "
ONLY_SQLITE = {
    "app/doctor/test_machine.py::test_a_database_that_is_broken_is_told": THE_FILE + "damage",
    "shell/test_database.py::test_sqlite_keeps_a_log_ahead_and_overwrites_what_is_deleted": THE_FILE
    + "its pragmas",
    "shell/test_forget.py::test_what_was_deleted_is_not_left_in_the_file": THE_FILE + "its octets",
    "shell/test_makeway.py::test_a_damaged_file_is_set_aside_and_the_backup_comes_back": THE_FILE
    + "damage",
    "shell/test_store.py::test_a_locked_database_is_tried_again": THE_FILE + "its one writer;"
    " PostgreSQL's own is test_a_database_that_is_restarted_costs_no_record",
    "test_cli.py::test_a_backup_of_the_data_directory_comes_back": BEFORE + "its place",
}
"""Tests that open SQLite alone, and why PostgreSQL has nothing to say there."""


OPENED: set[str] = set()
"""What the test that runs has opened in this process: "sqlite", "another"."""


@event.listens_for(Pool, "connect")
def _note(connection: object, record: object) -> None:
    OPENED.add("sqlite" if "sqlite" in type(connection).__module__ else "another")


def kept_at(url: str) -> str:
    """Give the settings of a server that keeps there."""
    return f'[store]\nurl = "{url}"\n'


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = connect_plainly(url)
    with contextlib.closing(engine.connect()) as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def only_sqlite(test: str, kinds: Iterable[Any], opened: Iterable[str]) -> str:
    """Say what is wrong with a test that had these parameters and opened these; "" for nothing.

    `test` is the name pytest gives it, without parameters; `opened` are dialects.
    """
    listed = test.partition("tests/")[2] in ONLY_SQLITE
    if listed or "sqlite" not in opened or any(map(_names_a_database, kinds)):
        return ""
    return f"{test} opens SQLite alone: let it take `url` or `empty` of tests/conftest.py"


def _names_a_database(parameter: Any) -> bool:
    return any(
        one in ("sqlite", "postgresql")
        for one in (parameter if isinstance(parameter, tuple) else (parameter,))
    )
