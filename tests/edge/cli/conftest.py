"""What tests of the command line start from: a node, and goods in it."""

from collections.abc import Iterator

import pytest

from tests.edge.cli.commands import ask_json, new_id
from tests.edge.node_process import NodeProcess, running_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for all tests here; each names goods of its own."""
    with running_node(tmp_path_factory.mktemp("cli")) as running:
        ask_json(running, "location", "put", "W1")
        yield running


@pytest.fixture
def sku(node: NodeProcess) -> str:
    """A SKU with 10 units at W1."""
    name = f"SKU-{new_id()}"
    ask_json(node, "stock", "receipt", name, "W1", "10")
    return name
