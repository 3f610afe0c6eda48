"""Hash slots: a dict says what they must find, at every stage of their growth, in bounded work."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.kernels.arguments import Index
from holdfast.core.kernels.hash_slots import (
    HOMES,
    HOMES_AT,
    LARGER,
    MOVED,
    enter,
    find_home,
    hash_key,
    leave_slot,
    number_at,
    probe,
)
from holdfast.core.tables.hash_slots import HashSlots
from holdfast.core.tables.table import TableFullError

SEED = np.frombuffer(b"drawn by secrets", np.int64)


class Numbered:
    """Slots in which each number is its own key."""

    def __init__(self) -> None:
        self.slots = HashSlots(SEED)
        self.index = Index(*self.slots.arrays)
        self.layout = self.slots.arrays[1]

    def add(self, *numbers: int) -> None:
        self.slots.ensure(len(numbers))
        for number in numbers:
            enter(self.index, self.hash(number), number)

    def hash(self, number: int) -> np.uint64:
        return np.uint64(hash_key(self.index, number, 0))

    def remove(self, number: int) -> None:
        slot, _ = self._search(number)
        leave_slot(self.index, slot)

    def has(self, number: int) -> bool:
        return self._search(number)[1]

    def _search(self, number: int) -> tuple[int, bool]:
        h = self.hash(number)
        slot = probe(self.index, find_home(self.index, h), h)
        while self.index.slots[slot] and number_at(self.index, slot, h) != number:
            slot = probe(self.index, slot + 1, h)
        return slot, bool(self.index.slots[slot])


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 200), st.randoms(use_true_random=False)), max_size=8))
def test_finds_what_is_there_while_records_come_and_go(steps: list[tuple[int, object]]) -> None:
    numbered = Numbered()
    there: set[int] = set()
    last = 0
    for count, rng in steps:
        numbered.add(*range(last, last + count))
        there |= set(range(last, last + count))
        last += count
        for number in rng.sample(sorted(there), len(there) // 3):  # type: ignore[attr-defined]
            numbered.remove(number)
            there.remove(number)
        assert there == {number for number in range(last + 20) if numbered.has(number)}
        assert len(there) == numbered.slots.count


def test_growth_is_spread_over_the_entries_that_follow() -> None:
    """One entry moves eight slots, and on to the end of a run, which is short."""
    numbered = Numbered()
    moves, last = [], 0
    for number in range(20_000):
        numbered.add(number)
        moved = int(numbered.layout[MOVED])
        moves.append(moved - last if moved else 0)
        last = moved
    assert max(moves) < 500
    assert 10_000 < sum(moves)
    assert numbered.slots.count < numbered.layout[HOMES]


def test_homes_that_were_left_take_no_memory_and_can_be_used_again() -> None:
    numbered = Numbered()
    slots = numbered.slots.arrays[0]
    halves, start = set(), 0
    for count in (100, 400, 1_600, 6_400, 25_600):
        numbered.add(*range(start, start + count))
        start += count
        assert not numbered.layout[LARGER]
        at = int(numbered.layout[HOMES_AT])
        halves.add(at)
        other = len(slots) // 2 - at
        assert not slots[other : other + 1_000_000].any()
    assert 2 == len(halves)


def test_memory_is_given_back_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """While slots move, and when all of them are left for good."""
    monkeypatch.setattr("holdfast.core.tables.hash_slots._GIVEN_BACK", 1 << 12)
    numbered = Numbered()
    numbered.add(*range(30_000))
    slots, layout = numbered.slots.arrays
    start = int(layout[HOMES_AT])
    number = 30_000
    while layout[MOVED] < 20_000:
        numbered.add(number)
        number += 1
    assert not slots[start : start + (4 << 12)].any()
    assert all(map(numbered.has, range(number)))
    pieces = 1
    while numbered.slots.give_back():
        pieces += 1
    assert pieces > 10
    assert not slots[: 1 << 20].any()
    assert not slots[len(slots) // 2 :][: 1 << 20].any()


def test_keys_of_one_hash_are_found_one_after_the_other_and_too_many_are_an_error() -> None:
    """No search is endless, and none leaves the slots."""
    slots = HashSlots(SEED)
    index = Index(*slots.scratch(5_000))
    for number in range(5_000):
        enter(index, np.uint64(0), number)
    found, slot = [], 0
    while index.slots[slot := probe(index, slot, np.uint64(0))]:
        found.append(int(number_at(index, slot, np.uint64(0))))
        slot += 1
    assert list(range(5_000)) == found
    enter(index, np.uint64(0), 5_000)
    with pytest.raises(MemoryError, match="the same hash"):
        enter(index, np.uint64(0), 5_001)


def test_full_slots_say_so_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order in which they grew, they stay within their two halves."""
    monkeypatch.setattr("holdfast.core.tables.hash_slots._HALF", 1 << 14)
    monkeypatch.setattr("holdfast.core.tables.hash_slots._SPILL", 1 << 10)
    numbered = Numbered()

    def fill() -> None:
        for start in range(0, 1 << 14, 500):
            numbered.add(*range(start, start + 500))

    with pytest.raises(TableFullError, match="keys and 500 more"):
        fill()
    count = numbered.slots.count
    assert 10_000 < count
    assert all(map(numbered.has, range(count)))


def test_scratch_has_the_seed_and_room() -> None:
    """A message looks its own keys up; strangers choose them."""
    numbered = Numbered()
    numbered.add(*range(1_000))
    index = Index(*numbered.slots.scratch(8_190))
    assert hash_key(index, 1, 2) == hash_key(numbered.index, 1, 2)
    assert hash_key(index, 1, 2) != hash_key(Index(*HashSlots(SEED[::-1]).arrays), 1, 2)
    for number in range(8_190):
        enter(index, np.uint64(hash_key(index, number, 0)), number)
    assert 8_190 == np.count_nonzero(index.slots)
