"""What a user installs: a wheel that holds ``holdfast`` and nothing else at its top level, and that
is, alone, a client and a command.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.node_process import NodeProcess, running_node

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FOLDERS: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]
DIST_INFO = f"holdfast-{PYPROJECT['project']['version']}.dist-info"

#: Run by the Python of an environment that has the plain wheel alone.
CLIENT = """
import asyncio, sys, uuid
from holdfast.edge.client import BlockingClient, Client
from holdfast.v1 import reservation_service_pb2_grpc  # stubs, for those who want them bare
from holdfast.v1.common_pb2 import OUTCOME_ACCEPTED
from holdfast.v1.reservation_service_pb2 import BATCH_OUTCOME_ACCEPTED
from holdfast.v1.stock_service_pb2 import StockEvent

target, sku = sys.argv[1:]

async def coalesced():
    async with Client(target) as client, client.coalescer() as holdfast:
        return await holdfast.reserve(uuid.uuid4(), sku, "W1", 1, hold_ms=900_000)

with BlockingClient(target) as client:
    client.update_location("W1", allow_missing=True)
    receipt = StockEvent(event_id=sku, sku=sku, location="W1", kind=1, quantity=6)
    client.record_stock_events("erp", [receipt])
    assert OUTCOME_ACCEPTED == client.reserve(f"client of {sku}", [(sku, "W1", 2)]).outcome
assert BATCH_OUTCOME_ACCEPTED == asyncio.run(coalesced())
"""

#: The same with the extra for columns. Two events, which cancel out.
COLUMNS = """
import sys
from holdfast.edge.client import BlockingClient, StockColumns

target, sku = sys.argv[1:]
with BlockingClient(target) as client:
    (handle,) = client.resolve_stock_levels([(sku, "W1")]).handles
    columns = StockColumns(sku, [handle] * 2, [1, 3], [5, 5], sequences=[1, 2])
    (answer,) = client.record_stock_events_stream([columns])
assert 2 == answer.acknowledged_sequence
"""


@pytest.fixture(scope="module")
def wheel_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without network from a copy, so that nothing is left behind in the tree."""
    copy = tmp_path_factory.mktemp("source")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    (path,) = (copy / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(wheel_path: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel_path) as opened:
        yield opened


def test_the_only_top_level_name_is_holdfast(wheel: zipfile.ZipFile) -> None:
    names = {name.split("/")[0] for name in wheel.namelist()}
    assert {"holdfast", DIST_INFO} == names


def test_holdfast_itself_stays_a_namespace(wheel: zipfile.ZipFile) -> None:
    """A separately shipped client can join it later."""
    assert "holdfast/__init__.py" not in wheel.namelist()


@pytest.mark.parametrize(("package", "folder"), FOLDERS.items())
def test_every_file_of_a_room_is_shipped(package: str, folder: str, wheel: zipfile.ZipFile) -> None:
    """Code, types, the marker for checkers, .proto files and schemas for other languages."""
    shipped = (".py", ".pyi", ".proto", ".json", "py.typed")
    inside = package.replace(".", "/")
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder)}"
        for path in (ROOT / folder).rglob("*")
        if path.name.endswith(shipped)
    }
    assert f"{inside}/py.typed" in expected
    assert expected == {name for name in wheel.namelist() if name.startswith(inside + "/")}


def test_the_wire_is_shipped_in_all_its_forms(wheel: zipfile.ZipFile) -> None:
    suffixes = {name.split(".", 1)[1] for name in wheel.namelist() if "/v1/" in name}
    assert {"proto", "py", "pyi", "typed"} == suffixes


def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"{DIST_INFO}/entry_points.txt").decode()
    assert "holdfast = holdfast.edge.cli.main:main" in entry_points


