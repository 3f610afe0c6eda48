"""Data directories that earlier builds wrote open, and hold what their builds read from them.

directories/README.md says what is in them and how they were made.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.statistics import read_statistics
from holdfast.persistence.verify import verify
from tests.persistence.lives import close, live_on, reopen

DIRECTORIES = Path(__file__).with_name("directories")
NAMES = sorted(archive.name.removesuffix(".tar.xz") for archive in DIRECTORIES.glob("*.tar.xz"))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(name: str, tmp_path: Path) -> Path:
    """The directory as the build left it."""
    return unpacked(name, tmp_path)


def unpacked(name: str, folder: Path) -> Path:
    """A copy of an archived directory."""
    with tarfile.open(DIRECTORIES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "data"


@pytest.fixture
def expected(name: str) -> dict[str, Any]:
    """What the build itself read back."""
    facts: dict[str, Any] = json.loads((DIRECTORIES / f"{name}.json").read_text("utf-8"))
    return facts


def test_there_is_one_that_was_stopped_and_one_that_was_killed() -> None:
    """An empty folder would pass every other test here."""
    assert {"30460a5-stopped", "30460a5-killed"} <= set(NAMES)


def test_it_opens_with_the_state_that_was_written(path: Path, expected: dict[str, Any]) -> None:
    """From its snapshot, if it has one, and the journal after it."""
    recovered = reopen(path, expected["shard_count"])
    close(recovered)

    statistics = [read_statistics(shard.header) for shard in recovered.node.shards]
    units = ("on_hand", "reserved", "committed")
    actual = {unit: sum(getattr(shard, unit) for shard in statistics) for unit in units}
    actual |= {
        "shard_count": len(recovered.node.shards),
        "position": recovered.journal.position,
        "snapshot_position": recovered.snapshot_position,
        "epoch": recovered.epoch - 1,
    }
    assert expected == {**actual, "state_hash": recovered.node.state_hash()}
    assert [] == recovered.bad_snapshots


def test_all_of_it_is_good(path: Path, expected: dict[str, Any]) -> None:
    """Pages, every entry from the first, every seal, and the snapshot against the state."""
    report = verify(path)

    # A seal is a digest of the columns that its build had.
    notes = [note for note in report.notes if "seals of earlier builds were not" not in note]
    assert ([], []) == (report.findings, notes)
    assert int(expected["snapshot_position"] > 0) == report.snapshots
    assert expected["position"] == report.appends
    assert expected["state_hash"] == report.state_hash


def test_a_node_goes_on_with_it(path: Path, expected: dict[str, Any]) -> None:
    """What this build appends follows what the other wrote."""
    shards = expected["shard_count"]

    left = live_on(path, turns=10, seed=1, shard_count=shards)

    recovered = reopen(path, shards)
    close(recovered)
    assert left == recovered.node.state_hash() == verify(path).state_hash
    assert expected["epoch"] + 2 == recovered.epoch
