"""The newest movements, in memory, until there are enough of them for a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.core.tables.table import copied

from .movements import KEYS, NO_TEXT, RECORDS, TEXTS
from .run import Head, Run, order_by, write_in_pieces
from .texts import GrowingTexts, written

#: Movements of a run: 12 MB, which are sorted in a tenth of a second.
RUN_MOVEMENTS: Final = 1 << 17


class _Rows:
    """Records of a kind, in an array that grows."""

    def __init__(self, kind: str) -> None:
        self._records = np.zeros(1 << 8, RECORDS[kind])
        self._unset = {*TEXTS[kind], *({"fact", "note"} if kind == "movement" else ())}
        self.count = 0

    @property
    def used(self) -> np.ndarray:
        """The records, as a view."""
        return self._records[: self.count]

    def extend(self, count: int) -> np.ndarray:
        """Room after the last, as a view, without texts and numbers of other records."""
        if self.count + count > len(self._records):
            size = max(self.count + count, 2 * len(self._records))
            self._records = np.concatenate(
                [self.used, np.zeros(size - self.count, self._records.dtype)]
            )
        added = self._records[self.count : self.count + count]
        self.count += count
        for field in self._unset:
            added[field] = NO_TEXT
        return added


class Tail:
    """Movements that are in no run yet. It answers as a run does."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.texts = GrowingTexts()
        self._rows = {kind: _Rows(kind) for kind in RECORDS}

    def __repr__(self) -> str:
        return f"<Tail of {self.count} movements from {self.first}>"

    @property
    def count(self) -> int:
        """How many movements it has."""
        return self._rows["movement"].count

    @property
    def movements(self) -> np.ndarray:
        """Its movements, as a view."""
        return self.records("movement")

    def records(self, kind: str) -> np.ndarray:
        """Its records of a kind, as a view."""
        return self._rows[kind].used

    def extend(self, kind: str, count: int) -> np.ndarray:
        """Room for records of a kind after the last, as a view, without texts."""
        return self._rows[kind].extend(count)

    def rows(self, key: str, text: bytes) -> np.ndarray:
        """The rows of movements that have this text under a key, in their order."""
        number = self.texts.find(text)
        if number < 0:
            return np.zeros(0, np.int64)
        records = self.records(KEYS[key])
        found = np.flatnonzero(records[key] == number)
        return found if KEYS[key] == "movement" else records["movement"][found]

    def load(self, run: Run) -> None:
        """Take what a run holds, to go on from there."""
        self.texts = GrowingTexts([run.texts[number] for number in range(len(run.texts))])
        for kind in RECORDS:
            self.extend(kind, len(run.records(kind)))[:] = run.records(kind)

    def write(self, path: Path, head: Head) -> Iterator[None]:
        """Write it as a run, with a pause after each piece. It may not change meanwhile."""
        return write_in_pieces(path, head, self._arrays())

    def _arrays(self) -> Mapping[str, np.ndarray]:
        texts, ranks = self.texts.in_order()
        copies = {kind: copied(self.records(kind)) for kind in RECORDS}
        for kind, records in copies.items():
            for field in TEXTS[kind]:
                given = records[field] != NO_TEXT
                records[field][given] = ranks[records[field][given]]
        heap, ends = written(texts)
        order = {f"by_{key}": order_by(copies[kind][key]) for key, kind in KEYS.items()}
        return {**copies, "heap": heap, "ends": ends, **order}