# Installed


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for all environments; each has a SKU of its own."""
    with running_node(tmp_path_factory.mktemp("node")) as running:
        yield running


class Environment:
    """A virtual environment with the plain wheel in it."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        uv("venv", "--python", python, str(folder))

    def install(self, wheel: str, *options: str) -> None:
        words = ("pip", "install", "--python", str(self.folder), wheel, *options)
        done = uv(*words)
        if "error sending request" in done.stderr:
            done = uv(*words, "--offline")
            if done.returncode != 0:
                pytest.skip("the package index cannot be reached, and the cache does not do")
        assert 0 == done.returncode, done.stderr

    def run(self, program: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        ours = ("HOLDFAST_", "PYTHON")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return subprocess.run(
            (self.folder / "bin" / program, *words),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=inherited | variables,
        )


def uv(*words: str) -> subprocess.CompletedProcess[str]:
    """Run uv, which says at once when the index cannot be reached."""
    command = (sys.executable, "-m", "uv", *words)
    variables = os.environ | {"UV_HTTP_RETRIES": "0", "UV_PYTHON_DOWNLOADS": "never"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def python_of(minor: int) -> str:
    """Find a Python; one that pyenv has but does not offer here cannot be run."""
    if sys.version_info.minor == minor:
        return sys.executable
    ask = (f"python3.{minor}", "-c", "import sys; print(sys.executable)")
    try:
        return subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"there is no python3.{minor} to run")


def reserve_from(environment: Environment, target: str, sku: str) -> None:
    """Reserve 6 units by the client, by its coalescer and by the command, until none is left."""
    done = environment.run("python", "-c", CLIENT, target, sku)
    assert (0, "") == (done.returncode, done.stderr)

    # The command finds the node in the settings.
    def holdfast(*words: str) -> tuple[int, Any]:
        result = environment.run("holdfast", *words, "--json", HOLDFAST_GRPC_ADDRESS=target)
        assert "" == result.stderr or result.returncode == 3, result.stderr
        return result.returncode, json.loads(result.stdout)

    code, answer = holdfast("reserve", f"command of {sku}", sku, "W1", "3")
    assert (0, "OUTCOME_ACCEPTED") == (code, answer["outcome"])
    code, answer = holdfast("reserve", f"too late of {sku}", sku, "W1", "1")
    assert (3, "OUTCOME_REFUSED") == (code, answer["outcome"])
    _, answer = holdfast("availability", sku)
    assert 0 == answer["availabilities"][0]["network_available"]


def test_the_plain_wheel_reserves_and_says_what_a_node_needs(
    wheel_path: Path, node: NodeProcess, tmp_path: Path
) -> None:
    """In an empty environment, with the versions that are locked."""
    environment = Environment(tmp_path / "venv", sys.executable)
    environment.install(str(wheel_path), "--constraint", str(ROOT / "requirements" / "node.txt"))

    reserve_from(environment, node.target, "locked")

    done = environment.run("holdfast", "serve")
    sentence = "holdfast serve needs the node: pip install 'holdfast[node]'\n"
    assert (1, "", sentence) == (done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("minor", [11, 12, 13])
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_bounds_hold_at_both_ends(
    minor: int, resolution: str, wheel_path: Path, node: NodeProcess, tmp_path: Path
) -> None:
    """The oldest versions that we name, and the newest there are, on each Python that we name."""
    environment = Environment(tmp_path / "venv", python_of(minor))
    environment.install(f"{wheel_path}[columns]", "--resolution", resolution)

    sku = f"{resolution} on 3.{minor}"
    reserve_from(environment, node.target, sku)
    done = environment.run("python", "-c", COLUMNS, node.target, sku)
    assert (0, "") == (done.returncode, done.stderr)


def test_every_python_that_is_named_is_tried() -> None:
    """The classifiers and requires-python say the same."""
    named = [each.rpartition(" :: ")[2] for each in PYPROJECT["project"]["classifiers"]]
    assert ["3.11", "3.12", "3.13"] == [version for version in named if version.startswith("3.")]
    assert ">=3.11,<3.14" == PYPROJECT["project"]["requires-python"]
