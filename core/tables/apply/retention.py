"""Effects by which ended reservations leave (kernels/retention.py)."""

import numpy as np

from ... import kernels
from ...kernels.codes import NEVER_NS
from ...limits import MARK_NS
from ..shard import Shard
from ..table import Array


def apply_ends(shard: Shard, effects: Array) -> None:
    """Note that reservations were seen to have ended."""
    kernels.apply_ends(effects, shard.header, shard.reservations.records)


def apply_reopened(shard: Shard, effects: Array) -> None:
    """Note that reservations have not ended any more."""
    shard.reservations.records["ended_at_ns"][effects["reservation"]] = NEVER_NS


def apply_drops(shard: Shard, effects: Array) -> None:
    """Drop parts of reservations; the ids of first parts stay, as ended ids."""
    first = shard.ended.end
    kernels.apply_drops(effects, shard.id_texts.arrays, shard.arrays)
    marks = shard.ended_marks
    is_due = not len(marks) or shard.now_ns - int(marks["at_ns"][-1]) >= MARK_NS
    if shard.ended.end > first and is_due:
        marks.append((shard.now_ns, first))


def apply_forgets(shard: Shard, effects: Array) -> None:
    """Forget the oldest ended ids, and marks that have none any more."""
    kernels.apply_forgets(int(effects["count"].sum()), shard.arrays)
    shard.ended.free_left()
    marks = shard.ended_marks.used.copy()
    is_over = marks["first"][1:] <= shard.ended.first
    shard.ended_marks.load(marks[np.count_nonzero(is_over) :])
