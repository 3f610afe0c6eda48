"""The newest movements, in memory, until there are enough of them for a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.core.tables.table import copied

from .movements import (
    FACT,
    FACT_KEYS,
    FACT_TEXTS,
    MOVEMENT,
    MOVEMENT_KEYS,
    MOVEMENT_TEXTS,
    NO_TEXT,
)
from .run import Head, Run, order_by, write_in_pieces
from .texts import GrowingTexts, written

#: Movements of a run: 12 MB, which are sorted in a tenth of a second.
RUN_MOVEMENTS: Final = 1 << 17


class Tail:
    """Movements that are in no run yet. It answers as a run does."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.texts = GrowingTexts()
        self._movements = np.zeros(1 << 12, MOVEMENT)
        self._facts = np.zeros(1 << 8, FACT)
        self.count = self._fact_count = 0

    def __repr__(self) -> str:
        return f"<Tail of {self.count} movements from {self.first}>"

    @property
    def movements(self) -> np.ndarray:
        """Its movements, as a view."""
        return self._movements[: self.count]

    @property
    def facts(self) -> np.ndarray:
        """What its stock facts came with, as a view."""
        return self._facts[: self._fact_count]

    def extend(self, count: int) -> np.ndarray:
        """Room for movements behind the last, as a view, without texts and facts."""
        self._movements = _with_room(self._movements, self.count + count)
        added = self._movements[self.count : self.count + count]
        self.count += count
        for field in (*MOVEMENT_TEXTS, "fact"):
            added[field] = NO_TEXT
        return added

    def extend_facts(self, count: int) -> np.ndarray:
        """The same for what stock facts came with."""
        self._facts = _with_room(self._facts, self._fact_count + count)
        added = self._facts[self._fact_count : self._fact_count + count]
        self._fact_count += count
        for field in FACT_TEXTS:
            added[field] = NO_TEXT
        return added

    def rows(self, key: str, text: bytes) -> np.ndarray:
        """The rows of movements that have this text under a key, in their order."""
        number = self.texts.find(text)
        if number < 0:
            return np.zeros(0, np.int64)
        if key in FACT_KEYS:
            rows: np.ndarray = self.facts["movement"][self.facts[key] == number]
            return rows
        return np.flatnonzero(self.movements[key] == number)

    def load(self, run: Run) -> None:
        """Take what a run holds, to go on from there."""
        self.texts = GrowingTexts([run.texts[number] for number in range(len(run.texts))])
        self.extend(len(run.movements))[:] = run.movements
        self.extend_facts(len(run.facts))[:] = run.facts

    def write(self, folder: Path, head: Head) -> Iterator[None]:
        """Write it as a run, with a pause behind each piece. It may not change meanwhile."""
        return write_in_pieces(folder, head, self._arrays())

    def _arrays(self) -> Mapping[str, np.ndarray]:
        texts, ranks = self.texts.in_order()
        movements, facts = copied(self.movements), copied(self.facts)
        for records, fields in ((movements, MOVEMENT_TEXTS), (facts, FACT_TEXTS)):
            for field in fields:
                given = records[field] != NO_TEXT
                records[field][given] = ranks[records[field][given]]
        heap, ends = written(texts)
        return {
            "movements": movements,
            "facts": facts,
            "heap": heap,
            "ends": ends,
            **{f"by_{key}": order_by(movements[key]) for key in MOVEMENT_KEYS},
            **{f"by_{key}": order_by(facts[key]) for key in FACT_KEYS},
        }


def _with_room(records: np.ndarray, count: int) -> np.ndarray:
    """An array of at least so many records, which begins with these."""
    if count <= len(records):
        return records
    larger = np.zeros(max(count, 2 * len(records)), records.dtype)
    larger[: len(records)] = records
    return larger
