"""The databases a test of storage runs on: SQLite always, PostgreSQL where -m interop asks."""

import contextlib
from typing import Any

import pytest
from sqlalchemy import text

from sfu.shell.database import connect_plainly

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.interop)]
"""Names of fixtures that give the URL of an empty database; see conftest.py."""


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    engine = connect_plainly(url)
    with contextlib.closing(engine.connect()) as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found
