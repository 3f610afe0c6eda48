"""Comparisons find what differs: each is tried with one thing wrong."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.demo import comparisons
from bench.demo.books import Books, Sold
from bench.demo.channels import Channel, Pair
from bench.demo.day import SKUS, STORE_UNITS, STORES, WAREHOUSE

LEVEL = SKUS[0], WAREHOUSE
PAIR = Pair("item", "node", LEVEL)


def client(on_hand: int = STORE_UNITS, shortfall: int = 0, **line: int) -> Any:
    """A node with the same stock everywhere, and one line in every reservation."""
    level = {"on_hand": on_hand, "shortfall": shortfall, "available": on_hand}
    levels = [SimpleNamespace(location=place, **level) for place in (WAREHOUSE, *STORES)]
    availabilities = [SimpleNamespace(sku=sku, levels=levels) for sku in SKUS]
    units = dict.fromkeys(
        ("held", "committed", "fulfilled", "returned", "cancelled", "released"), 0
    )
    found = SimpleNamespace(lines=[SimpleNamespace(**{**units, **line})])

    async def availability(_skus: object) -> Any:
        return SimpleNamespace(availabilities=availabilities)

    async def reservation(_id: object) -> Any:
        return SimpleNamespace(reservation=found)

    return SimpleNamespace(batch_get_availability=availability, get_reservation=reservation)


def channel(shown: int = STORE_UNITS) -> Channel:
    nothing: Any = lambda *_: None  # noqa: E731 - stands for a function of a twin
    return Channel("c", None, "c/", (PAIR,), lambda: {("item", "node"): shown}, nothing, nothing)


def books() -> Books:
    """One shipped order, and what has to be on hand."""
    made = Books()
    made.received.update(
        {(sku, place): STORE_UNITS for sku in SKUS for place in (WAREHOUSE, *STORES)}
    )
    made.received[LEVEL] += 1
    made.orders["c/1"] = Sold("c", "1", LEVEL, 1, 0.0, shipped=True)
    return made


async def different(made: Any, shows: Channel, dead: int = 0) -> list[str]:
    status = {"adapters": [{"name": "c", "dead_letters": dead, "channel": {"buffer_units": 2}}]}
    lines = await comparisons.reconcile(made, books(), (shows,), status, None)
    return [line.what for line in lines if not line.is_good]


async def test_systems_that_agree_agree() -> None:
    assert [] == await different(client(fulfilled=1), channel())
    assert [] == await different(client(fulfilled=1), channel(STORE_UNITS - 2))


@pytest.mark.parametrize(
    ("made", "shows", "what"),
    [
        (client(STORE_UNITS - 1, fulfilled=1), STORE_UNITS - 1, "units on hand: node"),
        (client(shortfall=1, fulfilled=1), STORE_UNITS, "oversold units"),
        (client(committed=1), STORE_UNITS, "c: every order once"),
        (client(fulfilled=2), STORE_UNITS, "c: every order once"),
        (client(fulfilled=1), STORE_UNITS + 1, "c: shown"),
        (client(fulfilled=1), STORE_UNITS - 3, "c: shown"),
    ],
)
async def test_a_system_that_differs_is_found(made: Any, shows: int, what: str) -> None:
    (found,) = await different(made, channel(shows))
    assert found.startswith(what)


async def test_as_many_units_may_be_oversold_as_is_said() -> None:
    levels = (1 + len(STORES)) * len(SKUS)
    status = {"adapters": [{"name": "c", "dead_letters": 0, "channel": {"buffer_units": 2}}]}
    made = client(shortfall=1, fulfilled=1)
    for allowed, is_good in ((levels, True), (levels - 1, False)):
        lines = await comparisons.reconcile(made, books(), (channel(),), status, None, allowed)
        assert is_good == all(line.is_good for line in lines)


async def test_dead_letters_are_found() -> None:
    assert ["dead letters: none"] == await different(client(fulfilled=1), channel(), dead=1)
