"""The two meta pages of an LMDB file: the newest transaction, and where its trees begin."""

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..data_directory import LMDB_DATA_VERSION
from .data_file import DataFile

# The header of an MDB_page, then MDB_meta with one MDB_db for each of the two trees. mm_psize and
# mm_flags are the pad and the flags of the first MDB_db.
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
MAGIC = 0xBEEFC0DE  # MDB_MAGIC
P_META = 0x08
MDB_INTEGERKEY = 0x08
MDB_NOSUBDIR = 0x4000  # stays in the file when the environment was made without a folder
NO_PAGE = (1 << 64) - 1  # P_INVALID, the root of an empty tree

#: Values that a field may have, the same in every meta page.
_FIXED = {
    "page_flags": (P_META,),
    "magic": (MAGIC,),
    "version": (LMDB_DATA_VERSION,),
    "address": (0,),  # but with MDB_FIXEDMAP
    "free_pad": tuple(1 << bits for bits in range(9, 16)),  # up to MAX_PAGESIZE
    "free_flags": (MDB_INTEGERKEY, MDB_INTEGERKEY | MDB_NOSUBDIR),
    "main_pad": (0,),
    "main_flags": (0,),
}


@dataclass(frozen=True, slots=True)
class MetaPage:
    """One meta page, whose fields have names."""

    start: int
    """Its first byte in the file."""
    fields: Any

    def get(self, name: str) -> int:
        return int(self.fields[name])

    def place(self, name: str) -> int:
        """Where in the file a field lies."""
        assert _META.fields is not None
        return self.start + _META.fields[name][1]

    def replace(self, **values: int) -> Self:
        """The same page with other values in these fields."""
        fields = np.array([self.fields])
        for name, value in values.items():
            fields[name] = value
        return type(self)(self.start, fields[0])

    def copied_to(self, older: "MetaPage") -> "MetaPage":
        """The older meta page with the trees of this one."""
        kept = {name: older.get(name) for name in ("page", "txnid")}
        return MetaPage(older.start, self.replace(**kept).fields)


def find_data_version(path: Path) -> tuple[int, int] | None:
    """The version of a file's format and its place in it, or None when LMDB has not written it.

    Raises OSError when it cannot be read.
    """
    with path.open("rb") as file:
        words = np.frombuffer(file.read(64).ljust(64, b"\0"), _INT)
    # After the page's header, whose size depends on the version.
    found = np.flatnonzero(words[:-1] == MAGIC)
    return (int(words[found[0] + 1]), 4 * int(found[0] + 1)) if len(found) else None


def read_meta_pages(file: DataFile) -> tuple[MetaPage, MetaPage]:
    """Both meta pages, the newest first (mdb_env_pick_meta). Raises DamagedFileError."""
    even = _read_meta_page(file, 0)
    file.page_size = even.get("free_pad")
    odd = _read_meta_page(file, 1)
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


def _read_meta_page(file: DataFile, number: int) -> MetaPage:
    start = number * file.page_size
    meta = MetaPage(start, np.frombuffer(file.read(start, _META.itemsize), _META)[0])
    for name, allowed in {"page": (number,), **_FIXED}.items():
        if meta.get(name) not in allowed:
            reason = f"{name} of meta page {number} is {meta.get(name):#x}, not {allowed[0]:#x}"
            raise file.damaged(meta.place(name), reason)
    return meta


def write_meta_pages(path: Path, pages: Iterable[MetaPage]) -> None:
    """Write meta pages of a file one after the other, each durable before the next.

    What is read back of a file may not be what its disk has: a meta page whose write has failed may
    be on the disk, in the page cache, in both or in neither. LMDB would go on from what is read,
    over the pages of what the disk has.

    Raises OSError when one is not written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_DSYNC | os.O_CLOEXEC)
    try:
        for page in pages:
            data = page.fields.tobytes()
            if os.pwrite(descriptor, data, page.start) != len(data):
                raise OSError(errno.EIO, "a meta page was written in part")
    finally:
        os.close(descriptor)
