"""Address space, allocated once; it takes memory as it is touched.

A table that grows by copying pauses the node when it is large, holds both copies meanwhile and
touches all of the new one. One that lies at the start of a space far larger than it will become
stays where it is: the machine's kernel gives it a zeroed page when a record is first written there.
What a node allocates is therefore far more than it uses (`VIRT` in top); what it uses is `RES`. See
docs/adr/0018.
"""

from contextlib import suppress
from mmap import MADV_DONTNEED, MADV_HUGEPAGE, MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

import numpy as np

from ..limits import MAP_NORESERVE


def allocate(dtype: np.dtype | str, count: int, width: tuple[int, ...] = ()) -> np.ndarray:
    """`count` zeroed records (of `width` each) that take no memory until they are used."""
    record = np.dtype((dtype, width))
    space = mmap(-1, count * record.itemsize, flags=MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
    records = np.frombuffer(space, record.base)
    return records.reshape(count, *width) if width else records


def discard(records: np.ndarray, start: int, end: int) -> None:
    """Zero records [start, end) and free their memory."""
    _advise(records, start, end, MADV_DONTNEED)


def use_huge_pages(records: np.ndarray, start: int, end: int) -> None:
    """Let records [start, end) lie on pages of 2 MiB: random access to many small pages misses the
    processor's translation cache nearly every time.
    """
    with suppress(OSError):  # a machine's kernel may have none
        _advise(records, start, end, MADV_HUGEPAGE)


def _advise(records: np.ndarray, start: int, end: int, advice: int) -> None:
    """Advise on whole pages; `start` is at the beginning of one."""
    view: Any = records.base  # NumPy looks at a mapping through a memoryview
    space: mmap = view.obj
    space.madvise(advice, start * records.itemsize, (end - start) * records.itemsize)
