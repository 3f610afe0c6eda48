"""Vendure's orders and stock levels, in made-up answers."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import (
    Accepted,
    Message,
    Offer,
    Refused,
    Rejected,
    Request,
    Response,
    SessionExpired,
    Stale,
    Undecodable,
)
from holdfast.adapters.events import Ignored, OrderEvent, OrderKind, OrderLine
from holdfast.adapters.systems import vendure
from holdfast.adapters.systems.vendure import ADAPTER, PAGE, VendureOptions
from tests.adapters.order_shop import Shop as Shopping
from tests.adapters.order_shop import new_core

SINCE = "2026-11-26T00:00:00Z"
OPTIONS = VendureOptions(user="superadmin", location="1", since=SINCE)
PUBLISH: Any = ADAPTER.publish
POLL: Any = ADAPTER.poll
LOGIN: Any = ADAPTER.login
(PATH,) = PUBLISH.paths


def answered(data: Any, status: int = 200, **more: Any) -> Response:
    return Response(status, {}, json.dumps({"data": data, **more}).encode())


def failed(code: str) -> Response:
    return answered(None, errors=[{"message": "no", "extensions": {"code": code}}])


def order(at: str = "2026-11-26T12:00:00.000Z", **line: Any) -> dict[str, Any]:
    whole = {
        "id": "3",
        "quantity": 5,
        "orderPlacedQuantity": 5,
        "productVariant": {"sku": "MUG"},
        "fulfillmentLines": [],
        **line,
    }
    return {"id": "7", "code": "ABC", "state": "Any", "updatedAt": at, "lines": [whole]}


def orders(*items: Any, total: int | None = None) -> Response:
    found = {"items": list(items), "totalItems": len(items) if total is None else total}
    return answered({"orders": found})


def shipped(quantity: int, state: str = "Shipped") -> dict[str, Any]:
    return {"quantity": quantity, "fulfillment": {"state": state}}


def levels(on_hand: int, allocated: int) -> Response:
    level = {"stockLocationId": "1", "stockOnHand": on_hand, "stockAllocated": allocated}
    return answered({"productVariants": {"items": [{"id": "17", "stockLevels": [level]}]}})


def offer(quantity: int, compared: int | None, node: str = "1") -> Offer:
    return Offer("17", node, quantity, compared, sequence=1, id="offer")


def variables(request: object) -> dict[str, Any]:
    assert isinstance(request, Request)
    return dict(json.loads(request.body)["variables"])


def edited(*quantities: int) -> list[dict[str, Any]]:
    """Modifications that changed the line by so many units each, and another line as well."""
    return [
        {"lines": [{"orderLineId": "3", "quantity": each}, {"orderLineId": "4", "quantity": 9}]}
        for each in quantities
    ]


def units(**line: Any) -> tuple[int, int, int]:
    return units_of(Message(json.dumps(order(**line)).encode()))


def units_of(message: Message) -> tuple[int, int, int]:
    (event,) = ADAPTER.decode(message, OPTIONS)
    assert isinstance(event, OrderEvent)
    (order_line,) = event.lines
    return int(order_line.quantity), int(order_line.shipped), int(order_line.cancelled)


def test_an_order_is_sold_and_reported_as_it_stands() -> None:
    message = Message(json.dumps(order()).encode())
    assert [
        OrderEvent(
            source="vendure",
            id=f"7/{ADAPTER.key(message)}",
            kind=OrderKind.STATE,
            order="vendure/ABC",
            lines=(OrderLine("3", "MUG", "1", Decimal(5)),),
            time=datetime(2026, 11, 26, 12, tzinfo=UTC),
            is_sold=True,
            is_current=True,
        )
    ] == list(ADAPTER.decode(message, OPTIONS))


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ((5, 2, 0), {"fulfillmentLines": [shipped(2), shipped(3, "Pending")]}),
        ((5, 5, 0), {"fulfillmentLines": [shipped(2), shipped(3, "Delivered")]}),
        ((5, 0, 2), {"quantity": 3}),
        ((5, 0, 5), {"quantity": 0}),
        ((5, 5, 0), {"quantity": 3, "fulfillmentLines": [shipped(5)]}),
        ((7, 0, 0), {"quantity": 7}),
    ],
)
def test_units_of_a_line_are_shipped_cancelled_or_open(
    expected: tuple[int, int, int], line: dict[str, Any]
) -> None:
    assert expected == units(**line)


@pytest.mark.parametrize(
    ("expected", "placed", "left", "changes"),
    [
        ((7, 0, 0), 5, 7, [2]),
        ((7, 0, 1), 5, 6, [2, -1]),
        ((8, 0, 2), 5, 6, [2, -2, 1]),
        ((3, 0, 2), 0, 1, [3, -2]),
        ((3, 0, 3), 0, 0, [3, -3]),
        ((10, 0, 3), 5, 7, [-3]),  # two more of an item that it had: noted wrong, as 2 - 5
    ],
)
def test_units_that_edits_have_added_and_taken_off_are_told_as_numbers_that_rise(
    expected: tuple[int, int, int], placed: int, left: int, changes: list[int]
) -> None:
    placed_order = order(quantity=left, orderPlacedQuantity=placed) | {
        "modifications": edited(*changes)
    }
    message = Message(json.dumps(placed_order).encode())
    assert expected == units_of(message)


#: What is left of a line, and what the shop notes of its edits: the first is noted wrong.
EDITED: list[tuple[int, list[int]]] = [(5, []), (7, [-3]), (6, [-3, -1]), (8, [-3, -1, 2])]


async def test_what_an_edit_takes_off_is_given_back() -> None:
    """Also of units that an earlier edit has added, whatever the shop notes of it."""
    shop = Shopping(new_core())
    for minute, (left, changes) in enumerate(EDITED):
        placed_order = order(f"2026-11-26T12:0{minute}:00.000Z", quantity=left)
        placed_order["lines"][0]["productVariant"]["sku"] = shop.sku
        message = Message(json.dumps(placed_order | {"modifications": edited(*changes)}).encode())
        options = OPTIONS.model_copy(update={"location": "A"})
        (event,) = ADAPTER.decode(message, options)
        assert isinstance(event, OrderEvent)
        await shop.orders.apply(replace(event, order=shop.order))
        committed = sum(open_ for open_, _, _ in (await shop.units()).values())
        assert left == committed


def test_an_order_without_lines_is_ignored_and_a_wrong_one_is_named() -> None:
    bare = Message(json.dumps({**order(), "lines": []}).encode())
    assert [Ignored("no_items")] == list(ADAPTER.decode(bare, OPTIONS))
    with pytest.raises(Undecodable) as wrong:
        units(quantity=-1)
    assert "lines[0].quantity" == wrong.value.field


def test_a_sweep_goes_page_by_page_and_the_next_begins_a_little_before_its_end() -> None:
    assert {"since": SINCE, "skip": 0, "take": PAGE} == variables(POLL.request("", OPTIONS))
    first = POLL.page(orders(order(), total=2), "", OPTIONS)
    assert (1, True) == (len(first.messages), first.has_more)
    assert 1 == variables(POLL.request(first.cursor, OPTIONS))["skip"]
    later = order("2026-11-26T12:00:10.000Z")
    last = POLL.page(orders(later, total=2), first.cursor, OPTIONS)
    assert not last.has_more
    asked = variables(POLL.request(last.cursor, OPTIONS))
    assert {"since": "2026-11-26T12:00:05+00:00", "skip": 0, "take": PAGE} == asked
    quiet = POLL.page(orders(), last.cursor, OPTIONS)
    assert asked == variables(POLL.request(quiet.cursor, OPTIONS))


class Shop:
    """Lists orders as Vendure does: by when they changed, in the direction that it is asked for."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.changed: dict[int, datetime] = {}
        self._minutes = count(1)
        self.change(numbers)

    def change(self, numbers: Iterable[int]) -> None:
        begin = datetime.fromisoformat(SINCE)
        for number in numbers:
            self.changed[number] = begin + timedelta(minutes=next(self._minutes))

    def answer(self, request: Request) -> Response:
        asked = variables(request)
        since = datetime.fromisoformat(asked["since"])
        found = sorted(
            (number for number in self.changed if self.changed[number] > since),
            key=lambda number: self.changed[number],
            reverse="updatedAt: DESC" in json.loads(request.body)["query"],
        )
        listed = found[asked["skip"] :][: asked["take"]]
        items = [{**order(self.changed[each].isoformat()), "id": f"{each}"} for each in listed]
        return orders(*items, total=len(found))


