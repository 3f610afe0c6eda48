"""Whom a change concerns: the watchers of its SKU, and those that name none."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, cast

from holdfast.core.commands import (
    DeleteSku,
    Line,
    Location,
    RecordStockEvents,
    RenameSku,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables.effects import Entry
from holdfast.core.tables.table import Array
from holdfast.edge.server.watch.audience import Audience
from holdfast.edge.server.watch.changes import ShardChanges
from holdfast.edge.server.watch.watcher import Watcher
from holdfast.edge.wire.watch import Watch
from tests.core.engine import Ticket

SKUS = [f"S{number}" for number in range(12)]
NEW_SKUS = [f"N{number}" for number in range(4)]
STEPS = 400


class Named:
    """Stands for a watcher: all that counts is what it names."""

    def __init__(self, skus: Sequence[str]) -> None:
        self.wanted = Watch(skus, (), None, from_now=True, low_threshold=0, crossings_only=False)


def any_watcher(rng: Random) -> Watcher:
    return cast(Watcher, Named(rng.sample(SKUS + NEW_SKUS, rng.choice((0, 1, 1, 3)))))


def any_command(rng: Random, number: int) -> Any:
    sku = rng.choice(SKUS)
    if rng.random() < 0.1:
        return RenameSku(sku, rng.choice(NEW_SKUS))
    if rng.random() < 0.2:
        return DeleteSku(sku)
    if rng.random() < 0.3:
        return Reserve(key_from_text(f"order {number}"), (Line(sku, "W", 1),), 60_000)
    fact = StockEvent(key_from_text(f"event {number}"), 0, sku, "W", EventKind.RECEIPT, 9)
    return RecordStockEvents("till", (fact,))


def entries_of(node: Node, command: Any) -> Iterator[Entry]:
    node.post(command, Ticket(command))
    yield from node.turn(1).entries


def skus_of(node: Node, shard: int, rows: Array) -> set[str]:
    """All names of the SKUs of some rows."""
    skus = {node.shards[shard].name_row(row)[0] for row in rows.tolist()}
    return {name for sku in skus for name in node.sku_names.all_of(sku)}


def test_those_are_concerned_who_name_the_sku_or_none() -> None:
    rng = Random(3)
    node = Node(2)
    list(entries_of(node, UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True))))
    audience = Audience(node.shards)
    changes = [ShardChanges(shard) for shard in node.shards]
    watchers: list[Watcher] = []
    woken = 0
    for number in range(STEPS):
        if rng.random() < 0.2:
            watchers.append(any_watcher(rng))
            audience.add(watchers[-1])
        if watchers and rng.random() < 0.15:
            audience.remove(watchers.pop(rng.randrange(len(watchers))))
        for entry in entries_of(node, any_command(rng, number)):
            rows = changes[entry.shard].record(entry)
            assert rows is not None
            changed = skus_of(node, entry.shard, rows)
            expected = {w for w in watchers if not w.wanted.skus or changed & {*w.wanted.skus}}
            assert expected == audience.concerned(entry.shard, rows)
            woken += 0 < len(expected) < len(watchers)
    assert woken > STEPS / 4
    for watcher in watchers:
        audience.remove(watcher)
    assert not any(named.is_used for named in audience.by_shard), "nothing stays behind"


def test_what_cannot_be_named_concerns_all() -> None:
    audience = Audience(Node(1).shards)
    watcher = cast(Watcher, Named(["S1"]))
    audience.add(watcher)
    assert {watcher} == audience.concerned(0, None)
    audience.remove(watcher)
    assert set() == audience.concerned(0, None)
