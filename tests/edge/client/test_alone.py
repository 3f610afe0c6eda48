"""The client alone: what a fresh interpreter loads with it, and what is missing without NumPy."""

import json
import subprocess
import sys

import pytest

from holdfast.edge.client import StockColumns

# grpc by itself looks for its sister packages, and loads those that are installed.
BEGIN = "import sys, grpc.aio; before = set(sys.modules)\n"
END = "\nimport json; print(json.dumps(sorted(set(sys.modules) - before)))"

#: What the rest of the client may load of this project.
OURS = ("holdfast.edge.client", "holdfast.v1", "holdfast.admin")


def loaded_by(code: str) -> tuple[set[str], set[str]]:
    """Our modules, and the outside libraries, that a fresh interpreter loads for some code."""
    command = (sys.executable, "-c", BEGIN + code + END)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = set(json.loads(done.stdout))
    ours = {name for name in names if name.startswith("holdfast.")} - {"holdfast.edge"}
    libraries = {name.partition(".")[0] for name in names}
    return ours, libraries - sys.stdlib_module_names - {"holdfast"}


def test_it_loads_grpc_and_protobuf_and_nothing_of_the_server() -> None:
    """All of it: calls, errors, streams, the coalescer."""
    ours, libraries = loaded_by(
        "import holdfast.edge.client as client; client.BlockingClient().close()"
    )
    assert {"holdfast.edge.client.clients", "holdfast.edge.client.coalescing"} < ours
    assert [] == [name for name in ours if not name.startswith(OURS)]
    assert libraries <= {"grpc", "google"}


def test_columns_add_numpy_and_nothing_of_the_server() -> None:
    ours, libraries = loaded_by(
        "from holdfast.edge.client import StockColumns\n"
        "StockColumns('till', [1], 3, [1], sequences=[1]).message()"
    )
    assert {"holdfast.edge.wire", "holdfast.edge.wire.packed"} == {
        name for name in ours if not name.startswith(OURS)
    }
    assert {"numpy"} == libraries - {"grpc", "google"}


def test_columns_without_numpy_name_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ModuleNotFoundError, match=r"NumPy: pip install 'holdfast\[columns\]'"):
        StockColumns("till", [1], 3, [1], sequences=[1]).message()
