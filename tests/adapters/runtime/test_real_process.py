"""Adapters as a process beside a real node: what is answered counts once, whatever dies."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.adapters.events import FactKind, Numbered, OrderEvent, OrderKind, StockFact
from holdfast.adapters.runtime.facts import Dead, Settled, message_of
from holdfast.adapters.runtime.store import Store
from holdfast.adapters.runtime.till_gaps import note_numbers
from holdfast.edge.client import BlockingClient, Client
from tests.adapters.adapters_process import SHOP, AdaptersProcess, signed
from tests.adapters.core_client import orders_in_memory
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import wait_until


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("STORE-1")
        yield running


@pytest.fixture(scope="module")
def adapters(
    node: NodeProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AdaptersProcess]:
    folder = tmp_path_factory.mktemp("adapters")
    with AdaptersProcess(folder, node.target, SHOP) as running:
        yield running
        assert 0 == running.stop()


def on_hand(node: NodeProcess, sku: str) -> int:
    with BlockingClient(**node.targets) as client:
        [level] = client.get_availability(sku).availability.levels
        return level.on_hand


def post(adapters: AdaptersProcess, **document: object) -> httpx.Response:
    body = json.dumps(document).encode()
    return httpx.post(adapters.url("/in/shop"), content=body, headers=signed(body), timeout=10)


def fact(number: str, sku: str, quantity: int, kind: str = "receipt") -> dict[str, object]:
    return {
        "id": number, "type": kind, "item": sku, "store": "STORE-1", "pieces": quantity
    }  # fmt: skip


def letters(adapters: AdaptersProcess) -> list[dict[str, Any]]:
    listed = adapters.command("dead-letters", "--json").stdout.splitlines()
    return [json.loads(line) for line in listed]


def cases(adapters: AdaptersProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in adapters.command("cases", "--json").stdout.splitlines()]


def test_a_message_counts_once_however_often_it_is_sent(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    outcomes = [post(adapters, **fact("m1", "MUG", 5)).json()["outcome"] for _ in range(3)]
    other = post(adapters, **fact("m1", "MUG", 6))
    adapters.wait_idle()

    assert ["stored", "duplicate", "duplicate"] == outcomes
    assert "reused" == other.json()["outcome"]
    assert 5 == on_hand(node, "MUG")


def test_what_cannot_be_understood_holds_nothing_up(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    post(adapters, **fact("p1", "TEA", 1))
    post(adapters, **fact("p2", "TEA", 1) | {"pieces": "one"})
    post(adapters, id="p3", type="crash")
    post(adapters, **fact("p4", "TEA", 1) | {"store": "NOWHERE"})
    post(adapters, **fact("p5", "TEA", 1))
    adapters.wait_idle()

    found = {each["key"]: each for each in letters(adapters) if each["key"][0] == "p"}

    assert 2 == on_hand(node, "TEA")
    assert {"p2", "p3", "p4"} == set(found)
    assert ("pieces", "'one'") == (found["p2"]["field"], found["p2"]["value"])
    assert ("UNDECODABLE", "type") == (found["p3"]["reason"], found["p3"]["field"])
    assert ("UNKNOWN_LOCATION", "NOWHERE") == (found["p4"]["reason"], found["p4"]["value"])


def test_a_dead_letter_is_mended_and_replayed(
    adapters: AdaptersProcess, node: NodeProcess, tmp_path: Path
) -> None:
    post(adapters, **fact("r1", "JAR", 4) | {"pieces": "four"})
    adapters.wait_idle()
    [letter] = [each for each in letters(adapters) if each["key"] == "r1"]
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(fact("r1", "JAR", 4)))

    number = str(letter["number"])
    assert 0 == adapters.command("edit", number, str(mended)).returncode
    assert 0 == adapters.command("replay", number).returncode
    adapters.wait_idle()

    assert 4 == on_hand(node, "JAR")
    assert [] == [each for each in letters(adapters) if each["key"] == "r1"]


def test_orders_are_placed_shipped_and_cancelled(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    lines = [{"item": "HAT", "pieces": 2}]
    post(adapters, **fact("o0", "HAT", 10))
    adapters.wait_idle()
    for order in ("one", "two"):
        post(adapters, id=f"o-{order}", type="order", order=f"hat-{order}", lines=lines)
    post(adapters, id="o-ship", type="shipped", order="hat-one")
    post(adapters, id="o-cancel", type="cancelled", order="hat-two")
    adapters.wait_idle()

    with BlockingClient(**node.targets) as client:
        [level] = client.get_availability("HAT").availability.levels
    assert (8, 0, 0) == (level.on_hand, level.committed, level.reserved)
    assert [] == [each for each in letters(adapters) if each["key"][0] == "o"]


WAX = StockFact(
    source="wax", id="1", kind=FactKind.RECEIPT, sku="WAX", location="STORE-1", quantity=Decimal(10)
)


def money(kind: OrderKind, order: str, **more: Any) -> OrderEvent:
    number = f"{order}-{kind}"
    return OrderEvent(source="bank", id=number, kind=kind, order=order, **more)


async def test_the_money_of_an_order_moves_what_has_not_left(node: NodeProcess) -> None:
    async with Client(**node.targets) as client:
        orders = orders_in_memory(client)
        await client.record_stock_events("wax", [message_of(WAX)])
        for order in ("held", "sold", "left", "freed"):
            await client.reserve(order, [("WAX", "STORE-1", 1)])
        for order in ("sold", "left"):
            await client.commit(order)
        await client.fulfill("left")
        await client.release("freed")

        async def of(kind: OrderKind) -> list[str]:
            names = ("held", "sold", "left", "freed")
            found = [await orders.apply(money(kind, each)) for each in names]
            return [each.outcome if isinstance(each, Settled) else each.reason for each in found]

        paid = await of(OrderKind.SETTLED)
        refunded = await of(OrderKind.REFUNDED)
        again = await of(OrderKind.REFUNDED)
        unknown = await orders.apply(money(OrderKind.SETTLED, "nobody's"))
        [level] = (await client.get_availability("WAX")).availability.levels

    assert ["APPLIED", "ALREADY_PLACED", "ALREADY_PLACED", "RESERVATION_ENDED"] == paid
    assert ["APPLIED", "APPLIED", "ALREADY_SHIPPED", "ALREADY_ENDED"] == refunded == again
    assert isinstance(unknown, Dead)
    assert (9, 0, 0) == (level.on_hand, level.committed, level.reserved)


def test_a_paused_adapter_takes_in_and_delivers_later(
    adapters: AdaptersProcess, node: NodeProcess
) -> None:
    post(adapters, **fact("z0", "BAG", 1))
    adapters.wait_idle()
    assert 0 == adapters.command("pause", "shop", "--reason", "month end").returncode
    post(adapters, **fact("z1", "BAG", 1))
    status = adapters.status()["adapters"][0]
    assert (True, 1) == (status["paused"], status["inbox"])
    adapters.command("resume", "shop")
    adapters.wait_idle()

    assert 2 == on_hand(node, "BAG")


def test_what_a_person_has_to_decide_is_a_case(adapters: AdaptersProcess) -> None:
    post(adapters, **fact("c0", "CAN", 1))
    adapters.wait_idle()
    lines = [{"item": "CAN", "pieces": 5}]
    for number in range(2):
        post(adapters, id=f"c-{number}", type="order", order="can-1", lines=lines)
    adapters.wait_idle()

    [case] = [each for each in cases(adapters) if each["subject"] == "can-1"]
    assert ("order_short", 2, "") == (case["kind"], case["times"], case["owner"])
    case_number = str(case["number"])
    adapters.command("assign", case_number, "order-desk")
    [case] = [each for each in cases(adapters) if each["subject"] == "can-1"]
    assert "order-desk" == case["owner"]
    adapters.command("settle", case_number, "--what", "cancelled at the shop")
    assert [] == [each for each in cases(adapters) if each["subject"] == "can-1"]


def test_a_sale_of_promised_units_opens_a_case(adapters: AdaptersProcess) -> None:
    post(adapters, **fact("f0", "FAN", 1))
    post(adapters, id="f1", type="order", order="fan-1", lines=[{"item": "FAN", "pieces": 1}])
    post(adapters, **fact("f2", "FAN", 1, kind="sale"))
    adapters.wait_idle()

    assert ["shortfall"] == [
        each["kind"] for each in cases(adapters) if each["subject"] == "FAN at STORE-1"
    ]


def test_a_second_process_is_kept_out_of_the_store(adapters: AdaptersProcess) -> None:
    second = adapters.command("run")

    assert 1 == second.returncode
    assert "is in use by process" in second.stderr


def test_who_does_not_sign_is_not_let_in(adapters: AdaptersProcess) -> None:
    body = json.dumps(fact("u1", "KEY", 1)).encode()
    unsigned = httpx.post(adapters.url("/in/shop"), content=body)

    assert httpx.codes.UNAUTHORIZED == unsigned.status_code
    assert "x-shop-signature is not that of the body" in unsigned.text


def test_commands_that_find_nothing_say_so(adapters: AdaptersProcess) -> None:
    edited = adapters.command("edit", "1", "nowhere.json")
    replayed = adapters.command("replay", "--reason", "NONE_SUCH")

    assert (2, True) == (edited.returncode, "does not exist" in edited.stderr)
    assert (1, True) == (replayed.returncode, "no dead letter" in replayed.stderr)


def test_what_a_partner_proves_itself_with_is_not_kept(adapters: AdaptersProcess) -> None:
    body = json.dumps({"id": "h1", "type": "[/b]"})
    headers = {"authorization": "Bearer t0ken", "cookie": "s=t0ken", "x-other": "stays"}
    headers |= signed(body.encode())
    httpx.post(adapters.url("/in/shop"), content=body, headers=headers, timeout=10)
    adapters.wait_idle()

    [letter] = [each for each in letters(adapters) if each["key"] == "h1"]
    assert "stays" == letter["attributes"]["x-other"]
    assert "t0ken" not in json.dumps(letter)


def test_lists_show_what_a_stranger_wrote_as_it_is(adapters: AdaptersProcess) -> None:
    post(adapters, id="b1", type="[/b]")
    adapters.wait_idle()

    listed = adapters.command("dead-letters")

    assert (0, "") == (listed.returncode, listed.stderr)
    assert "'[/b]'" in listed.stdout


def test_what_waits_for_an_adapter_that_is_gone_is_reported(
    node: NodeProcess, tmp_path: Path
) -> None:
    with AdaptersProcess(tmp_path, node.target, SHOP) as first:
        first.command("pause", "shop", "--reason", "to be renamed")
        post(first, **fact("g1", "GONE", 1))
        first.stop()
        first.config.write_text(first.config.read_text().replace("adapters.shop", "adapters.store"))
        first.start()
        status = first.status()

    assert {"shop: inbox": 1} == status["stranded"]


def test_what_a_till_misses_too_long_is_reported_by_the_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", 16 << 20)
    numbered = [
        Numbered(source="pos/1/2", date="2026-11-27", number=number, grace=timedelta())
        for number in (7, 9)
    ]
    store.write_now(note_numbers("shop", numbered, datetime(2026, 11, 27, tzinfo=UTC)))
    store.close()
    with AdaptersProcess(tmp_path, "127.0.0.1:1", SHOP) as running:
        wait_until(lambda: running.status()["open_cases"], "no case was opened")
        (case,) = cases(running)
    assert ("till_gap", "pos/1/2") == (case["kind"], case["subject"])
