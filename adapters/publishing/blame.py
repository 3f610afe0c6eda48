"""Who is to blame when a channel does not understand a load: an offer of it, or the channel.

A load is halved until the offer stands alone. It is to blame if the channel has understood others
meanwhile. If it understands none, as with a wrong token, the channel is to blame.

Rules of this file: it counts and does not wait.
"""

from collections.abc import Iterable
from typing import Final

#: Loads in a row that a channel does not understand before it counts as one that cannot be told.
DEAF_AT: Final = 3


class Blame:
    """What one channel has understood, and the rows whose offers it did not."""

    def __init__(self) -> None:
        self._understood = 0
        """Loads that ended with verdicts."""
        self._refused = 0
        """How many of those there were when the channel refused a load last."""
        self._failed = 0
        """Loads in a row that it did not understand."""
        self._doubted: dict[int, int] = {}
        """Of each row in doubt: how many of those loads there had been when that began."""

    def understood(self) -> None:
        """The channel has understood a load."""
        self._understood += 1
        self._failed = 0

    def clear(self, row: int) -> None:
        """The channel has understood the offer of a row."""
        self._doubted.pop(row, None)

    def doubt(self, rows: Iterable[int]) -> None:
        """The channel did not understand a load of these rows."""
        self._failed += 1
        for row in rows:
            self._doubted.setdefault(row, self._understood)

    @property
    def is_deaf(self) -> bool:
        """Whether the channel understands nothing: it goes on selling what it shows."""
        return self._failed >= DEAF_AT

    def is_to_blame(self, row: int) -> bool:
        """Whether the channel has understood others since it did not understand this row."""
        return self._doubted[row] != self._understood

    def are_all_refused(self) -> bool:
        """Whether nothing was understood since the channel has refused a load before."""
        before, self._refused = self._refused, self._understood
        return before == self._understood
