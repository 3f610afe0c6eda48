"""The limit model takes the scarcer of processor and disk."""

import pytest

from bench.cases.machine_limits import unary_limit

VALUES = {
    "unary.echo_cpu": 80.0,
    "unary.reserve_rate": 5_000.0,
    "unary.reserve_cpu": 200.0,
    "limits.messages": 4.0,
    "limits.turn_of_64": 6.0,
    "limits.append_cpu": 640.0,
    "limits.commit_small": 0.5,
}


def limits(**values: float) -> dict[str, float]:
    changed = {key.replace("__", "."): value for key, value in values.items()}
    return {figure.key: figure.value for figure in unary_limit(VALUES | changed)}


def test_a_fast_disk_leaves_the_processor_as_the_limit() -> None:
    found = limits()
    assert 10_000 == pytest.approx(found["limits.unary_rate"])
    assert 0.5 == pytest.approx(found["limits.unary_share"])
    assert 100 == pytest.approx(found["limits.unary_cpu"])
    assert 0.5 == pytest.approx(found["limits.unary_cpu_share"])


def test_a_slow_disk_is_the_limit() -> None:
    assert 6_400 == pytest.approx(limits(limits__commit_small=10.0)["limits.unary_rate"])


@pytest.mark.parametrize("missing", VALUES)
def test_without_a_term_there_is_no_limit(missing: str) -> None:
    values = {key: value for key, value in VALUES.items() if key != missing}
    assert [] == unary_limit(values)