@given(st.integers(0, 12), st.lists(st.lists(st.integers(0, 15), max_size=4), max_size=8))
def test_each_order_is_read_as_it_stands_whatever_changes_during_a_sweep(
    begin: int, meanwhile: list[list[int]]
) -> None:
    """Those that change between two pages move, and others with them."""
    shop, read, cursor = Shop(range(begin)), dict[int, datetime](), ""

    def sweep(cursor: str) -> str:
        page = POLL.page(shop.answer(POLL.request(cursor, OPTIONS)), cursor, OPTIONS)
        for message in page.messages:
            told = json.loads(message.body)
            read[int(told["id"])] = datetime.fromisoformat(told["updatedAt"])
        if meanwhile:
            shop.change(meanwhile.pop())
        return sweep(page.cursor) if page.has_more else str(page.cursor)

    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(vendure, "PAGE", 3)
        while meanwhile:
            cursor = sweep(cursor)
        sweep(cursor)
    assert shop.changed == read


def test_what_is_allocated_is_added_to_what_is_to_be_shown() -> None:
    assert {"ids": ["17"], "take": PAGE} == variables(PATH.next([offer(8, 6)], [], OPTIONS))
    step = PATH.next([offer(8, 6)], [levels(10, 4)], OPTIONS)
    level = {"stockLocationId": "1", "stockOnHand": 12}
    assert {"input": [{"id": "17", "stockLevels": [level]}]} == variables(step)
    done = answered({"updateProductVariants": [{"id": "17"}]})
    assert [Accepted()] == PATH.next([offer(8, 6)], [levels(10, 4), done], OPTIONS)


