"""Which SKU a name meant at a past instant: before a merge, not the one that has the name now."""

from collections.abc import Iterator

from holdfast.core.node import Node

from .explain import Instant
from .index import Index
from .movements import MovementKind
from .queries import Movement, MovementFilter, movements_at, rows_of


def name_then(index: Index, node: Node, name: str, at: Instant) -> str:
    """The first name, by which movements call it, of the SKU that had a name at an instant. If none
    had it then, that of the SKU which has it now.
    """
    if name not in node.sku_names.first:
        return name
    later = [end for end in _merges(index, node, name) if not _is_past(end, at)]
    if not later:
        return node.sku_names.first[name]
    next_end = min(later, key=lambda end: end.number)
    return next_end.text(next_end.record, "sku")


def _merges(index: Index, node: Node, name: str) -> Iterator[Movement]:
    """The end of each SKU that had a name and was merged into another. After that none begins under
    its first name, so that it is its last end.
    """
    spelt, had = name.encode(), {name}
    for shard in node.shards:
        records = shard.sku_name_records.used
        numbers = records["sku"][records["name"] == spelt].tolist()
        had |= {shard.skus.text(number) for number in numbers}
    for sku in had & node.sku_names.first.keys():
        if (end := _last_end(index, sku)) is not None:
            yield end


def _last_end(index: Index, sku: str) -> Movement | None:
    wanted = MovementFilter((("sku", sku.encode()),))
    for part in reversed(index.parts):
        rows = rows_of(part, wanted)
        rows = rows[part.movements["kind"][rows] == MovementKind.SKU_ENDED]
        if len(rows):
            return movements_at(part, rows[-1:])[0]
    return None


def _is_past(end: Movement, at: Instant) -> bool:
    """Whether a SKU had ended at an instant. The revision of a shard is of no SKU of another."""
    record = end.record
    if at.shard is not None and record["shard"] != at.shard:
        return True
    return bool(record["time_ns"] <= at.at_ns and record["sequence"] <= at.sequence)
