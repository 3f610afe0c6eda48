"""A backup: whole, verified, of one instant; and a folder that is none says so."""

import errno
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from holdfast.persistence import backup_json
from holdfast.persistence.archive.segments import limit
from holdfast.persistence.backup import BackupMade, back_up
from holdfast.persistence.backup_json import read_backup_json
from holdfast.persistence.data_directory import (
    BACKUP_JSON,
    BACKUP_PARTIAL,
    DirectoryError,
    NewerSchemaError,
    NoDataDirectoryError,
    read_node_json,
)
from holdfast.persistence.past import Wanted
from holdfast.persistence.restore import restore
from holdfast.persistence.verify import verify
from tests.persistence.archive.test_trimmed import trim
from tests.persistence.lives import (
    close,
    flip,
    read_back,
    reopen,
    snapshot_paths,
)


def good(made: BackupMade) -> tuple[int, str]:
    """Position and state of a backup that verify finds to be good by itself."""
    report = verify(made.report.path)
    assert [] == report.findings
    assert report.state_hash == made.report.state_hash
    assert report.position == made.backup.position
    return report.position, report.state_hash


def state_of(path: Path) -> tuple[int, str]:
    """Position and state of a directory that nobody serves."""
    _, snapshot = read_back(path)
    return snapshot.position, snapshot.node.state_hash()


def test_a_backup_has_all_that_the_directory_has(path: Path, tmp_path: Path) -> None:
    """And a second one goes to another folder."""
    for name in ("monday", "tuesday"):
        assert state_of(path) == good(back_up(path, tmp_path / name))
        assert 2 == verify(tmp_path / name).snapshots


def test_a_backup_of_a_trimmed_directory_has_its_archive(path: Path, tmp_path: Path) -> None:
    trim(path)
    assert state_of(path) == good(back_up(path, tmp_path / "backup"))
    assert verify(tmp_path / "backup").appends == state_of(path)[0]


def test_a_backup_of_a_directory_whose_history_was_dropped_begins_at_a_snapshot(
    path: Path, tmp_path: Path
) -> None:
    trim(path)
    limit(read_node_json(path), 0)
    assert state_of(path) == good(back_up(path, tmp_path / "backup"))
    assert "was dropped" in verify(tmp_path / "backup").notes[0]


def test_a_backup_of_a_new_directory_is_one(tmp_path: Path) -> None:
    close(reopen(tmp_path / "data"))
    assert 0 == good(back_up(tmp_path / "data", tmp_path / "backup"))[0]


def test_a_backup_of_a_backup_is_one(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "first")
    assert state_of(path) == good(back_up(tmp_path / "first", tmp_path / "second"))


def test_a_snapshot_that_is_damaged_is_left_out(path: Path, tmp_path: Path) -> None:
    """The journal is whole without it."""
    newest, older = snapshot_paths(path)
    newest.write_bytes(flip(newest.read_bytes(), 4_000))
    made = back_up(path, tmp_path / "backup")
    assert [f"{newest.name} is damaged and was left out"] == made.notes
    assert state_of(path) == good(made)
    assert [older.name] == [each.name for each in (tmp_path / "backup" / "snapshots").iterdir()]


def test_damage_in_the_archive_makes_no_backup(path: Path, tmp_path: Path) -> None:
    """What was copied is not what was written."""
    trim(path)
    (segment,) = (path / "archive").iterdir()
    segment.write_bytes(flip(segment.read_bytes(), 8 * 100))
    with pytest.raises(DirectoryError, match=r"the copy is not good: segment-.*holdfast verify"):
        back_up(path, tmp_path / "backup")
    expect_none(tmp_path / "backup")


def expect_none(target: Path) -> None:
    """What is in a folder is reported as a backup that was cut off, by all who could use it."""
    for use in (
        lambda: verify(target),
        lambda: reopen(target),
        lambda: back_up(target, target.with_name("another")),
        lambda: restore(target, target.with_name("another"), Wanted()),
    ):
        with pytest.raises(NoDataDirectoryError, match="a backup that was cut off"):
            use()
        assert not target.with_name("another").exists()


def test_a_backup_is_not_served(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "backup")
    before = sorted((tmp_path / "backup").rglob("*"))
    with pytest.raises(NoDataDirectoryError, match=r"a backup; `holdfast restore` makes"):
        reopen(tmp_path / "backup")
    assert {*before, tmp_path / "backup" / "lock"} == {*(tmp_path / "backup").rglob("*")}


# --- where it goes ---


