"""F6: what is kept is tried on SQLite and on PostgreSQL, by the same tests."""

import re
from pathlib import Path

import pytest

from sfu.shell.database import connect_plainly
from tests.databases import ONLY_SQLITE, OPENED, only_sqlite

TESTS = Path(__file__).parent


@pytest.mark.parametrize("named", ["sqlite", "postgresql", ("postgresql", "sqlite")])
def test_who_runs_on_both_may_open_either(named):
    assert only_sqlite("tests/app/test_ledger.py::test_x", [3, ["a"], named], {"sqlite"}) == ""


def test_who_opens_sqlite_alone_is_told():
    said = only_sqlite("tests/app/test_ledger.py::test_x", ["sqlite:///a"], {"sqlite", "another"})
    assert "test_x opens SQLite alone" in said


def test_who_opens_none_or_has_a_reason_may():
    assert only_sqlite("tests/app/test_ledger.py::test_x", [], set()) == ""
    assert only_sqlite("tests/" + next(iter(ONLY_SQLITE)), [], {"sqlite"}) == ""


@pytest.mark.parametrize("test", ONLY_SQLITE)
def test_a_reason_goes_with_its_test(test):
    file, _, name = test.partition("::")
    assert re.search(rf"(?m)^def {name}\(", (TESTS / file).read_text())


def test_what_is_opened_in_this_process_is_noted():
    engine = connect_plainly("sqlite://")
    engine.connect().close()
    engine.dispose()
    assert {"sqlite"} == OPENED
    OPENED.clear()  # or this test would be told, too
