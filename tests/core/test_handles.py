"""Handles: what a stock level is called by number, and in which timeline."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.handles import make_handle, split_handles
from holdfast.core.kernels.codes import OTHER_TIMELINE
from holdfast.core.limits import ROWS_MAX, SHARDS_MAX

timelines = st.integers(0, 2**64 - 1)
levels = st.tuples(st.integers(0, SHARDS_MAX - 1), st.integers(0, ROWS_MAX - 1))


@given(timelines, st.lists(levels, min_size=1))
def test_a_handle_leads_to_its_level(timeline: int, given: list[tuple[int, int]]) -> None:
    """In its timeline, whatever that is; and it fits 64 bits."""
    handles = np.array([make_handle(timeline, *level) for level in given], np.uint64)
    shards, rows = split_handles(timeline, handles)
    assert given == list(zip(shards.tolist(), rows.tolist(), strict=True))
    assert len(set(given)) == len(set(handles.tolist()))
    assert 0 not in handles


@given(timelines, timelines, levels)
def test_a_handle_of_another_timeline_leads_nowhere(
    timeline: int, other: int, level: tuple[int, int]
) -> None:
    """And is distinguished from a handle of this one that no level has."""
    handles = np.array([make_handle(other, *level), make_handle(timeline, *level)], np.uint64)
    rows = split_handles(timeline, handles)[1].tolist()
    is_other = timeline >> 43 != other >> 43
    assert [OTHER_TIMELINE if is_other else level[1], level[1]] == rows


@given(timelines, st.integers(1, 2**64 - 1))
def test_made_up_numbers_lead_nowhere_or_into_this_timeline(timeline: int, handle: int) -> None:
    """A shard that fits its column, and a row that fits its own."""
    (shard,), (row,) = split_handles(timeline, np.array([handle], np.uint64))
    assert 0 <= shard < 4_096
    assert row == OTHER_TIMELINE or (handle >> 43 == timeline >> 43 and -1 <= row < 2**31 - 1)


@given(timelines)
def test_zero_is_no_handle_of_any_timeline(timeline: int) -> None:
    """It is what a name without a stock level is answered."""
    assert 0 == make_handle(timeline, 3, -1)
    assert [-1] == split_handles(timeline, np.zeros(1, np.uint64))[1].tolist()
