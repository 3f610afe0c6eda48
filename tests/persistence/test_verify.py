"""What `holdfast verify` says: nothing against a good data directory, the place in a bad one."""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.kernels.codes import FLAG_LATER_PART
from holdfast.core.statistics import read_statistics
from holdfast.core.tables.effects import Section
from holdfast.persistence.data_directory import DirectoryError
from holdfast.persistence.lmdb.pages import iterate_values
from holdfast.persistence.snapshots.file import snapshot_position
from holdfast.persistence.verify import VerifyReport, verify
from tests.persistence.lives import close, flip, life_of, live_on, reopen, snapshot_of
from tests.persistence.test_directory_lock import HOLD, process_with


def findings(report: VerifyReport) -> list[tuple[str, int, str]]:
    """What was found, with names of files only."""
    return [(finding.file.name, finding.offset, finding.reason) for finding in report.findings]


def newest_snapshot(path: Path) -> Path:
    return max((path / "snapshots").iterdir())


def place_of(path: Path, position: int) -> tuple[int, int]:
    """Where the value of an append lies, and its size."""
    places = {key: (at, size) for key, at, size in iterate_values(path / "journal.mdb")}
    return places[position]


def flip_in_file(file: Path, bit: int) -> None:
    file.write_bytes(flip(file.read_bytes(), bit))


# --- a good one ---


def test_a_good_directory_is_good_and_its_figures_are_reported(path: Path) -> None:
    """The figures are those of the node that recovers from it."""
    progress: list[tuple[int, int]] = []
    report = verify(path, lambda *figures: progress.append(figures))
    recovered = reopen(path)
    close(recovered)
    statistics = [read_statistics(shard.header) for shard in recovered.node.shards]
    assert ([], [], True) == (report.findings, report.notes, report.is_good)
    assert recovered.node.state_hash() == report.state_hash
    assert recovered.journal.position == report.appends
    assert sum(figures.sequence for figures in statistics) == report.entries
    assert sum(figures.stock_levels for figures in statistics) == report.stock_levels
    flags = [shard.reservations["flags"] for shard in recovered.node.shards]
    assert report.reservations == sum(int((each & FLAG_LATER_PART == 0).sum()) for each in flags)
    assert (2, 3) == (report.snapshots, report.epoch)
    assert [(done, report.appends) for done in range(1, report.appends + 1)] == progress


def test_effects_are_counted_by_kind(path: Path) -> None:
    """Names by their number, all else by records."""
    report = verify(path)
    recovered = reopen(path)
    close(recovered)
    shards = recovered.node.shards
    assert sum(len(shard.skus) for shard in shards) == report.operations[Section.SKU_NAMES]
    with_texts = (np.count_nonzero(shard.reservations["id_text"] >= 0) for shard in shards)
    assert sum(with_texts) == report.operations[Section.RESERVATION_TEXTS]
    assert sum(len(shard.lines) for shard in shards) == report.operations[Section.LINES]
    assert report.operations[Section.MOVES] > 0
    assert report.operations[Section.SEAL] > 0


def test_a_new_directory_is_good(tmp_path: Path) -> None:
    """Nothing has been written yet."""
    close(reopen(tmp_path))
    report = verify(tmp_path)
    assert ([], 0, 0) == (report.findings, report.appends, report.reservations)


def test_verify_changes_nothing(path: Path) -> None:
    """But the lock files, which hold nothing."""
    before = {file: file.read_bytes() for file in path.rglob("*.*") if file.suffix != ".mdb-lock"}
    verify(path)
    assert before == {file: file.read_bytes() for file in before}


def test_beside_a_serving_node_the_pages_are_left_out(path: Path) -> None:
    """And it says so."""
    with process_with(HOLD, path):
        report = verify(path)
    assert report.is_good
    assert ["a node serves it: the journal's pages were not checked"] == report.notes
    assert report.appends > 0


def test_what_is_no_data_directory_is_not_judged(tmp_path: Path) -> None:
    """Nor made into one."""
    path = tmp_path / "nothing"
    with pytest.raises(DirectoryError, match="nothing: not a data directory"):
        verify(path)
    assert not path.exists()


# --- a bad one ---


