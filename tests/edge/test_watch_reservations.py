"""The life of reservations, from a node with a ledger: whole, in order, and on after a kill."""

import asyncio
import signal
import struct
import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import aclosing, closing
from random import Random
from typing import Any

import pytest

from holdfast.edge.client import BlockingClient, Client, HoldfastError, InvalidArgument
from holdfast.v1 import watch_service_pb2 as watch
from holdfast.v1.reservation_service_pb2 import ReservationState
from holdfast.v1.stock_service_pb2 import StockEvent
from tests.edge.node_process import NodeProcess, running_node, standing_still
from tests.edge.raw import CALL_TIMEOUT_S

PLACE = "W1"


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that keeps a ledger, with stock."""
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        with BlockingClient(**running.targets, timeout_s=CALL_TIMEOUT_S) as client:
            client.create_location(PLACE)
            stocked = [fact("RECEIPT", sku, 10_000) for sku in ("Tea", "Mug")]
            client.record_stock_events("erp", stocked)
            client.explain_availability("Tea", PLACE)  # its process is there
        yield running


def fact(kind: str, sku: str, quantity: int, **more: Any) -> StockEvent:
    event = {"sku": sku, "location": PLACE, "quantity": quantity, **more}
    return StockEvent(event_id=f"{kind} {sku}", kind=f"STOCK_EVENT_KIND_{kind}", **event)


def connected(node: NodeProcess) -> Client:
    return Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True)


def summary_of(change: watch.ReservationChange) -> tuple[str, int, str, str]:
    """Reservation, units, and from which state to which."""
    left, entered = (
        ReservationState.Name(state).removeprefix("RESERVATION_STATE_")
        for state in (change.from_state, change.state)
    )
    return change.reservation_id, change.quantity, left, entered


async def test_a_life_is_reported_in_its_order(keeping: NodeProcess) -> None:
    """By a call, by an operator, by time and by a fact, each with what it came with."""
    changes: list[watch.ReservationChange] = []
    async with (
        connected(keeping) as client,
        aclosing(client.watch_reservations("Tea", PLACE)) as responses,
    ):
        first = await anext(responses)
        assert ([], False) == (list(first.changes), first.reset)
        await client.reserve("a", [("Tea", PLACE, 3), ("Mug", PLACE, 1)], correlation_id="cart")
        await client.commit("a", [("Tea", PLACE, 2)], request_id="1")
        await client.fulfill("a", [("Tea", PLACE, 2)], request_id="2")
        order = {"kind": "reservation", "id": "a"}
        await client.record_stock_events(
            "wms", [fact("SHIPMENT_REVERSAL", "Tea", 1, reference=order)]
        )
        await client.force_release("a", "a lost cart", "zoe")
        await client.reserve("b", [("Tea", PLACE, 1)], hold=1)
        while len(changes) < 8:
            changes += (await anext(responses)).changes
    assert [
        ("a", 3, "UNSPECIFIED", "HELD"),
        ("a", 2, "HELD", "COMMITTED"),
        ("a", 2, "COMMITTED", "FULFILLED"),
        ("a", 1, "FULFILLED", "COMMITTED"),
        ("a", 1, "HELD", "RELEASED"),
        ("a", 1, "COMMITTED", "CANCELLED"),
        ("b", 1, "UNSPECIFIED", "HELD"),
        ("b", 1, "HELD", "EXPIRED"),
    ] == [summary_of(each) for each in changes]
    assert "cart" == changes[0].correlation_id
    assert ("a lost cart", "zoe") == (changes[4].reason, changes[4].actor)
    assert changes[2].record_time.ToNanoseconds() >= changes[0].record_time.ToNanoseconds() > 0


async def test_a_watcher_that_is_cut_off_misses_nothing(keeping: NodeProcess) -> None:
    """Also where the node was killed meanwhile: every change once, in its order."""
    chance = Random(7)
    seen: list[tuple[str, int, str, str]] = []
    expected: list[tuple[str, int, str, str]] = []
    token = ""
    async with connected(keeping) as client:
        for life in range(6):
            async with aclosing(client.watch_reservations("Mug", resume_token=token)) as responses:
                if not token:
                    token = (await anext(responses)).resume_token
                for number in range(chance.randrange(1, 5)):
                    name = f"r{life}-{number}"
                    await client.reserve(name, [("Mug", PLACE, 1)])
                    await client.release(name)
                    expected += [(name, 1, "UNSPECIFIED", "HELD"), (name, 1, "HELD", "RELEASED")]
                if life % 2:
                    response = await anext(responses)
                    seen += map(summary_of, response.changes)
                    token = response.resume_token
            if life in (1, 4):
                await asyncio.to_thread(keeping.kill)
                await asyncio.to_thread(keeping.start)
        async with aclosing(client.watch_reservations("Mug", resume_token=token)) as responses:
            while len(seen) < len(expected):
                seen += map(summary_of, (await anext(responses)).changes)
    assert expected == seen


async def test_a_watch_begins_when_it_is_asked_for_and_not_when_the_ledger_answers(
    keeping: NodeProcess,
) -> None:
    """What happens before the first answer of a slow ledger is sent, also to one who was cut off
    meanwhile.
    """
    async with connected(keeping) as client:
        with standing_still(keeping.ledger_pid):
            async with aclosing(client.watch_reservations("Mug")) as responses:
                token = (await anext(responses)).resume_token
            await client.reserve("meanwhile", [("Mug", PLACE, 1)])
        async with aclosing(client.watch_reservations("Mug", resume_token=token)) as responses:
            (change,) = (await anext(responses)).changes
        await client.release("meanwhile")
    assert ("meanwhile", 1, "UNSPECIFIED", "HELD") == summary_of(change)


async def test_the_oldest_that_the_ledger_has_come_first(keeping: NodeProcess) -> None:
    async with connected(keeping) as client:
        await client.reserve("old", [("Mug", PLACE, 1)])
        async with aclosing(client.watch_reservations("Mug", from_oldest=True)) as responses:
            seen: list[str] = []
            while "old" not in seen:
                seen += [each.reservation_id for each in (await anext(responses)).changes]
    assert len(seen) == len(set(zip(seen, range(len(seen)), strict=True)))


def forged(token: str, timeline: int = 0, begun_at: int = 0, ahead: int = 0) -> str:
    """A token of another timeline, of a ledger that was begun elsewhere, or of what has not
    happened.
    """
    its, begun, number = struct.unpack(">QQQ", urlsafe_b64decode(token))
    packed = struct.pack(">QQQ", its ^ timeline, begun + begun_at, number + ahead)
    return urlsafe_b64encode(packed).decode()


async def test_what_cannot_be_resumed_is_refused(keeping: NodeProcess) -> None:
    async with connected(keeping) as client:
        async with aclosing(client.watch_reservations(from_oldest=True)) as responses:
            token = (await anext(responses)).resume_token
        async with aclosing(
            client.watch_reservations(resume_token=forged(token, begun_at=1))
        ) as responses:
            first = await anext(responses)
            assert ([], True) == (list(first.changes), first.reset)
        with pytest.raises(HoldfastError) as caught:
            await anext(client.watch_reservations(resume_token=forged(token, timeline=1)))
        assert "OTHER_TIMELINE" == caught.value.reason
        for ahead in (1, 2**62):
            with pytest.raises(InvalidArgument, match="ahead of all that happened"):
                await anext(client.watch_reservations(resume_token=forged(token, ahead=ahead)))
        wrongs: list[dict[str, Any]] = [{"resume_token": "!"}, {"resume_token": "é"}, {"sku": " "}]
        for wrong in wrongs:
            with pytest.raises(InvalidArgument, match=next(iter(wrong))):
                await anext(client.watch_reservations(**wrong))


def test_the_command_prints_what_changes(keeping: NodeProcess) -> None:
    with BlockingClient(**keeping.targets, timeout_s=CALL_TIMEOUT_S) as client:
        client.reserve("printed", [("Tea", PLACE, 1)], correlation_id="cart 7")
        with closing(client.watch_reservations("Tea", from_oldest=True)) as responses:
            assert next(responses).changes
    command = [sys.executable, "-m", "holdfast.edge", "watch-reservations", "--sku", "Tea"]
    command += ["--target", keeping.target, "--oldest"]
    for options in ([], ["--json"]):
        with subprocess.Popen([*command, *options], stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            line = running.stdout.readline().decode()
            running.send_signal(signal.SIGINT)
            assert 0 == running.wait()
        assert ("3 Tea at W1 held" in line) == (not options) or "printed" in line
        assert bool(options) == line.startswith("{")


async def test_a_node_without_a_ledger_says_so(node: NodeProcess) -> None:
    async with connected(node) as client:
        with pytest.raises(HoldfastError) as caught:
            await anext(client.watch_reservations())
    assert "LEDGER_OFF" == caught.value.reason
