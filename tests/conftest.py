"""Settings of the whole suite."""

from hypothesis import HealthCheck, settings

# deadlines judge the machine, not the code: these run beside other work
settings.register_profile(
    "sfu", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sfu")
