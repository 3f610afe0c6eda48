"""The adapters of Tryton against a real one, and a real node behind them."""

import itertools
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.harness.erp_user import DATABASE, PASSWORD, USER, Erp, date
from bench.harness.tryton_server import TrytonServer
from holdfast.adapters.contract import Change, Refused
from holdfast.adapters.events import FactKind, StockFact
from holdfast.adapters.runtime.facts import message_of
from holdfast.adapters.runtime.outbox import changes_of
from holdfast.adapters.systems.tryton import moves, stock
from holdfast.edge.client import Client
from holdfast.v1 import stock_service_pb2
from tests.adapters.driven import Driven
from tests.adapters.tryton_here import running_tryton
from tests.edge.node_process import running_node
from tests.edge.raw import CALL_TIMEOUT_S, level_of
from tests.real_time import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SECRETS = {"password": PASSWORD}
OPTIONS = {
    "database": DATABASE,
    "user": USER,
    "since": "2020-01-01T00:00:00Z",
    "part_of": {"IN": "WH", "STO": "WH", "OUT": "WH", "ST42-S": "ST42"},
    "longest_transaction_s": 0,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TrytonServer]:
    """A Tryton of the test's own."""
    with running_tryton(tmp_path / "tryton") as server:
        yield server


@pytest.fixture
def erp(server: TrytonServer) -> Erp:
    """Somebody who works there."""
    return server.user()


@pytest.fixture
def feed(server: TrytonServer) -> Driven:
    """The adapter of moves."""
    return Driven(moves.ADAPTER, server.url, SECRETS, **OPTIONS, customer="SHOPPERS")


@pytest.fixture
def books(server: TrytonServer) -> Driven:
    """The adapter of counts."""
    return Driven(stock.ADAPTER, server.url, SECRETS, **OPTIONS, count=["WH", "ST42", "ST43"])


def fulfilled(
    order: str, location: str, quantity: int, sku: str = "TS-A", number: int = 1
) -> Change:
    """Units that were shipped here."""
    time = datetime(2026, 11, 26, 12, tzinfo=UTC)
    change = f"t/0/17/{order}/{sku}/{location}/FULFILLED/{number}"
    return Change(order, sku, location, quantity, "COMMITTED", "FULFILLED", time, change)


def test_moves_of_all_kinds_are_the_facts_that_they_are(erp: Erp, feed: Driven) -> None:
    erp.receive("TS-A", 10, "STO")
    assert [(FactKind.RECEIPT, "WH", 10)] == new_kinds(feed)
    returned = erp.trade("TS-A", 2, "CUS", "ST43")
    erp.call("stock.move.do", [returned])
    assert [(FactKind.RETURN, "ST43", 2)] == new_kinds(feed)
    found = erp.create(
        "stock.inventory",
        location=erp.find("stock.location", code="STO"),
        company=1,
        empty_quantity="keep",
        lines=[["create", [{"product": erp.find("product.product", code="TS-A"), "quantity": 8}]]],
    )
    erp.call("stock.inventory.confirm", [found])
    assert [(FactKind.ADJUSTMENT, "WH", -2)] == new_kinds(feed)
    erp.call("stock.move.cancel", [returned])
    assert [(FactKind.REVERSAL, "ST43", 2)] == new_kinds(feed)


def test_a_shipment_between_stores_is_a_transfer_or_supply_on_its_way(
    erp: Erp, feed: Driven
) -> None:
    erp.receive("TS-A", 10, "STO")
    new_kinds(feed)
    for target, expected in (
        ("ST43", [(FactKind.TRANSFER_DISPATCH, "WH", 4), (FactKind.RECEIPT, "ST43", 4)]),
        ("OUT", []),
    ):
        shipment = erp.ship_internally("TS-A", 4, "STO", target)
        erp.press("stock.shipment.internal", shipment, "wait", "assign_try", "do")
        assert expected == new_kinds(feed)
    when = {"planned_start_date": date(2026, 11, 26), "planned_date": date(2026, 12, 1)}
    # To the warehouse ST42 it goes over the transit location.
    shipment = erp.ship_internally("TS-A", 1, "STO", "ST42-S", **when)
    erp.press("stock.shipment.internal", shipment, "wait")
    assert [(FactKind.SUPPLY, "ST42", 1)] == new_kinds(feed)
    erp.press("stock.shipment.internal", shipment, "assign_try", "pack", "ship")
    assert [(FactKind.ADJUSTMENT, "WH", -1)] == [
        each for each in new_kinds(feed) if each[0] is not FactKind.SUPPLY
    ]
    erp.press("stock.shipment.internal", shipment, "do")
    assert [(FactKind.RECEIPT, "ST42", 1), (FactKind.SUPPLY, "ST42", 1)] == new_kinds(feed)


