"""A node behind each transport, one for all tests of this folder."""

from collections.abc import Iterator

import pytest

from holdfast.core.audit import check_invariants
from holdfast.persistence.verify import verify
from tests.edge.node_process import NodeProcess, replayed_node, running_node

#: Settings of each transport: gRPC in the node's own process, and in two before it.
TRANSPORTS = {"in process": {"fronts": 0}, "two fronts": {"fronts": 2}}


@pytest.fixture(params=list(TRANSPORTS.values()), ids=list(TRANSPORTS))
def settings(request: pytest.FixtureRequest) -> dict[str, int]:
    """The settings of a transport, for a test that needs a node of its own."""
    found: dict[str, int] = request.param
    return found


@pytest.fixture(scope="session", params=list(TRANSPORTS.values()), ids=list(TRANSPORTS))
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeProcess]:
    """A node behind each transport, whose books are right in the end, whatever callers did."""
    folder = tmp_path_factory.mktemp("transport")
    with running_node(folder, message_size_max_kib=65_536, **request.param) as running:
        yield running
        running.terminate()
        assert [] == running.complaints()
        report = verify(running.data_dir)
        assert report.is_good, report.findings
        assert [] == check_invariants(replayed_node(running.data_dir))
