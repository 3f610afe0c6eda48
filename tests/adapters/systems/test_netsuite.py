"""Pages of SuiteQL become facts, as NetSuite's documentation has them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import FactKind, Ignored, Reference
from holdfast.adapters.systems import netsuite
from holdfast.adapters.systems.netsuite import NetSuiteOptions

OPTIONS = NetSuiteOptions.model_validate({})


def line(**values: Any) -> dict[str, Any]:
    """A shipment took 3 units."""
    return {
        "links": [],
        "id": "1701",
        "type": "ItemShip",
        "tranid": "SHIP17",
        "item": "MUG",
        "location": "Main Warehouse",
        "quantity": "-3",
        "reference": None,
        "modified": "2026-11-26 09:07:50",
        **values,
    }


def decode(*lines: Any) -> list[Any]:
    """What a page says."""
    page = {"links": [], "count": len(lines), "hasMore": False, "items": list(lines), "offset": 0}
    return list(netsuite.decode(Message(json.dumps(page).encode()), OPTIONS))


@pytest.mark.parametrize(
    ("kind", "quantity", "expected"),
    [
        ("ItemShip", "-3", ("sale", 3)),
        ("CashSale", "-3", ("sale", 3)),
        ("ItemRcpt", "3", ("receipt", 3)),
        ("ItemRcpt", "-3", ("adjustment", -3)),
        ("CustCred", "3", ("return", 3)),
        ("InvAdjst", "-3", ("adjustment", -3)),
        ("InvTrnfr", "3", ("adjustment", 3)),
        ("Build", "3", ("adjustment", 3)),
    ],
)
def test_type_and_sign_say_what_a_line_is(
    kind: str, quantity: str, expected: tuple[str, int]
) -> None:
    (fact,) = decode(line(type=kind, quantity=quantity))
    assert expected == (fact.kind.value, int(fact.quantity))
    assert ("netsuite", "line/1701", "MUG", "Main Warehouse", kind) == (
        fact.source,
        fact.id,
        fact.sku,
        fact.location,
        fact.reason,
    )
    assert datetime(2026, 11, 26, 17, 7, 50, tzinfo=UTC) == fact.time


def test_a_shipment_of_a_reservation_is_its_goods_issue() -> None:
    (issued,) = decode(line(reference="holdfast:R-17"))
    assert FactKind.GOODS_ISSUE is issued.kind
    assert Reference("reservation", "R-17") == issued.reference
    (returned,) = decode(line(type="CustCred", quantity=2, reference="holdfast:R-17"))
    assert (FactKind.RETURN, issued.reference) == (returned.kind, returned.reference)
    (sold,) = decode(line(reference="PO 4711"))
    assert (FactKind.SALE, None) == (sold.kind, sold.reference)


def test_quantities_are_what_was_written() -> None:
    (sold,) = decode(line(quantity="-0.42"))
    assert Decimal("0.42") == sold.quantity
    assert [Ignored("no_units")] == decode(line(quantity="0"))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("items[0].id", {"id": "x"}),
        ("items[0].type", {"type": None}),
        ("items[0].item", {"item": ""}),
        ("items[0].location", {"location": None}),
        ("items[0].quantity", {"quantity": "many"}),
        ("items[0].modified", {"modified": "11/26/2026"}),
        ("items[0].reference", {"reference": 7}),
    ],
)
def test_a_line_that_is_wrong_names_its_field_and_holds_up_no_other(
    field: str, values: dict[str, Any]
) -> None:
    wrong, right = decode(line(**values), line(id="1702"))
    assert isinstance(wrong, Undecodable)
    assert field == wrong.field
    assert "line/1702" == right.id


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_random_bytes_are_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        list(netsuite.decode(Message(body), OPTIONS))
