"""Texts of ids, each with its length before it, in blocks of granules."""

import numpy as np

from ..limits import BLOCKS_SPREAD, GRANULES_A_TEXT, ROWS_MAX
from .layouts import LINE
from .table import Array, Table


class TextBlocks:
    """Texts of reservations: those of one stand in a block (kernels/blocks.py)."""

    __slots__ = ("arrays", "data", "granules", "records", "rows_max")

    def __init__(self, header: Array, at: int, free_at: int, rows_max: int = ROWS_MAX) -> None:
        most = rows_max * GRANULES_A_TEXT
        self.granules = Table(
            LINE, rows_max=most, header=header, at=at, free_at=free_at, spread=BLOCKS_SPREAD
        )
        self.rows_max = self.granules.rows_max // GRANULES_A_TEXT
        self.records = self.granules.records
        self.data: Array = self.records.view(np.uint8)
        self.arrays = (self.records, self.data)

    def __len__(self) -> int:
        return len(self.granules)

    @property
    def room(self) -> int:
        """Texts that it can still take, as long as any may be."""
        return self.granules.room // GRANULES_A_TEXT

    @property
    def used(self) -> Array:
        """The granules in use, and the free ones among them."""
        return self.granules.used

    def load(self, granules: Array) -> None:
        """Replace the content, as recovery does."""
        self.granules.load(granules)

    def read(self, first: int, count: int) -> list[str]:
        """The first `count` texts of the block that begins at a granule."""
        at = first * LINE.itemsize
        texts = []
        for _ in range(count):
            end = at + 1 + int(self.data[at])
            texts.append(self.data[at + 1 : end].tobytes().decode())
            at = end
        return texts
