"""Effects on names and locations."""

import numpy as np

from ...kernels.arguments import NOT_CURRENT, RESTRICTED, SKUS
from ..names import NameTable
from ..shard import Shard
from ..source_numbers import count_not_current
from ..supply import drop_supplies
from ..table import Array, Table


def apply_sku_names(shard: Shard, effects: Array) -> None:
    """Add SKUs, without stock levels."""
    before = len(shard.skus)
    shard.skus.add(effects)
    _follow(shard.skus, shard.sku_levels)
    shard.header[SKUS] += len(shard.skus) - before


def apply_location_names(shard: Shard, effects: Array) -> None:
    """Add locations, whose records follow."""
    shard.locations.add(effects)
    _follow(shard.locations, shard.location_records)


def apply_source_names(shard: Shard, effects: Array) -> None:
    """Add sources of stock facts, which have no number yet."""
    shard.sources.add(effects)
    _follow(shard.sources, shard.source_records)


def apply_sources(shard: Shard, effects: Array) -> None:
    """Set what is set of sources."""
    fields = ("expected_interval_ms", "unknown_skus", "fallback", "cap")
    _change_sources(shard, effects, fields)


def apply_source_states(shard: Shard, effects: Array) -> None:
    """Note how sources are."""
    _change_sources(shard, effects, ("state",))


def _change_sources(shard: Shard, effects: Array, fields: tuple[str, ...]) -> None:
    counts = shard.header[NOT_CURRENT : RESTRICTED + 1]
    for effect in effects:
        record = shard.source_records.records[effect["source"]]
        counts -= count_not_current(record)
        for field in fields:
            record[field] = effect[field]
        counts += count_not_current(record)


def apply_principal_names(shard: Shard, effects: Array) -> None:
    """Add principals, on whose behalf commands came."""
    shard.principals.add(effects)


def apply_status_names(shard: Shard, effects: Array) -> None:
    """Add statuses under which units are not for sale."""
    shard.statuses.add(effects)


def _follow(names: NameTable, table: Table) -> None:
    """Give each new name a zeroed record."""
    table.extend(len(names) - len(table))


def apply_display_names(shard: Shard, effects: Array) -> None:
    """Add names of locations for people."""
    shard.display_names.add(effects)


def apply_locations(shard: Shard, effects: Array) -> None:
    """Set records of locations."""
    for effect in effects:
        shard.location_records.records[effect["location"]] = (
            effect["display_name"],
            effect["kind"],
            effect["enabled"],
            0,
        )


def apply_ended_skus(shard: Shard, effects: Array) -> None:
    """End SKUs; their rows stay for the reservations on them."""
    shard.rows.clear()
    for effect in effects:
        drop_supplies(shard, int(effect["sku"]))
        shard.skus.remove(int(effect["sku"]))
    _release_skus(shard, effects["sku"])
    shard.header[SKUS] -= len(effects)


def apply_sku_renames(shard: Shard, effects: Array) -> None:
    """Give SKUs other names."""
    for effect in effects:
        first = shard.skus.text(int(effect["sku"]))
        shard.sku_names.note(shard.sku_name_records, first, effect)


def apply_sku_quarantines(shard: Shard, effects: Array) -> None:
    """Put SKUs into quarantine that have just begun, or let them out."""
    is_new = effects["is_quarantined"] != 0
    added = shard.quarantined_skus.extend(int(np.count_nonzero(is_new)))
    for field in ("sku", "source"):
        added[field] = effects[field][is_new]
    added["since_ns"] = shard.now_ns
    _release_skus(shard, effects["sku"][~is_new])


def _release_skus(shard: Shard, skus: Array) -> None:
    held = shard.quarantined_skus
    if len(held) and len(skus):
        held.load(held.used[~np.isin(held.used["sku"], skus)])
