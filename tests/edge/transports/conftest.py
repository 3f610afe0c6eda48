"""A node behind each transport, one for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from holdfast.core.audit import check_invariants
from holdfast.persistence.verify import verify
from tests.edge.node_process import NodeProcess, replayed_node, running_node

#: Fronts of a node: none, with gRPC in the node's own process, and two.
TRANSPORTS: Final = {"in process": 0, "two fronts": 2}
each_transport = pytest.mark.parametrize("fronts", TRANSPORTS.values(), ids=TRANSPORTS)


def judged_node(folder: Path, fronts: int) -> Iterator[NodeProcess]:
    """A node whose books are right in the end, whatever its callers did."""
    with running_node(folder, message_size_max_kib=65_536, fronts=fronts) as running:
        yield running
        running.terminate()
        assert [] == running.complaints()
        report = verify(running.data_dir)
        assert report.is_good, report.findings
        assert [] == check_invariants(replayed_node(running.data_dir))


@pytest.fixture(scope="session")
def node_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node without fronts."""
    yield from judged_node(tmp_path_factory.mktemp("in-process"), TRANSPORTS["in process"])


@pytest.fixture(scope="session")
def node_with_fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with fronts."""
    yield from judged_node(tmp_path_factory.mktemp("fronts"), TRANSPORTS["two fronts"])


@pytest.fixture(params=["node_in_process", "node_with_fronts"], ids=tuple(TRANSPORTS))
def node(request: pytest.FixtureRequest) -> NodeProcess:
    """Each of them in turn: what a test says holds for both."""
    found: NodeProcess = request.getfixturevalue(request.param)
    return found
