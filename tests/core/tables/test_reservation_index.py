"""The index of reservations: a dict says what it must find, at every stage of its growth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core import kernels
from holdfast.core.ids import Key
from holdfast.core.kernels.reservation_index import (
    HOMES,
    HOMES_AT,
    LARGER,
    MOVED,
    SPILL,
    insert_part,
)
from holdfast.core.rules.homes import Homes
from holdfast.core.tables.layouts import RESERVATION
from holdfast.core.tables.reservation_index import ReservationIndex, pack_part
from holdfast.core.tables.table import Table, TableFullError


@dataclass
class Holder:
    """As much of a shard as the index sees."""

    number: int
    reservations: Table

    def is_reservation(self, number: int, key: Key) -> bool:
        record = self.reservations.records[number]
        return (int(record["key_hi"]), int(record["key_lo"])) == (key.hi, key.lo)

    def add(self, count: int, seed: int) -> list[Key]:
        start = len(self.reservations)
        drawn = np.random.default_rng(seed).integers(0, 1 << 64, (count, 2), np.uint64)
        self.reservations.count += count
        self.reservations["key_hi"][start:] = drawn[:, 0]
        self.reservations["key_lo"][start:] = drawn[:, 1]
        return [Key(hi, lo, None) for hi, lo in drawn.tolist()]


def _holders(*numbers: int) -> list[Holder]:
    return [Holder(number, Table(RESERVATION)) for number in numbers]


def _enter(index: ReservationIndex, holder: Holder, keys: list[Key]) -> None:
    first = len(holder.reservations) - len(keys)
    index.ensure(len(keys))
    for number, key in enumerate(keys, first):
        hi, lo = np.uint64(key.hi), np.uint64(key.lo)
        insert_part(index.arrays, hi, lo, holder.number, number)


def _finder(holders: Any, index: ReservationIndex) -> Callable[[Key], int]:
    return Homes(holders, index).first_part


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 700)), max_size=25))
def test_finds_what_was_entered_while_it_grows(steps: list[tuple[int, int]]) -> None:
    holders = _holders(0, 1)
    index = ReservationIndex(len(holders))
    find = _finder(holders, index)
    expected: dict[Key, int] = {}
    for seed, (which, count) in enumerate(steps):
        holder = holders[which]
        keys = holder.add(count, seed)
        _enter(index, holder, keys)
        first = len(holder.reservations) - count
        parts = (pack_part(holder.number, number) for number in range(first, first + count))
        expected |= dict(zip(keys, parts, strict=True))
        missing = Holder(0, Table(RESERVATION)).add(20, seed + 10_000)
        assert all(find(key) == -1 for key in missing)
    assert {key: find(key) for key in expected} == expected
    index.rebuild(holders)
    assert {key: find(key) for key in expected} == expected


def test_growth_is_spread_over_the_entries_that_follow() -> None:
    (holder,) = _holders(0)
    index = ReservationIndex(1)
    _enter(index, holder, holder.add(3_000, 1))
    while not index.layout[LARGER]:
        _enter(index, holder, holder.add(1, 2 + len(holder.reservations)))
    moved = []
    while index.layout[LARGER]:
        moved.append(int(index.layout[MOVED]))
        _enter(index, holder, holder.add(1, 2 + len(holder.reservations)))
    # One entry moves eight slots, and on to the end of a run: never thousands.
    assert max(np.diff(moved)) < 200
    assert len(moved) > 200
    assert index.count < index.layout[HOMES]


def test_homes_that_were_left_take_no_memory_and_can_be_used_again() -> None:
    (holder,) = _holders(0)
    index = ReservationIndex(1)
    halves = set()
    for seed in range(12):
        _enter(index, holder, holder.add(len(holder.reservations) + 100, seed))
        at = int(index.layout[HOMES_AT])
        halves.add(at)
        other = len(index.slots) // 2 - at
        assert not index.slots[other : other + 1_000_000].any()
    assert 2 == len(halves)


def test_many_ids_of_one_hash_are_found_and_too_many_are_an_error() -> None:
    """Callers choose their ids; no search is endless, and none leaves the index."""
    (holder,) = holders = _holders(0)
    index = ReservationIndex(len(holders))
    index.layout[SPILL] = 5_000
    index.ensure(5_001)
    table = (index.arrays, np.uint64(1), np.uint64(1), 0)
    for number in range(5_000):
        insert_part(*table, number)
    assert pack_part(0, 4_999) == kernels.find_part(*table[:3], 4_999)
    with pytest.raises(MemoryError, match="the same hash"):
        insert_part(*table, 5_000)
    assert not holder.reservations.count


def test_a_full_index_says_so_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order in which it grew, it stays within its two halves."""
    monkeypatch.setattr("holdfast.core.tables.reservation_index._HALF", 1 << 14)
    monkeypatch.setattr("holdfast.core.tables.reservation_index._SPILL", 1 << 10)
    (holder,) = holders = _holders(0)
    index = ReservationIndex(len(holders))
    find = _finder(holders, index)
    keys: list[Key] = []

    def fill() -> None:
        while len(keys) < 1 << 14:
            index.ensure(500)
            added = holder.add(500, len(keys))
            _enter(index, holder, added)
            keys.extend(added)

    with pytest.raises(TableFullError, match="reservations on this node"):
        fill()
    count = index.count
    assert len(keys) == count
    assert count > 10_000
    assert [find(key) for key in keys] == list(range(count))
    index.rebuild(holders)
    assert [find(key) for key in keys] == list(range(count))
