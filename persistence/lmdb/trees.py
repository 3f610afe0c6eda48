"""The B-trees of an LMDB file, walked level by level."""

import struct
from collections.abc import Iterator

import numpy as np

from .data_file import DataFile
from .meta_pages import NO_PAGE, MetaPage
from .nodes import (
    F_BIGDATA,
    KEY_BYTES,
    NODE_HEADER_BYTES,
    P_BRANCH,
    P_LEAF,
    PAGE_HEADER_BYTES,
    Nodes,
    TreeLevel,
)
from .page_owners import PageOwners

OVERFLOW_HEADER = struct.Struct("<QHHI")  # mp_pgno, mp_pad, mp_flags, mp_pages
P_OVERFLOW = 0x04
KEY_MAX = (1 << 64) - 1
DEPTH_MAX = 32  # CURSOR_STACK

Place = tuple[int, int, int]
"""Key, offset in the file and bytes of a value."""


class Tree:
    """One B-tree, as an MDB_db of a meta page describes it, and what a walk has found in it.

    A walk claims its pages, so there is one walk for each `Tree`.
    """

    def __init__(
        self,
        file: DataFile,
        meta: MetaPage,
        name: str,
        pages: PageOwners,
        *,
        consecutive_keys: bool = False,
    ) -> None:
        self.file, self.meta, self.name, self.pages = file, meta, name, pages
        self.consecutive_keys = consecutive_keys
        self.key_type = ">u8" if name == "main" else "<u8"  # a record of free pages has a txnid_t
        self.found = dict.fromkeys(("branch_pages", "leaf_pages", "overflow_pages", "entries"), 0)
        self.first_key: int | None = None
        self.last_key: int | None = None

    def walk(self) -> None:
        """Check all of it. Raises DamagedFileError."""
        for _ in self.values():
            pass

    def values(self) -> Iterator[Iterator[Place]]:
        """Every value, in parts; the counts of the tree are checked after the last.

        Raises DamagedFileError.
        """
        root, depth = self.meta.get(f"{self.name}_root"), self.meta.get(f"{self.name}_depth")
        place = self.meta.place(f"{self.name}_root")
        if not (1 <= depth <= DEPTH_MAX if root != NO_PAGE else depth == 0):
            raise self.file.damaged(place, f"the root is {root:#x} and the depth is {depth}")
        if depth:
            page = self.pages.claim(np.array([root], np.uint64), np.array([place]))
            level = TreeLevel(page, *np.array([[0], [KEY_MAX]], np.uint64))
            for _ in range(depth - 1):
                level = self._children(level)
            yield from map(self._leaf_values, level.parts(self.file.page_size))
        for name, count in self.found.items():
            stated = self.meta.get(f"{self.name}_{name}")
            if stated != count:
                place = self.meta.place(f"{self.name}_{name}")
                raise self.file.damaged(place, f"{self.name} {name}: {stated}, found {count}")

    def _children(self, level: TreeLevel) -> TreeLevel:
        self.found["branch_pages"] += len(level.pages)
        children = []
        for part in level.parts(self.file.page_size):
            nodes = Nodes(self.file, part, P_BRANCH, self.key_type)
            page = (nodes.size | nodes.flags << 32).astype(np.uint64)
            is_last = np.append(nodes.slot[1:] == 0, True)
            # The key after a page's last is that of another page, and may be 0, which wraps: there
            # the page's own bound counts.
            greatest = np.where(is_last, part.greatest[nodes.row], np.roll(nodes.key, -1) - 1)
            children.append((self.pages.claim(page, nodes.at), nodes.key, greatest))
        return TreeLevel(*map(np.concatenate, zip(*children, strict=True)))

    def _leaf_values(self, level: TreeLevel) -> Iterator[Place]:
        nodes = Nodes(self.file, level, P_LEAF, self.key_type)
        if self.consecutive_keys:
            self._check_consecutive(nodes)
        body = NODE_HEADER_BYTES + KEY_BYTES
        place, first_page = nodes.at + body, nodes.number_at(body, "<u8")
        for i in np.flatnonzero(nodes.flags == F_BIGDATA).tolist():
            place[i] = self._overflow(int(first_page[i]), int(nodes.size[i]), int(place[i]))
        keys = nodes.key.tolist()
        self.found["leaf_pages"] += len(level.pages)
        self.found["entries"] += len(keys)
        self.first_key = keys[0] if self.first_key is None else self.first_key
        self.last_key = keys[-1]
        return zip(keys, place.tolist(), nodes.size.tolist(), strict=True)

    def _check_consecutive(self, nodes: Nodes) -> None:
        first = nodes.key[:1] - 1 if self.last_key is None else np.uint64(self.last_key)
        follows = np.diff(nodes.key, prepend=first) == 1
        place, reason = nodes.at + NODE_HEADER_BYTES, "key {} does not follow the key before it"
        self.file.expect(follows, place, reason, nodes.key)

    def _overflow(self, first: int, size: int, named_at: int) -> int:
        """Claim the overflow pages of one value; return its place in the file."""
        start = first * self.file.page_size
        if not 2 <= first <= self.pages.last:
            raise self.file.damaged(named_at, f"there is no page {first} to name")
        number, _, flags, count = OVERFLOW_HEADER.unpack(self.file.read(start, PAGE_HEADER_BYTES))
        if number != first or flags != P_OVERFLOW:
            reason = f"overflow page {first} says it is page {number} with flags {flags:#x}"
            raise self.file.damaged(start, reason)
        # More pages than needed are left when a value was replaced within a transaction.
        if count * self.file.page_size < PAGE_HEADER_BYTES + size:
            raise self.file.damaged(start + 12, f"{count} pages cannot hold {size} bytes")
        run = self.pages.claimed[first : first + count]
        if first + count > self.pages.last + 1 or run.any():
            raise self.file.damaged(start + 12, f"not all of {count} pages belong to this value")
        run[:] = True
        self.found["overflow_pages"] += count
        self.file.expect_reaches(start + count * self.file.page_size)
        return start + PAGE_HEADER_BYTES
