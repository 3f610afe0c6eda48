"""What a user installs: the wheel holds ``holdfast`` and nothing else at its top level."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
FOLDERS: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]
DIST_INFO = f"holdfast-{PYPROJECT['project']['version']}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Built without network from a copy, so that nothing is left behind in the tree."""
    copy = tmp_path_factory.mktemp("source")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    done = subprocess.run(build, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_only_top_level_name_is_holdfast(wheel: zipfile.ZipFile) -> None:
    names = {name.split("/")[0] for name in wheel.namelist()}
    assert {"holdfast", DIST_INFO} == names


def test_holdfast_itself_stays_a_namespace(wheel: zipfile.ZipFile) -> None:
    """A separately shipped client can join it later."""
    assert "holdfast/__init__.py" not in wheel.namelist()


@pytest.mark.parametrize(("package", "folder"), FOLDERS.items())
def test_every_file_of_a_room_is_shipped(package: str, folder: str, wheel: zipfile.ZipFile) -> None:
    """Code, types, the marker for checkers, and the .proto files for users of other languages."""
    shipped = (".py", ".pyi", ".proto", "py.typed")
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
