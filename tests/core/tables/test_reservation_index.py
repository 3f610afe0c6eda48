"""The directory: a dict says what it must find, at every stage of its growth."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core import kernels
from holdfast.core.ids import Key
from holdfast.core.tables.layouts import RESERVATION, Table, TableFullError
from holdfast.core.tables.reservation_index import ReservationIndex, pack_part


@dataclass
class Holder:
    """As much of a shard as the directory sees."""

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


def _enter(directory: ReservationIndex, holder: Holder, keys: list[Key]) -> None:
    first = len(holder.reservations) - len(keys)
    directory.ensure(len(keys))
    for number, key in enumerate(keys, first):
        hi, lo = np.uint64(key.hi), np.uint64(key.lo)
        kernels.insert_part(directory.slots, directory.layout, hi, lo, holder.number, number)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 700)), max_size=25))
def test_finds_what_was_entered_while_it_grows(steps: list[tuple[int, int]]) -> None:
    holders = _holders(0, 1)
    directory = ReservationIndex(holders)
    expected: dict[Key, int] = {}
    for seed, (which, count) in enumerate(steps):
        holder = holders[which]
        keys = holder.add(count, seed)
        _enter(directory, holder, keys)
        first = len(holder.reservations) - count
        parts = (pack_part(holder.number, number) for number in range(first, first + count))
        expected |= dict(zip(keys, parts, strict=True))
        missing = Holder(0, Table(RESERVATION)).add(20, seed + 10_000)
        assert all(directory.find(key) == -1 for key in missing)
    assert {key: directory.find(key) for key in expected} == expected
    directory.rebuild(len(expected))
    assert {key: directory.find(key) for key in expected} == expected


def test_growth_is_spread_over_the_entries_that_follow() -> None:
    (holder,) = _holders(0)
    directory = ReservationIndex([holder])
    _enter(directory, holder, holder.add(3_000, 1))
    while not directory.layout[kernels.LARGER]:
        _enter(directory, holder, holder.add(1, 2 + len(holder.reservations)))
    moved = []
    while directory.layout[kernels.LARGER]:
        moved.append(int(directory.layout[kernels.MOVED]))
        _enter(directory, holder, holder.add(1, 2 + len(holder.reservations)))
    # One entry moves eight slots, and on to the end of a run: never thousands.
    assert max(np.diff(moved)) < 200
    assert len(moved) > 200
    assert directory.count < directory.layout[kernels.HOMES]


def test_homes_that_were_left_take_no_memory_and_can_be_used_again() -> None:
    (holder,) = _holders(0)
    directory = ReservationIndex([holder])
    halves = set()
    for seed in range(12):
        _enter(directory, holder, holder.add(len(holder.reservations) + 100, seed))
        at = int(directory.layout[kernels.HOMES_AT])
        halves.add(at)
        other = len(directory.slots) // 2 - at
        assert not directory.slots[other : other + 1_000_000].any()
    assert len(halves) == 2


def test_many_ids_of_one_hash_are_found_and_too_many_are_an_error() -> None:
    """Callers choose their ids; no search is endless, and none leaves the directory."""
    (holder,) = holders = _holders(0)
    directory = ReservationIndex(holders)
    directory.layout[kernels.SPILL] = 5_000
    directory.ensure(5_001)
    table = (directory.slots, directory.layout, np.uint64(1), np.uint64(1), 0)
    for number in range(5_000):
        kernels.insert_part(*table, number)
    assert pack_part(0, 4_999) == kernels.find_part(*table[:4], 4_999)
    with pytest.raises(MemoryError, match="the same hash"):
        kernels.insert_part(*table, 5_000)
    assert not holder.reservations.count


def test_a_full_directory_says_so_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order in which it grew, it stays within its two halves."""
    monkeypatch.setattr("holdfast.core.tables.reservation_index._HALF", 1 << 14)
    monkeypatch.setattr("holdfast.core.tables.reservation_index._SPILL", 1 << 10)
    (holder,) = holders = _holders(0)
    directory = ReservationIndex(holders)
    keys: list[Key] = []

    def fill() -> None:
        while len(keys) < 1 << 14:
            directory.ensure(500)
            directory.count -= 500
            added = holder.add(500, len(keys))
            _enter(directory, holder, added)
            keys.extend(added)

    with pytest.raises(TableFullError, match="reservations on this node"):
        fill()
    count = directory.count
    assert len(keys) == count
    assert count > 10_000
    assert [directory.find(key) for key in keys] == list(range(count))
    directory.rebuild(count)
    assert [directory.find(key) for key in keys] == list(range(count))
