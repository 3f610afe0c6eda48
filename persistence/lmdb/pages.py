"""Check the structure of an LMDB data file before LMDB maps it.

LMDB trusts its file. A file that was cut kills the process with SIGBUS; one flipped bit can make
LMDB fall back to the transaction before, or hand out a page that is still in use. So at start,
while nobody has the file open, ``check_pages`` reads it with pread and either finds all of it in
order or raises ``DamagedFileError``, which names the place.

The layout is that of LMDB 0.9 on 64-bit little-endian machines: MDB_meta, MDB_db, MDB_page and
MDB_node in mdb.c, MDB_IDL in midl.h. Features that the journal does without are refused: its
database is the unnamed one, without duplicates, its keys 8 bytes in big-endian order. Four rules
carry the proof:

- Every page is exactly one of these: a meta page, in the main tree, in the tree of free-page
  records, listed in one of those records. LMDB leaks no page, nor does a process that is killed.
- The meta pages are one transaction apart. A transaction frees its old root, so the newest record
  of free pages has the number of the newest transaction.
- Nodes fill their page without gap or overlap, keys ascend and keep to the bounds set by the
  branches above, and the counts in MDB_db are those of the walk.
- The file reaches to the end of every page in use. Free pages may lie past its end: LMDB does not
  write a page that was taken and freed in the same transaction.

When the write of a meta page fails, LMDB puts the number and the last page of the transaction that
stood there before back beside the new trees, so that nobody goes on from them. Such a page says
transaction n-2, and its free pages say n. So does the page of a transaction that was acknowledged,
when one bit of its number is flipped. Both have all their pages on the disk, synced before their
meta page was written: if all is in order under the number n, then n is the newest transaction.
Otherwise the older meta page proves nothing, and nothing rests on it.

Flipped bits that pass here:

- in a value, or in its size as far as its overflow pages hold that; in a key that stays in order,
  unless keys have to be consecutive. The hash of the value has to cover its length and its key.
- in the number of a record of free pages that stays in order, in free pages and unused space, in
  mp_pad, in mm_mapsize, which the opener sets anew, and in the older meta page, which is written
  again before it is read. They do no harm.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .data_file import DamagedFileError, DataFile
from .meta_pages import NO_PAGE, MetaPage, read_meta_pages
from .page_owners import PageOwners, last_page_max
from .trees import Place, Tree


@dataclass(frozen=True, slots=True)
class PageReport:
    """What a whole file holds."""

    meta_pages: tuple[MetaPage, MetaPage]
    """As they have to be, the newest first; LMDB may open the file when they are durable."""
    txnid: int
    entries: int
    """Of the main tree, as are the keys."""
    first_key: int | None
    """None when the tree is empty."""
    last_key: int | None


def check_pages(path: Path, *, consecutive_keys: bool = False) -> PageReport:
    """What a data file holds that is whole. LMDB must not have it open.

    `consecutive_keys` says that each key is the one before it plus one: then any flipped bit of a
    key is found.

    Raises DamagedFileError when the file is not what LMDB wrote.
    """
    with DataFile(path) as file:
        newest, older = read_meta_pages(file)
        with suppress(DamagedFileError):
            if newer := _find_newer(file, newest, older):
                return _prove(file, newer, newest, consecutive_keys=consecutive_keys)
        if not _is_whole(file, older):
            older = newest.copied_to(older)
        return _prove(file, newest, older, consecutive_keys=consecutive_keys)


def _find_newer(file: DataFile, newest: MetaPage, older: MetaPage) -> MetaPage | None:
    """The older meta page as that of the transaction after the newest, if its free pages say so.

    Raises DamagedFileError when its trees cannot be walked.
    """
    txnid = newest.get("txnid") + 1
    # Its last page may be that of an older transaction: the true one is the last that is claimed.
    newer = older.replace(txnid=txnid, last_page=last_page_max(file))
    pages = PageOwners(file, newer)
    free = Tree(file, newer, "free", pages)
    _claim_free_pages(free)
    is_first = txnid == 1 and newer.get("main_root") != NO_PAGE  # the first frees nothing
    if free.last_key != txnid and not is_first:
        return None
    Tree(file, newer, "main", pages).walk()
    return newer.replace(last_page=int(np.flatnonzero(pages.claimed)[-1]))


def _is_whole(file: DataFile, older: MetaPage) -> bool:
    """Whether an older meta page may stay as it is."""
    try:
        free = Tree(file, older, "free", PageOwners(file, older))
        free.walk()
    except DamagedFileError:
        return False
    return (free.last_key or 0) <= older.get("txnid")


def _prove(
    file: DataFile, newest: MetaPage, older: MetaPage, *, consecutive_keys: bool
) -> PageReport:
    """What the transaction of a meta page holds. Raises DamagedFileError."""
    pages = PageOwners(file, newest)
    free = Tree(file, newest, "free", pages)
    _claim_free_pages(free)
    _expect_true_txnid(free, newest)
    main = Tree(file, newest, "main", pages, consecutive_keys=consecutive_keys)
    main.walk()
    pages.expect_all_claimed()
    return PageReport(
        meta_pages=(newest, older),
        txnid=newest.get("txnid"),
        entries=main.found["entries"],
        first_key=main.first_key,
        last_key=main.last_key,
    )


def _claim_free_pages(free: Tree) -> None:
    """Claim what the records of free pages list (MDB_IDL: a count and as many falling numbers)."""
    for part in free.values():
        for _, offset, size in part:
            listed = np.frombuffer(free.file.read(offset, size // 8 * 8), np.uint64)
            if size % 8 or not size or listed[0] != len(listed) - 1:
                raise free.file.damaged(offset, f"a record of free pages has {size} bytes")
            places = offset + 8 * np.arange(1, len(listed))
            falls = listed[2:] < listed[1:-1]
            free.file.expect(falls, places[1:], "the list of free pages does not fall here")
            free.pages.claim(listed[1:], places)


def _expect_true_txnid(free: Tree, newest: MetaPage) -> None:
    """Raise DamagedFileError when mm_txnid is not the number of the newest record of free pages."""
    txnid, record = newest.get("txnid"), free.last_key or 0
    if record != (txnid if txnid > 1 else 0) or (not txnid and newest.get("main_root") != NO_PAGE):
        reason = f"it says transaction {txnid}, its free pages say {record}"
        raise free.file.damaged(newest.place("txnid"), reason)


def iterate_values(path: Path) -> Iterator[Place]:
    """Key, offset in the file and bytes of every value, in key order.

    Raises DamagedFileError when the main tree is not what LMDB wrote.
    """
    with DataFile(path) as file:
        newest, _ = read_meta_pages(file)
        for part in Tree(file, newest, "main", PageOwners(file, newest)).values():
            yield from part
