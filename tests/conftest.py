"""Settings of the whole suite."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from sfu.shell import password
from tests.databases import DATABASES, OPENED, only_sqlite
from tests.migrated import laid

if TYPE_CHECKING:  # its driver is needed where PostgreSQL is
    from tests.postgres import Postgres

# thousands of tests stay in memory: to look through them all the time costs an eighth of the run
gc.set_threshold(100_000, 20, 20)

# deadlines judge the machine, not the code: these run beside other work
settings.register_profile(
    "sfu", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("sfu"), max_examples=15)
settings.load_profile(os.environ.get("LAWS", "sfu"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let real servers keep in PostgreSQL, where a test does not say itself where they keep."""
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what waits for the clock, unless it is asked for by name: -m long."""
    if "long" in (config.option.markexpr or ""):
        return
    patient = [item for item in items if item.get_closest_marker("long")]
    if patient:
        config.hook.pytest_deselected(items=patient)
        items[:] = [item for item in items if item not in patient]


@pytest.fixture(scope="session", autouse=True)
def passwords_cost_little() -> Iterator[None]:
    """Hash by argon2id as ever, with the least memory: hundreds of tests log somebody in."""
    dear = password._HASHER
    password._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    password._HASHER = dear


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return laid(tmp_path / "calls.sqlite3")


@pytest.fixture(scope="session")
def cluster() -> "Iterator[Postgres]":
    from tests.postgres import Postgres

    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgresql(cluster: "Postgres") -> Iterator[str]:
    url = cluster.laid()
    yield url
    cluster.drop(url)


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """Give a database with its tables and nothing in them: of each kind, one after the other."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a database without tables; that of SQLite has no file yet."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/calls.sqlite3"
        return
    cluster = request.getfixturevalue("cluster")
    url = cluster.new()
    yield url
    cluster.drop(url)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    OPENED.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Have a test fail that opens SQLite alone without a reason: both databases are promised."""
    yield
    kinds = item.callspec.params.values() if hasattr(item, "callspec") else ()
    wrong = only_sqlite(item.nodeid.partition("[")[0], kinds, OPENED)
    if wrong:
        pytest.fail(wrong, pytrace=False)
