"""How much generated input a property is tried on.

As a rule a fixed choice of examples, so that a run of the suite says the same twice; with SPIDER_TEST_THOROUGH=N
N times as many, drawn anew each time, to look for what nobody has seen. No example has a time limit: how long one takes
says what else the machine does.
"""

from hypothesis import HealthCheck, settings

from spider_site.environment import number

TIMES = number("SPIDER_TEST_THOROUGH")
_SLOWNESS = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile("quick", deadline=None, derandomize=True, suppress_health_check=_SLOWNESS, print_blob=True)
settings.register_profile("thorough", settings.get_profile("quick"), derandomize=False, max_examples=100 * TIMES)
settings.load_profile("thorough" if TIMES > 1 else "quick")


def examples(count: int, *unchecked: HealthCheck) -> settings:
    """Settings for a property that needs about `count` examples to be worth something."""
    return settings(max_examples=count * TIMES, suppress_health_check=(*_SLOWNESS, *unchecked))
