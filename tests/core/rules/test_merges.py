"""SKUs that are merged: what is too much, and what it costs."""

from typing import Any

import pytest

from holdfast.core.commands import (
    Audit,
    DeleteSku,
    InTheWay,
    LimitReached,
    MergeOutcome,
    MergeSku,
    RecordStockEvents,
    Reference,
    RenameSku,
    SettleSku,
    Source,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.commands.stock import SUPPLY
from holdfast.core.ids import key_from_text
from holdfast.core.limits import (
    MERGED_LEVELS_MAX,
    MERGED_STATUSES_MAX,
    ON_HAND_MAX,
    SKU_NAMES_EACH_MAX,
    STATUSES_MAX,
)
from holdfast.core.model import EventKind, Fallback, UnknownSkus
from tests.core.rules.test_renames import NOW_NS, Desk, receipts
from tests.core.storyteller import location_named


def stocked(*skus: str, levels: int = 1, statuses: int = 0, units: int = 10) -> Desk:
    """A node with so many of some SKUs, at so many locations, the first under so many statuses."""
    desk = Desk(*skus)
    places = [f"P{number}" for number in range(levels)]
    for place in places:
        desk.ask(UpdateLocation(location_named(place)))
    for sku in skus:
        for start in range(0, levels, 1_000):
            facts = (
                StockEvent(None, 0, sku, place, EventKind.RECEIPT, units)
                for place in places[start : start + 1_000]
            )
            desk.ask(RecordStockEvents("erp", tuple(facts)))
    for number in range(statuses):
        event = status(skus[0], f"P{number % levels}", f"status {number % STATUSES_MAX}")
        desk.ask(RecordStockEvents("erp", (event,)))
    return desk


def status(sku: str, place: str, name: str) -> StockEvent:
    return StockEvent(None, 0, sku, place, EventKind.STATUS_CHANGE, 1, to_status=name)


def test_as_much_as_a_merge_takes_fits_a_turn() -> None:
    """All levels and statuses that it may have, in one turn."""
    desk = stocked("Tae", "Tea", levels=MERGED_LEVELS_MAX - 1, statuses=MERGED_STATUSES_MAX)
    desk.turns = 0
    (outcome,) = desk.ask(MergeSku("Tae", "Tea"))
    assert isinstance(outcome, MergeOutcome)
    assert (10 * MERGED_LEVELS_MAX, 1) == (outcome.on_hand, desk.turns)
    levels = desk.on_hand("Tae")
    assert levels is not None
    assert {20} == set(levels)


@pytest.mark.parametrize(
    ("made", "limit"),
    [
        ({"levels": MERGED_LEVELS_MAX}, ("stock levels with units", MERGED_LEVELS_MAX)),
        (
            {"levels": 3, "statuses": MERGED_STATUSES_MAX + 1},
            ("statuses of units at stock levels", MERGED_STATUSES_MAX),
        ),
        ({"units": ON_HAND_MAX}, ("units at a stock level", ON_HAND_MAX)),
    ],
)
def test_more_is_refused(made: dict[str, Any], limit: tuple[str, int]) -> None:
    desk = stocked("Tae", "Tea", **made)
    before = desk.node.state_hash()
    assert [LimitReached("sku", "Tae", *limit)] == desk.ask(MergeSku("Tae", "Tea"))
    assert before == desk.node.state_hash()


def test_levels_without_units_count_for_nothing() -> None:
    desk = stocked("Tae", "Tea", levels=3 * MERGED_LEVELS_MAX)
    for place in range(3 * MERGED_LEVELS_MAX):
        sold = StockEvent(None, 0, "Tae", f"P{place}", EventKind.SALE, 10)
        desk.ask(RecordStockEvents("till", (sold,)))
    (outcome,) = desk.ask(MergeSku("Tae", "Tea"))
    assert isinstance(outcome, MergeOutcome)
    assert 10 == outcome.on_hand


def test_names_of_both_are_as_many_as_one_may_have() -> None:
    desk = Desk("Tae", "Tea")
    names = [f"Tae {number}" for number in range(SKU_NAMES_EACH_MAX)]
    for before, name in zip(["Tae", *names], names, strict=False):
        desk.ask(RenameSku(before, name))
    of = "other names of the SKU"
    assert [LimitReached("sku", names[-1], of, SKU_NAMES_EACH_MAX)] == desk.ask(
        MergeSku("Tae", "Tea")
    )


def test_a_node_has_so_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.core.rules.merges.SKU_NAMES_MAX", 0)
    refusal = LimitReached("sku", "Tae", "other names of all SKUs", 0)
    assert [refusal] == Desk("Tae", "Tea").ask(MergeSku("Tae", "Tea"))


def test_statuses_of_another_shard_are_as_many_as_it_may_have() -> None:
    """Names of statuses are a shard's own."""
    desk = stocked("Tae", "Tea", statuses=1)
    homes = [desk.node.homes.of_sku(sku) for sku in ("Tae", "Tea")]
    assert homes[0] != homes[1]
    moved = StockEvent(None, 0, "Tea", "P0", EventKind.RECEIPT, 100)
    desk.ask(RecordStockEvents("erp", (moved,)))
    for number in range(STATUSES_MAX):
        desk.ask(RecordStockEvents("erp", (status("Tea", "P0", f"odd {number}"),)))
    refusal = LimitReached("sku", "Tae", "statuses", STATUSES_MAX)
    assert [refusal] == desk.ask(MergeSku("Tae", "Tea"))


def test_supply_that_is_open_is_cancelled_or_received_first() -> None:
    desk = Desk("Tae", "Tea")
    order = Reference(SUPPLY, "order 1", "")
    coming = StockEvent(
        None, 0, "Tae", "W", EventKind.SUPPLY, 5, reference=order, expected_ns=2 * NOW_NS
    )
    desk.ask(RecordStockEvents("erp", (coming,)))
    (refusal,) = desk.ask(MergeSku("Tae", "Tea"))
    assert isinstance(refusal, InTheWay)
    assert ("supplies and transfers of it that are open", 1) == (refusal.what, refusal.count)
    desk.ask(RecordStockEvents("erp", (coming._replace(quantity=0),)))
    assert isinstance(desk.ask(MergeSku("Tae", "Tea"))[0], MergeOutcome)


def test_units_of_all_levels_have_a_sum_that_can_be_returned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("holdfast.core.rules.merges.TOTAL_MAX", 19)
    refusal = LimitReached("sku", "Tae", "units", 19)
    assert [refusal] == stocked("Tae", "Tea").ask(MergeSku("Tae", "Tea"))


@pytest.mark.parametrize(("field", "wrong"), [("sku", "Tae"), ("into_sku", "Tea")])
def test_levels_in_quarantine_are_repaired_first(field: str, wrong: str) -> None:
    desk = Desk("Tae", "Tea")
    shard = desk.node.homes.shard_of_sku(wrong)
    row = shard.find_row(wrong, "W")
    shard.levels.records["committed"][row] += 1
    desk.node.post(Audit(begins=True), _Nobody())
    while not len(shard.quarantined):
        desk.node.turn(10**15)
    shard.levels.records["committed"][row] -= 1
    (refusal,) = desk.ask(MergeSku("Tae", "Tea"))
    what = "stock levels of it that the audit found wrong"
    assert InTheWay(field, wrong, what, 1, "repair them first") == refusal


def test_no_units_go_into_quarantine() -> None:
    """They could not be promised any more. What is there may come out by a merge."""
    desk = Desk("Tea")
    desk.ask(UpdateSource(Source("till", 0, UnknownSkus.QUARANTINE), allow_missing=True))
    for sku in ("Tae", "Tee"):
        sold = StockEvent(None, 0, sku, "W", EventKind.SALE, 1)
        desk.ask(RecordStockEvents("till", (sold,)))
    for sku in ("Tea", "Tee"):
        refusal = InTheWay("into_sku", "Tae", "it is in quarantine: admit it first")
        assert [refusal] == desk.ask(MergeSku(sku, "Tae"))
    assert isinstance(desk.ask(MergeSku("Tee", "Tea"))[0], MergeOutcome)
    desk.ask(SettleSku("Tae", admits=True, reason="known", actor="zoe"))
    assert isinstance(desk.ask(MergeSku("Tea", "Tae"))[0], MergeOutcome)
    assert [8] == desk.on_hand("Tae")


def counted(sku: str, units: int, sequence: int) -> StockEvent:
    return StockEvent(None, sequence, sku, "W", EventKind.COUNT, units)


SILENT = InTheWay(
    "sku",
    "Tae",
    "stock levels whose source is not current and restricts what may be promised",
    1,
    "wait until it is heard, or have them counted by another source, first",
)


@pytest.mark.parametrize("fallback", [Fallback.STOP, Fallback.CAP])
@pytest.mark.parametrize("sku", ["Tae", "Tea"])
def test_what_a_source_keeps_back_is_not_promised_after_a_merge(
    sku: str, fallback: Fallback
) -> None:
    """Numbers of it are missing; until they come, or another source counts, the merge waits."""
    desk = Desk("Tae", "Tea")
    for other in ("Tae", "Tea"):
        desk.ask(RecordStockEvents("erp", (counted(other, 10, 0),)))
    desk.ask(UpdateSource(Source("wms", 0, None, fallback), allow_missing=True))
    desk.ask(RecordStockEvents("wms", (counted(sku, 10, 1), counted("Pot", 10, 3))))
    assert [SILENT] == desk.ask(MergeSku("Tae", "Tea"))
    desk.ask(RecordStockEvents("wms", (counted("Pot", 10, 2),)))
    assert isinstance(desk.ask(MergeSku("Tae", "Tea"))[0], MergeOutcome)


def test_a_source_that_sells_on_keeps_nothing_back() -> None:
    desk = Desk("Tae", "Tea")
    desk.ask(RecordStockEvents("wms", (counted("Tae", 10, 1), counted("Pot", 10, 3))))
    assert isinstance(desk.ask(MergeSku("Tae", "Tea"))[0], MergeOutcome)


@pytest.mark.parametrize("place", ["W", "X"])
def test_what_a_source_may_keep_back_later_is_counted_first(place: str) -> None:
    """What is uncounted, or not there, would be a level of the merge, of which nothing is
    expected.
    """
    desk = Desk("Tae", "Tea")
    desk.ask(UpdateLocation(location_named("X")))
    desk.ask(UpdateSource(Source("wms", 0, None, Fallback.STOP), allow_missing=True))
    came = StockEvent(None, 0, "Tae", place, EventKind.RECEIPT, 10)
    desk.ask(RecordStockEvents("wms", (came,)))
    what = "stock levels not counted for it, where a source may restrict what may be promised"
    refusal = InTheWay("into_sku", "Tea", what, 1, "count them first")
    assert [refusal] == desk.ask(MergeSku("Tae", "Tea"))
    desk.ask(RecordStockEvents("erp", (counted("Tea", 10, 0)._replace(location=place),)))
    assert isinstance(desk.ask(MergeSku("Tae", "Tea"))[0], MergeOutcome)


class _Nobody:
    def cancelled(self) -> bool:
        return False


def test_what_was_merged_may_not_begin_again() -> None:
    """Its name is the other SKU's, also when that has ended."""
    desk = Desk("Tae", "Tea")
    desk.ask(MergeSku("Tae", "Tea", key_from_text("q")), receipts("Tae"))
    assert [30] == desk.on_hand("Tea")
    desk.ask(DeleteSku("Tae"), receipts("Tae"))
    assert [10] == desk.on_hand("Tea")
