"""SKUs in quarantine: pages, bounds, and what the journal keeps of a decision."""

import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    Conflict,
    DeleteSku,
    EventsOutcome,
    GetAvailability,
    ListQuarantinedSkus,
    Location,
    QuarantinedSku,
    QuarantinedSkusView,
    RecordStockEvents,
    SettleSku,
    SkuSettled,
    Source,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.ids import sku_request_key
from holdfast.core.model import EventKind, EventOutcome, LocationKind, UnknownSkus
from holdfast.core.tables.effects import Section
from tests.core.engine import NodeEngine
from tests.model_facts import Availabilities

NOW_NS = 10**15


class Desk:
    """A node on which a till begins SKUs in quarantine."""

    def __init__(self, shard_count: int = 4) -> None:
        self.engine = NodeEngine(shard_count)
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
        self.ask(UpdateSource(Source("till", 0, UnknownSkus.QUARANTINE), allow_missing=True))

    def ask(self, command: object) -> object:
        (outcome,) = self.engine.turn([command], NOW_NS)
        return outcome

    def sell(self, *skus: str) -> list[EventOutcome]:
        events = tuple(StockEvent(None, 0, sku, "W", EventKind.SALE, 1) for sku in skus)
        outcome = self.ask(RecordStockEvents("till", events))
        assert isinstance(outcome, EventsOutcome)
        return [result.outcome for result in outcome.results]

    def page(self, start: int = 0, count: int = 1_000) -> QuarantinedSkusView:
        view = self.ask(ListQuarantinedSkus(start, count))
        assert isinstance(view, QuarantinedSkusView)
        return view

    def settle(self, sku: str, *, admits: bool) -> object:
        return self.ask(SettleSku(sku, admits, "looked at", "Zoë"))

    def written(self) -> list[Section]:
        return [section for section, _ in self.engine.entries[-1].sections]


def test_pages_list_each_once_also_when_some_are_settled_between_them() -> None:
    desk = Desk()
    names = [f"sku {number}" for number in range(20)]
    desk.sell(*names)
    assert QuarantinedSku("sku 7", "till", NOW_NS) in desk.page().skus
    found: list[str] = []
    start: int | None = 0
    while start is not None:
        view = desk.page(start, 3)
        found += (each.sku for each in view.skus)
        start = view.next_start
        desk.settle(found[-1], admits=True)
    assert sorted(names) == sorted(found)
    assert len(names) > len(desk.page().skus)
    assert [] == check_invariants(desk.engine.node)


def test_a_decision_is_journaled_with_its_reason() -> None:
    """Of both kinds; a SKU that is not in quarantine is left alone, and nothing is written."""
    desk = Desk(1)
    desk.sell("A", "B")
    assert SkuSettled(was_quarantined=True) == desk.settle("A", admits=True)
    assert [Section.SKU_QUARANTINES, Section.DECISIONS, Section.DECISION_TEXTS] == desk.written()
    assert SkuSettled(was_quarantined=True) == desk.settle("B", admits=False)
    assert [Section.ENDED_SKUS, Section.DECISIONS, Section.DECISION_TEXTS] == desk.written()
    count = len(desk.engine.entries)
    assert SkuSettled(was_quarantined=False) == desk.settle("A", admits=False)
    assert count == len(desk.engine.entries)


def test_unknown_skus_are_refused_where_their_shard_has_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others are recorded, and what is settled makes room."""
    monkeypatch.setattr("holdfast.core.tables.shard.QUARANTINED_SKUS_MAX", 2)
    desk = Desk(1)
    applied, unknown = EventOutcome.APPLIED, EventOutcome.UNKNOWN_SKU
    assert [applied, applied, applied, unknown, applied] == desk.sell("A", "B", "A", "C", "B")
    assert [unknown, applied, unknown] == desk.sell("C", "A", "D")
    desk.settle("B", admits=False)
    assert [applied, unknown, applied] == desk.sell("C", "D", "C")
    assert [] == check_invariants(desk.engine.node)


def test_an_id_of_a_decision_is_no_other_commands() -> None:
    desk = Desk()
    desk.sell("A")
    key = sku_request_key("A", "q1")
    assert SkuSettled(was_quarantined=True) == desk.ask(
        SettleSku("A", admits=True, reason="new", actor="Zoë", request=key)
    )
    conflict = Conflict("method", "SETTLE_SKU", "DELETE_SKU")
    assert conflict == desk.ask(DeleteSku("A", key))


def test_a_full_quarantine_of_one_shard_refuses_nothing_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each SKU is judged by its own shard, also in one message."""
    monkeypatch.setattr("holdfast.core.tables.shard.QUARANTINED_SKUS_MAX", 3)
    desk = Desk(4)
    names = [f"sku {number}" for number in range(40)]
    outcomes = dict(zip(names, desk.sell(*names), strict=True))
    for number in range(4):
        mine = [name for name in names if number == desk.engine.node.homes.of_sku(name)]
        assert [EventOutcome.APPLIED] * 3 == [outcomes[name] for name in mine[:3]]
        assert {EventOutcome.UNKNOWN_SKU} == {outcomes[name] for name in mine[3:]}


def test_a_node_may_quarantine_what_no_source_is_set_for() -> None:
    desk = Desk()
    desk.engine = NodeEngine(4, unknown_skus=UnknownSkus.QUARANTINE)
    desk.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
    desk.sell("A")
    answer = desk.ask(GetAvailability(("A",)))
    assert isinstance(answer, Availabilities)
    (view,) = answer.views
    assert view is not None
    assert [True] == [level.is_quarantined for level in view.levels]


def test_a_sku_that_ended_in_quarantine_is_not_sound() -> None:
    """The audit of invariants sees a table that did not follow."""
    desk = Desk(1)
    desk.sell("A", "B")
    (shard,) = desk.engine.node.shards
    shard.skus.remove(shard.skus.find("A"))
    assert "shard 0: SKU 0 is in quarantine and has ended" in check_invariants(desk.engine.node)
    shard.quarantined_skus.records["sku"][:2] = 1, 0
    problems = check_invariants(desk.engine.node)
    assert "shard 0: SKUs in quarantine are not in their order" in problems
