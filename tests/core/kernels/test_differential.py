"""Compiled kernels do, bit for bit, what the same source does in Python.

numba has rules of its own for mixing signed with unsigned numbers and narrow with wide ones, and
checks neither overflow nor bounds. `duel.py` says what it is compared with;
`worlds.py` and `ledger_world.py` make the states.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from holdfast.core.kernels import codes
from holdfast.core.kernels.arguments import HEADER_SIZE
from holdfast.core.model import EventOutcome
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import LAST_COUNT, LEVEL, NUMBERED, SOURCE
from tests.core.kernels import worlds
from tests.core.kernels.backorders_world import backorders
from tests.core.kernels.duel import PUBLIC, SPACES, Duel
from tests.core.kernels.handles_world import columns
from tests.core.kernels.ledger_world import blocks, seekers, shop
from tests.core.kernels.line_sums_world import sums
from tests.core.kernels.reserve_requests_world import reserves
from tests.core.kernels.stock_world import feed, many_gaps

#: Outcomes of events that are not plain, which rules find.
JUDGED_BY_RULES = {
    outcome for outcome in EventOutcome if outcome >= EventOutcome.EXCEEDS_UNAVAILABLE
}

World = Callable[[Duel, Random], None]

WORLDS: tuple[World, ...] = (
    worlds.mixing,
    worlds.names,
    worlds.messages,
    worlds.received,
    columns,
    reserves,
    worlds.levels,
    worlds.remembered,
    worlds.index,
    worlds.expiries,
    shop,
    seekers,
    backorders,
    sums,
    blocks,
    feed,
    many_gaps,
)

#: In the default run 100,000 operations; in the slow one 10 million, some five minutes of a core.
FEW, MANY, SEEDS = 7_000, 300_000, 5

#: Rounds of all worlds in which each kernel has to be called; those we have take a few.
ROUNDS = 10

assert len(WORLDS) * FEW >= 100_000
assert len(WORLDS) * MANY * SEEDS >= 10_000_000


def name_of(world: World) -> str:
    return world.__name__


def compare(world: World, seed: int, operations: int) -> Duel:
    """Visit worlds of one kind until enough was compared."""
    duel, rng = Duel(), Random(f"{name_of(world)} {seed}")
    while duel.operations < operations:
        world(duel, rng)
    return duel


@pytest.mark.parametrize("world", WORLDS, ids=name_of)
def test_kernels_agree_with_python(world: World) -> None:
    """Every result and every bit of every array is the same."""
    compare(world, 0, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
@pytest.mark.parametrize("world", WORLDS, ids=name_of)
def test_kernels_agree_with_python_millions_of_times(world: World, seed: int) -> None:
    """The same, ten million times in all."""
    compare(world, seed, MANY)


def test_every_public_kernel_is_compared() -> None:
    """A kernel that no world calls is named here: call it in one."""
    duel, rng = Duel(), Random(4)
    for _ in range(ROUNDS):
        for world in WORLDS:
            world(duel, rng)
        if duel.counts.keys() >= PUBLIC:
            break
    assert set() == PUBLIC - duel.counts.keys()


def test_batches_reach_every_answer() -> None:
    """Guard against a story in which nothing happens."""
    answers = compare(shop, 1, 20_000).answers
    assert answers["reserve_batch"] >= {
        *(codes.ACCEPTED, codes.REPEATED, codes.RESERVATION_ENDED, codes.ID_REUSED, codes.ASK),
        *(codes.INSUFFICIENT_STOCK, codes.LOCATION_DISABLED, codes.UNKNOWN_STOCK_LEVEL),
    }
    assert answers["decide_lines"] >= {
        *(codes.ACCEPTED, codes.INSUFFICIENT_STOCK, codes.LOCATION_DISABLED),
        codes.UNKNOWN_STOCK_LEVEL,
    }
    assert answers["move_batch"] >= {
        *(codes.ACCEPTED, codes.REPEATED, codes.ASK, codes.UNKNOWN_RESERVATION),
        *(codes.BATCH_EXPIRED, codes.WRONG_STATE, codes.PENDING),
    }
    assert compare(feed, 0, 10_000).answers["plan_stock"] == set(EventOutcome) - JUDGED_BY_RULES


def _another_result(_hi: Any, _lo: Any) -> int:
    return 0


def _another_order(time: int, _number: int, other_time: int, _other_number: int) -> bool:
    return time < other_time


def _narrow(
    effects: Any, _quantities: Any, _seen: Any, _header: Any, levels: Any, *_others: Any
) -> None:
    for i in range(effects.size):
        levels[effects[i].row].on_hand = effects[i].delta & 0x7FFF_FFFF


@pytest.mark.parametrize(
    ("world", "kernel", "other"),
    [
        (worlds.mixing, "mix", _another_result),
        (worlds.expiries, "_is_before", _another_order),
        (worlds.levels, "apply_stock", _narrow),
    ],
)
def test_the_judge_sees_a_difference(
    monkeypatch: pytest.MonkeyPatch, world: World, kernel: str, other: Any
) -> None:
    """In a result, in an order that only equal times show, in a field of a record."""
    for space in SPACES:
        if kernel in space:
            monkeypatch.setitem(space, kernel, other)
    with pytest.raises(AssertionError):
        compare(world, 0, 10_000)


def test_the_judge_sees_what_wraps_and_what_lies_outside() -> None:
    """Compiled code would go on with a wrong number."""
    levels, counts, sources = np.zeros(1, LEVEL), np.zeros(1, LAST_COUNT), np.zeros(1, SOURCE)
    effects = np.zeros(1, DTYPES[Section.STOCK])
    levels["on_hand"], effects["delta"] = np.iinfo(np.int64).max, 1
    arguments = (np.zeros(1, np.int64), np.zeros(1, np.uint64), worlds.make_header())
    tables = (levels, counts, sources, np.zeros(1, NUMBERED))
    with pytest.raises(ValueError, match="format"):
        Duel().call("apply_stock", effects, *arguments, *tables, 1)
    with pytest.raises(IndexError):
        Duel().call("sum_levels", levels, 2, np.zeros(HEADER_SIZE, np.int64))
