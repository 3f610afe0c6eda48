"""Past states of a backup, or of what is left of a data directory.

A state is reached from a snapshot, by replaying what comes after it. Where the journal can't be
read, archive and snapshots are what is left; a snapshot past the end of the archive then stands for
its own position alone.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from .archive.segments import History, MissingHistoryError, archived_to
from .backup_json import Backup
from .codec import DamagedEntryError, decode_group, time_of_group
from .data_directory import DataDirectory, DirectoryError
from .journal import JournalError
from .kept_history import NoJournal, directory_of, open_history
from .lmdb.data_file import DamagedFileError
from .recovery import Progress, empty_node, locate_damage, no_progress, replay_group
from .snapshots.file import (
    LOAD_ERRORS,
    Snapshot,
    is_whole,
    load_snapshot,
    snapshot_name,
    snapshot_paths,
    snapshot_position,
)
from .time_texts import exact_time_text


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which state is asked for: the last, unless one of these is given."""

    position: int | None = None
    at_ns: int | None = None
    """That of the last append which is not later than this, nanoseconds since 1970."""

    @property
    def is_last(self) -> bool:
        """Whether no point was named."""
        return self.position is None and self.at_ns is None

    def allows(self, position: int, time_ns: int) -> bool:
        """Whether the state at a position is not later than the one that is asked for."""
        if self.position is not None:
            return position <= self.position
        return self.at_ns is None or time_ns <= self.at_ns


@dataclass(slots=True)
class Past:
    """What states there are."""

    history: History
    damage: str = ""
    """Why the journal is not used."""
    snapshots: list[int] = field(default_factory=list)
    """Positions of good snapshots, newest first, that the history goes on from or that are later
    than it.
    """

    @property
    def directory(self) -> DataDirectory:
        """Where the files lie."""
        return self.history.directory

    @property
    def first_state(self) -> int:
        """Position of the first state: 0, or that of the oldest snapshot.

        Raises MissingHistoryError when there is neither.
        """
        if self.history.first == 1:
            return 0
        if self.snapshots:
            return self.snapshots[-1]
        raise MissingHistoryError(
            f"{self.directory.path}: history before position {self.history.first} was dropped, "
            "and no good snapshot reaches it"
        )

    @property
    def end(self) -> int:
        """Position of the last state."""
        return max(self.history.position, *self.snapshots[:1], 0)

    def load(self, position: int) -> Snapshot:
        """A snapshot. Raises DirectoryError when it is not good."""
        path = self.directory.snapshots / snapshot_name(position)
        try:
            return load_snapshot(path, empty_node(self.directory))
        except LOAD_ERRORS as error:
            raise DirectoryError(f"{path}: {error}") from error

    def time_at(self, position: int) -> int:
        """When the last append of a state was made; 0 for none."""
        if not position:
            return 0
        if not self.history.first <= position <= self.history.position:
            return self.load(position).node.now_ns
        _, value = next(self.history.read(position - 1))
        return time_of_group(value)

    def reach(self) -> str:
        """Which states there are, for people."""
        first, last = max(self.first_state, 1), self.history.position
        parts = []
        if first <= last:
            parts.append(f"positions {self._named(first)} to {self._named(last)}")
        parts += [
            f"position {self._named(each)}, without the history before it"
            for each in reversed(self.snapshots)
            if each > last
        ]
        return " and ".join(parts) or "nothing"

    def _named(self, position: int) -> str:
        return f"{position} ({exact_time_text(self.time_at(position))})"


@contextmanager
def open_past(folder: DataDirectory | Backup) -> Iterator[Past]:
    """What states a folder has. Raises RECOVERY_ERRORS."""
    directory = directory_of(folder)
    # Before the journal is opened, which then reaches as far as each of them.
    snapshots = [snapshot_position(path) for path in snapshot_paths(directory) if is_whole(path)]
    with ExitStack() as stack:
        history, damage = _open_what_is_left(folder, stack)
        first = history.first
        yield Past(history, damage, [each for each in snapshots if each >= first - 1])


def _open_what_is_left(folder: DataDirectory | Backup, stack: ExitStack) -> tuple[History, str]:
    """The history of a folder, and why its journal is no part of it where it can't be read."""
    directory = directory_of(folder)
    reached = archived_to(directory)
    try:
        history, _ = stack.enter_context(open_history(folder))
    except (DamagedFileError, JournalError) as error:
        return History(directory, NoJournal(reached)), str(error)
    except DirectoryError as error:
        if directory.journal.exists():
            raise
        return History(directory, NoJournal(reached)), str(error)
    if reached > history.position:
        # An older journal was put beside a newer archive, which has all that it has.
        return History(directory, NoJournal(reached)), ""
    return history, ""


def state_at(past: Past, wanted: Wanted, progress: Progress = no_progress) -> Snapshot:
    """The state that is asked for.

    Raises DirectoryError when it can't be reached, with what can; otherwise RECOVERY_ERRORS.
    """
    if past.damage and wanted.is_last:
        raise DirectoryError(
            f"{past.directory.path}: {past.damage}. What came after its archive is lost: "
            f"name a point with --position or --at. There is {past.reach()}"
        )
    start = _start(past, wanted)
    state = (
        start if start.position > past.history.position else _replay(past, start, wanted, progress)
    )
    is_there = state.position == wanted.position if wanted.position is not None else state.position
    if not wanted.is_last and not is_there:
        raise _out_of_reach(past)
    return state


def _out_of_reach(past: Past) -> DirectoryError:
    return DirectoryError(
        f"{past.directory.path}: does not reach that point. There is {past.reach()}"
    )


def _start(past: Past, wanted: Wanted) -> Snapshot:
    """The newest snapshot that is not later than the state that is asked for, or an empty node."""
    for position in past.snapshots:
        if wanted.position is None or position <= wanted.position:
            try:
                snapshot = past.load(position)
            except DirectoryError:
                continue  # as a start does
            if wanted.allows(position, snapshot.node.now_ns):
                return snapshot
    if past.first_state:
        raise _out_of_reach(past)
    return Snapshot(empty_node(past.directory), 0, 0, {})


def _replay(past: Past, start: Snapshot, wanted: Wanted, progress: Progress) -> Snapshot:
    """The state that is asked for, from one before it, whose node is changed in place."""
    node, position, epoch, chain = start.node, start.position, start.epoch, start.chain
    try:
        for following, value in past.history.read(position):
            if following - 1 == wanted.position:
                break  # what follows may be damaged
            advanced = dict(chain)
            group = decode_group(following, value, advanced)
            if not wanted.allows(following, max(each.entry.now_ns for each in group)):
                break
            replay_group(node, following, group)
            position, epoch, chain = following, group[-1].epoch, advanced
            progress(position, past.history.position)
    except DamagedEntryError as error:
        damage = locate_damage(past.directory, error)
        raise _whole_up_to(past, damage, position, node.now_ns) from error
    except (DamagedFileError, JournalError) as error:
        raise _whole_up_to(past, error, position, node.now_ns) from error
    return Snapshot(node, position, epoch, chain)


def _whole_up_to(past: Past, error: Exception, position: int, now_ns: int) -> DirectoryError:
    return DirectoryError(
        f"{past.directory.path}: {error}. Up to position {position} ({exact_time_text(now_ns)}) "
        f"all is whole: `--position {position}` restores that"
    )
