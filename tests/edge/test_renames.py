"""A SKU that gets another name, over a real node: whoever uses the old one is understood."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from holdfast.edge.client import (
    AlreadyExists,
    BlockingClient,
    HoldfastError,
    NotFound,
    StockColumns,
)
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import WAREHOUSE, new_name
from tests.edge.test_ledger import connected, settled

SALE = stock.STOCK_EVENT_KIND_SALE


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that keeps a ledger."""
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        with connected(running) as client:
            client.update_location(WAREHOUSE, allow_missing=True)
        yield running


@pytest.fixture
def client(node: NodeProcess) -> Iterator[BlockingClient]:
    with connected(node) as opened:
        yield opened


def fact(sku: str, quantity: int, kind: Any = "STOCK_EVENT_KIND_RECEIPT") -> stock.StockEvent:
    return stock.StockEvent(
        sku=sku, location=WAREHOUSE, event_id=new_name("event"), kind=kind, quantity=quantity
    )


def a_renamed_sku(client: BlockingClient) -> tuple[str, str, str]:
    """An order holds two of its ten units."""
    old, new, order = new_name("old"), new_name("new"), new_name("order")
    client.record_stock_events("erp", [fact(old, 10)])
    client.reserve(order, [(old, WAREHOUSE, 2)])
    renamed = client.rename_sku(old, new)
    assert (new, [old, new]) == (renamed.sku, list(renamed.names))
    return old, new, order


def test_both_names_are_understood_and_answers_have_the_new_one(client: BlockingClient) -> None:
    old, new, order = a_renamed_sku(client)
    again = client.reserve(order, [(old, WAREHOUSE, 2)])
    assert again.repeated_request
    assert [new] == [line.sku for line in again.lines]
    client.record_stock_events("till", [fact(name, 1, SALE) for name in (old, new)])
    read = client.batch_get_availability([old, new]).availabilities
    assert [(new, 8), (new, 8)] == [(each.sku, each.levels[0].on_hand) for each in read]
    for name in (old, new):
        client.commit(order, [(name, WAREHOUSE, 1)])
    found = client.get_reservation(order).reservation
    assert [(new, 2)] == [(line.sku, line.committed) for line in found.lines]


def test_handles_go_on(client: BlockingClient) -> None:
    """A handle belongs to a level, whatever its SKU is called."""
    old = new_name("old")
    client.record_stock_events("erp", [fact(old, 10)])
    before = client.resolve_stock_levels([(old, WAREHOUSE)]).handles
    new = client.rename_sku(old, new_name("new")).sku
    for name in (old, new):
        assert before == client.resolve_stock_levels([(name, WAREHOUSE)]).handles
    handle = before[0]
    sold = StockColumns("till", [handle], SALE, [1], sequences=[1])
    (answer,) = client.record_stock_events_stream([sold])
    assert [9] == list(answer.columns.on_hand)


def test_an_acknowledged_rename_is_there_after_a_kill(
    node: NodeProcess, client: BlockingClient
) -> None:
    old, new, order = a_renamed_sku(client)
    node.kill()
    node.start()
    with connected(node) as other:
        assert [new] == [each.sku for each in other.get_reservation(order).reservation.lines]
        other.release(order, [(old, WAREHOUSE, 2)])
        assert new == other.get_availability(old).availability.sku


def _another(client: BlockingClient) -> str:
    sku = new_name("sku")
    client.record_stock_events("erp", [fact(sku, 1)])
    return sku


def test_a_name_is_not_given_twice(client: BlockingClient) -> None:
    old, new, _ = a_renamed_sku(client)
    other, gone = _another(client), _another(client)
    client.delete_sku(gone)
    for taken, whose in ((old, f"called '{new}' now"), (new, "called"), (gone, "has ended")):
        with pytest.raises(AlreadyExists, match=whose) as refused:
            client.rename_sku(other, taken)
        assert "SKU_NAME_TAKEN" == refused.value.reason
    with pytest.raises(NotFound):
        client.rename_sku(new_name("nobody"), new_name("new"))
    first = client.rename_sku(old, new_name("newer"), request_id="r")
    again = client.rename_sku(old, first.sku, request_id="r")
    assert (first.sku, True) == (again.sku, again.repeated_request)
    with pytest.raises(AlreadyExists, match="already used"):
        client.delete_sku(old, request_id="r")
    back = client.rename_sku(first.sku, old)
    assert (old, [old, new, first.sku]) == (back.sku, list(back.names))


