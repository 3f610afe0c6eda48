"""Commands on what is to come."""

from datetime import UTC, datetime, timedelta

from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess
from tests.edge.raw import new_name


def test_supply_is_announced_shown_and_received(node: NodeProcess) -> None:
    sku, place = new_name("sku"), new_name("W")
    ask_json(node, "location", "put", place)
    ask_json(node, "stock", "receipt", sku, place, 5)
    today = datetime.fromisoformat(ask_json(node, "promise", sku)["today"])
    friday = today + timedelta(days=3, hours=9)
    order = ("--document", "4500017", "--document-line", "10")
    expected = ("--expected", friday.isoformat())
    ask_json(node, "stock", "supply", sku, place, 10, *order, *expected)
    ask_json(node, "stock", "receipt", sku, place, 4, *order)
    (level,) = ask_json(node, "promise", sku, place, "--days", 9)["levels"]
    assert ("9", "6", "15") == (
        *(str(level["available"]), str(level["days"][0]["incoming"])),
        str(level["days"][0]["available"]),
    )
    shown = flat(ask(node, "promise", sku).stdout)
    assert f"{friday.astimezone(UTC):%Y-%m-%d} 4500017 10 6 15" in shown
    assert "incoming" in ask(node, "availability", sku).stdout
    undo = ("--event", f"E-{sku}", "--kind", "receipt", *order)
    ask_json(node, "stock", "receipt", sku, place, 2, *order, "--event-id", f"E-{sku}")
    (result,) = ask_json(node, "stock", "reverse", sku, place, 2, *undo)["results"]
    assert ("STOCK_EVENT_OUTCOME_APPLIED", 9) == (result["outcome"], result["on_hand"])
    both = ask(node, "stock", "reverse", sku, place, 2, *undo, "--reservation", "r1")
    assert "--document or --reservation" in flat(both.stderr)
    late = ("--document", "late", "--expected", "2026-01-01T00:00:00Z")
    ask_json(node, "stock", "supply", sku, place, 3, *late)
    assert "2026-01-01 late 3 (overdue)" in flat(ask(node, "promise", sku).stdout)
    assert 2 != ask(node, "stock", "supply", sku, place, 0, *order).exit_code
    assert [] == ask_json(node, "promise", sku, "--days", 9)["levels"][0].get("days", [])
