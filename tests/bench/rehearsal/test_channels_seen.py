"""What was seen of channels, and what it comes to in the verdict: each line is tried with one thing
wrong.
"""

from typing import Any

import pytest

from bench.demo.comparisons import Line
from bench.harness.figures import Figure
from bench.rehearsal.channel_figures import found
from bench.rehearsal.objectives import Objectives
from bench.rehearsal.profiles import Run
from bench.rehearsal.seen import Seen
from bench.rehearsal.trials import trials

RUN = Run("r", "channels", users=10, rate=10.0, seconds=100.0)
TRIALS = trials(RUN)
OUTAGE = TRIALS[0]
OBJECTIVES = Objectives(caught_up_s_max=10.0)
NOTHING: dict[str, list[str]] = {trial.key: [] for trial in TRIALS}


def status(**walmart: Any) -> dict[str, Any]:
    """Three channels and a till; Walmart is different in one thing."""
    adapters = [{"name": "tills", "inbox": 7}]
    for name in ("amazon", "walmart-orders", "shopify", "walmart"):
        channel = {"exposed_units": 1, "oldest_dirty_s": 0.0}
        adapters.append(
            {"name": name, "inbox": 0, "partner": {"breaker": "closed"}, "channel": channel}
        )
    last: Any = adapters[-1]
    for key in ("exposed_units", "oldest_dirty_s"):
        if key in walmart:
            last["channel"][key] = walmart.pop(key)
    last.update(walmart)
    return {"adapters": adapters}


def looked(*times: float) -> Seen:
    """All is well, but that the breaker opens in the outage."""
    seen = Seen(TRIALS)
    seen.look(OUTAGE.begin + 1, status(partner={"breaker": "opened"}), NOTHING)
    for at in times:
        seen.look(at, status(), NOTHING)
    return seen


def missed(seen: Seen, *, throttled: int = 1, lines: tuple[Line, ...] = ()) -> list[str]:
    figures = found(seen, lines, throttled, OBJECTIVES).figures
    return [each.key.removeprefix("channels.") for each in figures if each.is_missed]


def value(seen: Seen, key: str) -> Figure:
    (figure,) = (
        each for each in found(seen, (), 1, OBJECTIVES).figures if each.key == f"channels.{key}"
    )
    return figure


def test_a_day_that_goes_well_passes() -> None:
    seen = looked(*(trial.end + 2 for trial in TRIALS))
    assert [] == missed(seen)
    assert [] == found(seen, (), 1, OBJECTIVES).failures
    assert 2.0 == value(seen, "outage.caught_up").value


@pytest.mark.parametrize(
    "walmart",
    [
        {"partner": {"breaker": "half-opened"}},
        {"inbox": 1},
        {"oldest_dirty_s": 11.0},
    ],
)
def test_a_channel_is_behind_while_something_waits_of_the_time_before(
    walmart: dict[str, Any],
) -> None:
    seen = looked()
    seen.look(OUTAGE.end + 11, status(**walmart), NOTHING)
    assert "outage" not in seen.caught_up_s

    seen.look(OUTAGE.end + 12, status(oldest_dirty_s=11.0), NOTHING)
    assert 12.0 == pytest.approx(seen.caught_up_s["outage"])


def test_a_channel_is_behind_while_an_order_is_not_in_the_node() -> None:
    seen = looked()
    seen.look(OUTAGE.end + 2, status(), NOTHING | {"outage": ["walmart/1"]})
    assert {} == seen.caught_up_s


def test_what_is_late_or_never_comes_fails() -> None:
    late = looked(TRIALS[0].end + 11, TRIALS[1].end + 1, TRIALS[2].end + 1)
    assert ["outage.caught_up"] == missed(late)

    unsettled = looked(TRIALS[0].end + 1, TRIALS[1].end + 1)
    assert ["kill: something still waited in the end"] == found(
        unsettled, (), 1, OBJECTIVES
    ).failures


def test_a_breaker_that_stays_closed_and_a_limit_that_is_not_felt_fail() -> None:
    seen = looked(*(trial.end + 1 for trial in TRIALS))
    seen.opened.clear()
    assert ["outage.breaker", "limit.throttled"] == missed(seen, throttled=0)


def test_more_is_oversold_than_the_adapters_said() -> None:
    seen = looked(*(trial.end + 1 for trial in TRIALS))
    assert 4 == seen.exposed_units
    seen.look_at_stock(4)
    assert [] == missed(seen)
    seen.look_at_stock(5)
    seen.look_at_stock(0)
    assert ["oversold"] == missed(seen)


def test_systems_that_differ_in_the_end_fail_and_are_reported() -> None:
    seen = looked(*(trial.end + 1 for trial in TRIALS))
    lines = (Line("orders", 2, ()), Line("shown", 2, ("MUG: 3 of 2",)))
    assert ["compared.1"] == missed(seen, lines=lines)
    assert ["shown: MUG: 3 of 2"] == found(seen, lines, 1, OBJECTIVES).remarks
