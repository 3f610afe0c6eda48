"""What a name meant at a past instant: what a read under that name answered then."""

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    DeleteSku,
    GetAvailability,
    MergeSku,
    RecordStockEvents,
    RenameSku,
    StockEvent,
)
from holdfast.core.model import EventKind
from holdfast.persistence.ledger import index as indexing
from holdfast.persistence.ledger.explain import Instant, NoLevelError, explain
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.names import name_then
from tests.persistence.ledger.following import following
from tests.persistence.lives import PLACES, Life, Nobody, close, life_of, reopen

NAMES = ["tea", "tae", "chai", "cha", "te", "mug"]


class Read(NamedTuple):
    """What reads under a name answered at an instant: on hand by place."""

    name: str
    on_hand: dict[str, int]
    time: Instant
    revision: Instant


def received(sku: str, place: str, units: int) -> Command:
    return RecordStockEvents("wms", (StockEvent(None, 0, sku, place, EventKind.RECEIPT, units),))


HISTORY: list[Command] = [
    *(received("tae", PLACES[0], 4), received("tea", PLACES[0], 60), received("tea", PLACES[1], 5)),
    received("chai", PLACES[2], 7),
    RenameSku("tae", "cha"),
    received("cha", PLACES[0], 1),
    MergeSku("cha", "tea"),  # from here on tae and cha are tea
    received("tae", PLACES[2], 2),
    RenameSku("tea", "te"),
    MergeSku("te", "chai"),  # and all of them chai
    received("cha", PLACES[0], 3),
    DeleteSku("tae"),
    received("tea", PLACES[1], 9),
    received("mug", PLACES[0], 1),
    DeleteSku("mug"),
    received("mug", PLACES[1], 2),
    MergeSku("mug", "chai"),
]


def read(life: Life) -> list[Read]:
    """Under each name that a SKU has now."""
    at = Instant(at_ns=life.node.now_ns)
    assert life.node.post(GetAvailability(tuple(NAMES)), Nobody())
    ((_, answer),) = life.node.turn(life.node.now_ns).answers
    assert isinstance(answer, AvailabilitiesView)
    return [
        Read(
            name,
            {level.location: level.on_hand for level in view.levels},
            at,
            Instant(sequence=view.revision.sequence, shard=view.revision.shard),
        )
        for name, view in zip(NAMES, answer.views, strict=True)
        if view is not None
    ]


@pytest.mark.parametrize("run_movements", [3, 1_000])
def test_a_name_means_what_it_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_movements: int
) -> None:
    """Through renames, merges of merged SKUs, and SKUs that end and begin again."""
    monkeypatch.setattr(indexing, "RUN_MOVEMENTS", run_movements)
    recovered = reopen(tmp_path)
    life = life_of(recovered, random.Random(1))
    life.turn(life.places())
    reads = []
    for command in HISTORY:
        assert life.turn([command]), command
        reads += read(life)
    close(recovered)
    with following(tmp_path) as (follower, messages):
        assert [] == messages
        for each in reads:
            for at in (each.time, each.revision):
                assert each.on_hand == explained(follower, each.name, at), each
    assert {"tae", "cha", "tea"} <= {each.name for each in reads}


def explained(follower: Follower, name: str, at: Instant) -> dict[str, int]:
    """On hand by place, as the ledger has it."""
    sku = name_then(follower.index, follower.replica.node, name, at)
    found = {}
    for place in PLACES:
        try:
            found[place] = explain(follower.index, sku, place, at).last.after[0]
        except NoLevelError:
            continue
    return found
