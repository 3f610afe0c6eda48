"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes is up to the machine: the first one may wait for a kernel to compile.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
