"""Judge a whole data directory, or a backup: `holdfast verify`.

Every append is replayed from the first that is left, in the archive and in the journal, and each
snapshot has to be the state at its position. Where older history was dropped, the replay begins at
the oldest snapshot after it. Nothing is changed. It may run beside a serving node; then the
structure of the journal's pages is left out, which the node has checked when it started and which
can't be judged while it writes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from holdfast.core.audit import check_invariants
from holdfast.core.kernels import count_names
from holdfast.core.kernels.codes import FLAG_FREE, FLAG_LATER_PART
from holdfast.core.node import Node
from holdfast.core.statistics import read_statistics
from holdfast.core.tables import state_bytes
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.shard import Shard

from .archive.segments import History
from .backup_json import Backup
from .codec import DamagedEntryError, RecordedEntry, read_appends
from .data_directory import (
    DataDirectory,
    DirectoryError,
    NewerSchemaError,
    NoDataDirectoryError,
)
from .hash_chain import Chain
from .journal import JournalError, JournalReader
from .kept_history import directory_of, open_history, read_folder
from .lmdb.data_file import DamagedFileError
from .recovery import Progress, empty_node, locate_damage, no_progress, replay_group
from .snapshots.file import LOAD_ERRORS, Snapshot, load_snapshot, snapshot_paths

#: Sections of packed bytes; the others are records.
_NAMES = {section for section, dtype in DTYPES.items() if dtype.itemsize == 1}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    file: Path
    offset: int
    """First byte of the smallest part that is known to be damaged."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file.name}: byte {self.offset}: {self.reason}"


