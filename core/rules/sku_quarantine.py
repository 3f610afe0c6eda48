"""SKUs in quarantine, which began with a source that may not vouch for them (docs/adr/0044): an
operator lists them, and admits or discards each.
"""

from collections.abc import Sequence

import numpy as np

from ..commands import (
    Conflict,
    ListQuarantinedSkus,
    QuarantinedSku,
    QuarantinedSkusView,
    SettleSku,
    SkuSettled,
    Unknown,
)
from ..commands.registry import LIST_QUARANTINED_SKUS, SETTLE_SKU, executes
from ..limits import NUMBER_BITS
from ..model import Verb
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.writing import record, record_decision
from ..work import QUARANTINED_SKU_LISTED, Work
from . import repeats
from .homes import Homes


class SkuQuarantine:
    """SKUs in quarantine, over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, work: Work) -> None:
        self.shards = shards
        self.homes = homes
        self.work = work

    @executes(LIST_QUARANTINED_SKUS)
    def list(self, command: ListQuarantinedSkus, _now_ns: int) -> QuarantinedSkusView:
        """A page of them."""
        first, number = command.start >> NUMBER_BITS, command.start & ((1 << NUMBER_BITS) - 1)
        found: list[QuarantinedSku] = []
        for shard in self.shards[first:]:
            held = shard.quarantined_skus.used
            for sku, source, since_ns in held[np.searchsorted(held["sku"], number) :].tolist():
                if len(found) == command.count:
                    return QuarantinedSkusView(tuple(found), shard.number << NUMBER_BITS | sku)
                self.work.spend(QUARANTINED_SKU_LISTED)
                names = shard.skus.text(sku), shard.sources.text(source)
                found.append(QuarantinedSku(*names, since_ns))
            number = 0
        return QuarantinedSkusView(tuple(found), None)

    @executes(SETTLE_SKU)
    def settle(self, command: SettleSku, now_ns: int) -> SkuSettled | Unknown | Conflict:
        """Let a SKU out of quarantine, or end it. A repeat by its id leaves the next SKU of that
        name alone.
        """
        said = {"decision": command.admits, "reason": command.reason, "actor": command.actor}
        first = repeats.first_on_sku(self.homes, command, Verb.SETTLE_SKU, said, now_ns)
        if isinstance(first, Conflict):
            return first
        if first is not None:
            return SkuSettled(was_quarantined=bool(first[1]), is_repeat=True)
        shard = self.homes.shard_of_sku(command.sku)
        number = shard.skus.find(command.sku)
        if number < 0:
            return Unknown("sku", command.sku)
        # Point of no return: the SKU is known.
        was_quarantined = shard.is_sku_quarantined(number)
        if was_quarantined:
            self._settle(shard, number, command)
        repeats.remember_on_sku(shard, command, Verb.SETTLE_SKU, said, was_quarantined)
        return SkuSettled(was_quarantined)

    def _settle(self, shard: Shard, number: int, command: SettleSku) -> None:
        before = shard.effects.written()
        if command.admits:
            source = self._source_of(shard, number)
            record(shard, Section.SKU_QUARANTINES, (number, source, 0, 0))
        else:
            record(shard, Section.ENDED_SKUS, (number,))
        record_decision(shard, command.reason, command.actor, before)

    def _source_of(self, shard: Shard, number: int) -> int:
        held = shard.quarantined_skus.used
        return int(held["source"][np.searchsorted(held["sku"], number)])
