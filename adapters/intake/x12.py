"""X12 of warehouses, suppliers and carriers: 214, 846, 856, 944, 945 and 947.

An event is known by the control numbers of its interchange, group and transaction set, and its line
(ISA13, GS06, ST02). A transaction set that is wrong does not hold up the others of its interchange.
Interchanges that are marked as tests do not count, unless the options say so.

Rules of this file: pure. What the sets say is in the x12_* files beside it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from ..contract import Adapter, Message, Undecodable
from ..events import Decoded, Ignored
from .fields import hash_of
from .x12_carrier import statuses
from .x12_notices import supply
from .x12_segments import TransactionSet, transaction_sets
from .x12_stock import adjustments, counts
from .x12_values import X12
from .x12_warehouse import receipts, shipments

_SETS: Final[dict[str, Callable[[TransactionSet, X12], Iterator[Decoded | Undecodable]]]] = {
    "214": statuses,
    "846": counts,
    "856": supply,
    "944": receipts,
    "945": shipments,
    "947": adjustments,
}


def decode(message: Message, options: X12) -> Iterator[Decoded | Undecodable]:
    """The events of the transaction sets of a message, which are whole or are reported."""
    # Latin-1 reads each byte; those of UTF-8 are read as that where a text has them.
    try:
        text = message.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = message.body.decode("latin-1")
    for found in transaction_sets(text):
        if isinstance(found, Undecodable):
            yield found
        elif found.is_test and not options.accepts_tests:
            yield Ignored("test")
        elif found.code not in _SETS:
            yield Ignored(f"x12_{found.code[:8]}")
        else:
            yield from _of_set(found, options)


def _of_set(found: TransactionSet, options: X12) -> Iterator[Decoded | Undecodable]:
    """The events of a set, and what is wrong with it."""
    try:
        yield from _SETS[found.code](found, options)
    except Undecodable as wrong:
        yield wrong


ADAPTER: Final = Adapter(
    name="x12",
    reads="X12 214, 846, 856, 944, 945 and 947, release 004010 and its like.",
    dedupe="control numbers of interchange, group and transaction set, and the line",
    order="none; counts and supply by their date",
    key=hash_of,
    decode=decode,
    options=X12,
)
