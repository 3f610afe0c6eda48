"""An LMDB data file as plain bytes, and the error for bytes that LMDB did not write."""

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]


class DamagedFileError(Exception):
    """The file is not what was written, from the byte `offset` on."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(path, offset, reason)
        self.path = path
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path.name}: damaged at byte {self.offset}: {self.reason}"


class DataFile:
    """A data file read with pread: a missing page is a short read, not a SIGBUS as in a map."""

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
        """The bytes at a place, all of them. Raises DamagedFileError when they cannot be read."""
        try:
            data = os.pread(self.descriptor, size, offset)
        except OSError as error:
            raise self.damaged(offset, f"it cannot be read: {error.strerror}") from error
        if len(data) != size:
            self.expect_reaches(offset + size)
            raise self.damaged(offset + len(data), "the system stopped reading here")
        return data

    def read_pages(self, numbers: Ints) -> NDArray[np.uint16]:
        """Whole pages as 16-bit words, one page a row: LMDB aligns all it writes to two bytes."""
        pages = [self.read(page * self.page_size, self.page_size) for page in numbers.tolist()]
        return np.frombuffer(b"".join(pages), np.uint16).reshape(len(pages), -1)

    def expect_reaches(self, end: int) -> None:
        if end > self.size:
            raise self.damaged(self.size, f"the file ends here, and is in use up to byte {end}")

    def expect(self, good: Any, places: Ints, reason: str, *facts: NDArray[Any]) -> None:
        """Raise DamagedFileError for the first place that is not good, with its facts filled into
        the reason.
        """
        if not good.all():
            i = int(good.argmin())
            raise self.damaged(int(places[i]), reason.format(*(int(fact[i]) for fact in facts)))

    def damaged(self, offset: int, reason: str) -> DamagedFileError:
        return DamagedFileError(self.path, offset, reason)
