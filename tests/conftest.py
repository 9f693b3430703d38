"""Settings of the whole suite."""

import pytest
from hypothesis import HealthCheck, settings

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
