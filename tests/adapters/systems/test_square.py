"""Square: counts and changes of its inventory, in made-up messages and in its own example."""

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Undecodable, Unverified
from holdfast.adapters.events import (
    CountBasis,
    Exceptional,
    FactKind,
    Ignored,
    Reference,
    StockFact,
)
from holdfast.adapters.systems.square import ADAPTER, SquareOptions
from tests.adapters.contracts import contract

URL = "https://shop.example/in/square"
COUNTS = SquareOptions(notification_url=URL)
CHANGES = SquareOptions(notification_url=URL, take="changes", our_references="holdfast:")
COUNT: dict[str, Any] = {
    "catalog_object_id": "VARIATION-A",
    "catalog_object_type": "ITEM_VARIATION",
    "state": "IN_STOCK",
    "location_id": "LOCATION-1",
    "quantity": "10.25",
    "calculated_at": "2026-11-26T12:00:00.10296Z",
}
PART: dict[str, Any] = {
    "id": "CHANGE-1",
    "catalog_object_id": "VARIATION-A",
    "location_id": "LOCATION-1",
    "quantity": "2",
    "occurred_at": "2026-11-26T12:00:00Z",
    "team_member_id": "TEAM-1",
}
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def notification(*counts: Any, **changes: Any) -> dict[str, Any]:
    return {
        "merchant_id": "M1",
        "type": "inventory.count.updated",
        "event_id": "E1",
        "created_at": "2026-11-26T12:00:00Z",
        "data": {"type": "inventory_counts", "object": {"inventory_counts": list(counts)}},
        **changes,
    }


def message(document: Any) -> Message:
    return Message(document if isinstance(document, bytes) else json.dumps(document).encode())


def decoded(document: Any, options: SquareOptions = COUNTS) -> list[Any]:
    return list(ADAPTER.decode(message(document), options))


def counted(**changes: Any) -> Any:
    (found,) = decoded(notification({**COUNT, **changes}))
    return found


def adjusted(before: str, after: str, **changes: Any) -> Any:
    adjustment = {**PART, "from_state": before, "to_state": after, **changes}
    (found,) = decoded({"changes": [{"type": "ADJUSTMENT", "adjustment": adjustment}]}, CHANGES)
    return found


def test_a_count_is_of_units_for_sale_at_its_instant() -> None:
    assert (
        StockFact(
            source="square/M1",
            id="E1/0",
            kind=FactKind.COUNT,
            sku="VARIATION-A",
            location="LOCATION-1",
            quantity=Decimal("10.25"),
            time=NOON.replace(microsecond=102960),
            basis=CountBasis.BOOKS,
        )
        == counted()
    )


def test_a_count_that_does_not_concern_stock_here_is_ignored() -> None:
    assert Ignored("state") == counted(state="SOLD")
    assert Ignored("composed") == counted(is_estimated=True)
    assert [Ignored("deleted")] == decoded(notification(data={"id": "A"}))
    assert [Ignored("other_event")] == decoded(notification(COUNT, type="order.created"))
    assert [Ignored("counts")] == decoded(notification(COUNT), CHANGES)


def test_a_count_below_zero_is_a_case_for_a_person() -> None:
    case = counted(quantity="-2")
    assert isinstance(case, Exceptional)
    assert ("count_below_zero", "VARIATION-A at LOCATION-1") == (case.kind, case.subject)


def test_a_count_that_is_wrong_does_not_hold_up_the_others() -> None:
    first, second = decoded(notification({**COUNT, "quantity": None}, COUNT))
    assert "data.object.inventory_counts[0].quantity" == first.field
    assert "E1/1" == second.id


@pytest.mark.parametrize(
    ("before", "after", "kind", "quantity", "from_status", "to_status"),
    [
        ("NONE", "IN_STOCK", FactKind.RECEIPT, 2, "", ""),
        ("ORDERED_FROM_VENDOR", "RECEIVED_FROM_VENDOR", "receipt", 2, "", "received_from_vendor"),
        ("UNLINKED_RETURN", "IN_STOCK", FactKind.RETURN, 2, "", ""),
        ("SOLD", "RETURNED_BY_CUSTOMER", FactKind.RETURN, 2, "", "returned_by_customer"),
        ("RETURNED_BY_CUSTOMER", "IN_STOCK", "status_change", 2, "returned_by_customer", ""),
        ("IN_STOCK", "SOLD", FactKind.SALE, 2, "", ""),
        ("IN_STOCK", "WASTE", FactKind.ADJUSTMENT, -2, "", ""),
        ("RESERVED_FOR_SALE", "NONE", FactKind.ADJUSTMENT, -2, "reserved_for_sale", ""),
        ("WASTE", "IN_STOCK", FactKind.ADJUSTMENT, 2, "", ""),
    ],
)
def test_an_adjustment_is_what_its_states_make_of_it(
    before: str, after: str, kind: str, quantity: int, from_status: str, to_status: str
) -> None:
    fact = adjusted(before, after)
    assert ("square", "CHANGE-1", NOON, "TEAM-1") == (
        fact.source,
        fact.id,
        fact.time,
        fact.actor,
    )
    assert (kind, quantity) == (fact.kind, fact.quantity)
    assert (from_status, to_status) == (fact.from_status, fact.to_status)


