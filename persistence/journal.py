"""The journal: a port for those who read it, and one for the node that appends to it.

The promise kept here: an answer leaves the node after the append that it rests on is durable.
lmdb/store.py says how an append becomes durable, codec.py what stands in it, journal_process/ who
writes it.

Both ports count appends: position 1 is the first, 0 is before it. No NumPy is loaded here, because
the process that writes the journal needs JournalError.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from holdfast.core.tables.effects import Entry

OnAppended = Callable[[float, int], None]
"""Called with the seconds that an append took and the headroom in bytes that it left, as far as is
known.
"""

OnFailure = Callable[[BaseException], None]
"""Called when an append cannot be made durable. The node must stop: a second try could report
success over data that is gone, see lmdb/store.py.
"""


class JournalError(Exception):
    """The journal could not be written or read; the node must stop."""


class JournalReader(Protocol):
    """What is durable, oldest first."""

    @property
    def first(self) -> int:
        """Position of the oldest append that is left; one more than `position` when none is."""

    @property
    def position(self) -> int:
        """Position of the last append that `read` comes to."""

    def read(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Position and bytes of every append after `after`; codec.read_appends decodes them.

        Raises JournalError when a position is missing or the file can't be read.
        """


class JournalAppender(Protocol):
    """The one writer of a journal, as the event loop sees it: start, appends one by one, close."""

    @property
    def position(self) -> int:
        """Position of the last append that is known to be durable."""

    @property
    def reserve_bytes(self) -> int:
        """Space that new work may not use; it is there for what is under way, and for expiry."""

    @property
    def appended_bytes(self) -> int:
        """Bytes of the appends that were handed over so far."""

    def start(self, on_appended: OnAppended, on_failure: OnFailure) -> None:
        """Take the callbacks, which run on the event loop's thread."""

    def append(self, entries: "Sequence[Entry]") -> None:
        """Begin to make entries durable at the next position, and return at once.

        The last append must have been answered. A failure comes through `on_failure`.
        """

    def forget(self, up_to: int) -> None:
        """Let the journal drop the appends up to a position, in its own time. They must be in the
        archive, or not be wanted, and a snapshot must cover them.
        """

    def headroom_bytes(self) -> int:
        """By how much the journal may grow before `reserve_bytes` are touched; 0 or less means that
        new work must be refused.
        """

    def size_bytes(self) -> int:
        """Bytes in use, free pages among them."""

    def close(self) -> None:
        """Let the writer end. No append may be unanswered."""
