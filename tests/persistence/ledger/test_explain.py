"""Why a level has what it has, at every past instant, against a plain model."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.commands import RecordStockEvents, StockEvent
from holdfast.core.model import EventKind
from holdfast.core.tables import writing
from holdfast.core.tables.effects import Section
from holdfast.persistence.ledger import explain as explaining
from holdfast.persistence.ledger import index as indexing
from holdfast.persistence.ledger.explain import (
    IndexDamagedError,
    Instant,
    NoLevelError,
    explain,
)
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.movements import STOCK, MovementKind
from holdfast.persistence.ledger.queries import Movement, MovementFilter, find_movements
from tests.persistence.ledger.following import (
    PlainLedger,
    expect,
    following,
    parts_of,
    records_of,
)
from tests.persistence.lives import PLACES, SKUS, close, life_of, live_on, reopen

INSTANTS = 1_000


@pytest.fixture
def follower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follower]:
    """A life in small runs, and its ledger."""
    monkeypatch.setattr(indexing, "RUN_MOVEMENTS", 250)
    path = tmp_path / "data"
    live_on(path, turns=60, seed=5)
    with following(path) as (found, messages):
        assert [] == messages
        assert len(found.index.runs) >= 2
        yield found


def test_a_repair_is_shown_and_the_parts_add_up_again(tmp_path: Path) -> None:
    """Figures that no movement led to are none of the ledger's: what a repair leaves is."""
    path = tmp_path / "data"
    live_on(path, turns=20, seed=8)
    recovered = reopen(path)
    shard = recovered.node.homes.shard_of_sku(SKUS[0])
    name = next((sku, place) for sku in SKUS for place in PLACES if shard.find_row(sku, place) >= 0)
    row = shard.find_row(*name)
    sound = [int(shard.levels.records[each][row]) for each in ("reserved", "committed", "withheld")]
    life = life_of(recovered, random.Random(1))
    for withheld, reason in ((sound[2] + 3, "a bad module"), (sound[2], "the module was changed")):
        written = shard.effects.written()
        writing.record(shard, Section.REPAIRS, (*sound[:2], withheld, row, 0))
        writing.record_decision(shard, reason, "ops", written)
        life.turn([])
    close(recovered)
    with following(path) as (follower, messages):
        assert [] == messages
        texts = (("sku", name[0].encode()), ("location", name[1].encode()))
        repaired, damaged, *_ = find_movements(follower.index, MovementFilter(texts), None, 2)
        assert (MovementKind.REPAIR, MovementKind.REPAIR) == (repaired.kind, damaged.kind)
        assert [0, 0, 0, 3] == [a - b for a, b in zip(damaged.after, repaired.after, strict=True)]
        said = [repaired.text(repaired.note, field) for field in ("reason", "actor")]
        assert ["the module was changed", "ops"] == said
        explanation = explain(follower.index, *name, Instant())
        assert MovementKind.REPAIR is explanation.events[-1].kind
        assert tuple(sound) == tuple(explanation.last.after[1:])


def test_parts_add_up_at_a_thousand_past_revisions(follower: Follower) -> None:
    records = records_of(follower)
    homes = follower.replica.node.homes
    rng = random.Random(7)
    model = PlainLedger()
    asked = 0
    for at, record in enumerate(records):
        model.take(record)
        after = records[at + 1] if at + 1 < len(records) else {"shard": -1}
        if (record["shard"], record["sequence"]) == (after["shard"], after.get("sequence")):
            continue  # within an entry there is no revision
        for _ in range(24):
            name = rng.choice(SKUS), rng.choice(PLACES)
            if homes.of_sku(name[0]) != record["shard"]:
                continue
            asked += 1
            instant = Instant(sequence=record["sequence"])
            if name in model.levels:
                expect(explain(follower.index, *name, instant), model.levels[name])
            else:
                with pytest.raises(NoLevelError):
                    explain(follower.index, *name, instant)
    assert asked >= INSTANTS


