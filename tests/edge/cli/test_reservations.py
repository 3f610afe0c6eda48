"""Commands on reservations: what they say of one that has ended, and of what is left short."""

from holdfast.edge.cli.console import EXIT_REFUSED
from tests.edge.cli.commands import ask, flat, new_id
from tests.edge.node_process import NodeProcess


def test_a_reserve_of_an_ended_reservation_says_that_nothing_is_held(
    node: NodeProcess, sku: str
) -> None:
    order = new_id()
    words = ("reserve", order, sku, "W1", 4)
    ask(node, *words)
    assert f"{order} is held until" in ask(node, *words).stdout
    ask(node, "commit", order)
    assert f"{order} is committed already" in ask(node, *words).stdout
    ask(node, "cancel", order)
    result = ask(node, *words)
    assert EXIT_REFUSED == result.exit_code
    assert "Refused: reservation ended: it is CANCELLED and holds nothing" in result.stderr
    assert "is held" not in result.output


def test_a_fulfill_shows_where_promises_exceed_supply(node: NodeProcess, sku: str) -> None:
    order = new_id()
    ask(node, "reserve", order, sku, "W1", 4)
    ask(node, "commit", order)
    ask(node, "stock", "count", sku, "W1", 1)
    result = ask(node, "fulfill", order)
    assert f"{order} is fulfilled now" in result.stdout
    assert "Promises exceed supply here:" in result.stdout
    assert f"{sku} W1 -3 -3" in flat(result.stdout)


def test_what_is_sold_already_is_held_and_shown_with_what_is_missing(
    node: NodeProcess, sku: str
) -> None:
    order, missing = new_id(), "Promises exceed supply here:"
    refused = ask(node, "reserve", order, sku, "W1", 10**6)
    assert EXIT_REFUSED == refused.exit_code
    held = ask(node, "reserve", order, sku, "W1", 10**6, "--already-sold")
    assert f"{order} is held until" in held.stdout
    assert missing in held.stdout
    ask(node, "release", order)
    assert missing not in ask(node, "reserve", new_id(), sku, "W1", 1, "--already-sold").stdout
