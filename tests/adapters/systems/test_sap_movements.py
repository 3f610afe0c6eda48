"""What SAP's movement types mean for stock."""

from decimal import Decimal
from typing import Any

import pytest

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import Decoded, FactKind, Ignored, Reference, StockFact
from holdfast.adapters.systems.sap_movements import Movement, SapOptions, facts

DOCUMENT = Reference("material_document", "77")
ORDER = Reference("reservation", "4712", "10")


def moved(kind: str, **fields: Any) -> Movement:
    known = {
        "source": "sap/P01",
        "id": "1",
        "path": "item[1]",
        "names": {"type": "BWART"},
        "material": "pen",
        "plant": "1710",
        "storage": "171A",
        "to_plant": "",
        "to_storage": "",
        "quantity": "3.000",
        "unit": "PC",
        "document": "0077",
    }
    return Movement(**known | {"type": kind} | fields)


def read(kind: str, options: dict[str, Any] | None = None, **fields: Any) -> list[Decoded]:
    return list(facts(moved(kind, **fields), SapOptions(**(options or {}))))


@pytest.mark.parametrize(
    ("kind", "fact", "quantity", "statuses", "reference"),
    [
        ("101", FactKind.RECEIPT, 3, ("", ""), Reference("supply", "45", "10")),
        ("102", FactKind.ADJUSTMENT, -3, ("", ""), DOCUMENT),
        ("501", FactKind.RECEIPT, 3, ("", ""), Reference("supply", "45", "10")),
        ("561", FactKind.ADJUSTMENT, 3, ("", ""), DOCUMENT),
        ("562", FactKind.ADJUSTMENT, -3, ("", ""), DOCUMENT),
        ("551", FactKind.ADJUSTMENT, -3, ("", ""), DOCUMENT),
        ("552", FactKind.ADJUSTMENT, 3, ("", ""), DOCUMENT),
        ("601", FactKind.GOODS_ISSUE, 3, ("", ""), ORDER),
        ("602", FactKind.SHIPMENT_REVERSAL, 3, ("", ""), ORDER),
        ("653", FactKind.RETURN, 3, ("", ""), ORDER),
        ("655", FactKind.RETURN, 3, ("", "quality_control"), ORDER),
        ("656", FactKind.ADJUSTMENT, -3, ("quality_control", ""), DOCUMENT),
        ("701", FactKind.ADJUSTMENT, 3, ("", ""), DOCUMENT),
        ("702", FactKind.ADJUSTMENT, -3, ("", ""), DOCUMENT),
        ("321", FactKind.STATUS_CHANGE, 3, ("quality_control", ""), DOCUMENT),
        ("344", FactKind.STATUS_CHANGE, 3, ("", "blocked"), DOCUMENT),
    ],
)
def test_a_movement_type_is_a_fact(
    kind: str, fact: FactKind, quantity: int, statuses: tuple[str, str], reference: Reference
) -> None:
    known: dict[str, Any] = {
        "order": "0000004712",
        "order_item": "000010",
        "purchase_order": "0045",
    }
    [found] = read(kind, **known, purchase_order_item="00010")
    assert isinstance(found, StockFact)
    assert (fact, Decimal(quantity), statuses, reference, "1710/171A", kind) == (
        *(found.kind, found.quantity, (found.from_status, found.to_status), found.reference),
        *(found.location, found.reason),
    )


@pytest.mark.parametrize(
    ("kind", "fact", "quantity"),
    [("601", FactKind.SALE, 3), ("602", FactKind.ADJUSTMENT, 3), ("101", FactKind.RECEIPT, 3)],
)
def test_units_move_also_without_an_order(kind: str, fact: FactKind, quantity: int) -> None:
    [found] = read(kind)
    assert isinstance(found, StockFact)
    assert (fact, Decimal(quantity), DOCUMENT) == (found.kind, found.quantity, found.reference)


def test_a_transfer_in_one_step_leaves_and_arrives() -> None:
    leaves, arrives = read("311", to_storage="171B")
    assert isinstance(leaves, StockFact)
    assert isinstance(arrives, StockFact)
    assert (FactKind.TRANSFER_DISPATCH, "1710/171A", "1710/171B", True) == (
        *(leaves.kind, leaves.location, leaves.to_location),
        leaves.takes_promised,
    )
    assert (FactKind.RECEIPT, "1710/171B", "1/in") == (arrives.kind, arrives.location, arrives.id)
    assert Reference("transfer", "77") == leaves.reference == arrives.reference


def test_a_transfer_in_two_steps_is_joined_by_its_document() -> None:
    [leaves] = read("303", to_plant="1720")
    [arrives] = read("305", plant="1720", storage="")
    assert isinstance(leaves, StockFact)
    assert isinstance(arrives, StockFact)
    assert "1720" == leaves.to_location == arrives.location
    assert leaves.reference == arrives.reference


def test_a_move_inside_a_location_is_left_out() -> None:
    assert [Ignored("within_location")] == read("311", {"location": "plant"}, to_storage="171B")


def test_types_of_ones_own_are_mapped() -> None:
    options = {"movements": {"Z01": "551", "Z02": "ignored"}}
    [found] = read("Z01", options)
    assert isinstance(found, StockFact)
    assert (Decimal(-3), "Z01") == (found.quantity, found.reason)
    assert [Ignored("movement_Z02")] == read("Z02", options)


def test_zeros_may_be_kept() -> None:
    [found] = read("601", {"strips_zeros": False}, order="0047", order_item="0010")
    assert isinstance(found, StockFact)
    assert Reference("reservation", "0047", "0010") == found.reference


def test_no_quantity_is_ignored() -> None:
    assert [Ignored("no_quantity")] == read("101", quantity="0.000")


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("999", {}, "item[1].BWART"),
        ("", {}, "item[1].BWART"),
        ("101", {"material": ""}, "item[1].material"),
        ("101", {"plant": ""}, "item[1].plant"),
        ("101", {"quantity": "-3"}, "item[1].quantity"),
        ("101", {"quantity": "three"}, "item[1].quantity"),
        ("101", {"quantity": "9" * 30}, "item[1].quantity"),
    ],
)
def test_what_is_wrong_is_reported(kind: str, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        read(kind, **fields)
    assert field == caught.value.field