def test_a_time_is_as_good_as_the_last_revision_before_it(
    follower: Follower,
) -> None:
    index = follower.index
    movements = index.parts[1].movements
    for movement in movements[::60]:
        at_ns = int(movement["time_ns"])
        for sku in SKUS:
            for place in PLACES:
                try:
                    explanation = explain(index, sku, place, Instant(at_ns=at_ns))
                except NoLevelError:
                    continue
                assert explanation.last.record["time_ns"] <= at_ns
                sequence = int(explanation.last.record["sequence"])
                assert explanation == explain(index, sku, place, Instant(sequence=sequence))


def test_older_parts_are_summed(follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = explain(follower.index, SKUS[0], PLACES[0], Instant())
    monkeypatch.setattr(explaining, "PARTS_MAX", 2)
    short = explain(follower.index, SKUS[0], PLACES[0], Instant())
    assert len(whole.events) > 2
    assert [each.number for each in whole.events[-2:]] == [each.number for each in short.events]
    assert len(whole.events) - 2 == short.earlier.count
    assert parts_of(whole).on_hand == parts_of(short).on_hand
    assert whole.last.after[1] == sum(each.quantity for each in short.held) + (
        short.other_held.quantity
    )


def test_parts_that_do_not_add_up_are_not_returned(follower: Follower) -> None:
    tail = follower.index.tail
    assert tail.count
    last = np.flatnonzero(tail.movements["kind"] > STOCK)[-1]  # what is to come is no column
    sku, location = (tail.texts[int(tail.movements[name][last])] for name in ("sku", "location"))
    tail.movements["quantity"][last] += 1
    with pytest.raises(IndexDamagedError):
        explain(follower.index, sku.decode(), location.decode(), Instant())


def test_units_enter_and_leave_statuses_by_movements_of_their_own(tmp_path: Path) -> None:
    """After that of their fact, in the same entry."""
    recovered = reopen(tmp_path)
    life = life_of(recovered, random.Random(1))
    kinds = EventKind.RECEIPT, EventKind.STATUS_CHANGE, EventKind.STATUS_CHANGE, EventKind.SALE
    quantities = 9, 3, 2, 1
    statuses = ("", ""), ("", "damaged"), ("damaged", "inspect"), ("inspect", "")
    facts = tuple(
        StockEvent(
            None, number, "new", "store-1", kind, units, from_status=leaves, to_status=enters
        )
        for number, (kind, units, (leaves, enters)) in enumerate(
            zip(kinds, quantities, statuses, strict=True), 1
        )
    )
    life.turn([*life.opening(), RecordStockEvents("wms", facts)])
    close(recovered)
    with following(tmp_path) as (found, _):
        of_level = MovementFilter((("sku", b"new"),))
        changes = changes_of(find_movements(found.index, of_level, None, 99))[::-1]
        assert sorted(changes) == sorted(
            [
                ("RECEIPT", "", 9, 0),
                *(("STATUS_CHANGE", "", 0, 0), ("UNAVAILABLE", "damaged", 0, 3)),
                ("STATUS_CHANGE", "", 0, 0),
                *(("UNAVAILABLE", "damaged", 0, -2), ("UNAVAILABLE", "inspect", 0, 2)),
                *(("SALE", "", -1, 0), ("UNAVAILABLE", "inspect", 0, -1)),
            ]
        )
        explained = explain(found.index, "new", "store-1", Instant())
        assert (8, 0, 0, 2) == explained.last.after
        assert {"damaged": 1, "inspect": 1} == explained.unavailable
        assert sorted(changes) == sorted(changes_of(explained.events))
        of_source = MovementFilter((("sku", b"new"), ("source", b"wms")))
        assert changes == changes_of(find_movements(found.index, of_source, None, 99))[::-1]


def changes_of(movements: Sequence[Movement]) -> list[tuple[str, str, int, int]]:
    """Kind and status of each, and what it changed of on hand and withheld."""
    return [
        (
            *(each.kind.name, each.text(each.record, "status")),
            *(each.after[0] - each.before[0], each.after[3] - each.before[3]),
        )
        for each in movements
    ]
