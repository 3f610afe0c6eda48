"""Quantities that Walmart is told to show: SKU by SKU, in feeds, and read back."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import (
    Accepted,
    Deferred,
    Granted,
    Offer,
    Refused,
    Rejected,
    Request,
    Response,
    SessionExpired,
    Throttled,
    Undecodable,
    Wait,
)
from holdfast.adapters.events import Shown
from holdfast.adapters.systems.walmart.inventory import (
    PUT,
    READ_BACK,
    put,
    read_page,
    read_request,
)
from holdfast.adapters.systems.walmart.inventory_feed import FEED, FEED_OFFERS, feed
from holdfast.adapters.systems.walmart.marketplace import granted
from holdfast.adapters.systems.walmart.webhooks import ADAPTER
from holdfast.adapters.twins.faults import Faults
from tests.adapters.systems.walmart.beside_twin import Beside, checker, example, offer

OPTIONS: dict[str, Any] = {"verify": {"scheme": "none"}}
NODE, OTHER = "1000005050", "79897837271126017"


def beside(faults: Faults = Faults()) -> Beside:  # noqa: B008 - a value
    both = Beside(ADAPTER, faults, **OPTIONS)
    both.market.list_item("MUG", NODE, 0)
    both.market.list_item("MUG", OTHER, 0)
    both.market.list_item("PEN/BLUE 1", NODE, 0)
    return both


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, headers or {}, json.dumps(document).encode())


def shown(both: Beside) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = both.twin.books()["shown"]
    return found


# One by one


def test_all_nodes_of_a_sku_are_set_in_one_request_and_show_what_was_offered() -> None:
    both = beside()
    offers = [offer("MUG", NODE, 5), offer("PEN/BLUE 1", NODE, 2), offer("MUG", OTHER, 7)]
    assert both.publish(PUT, offers) == [Accepted()] * 3
    assert shown(both) == {("MUG", NODE): 5, ("MUG", OTHER): 7, ("PEN/BLUE 1", NODE): 2}
    puts = [request for request in both.driven.requests if request.method == "PUT"]
    assert [
        "/v3/inventories/MUG",
        "/v3/inventories/PEN%2FBLUE%201",
    ] == [request.url for request in puts]


def test_a_walk_takes_the_tokens_of_all_that_it_reads_with_the_first() -> None:
    both = beside()
    both.publish(PUT, [offer("MUG", NODE, 5), offer("NO", NODE, 1), offer("MUG", OTHER, 2)])

    reads = [request for request in both.driven.requests if request.operation == "inventory_read"]
    assert [2, 0] == [request.cost for request in reads]


def test_units_that_are_sold_and_not_shipped_do_not_hide_others() -> None:
    both = beside()
    both.publish(PUT, [offer("MUG", NODE, 5)])
    assert both.twin.sell("MUG", NODE, 3)
    both.publish(PUT, [offer("MUG", NODE, 2)])
    assert 2 == shown(both)["MUG", NODE]
    both.publish(PUT, [offer("MUG", NODE, 0)])
    assert 0 == shown(both)["MUG", NODE]


def test_an_order_between_reading_and_writing_is_counted_by_walmart() -> None:
    both = beside()
    both.publish(PUT, [offer("MUG", NODE, 5)])

    def sell(request: Request) -> None:
        if request.method == "PUT":
            both.twin.sell("MUG", NODE, 4)

    both.publish(PUT, [offer("MUG", NODE, 5)], before=sell)
    assert 1 == shown(both)["MUG", NODE]


def test_a_node_that_fails_leaves_the_others() -> None:
    offers = [offer("MUG", "elsewhere", 1), offer("MUG", NODE, 5)]
    [failed, taken] = beside().publish(PUT, offers)
    assert isinstance(failed, Rejected)
    assert ("shipNode", Accepted()) == (failed.field, taken)


def test_a_node_that_walmart_has_no_time_for_is_deferred() -> None:
    both = beside(Faults(partial=1.0))
    assert both.publish(PUT, [offer("MUG", NODE, 5)]) == [Deferred()]


def test_a_sku_that_walmart_does_not_have_is_rejected_and_others_go_on() -> None:
    [unknown, taken] = beside().publish(PUT, [offer("NO", NODE, 1), offer("MUG", NODE, 5)])
    assert unknown == Rejected(
        "status 404: CONTENT_NOT_FOUND.GMP_INVENTORY_API: content_not_found.gmp_inventory_api",
        "sku",
    )
    assert taken == Accepted()


def test_a_node_that_the_answer_does_not_name_is_deferred() -> None:
    read, written = answer({"nodes": []}), answer({"nodes": []})
    assert put([offer("MUG", NODE, 5)], [read, written], None) == [Deferred()]


@pytest.mark.parametrize(
    ("status", "raised"),
    [(401, SessionExpired), (429, Throttled), (503, Throttled), (504, Throttled), (403, Refused)],
)
def test_answers_that_blame_no_offer(status: int, raised: type[Exception]) -> None:
    with pytest.raises(raised):
        put([offer("MUG", NODE, 5)], [answer({}, status)], None)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("", None), ("soon", None), ("²", None), ("9" * 30, None)]
)
def test_a_wait_is_as_long_as_walmart_says(header: str, seconds: float | None) -> None:
    throttled = answer({}, 429, {"retry-after": header})
    with pytest.raises(Throttled) as caught:
        put([offer("MUG", NODE, 5)], [throttled], None)
    assert caught.value.after_s == seconds


@pytest.mark.parametrize("body", [b"", b"[]", b'{"errors": 3}', b'{"error": [3]}'])
def test_a_refusal_without_error_objects_still_has_its_status(body: bytes) -> None:
    with pytest.raises(Refused, match="status 403: no code"):
        put([offer("MUG", NODE, 5)], [Response(403, {}, body)], None)


def test_a_token_that_ends_in_the_middle_is_renewed() -> None:
    both = beside()

    def wait(request: Request) -> None:
        if request.method == "PUT":
            both.at += 900

    assert both.publish(PUT, [offer("MUG", NODE, 5)], before=wait) == [Accepted()]
    assert 5 == shown(both)["MUG", NODE]


# Feeds


def test_a_feed_shows_what_was_offered_once_it_is_done() -> None:
    both = beside()
    offers = [offer("MUG", NODE, 5), offer("MUG", OTHER, 7), offer("PEN/BLUE 1", NODE, 2)]
    assert both.publish(FEED, offers) == [Accepted()] * 3
    assert shown(both) == {("MUG", NODE): 5, ("MUG", OTHER): 7, ("PEN/BLUE 1", NODE): 2}
    assert [request.method for request in both.driven.requests] == ["POST"] + ["GET"] * 3


def test_items_of_a_feed_that_failed_are_found_on_all_pages() -> None:
    both = beside()
    for number in range(120):
        both.market.list_item(f"S{number}", NODE)
    offers = [offer(f"S{number}", NODE if number != 99 else "no", 1) for number in range(120)]
    verdicts = both.publish(FEED, offers)
    assert isinstance(verdicts[99], Rejected)
    assert [*verdicts[:99], *verdicts[100:]] == [Accepted()] * 119


def test_items_that_walmart_failed_at_are_deferred() -> None:
    assert beside(Faults(partial=1.0)).publish(FEED, [offer("MUG", NODE, 5)]) == [Deferred()]


def test_a_feed_that_fails_as_a_whole_blames_no_offer() -> None:
    errors = {"ingestionError": [{"code": "ERR", "description": "no JSON"}]}
    answers = [answer({"feedId": "F"}), answer({"feedStatus": "ERROR", "ingestionErrors": errors})]
    with pytest.raises(Refused, match="feed F: ERR: no JSON"):
        feed([offer("MUG", NODE, 5)], answers, None)


@pytest.mark.parametrize("status", ["RECEIVED", "INPROGRESS"])
def test_a_feed_under_way_is_waited_for(status: str) -> None:
    answers = [answer({"feedId": "F"}), answer({"feedStatus": status})]
    step = feed([offer("MUG", NODE, 5)], answers, None)
    assert isinstance(step, Wait)
    assert (60.0, "GET") == (step.seconds, step.request.method)


def test_a_feed_of_an_unknown_status_is_an_error() -> None:
    answers = [answer({"feedId": "F"}), answer({"feedStatus": "LOST"})]
    with pytest.raises(Undecodable, match="feedStatus is 'LOST'"):
        feed([offer("MUG", NODE, 5)], answers, None)


def test_a_feed_that_tells_fewer_items_than_it_counts_ends() -> None:
    done = {"feedStatus": "PROCESSED", "itemsReceived": 2, "itemsFailed": 1}
    answers = [answer({"feedId": "F"}), answer(done)]
    assert feed([offer("MUG", NODE, 5)], answers, None) == [Deferred()]


def test_the_largest_feed_is_within_what_walmart_takes() -> None:
    offers = [offer(f"{number:050}", OTHER, 999_999_999) for number in range(FEED_OFFERS)]
    request = feed(offers, [], None)
    assert isinstance(request, Request)
    assert len(request.body) < 1_000_000


# Reading back


def test_what_walmart_shows_is_read_page_by_page() -> None:
    both = beside()
    for number in range(120):
        both.market.list_item(f"S{number}", NODE, number)
    both.twin.sell("S7", NODE, 3)
    found: list[Shown] = []
    cursor = ""
    while True:
        response = both.driven.send(read_request(cursor, None))
        page, cursor = READ_BACK.page(response, None)
        found += page
        if not cursor:
            break
    quantities = {(each.item, each.node): each.quantity for each in found}
    assert quantities == shown(both)
    assert 4 == quantities["S7", NODE]
    assert 3 == len(both.driven.requests)


def test_more_reserved_than_there_is_shows_none() -> None:
    node = {"shipNode": NODE, "availToSellQty": {"unit": "EACH", "amount": -2}}
    response = answer({"elements": {"inventories": [{"sku": "MUG", "nodes": [node]}]}})
    [each], cursor = read_page(response, None)
    assert (0, "") == (each.quantity, cursor)


@pytest.mark.parametrize("written", [str, float])
def test_a_part_of_a_unit_is_refused_and_not_cut_off(written: Callable[[str], object]) -> None:
    def told(amount: str) -> Response:
        node = {"shipNode": NODE, "availToSellQty": {"amount": written(amount)}}
        return answer({"elements": {"inventories": [{"sku": "MUG", "nodes": [node]}]}})

    [[each], _] = read_page(told("3.0"), None)
    assert 3 == each.quantity
    with pytest.raises(Undecodable, match=r"availToSellQty\.amount.*a whole number"):
        read_page(told("1.9"), None)


def test_a_page_without_skus_is_the_last_one() -> None:
    assert ([], "") == read_page(answer({"meta": {"nextCursor": "x"}}), None)


# Budgets


def test_what_is_left_of_a_budget_is_read() -> None:
    assert granted(answer({}, 200, {"x-current-token-count": "17"})) == Granted(tokens=17.0)
    for wrong in ("", "-1", "many", "²", "1" * 30):
        assert granted(answer({}, 200, {"x-current-token-count": wrong})) == Granted()


def test_each_request_takes_from_a_budget_that_there_is() -> None:
    both = beside()
    both.publish(PUT, [offer("MUG", NODE, 5)])
    both.publish(FEED, [offer("MUG", NODE, 5)])
    requests = [*both.driven.requests, read_request("", None)]
    assert {request.operation for request in requests} <= ADAPTER.budgets.keys()


# Walmart's models


def test_requests_and_examples_are_as_walmarts_models_say() -> None:
    both = beside()
    both.publish(PUT, [offer("MUG", NODE, 5), offer("MUG", OTHER, 1)])
    both.publish(FEED, [offer("MUG", NODE, 5)])
    [written] = [each for each in both.driven.requests if each.method == "PUT"]
    checker("inventory", "MultiNodeInventoryUpdateRequestDTO")(json.loads(written.body))
    [submitted] = [each for each in both.driven.requests if each.method == "POST"]
    theirs = example(
        "inventory.updateBulkInventory.request.MultiNode_Bulk_Inventory_Update_Request"
    )
    assert _shape(json.loads(submitted.body.split(b"\r\n\r\n")[1].split(b"\r\n")[0])) == _shape(
        theirs
    )


def test_published_examples_are_understood() -> None:
    document = example("inventory.getMultiNodeInventoryForAllSkuAndAllShipNodes.response200")
    found, cursor = read_page(answer(document), None)
    assert [
        ("AI-IGH4-5509", "361451354333223041", 93),
        ("AI-IGH4-5509", "100009", 433),
        ("06397309545443", "100009", 0),
    ] == [(each.item, each.node, each.quantity) for each in found]
    assert cursor
    offers = [offer("S", "1000005050", 1), offer("S", "79897837271126017", 1)]
    read = example("inventory.getMultiNodeInventoryForSkuAndAllShipnodes.response200")
    written = example("inventory.updateMultiNodeInventory.response200")
    assert put(offers, [answer(read), answer(written)], None) == [Accepted()] * 2


def _shape(value: Any) -> Any:
    """A document with one element of each array, and kinds in place of values."""
    match value:
        case dict():
            return {name: _shape(each) for name, each in value.items()}
        case list():
            return [_shape(value[0])]
    return type(value)


# Anything


@settings(max_examples=10)
@given(
    st.lists(
        st.builds(offer, st.sampled_from("abc"), st.sampled_from("123"), st.integers(0, 9)),
        min_size=1,
        max_size=6,
        unique_by=lambda each: (each.item, each.node),
    ),
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("123")), st.integers(1, 3)),
)
def test_each_offer_has_its_verdict_and_is_shown_whatever_is_sold(
    offers: Sequence[Offer], sold: dict[tuple[str, str], int]
) -> None:
    both = Beside(ADAPTER, **OPTIONS)
    for item in "abc":
        for node in "123":
            both.market.list_item(item, node, 9)
    for (item, node), units in sold.items():
        both.twin.sell(item, node, units)
    for path in (FEED, PUT):
        assert both.publish(path, offers) == [Accepted()] * len(offers)
        for each in offers:
            pair = (each.item, each.node)
            hidden = 0 if path is PUT else sold.get(pair, 0)
            assert shown(both)[pair] == max(0, each.quantity - hidden)


def test_an_offer_is_sent_the_same_way_each_time() -> None:
    offers = [offer("MUG", NODE, 5)]
    assert feed(offers, [], None) == feed(offers, [], None)
    assert put(offers, [], None) != put([replace(offers[0], item="PEN")], [], None)
