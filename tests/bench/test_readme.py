"""What bench/README.md says is there is there, and nothing is missing from it."""

import re

import pytest

from bench.__main__ import BENCHES
from bench.harness.plan import ROOT

BENCH = ROOT / "bench"
README = (BENCH / "README.md").read_text("utf-8")

#: Folder -> the folders of which it may import.
BELOW: dict[str, set[str]] = {
    "harness": set(),
    "peers": {"harness"},
    "cases": {"harness", "peers"},
    "rehearsal": {"demo", "harness"},
    "demo": {"harness", "replay"},
    "replay": {"harness"},
}

#: Folder -> its cell in the table of folders.
FOLDERS = dict(re.findall(r"^\| `(\w+)/` \| (.+) \|$", README, re.MULTILINE))


def test_every_bench_has_figures_that_are_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)

    assert set(BENCHES) == set(explained)


def test_every_folder_is_documented() -> None:
    packages = {path.parent.name for path in BENCH.glob("*/__init__.py")}

    assert packages == set(FOLDERS)


@pytest.mark.parametrize("folder", sorted(set(FOLDERS) - {"cases"}))
def test_every_module_of_a_folder_is_documented(folder: str) -> None:
    modules = {path.name for path in (BENCH / folder).glob("*.py") if path.name[0] != "_"}

    assert modules == set(re.findall(r"`(\w+\.py)`", FOLDERS[folder]))


@pytest.mark.parametrize(("folder", "below"), BELOW.items())
def test_a_folder_imports_what_is_below_it(folder: str, below: set[str]) -> None:
    """Benches share through the harness, and no bench imports another."""
    text = "".join(path.read_text("utf-8") for path in (BENCH / folder).glob("*.py"))
    siblings = re.findall(r"^from \.(\w+) import", text, re.MULTILINE)

    assert below >= set(re.findall(r"^from \.\.(\w+)", text, re.MULTILINE))
    assert folder != "cases" or not siblings


def test_files_that_are_named_elsewhere_exist() -> None:
    for path in re.findall(r"`((?:cases|harness|peers|rehearsal|replay)/[\w.]+)`", README):
        assert (BENCH / path).exists(), path


def test_benches_that_are_run_by_name_exist() -> None:
    assert set(re.findall(r"-m bench --only\s+(\w+)", README)) <= set(BENCHES)
