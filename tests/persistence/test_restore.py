"""A restore leads back to any point, and says what it can't reach."""

import errno
import os
import random
import shutil
from functools import partial
from pathlib import Path

import pytest

from holdfast.persistence.archive.segments import archived_to, limit
from holdfast.persistence.backup import back_up
from holdfast.persistence.data_directory import (
    RESTORE_PARTIAL,
    DirectoryError,
    NoDataDirectoryError,
    read_node_json,
)
from holdfast.persistence.past import Wanted
from holdfast.persistence.restore import Restored, restore
from holdfast.persistence.verify import verify
from tests.persistence.archive.test_trimmed import trim
from tests.persistence.lives import (
    close,
    flip_in_last_value,
    life_of,
    live_on,
    reopen,
    snapshot_of,
    snapshot_paths,
)
from tests.persistence.test_backup import disks_that_fill_up, kill_at, state_of


class Recorded:
    """A directory that has lived, with the state and the time at each of its positions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.states: dict[int, str] = {}
        self.times: dict[int, int] = {}
        for seed in range(4):
            recovered = reopen(path)
            life = life_of(recovered, random.Random(seed))
            for _ in range(12):
                life.live(1, seal_every=5)
                self.states[life.journal.position] = recovered.node.state_hash()
                self.times[life.journal.position] = recovered.node.now_ns
            close(recovered)
            if seed < 3:
                snapshot_of(path)
            if seed in (1, 2):
                trim(path)
        self.end = max(self.states)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(tmp_path_factory.mktemp("recorded") / "data")


@pytest.fixture(scope="module")
def backup(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backup") / "backup"
    back_up(recorded.path, path)
    return path


@pytest.mark.parametrize("count", [4, pytest.param(24, marks=pytest.mark.slow)])
def test_every_position_leads_back_to_its_state(
    recorded: Recorded, backup: Path, tmp_path: Path, count: int
) -> None:
    """The directory is good by itself, starts, and goes on."""
    positions = random.Random(1).sample(sorted(recorded.states), count)
    for position in positions:
        target = tmp_path / str(position)
        made = restore(backup, target, Wanted(position=position))
        expected = (position, recorded.states[position], recorded.end, True)
        assert expected == (made.position, made.report.state_hash, made.end, made.has_history)
        assert (recorded.times[position], recorded.times[recorded.end]) == (
            made.now_ns,
            made.end_ns,
        )
        assert (position + 1, recorded.states[position]) == state_of(target)
        expected_state = live_on(target, turns=5, seed=position)
        snapshot_of(target)
        report = verify(target)
        assert ([], expected_state) == (report.findings, report.state_hash)
        assert 2 == report.snapshots


def test_every_time_leads_back_to_the_last_entry_not_later(
    recorded: Recorded, backup: Path, tmp_path: Path
) -> None:
    chance = random.Random(2)
    for number, position in enumerate(chance.sample(sorted(recorded.states), 8)):
        at_ns = recorded.times[position] + chance.choice((0, 1, 10**6))
        expected = max(each for each in recorded.times if recorded.times[each] <= at_ns)
        made = restore(backup, tmp_path / str(number), Wanted(at_ns=at_ns))
        state = recorded.states[expected]
        assert (recorded.times[expected], state) == (made.now_ns, made.report.state_hash)


def test_without_a_point_it_leads_to_the_end(
    recorded: Recorded, backup: Path, tmp_path: Path
) -> None:
    made = restore(backup, tmp_path / "restored", Wanted())
    assert (recorded.end, recorded.states[recorded.end]) == (made.position, made.report.state_hash)
    # And so does a time after it.
    late = restore(backup, tmp_path / "late", Wanted(at_ns=recorded.times[recorded.end] + 1))
    assert recorded.end == late.position


def test_a_directory_itself_can_be_restored_from(recorded: Recorded, tmp_path: Path) -> None:
    """A copy that is to go on beside its original, or the original before a mistake."""
    position = sorted(recorded.states)[20]
    made = restore(recorded.path, tmp_path / "restored", Wanted(position=position))
    assert recorded.states[position] == made.report.state_hash


def test_each_restore_begins_a_timeline(recorded: Recorded, backup: Path, tmp_path: Path) -> None:
    made = [restore(backup, tmp_path / name, Wanted()) for name in ("one", "two")]
    timelines = {read_node_json(recorded.path).timeline}
    timelines |= {read_node_json(each.directory.path).timeline for each in made}
    assert 3 == len(timelines)
    assert [each.directory for each in made] == [
        read_node_json(each.directory.path) for each in made
    ]


def test_a_restored_directory_can_be_backed_up_and_restored(backup: Path, tmp_path: Path) -> None:
    restore(backup, tmp_path / "first", Wanted(position=25))
    expected = live_on(tmp_path / "first", turns=5, seed=1)
    back_up(tmp_path / "first", tmp_path / "again")
    made = restore(tmp_path / "again", tmp_path / "second", Wanted())
    assert expected == made.report.state_hash
    old = restore(tmp_path / "again", tmp_path / "third", Wanted(position=20))
    assert restore(backup, tmp_path / "fourth", Wanted(position=20)).report.state_hash == (
        old.report.state_hash
    )


def test_an_empty_backup_makes_an_empty_directory(tmp_path: Path) -> None:
    close(reopen(tmp_path / "data"))
    back_up(tmp_path / "data", tmp_path / "backup")
    made = restore(tmp_path / "backup", tmp_path / "restored", Wanted())
    assert 0 == made.position
    assert live_on(tmp_path / "data", 5, seed=1) == live_on(tmp_path / "restored", 5, seed=1)


# --- what can't be reached ---


def test_a_point_out_of_reach_is_refused_with_what_there_is(
    recorded: Recorded, backup: Path, tmp_path: Path
) -> None:
    first = recorded.times[min(recorded.times)]
    for wanted in (
        Wanted(position=recorded.end + 1),
        Wanted(at_ns=0),
        Wanted(at_ns=first - 10**12),
    ):
        with pytest.raises(
            DirectoryError, match=rf"There is positions 1 \(.*Z\) to {recorded.end} \(.*Z\)"
        ):
            restore(backup, tmp_path / "restored", wanted)
        assert not (tmp_path / "restored").exists()


def test_where_history_was_dropped_it_reaches_back_to_the_oldest_snapshot(
    recorded: Recorded, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(recorded.path, tmp_path / "data"))
    limit(read_node_json(data), 0)
    back_up(data, tmp_path / "backup")
    oldest = min(int(path.stem[9:]) for path in snapshot_paths(data))
    for wanted in (Wanted(position=oldest - 1), Wanted(at_ns=min(recorded.times.values()))):
        with pytest.raises(DirectoryError, match=rf"There is positions {oldest} \("):
            restore(tmp_path / "backup", tmp_path / "refused", wanted)
    for position in (oldest, recorded.end):
        made = restore(tmp_path / "backup", tmp_path / str(position), Wanted(position=position))
        assert recorded.states[position] == made.report.state_hash
    # What was restored reaches back as far.
    again = restore(tmp_path / str(recorded.end), tmp_path / "again", Wanted(position=oldest))
    assert recorded.states[oldest] == again.report.state_hash


# --- a journal that is damaged ---


@pytest.fixture
def damaged(recorded: Recorded, tmp_path: Path) -> Path:
    """A copy whose journal's file was cut, which no reader of LMDB can open."""
    path = Path(shutil.copytree(recorded.path, tmp_path / "damaged"))
    os.truncate(path / "journal.mdb", 8_192)
    return path


