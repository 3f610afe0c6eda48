"""A stranger who knows the code, but not the seed, can't make the keys that he chooses meet.

Each table that he can feed gets what would fill one run of slots under another seed. That it would
is looked at first: with the guessed seed the same keys have to meet.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from holdfast.core.commands import (
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    ReserveBatch,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import Key, key_from_text
from holdfast.core.kernels.arguments import Arrays, Index
from holdfast.core.kernels.hash_slots import hash_key
from holdfast.core.kernels.levels import previous_at_level
from holdfast.core.limits import HOLD_MS_MIN
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables.apply.levels import apply_levels
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.hash_slots import HashSlots
from holdfast.core.tables.layouts import EVENT, OPERATION, REQUEST
from holdfast.core.tables.names import NameTable, pack_names
from holdfast.core.tables.remembered import Remembered
from holdfast.core.tables.reservation_index import ReservationIndex
from holdfast.core.tables.shard import Shard
from holdfast.core.tables.sku_names import SkuNames
from holdfast.core.tables.table import Array
from tests.core.engine import Ticket
from tests.core.tables.crafted import (
    COUNT,
    GUESSED,
    RUN_MAX,
    SECRET,
    keys_of_a_guess,
    keys_on_a_line,
    longest_run,
    names_of_a_guess,
    numbers_that_python_confuses,
    pairs_of_a_guess,
)

Fill = Callable[[Array], Arrays]


def reserved(keys: Sequence[Key], seed: Array) -> Node:
    """A node with a reservation under each key."""
    node = Node(1, hash_seed=seed.tobytes())
    place = Location("W", LocationKind.WAREHOUSE, "W", enabled=True)
    event = StockEvent(None, 1, "Tea", "W", EventKind.RECEIPT, 10**6)
    operations = np.zeros(len(keys), OPERATION)
    operations["key_hi"] = [key.hi for key in keys]
    operations["key_lo"] = [key.lo for key in keys]
    operations["quantity"], operations["hold_ms"] = 1, HOLD_MS_MIN
    for command in (
        UpdateLocation(place),
        RecordStockEvents("erp", (event,)),
        ReserveBatch(operations, None),
    ):
        assert node.post(command, Ticket(command))
    node.turn(1)
    return node


def reservations(keys: Sequence[Key], seed: Array) -> Arrays:
    """The index over reservations."""
    return reserved(keys, seed).index.arrays


def remembered(dtype: np.dtype) -> Callable[[Sequence[Key], Array], Arrays]:
    """What is kept of requests, or of stock events."""

    def fill(keys: Sequence[Key], seed: Array) -> Arrays:
        memory = Remembered(dtype, seed)
        records = memory.remember(len(keys), 1)
        records["key_hi"] = [key.hi for key in keys]
        records["key_lo"] = [key.lo for key in keys]
        memory.index(len(keys))
        return memory.current.slots.arrays

    return fill


def named(seed: Array) -> Arrays:
    """Names of SKUs, locations, sources or for people: all lie in such a table."""
    slots = HashSlots(seed)
    names = NameTable(slots)
    for name in names_of_a_guess():
        names.add(pack_names(name))
    return slots.arrays


def levels(seed: Array) -> Arrays:
    """Stock levels: the stranger chooses which SKUs are at which locations."""
    shard = Shard(0, ReservationIndex(1, seed), SkuNames(), seed)
    shard.sku_levels.extend(1_000)
    effects = np.zeros(COUNT, DTYPES[Section.LEVELS])
    effects["sku"], effects["location"] = pairs_of_a_guess(1_000, 300).T
    apply_levels(shard, effects)
    return shard.level_slots.arrays


def levels_of_a_message(seed: Array) -> Arrays:
    """The levels that a message names by handle, looked up among themselves."""
    arrays = HashSlots(seed).scratch(COUNT)
    operations = np.zeros(COUNT, OPERATION)
    operations["row"], operations["shard"] = pairs_of_a_guess(3_000, 100).T
    for number, operation in enumerate(operations):
        h = hash_key(Index(*arrays), int(operation["row"]), int(operation["shard"]))
        assert -1 == previous_at_level(Index(*arrays), operations, number, np.uint64(h))
    return arrays


@pytest.mark.parametrize("crafted", [keys_on_a_line, keys_of_a_guess])
@pytest.mark.parametrize(
    "fill",
    [reservations, remembered(REQUEST), remembered(EVENT)],
    ids=["reservations", "requests", "events"],
)
def test_crafted_ids_do_not_meet(
    fill: Callable[[Sequence[Key], Array], Arrays], crafted: Callable[[], list[Key]]
) -> None:
    keys = crafted()
    if crafted is keys_of_a_guess:
        assert longest_run(fill(keys, GUESSED)) > COUNT // 2
    assert longest_run(fill(keys, SECRET)) < RUN_MAX


@pytest.mark.parametrize("fill", [named, levels, levels_of_a_message])
def test_crafted_names_and_levels_do_not_meet(fill: Fill) -> None:
    assert longest_run(fill(GUESSED)) > COUNT // 2
    assert longest_run(fill(SECRET)) < RUN_MAX


def test_crafted_ids_are_all_reserved_and_found() -> None:
    """They are ids like any other."""
    keys = keys_on_a_line()
    node = reserved(keys, SECRET)
    assert list(range(COUNT)) == [node.homes.first_part(key) for key in keys]
    assert -1 == node.homes.first_part(key_from_text("another"))


def test_a_name_that_comes_and_goes_leaves_nothing_behind() -> None:
    """Whoever ends a SKU and begins it anew, over and over, does not lengthen a search."""
    slots = HashSlots(SECRET)
    names = NameTable(slots)
    for number in range(COUNT):
        names.add(pack_names("Tea"))
        assert number == names.find("Tea")
        names.remove(number)
    assert -1 == names.find("Tea")
    assert 0 == slots.count == longest_run(slots.arrays)


def test_numbers_that_meet_in_a_set_of_python_are_kept_apart() -> None:
    """Its hash of numbers has no key; ids are in sets as bytes."""
    pairs = list(numbers_that_python_confuses())
    assert 1 == len({hash(pair) for pair in pairs}) < 500 < len(pairs)
    keys = {Key(hi, lo, None).packed for hi, lo in pairs}
    assert len(pairs) == len({hash(key) for key in keys})


def test_the_seed_shows_in_no_reservation() -> None:
    """Two nodes with other seeds do the same."""
    keys = keys_of_a_guess()
    commands = [Reserve(key, (Line("Tea", "W", 1),), HOLD_MS_MIN) for key in keys]
    turns = []
    for seed in (GUESSED, SECRET):
        node = reserved(keys[:5], seed)
        for command in commands:
            node.post(command, Ticket(command))
        turn = node.turn(2)
        turns.append((repr(turn.entries), [outcome for _, outcome in turn.answers]))
    assert turns[0] == turns[1]
