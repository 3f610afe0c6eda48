"""A node behind each transport, one for all tests of this folder."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Final

import pytest

from holdfast.core.audit import check_invariants
from holdfast.edge.client import BlockingClient
from holdfast.persistence.verify import verify
from tests.edge.node_process import NodeProcess, replayed_node, running_node
from tests.edge.raw import WAREHOUSE

#: Settings of a node: gRPC in its own process, and in two fronts; with each library.
TRANSPORTS: Final[dict[str, dict[str, Any]]] = {
    "grpcio": {"transport": "grpcio", "fronts": 0},
    "grpcio, two fronts": {"transport": "grpcio", "fronts": 2},
    "ngh2": {"transport": "ngh2", "fronts": 0},
    "ngh2, two fronts": {"transport": "ngh2", "fronts": 2},
}

needs_ngh2 = pytest.mark.skipif(
    find_spec("ngh2") is None, reason="the extra holdfast[ngh2] is not installed"
)
#: Beside the other three, ngh2 in fronts is the least likely to fail alone.
MARKS: Final[dict[str, Any]] = {
    "ngh2": (needs_ngh2,),
    "ngh2, two fronts": (needs_ngh2, pytest.mark.slow),
}
each_transport = pytest.mark.parametrize(
    "transport",
    [
        pytest.param(settings, id=name, marks=MARKS.get(name, ()))
        for name, settings in TRANSPORTS.items()
    ],
)


def judged_node(folders: pytest.TempPathFactory, transport: str) -> Iterator[NodeProcess]:
    """A node whose books are right in the end, whatever its callers did."""
    folder, settings = folders.mktemp("node"), TRANSPORTS[transport]
    with running_node(folder, message_size_max_kib=65_536, **settings) as running:
        with BlockingClient(**running.targets) as client:  # whichever test comes first
            client.update_location(WAREHOUSE, allow_missing=True)
        yield running
        running.terminate()
        assert [] == running.complaints()
        report = verify(running.data_dir)
        assert report.is_good, report.findings
        assert [] == check_invariants(replayed_node(running.data_dir))


@pytest.fixture(scope="session")
def grpcio_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node without fronts."""
    yield from judged_node(tmp_path_factory, "grpcio")


@pytest.fixture(scope="session")
def grpcio_node_with_fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with fronts."""
    yield from judged_node(tmp_path_factory, "grpcio, two fronts")


@pytest.fixture(scope="session")
def ngh2_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node without fronts, with the other library."""
    yield from judged_node(tmp_path_factory, "ngh2")


@pytest.fixture(scope="session")
def ngh2_node_with_fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with fronts, with the other library."""
    yield from judged_node(tmp_path_factory, "ngh2, two fronts")


#: The fixtures of nodes that have fronts, and of all.
WITH_FRONTS: Final = [
    "grpcio_node_with_fronts",
    pytest.param("ngh2_node_with_fronts", marks=MARKS["ngh2, two fronts"]),
]
ALL_NODES: Final = ["grpcio_node", pytest.param("ngh2_node", marks=MARKS["ngh2"]), *WITH_FRONTS]


@pytest.fixture(params=ALL_NODES)
def node(request: pytest.FixtureRequest) -> NodeProcess:
    """Each of them in turn: what a test says holds for all."""
    found: NodeProcess = request.getfixturevalue(request.param)
    return found
