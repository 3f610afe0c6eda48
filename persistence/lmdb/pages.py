"""Check the structure of an LMDB data file before LMDB maps it.

LMDB believes its file. A file that was cut kills the process with SIGBUS; one flipped bit can make
LMDB fall back to the transaction before, or hand out a page that is still in use. So at start,
while nobody has the file open, ``check_pages`` reads it with pread, never mapped, and either finds
all of it in order or raises ``DamagedFile``, which names the place.

The layout is that of LMDB 0.9 on 64-bit little-endian machines: MDB_meta, MDB_db, MDB_page and
MDB_node in mdb.c, MDB_IDL in midl.h. Only what the journal makes is accepted: the unnamed database
alone, without duplicates, its keys 8 bytes in big-endian order. Four rules carry the proof:

- Every page is a meta page, in the main tree, in the tree of free-page records, or listed in one of
  those records, and only one of these. LMDB leaks no page, nor does a process that is killed.
- The meta pages are one transaction apart. A transaction over a tree that was not empty frees its
  old root, so the newest record of free pages has the number of the newest transaction.
- Nodes fill their page without gap or overlap, keys ascend and keep to the bounds set by the
  branches above, and the counts in MDB_db are those of the walk.
- The file reaches to the end of every page in use. Free pages may lie behind its end: LMDB does not
  write a page that was taken and freed in the same transaction.

What a flipped bit can still change without being noticed here: value bytes, and the size of a value
on overflow pages as far as those pages hold it; the bits of a key that leave the order as it was,
unless keys have to be consecutive; the number of a record of free pages, likewise; free pages and
unused space; mp_pad; mm_mapsize, which the opener sets anew; and what the older meta page says of
the main tree, which nobody reads before it is written again. The first three are for the checksum
of the value, which has to cover its length and its key. The others do no harm.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# A meta page: the header of an MDB_page, then MDB_meta with one MDB_db for each of the two trees.
# mm_psize and mm_flags are the pad and the flags of the first MDB_db.
_HALF, _INT, _LONG = "<u2", "<u4", "<u8"
_DB = {"pad": _INT, "flags": _HALF, "depth": _HALF}
_DB |= dict.fromkeys(("branch_pages", "leaf_pages", "overflow_pages", "entries", "root"), _LONG)
_META = np.dtype(
    [
        *(("page", _LONG), ("page_pad", _HALF), ("page_flags", _HALF), ("page_bounds", _INT)),
        *(("magic", _INT), ("version", _INT), ("address", _LONG), ("map_size", _LONG)),
        *((f"{tree}_{field}", kind) for tree in ("free", "main") for field, kind in _DB.items()),
        *(("last_page", _LONG), ("txnid", _LONG)),
    ]
)
OVERFLOW_HEADER = struct.Struct("<QHHI")  # mp_pgno, mp_pad, mp_flags, mp_pages
PAGE_HEADER_BYTES, NODE_HEADER_BYTES, KEY_BYTES, PAGE_NUMBER_BYTES = 16, 8, 8, 8
P_BRANCH, P_LEAF, P_OVERFLOW, P_META = 0x01, 0x02, 0x04, 0x08
F_BIGDATA = 0x01  # the value lies on overflow pages, and the node holds the number of the first
MDB_INTEGERKEY = 0x08
MDB_NOSUBDIR = 0x4000  # stays in the file when the environment was made without a folder
NO_PAGE = KEY_MAX = (1 << 64) - 1  # P_INVALID, the root of an empty tree
DEPTH_MAX = 32  # CURSOR_STACK

# What these fields hold in every meta page.
_FIXED = {
    "page_flags": (P_META,),
    "magic": (0xBEEFC0DE,),  # MDB_MAGIC
    "version": (1,),  # MDB_DATA_VERSION
    "address": (0,),  # set with MDB_FIXEDMAP only
    "free_pad": tuple(1 << bits for bits in range(9, 16)),  # up to MAX_PAGESIZE
    "free_flags": (MDB_INTEGERKEY, MDB_INTEGERKEY | MDB_NOSUBDIR),
    "main_pad": (0,),
    "main_flags": (0,),
}

#: Pages are read and judged in parts of this size: enough of them for numpy, and within the cache.
PART_BYTES = 1 << 20
#: Free pages that may lie behind the end of the file: as many as one transaction can have changed,
#: MDB_IDL_UM_MAX. A last page behind those is a lie, and believing it would cost memory.
UNWRITTEN_PAGES_MAX = 1 << 17

_Ints = NDArray[np.int64]
_Words = NDArray[np.uint64]
_Place = tuple[int, int, int]


class DamagedFile(Exception):  # noqa: N818 - says what is the matter, as FileNotFoundError does
    """The file is not what LMDB wrote; says where."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(path, offset, reason)
        self.path = path
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path.name}: damaged at byte {self.offset}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PageReport:
    """What a whole file holds."""

    page_size: int
    txnid: int
    last_page: int
    #: Of the main tree. Keys are None when it is empty.
    depth: int
    entries: int
    first_key: int | None
    last_key: int | None
    branch_pages: int
    leaf_pages: int
    overflow_pages: int
    #: Pages that the records of free pages take, and pages that they list.
    record_pages: int
    free_pages: int


