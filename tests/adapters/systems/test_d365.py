"""On-hand changes of Dynamics 365 become facts, as its documentation has them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import CountBasis, FactKind, Ignored, StockFact
from holdfast.adapters.systems import d365
from holdfast.adapters.systems.d365 import D365Options

OPTIONS = D365Options.model_validate(
    {
        "organization": "USMF",
        "measures": {
            "pos.inbound": "return",
            "pos.outbound": "sale",
            "fno.arrived": "receipt",
            "wms.onhand": "count",
            "wms.moved": "adjustment",
            "pos.reserved": "ignored",
        },
    }
)


def event(**values: Any) -> dict[str, Any]:
    """A till sold 3 red shirts."""
    return {
        "id": "E-17",
        "organizationId": "USMF",
        "productId": "SHIRT",
        "dimensionDataSource": "pos",
        "dimensions": {"siteId": "S1", "locationId": "STORE-42", "colorId": "Red"},
        "quantities": {"pos": {"outbound": 3}},
        **values,
    }


def decode(document: Any) -> list[Any]:
    """What a message says."""
    return list(d365.decode(Message(json.dumps(document).encode()), OPTIONS))


def test_a_change_is_a_fact_of_a_variant_at_a_location() -> None:
    (sold,) = decode(event())
    expected = StockFact(
        source="d365",
        id="E-17/pos.outbound",
        kind=FactKind.SALE,
        sku="SHIRT/Red",
        location="S1/STORE-42",
        quantity=Decimal(3),
    )
    assert expected == sold


@pytest.mark.parametrize(
    ("quantities", "expected"),
    [
        ({"pos": {"inbound": 2, "outbound": 3}}, [("return", 2), ("sale", 3)]),
        ({"fno": {"arrived": 5}}, [("receipt", 5)]),
        ({"fno": {"arrived": -5}}, [("adjustment", -5)]),
        ({"pos": {"outbound": -3}}, [("adjustment", 3)]),
        ({"wms": {"moved": -1}}, [("adjustment", -1)]),
    ],
)
def test_the_options_say_what_a_measure_is(quantities: Any, expected: list[Any]) -> None:
    facts = decode(event(quantities=quantities))
    assert expected == [(fact.kind.value, int(fact.quantity)) for fact in facts]


def test_a_count_is_of_the_time_at_which_it_was_set() -> None:
    changes = {"quantities": {"wms": {"onhand": 0}}, "modifiedDateTimeUtc": "2026-11-26T22:00:00Z"}
    (count,) = decode(event(**changes))
    assert (FactKind.COUNT, 0, CountBasis.BOOKS) == (count.kind, count.quantity, count.basis)
    assert datetime(2026, 11, 26, 22, tzinfo=UTC) == count.time


def test_what_is_not_ours_is_ignored() -> None:
    assert [Ignored("other_organization")] == decode(event(organizationId="DEMF"))
    assert [Ignored("measure")] == decode(event(quantities={"pos": {"reserved": 1}}))
    assert [Ignored("no_units")] == decode(event(quantities={"pos": {"outbound": 0}}))
    assert [Ignored("no_units")] == decode(event(quantities={}))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("event.id", {"id": ""}),
        ("event.productId", {"productId": 7}),
        ("event.dimensions.locationId", {"dimensions": {"siteId": "S1"}}),
        ("event.dimensions.colorId", {"dimensions": {"siteId": "S", "locationId": "L",
            "colorId": 7}}),
        ("event.quantities", {"quantities": []}),
        ("event.quantities.pos", {"quantities": {"pos": 3}}),
        ("event.quantities.pos.sold", {"quantities": {"pos": {"sold": 3}}}),
        ("event.quantities.pos.outbound", {"quantities": {"pos": {"outbound": "three"}}}),
        ("event.quantities.wms.onhand", {"quantities": {"wms": {"onhand": -1}}}),
        ("event.modifiedDateTimeUtc", {"modifiedDateTimeUtc": "22:00"}),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_understood_names_its_field(
    field: str, values: dict[str, Any]
) -> None:
    with pytest.raises(Undecodable) as raised:
        decode(event(**values))
    assert field == raised.value.field


def test_an_event_that_is_wrong_does_not_hold_up_the_others() -> None:
    wrong, right = decode([event(id=""), event()])
    assert isinstance(wrong, Undecodable)
    assert "events[0].id" == wrong.field
    assert "E-17/pos.outbound" == right.id


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_random_bytes_are_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        list(d365.decode(Message(b"{" + body), OPTIONS))