def test_a_purchase_is_supply_until_its_receipt_names_it(erp: Erp, feed: Driven) -> None:
    purchase = erp.purchase("TS-A", 10, date(2026, 12, 24))
    (announced,) = feed.facts()
    assert (FactKind.SUPPLY, "TS-A", "WH", 10) == brief(announced)
    assert announced.expected_time == datetime(2026, 12, 24, tzinfo=UTC)
    arrived = erp.receive_purchase(purchase, 4)
    facts = {fact.id: fact for fact in feed.facts() if fact.id != announced.id}
    receipts = [fact for fact in facts.values() if fact.kind is FactKind.RECEIPT]
    assert [("TS-A", "WH", 4)] == [brief(fact)[1:] for fact in receipts]
    assert receipts[0].reference == announced.reference
    supplies = {fact.reference: fact for fact in facts.values() if fact.kind is FactKind.SUPPLY}
    assert [4, 6] == sorted(int(fact.quantity) for fact in supplies.values())
    erp.call("stock.shipment.in.cancel", [arrived])
    rest = [brief(fact) for fact in feed.facts() if fact.id not in facts]
    assert (FactKind.REVERSAL, "TS-A", "WH", 4) in rest
    assert (FactKind.SUPPLY, "TS-A", "WH", 0) in rest


def new_kinds(feed: Driven) -> list[tuple[FactKind, str, int]]:
    """Kind, location and quantity of new facts."""
    return [(fact.kind, fact.location, int(fact.quantity)) for fact in feed.new_facts()]


def brief(fact: StockFact) -> tuple[FactKind, str, str, int]:
    """What a fact comes to."""
    return fact.kind, fact.sku, fact.location, int(fact.quantity)


def test_a_fulfilment_goes_out_as_a_done_shipment_and_comes_back_as_its_goods_issue(
    erp: Erp, feed: Driven
) -> None:
    erp.receive("TS-A", 10, "STO")
    erp.receive("TS-A", 10, "ST42-S")
    erp.receive("TS-A", 10, "ST43")
    feed.facts()
    for order, location in (("R-1", "WH"), ("R-2", "ST42"), ("R-3", "ST43")):
        assert "shipment" in feed.tell(fulfilled(order, location, 3)).note
    assert (7, 7, 7) == (
        erp.quantity("TS-A", "STO", "OUT"),
        erp.quantity("TS-A", "ST42-S"),
        erp.quantity("TS-A", "ST43"),
    )
    issued = [fact for fact in feed.facts() if fact.kind is FactKind.GOODS_ISSUE]
    assert {("R-1", "WH", 3), ("R-2", "ST42", 3), ("R-3", "ST43", 3)} == {
        (fact.reference.id, fact.location, int(fact.quantity)) for fact in issued if fact.reference
    }


def test_a_crash_after_each_request_ships_nothing_twice(erp: Erp, feed: Driven) -> None:
    erp.receive("TS-A", 100, "STO")
    change = fulfilled("R-0", "WH", 3)
    feed.requests.clear()
    feed.tell(change)
    requests = len(feed.requests)
    assert requests >= 10
    for lost in range(1, requests):
        feed.tell(fulfilled(f"R-{lost}", "WH", 3), lost.__eq__)
    assert 100 - 3 * requests == erp.quantity("TS-A", "STO", "OUT")
    feed.tell(change)
    assert 100 - 3 * requests == erp.quantity("TS-A", "STO", "OUT")
    assert 0 == erp.call("stock.move.search_count", [["state", "in", ["draft", "assigned"]]])


def test_requests_that_arrive_twice_ship_once(erp: Erp, feed: Driven) -> None:
    erp.receive("TS-A", 10, "STO")
    feed.tell(fulfilled("R-1", "WH", 3), times=2)
    assert 7 == erp.quantity("TS-A", "STO", "OUT")
    assert 0 == erp.call("stock.move.search_count", [["state", "in", ["draft", "assigned"]]])


def test_too_little_in_the_books_is_refused_and_goes_on_when_it_is_there(
    erp: Erp, feed: Driven
) -> None:
    erp.receive("TS-A", 2, "STO")
    change = fulfilled("R-1", "WH", 3)
    with pytest.raises(Refused, match="less than 3 of TS-A at WH") as refused:
        feed.tell(change)
    assert "quantity" == refused.value.field
    erp.receive("TS-A", 2, "STO")
    feed.tell(change)
    assert 1 == erp.quantity("TS-A", "STO", "OUT")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("sku", fulfilled("R-1", "WH", 3, sku="NONE")),
        ("location", fulfilled("R-1", "NOWHERE", 3)),
    ],
)
def test_names_that_tryton_lacks_are_refused_by_their_field(
    feed: Driven, field: str, change: Change
) -> None:
    with pytest.raises(Refused) as refused:
        feed.tell(change)
    assert field == refused.value.field


