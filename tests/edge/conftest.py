"""What most tests of a real node start from: a node, a client of it, a connection for bytes."""

from collections.abc import AsyncIterator, Iterator

import pytest

from holdfast.edge.client import Client
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S, Wire


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for all tests of a file: their SKUs, sources and ids are their own."""
    with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running
        assert [] == running.complaints()


@pytest.fixture
async def client(node: NodeProcess) -> AsyncIterator[Client]:
    """A client that retries."""
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as connected:
        yield connected


@pytest.fixture
async def wire(node: NodeProcess) -> AsyncIterator[Wire]:
    """A connection for bytes."""
    async with Wire(node.target) as connected:
        yield connected
