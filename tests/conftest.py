"""Settings of the whole suite."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from sfu.shell import password

# deadlines judge the machine, not the code: these run beside other work
settings.register_profile(
    "sfu", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sfu")


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
