"""Make the archive of a data directory as this build writes it.

    python -m tests.persistence.directories.archive NAME

It writes NAME.tar.xz, and NAME.json with what this build reads from it; README.md says what is in
them. Run it when the formats of a schema are final, and not again.
"""

import json
import random
import sys
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.core.commands import (
    Audit,
    ForceRelease,
    LevelName,
    Line,
    Location,
    RecordStockEvents,
    Reference,
    RenameSku,
    RepairLevels,
    Reserve,
    ReserveAgainstSupply,
    ResetSource,
    SettleSku,
    Source,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.commands.stock import SUPPLY, TRANSFER
from holdfast.core.ids import key_from_text, location_request_key
from holdfast.core.limits import HOLD_MS_MAX, LINES_KEPT_NS, NS_PER_DAY
from holdfast.core.model import CountBasis, EventKind, Fallback, LocationKind, UnknownSkus
from holdfast.core.statistics import read_statistics
from tests.persistence.lives import (
    NS_PER_S,
    Life,
    Nobody,
    close,
    life_of,
    live_on,
    reopen,
    snapshot_of,
)

FOLDER = Path(__file__).parent

#: It does not divide the number of slots.
SHARDS = 3


def write(path: Path) -> None:
    """Two lives, a snapshot between them, and a second that ends with a seal."""
    live_on(path, turns=12, seed=1, shard_count=SHARDS)
    snapshot_of(path, SHARDS)
    recovered = reopen(path, SHARDS)
    life = life_of(recovered, random.Random(2))
    life.live(turns=12)
    event = StockEvent(
        *(None, 1, "sku-1", "store-1", EventKind.RECEIPT, 7),
        occur_time_ns=NS_PER_S,
        reference=Reference("purchase_order", "4711", "20"),
        reason="goods in",
        actor="Zoë",
    )
    life.node.post(RecordStockEvents("wms", (event,)), Nobody(), "warehouse")
    order = Reserve(key_from_text("in the shop's name"), (Line("sku-1", "store-1", 1),), 3_600_000)
    life.node.post(order, Nobody(), "shop")
    coming, moved = Reference(SUPPLY, "4712", "10"), Reference(TRANSFER, "4713", "10")
    sent = {"reference": moved, "to_location": "warehouse", "takes_promised": True}
    changes: tuple[tuple[EventKind, dict[str, Any]], ...] = (
        (EventKind.STATUS_CHANGE, {"to_status": "damaged"}),
        (EventKind.STATUS_CHANGE, {"from_status": "damaged", "to_status": "quality_control"}),
        (EventKind.COUNT, {"basis": CountBasis.BOOKS, "picked_quantity": 1}),
        (EventKind.SUPPLY, {"reference": coming, "expected_ns": 9 * NS_PER_S}),
        (EventKind.RECEIPT, {"reference": replace(coming, line="20")}),
        (EventKind.TRANSFER_DISPATCH, sent),
        (EventKind.RECEIPT, {"reference": replace(moved, line="20")}),
        (EventKind.TRANSFER_ADJUSTMENT, {"reference": moved}),
    )
    for number, (kind, more) in enumerate(changes, 2):
        fact = StockEvent(None, number, "sku-1", "store-1", kind, 2, **more)
        life.node.post(RecordStockEvents("wms", (fact,)), Nobody())
    # It is silent from the next turn on, while another is heard and misses a number.
    life.node.post(UpdateSource(Source("wms", 1_000, None, Fallback.STOP, 0)), Nobody())
    for number in (1, 3):
        fact = StockEvent(None, number, "sku-2", "store-1", EventKind.RECEIPT, 2)
        life.node.post(RecordStockEvents("erp 2", (fact,)), Nobody())
    till = Source("till 2", 0, UnknownSkus.QUARANTINE)
    life.node.post(UpdateSource(till, allow_missing=True), Nobody())
    for sku in ("sku-A", "sku-B", "sku-C"):
        fact = StockEvent(None, 0, sku, "store-1", EventKind.SALE, 1)
        life.node.post(RecordStockEvents(till.name, (fact,)), Nobody())
    life.journal.append(life.node.turn(life.node.now_ns).entries)
    for sku, admits in (("sku-A", True), ("sku-B", False)):
        life.node.post(SettleSku(sku, admits, "looked at", "Zoë"), Nobody())
    _promise_later(life)
    for sku, name in (("sku-2", "sku-2b"), ("sku-2b", "sku-2"), ("sku-3", "sku-3b")):
        life.turn([RenameSku(sku, name)])
    place = Location("store-2", LocationKind.STORE, "Corner", enabled=True)
    life.turn([UpdateLocation(place, request=location_request_key(place.name, "q"))])
    for _ in range(2):  # what has ended leaves, and new orders take its place
        if entries := life.node.turn(life.node.now_ns + 2 * LINES_KEPT_NS).entries:
            life.journal.append(entries)
    _count_anew(life)
    life.live(turns=3)
    _audit(life)
    _named(life)
    life.journal.append(life.node.seal())
    close(recovered)


def _promise_later(life: Life) -> None:
    """Units are promised from supply, of which a part comes."""
    now_ns = life.node.now_ns
    coming = Reference(SUPPLY, "4714", "10")
    event = StockEvent(
        *(None, 11, "sku-1", "store-1", EventKind.SUPPLY, 10**6),
        reference=coming,
        expected_ns=now_ns + NS_PER_DAY,
    )
    life.node.post(RecordStockEvents("buying", (event,)), Nobody())
    life.journal.append(life.node.turn(now_ns).entries)
    for name in ("waits", "waits, too"):
        line = Line("sku-1", "store-1", 1_000)
        later = (now_ns + 2 * NS_PER_DAY,)
        waits = ReserveAgainstSupply(key_from_text(name), (line,), HOLD_MS_MAX, later)
        life.node.post(waits, Nobody())
    life.journal.append(life.node.turn(now_ns).entries)
    event = StockEvent(None, 12, "sku-1", "store-1", EventKind.RECEIPT, 1_500, reference=coming)
    life.node.post(RecordStockEvents("buying", (event,)), Nobody())
    life.journal.append(life.node.turn(now_ns).entries)
    assert any(len(shard.backorders) for shard in life.node.shards)


def _count_anew(life: Life) -> None:
    """A source is reset, and counts as of an instant that it states, under a number of its own.
    Then a number comes late.
    """
    now_ns = life.node.now_ns
    life.turn([ResetSource("wms", 0)])
    sale, count = EventKind.SALE, EventKind.COUNT
    for number, kind in ((1, sale), (2, count), (3, sale), (5, sale), (4, sale)):
        fact = StockEvent(None, number, "sku-1", "store-1", kind, 3, now_ns - NS_PER_S)
        life.turn([RecordStockEvents("wms", (fact,))])


def _audit(life: Life) -> None:
    """Two levels go into quarantine, of which one is repaired; an operator ends a reservation."""
    shard = life.node.shards[0]
    reserved = shard.levels.records["reserved"]
    rows = [row for row in range(len(shard.levels)) if shard.is_open(row)][:2]
    reserved[rows] += 1
    assert life.node.post(Audit(begins=True), Nobody())
    while not life.node.audit.passes:
        life.turn([])
    assert rows == shard.quarantined.used.tolist()
    life.turn([RepairLevels((LevelName(*shard.name_row(rows[0])),), "a bad module", "Zoë")])
    assert rows[1:] == shard.quarantined.used.tolist()
    reserved[rows[1]] -= 1  # as a start finds it
    life.turn([ForceRelease(life.made[-1].key, "a lost cart", "Zoë")])


def _named(life: Life) -> None:
    """Commands under a correlation id; a reservation of an owner on lines with ids."""
    lines = (Line("sku-1", "store-1", 1, "10"), Line("sku-2", "store-2", 1, "20"))
    order = Reserve(key_from_text("of an owner"), lines, 3_600_000, "customer 4711")
    facts = tuple(
        StockEvent(None, number, line.sku, line.location, EventKind.RECEIPT, 9)
        for number, line in enumerate(lines, 90)
    )
    for command in (RecordStockEvents("wms", facts), order):
        assert life.node.post(command, Nobody(), "shop", "checkout 17")
    life.turn([])


def facts_of(path: Path) -> dict[str, int | str]:
    """What `test_earlier_builds.py` compares."""
    recovered = reopen(path, SHARDS)
    close(recovered)
    statistics = [read_statistics(shard.header) for shard in recovered.node.shards]
    units = ("on_hand", "reserved", "committed")
    return {unit: sum(getattr(shard, unit) for shard in statistics) for unit in units} | {
        "shard_count": SHARDS,
        "position": recovered.journal.position,
        "snapshot_position": recovered.snapshot_position,
        "epoch": recovered.epoch - 1,
        "state_hash": recovered.node.state_hash(),
    }


def main() -> None:
    """Write the archive and the facts beside this file."""
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        write(data)
        with tarfile.open(FOLDER / f"{name}.tar.xz", "w:xz") as archive:
            for kept in ("node.json", "journal.mdb", "snapshots"):
                archive.add(data / kept, f"data/{kept}")
        (FOLDER / f"{name}.json").write_text(json.dumps(facts_of(data)) + "\n")


if __name__ == "__main__":
    main()