def check_pages(path: Path, *, consecutive_keys: bool = False) -> PageReport:
    """Prove that the data file is whole, or raise ``DamagedFile``. LMDB must not have it open.

    Where each key is the one before it plus one, say so: then no bit of a key can flip unnoticed.
    """
    with _File(path) as file:
        newest, older = _read_metas(file)
        pages = _Pages(file, newest)
        free = _Tree(file, newest, "free", pages)
        free_pages = _claim_free_pages(free)
        _expect_true_txnids(free, newest, older)
        main = _Tree(file, newest, "main", pages, consecutive_keys=consecutive_keys)
        main.walk()
        pages.expect_all_claimed()
        return PageReport(
            page_size=file.page_size,
            txnid=newest.get("txnid"),
            last_page=pages.last,
            depth=newest.get("main_depth"),
            first_key=main.first_key,
            last_key=main.last_key,
            record_pages=sum(free.found.values()) - free.found["entries"],
            free_pages=free_pages,
            **main.found,
        )


def iterate_values(path: Path) -> Iterator[_Place]:
    """Yield key, place in the file and size of every value in key order, checking the main tree."""
    with _File(path) as file:
        newest, _ = _read_metas(file)
        for part in _Tree(file, newest, "main", _Pages(file, newest)).values():
            yield from part