def test_what_was_not_shipped_after_all_cancels_its_shipment(erp: Erp, feed: Driven) -> None:
    erp.receive("TS-A", 10, "STO")
    feed.tell(fulfilled("R-1", "WH", 3))
    feed.tell(fulfilled("R-1", "WH", 3, number=2))
    issued = {fact.id: fact for fact in feed.facts() if fact.kind is FactKind.GOODS_ISSUE}
    assert 2 == len(issued)
    back = replace(fulfilled("R-1", "WH", 3), from_state="FULFILLED", state="COMMITTED", id="back")
    for lost in range(1, 5):
        feed.tell(back, lost.__eq__)
    assert 7 == erp.quantity("TS-A", "STO", "OUT")
    (undone,) = [fact for fact in feed.facts() if fact.kind is FactKind.REVERSAL]
    assert undone.reverses is not None
    was = issued[undone.reverses.event_id]
    assert (was.reference, was.quantity, was.location) == (
        undone.reference,
        undone.quantity,
        undone.location,
    )


async def test_the_erp_posts_late_and_counts_before_between_and_after_in_all_24_orders(
    tmp_path: Path, erp: Erp, feed: Driven, books: Driven
) -> None:
    """10 units arrive, 3 are shipped here. Tryton counts before that, between that and its own
    posting, and after it. Whatever order the three counts and the posting come in, 7 are on hand.
    """
    skus = [f"TS-{number:02}" for number in range(24)]
    erp.add_products(*(sku[2:] for sku in skus))
    erp.receive_all(10, "STO", *skus)
    with running_node(tmp_path / "node", ledger="on") as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            for place in ("WH", "ST42", "ST43"):
                await client.update_location(place, allow_missing=True)
            await record(client, feed.facts())
            before = counts_of(books, skus, since=None)
            changes = await fulfil(client, skus)
            between = counts_of(books, skus, since=changes[-1].time)
            for change in changes:
                feed.tell(change)
            posted = {fact.sku: fact for fact in feed.facts() if fact.kind is FactKind.GOODS_ISSUE}
            after = counts_of(
                books, skus, since=max(fact.time for fact in posted.values() if fact.time)
            )
            assert {10} == {int(each[sku].quantity) for each in (before, between) for sku in skus}
            assert {7} == {int(fact.quantity) for fact in after.values()}
            orders = itertools.permutations([before, between, posted, after])
            for sku, arrivals in zip(skus, orders, strict=True):
                for arrival in arrivals:
                    await record(client, [arrival[sku]])
                level = await level_of(client, sku, "WH")
                assert (sku, 7, 7) == (sku, level.on_hand, level.available)
                assert 7 == erp.quantity(sku, "STO", "OUT")


async def record(client: Client, facts: list[StockFact]) -> None:
    """Record facts one by one, as the runtime sends them."""
    for fact in facts:
        answer = await client.record_stock_events(fact.source, [message_of(fact)])
        outcome = stock_service_pb2.StockEventOutcome.Name(answer.results[0].outcome)
        assert outcome.removeprefix("STOCK_EVENT_OUTCOME_") in ("APPLIED", "COUNT_OUTDATED"), fact


async def fulfil(client: Client, skus: list[str]) -> list[Change]:
    """Ship 3 of each SKU here; what the node tells of it."""
    changes: list[Change] = []
    async with aclosing(client.watch_reservations()) as responses:
        await anext(responses)
        for sku in skus:
            await client.reserve(f"R/{sku}", [(sku, "WH", 3)])
            await client.commit(f"R/{sku}")
            await client.fulfill(f"R/{sku}")
        while len(changes) < len(skus):
            received = changes_of(await anext(responses))
            changes += [each for each in received if each.state == "FULFILLED"]
    return changes


def counts_of(books: Driven, skus: list[str], since: datetime | None) -> dict[str, StockFact]:
    """Counts of the warehouse that are of instants after a time."""
    counts: dict[str, StockFact] = {}

    def has_all() -> bool:
        for fact in books.facts():
            if fact.location == "WH" and fact.sku in skus and is_later(fact, since):
                counts.setdefault(fact.sku, fact)
        return len(counts) == len(skus)

    wait_until(has_all, "products that move are counted when they are at rest")
    return counts


def is_later(fact: StockFact, time: datetime | None) -> bool:
    """Whether a fact is of after a time."""
    assert fact.time is not None
    return time is None or fact.time > time
