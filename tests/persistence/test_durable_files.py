"""What is written durably is there whole or not at all: bytes first, then the name."""

import os
import stat
from pathlib import Path

import pytest

from holdfast.persistence.durable_files import make_folders_durably, write_durably


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the disk, in order."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        steps.append(f"{'folder' if is_folder else 'file'} {name}")
        fsync(descriptor)

    def noted_rename(self: Path, target: Path) -> Path:
        steps.append(f"{self.name} is {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    return steps


def test_a_name_is_given_to_bytes_that_are_synced(tmp_path: Path, steps: list[str]) -> None:
    """And is synced itself. What stood there before is replaced in one step."""
    path = tmp_path / "figures"
    path.write_bytes(b"before")

    write_durably(path, b"after")

    assert [
        "file figures.partial",
        "figures.partial is figures",
        f"folder {tmp_path.name}",
    ] == steps
    assert b"after" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_each_new_folder_is_named_durably(tmp_path: Path, steps: list[str]) -> None:
    """In the folder above it; one that is there already is left alone."""
    make_folders_durably(tmp_path / "some" / "where")
    make_folders_durably(tmp_path / "some")

    assert {"folder some", f"folder {tmp_path.name}"} == set(steps)
    assert 2 == len(steps)
