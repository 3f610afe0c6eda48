"""Events that are undone, and those for which a reversal waits (docs/adr/0037).

An event that was reversed, and one that reverses another, has a record for as long as ids of events
are remembered. A reversal undoes its target; if that is a reversal itself, what it undid is not
undone any more, and so on down to a fact. Nothing is kept of other events.
"""

import numpy as np

from ..kernels.codes import AWAITED_CAME, AWAITED_DIFFERS, AWAITS
from .shard import Shard
from .table import Array


def find_awaited(shard: Shard, hi: int, lo: int) -> int:
    """The place of an event among those for which reversals wait, or -1."""
    records = shard.awaited.used
    found = np.flatnonzero((records["key_lo"] == np.uint64(lo)) & (records["key_hi"] == hi))
    return int(found[0]) if len(found) else -1


def is_undone(shard: Shard, hi: int, lo: int) -> bool:
    """Whether an event is undone, or will be when it comes."""
    if (place := find_awaited(shard, hi, lo)) >= 0:
        return bool(shard.awaited.records[place]["is_undone"])
    known = shard.reversed.find(hi, lo, shard.now_ns)
    return known is not None and bool(known["is_undone"])


def apply_reversals(shard: Shard, effects: Array) -> None:
    """Let reversals undo, or wait; and note that what was awaited came."""
    for effect in effects:
        hi, lo = int(effect["key_hi"]), int(effect["key_lo"])
        if effect["what"] in (AWAITED_CAME, AWAITED_DIFFERS):
            place = find_awaited(shard, hi, lo)
            is_undone = int(shard.awaited.records[place]["is_undone"])
            shard.awaited.load(np.delete(shard.awaited.used, place))
            if effect["what"] == AWAITED_CAME:
                _note(shard, hi, lo, effect if effect["depth"] else None)["is_undone"] = is_undone
            continue
        _note(shard, hi, lo, effect)
        if effect["what"] == AWAITS:
            _await(shard, effect)
        else:
            _undo(shard, effect)


def _note(shard: Shard, hi: int, lo: int, effect: Array | None) -> Array:
    """The record of an event, which may be new; of a reversal with what it undoes."""
    known = shard.reversed.find(hi, lo, shard.now_ns)
    if known is None:
        record = shard.reversed.remember(1, shard.now_ns)
        record["key_hi"], record["key_lo"], record["at_ns"] = hi, lo, shard.now_ns
        record["is_undone"] = record["depth"] = 0
        shard.reversed.index(1)
        known = record[0]
    if effect is not None:
        for field in ("target_hi", "target_lo", "content", "kind", "depth"):
            known[field] = effect[field]
    return known


def _await(shard: Shard, effect: Array) -> None:
    awaited = shard.awaited.extend(1)
    awaited["key_hi"], awaited["key_lo"] = effect["target_hi"], effect["target_lo"]
    awaited["at_ns"], awaited["is_undone"] = shard.now_ns, 1
    for field in ("quantity", "row", "content", "kind", "source", "event_id"):
        awaited[field] = effect[field]


def _undo(shard: Shard, effect: Array) -> None:
    """Undo the target, let count again what that undid, and so on."""
    hi, lo, is_undone = int(effect["target_hi"]), int(effect["target_lo"]), 1
    while True:
        if (place := find_awaited(shard, hi, lo)) >= 0:
            shard.awaited.records[place]["is_undone"] = is_undone
            return
        known = _note(shard, hi, lo, None)
        known["is_undone"] = is_undone
        if not known["depth"]:
            break
        hi, lo, is_undone = int(known["target_hi"]), int(known["target_lo"]), 1 - is_undone
    shard.facts.set_undone(int(effect["fact"]), is_undone=bool(is_undone))
