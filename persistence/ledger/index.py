"""The ledger on disk: runs, oldest first, and the tail behind them.

Runs are written once, and hold RUN_MOVEMENTS or a few more. The last one may be shorter: it is
loaded into memory at the start, and written anew, longer, in its place. A run that is damaged, of
another schema or of another history is dropped with all behind it: they derive from the journal.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

from ..durable_files import make_folders_durably
from ..hash_chain import Chain
from .run import PREFIX, SCHEMA, Head, Run, UnusableRunError, open_run, run_name
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
        self.opened_at, self.opened_ns = opened_at, opened_ns
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
        return [*self.runs, *([self._full] if self._full else []), self.tail]

    @property
    def count(self) -> int:
        """How many movements there are."""
        return self.tail.first + self.tail.count

    def is_due(self) -> bool:
        """Whether the tail is large enough for a run."""
        return self.tail.count >= RUN_MOVEMENTS

    def close_tail(self, chain: Chain) -> Iterator[None]:
        """Begin another tail at once, and write the one until now, with pauses. `chain` is what the
        entry behind `position` follows.
        """
        assert self._full is None, "one run after the other"
        full, head = self.tail, self._head(chain)
        self._full, self.tail = full, Tail(self.count)
        return self._write_full(full, head)

    def _write_full(self, full: Tail, head: Head) -> Iterator[None]:
        yield from self._write(full, head)
        self.runs.append(open_run(self.folder / run_name(head)))
        self._full = None

    def save(self, chain: Chain) -> None:
        """Write the tail as a short run, and keep it in memory as well."""
        assert self._full is None, "a longer one is being written"
        for _ in self._write(self.tail, self._head(chain)):
            pass

    def _head(self, chain: Chain) -> Head:
        return Head(
            *(SCHEMA, self.timeline, self.tail.first, self.tail.count, self.position),
            *(digest_of(chain), self.opened_at, self.opened_ns),
        )

    def _write(self, tail: Tail, head: Head) -> Iterator[None]:
        make_folders_durably(self.folder)
        yield from tail.write(self.folder, head)
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
    paths = run_paths(folder)
    for number, path in enumerate(paths):
        if _first_of(path) < index.count:
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
    if path.name != run_name(head) or head.first != index.count:
        raise UnusableRunError(f"it does not follow movement {index.count}")
    if head.timeline != index.timeline or head.position > position_max:
        raise UnusableRunError("it is of another history")
    index.runs.append(run)
    index.tail = Tail(head.first + head.count)
    index.position, index.history = head.position, head.history
    index.opened_at, index.opened_ns = head.opened_at, head.opened_ns


def drop_all(folder: Path) -> None:
    """Delete all runs."""
    _drop(run_paths(folder))


def _drop(paths: list[Path]) -> None:
    for path in reversed(paths):
        path.unlink()


def run_paths(folder: Path) -> list[Path]:
    """All runs, oldest first; of two that begin alike, the longer one first."""
    return sorted(folder.glob(f"{PREFIX}*.hfl"), key=lambda path: (_first_of(path), -_end_of(path)))


def _first_of(path: Path) -> int:
    return int(path.stem.removeprefix(PREFIX).partition("-")[0])


def _end_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
