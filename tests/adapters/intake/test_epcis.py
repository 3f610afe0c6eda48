"""EPCIS events: what each step does to stock, in made-up events and in the standard's examples."""

import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    CountBasis,
    Exceptional,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from holdfast.adapters.intake.epcis import ADAPTER
from holdfast.adapters.intake.epcis_options import EpcisOptions
from tests.adapters.contracts import contract

GTIN, OTHER = "80614141123458", "00614141123452"
EPC = "urn:epc:id:sgtin:0614141.812345.6789"
GLN, THERE = "0614141123452", "0614141777778"
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventID": "urn:uuid:1",
    "eventTime": "2026-11-26T13:00:00+01:00",
    "action": "OBSERVE",
    "epcList": [EPC],
    "quantityList": [{"epcClass": f"https://id.gs1.org/01/{OTHER}", "quantity": 3}],
    "readPoint": {"id": "urn:epc:id:sgln:0614141.12345.400"},
}
ORDER = [{"type": "po", "bizTransaction": "http://shop.example/orders/o-7"}]
TO_THERE = [{"type": "location", "destination": "urn:epc:id:sgln:0614141.77777.0"}]
FROM_THERE = [{"type": "location", "source": "urn:epc:id:sgln:0614141.77777.0"}]
OPTIONS = EpcisOptions(own_locations=frozenset((THERE,)))


def decoded(document: Any, options: EpcisOptions = OPTIONS) -> list[Any]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(ADAPTER.decode(Message(body), options))


def of(step: str | None, disposition: str | None = None, **changes: Any) -> list[Any]:
    """What an event says; None leaves a member out."""
    event = {**EVENT, "bizStep": step, "disposition": disposition, **changes}
    return decoded({name: each for name, each in event.items() if each is not None})


@pytest.mark.parametrize(
    ("step", "disposition", "kind", "from_status", "to_status"),
    [
        ("receiving", "in_progress", FactKind.RECEIPT, "", "in_progress"),
        ("accepting", "sellable_accessible", FactKind.RECEIPT, "", ""),
        ("receiving", "damaged", FactKind.RECEIPT, "", "damaged"),
        ("receiving", "returned", FactKind.RETURN, "", "returned"),
        ("storing", "sellable_accessible", FactKind.STATUS_CHANGE, "in_progress", ""),
        ("retail_selling", "retail_sold", FactKind.SALE, "", ""),
        ("shipping", "in_transit", FactKind.SALE, "", ""),
        ("cycle_counting", None, FactKind.COUNT, "", ""),
        ("inspecting", "damaged", FactKind.STATUS_CHANGE, "", "damaged"),
        ("holding", "recalled", FactKind.STATUS_CHANGE, "", "recalled"),
        ("urn:epcglobal:cbv:bizstep:receiving", None, FactKind.RECEIPT, "", ""),
        ("https://ref.gs1.org/cbv/BizStep-receiving", None, FactKind.RECEIPT, "", ""),
    ],
    ids=str,
)
def test_a_step_is_a_fact_of_each_item(
    step: str, disposition: str | None, kind: FactKind, from_status: str, to_status: str
) -> None:
    first, second = of(step, disposition)
    assert (kind, GTIN, Decimal(1)) == (first.kind, first.sku, first.quantity)
    assert (kind, OTHER, Decimal(3)) == (second.kind, second.sku, second.quantity)
    assert ("epcis", f"urn:uuid:1/{GTIN}", NOON) == (first.source, first.id, first.time)
    assert (GLN, from_status, to_status) == (first.location, first.from_status, first.to_status)


def test_what_is_destroyed_or_stolen_is_written_off() -> None:
    for step, disposition in (("destroying", None), ("inspecting", "stolen")):
        first, second = of(step, disposition)
        assert (FactKind.ADJUSTMENT, -1, -3) == (first.kind, first.quantity, second.quantity)


def test_a_count_is_of_the_shelf_at_its_time() -> None:
    first, _ = of("stock_taking")
    assert (CountBasis.SHELF, NOON) == (first.basis, first.time)
    nothing = [{"epcClass": EPC, "quantity": 0}]
    (empty,) = of("stock_taking", epcList=None, quantityList=nothing)
    assert 0 == empty.quantity