def test_an_adjustment_of_ours_is_an_echo_and_one_elsewhere_is_ignored() -> None:
    assert Ignored("echo") == adjusted("NONE", "IN_STOCK", reference_id="holdfast:7")
    assert Ignored("not_on_hand") == adjusted("SOLD", "NONE")
    assert Ignored("no_units") == adjusted("NONE", "IN_STOCK", quantity="0.00")


def test_a_physical_count_is_of_the_shelf() -> None:
    change = {"type": "PHYSICAL_COUNT", "physical_count": {**PART, "state": "IN_STOCK"}}
    (fact,) = decoded({"changes": [change]}, CHANGES)
    assert (FactKind.COUNT, CountBasis.SHELF) == (fact.kind, fact.basis)
    assert [Ignored("changes")] == decoded({"changes": [change]}, COUNTS)


def test_a_transfer_leaves_one_location_and_is_at_the_other() -> None:
    places = {"from_location_id": "LOCATION-1", "to_location_id": "LOCATION-2"}
    transfer = {**PART, **places, "state": "IN_STOCK"}
    left, came = decoded({"changes": [{"type": "TRANSFER", "transfer": transfer}]}, CHANGES)
    assert (FactKind.TRANSFER_DISPATCH, "LOCATION-1", "LOCATION-2") == (
        left.kind,
        left.location,
        left.to_location,
    )
    assert (FactKind.RECEIPT, "LOCATION-2") == (came.kind, came.location)
    assert Reference("transfer", "CHANGE-1") == left.reference == came.reference


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("state", {"state": "SUPPORTED_BY_NEWER_VERSION"}),
        ("state", {"state": ["SOLD"]}),
        ("catalog_object_id", {"catalog_object_id": None}),
        ("location_id", {"location_id": 7}),
        ("quantity", {"quantity": 10}),
        ("quantity", {"quantity": "1e3"}),
        ("calculated_at", {"calculated_at": None}),
        ("calculated_at", {"calculated_at": "today"}),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(field: str, changes: dict[str, Any]) -> None:
    undecodable = counted(**changes)
    assert isinstance(undecodable, Undecodable)
    assert f"data.object.inventory_counts[0].{field}" == undecodable.field


def test_the_key_is_the_event_id_and_of_changes_a_hash() -> None:
    assert "E1" == ADAPTER.key(message(notification(COUNT)))
    assert ADAPTER.key(message({"changes": []})) != ADAPTER.key(message({"changes": [1]}))
    with pytest.raises(Undecodable, match="event_id"):
        ADAPTER.key(message({}))


def test_a_notification_is_signed_with_the_address_it_was_sent_to() -> None:
    body = message(notification(COUNT)).body
    digest = hmac.new(b"signature-key", URL.encode() + body, hashlib.sha256).digest()
    header = {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}
    secrets = {"signature_key": "signature-key"}
    ADAPTER.verify(Message(body, header), secrets, COUNTS)
    elsewhere = SquareOptions(notification_url=f"{URL}/")
    for spoilt, options in ((Message(body + b" ", header), COUNTS), (Message(body), COUNTS)):
        with pytest.raises(Unverified):
            ADAPTER.verify(spoilt, secrets, options)
    with pytest.raises(Unverified):
        ADAPTER.verify(Message(body, header), secrets, elsewhere)


@settings(max_examples=50)
@given(st.data())
def test_a_mutilated_message_decodes_or_is_undecodable(data: st.DataObject) -> None:
    body = bytearray(json.dumps(notification(COUNT, COUNT)).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = at + data.draw(st.integers(0, 8))
        body[at:end] = data.draw(st.sampled_from([b"", b"0", b'"', b"[]", b"{}", b"null", b"-"]))
    with suppress(Undecodable):
        decoded(bytes(body))


def test_squares_own_example_decodes_and_ours_fit_its_schema() -> None:
    path = contract("square/square-inventory-orders-refunds.openapi-subset.json")
    components = json.loads(path.read_text())["components"]
    schemas = components["schemas"]
    (fact,) = decoded(schemas["InventoryCountUpdatedEvent"]["example"])
    assert ("square/6SSW7HV8K2ST5", "FGQ5JJWT2PYTHF35CKZ2DSKP") == (fact.source, fact.sku)
    assert ("YYQR03DGCTXA4", Decimal(10)) == (fact.location, fact.quantity)

    for name, document in (
        ("InventoryCountUpdatedEvent", notification(COUNT)),
        ("InventoryAdjustment", {**PART, "from_state": "NONE", "to_state": "IN_STOCK"}),
    ):
        reference = {"$ref": f"#/components/schemas/{name}", "components": components}
        fastjsonschema.compile(reference)(document)


def test_the_conformance_kit_finds_nothing() -> None:
    transfer = {**PART, "from_location_id": "A", "to_location_id": "B", "state": "IN_STOCK"}
    samples = [
        Sample("counts", message(notification(COUNT))),
        Sample("none", message(notification(COUNT, event_id="E2", type="order.created"))),
    ]
    assert [] == list(findings(ADAPTER, samples, COUNTS))
    changes = {"changes": [{"type": "TRANSFER", "transfer": transfer}]}
    assert [] == list(findings(ADAPTER, [Sample("changes", message(changes))], CHANGES))
