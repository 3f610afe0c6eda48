"""Which page of an LMDB file belongs to whom: every page to one owner, and no page to two."""

import numpy as np

from .data_file import DataFile, Ints, Words
from .meta_pages import MetaPage

#: Free pages that may lie past the end of the file: as many as one transaction can change,
#: MDB_IDL_UM_MAX. A last page past those is damage, and a table that long would cost memory.
UNWRITTEN_PAGES_MAX = 1 << 17


def last_page_max(file: DataFile) -> int:
    """The greatest number that the last page of a file of this size may have."""
    return file.size // file.page_size + UNWRITTEN_PAGES_MAX - 1


class PageOwners:
    """The pages that have been claimed, while the trees are walked."""

    def __init__(self, file: DataFile, meta: MetaPage) -> None:
        self.file = file
        self.last = meta.get("last_page")
        if not 1 <= self.last <= last_page_max(file):
            reason = f"page {self.last} cannot be the last of {file.size} bytes"
            raise file.damaged(meta.place("last_page"), reason)
        self.claimed = np.zeros(self.last + 1, np.bool_)
        self.claimed[:2] = True  # the meta pages

    def claim(self, numbers: Words, named_at: Ints) -> Ints:
        """Claim pages that are named at these places in the file; return them as indices.

        Raises DamagedFileError when one does not exist or has been claimed.
        """
        in_range = (numbers >= 2) & (numbers <= self.last)
        self.file.expect(in_range, named_at, "there is no page {} to name", numbers)
        pages = numbers.astype(np.int64)  # exact: none is above `last`
        order = np.argsort(pages, kind="stable")
        is_new = ~self.claimed[pages]
        is_new[order[1:]] &= np.diff(pages[order]) > 0
        self.file.expect(is_new, named_at, "page {} is named a second time", pages)
        self.claimed[pages] = True
        return pages

    def expect_all_claimed(self) -> None:
        """Raise DamagedFileError for the first page that has not been claimed."""
        page = np.arange(self.last + 1)
        reason = "page {} is neither in use nor listed as free"
        self.file.expect(self.claimed, page * self.file.page_size, reason, page)