def test_single_items_and_amounts_of_a_class_add_up() -> None:
    amounts = [{"epcClass": "urn:epc:idpat:sgtin:0614141.812345.*", "quantity": 2}]
    (fact,) = of("receiving", epcList=[EPC, EPC], quantityList=amounts)
    assert Decimal(4) == fact.quantity


def test_decimals_and_units_are_as_they_were_written() -> None:
    body = json.dumps({**EVENT, "bizStep": "receiving", "epcList": []}).encode()
    (fact,) = decoded(body.replace(b'"quantity": 3', b'"quantity": 0.42, "uom": "KGM"'))
    assert (Decimal("0.42"), "KGM", f"urn:uuid:1/{OTHER}/KGM") == (
        fact.quantity,
        fact.unit,
        fact.id,
    )


def test_goods_are_where_they_are_afterwards_and_leave_where_they_were_read() -> None:
    business = {"id": "urn:epc:id:sgln:0614141.77777.0"}
    assert THERE == of("receiving", bizLocation=business)[0].location
    assert GLN == of("retail_selling", bizLocation=business)[0].location
    whole = EpcisOptions(with_extension=True)
    (first, _) = decoded({**EVENT, "bizStep": "receiving"}, whole)
    assert f"{GLN}.400" == first.location


def test_goods_of_an_order_are_reserved_shipped_and_not_shipped_after_all() -> None:
    lines = (OrderLine("", GTIN, GLN, Decimal(1)), OrderLine("", OTHER, GLN, Decimal(3)))
    for step, kind in (("reserving", OrderKind.HELD), ("departing", OrderKind.SHIPPED)):
        (event,) = of(step, bizTransactionList=ORDER)
        assert isinstance(event, OrderEvent)
        assert (kind, "o-7", lines) == (event.kind, event.order, event.lines)
    void, _ = of("void_shipping", bizTransactionList=ORDER)
    assert (FactKind.SHIPMENT_REVERSAL, Reference("reservation", "o-7")) == (
        void.kind,
        void.reference,
    )
    (undecodable,) = of("void_shipping")
    assert "event.bizTransactionList" == undecodable.field


def test_goods_between_own_locations_are_a_transfer() -> None:
    advice = [{"type": "desadv", "bizTransaction": "urn:epcglobal:cbv:bt:0614141073467:1152"}]
    there, _ = of("shipping", bizTransactionList=ORDER + advice, destinationList=TO_THERE)
    assert FactKind.TRANSFER_DISPATCH == there.kind
    assert (THERE, Reference("transfer", "1152")) == (there.to_location, there.reference)
    here, _ = of("receiving", bizTransactionList=advice, sourceList=FROM_THERE)
    assert (FactKind.RECEIPT, Reference("transfer", "1152")) == (here.kind, here.reference)
    supplied, _ = of("receiving", bizTransactionList=advice)
    assert Reference("desadv", "1152") == supplied.reference


def test_a_kit_takes_its_parts_and_is_there_itself() -> None:
    part, kit = of(
        None,
        type="TransformationEvent",
        action=None,
        inputEPCList=[EPC],
        outputQuantityList=EVENT["quantityList"],
    )
    assert (GTIN, Decimal(-1), f"urn:uuid:1/in/{GTIN}") == (part.sku, part.quantity, part.id)
    assert (OTHER, Decimal(3), f"urn:uuid:1/out/{OTHER}") == (kit.sku, kit.quantity, kit.id)


DECLARED = {"declarationTime": "2026-11-26T14:00:00Z", "reason": "incorrect_data"}


