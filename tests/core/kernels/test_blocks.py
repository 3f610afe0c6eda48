"""Blocks of lines: no two overlap, none gets lost, and what is free is used again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.kernels.arguments import FREE_LINES, HEADER_SIZE, LINES
from holdfast.core.kernels.blocks import FREE_SIZE, give_back_block, take_block
from holdfast.core.kernels.codes import FREE
from holdfast.core.tables.layouts import LINE


class Space:
    """A table of lines, and a plain dict of the blocks in use."""

    def __init__(self) -> None:
        self.lines = np.zeros(1 << 17, LINE)
        self.header = np.zeros(HEADER_SIZE, np.int64)
        self.blocks: dict[int, int] = {}

    @property
    def end(self) -> int:
        return int(self.header[LINES])

    def take(self, size: int) -> int:
        start = int(take_block(self.lines, self.header, LINES, FREE_LINES, size))
        # What its owner may write: all but the state FREE.
        self.lines[start : start + size].view(np.uint8)[:] = FREE
        self.lines[start : start + size]["state"] = 1
        self.blocks[start] = size
        return start

    def give_back(self, start: int) -> None:
        size = self.blocks.pop(start)
        give_back_block(self.lines, self.header, LINES, FREE_LINES, start, size)

    def free_blocks(self) -> dict[int, int]:
        found: dict[int, int] = {}
        free = self.header[FREE_LINES : FREE_LINES + FREE_SIZE]
        for at in range(1, FREE_SIZE):
            place, before = int(free[at]), 0
            while place:
                first = self.lines[place - 1]
                size = int(first["row"])
                last = self.lines[place - 1 + size - 1]
                assert (first["state"], last["state"], last["row"]) == (FREE, FREE, size)
                assert size.bit_length() == at
                links = int(first["quantity"])
                assert links >> 32 == before
                found[place - 1] = size
                place, before = links & 0xFFFF_FFFF, place
        assert free[0] == sum(found.values())
        return found


def assert_sound(space: Space) -> None:
    """Blocks in use and free blocks cover the space once, and no two free ones are neighbours."""
    free = space.free_blocks()
    everything = {**space.blocks, **free}
    assert len(everything) == len(space.blocks) + len(free)
    at = 0
    for start, size in sorted(everything.items()):
        assert start == at
        at += size
        assert start not in free or at not in free
    assert space.end == at
    assert at - 1 not in free, "a free block at the end goes back to the room after it"


@given(st.lists(st.one_of(st.integers(1, 300), st.integers(-100, -1)), max_size=200))
def test_blocks_in_use_and_free_ones_cover_the_space_once(acts: list[int]) -> None:
    space = Space()
    for act in acts:
        if act > 0:
            space.take(act)
        elif space.blocks:
            space.give_back(sorted(space.blocks)[act % len(space.blocks)])
        assert_sound(space)
    for start in list(space.blocks):
        space.give_back(start)
    assert 0 == space.end


@given(st.lists(st.integers(1, 300), min_size=1, max_size=50))
def test_what_is_large_enough_is_used_before_the_space_grows(sizes: list[int]) -> None:
    space = Space()
    starts = [space.take(size) for size in sizes]
    space.take(1)  # so that nothing goes back to the room after it
    space.give_back(starts[0])
    half = (sizes[0] + 1) // 2
    assert starts[0] == space.take(half)
    assert_sound(space)


def test_blocks_lie_one_after_the_other_until_one_is_given_back() -> None:
    space = Space()
    assert [0, 1, 4, 2_004] == [space.take(size) for size in (1, 3, 2_000, 1)]
    space.give_back(1)
    assert [1, 2, 3, 2_005] == [space.take(1) for _ in range(4)]


def test_a_space_is_used_again_for_ever() -> None:
    space = Space()
    kept = space.take(1)
    for _ in range(1_000):
        for size in (1, 3, 2_000, 1, 17):
            space.take(size)
        for start in [each for each in space.blocks if each != kept]:
            space.give_back(start)
        assert_sound(space)
    assert 1 == space.end
