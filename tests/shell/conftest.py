"""Databases with nothing in them; those of SQLite have their tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.migrated import laid
from tests.postgres import Postgres


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return laid(tmp_path / "calls.sqlite3")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgresql(cluster: Postgres) -> str:
    return cluster.new()