def test_an_event_that_is_declared_wrong_is_undone() -> None:
    first, _ = of("receiving", "damaged", errorDeclaration=DECLARED)
    assert (FactKind.REVERSAL, "damaged") == (first.kind, first.to_status)
    assert Reversed(f"urn:uuid:1/{GTIN}", FactKind.RECEIPT, NOON) == first.reverses
    assert f"urn:uuid:1/{GTIN}/error" == first.id

    (freed,) = of("reserving", bizTransactionList=ORDER, errorDeclaration=DECLARED)
    assert (OrderKind.CANCELLED, "o-7") == (freed.kind, freed.order)

    back, _ = of("shipping", bizTransactionList=ORDER, errorDeclaration=DECLARED)
    assert (FactKind.SHIPMENT_REVERSAL, Reference("reservation", "o-7")) == (
        back.kind,
        back.reference,
    )
    case, _ = of("stock_taking", errorDeclaration=DECLARED)
    assert isinstance(case, Exceptional)
    assert "urn:uuid:1" == case.subject


def test_an_event_without_an_id_is_known_by_what_it_says() -> None:
    def id_of(**changes: Any) -> str:
        return str(of("receiving", eventID=None, **changes)[0].id)

    assert id_of() == id_of(recordTime="2026-11-26T14:00:00Z")
    assert f"{id_of()}/error" == id_of(errorDeclaration=DECLARED)
    assert id_of() != id_of(eventTime="2026-11-26T13:00:01+01:00")


@pytest.mark.parametrize(
    ("reason", "step", "changes"),
    [
        ("no_step", None, {}),
        ("step_without_stock", "packing", {}),
        ("foreign_step", "https://example.com/steps/1", {}),
        ("foreign_step", "ext:step", {}),
        ("nothing_found", "inspecting", {}),
        ("nothing_found", "holding", {"disposition": "in_progress"}),
        ("stocked_not_for_sale", "storing", {"disposition": "damaged"}),
        ("aggregation", "receiving", {"type": "AggregationEvent", "action": "ADD"}),
        ("AssociationEvent", "receiving", {"type": "AssociationEvent"}),
        ("no_trade_item", "receiving", {"type": "AggregationEvent"}),
        ("no_trade_item", "receiving", {"epcList": [], "quantityList": []}),
    ],
    ids=str,
)
def test_what_does_not_concern_stock_is_ignored(
    reason: str, step: str | None, changes: dict[str, Any]
) -> None:
    assert [Ignored(reason)] == of(step, **changes)


def test_steps_of_another_vocabulary_can_be_given_a_meaning() -> None:
    options = EpcisOptions(steps={"ext:in": "receiving"})
    first, _ = decoded({**EVENT, "bizStep": "ext:in"}, options)
    assert FactKind.RECEIPT == first.kind


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("type", {"type": "QuantityEvent"}),
        ("type", {"type": ["ObjectEvent"]}),
        ("action", {"action": "CREATE"}),
        ("action", {"action": None}),
        ("eventTime", {"eventTime": None}),
        ("eventTime", {"eventTime": "26-11-2026"}),
        ("eventTime", {"eventTime": "2026-11-26T13:00:00"}),
        ("bizStep", {"bizStep": "transforming"}),
        ("bizStep", {"bizStep": 7}),
        ("disposition", {"disposition": "in_transport"}),
        ("eventID", {"eventID": 7}),
        ("epcList", {"epcList": EPC}),
        ("epcList[0]", {"epcList": ["0614141"]}),
        ("quantityList[0]", {"quantityList": [7]}),
        ("quantityList[0].epcClass", {"quantityList": [{"quantity": 1}]}),
        ("quantityList[0].quantity", {"quantityList": [{"epcClass": EPC}]}),
        ("quantityList[0].quantity", {"quantityList": [{"epcClass": EPC, "quantity": "1"}]}),
        ("quantityList[0].quantity", {"quantityList": [{"epcClass": EPC, "quantity": -1}]}),
        ("quantityList[0].quantity", {"quantityList": [{"epcClass": EPC, "quantity": 1e300}]}),
        ("quantityList[0].uom", {"quantityList": [{"epcClass": EPC, "quantity": 1, "uom": 1}]}),
        ("quantityList", {"quantityList": [{"epcClass": EPC, "quantity": 0}], "epcList": []}),
        ("bizLocation", {"readPoint": None}),
        ("readPoint.id", {"readPoint": {}}),
        ("readPoint", {"readPoint": "here"}),
        ("bizTransactionList", {"bizTransactionList": {}}),
        ("sourceList[0].source", {"sourceList": [{"type": "location"}]}),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(field: str, changes: dict[str, Any]) -> None:
    (undecodable,) = of(**{"step": "receiving", **_without_step(changes)})
    assert isinstance(undecodable, Undecodable)
    assert f"event.{field}" == undecodable.field


