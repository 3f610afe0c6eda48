"""The history of a node: every effect of its journal as one record, by name and quantity."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .codec import RecordedEntry
from .shard_history import EffectRecord, ShardHistory
from .time_texts import time_text


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are asked for: as it is made, all of them."""

    after: int = 0
    """Those of appends after this position."""
    sku: str | None = None
    """Those that name this SKU as it was first called, in one of their lines if they have lines."""
    reservation_id: str | None = None

    def matches(self, record: EffectRecord) -> bool:
        """Whether a record is of this SKU and of this reservation."""
        if self.reservation_id is not None and record.get("reservation_id") != self.reservation_id:
            return False
        if self.sku is None:
            return True
        return self.sku in (record.get("sku"), *(line["sku"] for line in record.get("lines", ())))


def effect_records(
    appends: Iterable[tuple[int, list[RecordedEntry]]], wanted: RecordFilter
) -> Iterator[EffectRecord]:
    """The effects that are wanted, oldest first. The appends must begin with the journal's first,
    which defines the names of later ones.
    """
    shards: dict[int, ShardHistory] = {}
    for position, group in appends:
        for recorded in group:
            entry = recorded.entry
            shard = shards.setdefault(entry.shard, ShardHistory())
            head = {
                "position": position,
                "shard": entry.shard,
                "sequence": entry.sequence,
                "epoch": recorded.epoch,
                "time": time_text(entry.now_ns),
            }
            for record in shard.records(entry.sections):
                if position > wanted.after and wanted.matches(record):
                    yield {**head, **record}
