"""The ledger of a real node: asked over the wire, switched off, and killed."""

import random
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from holdfast.edge.client import (
    BlockingClient,
    HoldfastError,
    InvalidArgument,
    NotFound,
    StockColumns,
    Unavailable,
)
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1.common_pb2 import Revision
from holdfast.v1.stock_service_pb2 import STOCK_EVENT_KIND_SALE, Reference, StockEvent
from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S
from tests.real_time import wait_until

Answer = TypeVar("Answer")

SKU, PLACE = "MUG", "STORE-9"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that has lived a little, and keeps a ledger."""
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        with connected(running) as client:
            live(client)
        yield running


@pytest.fixture
def client(node: NodeProcess) -> Iterator[BlockingClient]:
    with connected(node) as opened:
        yield opened


def connected(node: NodeProcess) -> BlockingClient:
    return BlockingClient(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True)


def live(client: BlockingClient) -> None:
    client.create_location(PLACE)
    delivery = Reference(kind="delivery", id="D-1", line="10")
    client.record_stock_events("erp", [event("RECEIPT", 10, "e1", reference=delivery, actor="ann")])
    client.reserve(
        "order-1", [(SKU, PLACE, 2)], hold=3600, owner="ann", correlation_id="Bestellung Ä"
    )
    client.reserve("order-2", [(SKU, PLACE, 1)], hold=3600)
    client.commit("order-2")
    client.record_stock_events("till", [event("SALE", 1, "t1")])


def event(kind: str, quantity: int, event_id: str, **more: Any) -> StockEvent:
    return StockEvent(
        event_id=event_id,
        sku=SKU,
        location=PLACE,
        kind=f"STOCK_EVENT_KIND_{kind}",
        quantity=quantity,
        **more,
    )


def settled(ask: Callable[[], Answer]) -> Answer:
    """The answer once the ledger holds all that was durable."""
    answers: list[Any] = []

    def is_covered() -> bool:
        try:
            answers.append(ask())
        except Unavailable:
            return False
        return bool(answers[-1].coverage.position >= answers[-1].coverage.durable_position)

    wait_until(is_covered, "the ledger does not catch up", CALL_TIMEOUT_S)
    found: Answer = answers[-1]
    return found


def test_movements_are_listed_newest_first(client: BlockingClient) -> None:
    page = settled(lambda: client.list_movements(SKU))
    kinds = [ledger.MovementKind.Name(each.kind) for each in page.movements]
    assert [
        f"MOVEMENT_KIND_{kind}" for kind in ("SALE", "COMMIT", "RESERVE", "RESERVE", "RECEIPT")
    ] == kinds
    sale, commit, *_, receipt = page.movements
    assert (-1, 10, 9) == (sale.quantity, sale.before.on_hand, sale.after.on_hand)
    assert ("order-2", 3, 2) == (
        *(commit.reservation_id, commit.before.reserved, commit.after.reserved),
    )
    assert ["", "", "", "Bestellung %C3%84", ""] == [each.correlation_id for each in page.movements]
    assert ("erp", "D-1", "ann") == (
        *(receipt.fact.source, receipt.fact.reference.id, receipt.actor),
    )


def test_a_movement_is_found_by_the_correlation_id_of_its_event(tmp_path: Path) -> None:
    """Also what it does to a reservation and to a transfer, and of events in columns."""

    def numbered(kind: str, units: int, number: int, **more: Any) -> StockEvent:
        more |= {"kind": f"STOCK_EVENT_KIND_{kind}", "quantity": units, "sequence": number}
        return StockEvent(sku="CORRELATED", location="QUAY", **more)

    with running_node(tmp_path, ledger="on") as node, connected(node) as client:
        client.create_location("QUAY")
        order = Reference(kind="reservation", id="order-c")
        move = Reference(kind="transfer", id="T-1")

        client.record_stock_events(
            "wms", [numbered("RECEIPT", 9, 1, correlation_id="quay 1"), numbered("SALE", 1, 2)]
        )
        client.reserve("order-c", [("CORRELATED", "QUAY", 2)], hold=60)
        client.commit("order-c")
        client.record_stock_events(
            "wms",
            [
                numbered("GOODS_ISSUE", 2, 3, reference=order, correlation_id="ship 7"),
                numbered("RECEIPT", 1, 4, reference=move, correlation_id="quay 2"),
            ],
            correlation_id="the call",
        )
        (handle,) = client.resolve_stock_levels([("CORRELATED", "QUAY")]).handles
        sales = StockColumns(
            *("wms", [handle] * 2, STOCK_EVENT_KIND_SALE, [1, 1]),
            sequences=[5, 6],
            correlation_id="till 9",
        )
        list(client.record_stock_events_stream([sales]))
        for correlation, kinds in (
            ("quay 1", ["RECEIPT"]),
            ("ship 7", ["FULFILL", "GOODS_ISSUE"]),
            ("quay 2", ["INCOMING", "RECEIPT"]),
            ("till 9", ["SALE", "SALE"]),
            ("the call", []),
        ):
            found = settled(partial(client.list_movements, by_correlation_id=correlation)).movements
            names = [ledger.MovementKind.Name(each.kind) for each in found]
            assert kinds == sorted(name.removeprefix("MOVEMENT_KIND_") for name in names)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"sku": SKU, "location": PLACE}, 5),
        ({"location": PLACE}, 5),
        ({"reservation_id": "order-2"}, 2),
        ({"source": "erp"}, 1),
        ({"reference_id": "D-1"}, 1),
        ({"reference_id": "D-2"}, 0),
        ({"by_correlation_id": "Bestellung Ä"}, 1),
        ({"by_correlation_id": "Bestellung Ä", "source": "erp"}, 0),
        ({"sku": SKU, "source": "till"}, 1),
        ({"sku": SKU, "from_time": datetime(2020, 1, 1, tzinfo=UTC)}, 5),
        ({"until_time": datetime(2020, 1, 1, tzinfo=UTC)}, 0),
    ],
)
def test_each_filter_counts(client: BlockingClient, wanted: dict[str, Any], count: int) -> None:
    assert count == len(settled(lambda: client.list_movements(**wanted)).movements)


def test_pages_lead_to_all(client: BlockingClient) -> None:
    numbers, token = [], ""
    settled(client.list_movements)
    while True:
        page = client.list_movements(SKU, page_size=2, page_token=token)
        numbers += [each.number for each in page.movements]
        token = page.next_page_token
        if not token:
            break
    assert [4, 3, 2, 1, 0] == numbers


def test_why_it_is_six_and_was_seven(client: BlockingClient) -> None:
    explained = settled(lambda: client.explain_availability(SKU, PLACE))
    assert 6 == explained.available
    assert [10, -1] == [each.quantity for each in explained.events]
    assert [("order-1", 2)] == [(each.reservation_id, each.quantity) for each in explained.holds]
    assert [("order-2", 1)] == [
        (each.reservation_id, each.quantity) for each in explained.commitments
    ]
    # Before the sale it was 7.
    before = explained.events[-1].revision
    before.sequence -= 1
    assert 7 == client.explain_availability(SKU, PLACE, before).available
    # A datetime has microseconds, and cuts the nanoseconds off.
    first = explained.events[0].record_time.ToDatetime(tzinfo=UTC) + timedelta(microseconds=1)
    assert 10 == client.explain_availability(SKU, PLACE, first).available


def test_units_under_statuses_are_named(node: NodeProcess, client: BlockingClient) -> None:
    client.create_location("SORTING")
    for event_id, kind, units, leaves, enters in (
        ("s1", "RECEIPT", 5, "", ""),
        ("s2", "STATUS_CHANGE", 3, "", "damaged"),
        ("s3", "STATUS_CHANGE", 1, "damaged", "to [b]inspect"),
    ):
        moved = event(kind, units, event_id, from_status=leaves, to_status=enters)
        moved.sku, moved.location = "SORTED", "SORTING"
        client.record_stock_events("sorter", [moved])
    why = settled(lambda: client.explain_availability("SORTED", "SORTING"))
    assert [("damaged", 2), ("to [b]inspect", 1)] == [
        (each.status, each.quantity) for each in why.unavailable
    ]
    assert why.unavailable == client.get_availability("SORTED").availability.levels[0].unavailable
    expected = [
        *(("RECEIPT", "", 5), ("STATUS_CHANGE", "", 0), ("UNAVAILABLE", "damaged", 3)),
        ("STATUS_CHANGE", "", 0),
        *(("UNAVAILABLE", "damaged", -1), ("UNAVAILABLE", "to [b]inspect", 1)),
    ]
    listed = client.list_movements("SORTED", source="sorter").movements
    for movements in (why.events, reversed(listed)):
        named = [(*name_of(each), each.quantity) for each in movements]
        assert expected == named
    before = client.explain_availability("SORTED", "SORTING", why.events[2].revision)
    assert [("damaged", 3)] == [(each.status, each.quantity) for each in before.unavailable]
    shown = flat(ask(node, "explain", "SORTED", "SORTING").stdout)
    sums = "5 on hand - 3 withheld (2 damaged, 1 to [b]inspect) - 0 reserved"
    assert f"SORTED at SORTING: {sums} - 0 committed = 2 available" in shown
    assert "unavailable (damaged)" in shown
    assert "[b]inspect)" in flat(ask(node, "ledger", "--sku", "SORTED").stdout)
    assert "to [b]inspect" == ask_json(node, "ledger", "--sku", "SORTED", "--limit", "1")["status"]


def name_of(movement: ledger.Movement) -> tuple[str, str]:
    name = ledger.MovementKind.Name(movement.kind)
    return name.removeprefix("MOVEMENT_KIND_"), movement.status


def test_before_a_merge_a_name_is_that_of_its_own_past(client: BlockingClient) -> None:
    client.create_location("SHELF")
    for sku, units in (("MERGED", 4), ("KEPT", 60)):
        receipt = event("RECEIPT", units, sku)
        receipt.sku, receipt.location = sku, "SHELF"
        client.record_stock_events("shelf", [receipt])
    before = client.get_availability("MERGED").availability.revision
    client.merge_sku("MERGED", "KEPT")
    now = settled(lambda: client.explain_availability("MERGED", "SHELF"))
    was = client.explain_availability("MERGED", "SHELF", before)
    assert (64, 4) == (now.available, was.available)
    assert [4] == [each.quantity for each in was.events]
    assert ["MERGED"] == [each.sku for each in was.events]
    shortly_before = was.record_time.ToDatetime(tzinfo=UTC) + timedelta(microseconds=1)
    assert 4 == client.explain_availability("MERGED", "SHELF", shortly_before).available


def test_it_agrees_with_what_the_node_promises(client: BlockingClient) -> None:
    explained = settled(lambda: client.explain_availability(SKU, PLACE))
    assert client.get_availability(SKU).availability.network_available == explained.available


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, ["order-1", "order-2"]),
        ({"sku": SKU, "location": PLACE}, ["order-1", "order-2"]),
        ({"sku": "CUP"}, []),
        ({"state": "RESERVATION_STATE_HELD"}, ["order-1"]),
        ({"state": "RESERVATION_STATE_COMMITTED", "sku": SKU}, ["order-2"]),
        ({"create_time_before": datetime(2020, 1, 1, tzinfo=UTC)}, []),
        ({"owner": "ann"}, ["order-1"]),
        ({"owner": "an"}, []),
    ],
)
def test_reservations_are_listed(
    client: BlockingClient, wanted: dict[str, Any], ids: list[str]
) -> None:
    page = settled(lambda: client.list_reservations(**wanted))
    assert ids == [each.reservation_id for each in page.reservations]
    for each in page.reservations:
        assert client.get_reservation(each.reservation_id).reservation == each


def test_bad_questions_are_refused(client: BlockingClient) -> None:
    settled(client.list_movements)
    for wrong in ({"page_size": -1}, {"page_size": 1_001}, {"sku": " "}, {"page_token": "!"}):
        with pytest.raises(InvalidArgument, match=next(iter(wrong))):
            client.list_movements(**wrong)
    with pytest.raises(NotFound, match="no stock level"):
        client.explain_availability("CUP", PLACE)
    with pytest.raises(NotFound, match="no stock level"):
        client.explain_availability(SKU, PLACE, datetime(2020, 1, 1, tzinfo=UTC))


def test_what_is_to_come_is_not_explained(client: BlockingClient) -> None:
    """By a time or a revision that has not been; movements from then on are a slip too."""
    ahead = datetime(2200, 1, 1, tzinfo=UTC)
    revision = settled(lambda: client.explain_availability(SKU, PLACE)).revision
    later = Revision(
        shard=revision.shard, sequence=revision.sequence + 1_000, timeline=revision.timeline
    )
    for name, expected, ask_of in (
        ("time", "by the node's clock", partial(client.explain_availability, SKU, PLACE, ahead)),
        ("revision.sequence", "up to", partial(client.explain_availability, SKU, PLACE, later)),
        ("from_time", "by the node's clock", partial(client.list_movements, SKU, from_time=ahead)),
    ):
        with pytest.raises(InvalidArgument, match=f"{name} is .*{expected}") as caught:
            ask_of()
        assert name == caught.value.metadata["field"]
    assert settled(lambda: client.list_movements(SKU, until_time=ahead)).movements


def test_a_revision_that_says_nothing_here_is_refused(client: BlockingClient) -> None:
    last = client.explain_availability(SKU, PLACE).revision
    for timeline in (0, 1, last.timeline + 1):
        at = Revision(shard=last.shard, sequence=1, timeline=timeline)
        with pytest.raises(HoldfastError, match="revision is of timeline") as refused:
            client.explain_availability(SKU, PLACE, at)
        assert "OTHER_TIMELINE" == refused.value.reason
    for ahead in (1_000, 2**64 - 1 - last.sequence):
        at = Revision(shard=last.shard, sequence=last.sequence + ahead, timeline=last.timeline)
        with pytest.raises(InvalidArgument, match=r"revision\.sequence"):
            client.explain_availability(SKU, PLACE, at)
    for shard in (99, 2**32 - 1):
        at = Revision(shard=shard, sequence=1, timeline=last.timeline)
        with pytest.raises(InvalidArgument, match=r"revision\.shard"):
            client.explain_availability(SKU, PLACE, at)


def test_a_token_leads_on_in_its_own_list(tmp_path: Path) -> None:
    """In another list, or with other fields, it would skip what nobody has seen."""
    kind = "STOCK_EVENT_KIND_RECEIPT"
    with running_node(tmp_path, ledger="on") as running, connected(running) as client:
        live(client)
        for number in ("1", "2"):
            client.create_location(f"PLACE-{number}")
            reverses = {"event_id": number, "kind": kind}
            pending = event("REVERSAL", 1, f"no {number}", reverses=reverses)
            client.record_stock_events(f"source {number}", [pending])
        lists: dict[str, Callable[..., Any]] = {
            "locations": client.list_locations,
            "movements": client.list_movements,
            "reservations": client.list_reservations,
            "sources": client.list_sources,
            "reversals": client.list_pending_reversals,
        }
        settled(client.list_movements)
        tokens = {name: ask(page_size=1).next_page_token for name, ask in lists.items()}
        assert all(tokens.values()), tokens
        for (name, token), (other, ask) in product(tokens.items(), lists.items()):
            if name == other:
                ask(page_size=2, page_token=token)
                continue
            with pytest.raises(InvalidArgument, match="page_token"):
                ask(page_token=token)
        for name in ("movements", "reservations"):
            with pytest.raises(InvalidArgument, match="page_token"):
                lists[name](SKU, page_token=tokens[name])


def test_people_are_shown_tables(node: NodeProcess, client: BlockingClient) -> None:
    settled(client.list_movements)
    listed = ask(node, "ledger", "--sku", SKU, "--limit", "2")
    assert 0 == listed.exit_code
    for word in ("sale", "till t", "commit", "order-2", "There are more"):
        assert word.split()[0] in listed.stdout
    assert "receipt" not in listed.stdout
    explained = flat(ask(node, "explain", SKU, PLACE).stdout)
    sums = "9 on hand - 0 withheld - 2 reserved - 1 committed = 6 available"
    assert f"{SKU} at {PLACE}: {sums}" in explained
    assert "order-1" in explained
    answer = ask_json(node, "explain", SKU, PLACE)
    assert 6 == answer["available"]
    by_call = ask(node, "ledger", "--correlation", "Bestellung Ä")
    assert "order-1" in by_call.stdout
    assert "order-2" not in by_call.stdout
    assert "Bestellung" in by_call.stdout
    first = ask_json(node, "ledger", "--reference", "D-1")
    assert ("delivery", "D-1", "10") == tuple(first["fact"]["reference"].values())


def test_times_on_the_command_line_are_judged(node: NodeProcess) -> None:
    wrong = ask(node, "explain", SKU, PLACE, "--at", "noon")
    assert 2 == wrong.exit_code
    assert "a time like 2026-11-27" in flat(wrong.output)
    early = ask(node, "explain", SKU, PLACE, "--at", "2020-01-01")
    assert 1 == early.exit_code
    assert "had no stock level" in flat(early.output)


def test_facts_of_columns_are_found_by_their_document(client: BlockingClient) -> None:
    """With time and line, each its own; of a source and at a place of this test."""
    client.create_location("TILLS")
    stocked = StockEvent(
        event_id="c0", sku="COLUMNS", location="TILLS", kind="STOCK_EVENT_KIND_RECEIPT", quantity=9
    )
    client.record_stock_events("tills", [stocked])
    (handle,) = client.resolve_stock_levels([("COLUMNS", "TILLS")]).handles
    sold = StockColumns(
        *("tills", [handle] * 3, STOCK_EVENT_KIND_SALE, [1, 2, 3]),
        sequences=[1, 2, 3],
        occur_nanoseconds=[0, 1_795_780_800_000_000_007, 5],
        reference_kind="receipt",
        reference_ids=["R-1", "R-2", ""],
        reference_lines=["", "7", ""],
    )
    list(client.record_stock_events_stream([sold]))
    page = settled(lambda: client.list_movements(reference_id="R-2"))
    (movement,) = page.movements
    reference = movement.fact.reference
    assert ("receipt", "R-2", "7") == (reference.kind, reference.id, reference.line)
    assert 1_795_780_800_000_000_007 == movement.fact.occur_time.ToNanoseconds()
    last, _, first, _ = client.list_movements("COLUMNS").movements
    assert (5, "") == (last.fact.occur_time.ToNanoseconds(), last.fact.reference.id)
    assert not first.fact.HasField("occur_time")


def test_a_ledger_that_is_off_says_so(tmp_path: Path) -> None:
    with running_node(tmp_path, ledger="off") as node, connected(node) as client:
        assert [] == readers(node)
        for ask in (client.list_movements, lambda: client.explain_availability(SKU, PLACE)):
            with pytest.raises(HoldfastError) as caught:
                ask()
            assert "LEDGER_OFF" == caught.value.reason
        assert not (node.data_dir / "ledger").exists()


def readers(node: NodeProcess) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(node.pid).children()
        if "holdfast.edge.server.ledger_process" in child.cmdline()
    ]


@pytest.mark.slow
def test_after_every_kill_the_ledger_is_right(tmp_path: Path) -> None:
    """The reader is killed, or the node with it, at moments that a seed draws."""
    rng = random.Random(9)
    on_hand = 0
    with running_node(tmp_path, ledger="on") as node:
        with connected(node) as client:
            client.create_location(PLACE)
        for life in range(8):
            with connected(node) as client:
                for number in range(rng.randrange(1, 60)):
                    client.record_stock_events("erp", [event("RECEIPT", 1, f"{life}-{number}")])
                    on_hand += 1
                    if number == 20 and rng.random() < 0.5:
                        for reader in readers(node):
                            reader.send_signal(signal.SIGKILL)
            if life % 2:
                node.kill()
                node.start()
        # A reader that was killed is started again after 10 seconds; a new node has one at once.
        node.restart()
        with connected(node) as client:
            explained = settled(lambda: client.explain_availability(SKU, PLACE))
            assert on_hand == explained.quantities.on_hand == explained.available
            assert on_hand == explained.earlier.count + len(explained.events)
        assert [] == [event for event in node.events("ledger") if "made again" in event["note"]]
