"""Reservations are found and ended by operators, with a reason and a name in the journal."""

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.edge.client import BlockingClient, operator_calls
from holdfast.v1.reservation_service_pb2 import RESERVATION_STATE_CANCELLED
from holdfast.v1.stock_service_pb2 import StockEvent
from tests.edge.cli.commands import ask, ask_json, flat, run
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S, Wire


def fill(client: BlockingClient) -> None:
    """A reservation that is held, and one that is committed."""
    client.update_location("W1", allow_missing=True)
    event = StockEvent(
        event_id="e1", sku="mug", location="W1", kind="STOCK_EVENT_KIND_RECEIPT", quantity=20
    )
    client.record_stock_events("erp", [event])
    client.reserve("cart", [("mug", "W1", 3)])
    client.reserve("order", [("mug", "W1", 4)])
    client.commit("order")


def test_a_reservation_is_found_and_ended(tmp_path: Path) -> None:
    """By its state, in a table and as JSON; the journal has who ended it, and why."""
    with running_node(tmp_path, ledger="on") as node:
        with BlockingClient(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            fill(client)
            client.explain_availability("mug", "W1")
            table = ask(node, "reservations", "--sku", "mug", "--location", "W1").stdout
            assert {"cart", "order"} <= set(flat(table).split())
            (committed,) = map(_id, _lines(node, "reservations", "--state", "committed"))
            assert "order" == committed
            assert [] == _lines(node, "reservations", "--older-than", "1h")
            ended = ask(node, "force-release", "order", "--reason", "fraud", "--actor", "zoe")
            assert "order: 0 units released, 4 cancelled." in ended.stdout
            again = ask_json(node, "force-release", "order", "--reason", "fraud")
            assert (0, 0) == (again["released_quantity"], again["cancelled_quantity"])
            moved = client.list_movements(reservation_id="order").movements[0]
            assert ("fraud", "zoe") == (moved.reason, moved.actor)
            (decision,) = client.explain_availability("mug", "W1").decisions
            assert ("order", 4, "fraud", "zoe") == (
                *(decision.reservation_id, decision.quantity),
                *(decision.reason, decision.actor),
            )
            explained = flat(ask(node, "explain", "mug", "W1").stdout)
            assert "cancel, fraud (zoe) order" in explained
            listed = flat(ask(node, "ledger", "--reservation", "order", "--limit", "1").stdout)
            assert "order fraud zoe" in listed
            state = client.get_reservation("order").reservation.state
            assert RESERVATION_STATE_CANCELLED == state
            (level,) = client.get_availability("mug").availability.levels
            assert (20, 3, 0, 17) == (
                level.on_hand,
                level.reserved,
                level.committed,
                level.available,
            )
        node.terminate()
        assert [] == node.complaints()
        text = run("journal", node.data_dir, "--reservation", "order").stdout
        assert "order: 4 mug at W1 committed -> cancelled, by zoe, because: fraud" in text


def _lines(node: NodeProcess, *words: object) -> list[str]:
    return ask(node, *words, "--json").stdout.splitlines()


def _id(line: str) -> str:
    return str(json.loads(line)["reservation_id"])


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        (("", "r", "a"), "INVALID_ARGUMENT", "reservation_id"),
        (("cart", "", "a"), "INVALID_ARGUMENT", "reason"),
        (("cart", "r", "a\n"), "INVALID_ARGUMENT", "actor"),
        (("nobody", "r", "a"), "NOT_FOUND", "reservation_id"),
    ],
)
async def test_a_forced_release_names_what_is_wrong(
    node: NodeProcess, arguments: Any, code: str, field: str
) -> None:
    async with Wire(node.admin_target) as admin:
        answer = await admin.send_call(operator_calls.force_release(*arguments))
    assert (code, field) == (answer.code, answer.info.metadata["field"])


def test_a_list_needs_a_ledger(node: NodeProcess) -> None:
    """And says so."""
    listed = ask(node, "reservations")
    assert (1, True) == (listed.exit_code, "ledger" in listed.stderr)