def test_nothing_is_overwritten(path: Path, tmp_path: Path) -> None:
    """Neither files, nor a file, nor another backup, nor one that was cut off."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "report.txt").write_text("ours")
    (tmp_path / "file").write_text("ours")
    back_up(path, tmp_path / "backup")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / BACKUP_PARTIAL).touch()
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
    for name in ("full", "file", "backup", "cut"):
        with pytest.raises(DirectoryError, match="not an empty folder; nothing is overwritten"):
            back_up(path, tmp_path / name)
    assert before == {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}


def test_an_empty_folder_may_be_there(path: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    assert state_of(path) == good(back_up(path, tmp_path / "backup"))


def test_it_does_not_go_into_what_it_is_of(path: Path) -> None:
    """It would be lost with it."""
    with pytest.raises(DirectoryError, match="name a folder outside of it"):
        back_up(path, path / "backup")
    assert not (path / "backup").exists()


def test_a_folder_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data", "missing"):
        with pytest.raises(NoDataDirectoryError, match=f"{name}: not a data directory"):
            back_up(tmp_path / name, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_damage_in_its_own_file_is_reported(path: Path, tmp_path: Path) -> None:
    back_up(path, tmp_path / "backup")
    file = tmp_path / "backup" / BACKUP_JSON
    written = file.read_bytes()
    for bit in range(0, 8 * len(written), 5):
        file.write_bytes(flip(written, bit))
        with pytest.raises(DirectoryError, match=r"backup.json: damaged .* take another backup"):
            read_backup_json(tmp_path / "backup")


def test_one_of_a_newer_build_is_not_called_damaged(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(backup_json, "FORMAT", backup_json.FORMAT + 1)
        back_up(path, tmp_path / "backup")
    with pytest.raises(NewerSchemaError, match="upgrade Holdfast"):
        verify(tmp_path / "backup")


# --- a disk that fails ---


def disks_that_fill_up(monkeypatch: pytest.MonkeyPatch, error: int) -> Iterator[pytest.MonkeyPatch]:
    """Let every sync fail from the first on, then from the second on, and so on."""
    fsync = os.fsync
    for failing in range(1_000):
        left = iter(range(failing))

        def fail(descriptor: int, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise OSError(error, os.strerror(error))
            fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            yield patch


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_leaves_no_backup(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """At whatever sync of a file or a folder; the message names the folder."""
    trim(path)
    expected = state_of(path)
    failures: list[Path] = []
    for _ in disks_that_fill_up(monkeypatch, error):
        target = tmp_path / f"backup-{len(failures)}"
        try:
            made = back_up(path, target)
            break
        except DirectoryError as failed:
            message = str(failed)
        assert f"{target}: cannot be written: {os.strerror(error)}" == message
        failures.append(target)
    assert expected == good(made)
    assert len(failures) > 8
    assert expected == state_of(path)
    for target in failures:
        # The last sync is that of a name which is given already.
        if not (target / BACKUP_JSON).exists():
            with pytest.raises(NoDataDirectoryError):
                verify(target)


# --- a process that is killed ---


def kill_at(step: int, act: Callable[[], object]) -> int:
    """Do something in a process that is killed before the step of that number: at opening, making,
    naming, removing or syncing a file or a folder. Return its exit code, -9 when it was killed.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps, fsync = itertools.count(), os.fsync

    def die_in_time(*_: object) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, _arguments: object) -> None:
        if event in ("open", "os.mkdir", "os.rename", "os.remove"):
            die_in_time()

    def sync(descriptor: int) -> None:
        die_in_time()
        fsync(descriptor)

    status = 1
    try:
        sys.addaudithook(hook)
        os.fsync = sync  # type: ignore[assignment]
        act()
        status = 0
    finally:
        os._exit(status)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_backup_that_is_killed_at_any_step_is_none_or_whole(
    path: Path, tmp_path: Path, every: int
) -> None:
    """And what it is of stays as it was."""
    trim(path)
    expected = state_of(path)
    for step in range(0, 1_000, every):
        target = tmp_path / f"backup-{step}"
        if kill_at(step, partial(back_up, path, target)) == 0:
            break
        if not target.exists() or not any(target.iterdir()):
            continue
        if read_backup_json(target) is None:
            expect_none(target)
        else:
            assert expected[1] == restore(target, tmp_path / "whole", Wanted()).report.state_hash
            shutil.rmtree(tmp_path / "whole")
    assert step > 40
    assert expected[1] == verify(target).state_hash
    assert expected == state_of(path)
