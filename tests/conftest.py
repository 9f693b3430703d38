"""Settings of the whole suite."""

import gc
import os
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from sfu.shell import password

# thousands of tests stay in memory: to look through them all the time costs an eighth of the run
gc.set_threshold(100_000, 20, 20)

# deadlines judge the machine, not the code: these run beside other work
settings.register_profile(
    "sfu", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", settings.get_profile("sfu"), max_examples=15)
settings.load_profile(os.environ.get("LAWS", "sfu"))


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
