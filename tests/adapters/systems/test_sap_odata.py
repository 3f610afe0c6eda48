"""Documents of S/4HANA are swept without a hole, and say what left, moved or was taken back."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Page, Refused, Response, Undecodable
from holdfast.adapters.events import Decoded, FactKind, Ignored, Reference, Reversed, StockFact
from holdfast.adapters.systems.sap_odata import DELIVERIES, MOVEMENTS
from holdfast.adapters.systems.sap_sweeps import OdataOptions

OPTIONS = OdataOptions(since=date(2026, 11, 1), page=2)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day(text: str) -> str:
    at = datetime.fromisoformat(f"{text}T00:00:00+00:00") - EPOCH
    return f"/Date({int(at.total_seconds()) * 1000})/"


def answer(*documents: tuple[str, str]) -> Response:
    results = [{"LastChangeDate": day(at), "DeliveryDocument": number} for at, number in documents]
    return Response(200, {}, json.dumps({"d": {"results": results}}).encode())


def page(cursor: str, *documents: tuple[str, str]) -> Page:
    assert DELIVERIES.poll is not None
    return DELIVERIES.poll.page(answer(*documents), cursor, OPTIONS)


def wanted(cursor: str, options: OdataOptions = OPTIONS) -> dict[str, str]:
    assert DELIVERIES.poll is not None
    request = DELIVERIES.poll.request(cursor, options)
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def test_the_first_sweep_begins_with_the_day_of_the_options() -> None:
    assert {
        "$filter": "LastChangeDate ge datetime'2026-11-01T00:00:00'",
        "$orderby": "LastChangeDate,DeliveryDocument",
        "$expand": "to_DeliveryDocumentItem",
        "$top": "2",
        "$format": "json",
    } == wanted("")
    assert "100" == wanted("", OPTIONS.model_copy(update={"client": "100"}))["sap-client"]


def test_a_page_that_is_full_goes_on_after_its_last_document() -> None:
    full = page("", ("2026-11-02", "1"), ("2026-11-02", "2'"))
    assert (True, "2026-11-02T00:00:00 2'") == (full.has_more, full.cursor)
    assert (
        "LastChangeDate gt datetime'2026-11-02T00:00:00' or "
        "(LastChangeDate eq datetime'2026-11-02T00:00:00' and DeliveryDocument gt '2''')"
        == wanted(full.cursor)["$filter"]
    )


def test_the_next_sweep_begins_a_day_before_the_last_one_that_was_seen() -> None:
    last = page("2026-11-02T00:00:00 2", ("2026-11-09", "3"))
    assert (False, "2026-11-08T00:00:00") == (last.has_more, last.cursor)
    assert last.cursor == page(last.cursor).cursor
    assert "2026-11-01T00:00:00" == page("", ("2026-11-01", "3")).cursor


def test_a_sweep_that_does_not_come_forward_is_reported() -> None:
    with pytest.raises(Undecodable) as caught:
        page("2026-11-02T00:00:00 2", ("2026-11-02", "2"), ("2026-11-02", "2"))
    assert "d.results" == caught.value.field


def test_documents_in_another_order_are_reported() -> None:
    with pytest.raises(Undecodable) as caught:
        page("", ("2026-11-02", "2"), ("2026-11-02", "1"))
    assert "d.results[1]" == caught.value.field


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"d": []}',
        b'{"d": {}}',
        b'{"d": {"results": [1]}}',
        b'{"d": {"results": [{"LastChangeDate": null, "DeliveryDocument": "1"}]}}',
        b'{"d": {"results": [{"LastChangeDate": "/Date(1e9)/", "DeliveryDocument": "1"}]}}',
        b'{"d": {"results": [{"LastChangeDate": "/Date(999999999999999)/"}]}}',
        b'{"d": {"results": [{"LastChangeDate": "/Date(1795651200000)/"}]}}',
    ],
)
def test_an_answer_that_is_wrong_is_reported(body: bytes) -> None:
    assert DELIVERIES.poll is not None
    with pytest.raises(Undecodable):
        DELIVERIES.poll.page(Response(200, {}, body), "", OPTIONS)


def test_a_refusal_is_one() -> None:
    assert DELIVERIES.poll is not None
    with pytest.raises(Refused):
        DELIVERIES.poll.page(Response(403, {}, b"no"), "", OPTIONS)


def test_a_session_bears_the_token() -> None:
    assert DELIVERIES.login is not None
    request = DELIVERIES.login.request(OPTIONS, {"client_secret": "s"})
    assert ("POST", "/sap/bc/sec/oauth2/token") == (request.method, request.url)
    assert "Basic aG9sZGZhc3Q6cw==" == request.headers["authorization"]
    response = Response(200, {}, b'{"access_token": "t"}')
    assert {"authorization": "Bearer t"} == DELIVERIES.login.session(response)
    for body in (b"", b"{}", b'{"access_token": 1}'):
        with pytest.raises(Refused):
            DELIVERIES.login.session(Response(401, {}, body))


def test_a_document_is_known_by_what_it_says_and_not_by_where_it_is() -> None:
    assert DELIVERIES.poll is not None
    bodies = []
    for host in ("a", "b"):
        document = {
            "__metadata": {"uri": host},
            "LastChangeDate": day("2026-11-02"),
            "DeliveryDocument": "1",
            "to_Partner": {"__deferred": {"uri": host}},
        }
        response = Response(200, {}, json.dumps({"d": {"results": [document]}}).encode())
        bodies.append(DELIVERIES.poll.page(response, "", OPTIONS).messages[0])
    assert DELIVERIES.key(bodies[0]) == DELIVERIES.key(bodies[1])


def delivery(item: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    known = {
        "DeliveryDocumentItem": "000010",
        "Material": "pen",
        "Plant": "1710",
        "StorageLocation": "171A",
        "ActualDeliveryQuantity": "3.000",
        "DeliveryQuantityUnit": "PC",
        "ReferenceSDDocument": "0000004712",
        "ReferenceSDDocumentItem": "000010",
    }
    return {
        "DeliveryDocument": "80001",
        "OverallGoodsMovementStatus": "C",
        "ActualGoodsMovementDate": day("2026-11-26"),
        "ActualGoodsMovementTime": "PT15H30M00S",
        "to_DeliveryDocumentItem": {"results": [known | (item or {})]},
    } | fields


def read_delivery(document: dict[str, Any]) -> list[Decoded | Undecodable]:
    return list(DELIVERIES.decode(Message(json.dumps(document).encode()), OPTIONS))


def test_a_delivery_whose_goods_issue_is_posted_is_one() -> None:
    assert [
        StockFact(
            source="sap/sap/deliveries",
            id="80001/000010",
            kind=FactKind.GOODS_ISSUE,
            sku="pen",
            location="1710/171A",
            quantity=Decimal(3),
            unit="PC",
            time=datetime(2026, 11, 26, 15, 30, tzinfo=UTC),
            reference=Reference("reservation", "4712", "10"),
        )
    ] == read_delivery(delivery())


def test_a_delivery_that_is_not_posted_says_nothing() -> None:
    assert [Ignored("not_issued")] == read_delivery(delivery(OverallGoodsMovementStatus="A"))
    assert [Ignored("no_quantity")] == read_delivery(delivery({"ActualDeliveryQuantity": "0.0"}))


def test_a_delivery_of_returns_brings_units_back() -> None:
    [back] = read_delivery(delivery(DeliveryDocumentType="LR"))
    assert isinstance(back, StockFact)
    assert (FactKind.RETURN, Reference("return", "4712", "10")) == (back.kind, back.reference)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"Material": ""}, "Material"),
        ({"Plant": None}, "Plant"),
        ({"StorageLocation": 7}, "StorageLocation"),
        ({"ActualDeliveryQuantity": 3}, "ActualDeliveryQuantity"),
        ({"ActualDeliveryQuantity": "NaN"}, "ActualDeliveryQuantity"),
        ({"ReferenceSDDocument": ""}, "ReferenceSDDocument"),
        ({"DeliveryDocumentItem": None}, "DeliveryDocumentItem"),
    ],
)
def test_an_item_that_is_wrong_is_reported(item: dict[str, Any], field: str) -> None:
    [wrong] = read_delivery(delivery(item))
    assert isinstance(wrong, Undecodable)
    assert f"to_DeliveryDocumentItem[0].{field}" == wrong.field


@pytest.mark.parametrize(
    "fields",
    [
        {"DeliveryDocument": None},
        {"ActualGoodsMovementDate": "2026"},
        {"ActualGoodsMovementTime": "15:30"},
        {"ActualGoodsMovementTime": "PT99H"},
        {"to_DeliveryDocumentItem": None},
        {"to_DeliveryDocumentItem": {"results": 1}},
    ],
)
def test_a_delivery_that_is_wrong_is_reported(fields: dict[str, Any]) -> None:
    with pytest.raises(Undecodable):
        read_delivery(delivery(**fields))


def movement(*items: dict[str, Any]) -> list[Decoded | Undecodable]:
    known = {
        "MaterialDocumentItem": "1",
        "Material": "pen",
        "Plant": "1710",
        "StorageLocation": "171A",
        "QuantityInEntryUnit": "3.000",
        "EntryUnit": "PC",
        "GoodsMovementType": "101",
    }
    document = {
        "MaterialDocument": "5000",
        "MaterialDocumentYear": "2026",
        "CreationDate": day("2026-11-26"),
        "CreationTime": "PT15H30M00S",
        "to_MaterialDocumentItem": {"results": [known | each for each in items]},
    }
    return list(MOVEMENTS.decode(Message(json.dumps(document).encode()), OPTIONS))


UNDONE = {
    "ReversedMaterialDocumentYear": "2026",
    "ReversedMaterialDocument": "4999",
    "ReversedMaterialDocumentItem": "2",
}


def test_an_item_of_a_material_document_is_a_fact() -> None:
    [fact] = movement({"PurchaseOrder": "0045", "PurchaseOrderItem": "00010"})
    assert isinstance(fact, StockFact)
    assert ("2026/5000/1", FactKind.RECEIPT, Reference("supply", "45", "10")) == (
        *(fact.id, fact.kind),
        fact.reference,
    )


def test_an_item_that_names_what_it_takes_back_is_its_reversal() -> None:
    [original] = movement({"MaterialDocumentItem": "2"})
    [undone] = movement({"GoodsMovementType": "102"} | UNDONE)
    assert isinstance(original, StockFact)
    assert isinstance(undone, StockFact)
    assert (FactKind.REVERSAL, Reversed("2026/4999/2", FactKind.RECEIPT)) == (
        undone.kind,
        undone.reverses,
    )
    assert (original.sku, original.location, original.quantity) == (
        *(undone.sku, undone.location),
        undone.quantity,
    )


def test_a_transfer_that_is_taken_back_is_two_reversals() -> None:
    back = {"GoodsMovementType": "312", "IssuingOrReceivingStorageLoc": "171B"} | UNDONE
    assert [
        Reversed("2026/4999/2", FactKind.TRANSFER_DISPATCH),
        Reversed("2026/4999/2/in", FactKind.RECEIPT),
    ] == [fact.reverses for fact in movement(back) if isinstance(fact, StockFact)]


def test_the_other_side_of_a_transfer_is_left_out() -> None:
    assert [Ignored("other_side")] == movement({"IsAutomaticallyCreated": "X"})


def test_a_movement_that_is_wrong_does_not_hold_up_the_next() -> None:
    odd, wrong, fact = movement(
        {"GoodsMovementType": "Z02"} | UNDONE, {"GoodsMovementType": "Z02"}, {}
    )
    assert isinstance(odd, Undecodable)
    assert isinstance(wrong, Undecodable)
    assert "to_MaterialDocumentItem[1].GoodsMovementType" == wrong.field
    assert isinstance(fact, StockFact)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=3), inside),
    max_leaves=5,
)


@given(st.sampled_from(sorted(delivery())), JSON)
def test_any_field_may_hold_anything(field: str, value: Any) -> None:
    with suppress(Undecodable):
        read_delivery(delivery(**{field: value}))


@given(st.sampled_from(["GoodsMovementType", "QuantityInEntryUnit", *UNDONE]), JSON)
def test_any_field_of_a_movement_may_hold_anything(field: str, value: Any) -> None:
    with suppress(Undecodable):
        movement(UNDONE | {field: value})
