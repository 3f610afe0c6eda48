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