@dataclass(slots=True)
class VerifyReport:
    """What was found, and what the directory holds as far as it could be read."""

    path: Path
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out, and why."""
    position: int = 0
    """Of the last append that was replayed."""
    now_ns: int = 0
    """Its time."""
    appends: int = 0
    entries: int = 0
    epoch: int = 0
    """How many nodes have written so far, one after the other."""
    operations: Counter[Section] = field(default_factory=Counter)
    """Effects by kind, names by their number; SEAL counts the states that the replay was compared
    with.
    """
    seals_passed_over: int = 0
    """Seals of earlier schemas, which are digests of other columns than this build has."""
    snapshots: int = 0
    """Snapshots that are the state at their position."""
    reservations: int = 0
    """Reservations ever made; one over several shards counts once."""
    stock_levels: int = 0
    state_hash: str = ""
    """Of the state that the readable part leads to; empty when nothing could be replayed."""

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def add(self, file: Path, offset: int, reason: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(file, offset, reason))


def verify(path: Path, on_progress: Progress = no_progress) -> VerifyReport:
    """What is wrong with a data directory or a backup, and what it holds.

    Raises NoDataDirectoryError when it is neither, NewerSchemaError when a newer build has written
    to it; damage is in the report.
    """
    try:
        folder = read_folder(path)
    except (NoDataDirectoryError, NewerSchemaError):
        raise
    except DirectoryError as error:
        report = VerifyReport(path)
        report.add(path / "node.json", 0, str(error))
        return report
    return verify_folder(folder, on_progress)


def verify_folder(
    folder: DataDirectory | Backup, on_progress: Progress = no_progress
) -> VerifyReport:
    """As `verify`, of a folder whose file of names is known, and may not be written yet."""
    directory = directory_of(folder)
    report = VerifyReport(directory.path)
    # Before the journal is opened, which then reaches as far as each of them.
    snapshots = _load_snapshots(report, directory)
    try:
        with open_history(folder) as (history, is_served):
            if is_served:
                report.notes.append("a node serves it: the journal's pages were not checked")
            start = _start(report, directory, history, snapshots)
            _replay(report, directory, history, start, snapshots, on_progress)
    except NewerSchemaError:
        raise
    except DamagedFileError as error:
        report.add(error.path, error.offset, error.reason)
    except (DirectoryError, JournalError) as error:
        report.add(directory.journal, 0, str(error))
    return report


@dataclass(frozen=True, slots=True)
class _State:
    """What makes a state the same as another: all that a snapshot says of its position."""

    epoch: int
    chain: Chain
    digests: Sequence[tuple[int, int]]


#: Path and state of each snapshot, by position.
_Snapshots = dict[int, tuple[Path, _State]]


def _load_snapshots(report: VerifyReport, directory: DataDirectory) -> _Snapshots:
    snapshots: _Snapshots = {}
    for path in snapshot_paths(directory):
        try:
            loaded = load_snapshot(path, empty_node(directory))
        except FileNotFoundError:
            continue  # newer ones have taken its place
        except NewerSchemaError as error:
            report.notes.append(f"{path.name} was not compared: {error}")
        except LOAD_ERRORS as error:
            report.add(path, 0, str(error))
        else:
            state = _State(loaded.epoch, loaded.chain, _digests(loaded.node))
            snapshots[loaded.position] = path, state
    return snapshots


def _start(
    report: VerifyReport, directory: DataDirectory, history: History, snapshots: _Snapshots
) -> Snapshot:
    """An empty node, or the oldest snapshot that the history that is left goes on from."""
    first = history.first
    if first == 1:
        return Snapshot(empty_node(directory), 0, 0, {})
    for position in sorted(snapshots):
        if position >= first - 1:
            path, _ = snapshots.pop(position)
            report.notes.append(
                f"history before position {first:,} was dropped: replayed from {path.name} on"
            )
            report.snapshots += 1
            return load_snapshot(path, empty_node(directory))
    raise DirectoryError(
        f"{directory.path}: history before position {first} was dropped, and no good snapshot "
        "reaches it; restore the directory from a backup"
    )


def _digests(node: Node) -> list[tuple[int, int]]:
    return [state_bytes.digest(shard) for shard in node.shards]


def _replay(
    report: VerifyReport,
    directory: DataDirectory,
    journal: JournalReader,
    start: Snapshot,
    snapshots: _Snapshots,
    on_progress: Progress,
) -> None:
    node, chain = start.node, start.chain
    report.position = start.position
    if start.position in snapshots:  # of a node that nothing had happened to
        path, state = snapshots.pop(start.position)
        _compare(report, path, state, _State(start.epoch, chain, _digests(node)))
    try:
        for position, group in read_appends(journal, start.position, chain):
            replay_group(node, position, group)
            report.position = position
            _count(report, group)
            if position in snapshots:
                path, state = snapshots.pop(position)
                _compare(report, path, state, _State(report.epoch, chain, _digests(node)))
            on_progress(position, journal.position)
    except DamagedEntryError as error:
        report.notes += [f"{path.name} was not compared" for path, _ in snapshots.values()]
        raise locate_damage(directory, error) from error
    finally:
        _judge_state(report, directory, node)
    if report.seals_passed_over:
        report.notes.append(
            f"{report.seals_passed_over} seals of earlier builds were not compared: "
            "they are digests of other columns"
        )
    for position, (path, _) in snapshots.items():
        reason = f"it is of position {position}, but the journal ends at {journal.position}"
        report.add(path, 0, reason)


def _count(report: VerifyReport, group: Sequence[RecordedEntry]) -> None:
    report.appends += 1
    report.entries += len(group)
    for recorded in group:
        report.epoch = recorded.epoch
        for section, effects in recorded.entry.sections:
            if section is Section.SEAL and not recorded.is_of_this_schema:
                report.seals_passed_over += 1
                continue
            is_names = section in _NAMES
            report.operations[section] += count_names(effects) if is_names else len(effects)


def _compare(report: VerifyReport, path: Path, snapshot: _State, replayed: _State) -> None:
    if snapshot == replayed:
        report.snapshots += 1
    else:
        report.add(path, 0, "it is not the state that the journal leads to")


def _judge_state(report: VerifyReport, directory: DataDirectory, node: Node) -> None:
    """Take the figures of the state, and look for what contradicts itself in it."""
    figures = [read_statistics(shard.header) for shard in node.shards]
    report.reservations = sum(_first_parts(shard) for shard in node.shards)
    report.stock_levels = sum(shard.stock_levels for shard in figures)
    report.state_hash = node.state_hash()
    report.now_ns = node.now_ns
    for problem in check_invariants(node):
        report.add(directory.journal, 0, f"the state it leads to: {problem}")


def _first_parts(shard: Shard) -> int:
    """How many reservations begin here: one over several shards has a part in each."""
    return int(np.count_nonzero(shard.reservations["flags"] & (FLAG_LATER_PART | FLAG_FREE) == 0))