@pytest.mark.parametrize("position", [1, 7, 20])
def test_a_flipped_bit_in_a_value_is_found_at_its_entry(path: Path, position: int) -> None:
    """The offset is that of the entry that holds the bit, or of the group header."""
    start, size = place_of(path, position)
    rng = random.Random(position)
    for bit in (0, 8 * 24, 8 * size - 1, *(rng.randrange(8 * size) for _ in range(10))):
        flip_in_file(path / "journal.mdb", 8 * start + bit)
        report = verify(path)
        (finding,) = report.findings
        assert "journal.mdb" == finding.file.name
        assert start <= finding.offset <= start + bit // 8
        assert f"journal position {position}: " in finding.reason
        assert position - 1 == report.appends
        assert {f"{file.name} was not compared" for file in (path / "snapshots").iterdir()} >= set(
            report.notes
        )
        flip_in_file(path / "journal.mdb", 8 * start + bit)
    assert verify(path).is_good


def test_damaged_pages_are_found_before_they_are_mapped(path: Path) -> None:
    """Here the file is cut; LMDB would die of it."""
    os.truncate(path / "journal.mdb", 10_000)
    ((name, offset, reason),) = findings(verify(path))
    assert ("journal.mdb", 10_000) == (name, offset)
    assert "the file ends here" in reason


def test_a_missing_journal_is_a_finding(path: Path) -> None:
    """There is nothing to read in it, but a place to look at."""
    (path / "journal.mdb").unlink()
    reason = f"{path / 'journal.mdb'}: missing; restore it from a backup"
    assert [("journal.mdb", 0, reason)] == findings(verify(path))


def test_a_damaged_node_json_is_a_finding(path: Path) -> None:
    """Without the number of shards nothing else can be judged."""
    (path / "node.json").write_bytes(b"")
    ((name, offset, reason),) = findings(verify(path))
    assert ("node.json", 0) == (name, offset)
    assert "damaged" in reason


def test_a_damaged_snapshot_is_a_finding_and_the_journal_is_judged_all_the_same(path: Path) -> None:
    """Recovery would pass it over."""
    newest = newest_snapshot(path)
    flip_in_file(newest, 5_000)
    report = verify(path)
    reason = "its bytes do not hash to the digest at its end"
    assert [(newest.name, 0, reason)] == findings(report)
    assert 1 == report.snapshots
    assert report.state_hash


def test_a_snapshot_of_another_history_is_a_finding(path: Path, tmp_path: Path) -> None:
    """It is whole, and of the right position, but not where this journal leads."""
    newest = newest_snapshot(path)
    other = tmp_path / "other"
    position = snapshot_position(newest)
    recovered = reopen(other)
    life = life_of(recovered, random.Random(7))
    while recovered.journal.position < position:
        life.live(turns=1, seal_every=1_000)
    close(recovered)
    shutil.copy(snapshot_of(other), newest)
    reason = "it is not the state that the journal leads to"
    assert [(newest.name, 0, reason)] == findings(verify(path))


def test_a_snapshot_ahead_of_the_journal_is_a_finding(path: Path, tmp_path: Path) -> None:
    """The journal was replaced by an older one."""
    older = tmp_path / "older"
    live_on(older, turns=3, seed=1)
    shutil.copy(older / "journal.mdb", path / "journal.mdb")
    reasons = [reason for _, _, reason in findings(verify(path))]
    assert 2 == len(reasons)
    assert all("but the journal ends at" in reason for reason in reasons)


def test_a_state_that_contradicts_its_seal_is_a_finding(tmp_path: Path) -> None:
    """At the append that holds the seal."""
    recovered = reopen(tmp_path)
    life = life_of(recovered, random.Random(2))
    life.live(turns=3)
    recovered.node.shards[1].levels.records["on_hand"][0] += 1
    life.journal.append(life.node.seal())
    close(recovered)
    start, _ = place_of(tmp_path, recovered.journal.position)
    ((name, offset, reason),) = findings(verify(tmp_path))
    assert ("journal.mdb", start) == (name, offset)
    assert "is not what the journal sealed" in reason


def test_a_state_that_contradicts_itself_is_a_finding(tmp_path: Path) -> None:
    """Every byte is right and there is no seal, but a promise is missing from its stock level."""
    recovered = reopen(tmp_path)
    life = life_of(recovered, random.Random(2))
    life.live(turns=3, seal_every=1_000)
    entries = list(life.node.turn(10**15).entries)
    moves = next(moves for kind, moves in entries[0].sections if kind is Section.MOVES)
    moves["quantity"] += 1
    life.journal.append(entries)
    close(recovered)
    report = verify(tmp_path)
    assert {("journal.mdb", 0)} == {(name, offset) for name, offset, _ in findings(report)}
    assert "the state it leads to: shard" in report.findings[0].reason
