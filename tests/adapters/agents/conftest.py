"""The hook for agents beside one node for all tests of a file."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from holdfast.adapters.agents.agents_options import AgentsOptions
from holdfast.edge.client import BlockingClient, Client
from tests.adapters.agents.asking import STRIPE_SECRET, TOKEN, Asking
from tests.edge.node_process import NodeProcess, running_node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node")) as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("dc-1")
        yield running


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> AgentsOptions:
    folder: Path = tmp_path_factory.mktemp("agents")
    (folder / "token").write_text(f"{TOKEN}\nnew token\n")
    (folder / "stripe").write_text(STRIPE_SECRET)
    rows = "table,theirs,ours,factor,sku,from,until\nitem,*,*,,,,\nitem,prod_tea,TEA,,,,\n"
    (folder / "names.csv").write_text(rows)
    read = AgentsOptions.model_validate(
        {
            "location": "dc-1",
            "token": {"file": "token"},
            "stripe": {"file": "stripe"},
            "mappings": ["names.csv"],
        }
    )
    return read.based(folder)


@pytest.fixture
async def asking(node: NodeProcess, options: AgentsOptions) -> AsyncIterator[Asking]:
    async with (
        Client(**node.targets, own_connection=True) as client,
        Asking(client, options) as made,
    ):
        yield made
