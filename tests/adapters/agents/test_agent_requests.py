"""What is asked for agents: shapes of UCP, ACP and Stripe, and who may ask."""

import hashlib
import hmac
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.agents.agent_requests import (
    APPROVAL_TYPE,
    LINES_MAX,
    Wanted,
    approval,
    check_signature,
    check_token,
    hold_id,
    wanted,
)
from holdfast.adapters.contract import Undecodable, Unverified

UCP = {"line_items": [{"id": "li_1", "item": {"id": "MUG", "title": "Mug"}, "quantity": 2}]}
ACP = {"items": [{"id": "MUG", "quantity": 2}]}
NOW = 1_790_000_000.0


def stripe(**data: Any) -> dict[str, Any]:
    lines = [{"id": "li_1", "sku_id": "MUG", "quantity": 2}]
    return {
        "type": APPROVAL_TYPE,
        "id": "evt_1",
        "data": {"checkout_session": "cs_1", "line_item_details": lines, **data},
    }


def signed(body: bytes, secret: str, at: float = NOW) -> str:
    digest = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={int(at)},v1={digest},v0=old"


@pytest.mark.parametrize(
    ("document", "path"), [(UCP, "$.line_items[0]"), (ACP, "$.items[0]")], ids=["ucp", "acp"]
)
def test_lines_of_a_checkout(document: Any, path: str) -> None:
    assert wanted(document) == [Wanted("MUG", 2, "", path)]


def test_a_line_may_name_where_it_is_collected() -> None:
    [line] = wanted({"items": [{"id": "MUG", "quantity": 1, "location": "store-17"}]})
    assert "store-17" == line.location


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "$"),
        ({}, "$.line_items"),
        ({"items": []}, "$.items"),
        ({"items": [{}] * (LINES_MAX + 1)}, "$.items"),
        ({"items": [3]}, "$.items[0]"),
        ({"items": [{"quantity": 1}]}, "$.items[0].id"),
        ({"items": [{"id": "MUG"}]}, "$.items[0].quantity"),
        ({"items": [{"id": "MUG", "quantity": 0}]}, "$.items[0].quantity"),
        ({"items": [{"id": "MUG", "quantity": 1.5}]}, "$.items[0].quantity"),
        ({"items": [{"id": "MUG", "quantity": 1, "location": 3}]}, "$.items[0].location"),
        ({"line_items": [{"item": 3, "quantity": 1}]}, "$.line_items[0].item"),
        ({"line_items": [{"item": {}, "quantity": 1}]}, "$.line_items[0].item.id"),
    ],
)
def test_what_is_wrong_is_named(document: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        wanted(document)
    assert caught.value.field == field


@pytest.mark.parametrize("wrong", ["", "a/b", "a b", "ä", "x" * 65, 3, None])
def test_an_id_is_plain_and_short(wrong: object) -> None:
    assert "cs_test-1:2.3" == hold_id("cs_test-1:2.3", "id")
    with pytest.raises(Undecodable, match="id is"):
        hold_id(wrong, "id")


# Stripe


def test_what_stripe_wants_approved() -> None:
    line = Wanted("MUG", 2, "", "$.data.line_item_details[0]")
    assert approval(stripe()) == ("cs_1", [line])
    assert "evt_1" == approval(stripe(checkout_session=None)).session
    [bare] = approval(stripe(line_items_details=[{"id": "PEN", "quantity": 1}])).lines
    assert ("PEN", "$.data.line_items_details[0]") == (bare.item, bare.path)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "$.type"),
        (stripe() | {"type": "v1.delegated_checkout.customize_checkout"}, "$.type"),
        (stripe() | {"data": 3}, "$.data"),
        (stripe(line_item_details=[]), "$.data.line_item_details"),
        (stripe(line_item_details=[{}]), "$.data.line_item_details[0].quantity"),
        (stripe(line_item_details=[{"quantity": 1}]), "$.data.line_item_details[0].id"),
        (stripe(checkout_session="a b"), "$.data.checkout_session"),
        (stripe(checkout_session=None) | {"id": 3}, "$.id"),
    ],
)
def test_what_is_wrong_with_an_approval_is_named(document: Any, field: str) -> None:
    with pytest.raises(Undecodable) as caught:
        approval(document)
    assert caught.value.field == field


# Who asks


def test_a_token_proves_who_asks() -> None:
    for token in ("old", "new"):
        check_token(f"Bearer {token}", ["old", "new"])
    for wrong in ("", "Bearer", "Bearer ", "Basic old", "old", "Bearer older", "Bearer \ud800"):
        with pytest.raises(Unverified):
            check_token(wrong, ["old", "new"])


def test_a_signature_of_stripe_proves_what_was_sent_and_when() -> None:
    body = b'{"a": 1}'
    for secret, at in (("old", NOW), ("new", NOW - 299), ("new", NOW + 299)):
        check_signature(body, signed(body, secret, at), ["old", "new"], NOW)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "v1=00",
        "t=,v1=00",
        "t=²,v1=00",
        "t=1,t=2",
        "t=999999999999999,v1=00",
        signed(b"x", "other"),
        signed(b"y", "secret"),
        signed(b"x", "secret", NOW - 301),
        signed(b"x", "secret", NOW + 301),
        signed(b"x", "secret").replace("v1", "v0"),
        signed(b"x", "secret").replace("v1=", "v1=ä"),
    ],
)
def test_another_signature_does_not(given: str) -> None:
    with pytest.raises(Unverified):
        check_signature(b"x", given, ["secret"], NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["items", "line_items", "item", "id", "data", "type"]), inner
        )
    ),
    max_leaves=6,
)


@settings(max_examples=40)
@given(_JSON)
def test_whatever_is_asked_is_read_or_named(document: Any) -> None:
    for read in (wanted, approval):
        with suppress(Undecodable):
            read(document)
