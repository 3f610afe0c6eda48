"""Commands on units that go from one location to another."""

from datetime import datetime, timedelta

from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess
from tests.edge.raw import new_name


def test_a_transfer_is_dispatched_shown_received_and_closed(node: NodeProcess) -> None:
    sku, here, there = new_name("sku"), new_name("W"), new_name("S")
    for place in (here, there):
        ask_json(node, "location", "put", place)
    ask_json(node, "stock", "receipt", sku, here, 5)
    today = datetime.fromisoformat(ask_json(node, "promise", sku)["today"])
    friday = today + timedelta(days=3)
    of = ("--document", "T-17", "--document-line", "10")
    expected = ("--expected", friday.isoformat())
    ask_json(node, "stock", "transfer", "dispatch", sku, here, 4, "--to", there, *of, *expected)
    shown = flat(ask(node, "promise", sku, there).stdout)
    assert f"{friday:%Y-%m-%d} transfer T-17 10 4 4" in shown
    (result,) = ask_json(node, "stock", "transfer", "receive", sku, there, 3, *of)["results"]
    assert (3, 1) == (result["on_hand"], result["in_transit"])
    ask_json(node, "stock", "transfer", "adjust", sku, there, -1, *of)
    assert [] == ask_json(node, "promise", sku, there)["levels"][0]["supplies"]
    twice = ask(node, "stock", "transfer", "receive", sku, there, 2, *of)
    warning = f"{sku}: under T-17, 2 units more received or lost than dispatched."
    assert warning in flat(twice.stderr)
    assert "transfer T-17 10 2 over" in flat(ask(node, "promise", sku, there).stdout)


def test_promised_units_stay_unless_the_command_says_that_they_go(node: NodeProcess) -> None:
    sku, here, there = new_name("sku"), new_name("W"), new_name("S")
    for place in (here, there):
        ask_json(node, "location", "put", place)
    ask_json(node, "stock", "receipt", sku, here, 5)
    ask_json(node, "reserve", new_name("order"), sku, here, 4)
    sent = ("stock", "transfer", "dispatch", sku, here, 2, "--to", there, "--document", "T-18")
    refused = ask(node, *sent, "--event-id", "E")
    assert "exceeds available" in flat(refused.stdout)
    assert f"{sku} at {here}: 1 of 2 may go: the rest is promised" in flat(refused.stderr)
    (result,) = ask_json(node, *sent, "--event-id", "E", "--takes-promised")["results"]
    assert (3, 1) == (result["on_hand"], result["shortfall"])


def test_what_was_recorded_of_a_transfer_is_reversed(node: NodeProcess) -> None:
    sku, here, there = new_name("sku"), new_name("W"), new_name("S")
    for place in (here, there):
        ask_json(node, "location", "put", place)
    ask_json(node, "stock", "receipt", sku, here, 5)
    of, to = ("--document", "T-19"), ("--to", there)
    transfer = ("stock", "transfer")
    for sent in (
        ("dispatch", sku, here, 2, *to),
        ("receive", sku, there, 2),
        ("adjust", sku, there, 1),
    ):
        ask_json(node, *transfer, *sent, *of, "--event-id", sent[0])
    for kind, event, place, units, more in (
        ("dispatch", "dispatch", here, 2, to),
        ("receipt", "receive", there, 2, ()),
        ("adjustment", "adjust", there, 1, ()),
    ):
        undo = ("--event", event, "--kind", kind, *of, *more)
        undo = (*transfer, "reverse", sku, place, units, *undo, "--event-id", f"no {event}")
        (result,) = ask_json(node, *undo)["results"]
        assert "STOCK_EVENT_OUTCOME_APPLIED" == result["outcome"]
    levels = ask_json(node, "availability", sku)["availabilities"][0]["levels"]
    assert [(5, 0), (0, 0)] == [(level["on_hand"], level["incoming"]) for level in levels]
    after_all = ("--event", "no dispatch", "--kind", "reversal", *of, *to)
    ask_json(node, *transfer, "reverse", sku, here, 2, *after_all)
    levels = ask_json(node, "availability", sku)["availabilities"][0]["levels"]
    assert [(3, 0), (0, 2)] == [(level["on_hand"], level["incoming"]) for level in levels]
    two_lines = (sku, here, 1, sku, there, 1)
    asked = ask(node, *transfer, "reverse", *two_lines, "--event", "e", "--kind", "receipt", *of)
    assert "one line" in flat(asked.stderr)
