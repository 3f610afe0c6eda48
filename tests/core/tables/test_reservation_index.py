"""The index of reservations: a dict says what it must find, at every stage of its growth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.ids import Key
from holdfast.core.kernels.arguments import ENDED, FREE_RESERVATIONS, HEADER_SIZE, RESERVATIONS
from holdfast.core.kernels.reservation_index import insert_part
from holdfast.core.limits import ROWS_MAX
from holdfast.core.rules.homes import Homes
from holdfast.core.tables.layouts import ENDED_ID, RESERVATION
from holdfast.core.tables.reservation_index import ReservationIndex, pack_part
from holdfast.core.tables.ring import Ring
from holdfast.core.tables.sku_names import SkuNames
from holdfast.core.tables.table import Table


@dataclass
class Holder:
    """As much of a shard as the index sees."""

    number: int
    reservations: Table
    ended: Ring

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
    return [_holder(number) for number in numbers]


def _holder(number: int) -> Holder:
    header = np.zeros(HEADER_SIZE, np.int64)
    table = Table(RESERVATION, (), ROWS_MAX, header, RESERVATIONS, FREE_RESERVATIONS)
    return Holder(number, table, Ring(ENDED_ID, header, ENDED, 100))


def _enter(index: ReservationIndex, holder: Holder, keys: list[Key]) -> None:
    first = len(holder.reservations) - len(keys)
    index.slots.ensure(len(keys))
    for number, key in enumerate(keys, first):
        hi, lo = np.uint64(key.hi), np.uint64(key.lo)
        insert_part(index.arrays, hi, lo, holder.number, number)


def _finder(holders: Any, index: ReservationIndex) -> Callable[[Key], int]:
    return Homes(holders, index, SkuNames()).first_part


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 700)), max_size=25))
def test_finds_what_was_entered_while_it_grows(steps: list[tuple[int, int]]) -> None:
    holders = _holders(0, 1)
    index = ReservationIndex(len(holders), np.zeros(2, np.int64))
    find = _finder(holders, index)
    expected: dict[Key, int] = {}
    for seed, (which, count) in enumerate(steps):
        holder = holders[which]
        keys = holder.add(count, seed)
        _enter(index, holder, keys)
        first = len(holder.reservations) - count
        parts = (pack_part(holder.number, number) for number in range(first, first + count))
        expected |= dict(zip(keys, parts, strict=True))
        missing = _holder(0).add(20, seed + 10_000)
        assert all(find(key) == -1 for key in missing)
    assert {key: find(key) for key in expected} == expected
    index.rebuild(holders)
    assert {key: find(key) for key in expected} == expected


def test_keys_that_look_alike_are_distinguished() -> None:
    """Two halves that are exchanged are another key; the same key twice is found twice."""
    (holder,) = _holders(3)
    index = ReservationIndex(4, np.zeros(2, np.int64))
    keys = holder.add(100, 1)
    _enter(index, holder, keys)
    first = len(holder.reservations)
    holder.reservations.append(tuple(holder.reservations.records[5]))
    _enter(index, holder, keys[5:6])
    assert [pack_part(3, 5), pack_part(3, first)] == list(index.candidates(keys[5]))
    assert all(not list(index.candidates(Key(key.lo, key.hi, None))) for key in keys)