class _File:
    """The data file, read with pread: a page that is not there is an answer and not a signal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self.descriptor).st_size
        self.page_size = 0  # known when the first meta page has been read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def read(self, offset: int, size: int) -> bytes:
        """Read exactly these bytes."""
        try:
            data = os.pread(self.descriptor, size, offset)
        except OSError as error:
            raise self.damaged(offset, f"it cannot be read: {error.strerror}") from error
        if len(data) != size:
            self.expect_reaches(offset + size)
            raise self.damaged(offset + len(data), "the system stopped reading here")
        return data

    def read_pages(self, numbers: _Ints) -> NDArray[np.uint16]:
        """Read whole pages, one a row."""
        pages = [self.read(page * self.page_size, self.page_size) for page in numbers.tolist()]
        return np.frombuffer(b"".join(pages), np.uint16).reshape(len(pages), -1)

    def expect_reaches(self, end: int) -> None:
        if end > self.size:
            raise self.damaged(self.size, f"the file ends here, and is in use up to byte {end}")

    def expect(self, good: Any, places: _Ints, reason: str, *facts: NDArray[Any]) -> None:
        """Raise for the first place that is not good, with its facts filled into the reason."""
        if not good.all():
            i = int(good.argmin())
            raise self.damaged(int(places[i]), reason.format(*(int(fact[i]) for fact in facts)))

    def damaged(self, offset: int, reason: str) -> DamagedFile:
        return DamagedFile(self.path, offset, reason)


# Meta pages


@dataclass(frozen=True, slots=True)
class _Meta:
    """One meta page, its fields found by name."""

    start: int
    fields: Any

    def get(self, name: str) -> int:
        return int(self.fields[name])

    def place(self, name: str) -> int:
        """Where in the file a field lies."""
        assert _META.fields is not None
        return self.start + _META.fields[name][1]


def _read_metas(file: _File) -> tuple[_Meta, _Meta]:
    """Check both meta pages and return the newest first (mdb_env_pick_meta)."""
    even = _read_meta(file, 0)
    file.page_size = even.get("free_pad")
    odd = _read_meta(file, 1)
    file.expect_reaches(2 * file.page_size)
    for field in ("free_pad", "free_flags"):
        if even.get(field) != odd.get(field):
            raise file.damaged(odd.place(field), f"the meta pages disagree in {field}")
    # Transaction n writes meta page n & 1 (mdb_env_write_meta). In a new file both are 0.
    txnids = even.get("txnid"), odd.get("txnid")
    if txnids == (0, 0):
        return even, odd
    if txnids[0] % 2 != 0 or txnids[1] % 2 != 1 or abs(txnids[0] - txnids[1]) != 1:
        place = (odd if txnids[0] % 2 == 0 else even).place("txnid")
        raise file.damaged(place, f"the meta pages are of transactions {txnids[0]} and {txnids[1]}")
    return (even, odd) if txnids[0] > txnids[1] else (odd, even)


def _read_meta(file: _File, number: int) -> _Meta:
    start = number * file.page_size
    meta = _Meta(start, np.frombuffer(file.read(start, _META.itemsize), _META)[0])
    for name, allowed in {"page": (number,), **_FIXED}.items():
        if meta.get(name) not in allowed:
            reason = f"{name} of meta page {number} is {meta.get(name):#x}, not {allowed[0]:#x}"
            raise file.damaged(meta.place(name), reason)
    if meta.get("txnid") == 0 and meta.get("main_root") != NO_PAGE:
        raise file.damaged(meta.place("txnid"), f"meta page {number} has entries of transaction 0")
    return meta


def _expect_true_txnids(free: "_Tree", newest: _Meta, older: _Meta) -> None:
    """Find a wrong mm_txnid by the newest record of free pages, which has the same number.

    The older meta page is asked too: a flip may be what made it the older one. The pages it needs
    for that are whole, as they are not used again before the meta page is.
    """
    older_free = _Tree(free.file, older, "free", _Pages(free.file, older))
    older_free.walk()
    for tree, meta in ((free, newest), (older_free, older)):
        txnid, record = meta.get("txnid"), tree.last_key or 0
        must_exist = meta is newest and older.get("main_root") != NO_PAGE
        if record > txnid or (must_exist and record != txnid):
            reason = f"it says transaction {txnid}, its free pages say {record}"
            raise free.file.damaged(meta.place("txnid"), reason)


# Pages


class _Pages:
    """Which pages have an owner. A page may have one only, and in the end every page has one."""

    def __init__(self, file: _File, meta: _Meta) -> None:
        self.file = file
        self.last = meta.get("last_page")
        if not 1 <= self.last < file.size // file.page_size + UNWRITTEN_PAGES_MAX:
            reason = f"page {self.last} cannot be the last of {file.size} bytes"
            raise file.damaged(meta.place("last_page"), reason)
        self.claimed = np.zeros(self.last + 1, np.bool_)
        self.claimed[:2] = True

    def claim(self, numbers: _Words, named_at: _Ints) -> _Ints:
        """Give these pages an owner, which names them at these places."""
        in_range = (numbers >= 2) & (numbers <= self.last)
        self.file.expect(in_range, named_at, "there is no page {} to name", numbers)
        pages = numbers.astype(np.int64)
        order = np.argsort(pages, kind="stable")
        is_new = ~self.claimed[pages]
        is_new[order[1:]] &= np.diff(pages[order]) > 0
        self.file.expect(is_new, named_at, "page {} is named a second time", pages)
        self.claimed[pages] = True
        return pages

    def expect_all_claimed(self) -> None:
        page = np.arange(self.last + 1)
        reason = "page {} is neither in use nor listed as free"
        self.file.expect(self.claimed, page * self.file.page_size, reason, page)


def _claim_free_pages(free: "_Tree") -> int:
    """Claim what the records of free pages list: MDB_IDL, a count and as many falling numbers."""
    total = 0
    for part in free.values():
        for _, offset, size in part:
            listed = np.frombuffer(free.file.read(offset, size // 8 * 8), np.uint64)
            if size % 8 or not size or listed[0] != len(listed) - 1:
                raise free.file.damaged(offset, f"a record of free pages has {size} bytes")
            places = offset + 8 * np.arange(1, len(listed))
            falls = listed[2:] < listed[1:-1]
            free.file.expect(falls, places[1:], "the list of free pages does not fall here")
            total += len(free.pages.claim(listed[1:], places))
    return total


# Trees


@dataclass(frozen=True, slots=True)
class _Level:
    """Tree pages of one depth, in key order, and the least and greatest key each may hold."""

    pages: _Ints
    least: _Words
    greatest: _Words

    def parts(self, page_size: int) -> Iterator["_Level"]:
        count = PART_BYTES // page_size
        for at in range(0, len(self.pages), count):
            part = slice(at, at + count)
            yield _Level(self.pages[part], self.least[part], self.greatest[part])


class _Tree:
    """One B-tree, as an MDB_db of a meta page describes it. Walked once, level by level."""

    def __init__(
        self, file: _File, meta: _Meta, name: str, pages: _Pages, *, consecutive_keys: bool = False
    ) -> None:
        self.file, self.meta, self.name, self.pages = file, meta, name, pages
        self.consecutive_keys = consecutive_keys
        self.key_type = ">u8" if name == "main" else "<u8"  # a record of free pages has a txnid_t
        self.found = dict.fromkeys(("branch_pages", "leaf_pages", "overflow_pages", "entries"), 0)
        self.first_key: int | None = None
        self.last_key: int | None = None

    def walk(self) -> None:
        for _ in self.values():
            pass

    def values(self) -> Iterator[Iterator[_Place]]:
        """Yield key, place and size of every value in parts; check the counts when all are out."""
        root, depth = self.meta.get(f"{self.name}_root"), self.meta.get(f"{self.name}_depth")
        place = self.meta.place(f"{self.name}_root")
        if not (1 <= depth <= DEPTH_MAX if root != NO_PAGE else depth == 0):
            raise self.file.damaged(place, f"the root is {root:#x} and the depth is {depth}")
        if depth:
            page = self.pages.claim(np.array([root], np.uint64), np.array([place]))
            level = _Level(page, *np.array([[0], [KEY_MAX]], np.uint64))
            for _ in range(depth - 1):
                level = self._children(level)
            yield from map(self._leaf_values, level.parts(self.file.page_size))
        for name, count in self.found.items():
            stated = self.meta.get(f"{self.name}_{name}")
            if stated != count:
                place = self.meta.place(f"{self.name}_{name}")
                raise self.file.damaged(place, f"{self.name} {name}: {stated}, found {count}")

    def _children(self, level: _Level) -> _Level:
        self.found["branch_pages"] += len(level.pages)
        children = []
        for part in level.parts(self.file.page_size):
            nodes = _Nodes(self.file, part, P_BRANCH, self.key_type)
            page = (nodes.size | nodes.flags << 32).astype(np.uint64)
            is_last = np.append(nodes.slot[1:] == 0, True)
            greatest = np.where(is_last, part.greatest[nodes.row], np.roll(nodes.key, -1) - 1)
            children.append((self.pages.claim(page, nodes.at), nodes.key, greatest))
        return _Level(*map(np.concatenate, zip(*children, strict=True)))

    def _leaf_values(self, level: _Level) -> Iterator[_Place]:
        nodes = _Nodes(self.file, level, P_LEAF, self.key_type)
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

    def _check_consecutive(self, nodes: "_Nodes") -> None:
        first = nodes.key[:1] - 1 if self.last_key is None else np.uint64(self.last_key)
        follows = np.diff(nodes.key, prepend=first) == 1
        place, reason = nodes.at + NODE_HEADER_BYTES, "key {} does not follow the key before it"
        self.file.expect(follows, place, reason, nodes.key)

    def _overflow(self, first: int, size: int, named_at: int) -> int:
        """Claim the overflow pages of one value and return where the value starts."""
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


class _Nodes:
    """The MDB_nodes of some tree pages, checked. ``row`` says on which of the pages a node is."""

    def __init__(self, file: _File, level: _Level, page_flags: int, key_type: str) -> None:
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

    def number_at(self, skip: int, kind: str) -> _Words:
        """Read eight bytes of each node as a number; past the end of the page it means nothing."""
        return self._gather(skip // 2).view(kind)[:, 0].astype(np.uint64)

    def _gather(self, skip: int) -> NDArray[np.uint16]:
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
