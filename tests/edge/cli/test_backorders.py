"""Reserving against supply, from the command line."""

from datetime import datetime, timedelta

from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess
from tests.edge.raw import new_name


def test_what_is_promised_from_supply_is_shown_with_its_day(node: NodeProcess) -> None:
    sku, place, order = new_name("sku"), new_name("W"), new_name("order")
    ask_json(node, "location", "put", place)
    ask_json(node, "stock", "receipt", sku, place, 2)
    today = datetime.fromisoformat(ask_json(node, "promise", sku)["today"])
    friday = f"{today + timedelta(days=3):%Y-%m-%d}"
    ask_json(
        *(node, "stock", "supply", sku, place, 9, "--document", "po"),
        *("--expected", f"{friday}T09:00:00Z"),
    )
    reserve = ("reserve", order, sku, place, 5, "--latest-supply", friday)
    assert f"{sku} {place} {friday} 5 2 3" in flat(ask(node, *reserve).stdout)
    assert f"3 ({friday})" in flat(ask(node, "show", order).stdout)
    ask(node, "commit", order)
    refused = ask(node, "fulfill", order)
    assert "has 2 on hand to ship, 5 requested" in flat(refused.stderr)
    ask_json(
        *(node, "stock", "supply", sku, place, 0, "--document", "po"),
        *("--expected", f"{friday}T09:00:00Z"),
    )
    assert "3 (no supply)" in flat(ask(node, "show", order).stdout)
    short = flat(ask(node, "shortfall", sku, place).stdout)
    assert order in short
    wrong = ask(node, "reserve", new_name("order"), sku, place, 5, "--latest-supply", "Friday")
    assert "not a date such as 2026-12-24" in flat(wrong.stderr)
