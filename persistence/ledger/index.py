"""The ledger on disk: runs, oldest first, and the tail after them.

Runs are written once, and hold RUN_MOVEMENTS or a few more. The last one may be shorter: it is
loaded into memory at the start, and written anew, longer, in its place. A run that is damaged, of
another schema or of another history is dropped with all after it: they derive from the journal.

Runs of which the archive has nothing any more are let go, when they are worth the work: an opening
takes their place.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

from ..durable_files import make_folders_durably
from ..hash_chain import Chain
from .opening import openings_of
from .run import OPENING_PREFIX, PREFIX, SCHEMA, Head, Run, UnusableRunError, open_run, run_name
from .tail import RUN_MOVEMENTS, Tail

Part: TypeAlias = Run | Tail


def digest_of(chain: Chain) -> str:
    """A digest of what the next entries follow: two histories that differ have two."""
    hasher = blake2b(digest_size=16)
    for shard in sorted(chain):
        hasher.update(shard.to_bytes(2, "little") + chain[shard])
    return hasher.hexdigest()


class Index:
    """All movements that are known, and up to which append."""

    def __init__(self, folder: Path, timeline: int, opened_at: int = 0, opened_ns: int = 0) -> None:
        self.folder = folder
        self.timeline = timeline
        self.begun_at, self._begun_ns = opened_at, opened_ns
        self.opening: Run | None = None
        """What the runs led to that were let go."""
        self.runs: list[Run] = []
        self.tail = Tail(0)
        self.position = opened_at
        self.history = ""
        """Digest of the chain at the end of the last run that was there at the start."""
        self._full: Tail | None = None

    def __repr__(self) -> str:
        return f"<Index of {self.count} movements up to {self.position}>"

    @property
    def parts(self) -> list[Part]:
        """All movements, oldest first."""
        opening = [self.opening] if self.opening else []
        return [*opening, *self.runs, *([self._full] if self._full else []), self.tail]

    @property
    def begun(self) -> int:
        """Where it was begun, and under which schema: any other numbers its movements otherwise."""
        return SCHEMA << 48 | self.begun_at

    @property
    def opened_at(self) -> int:
        """The append after which it begins; 0 for the beginning of all."""
        return self.opening.head.position if self.opening else self.begun_at

    @property
    def opened_ns(self) -> int:
        """The time of that append; 0 for the beginning of all."""
        return self.opening.head.opened_ns if self.opening else self._begun_ns

    @property
    def oldest(self) -> int:
        """The number of the first movement that is no opening of what was let go."""
        return self.opening.head.first + self.opening.head.count if self.opening else 0

    @property
    def count(self) -> int:
        """How many movements there were, those included that were let go."""
        return self.tail.first + self.tail.count

    def append(self, run: Run, *, is_opening: bool) -> None:
        """Take in the next run, or an opening before all runs."""
        head = run.head
        if is_opening:
            self.opening = run
        else:
            self.runs.append(run)
        self.tail = Tail(head.first + head.count)
        self.position, self.history = head.position, head.history
        self.begun_at, self._begun_ns = head.opened_at, head.opened_ns

    def is_due(self) -> bool:
        """Whether the tail is large enough for a run."""
        return self.tail.count >= RUN_MOVEMENTS

    def close_tail(self, chain: Chain) -> Iterator[None]:
        """Begin another tail at once, and write the one until now, with pauses. `chain` is what the
        entry after `position` follows.
        """
        assert self._full is None, "one run after the other"
        full, head = self.tail, self._head(chain)
        self._full, self.tail = full, Tail(self.count)
        return self._write_full(full, head)

    def _write_full(self, full: Tail, head: Head) -> Iterator[None]:
        yield from self._write(full, head)
        self.runs.append(open_run(self.folder / run_name(head)))
        self._full = None

    def save(self, chain: Chain) -> Iterator[None]:
        """Write the tail as a short run, with pauses, and keep it in memory as well."""
        assert self._full is None, "a longer one is being written"
        return self._write(self.tail, self._head(chain))

    def trim(self, first: int) -> Iterator[None]:
        """Drop the runs that end before the append `first`, with pauses; none while they are
        smaller than the opening before them, so that a movement is read twice on average.
        """
        gone = [run for run in self.runs if run.head.position < first]
        size = sum(run.head.count for run in gone)
        if not gone or (self.opening and size < self.opening.head.count):
            return
        opening = openings_of([*([self.opening] if self.opening else []), *gone])
        last = gone[-1].head
        opened_ns = int(gone[-1].movements["time_ns"][-1])
        head = replace(last, first=opening.first, count=opening.count, opened_ns=opened_ns)
        path = self.folder / run_name(head, OPENING_PREFIX)
        yield from opening.write(path, head)
        self.opening, self.runs = open_run(path), self.runs[len(gone) :]
        _drop_before_opening(self.folder)

    def _head(self, chain: Chain) -> Head:
        return Head(
            *(SCHEMA, self.timeline, self.tail.first, self.tail.count, self.position),
            *(digest_of(chain), self.begun_at, self._begun_ns),
        )

    def _write(self, tail: Tail, head: Head) -> Iterator[None]:
        make_folders_durably(self.folder)
        yield from tail.write(self.folder / run_name(head), head)
        for path in run_paths(self.folder):
            if path.name != run_name(head) and _first_of(path) == head.first:
                path.unlink()  # the shorter one, whose place it takes


def load_index(folder: Path, timeline: int, position_max: int) -> tuple[Index, list[str]]:
    """The runs of a folder that follow each other and belong to this timeline, none of which
    reaches further than the journal; and why others were dropped, one sentence each. Their files
    are deleted.
    """
    index = Index(folder, timeline)
    dropped: list[str] = []
    _drop_before_opening(folder)
    paths = [*opening_paths(folder), *run_paths(folder)]
    for number, path in enumerate(paths):
        if index.runs and _first_of(path) < index.count:
            path.unlink()  # a shorter one, whose place was taken before a crash
            continue
        try:
            _append(index, path, position_max)
        except (UnusableRunError, OSError, ValueError, KeyError, TypeError) as error:
            dropped.append(f"{path.name}: {error}")
            _drop(paths[number:])
            break
    if index.runs and index.runs[-1].head.count < RUN_MOVEMENTS:
        run = index.runs.pop()
        index.tail = Tail(run.first)
        index.tail.load(run)
    return index, dropped


def _append(index: Index, path: Path, position_max: int) -> None:
    run = open_run(path)
    head = run.head
    is_opening = path.name == run_name(head, OPENING_PREFIX)
    if not is_opening and (path.name != run_name(head) or head.first != index.count):
        raise UnusableRunError(f"it does not follow movement {index.count}")
    if head.timeline != index.timeline or head.position > position_max:
        raise UnusableRunError("it is of another history")
    index.append(run, is_opening=is_opening)


def _drop_before_opening(folder: Path) -> None:
    """Delete what the newest opening stands for."""
    if openings := opening_paths(folder):
        end = _end_of(openings[-1])
        _drop([*openings[:-1], *(path for path in run_paths(folder) if _end_of(path) <= end)])


def drop_all(folder: Path) -> None:
    """Delete all runs."""
    _drop([*opening_paths(folder), *run_paths(folder)])


def opening_paths(folder: Path) -> list[Path]:
    """The opening, and earlier ones that a crash has left, oldest first."""
    return sorted(folder.glob(f"{OPENING_PREFIX}*.hfl"), key=_end_of)


def _drop(paths: list[Path]) -> None:
    for path in reversed(paths):
        path.unlink()


def run_paths(folder: Path) -> list[Path]:
    """All runs, oldest first; of two that begin alike, the longer one first."""
    return sorted(folder.glob(f"{PREFIX}*.hfl"), key=lambda path: (_first_of(path), -_end_of(path)))


def _first_of(path: Path) -> int:
    return int(path.stem.split("-")[1])


def _end_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
