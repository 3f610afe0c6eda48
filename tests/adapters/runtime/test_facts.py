"""Facts as the core takes them, and what each of its outcomes means."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import CountBasis, FactKind, Reference, Reversed, StockFact
from holdfast.adapters.runtime.facts import (
    KINDS,
    Again,
    Dead,
    Settled,
    message_of,
    units,
    verdict,
    weight,
)
from holdfast.v1 import stock_service_pb2 as stock

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
SALE = StockFact(
    source="pos/1", id="s1", kind=FactKind.SALE, sku="MUG", location="A", quantity=Decimal(2)
)
OUTCOMES = [
    name for name, _ in stock.StockEventOutcome.items() if not name.endswith("UNSPECIFIED")
]  # fmt: skip


def result(name: str, **fields: Any) -> stock.StockEventResult:
    return stock.StockEventResult(outcome=name, **fields)


def test_every_kind_is_one_of_the_wire() -> None:
    names = {stock.StockEventKind.Name(number) for number in KINDS.values()}

    assert names == set(stock.StockEventKind.keys()) - {"STOCK_EVENT_KIND_UNSPECIFIED"}


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_outcome_of_the_core_has_a_meaning(name: str) -> None:
    if name.endswith("UNKNOWN_STOCK_LEVEL"):
        pytest.skip("of columns, which adapters do not send")

    assert isinstance(verdict(SALE, result(name)), Settled | Again | Dead)


def test_a_fact_counts_also_when_its_number_is_late() -> None:
    numbered = replace(SALE, sequence=7)
    late = result("STOCK_EVENT_OUTCOME_OUT_OF_ORDER")

    assert Again(SALE) == verdict(numbered, late)
    count = replace(numbered, kind=FactKind.COUNT)
    assert isinstance(verdict(count, late), Dead)


def test_a_dead_letter_names_the_field_and_its_value() -> None:
    dead = verdict(SALE, result("STOCK_EVENT_OUTCOME_EXCEEDS_AVAILABLE", possible=1))

    assert isinstance(dead, Dead)
    assert ("quantity", "2") == (dead.field, dead.value)
    assert dead.text.endswith("1 possible")


def test_the_message_says_all_that_the_fact_says() -> None:
    fact = replace(
        SALE,
        sequence=3,
        time=NOW,
        reference=Reference("order", "W-1", "2"),
        reason="R",
        actor="till",
        from_status="damaged",
        to_status="inspect",
        to_location="B",
        as_of_sequence=9,
        basis=CountBasis.BOOKS,
        picked_quantity=Decimal(4),
        seen_reservations=("W-1",),
        reverses=Reversed("e1", FactKind.SALE, NOW, "other"),
        expected_time=NOW,
        takes_promised=True,
        correlation_id="c-1",
    )
    event = message_of(fact)

    present = {field.name for field, _ in event.ListFields()}
    fields = {field.name for field in stock.StockEvent.DESCRIPTOR.fields}
    assert fields == present
    assert "e1" == event.reverses.event_id
    assert NOW == event.occur_time.ToDatetime(UTC)


@pytest.mark.parametrize(
    "quantity", ["0.5", "NaN", "Infinity", "1e999999", "-1e40", "9223372036854775808", "-1e19"]
)
def test_what_is_no_whole_number_of_units_is_refused(quantity: str) -> None:
    with pytest.raises(Undecodable) as caught:
        units("quantity", Decimal(quantity))
    assert "quantity" == caught.value.field


def test_a_fact_has_the_correlation_id_of_its_message_unless_it_has_its_own() -> None:
    assert "m-1" == message_of(SALE, "m-1").correlation_id
    assert "c-1" == message_of(replace(SALE, correlation_id="c-1"), "m-1").correlation_id


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_is_what_protobuf_makes_of_it(time: datetime) -> None:
    expected = Timestamp()
    try:
        expected.FromDatetime(time)
    except (ValueError, OverflowError):
        return  # around the years 1 and 9999, by the zone

    assert expected == message_of(replace(SALE, time=time)).occur_time


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Undecodable, match="a time with its zone"):
        message_of(replace(SALE, time=datetime(2026, 11, 27)))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (SALE, 0),
        (replace(SALE, from_status="damaged"), 1),
        (replace(SALE, kind=FactKind.COUNT), 1),
        (replace(SALE, reference=Reference("reservation", "R")), 1),
        (replace(SALE, kind=FactKind.SUPPLY), 2),
        (replace(SALE, reference=Reference("transfer", "T")), 2),
    ],
)
def test_facts_weigh_what_the_core_says(fact: StockFact, expected: int) -> None:
    assert expected == weight(fact)