def test_with_a_damaged_journal_it_needs_to_be_given_the_point(
    recorded: Recorded, damaged: Path, tmp_path: Path
) -> None:
    reached = archived_to(read_node_json(damaged))
    newest = max(int(path.stem[9:]) for path in snapshot_paths(damaged))
    assert reached < newest < recorded.end
    there = rf"There is positions 1 \(.*\) to {reached} \(.*\) and position {newest} \(.*\), with"
    with pytest.raises(DirectoryError, match=rf"journal.mdb: damaged .*{there}"):
        restore(damaged, tmp_path / "restored", Wanted())
    for position, has_history in ((reached, True), (reached - 7, True), (newest, False)):
        target = tmp_path / str(position)
        made = restore(damaged, target, Wanted(position=position))
        assert (recorded.states.get(position, made.report.state_hash), has_history) == (
            made.report.state_hash,
            made.has_history,
        )
        assert newest == made.end
        live_on(target, turns=5, seed=1)
        assert [] == verify(target).findings


def test_without_a_journal_it_is_the_same(
    recorded: Recorded, damaged: Path, tmp_path: Path
) -> None:
    (damaged / "journal.mdb").unlink()
    with pytest.raises(DirectoryError, match=r"journal.mdb: missing"):
        restore(damaged, tmp_path / "restored", Wanted())
    newest = max(int(path.stem[9:]) for path in snapshot_paths(damaged))
    made = restore(damaged, tmp_path / "restored", Wanted(at_ns=recorded.times[recorded.end]))
    assert newest == made.position


