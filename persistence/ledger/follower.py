"""Follows the journal of a directory that a node serves, and keeps the ledger's index.

A start goes on from the last run: the newest snapshot that is not later gives the state, and
the appends up to it are replayed without being indexed again. Where there is no way to that state,
the index is begun anew: from the first append while history is whole, else from the oldest
snapshot, with what was there as openings.
"""

import errno
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final

from ..archive.segments import History, MissingHistoryError
from ..codec import RecordedEntry, read_appends
from ..data_directory import DataDirectory
from ..lmdb.store import LmdbJournal
from ..snapshots.file import Snapshot
from .index import Index, digest_of, drop_all, load_index
from .replica import Replica
from .states import first_state, states

#: Appends after which the tail is saved, short as it is. A snapshot is due after 100,000 appends,
#: and the older of two must not be later than the last run, or the next start replays all of
#: history.
SAVE_EVERY_APPENDS: Final = 50_000

Report = Callable[[str], None]
"""Called with what was dropped and is made again, in one sentence."""


class Follower:
    """The index, and the state that belongs to its end."""

    def __init__(self, directory: DataDirectory, journal: LmdbJournal, report: Report) -> None:
        """Raises RECOVERY_ERRORS when journal, archive or snapshots can't be read."""
        self.directory = directory
        self._journal = journal
        self._history = History(directory, journal)
        self._report = report
        self._writing: Iterator[None] | None = None
        self._appends: Iterator[tuple[int, list[RecordedEntry]]] = iter(())
        timeline = directory.timeline
        self.index, dropped = load_index(directory.ledger, timeline, journal.position)
        for reason in dropped:
            report(f"dropped from the ledger, and made again: {reason}")
        if (state := self._starting_state()) is None:
            self._begin_anew()
        else:
            self._go_on_from(state)

    def __repr__(self) -> str:
        return f"<Follower at {self._position}, {self.index}>"

    @property
    def is_ready(self) -> bool:
        """Whether the state is that of the index's end: in the first moments of a start, it is
        behind.
        """
        return self._position >= self.index.position

    def step(self, seconds: float) -> bool:
        """Go on for about so long, and return whether there is more to do.

        Raises RECOVERY_ERRORS and DamagedEntryError when the journal or the archive can't be read,
        OSError when there is no room for what it writes.
        """
        until = perf_counter() + seconds
        while perf_counter() < until:
            wrote = self._write_a_piece()
            if wrote and self.index.is_due():
                continue
            if not self._take_append() and not wrote:
                return False
        return True

    def close(self) -> None:
        """Write what is in memory alone, so that the next start goes on from here. Raises OSError
        when there is no room for it.
        """
        while self._write_a_piece():
            pass
        if self.is_ready and self.index.tail.count:
            self._save()

    def begin_anew(self, reason: str) -> None:
        """Drop the index and make it again, because of what was found in it."""
        self._report(f"the ledger is made again: {reason}")
        self._writing = None
        self._begin_anew()

    def _take_append(self) -> bool:
        """Take the next append in, and return whether there was one."""
        try:
            found = next(self._appends, None)
        except MissingHistoryError as error:
            self.begin_anew(str(error))
            return True
        if found is None:
            self._appends = self._read()
            return self._journal.look_again() > self._position
        self._take(*found)
        return True

    def _take(self, position: int, group: list[RecordedEntry]) -> None:
        index = self.index
        if position <= index.position:
            self.replica.skip(position, group)
        else:
            self.replica.follow(position, group, index.tail)
            index.position = position
        self._position = position
        if index.history:
            self._expect_history()
        elif self._writing is not None:
            pass  # one run after the other: `step` writes it to its end before more comes
        elif index.is_due():
            self._writing = self._then_trim(index.close_tail(self._chain))
            self.replica.forget_numbers()
            self._saved_at = position
        elif position - self._saved_at >= SAVE_EVERY_APPENDS:
            self._save()
            self._saved_at = position

    def _expect_room(self) -> None:
        """Raise OSError where writes are refused for want of room: what the disk still has is kept
        for the journal, and the ledger can be made again.
        """
        if self._journal.headroom_bytes() <= 0:
            self._writing = None  # what is left of it is removed
            raise OSError(
                errno.ENOSPC, "what is free is left to the journal", str(self.index.folder)
            )

    def _expect_history(self) -> None:
        """Begin anew when the index turns out to be of another history than the journal. This
        can be checked once, when the state has come to where the index ended at the start.
        """
        expected = self.index.history
        if expected and self._position == self.index.position:
            self.index.history = ""
            if digest_of(self._chain) != expected:
                self.begin_anew("it is of another history than the journal")

    def _write_a_piece(self) -> bool:
        """Write some of a run that is on its way, and return whether there is one."""
        if self._writing is None:
            return False
        if next(self._writing, self) is self:
            self._writing = None
        else:
            self._expect_room()
        return True

    def _save(self) -> None:
        for _ in self.index.save(self._chain):
            self._expect_room()

    def _then_trim(self, writing: Iterator[None]) -> Iterator[None]:
        """Write a run, and then let those go of which history has nothing any more."""
        yield from writing
        yield from self.index.trim(self._history.first)

    def _starting_state(self) -> Snapshot | None:
        """The newest state that is not ahead of the index and from which the journal leads on."""
        for state in states(self.directory, self._history):
            if state.position <= self.index.position:
                return state
        return None

    def _begin_anew(self) -> None:
        drop_all(self.directory.ledger)
        state = first_state(self.directory, self._history)
        now_ns = state.node.now_ns if state.position else 0
        timeline = self.directory.timeline
        self.index = Index(self.directory.ledger, timeline, state.position, now_ns)
        self._go_on_from(state)
        if state.position:
            where = f"the ledger begins at position {state.position}"
            self._report(f"{where}: the journal and the archive have nothing of what was before")
            self.replica.open(self.index.tail)

    def _go_on_from(self, state: Snapshot) -> None:
        self.replica = Replica(state.node)
        self._chain = state.chain
        self._position = self._saved_at = state.position
        self._appends = self._read()
        self._expect_history()

    def _read(self) -> Iterator[tuple[int, list[RecordedEntry]]]:
        return read_appends(self._history, self._position, self._chain)