def _without_step(changes: dict[str, Any]) -> dict[str, Any]:
    return {("step" if name == "bizStep" else name): each for name, each in changes.items()}


def test_a_count_in_two_units_is_undecodable() -> None:
    amounts = [{"epcClass": EPC, "quantity": 1, "uom": "KGM"}]
    (undecodable,) = of("stock_taking", quantityList=amounts)
    assert "event.quantityList" == undecodable.field


def test_an_event_of_a_document_that_is_wrong_does_not_hold_up_the_others() -> None:
    good, bad = {**EVENT, "bizStep": "receiving"}, {**EVENT, "bizStep": "eating"}
    capture = {"type": "EPCISDocument", "epcisBody": {"eventList": [bad, 7, good]}}
    first, second, *rest = decoded(capture)
    assert "epcisBody.eventList[0].bizStep" == first.field
    assert "epcisBody.eventList[1]" == second.field
    assert 2 == len(rest)
    body = {"queryResults": {"resultsBody": {"eventList": [good]}}}
    assert rest == decoded({"type": "EPCISQueryDocument", "epcisBody": body})
    with pytest.raises(Undecodable, match=r"epcisBody.eventList"):
        decoded({"type": "EPCISDocument", "epcisBody": {}})


@settings(max_examples=50)
@given(st.data())
def test_a_mutilated_event_decodes_or_is_undecodable(data: st.DataObject) -> None:
    event = {**EVENT, "bizStep": "receiving", "bizTransactionList": ORDER, "sourceList": FROM_THERE}
    body = bytearray(json.dumps(event).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = at + data.draw(st.integers(0, 8))
        body[at:end] = data.draw(st.sampled_from([b"", b"0", b'"', b"[]", b"{}", b"null", b":"]))
    with suppress(Undecodable):
        decoded(bytes(body))


def test_an_event_nested_as_deep_as_json_is_read_decodes_or_is_undecodable() -> None:
    for depth in range(900, 1000, 3):
        nested = b"[" * depth + b"]" * depth
        with suppress(Undecodable):
            decoded(json.dumps({**EVENT, "eventID": None})[:-1].encode() + b',"x":' + nested + b"}")


def test_every_example_of_the_standard_is_decoded_ignored_or_named() -> None:
    found: Counter[str] = Counter()
    for path in sorted(contract("epcis-2.0/examples/JSON").rglob("*.json")):
        try:
            events = decoded(path.read_bytes(), EpcisOptions())
        except Undecodable as undecodable:
            events = [undecodable]
        assert events, path.name
        is_valid = "Invalid" not in path.parts and "Queries" not in path.parts
        for each in events:
            found[type(each).__name__] += 1
            if isinstance(each, Undecodable):
                assert each.field, path.name
                # Valid examples say how many in no unit, or not where.
                assert not is_valid or each.field.endswith(("quantity", "bizLocation")), path.name
            if isinstance(each, StockFact):
                assert each.sku.isdigit(), path.name
    assert found["StockFact"] > 70
    assert 6 <= found["OrderEvent"]
    assert 22 == found["Undecodable"]


def test_the_conformance_kit_finds_nothing() -> None:
    events = [
        {**EVENT, "bizStep": "receiving"},
        {**EVENT, "bizStep": "shipping", "eventID": "e2", "bizTransactionList": ORDER},
        {**EVENT, "bizStep": "receiving", "errorDeclaration": DECLARED},
    ]
    samples = [
        Sample(str(at), Message(json.dumps(each).encode())) for at, each in enumerate(events)
    ]
    assert [] == list(findings(ADAPTER, samples, OPTIONS))
