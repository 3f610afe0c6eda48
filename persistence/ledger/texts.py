"""The dictionary of one file: byte strings under running numbers.

While a file grows, numbers are in the order of arrival. In a file that is written they are in the
order of the strings, so that a string is found by bisection and needs no index.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from .movements import NO_TEXT


class GrowingTexts:
    """A dictionary in memory."""

    def __init__(self, texts: Sequence[bytes] = ()) -> None:
        self._texts = list(texts)
        self._numbers = {text: number for number, text in enumerate(self._texts)}

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, number: int) -> bytes:
        return self._texts[number]

    def add(self, text: bytes) -> int:
        """The number of a text, which is added when it is new."""
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def find(self, text: bytes) -> int:
        """The number of a text, or NO_TEXT."""
        return self._numbers.get(text, NO_TEXT)

    def in_order(self) -> tuple[list[bytes], np.ndarray]:
        """The texts in their order, and the new number of each old one."""
        order = sorted(range(len(self._texts)), key=self._texts.__getitem__)
        ranks = np.empty(len(order), np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        return [self._texts[number] for number in order], ranks


class WrittenTexts:
    """A dictionary in a file: its strings together, and where each ends."""

    def __init__(self, heap: np.ndarray, ends: np.ndarray) -> None:
        self._heap = heap
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> bytes:
        start = int(self._ends[number - 1]) if number else 0
        return self._heap[start : int(self._ends[number])].tobytes()

    def find(self, text: bytes) -> int:
        """The number of a text, or NO_TEXT."""
        number = bisect_left(self, text)
        return number if number < len(self) and self[number] == text else NO_TEXT


def written(texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays of a WrittenTexts."""
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return np.frombuffer(b"".join(texts), np.uint8), ends