def test_an_entry_that_is_damaged_is_reported_with_the_position_before_it(
    recorded: Recorded, tmp_path: Path
) -> None:
    """The structure of the file is whole: a bit of one value has flipped."""
    path = Path(shutil.copytree(recorded.path, tmp_path / "data"))
    flip_in_last_value(path / "journal.mdb")
    with pytest.raises(DirectoryError, match=r"`--position \d+` restores that") as caught:
        restore(path, tmp_path / "restored", Wanted())
    assert not (tmp_path / "restored").exists()
    position = int(str(caught.value).rpartition("--position ")[2].split("`")[0])
    made = restore(path, tmp_path / "restored", Wanted(position=position))
    assert recorded.states[position] == made.report.state_hash


# --- where it goes ---


def test_a_restore_overwrites_nothing(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "report.txt").write_text("ours")
    restore(backup, tmp_path / "restored", Wanted())
    before = {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}
    for target in (tmp_path / "full", tmp_path / "restored"):
        with pytest.raises(DirectoryError, match="nothing is overwritten"):
            restore(backup, target, Wanted())
    assert before == {each: each.stat().st_mtime_ns for each in tmp_path.rglob("*")}


def test_a_disk_without_room_for_the_state_is_reported(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is full: as much has to stay free as the snapshot takes."""
    full = os.statvfs(tmp_path)
    figures = list(full)
    figures[4] = 10  # f_bavail
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result(figures))
    with pytest.raises(DirectoryError, match="bytes would be too much"):
        restore(backup, tmp_path / "restored", Wanted())


def test_a_disk_that_fails_leaves_no_directory_that_starts(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[Path] = []
    made: Restored | None = None
    for _ in disks_that_fill_up(monkeypatch, errno.ENOSPC):
        target = tmp_path / f"restored-{len(failures)}"
        try:
            made = restore(backup, target, Wanted(position=30))
            break
        except DirectoryError as failed:
            message = str(failed)
        assert message.startswith(f"{target}: cannot be written: No space left on device")
        failures.append(target)
    assert made is not None
    assert len(failures) > 8
    for target in failures:
        if (target / RESTORE_PARTIAL).exists():
            with pytest.raises(NoDataDirectoryError, match="a restore that was cut off"):
                reopen(target)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_restore_that_is_killed_at_any_step_makes_none_or_a_whole_one(
    recorded: Recorded, backup: Path, tmp_path: Path, every: int
) -> None:
    position = sorted(recorded.states)[25]
    for step in range(0, 1_000, every):
        target = tmp_path / f"restored-{step}"
        if kill_at(step, partial(restore, backup, target, Wanted(position=position))) == 0:
            break
        if not target.exists() or not any(target.iterdir()):
            continue
        if (target / "node.json").exists():
            assert recorded.states[position] == state_of(target)[1]
        else:
            with pytest.raises(NoDataDirectoryError, match="a restore that was cut off"):
                reopen(target)
    assert step > 40
    assert recorded.states[position] == state_of(target)[1]
