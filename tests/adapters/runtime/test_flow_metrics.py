"""Figures of adapters: as many series as there are adapters, whatever partners make up."""

from datetime import UTC, datetime, timedelta

from holdfast.adapters.events import OrderEvent, OrderKind
from holdfast.adapters.runtime.flow_metrics import OTHER, WORDS_MAX, Figures
from holdfast.adapters.runtime.settings import Objective

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def reasons(figures: Figures, figure: str, adapter: str) -> dict[str, float]:
    """How often each reason of an adapter was given."""
    return {
        sample.labels["reason"]: sample.value
        for family in figures.registry.collect()
        for sample in family.samples
        if sample.name == f"holdfast_adapter_{figure}_total" and sample.labels["adapter"] == adapter
    }


def test_words_that_a_partner_makes_up_are_few_labels() -> None:
    figures = Figures({"edi": "order_sync", "sap": "order_sync"}, {}, lambda: NOW)
    for number in range(1_000):
        figures.ignored("edi", f"x12_{number}")
        figures.buried("edi", f"REASON_{number}")
    figures.ignored("edi", "x12_0")
    figures.ignored("sap", "test")
    figures.ignored("sap", "x" * 65)
    figures.ignored("sap", "\ud800")

    for figure in ("ignored", "dead_letters_made"):
        counted = reasons(figures, figure, "edi")
        assert WORDS_MAX + 1 == len(counted)
        assert 1_000 - WORDS_MAX == counted[OTHER]
    assert 2 == reasons(figures, "ignored", "edi")["x12_0"]
    assert {"test": 1, OTHER: 2} == reasons(figures, "ignored", "sap")


def test_money_belongs_to_its_own_flow_whoever_tells_it() -> None:
    level = Objective(seconds=5, share=0.9)
    objectives = {"financial_posting": level, "order_sync": level}
    figures = Figures({"shop": "order_sync"}, objectives, lambda: NOW)
    for kind in OrderKind:
        event = OrderEvent(source="s", id=kind.value, kind=kind, order="o")
        figures.settled("shop", event, "APPLIED", NOW)

    counted = {each["flow"]: each["of"] for each in figures.service_levels()}
    assert {"financial_posting": 4, "order_sync": len(OrderKind) - 4} == counted


def test_each_event_is_counted_and_its_lag_lies_in_a_bucket() -> None:
    now = NOW
    figures = Figures({"shop": "order_sync"}, {}, lambda: now)
    event = OrderEvent(source="s", id="1", kind=OrderKind.PLACED, order="o", time=NOW)
    for lag_s in (0.02, 0.03, 90_000):
        now = NOW + timedelta(seconds=lag_s)
        figures.decoded("shop", event)
        figures.settled("shop", event, "APPLIED", None)

    samples = {
        (each.name, *sorted(each.labels.values())): each.value
        for family in figures.registry.collect()
        for each in family.samples
    }
    assert 3 == samples["holdfast_adapter_events_total", "order_placed", "shop"]
    assert 3 == samples["holdfast_adapter_outcomes_total", "APPLIED", "shop"]
    lag = "holdfast_adapter_lag_seconds"
    buckets = {"0.02": 1, "0.05": 2, "86400.0": 2, "+Inf": 3}
    assert buckets == {end: samples[f"{lag}_bucket", *sorted((end, "shop"))] for end in buckets}
    assert (3, 90_000.05) == (samples[f"{lag}_count", "shop"], samples[f"{lag}_sum", "shop"])
