"""Shopify's webhooks: who sent them, what a repeat is, levels and refunds."""

import json
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Undecodable, Unverified
from holdfast.adapters.events import FactKind, Ignored, Reference, Shown, StockFact
from holdfast.adapters.systems.shopify.kinds import SHOP
from holdfast.adapters.systems.shopify.webhooks import WebhookOptions
from tests.adapters.contracts import contract
from tests.adapters.systems.shopify.rest_samples import (
    DOMAIN,
    NOON,
    OPTIONS,
    SECRET,
    SOURCE,
    SPREAD,
    decoded,
    line,
    message,
    order,
    refund,
)

LEVEL: dict[str, Any] = {
    "inventory_item_id": 808950810,
    "location_id": 905684977,
    "available": 6,
    "updated_at": "2026-11-26T12:00:00Z",
}


@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
def test_a_delivery_is_signed_with_the_secret_of_the_app(prefix: str) -> None:
    signed = message("orders/create", order(), prefix)
    SHOP.verify(signed, {"client_secret": SECRET}, OPTIONS)
    SHOP.verify(signed, {"client_secret": f"new one\n{SECRET}"}, OPTIONS)
    with pytest.raises(Unverified):
        SHOP.verify(signed, {"client_secret": "another"}, OPTIONS)
    with pytest.raises(Unverified):
        SHOP.verify(replace(signed, body=signed.body + b" "), {"client_secret": SECRET}, OPTIONS)


def test_a_delivery_of_another_shop_is_not_of_this_one() -> None:
    other = message("orders/create", order(), shop_domain="other.myshopify.com")
    with pytest.raises(Unverified, match=f"is not {DOMAIN}"):
        SHOP.verify(other, {"client_secret": SECRET}, OPTIONS)


@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
def test_a_repeat_is_known_by_the_id_of_its_delivery(prefix: str) -> None:
    assert "delivery-1" == SHOP.key(message("orders/create", order(), prefix))
    bare = Message(b"{}")
    assert SHOP.key(bare) == SHOP.key(Message(b"{}")) != SHOP.key(Message(b"[]"))


def test_a_level_is_what_the_shop_shows() -> None:
    assert [
        Shown(
            item="808950810",
            node="905684977",
            quantity=6,
            time=NOON,
        )
    ] == decoded("inventory_levels/update", LEVEL)
    (oversold,) = decoded("inventory_levels/update", {**LEVEL, "available": -2})
    assert -2 == oversold.quantity
    assert [Ignored("not_tracked")] == decoded(
        "inventory_levels/update", {**LEVEL, "available": None}
    )


def test_what_a_refund_restocks_comes_back_to_its_location() -> None:
    assert [
        StockFact(
            source=SOURCE,
            id="refund/33",
            kind=FactKind.RETURN,
            sku="SKU-1",
            location="200",
            quantity=Decimal(2),
            reference=Reference("reservation", "shopify/7"),
            time=NOON,
        )
    ] == decoded("refunds/create", refund("return"))
    (elsewhere,) = decoded("refunds/create", refund("return", location_id=None))
    assert "100" == elsewhere.location


@pytest.mark.parametrize(
    ("restock_type", "reason"), [("cancel", "covered_by_order"), ("no_restock", "not_restocked")]
)
def test_what_a_refund_does_not_bring_back_is_ignored(restock_type: str, reason: str) -> None:
    assert [Ignored(reason)] == decoded("refunds/create", refund(restock_type))


def test_returns_may_be_reported_by_somebody_else() -> None:
    options = WebhookOptions(shop=DOMAIN, location="100", returns=False)
    assert [Ignored("returns")] == decoded("refunds/create", refund("return"), options)
    bare = line(sku=None, variant_id=None)
    assert [Ignored("no_item")] == decoded("refunds/create", refund("return", line_item=bare))


@pytest.mark.parametrize(
    ("field", "body", "options"),
    [
        ("restock_type", refund("legacy_restock"), OPTIONS),
        ("location_id", refund("return", location_id=None), SPREAD),
        ("quantity", refund("return", quantity=0), OPTIONS),
    ],
)
def test_what_is_wrong_in_a_refund_is_named(
    field: str, body: dict[str, Any], options: WebhookOptions
) -> None:
    (wrong,) = decoded("refunds/create", body, options)
    assert isinstance(wrong, Undecodable)
    assert f"refund_line_items[0].{field}" == wrong.field


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("available", {"available": "many"}),
        ("inventory_item_id", {"inventory_item_id": 0}),
        ("location_id", {"location_id": None}),
        ("updated_at", {"updated_at": "today"}),
    ],
)
def test_what_is_wrong_in_a_level_is_named(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(Undecodable) as wrong:
        decoded("inventory_levels/update", {**LEVEL, **changes})
    assert field == wrong.value.field


def test_what_the_order_tells_as_well_is_ignored() -> None:
    for topic in ("orders/edited", "fulfillments/create", "fulfillments/update"):
        assert [Ignored("covered_by_order")] == decoded(topic, {})
    assert [Ignored("other_topic")] == decoded("products/update", {})
    with pytest.raises(Undecodable, match="x-shopify-topic"):
        decoded("", {})


def test_shopifys_own_samples_go_through() -> None:
    folder = contract("shopify/fixtures")

    def sample(name: str) -> Any:
        return json.loads((folder / f"{name}.json").read_text())

    (event,) = decoded("orders/create", sample("order")["order"])
    placed = {(each.id, each.sku, each.quantity) for each in event.lines}
    expected = {
        ("466157049", "IPOD2008GREEN", 1),
        ("518995019", "IPOD2008RED", 1),
        ("703073504", "IPOD2008BLACK", 1),
    }
    assert ("shopify/450789469", expected) == (event.order, placed)
    for each in sample("orders")["orders"]:
        with pytest.raises(Undecodable, match="line_items"):  # it has been shortened
            decoded("orders/updated", each)
    (level,) = decoded("inventory_levels/update", sample("inventory_level")["inventory_level"])
    assert ("808950810", "905684977", 6) == (level.item, level.node, level.quantity)
    for each in sample("inventory_levels")["inventory_levels"]:
        (level,) = decoded("inventory_levels/update", each)
        assert isinstance(level, Shown)
    assert [Ignored("covered_by_order")] == decoded(
        "fulfillments/create", sample("fulfillment")["fulfillment"]
    )
    # It is of 2016, before refunds said how they restock.
    for each in decoded("refunds/create", sample("refund")["refund"]):
        assert each.field.endswith("restock_type")


@settings(max_examples=60)
@given(st.data())
def test_a_mutilated_delivery_decodes_or_is_undecodable(data: st.DataObject) -> None:
    topic, body = data.draw(
        st.sampled_from(
            [
                ("orders/updated", order(line(1), line(2))),
                ("refunds/create", refund("return")),
                ("inventory_levels/update", LEVEL),
            ]
        )
    )
    raw = bytearray(json.dumps(body).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        end = at + data.draw(st.integers(0, 8))
        raw[at:end] = data.draw(st.sampled_from([b"", b"0", b'"', b"[]", b"{}", b"null", b"-"]))
    with suppress(Undecodable):
        decoded(topic, bytes(raw))


def test_the_conformance_kit_finds_nothing() -> None:
    samples = [
        Sample("order", message("orders/updated", order(line(1), line(2)), webhook_id="first")),
        Sample("level", message("inventory_levels/update", LEVEL)),
        Sample("refund", message("refunds/create", refund("return"), webhook_id="delivery-2")),
    ]
    assert [] == list(findings(SHOP, samples, OPTIONS))
