"""Rows of stock.move become facts, and a poll asks for each of them."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import Exceptional, FactKind, Ignored, Reference, StockFact
from holdfast.adapters.systems.tryton import moves
from holdfast.adapters.systems.tryton.rpc import Options

from . import samples
from .samples import (
    CUSTOMER,
    IN,
    LOST,
    STO,
    STORE,
    SUPPLIER,
    TRANSIT,
    WRITTEN,
    answer,
    date_tag,
    message,
    row,
    shipped,
    time_tag,
)

OPTIONS = Options.model_validate(samples.OPTIONS)


def decode(values: dict[str, Any]) -> list[Any]:
    """What a row says."""
    return list(moves.decode(message(values), OPTIONS))


def brief(fact: StockFact) -> tuple[str, str, str, int]:
    """Kind, id, location, quantity."""
    return fact.kind.value, fact.id, fact.location, int(fact.quantity)


@pytest.mark.parametrize(
    ("origin", "target", "expected"),
    [
        (SUPPLIER, STO, [("receipt", "move/17", "WH", 3)]),
        (STO, CUSTOMER, [("sale", "move/17", "WH", 3)]),
        (CUSTOMER, STORE, [("return", "move/17", "ST43", 3)]),
        (STO, LOST, [("adjustment", "move/17", "WH", -3)]),
        (LOST, STO, [("adjustment", "move/17", "WH", 3)]),
        (STORE, SUPPLIER, [("adjustment", "move/17", "ST43", -3)]),
        (IN, STO, [("status_change", "move/17", "WH", 3)]),
        (STORE, TRANSIT, [("adjustment", "move/17", "ST43", -3)]),
        (
            STO,
            STORE,
            [
                ("transfer_dispatch", "move/17/dispatch", "WH", 3),
                ("receipt", "move/17/receipt", "ST43", 3),
            ],
        ),
    ],
)
def test_the_types_of_its_ends_say_what_a_move_is(
    origin: Any, target: Any, expected: list[Any]
) -> None:
    facts = decode(row(origin, target))
    assert expected == [brief(fact) for fact in facts]
    assert {("tryton", "TS-A", WRITTEN)} == {(fact.source, fact.sku, fact.time) for fact in facts}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (row(STO, samples.place("OUT", "storage")), "within_a_location"),
        (row(SUPPLIER, CUSTOMER), "not_our_stock"),
        (row(SUPPLIER, STO, state="cancelled", effective_date=None), "planned"),
        (row(SUPPLIER, STO, state="draft"), "planned"),
        (row(SUPPLIER, STO, state="staging"), "not_planned_yet"),
        (row(SUPPLIER, STO, internal_quantity=0), "no_units"),
        (row(STO, CUSTOMER, effective_date=date_tag(2026, 11, 1)), "took_effect_long_ago"),
    ],
)
def test_what_does_not_concern_stock_is_ignored(values: dict[str, Any], reason: str) -> None:
    assert [Ignored(reason)] == decode(values)


def test_units_that_come_into_a_held_location_are_not_for_sale() -> None:
    (received,) = decode(row(SUPPLIER, IN))
    assert ("inspect", "") == (received.to_status, received.from_status)
    (released,) = decode(row(IN, STO))
    assert ("", "inspect") == (released.to_status, released.from_status)


def test_a_shipment_of_a_reservation_is_its_goods_issue_at_the_time_of_the_shipment() -> None:
    for reference in ("holdfast:R-17", "holdfast:R-17 (09f911029d74e35b)"):
        (issued,) = decode(row(STO, CUSTOMER, **shipped(reference)))
        assert FactKind.GOODS_ISSUE is issued.kind
        assert Reference("reservation", "R-17") == issued.reference
        assert WRITTEN + timedelta(seconds=1) == issued.time
    for other in (None, "SO/2026/17", "holdfast:"):
        (sold,) = decode(row(STO, CUSTOMER, **shipped(other)))
        assert FactKind.SALE is sold.kind


def test_a_done_move_that_is_cancelled_is_reported_and_reversed() -> None:
    done, undone = decode(row(STO, CUSTOMER, state="cancelled"))
    assert [done] == decode(row(STO, CUSTOMER))
    assert ("reversal", "move/17/cancelled", "WH", 3) == brief(undone)
    assert ("move/17", FactKind.SALE, None) == (
        undone.reverses.event_id,
        undone.reverses.kind,
        undone.reverses.time,
    )


def test_the_reversal_of_a_transfer_repeats_both_of_its_facts() -> None:
    dispatch, back, receipt, unreceived = decode(row(STO, STORE, state="cancelled"))
    assert (dispatch.id, receipt.id) == (back.reverses.event_id, unreceived.reverses.event_id)
    assert ("ST43", dispatch.reference) == (back.to_location, back.reference)
    assert (False, None) == (back.takes_promised, back.expected_time)
    assert (receipt.reference, receipt.location) == (unreceived.reference, unreceived.location)


def test_the_reversal_of_a_goods_issue_is_not_reported_with_another_instant() -> None:
    ours = shipped("holdfast:R-17 (09f911029d74e35b)")
    (undone,) = decode(row(STO, CUSTOMER, state="cancelled", **ours))
    assert FactKind.REVERSAL is undone.kind
    assert FactKind.GOODS_ISSUE is undone.reverses.kind
    assert Reference("reservation", "R-17") == undone.reference


def test_an_order_that_tryton_shipped_and_cancelled_is_open_again() -> None:
    undone, unshipped = decode(row(STO, CUSTOMER, state="cancelled", **shipped("holdfast:R-17")))
    assert FactKind.REVERSAL is undone.kind
    assert ("shipment_reversal", "move/17/unshipped", "WH", 3) == brief(unshipped)


def test_a_move_of_long_ago_that_is_cancelled_now_says_when_it_was() -> None:
    (undone,) = decode(row(STO, CUSTOMER, state="cancelled", effective_date=date_tag(2026, 11, 1)))
    assert datetime(2026, 11, 1, tzinfo=UTC) == undone.reverses.time


def test_a_purchase_is_announced_changed_received_and_cancelled() -> None:
    purchase = {"origin": "purchase.line,12", "planned_date": date_tag(2026, 12, 24)}
    named = Reference("supply", "purchase.line,12", "17")
    (announced,) = decode(row(SUPPLIER, STO, state="draft", effective_date=None, **purchase))
    assert (FactKind.SUPPLY, 3, named) == (
        announced.kind,
        announced.quantity,
        announced.reference,
    )
    assert datetime(2026, 12, 24, tzinfo=UTC) == announced.expected_time
    assert f"move/17/supply/{WRITTEN.isoformat()}" == announced.id
    receipt, closed = decode(row(SUPPLIER, STO, **purchase))
    assert (FactKind.RECEIPT, named) == (receipt.kind, receipt.reference)
    assert (FactKind.SUPPLY, 3) == (closed.kind, closed.quantity)
    (gone,) = decode(row(SUPPLIER, STO, state="cancelled", effective_date=None, **purchase))
    assert (FactKind.SUPPLY, 0, named) == (gone.kind, gone.quantity, gone.reference)
    (none,) = decode(row(SUPPLIER, STO, state="draft", internal_quantity=0, **purchase))
    assert (FactKind.SUPPLY, 0, named) == (none.kind, none.quantity, none.reference)
    (undated,) = decode(
        row(SUPPLIER, STO, state="draft", effective_date=None, origin="purchase.line,12")
    )
    assert isinstance(undated, Exceptional)
    assert "supply_without_date" == undated.kind


def test_what_is_on_its_way_is_supply_where_it_leads() -> None:
    way = {"shipment": "stock.shipment.internal,3", "planned_date": date_tag(2026, 12, 1)}
    (announced,) = decode(row(TRANSIT, STORE, state="draft", effective_date=None, **way))
    assert ("supply", "ST43", 3) == (announced.kind, announced.location, announced.quantity)
    assert Reference("supply", "stock.shipment.internal,3", "17") == announced.reference
    receipt, _ = decode(row(TRANSIT, STORE, **way))
    assert announced.reference == receipt.reference


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("internal_quantity", {"internal_quantity": "3"}),
        ("internal_quantity", {"internal_quantity": -3}),
        ("internal_quantity", {"internal_quantity": True}),
        ("internal_quantity", {"internal_quantity": 10**16}),
        ("internal_quantity", {"internal_quantity": {"__class__": "Decimal", "decimal": "NaN"}}),
        (
            "internal_quantity",
            {"internal_quantity": {"__class__": "Decimal", "decimal": "1e99999"}},
        ),
        ("id", {"id": None}),
        ("state", {"state": 7}),
        ("product.code", {"product.": {"id": 1, "code": None}}),
        ("from_location.type", {"from_location.": {"type": "moon"}}),
        ("to_location.name", {"to_location.": {"type": "storage", "code": None}}),
        ("last_modified_at", {"last_modified_at": None}),
        ("last_modified_at", {"last_modified_at": {"__class__": "datetime", "year": 10**9}}),
        ("last_modified_at", {"last_modified_at": time_tag(datetime(1, 1, 1, tzinfo=UTC))}),
        ("effective_date", {"effective_date": "2026-11-26"}),
        ("effective_date", {"effective_date": date_tag(9999, 12, 31)}),
        ("planned_date", {"planned_date": date_tag(1, 1, 1)}),
        ("effective_date", {"effective_date": None}),
    ],
)
def test_a_row_that_cannot_be_understood_names_its_field(
    field: str, values: dict[str, Any]
) -> None:
    with pytest.raises(Undecodable) as raised:
        decode(row(STO, CUSTOMER, **values))
    assert field == raised.value.field


def test_a_quantity_stays_what_was_written() -> None:
    (sold,) = decode(row(STO, CUSTOMER, internal_quantity=0.42))
    assert Decimal("0.42") == sold.quantity


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"id": ' + b"1" * 5_000 + b"}",
        b'{"id": NaN}',
    ],
)
def test_a_body_that_is_no_row_is_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        list(moves.decode(Message(body), OPTIONS))
    with pytest.raises(Undecodable):
        moves.key(Message(body))


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_random_bytes_are_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        list(moves.decode(Message(body), OPTIONS))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(st.data())
@settings(max_examples=100)
def test_a_spoilt_row_decodes_or_is_undecodable(data: st.DataObject) -> None:
    values = row(IN, STORE, state="cancelled", **shipped("holdfast:R-17"))
    spoilt = data.draw(st.sampled_from(sorted(values)))
    values[spoilt] = data.draw(VALUES)
    with suppress(Undecodable):
        assert decode(values)


def test_a_repeat_has_the_same_key_and_a_later_state_another() -> None:
    done = row(STO, CUSTOMER)
    keys = [
        moves.key(message(each))
        for each in (
            done,
            done,
            {**done, "state": "cancelled"},
            {**done, "last_modified_at": time_tag(WRITTEN.replace(second=59))},
            {**done, **shipped("holdfast:R-18")},
        )
    ]
    assert keys[0] == keys[1]
    assert 4 == len(set(keys))


def asked(request: Any) -> list[Any]:
    """The parameters of a call."""
    return list(json.loads(request.body)["params"])


def test_pages_go_on_after_the_last_row_and_a_sweep_begins_a_window_before_it() -> None:
    options = OPTIONS.model_copy(update={"page_size": 2})
    request = moves.request("", options)
    assert "/erp/rpc/" == request.url
    assert ["last_modified_at", ">=", time_tag(datetime(2026, 1, 1, tzinfo=UTC))] in asked(request)[
        0
    ]
    rows = [row(STO, CUSTOMER, id=number) for number in (1, 2)]
    full = moves.page(answer(rows), "", options)
    assert (2, True) == (len(full.messages), full.has_more)
    after = json.dumps(asked(moves.request(full.cursor, options))[0])
    assert '["id", ">", 2]' in after
    last = moves.page(answer(rows[:1]), full.cursor, options)
    assert not last.has_more
    begin = time_tag(WRITTEN - timedelta(seconds=300))
    assert ["last_modified_at", ">=", begin] in asked(moves.request(last.cursor, options))[0]
    none = moves.page(answer([]), last.cursor, options)
    assert (last.cursor, False) == (none.cursor, none.has_more)
    end = moves.page(answer([]), full.cursor, options)
    assert last.cursor == end.cursor


def test_messages_are_the_same_bytes_whatever_order_tryton_writes_fields_in() -> None:
    values = row(STO, CUSTOMER)
    turned = dict(reversed(values.items()))
    pages = [moves.page(answer([each]), "", OPTIONS) for each in (values, turned)]
    assert pages[0].messages == pages[1].messages
