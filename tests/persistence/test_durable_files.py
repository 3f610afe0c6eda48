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
    """Before the next is made in it. The one that was there may be what a process made that died
    before it could sync the name.
    """
    make_folders_durably(tmp_path / "some" / "where")
    here = ["some", tmp_path.name, tmp_path.parent.name]
    assert [f"folder {name}" for name in reversed(here)] == steps

    steps.clear()
    make_folders_durably(tmp_path / "some" / "where")
    assert ["folder some"] == steps


def test_a_folder_above_that_may_not_be_read_is_left_alone(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is for a service with a private folder: somebody else has made its folder there."""
    real = os.open

    def refuse(path: Path, flags: int) -> int:
        if path == tmp_path:
            raise PermissionError
        return real(path, flags)

    (tmp_path / "data").mkdir()
    monkeypatch.setattr(os, "open", refuse)
    make_folders_durably(tmp_path / "data")
    assert [] == steps
