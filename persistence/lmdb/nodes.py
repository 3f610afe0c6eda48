"""The nodes of tree pages, checked and read as columns: no Python object for each of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .data_file import DataFile, Ints, Words

PAGE_HEADER_BYTES, NODE_HEADER_BYTES, KEY_BYTES, PAGE_NUMBER_BYTES = 16, 8, 8, 8
P_BRANCH, P_LEAF = 0x01, 0x02
F_BIGDATA = 0x01  # the value lies on overflow pages, and the node holds the number of the first

#: Pages are read and checked in parts of so many bytes: enough of them for NumPy to pay, and few
#: enough for the processor's cache.
PART_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TreeLevel:
    """Tree pages of one depth, in key order, and the least and greatest key each may hold."""

    pages: Ints
    least: Words
    greatest: Words

    def parts(self, page_size: int) -> Iterator["TreeLevel"]:
        """The level in parts of PART_BYTES."""
        count = PART_BYTES // page_size
        for at in range(0, len(self.pages), count):
            part = slice(at, at + count)
            yield TreeLevel(self.pages[part], self.least[part], self.greatest[part])


class Nodes:
    """The MDB_nodes of some tree pages, one a row of each column.

    `row` is the index of a node's page, `slot` its number on the page, `at` its place in the file,
    `size` and `flags` those of the node, `key` its key as a number.

    Raises DamagedFileError when they are not what LMDB wrote.
    """

    def __init__(self, file: DataFile, level: TreeLevel, page_flags: int, key_type: str) -> None:
        self.file, self.level, self.is_branch = file, level, page_flags == P_BRANCH
        self.start = level.pages * file.page_size
        self.half = file.read_pages(level.pages)
        self._check_headers(page_flags)
        lower, self.upper = self.half[:, 6:8].astype(np.int64).T
        count = (lower - PAGE_HEADER_BYTES) // 2
        self.row = np.repeat(np.arange(len(count)), count)
        self.slot = np.arange(len(self.row)) - np.repeat(np.cumsum(count) - count, count)
        self.offset = self.half[self.row, PAGE_HEADER_BYTES // 2 + self.slot].astype(np.int64)
        self.at = self.start[self.row] + self.offset
        self._check_offsets()
        low, high, self.flags, self.key_size = self._gather(0).astype(np.int64).T
        self.size = low | high << 16  # of the value; in a branch, the low bits of the child's page
        self._check_sizes()
        self.key = self.number_at(NODE_HEADER_BYTES, key_type)
        if self.is_branch:  # the first key of a branch is not used
            self.key = np.where(self.slot == 0, level.least[self.row], self.key)
        self._check_keys()

    def number_at(self, skip: int, kind: str) -> Words:
        """Eight bytes of each node as a number, meaningless where they pass the end of the page."""
        return self._gather(skip // 2).view(kind)[:, 0].astype(np.uint64)

    def _gather(self, skip: int) -> NDArray[np.uint16]:
        # Clipped to the page: a damaged node may pass its end. The checks refuse it.
        column = self.offset[:, None] // 2 + np.arange(skip, skip + 4)
        four = self.half[self.row[:, None], np.minimum(column, self.half.shape[1] - 1)]
        return np.asarray(four, np.uint16)

    def _check_headers(self, page_flags: int) -> None:
        expect, start, page = self.file.expect, self.start, self.level.pages
        number = self.half[:, :4].copy().view(np.uint64)[:, 0]
        flags, lower, upper = self.half[:, 5:8].T
        expect(number == page, start, "page {} says it is page {}", page, number)
        expect(flags == page_flags, start + 10, "page {} has flags {}", page, flags)
        lower_min = PAGE_HEADER_BYTES + (4 if self.is_branch else 2)  # so many nodes, 2 bytes each
        is_sane = (lower_min <= lower) & (lower <= upper) & (upper < self.file.page_size)
        reason = "page {} says it is unused from {} to {}"
        expect(is_sane & (lower % 2 == 0), start + 12, reason, page, lower, upper)

    def _check_offsets(self) -> None:
        fits = (self.offset >= self.upper[self.row]) & (self.offset % 2 == 0)
        fits &= self.offset <= self.file.page_size - NODE_HEADER_BYTES
        place = self.start[self.row] + PAGE_HEADER_BYTES + 2 * self.slot
        self.file.expect(fits, place, "node {} is not where nodes are", self.slot)

    def _check_sizes(self) -> None:
        """Laid end to end and padded to even sizes, nodes reach from mp_upper to the page's end."""
        is_big = self.flags == F_BIGDATA
        good = is_big | (self.flags == 0) | self.is_branch
        self.file.expect(good, self.at + 4, "a node has flags {}", self.flags)
        good = self.key_size == KEY_BYTES
        if self.is_branch:
            good |= (self.slot == 0) & (self.key_size == 0)
        self.file.expect(good, self.at + 6, "a key has {} bytes", self.key_size)
        body = 0 if self.is_branch else np.where(is_big, PAGE_NUMBER_BYTES, self.size)
        end = self.offset + (NODE_HEADER_BYTES + self.key_size + body + 1) // 2 * 2
        order = np.argsort(self.at)
        is_last = np.append(np.diff(self.row[order]) != 0, True)
        is_first = np.roll(is_last, 1)
        begin = np.where(is_first, self.upper[self.row[order]], np.roll(end[order], 1))
        good = (self.offset[order] == begin) & (~is_last | (end[order] == self.file.page_size))
        self.file.expect(good, self.at[order], "nodes overlap here, or leave a gap")

    def _check_keys(self) -> None:
        ascends = np.append(True, self.key[1:] > self.key[:-1]) | (self.slot == 0)
        in_bounds = self.level.least[self.row] <= self.key
        in_bounds &= self.key <= self.level.greatest[self.row]
        place = self.at + NODE_HEADER_BYTES
        self.file.expect(ascends & in_bounds, place, "key {} is out of order", self.key)