def test_an_offer_that_was_compared_with_something_else_is_stale() -> None:
    assert [Stale(6)] == PATH.next([offer(8, 7)], [levels(10, 4)], OPTIONS)
    (gone,) = PATH.next([offer(8, None, "9")], [levels(10, 4)], OPTIONS)
    assert isinstance(gone, Rejected)


def test_what_is_shown_is_read_of_the_variants_that_are_known() -> None:
    read: Any = PUBLISH.read_back
    request = read.request([("17", "1"), ("17", "2"), ("18", "1")], OPTIONS)
    assert {"ids": ["17", "18"], "take": PAGE} == variables(request)
    (shown,) = read.shown(levels(10, 4), OPTIONS)
    assert ("17", "1", 6) == (shown.item, shown.node, shown.quantity)


def test_a_session_begins_with_the_token_of_the_answer() -> None:
    asked = LOGIN.request(OPTIONS, {"password": "hush"})
    assert {"user": "superadmin", "password": "hush"} == variables(asked)
    response = answered({"login": {"__typename": "CurrentUser"}})
    session = LOGIN.session(Response(200, {"vendure-auth-token": "t"}, response.body))
    assert {"Authorization": "Bearer t"} == session
    wrong = answered({"login": {"__typename": "InvalidCredentialsError"}})
    with pytest.raises(Refused, match="InvalidCredentialsError"):
        LOGIN.session(wrong)


def test_errors_end_a_session_or_are_refused() -> None:
    with pytest.raises(SessionExpired):
        PATH.next([offer(8, 6)], [failed("FORBIDDEN")], OPTIONS)
    for response in (failed("GRAPHQL_VALIDATION_FAILED"), answered(None, status=404)):
        with pytest.raises(Refused):
            PATH.next([offer(8, 6)], [response], OPTIONS)


def test_the_conformance_kit_finds_nothing() -> None:
    sold = order(fulfillmentLines=[shipped(2)])
    assert [] == list(
        findings(ADAPTER, [Sample("order", Message(json.dumps(sold).encode()))], OPTIONS)
    )