@pytest.mark.parametrize("round_", range(4))  # the shards of two SKUs are the same or not
def test_a_repeat_on_a_sku_is_known_under_its_names_and_after_a_merge(
    round_: int, client: BlockingClient
) -> None:
    """A retry that ended, or renamed, the SKU that has the name now would lose its stock."""
    old, other = _another(client), _another(client)
    new = client.rename_sku(old, new_name("new"), request_id="rename").sku
    assert 1 == client.delete_sku(new, request_id="delete").on_hand
    client.record_stock_events("erp", [fact(old, 7)])
    for name in (old, new):
        again = client.delete_sku(name, request_id="delete")
        assert (True, 1) == (again.repeated_request, again.on_hand), round_
    client.merge_sku(old, other)
    assert client.rename_sku(old, new, request_id="rename").repeated_request
    assert client.delete_sku(new, request_id="delete").repeated_request
    found = client.get_availability(new).availability
    assert (other, 8) == (found.sku, found.levels[0].on_hand)
    assert not client.delete_sku(other, request_id="delete").repeated_request  # an id of its own


def test_watchers_get_the_new_name_whichever_they_ask_for(
    client: BlockingClient,
) -> None:
    old, new = _another(client), new_name("new")
    with (
        closing(client.watch_availability([old])) as by_old,
        closing(client.watch_availability([new], from_now=True)) as by_new,
    ):
        assert [old] == [each.sku for each in next(by_old).levels]
        assert not next(by_new).levels
        client.rename_sku(old, new)
        for responses in (by_old, by_new):
            (update,) = next(responses).levels
            assert (new, [old], 1) == (update.sku, list(update.other_names), update.level.on_hand)
        client.delete_sku(old)
        (update,) = next(by_new).levels
        assert (new, True) == (update.sku, update.removed)


def test_the_ledger_finds_what_was_before_and_after_by_either_name(client: BlockingClient) -> None:
    old, new, order = a_renamed_sku(client)
    client.record_stock_events("till", [fact(old, 1, SALE)])
    for name in (old, new):
        movements = settled(partial(client.list_movements, name)).movements
        assert [(new, -1), (new, 2), (new, 10)] == [(each.sku, each.quantity) for each in movements]
        why = settled(partial(client.explain_availability, name, WAREHOUSE))
        assert (9, [new, new]) == (why.quantities.on_hand, [each.sku for each in why.events])
        (listed,) = settled(partial(client.list_reservations, name)).reservations
        assert (order, new) == (listed.reservation_id, listed.lines[0].sku)
        with closing(client.watch_reservations(name, from_oldest=True)) as responses:
            assert [new] == [each.sku for each in next(responses).changes]


def test_the_terminal_renames(node: NodeProcess, client: BlockingClient) -> None:
    old, new = _another(client), new_name("new")
    output = flat(ask(node, "skus", "rename", old, new).output)
    assert f"{new} is its name now. It is known as {old}, too." in output
    assert {"sku": old, "names": [old, new]}.items() <= ask_json(
        node, "skus", "rename", new, old
    ).items()
    refused = ask(node, "skus", "rename", old, old)
    assert "another name than sku" in flat(refused.output)


def test_two_skus_are_made_one(node: NodeProcess, client: BlockingClient) -> None:
    """Once nothing of the one is promised; a kill changes nothing."""
    wrong, order = _another(client), new_name("order")
    right = _another(client)
    client.reserve(order, [(wrong, WAREHOUSE, 1)])
    with pytest.raises(HoldfastError, match="held or committed: 1; ship, release") as blocked:
        client.merge_sku(wrong, right)
    assert ("MERGE_BLOCKED", "1") == (blocked.value.reason, blocked.value.metadata["count"])
    (listed,) = settled(partial(client.list_reservations, wrong)).reservations
    assert order == listed.reservation_id
    client.release(order)
    with closing(client.watch_availability([wrong])) as responses:
        assert [wrong] == [each.sku for each in next(responses).levels]
        answer = client.merge_sku(wrong, right, request_id="m")
        assert (right, [right, wrong], 1) == (answer.sku, list(answer.names), answer.on_hand)
        (level,) = next(responses).levels
        assert (right, [wrong], 2) == (level.sku, list(level.other_names), level.level.on_hand)
    node.kill()
    node.start()
    with connected(node) as other:
        assert other.merge_sku(wrong, right, request_id="m").repeated_request
        other.record_stock_events("till", [fact(wrong, 1, SALE)])
        (read,) = other.batch_get_availability([wrong]).availabilities
        assert (right, 1) == (read.sku, read.levels[0].on_hand)
        for name in (wrong, right):
            moved = settled(partial(other.list_movements, name)).movements
            merged = [each for each in moved if each.fact.source == "merge"]
            assert {(wrong, right, -1), (right, wrong, 1)} == {
                (each.sku, each.fact.reference.id, each.quantity) for each in merged
            }
        why = settled(partial(other.explain_availability, wrong, WAREHOUSE))
        assert [1, 1, -1] == [each.quantity for each in why.events]


def test_the_terminal_merges(node: NodeProcess, client: BlockingClient) -> None:
    wrong, right = _another(client), _another(client)
    output = flat(ask(node, "skus", "merge", wrong, right).output)
    assert f"1 on hand went to {right}. It is known as {wrong}, too." in output
    assert "one SKU with sku already" in flat(ask(node, "skus", "merge", wrong, right).output)
    third = _another(client)
    assert third == ask_json(node, "skus", "merge", right, third)["sku"]
