"""Commands on reservations: what they say of one that has ended, and of what is left short."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.cli.test_cli import ask, ask_json, flat, new_id
from tests.edge.node_process import NodeProcess, running_node

SKU = "SKU"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node with 10 of a SKU."""
    with running_node(tmp_path) as running:
        ask_json(running, "location", "put", "W1")
        ask_json(running, "stock", "receipt", SKU, "W1", "10")
        yield running


def test_a_reserve_of_an_ended_reservation_says_that_nothing_is_held(node: NodeProcess) -> None:
    order = new_id()
    words = ("reserve", order, SKU, "W1", 4)
    refused = ask(node, "reserve", new_id(), SKU, "W1", 12).exit_code
    ask(node, *words)
    assert f"{order} is held until" in ask(node, *words).stdout
    ask(node, "commit", order)
    assert f"{order} is committed already" in ask(node, *words).stdout
    ask(node, "cancel", order)
    result = ask(node, *words)
    assert refused == result.exit_code != 0
    assert "Refused: reservation ended: it is CANCELLED and holds nothing" in result.stderr
    assert "is held" not in result.output


def test_a_fulfill_shows_where_promises_exceed_supply(node: NodeProcess) -> None:
    order = new_id()
    ask(node, "reserve", order, SKU, "W1", 4)
    ask(node, "commit", order)
    ask(node, "stock", "count", SKU, "W1", 1)
    result = ask(node, "fulfill", order)
    assert f"{order} is fulfilled now" in result.stdout
    assert "Promises exceed supply here:" in result.stdout
    assert f"{SKU} W1 -3 -3" in flat(result.stdout)
