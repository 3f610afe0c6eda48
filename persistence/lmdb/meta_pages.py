"""The two meta pages of an LMDB file: the newest transaction, and where its trees begin."""

from dataclasses import dataclass
from typing import Any

import numpy as np

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
P_META = 0x08
MDB_INTEGERKEY = 0x08
MDB_NOSUBDIR = 0x4000  # stays in the file when the environment was made without a folder
NO_PAGE = (1 << 64) - 1  # P_INVALID, the root of an empty tree

#: Values that a field may have, the same in every meta page.
_FIXED = {
    "page_flags": (P_META,),
    "magic": (0xBEEFC0DE,),  # MDB_MAGIC
    "version": (1,),  # MDB_DATA_VERSION
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
    if meta.get("txnid") == 0 and meta.get("main_root") != NO_PAGE:
        raise file.damaged(meta.place("txnid"), f"meta page {number} has entries of transaction 0")
    return meta
