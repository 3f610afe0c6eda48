"""POSLog XML 2.x to 6: what tills sold and took back.

Sources: the NRF/ARTS (now OMG) POSLog model, read by local element names, since namespaces differ
by version and vendor; the NCR ACS 2.1 sample (kjbreil/poslog, e80afda) and POSLog v6 receipts
(Schmied-IT/go-poslog, 91ef9f0). Both show sales, returns as sales below 0, links, voided lines and
local times; the sample shows control transactions and a resumed transaction. Statuses other than a
finished one, training flags and post-voids are by the ARTS model and were not seen in a real file.

What becomes of a transaction:

- finished: each line a SALE, or a RETURN where the quantity is below 0; a line that names a
  reservation ships it, or returns to it;
- suspended: HELD under its name; resumed, retrieved or deleted: what was held is CANCELLED;
- post-void: a REVERSAL of each line of the transaction that it links to;
- voided before tender, training, control (sign-on, no sale): nothing.

A receipt counts whole or not at all: one that has a line nobody understands is a dead letter, and
those after it go on.

Facts have no sequence. The core counts numbers of a source one by one, and reports what it misses.
A till numbers transactions, of which some have no fact and some have eighty, and starts over at the
end of its range: made from (transaction, line), nearly all numbers would be missing, and the gaps
would hide the real ones. Receipts are distinguished by their ids; they may come in any order.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from ..contract import Adapter, Message, Undecodable
from ..events import Decoded
from .fields import hash_of
from .poslog_options import PoslogOptions
from .poslog_receipts import numbered, receipt_or_error
from .poslog_transactions import events_of
from .verification import verify
from .xml_cutting import cut_records
from .xml_records import children, records


def decode(message: Message, options: PoslogOptions) -> Iterator[Decoded | Undecodable]:
    """The events of every transaction, in the order of the file."""
    for at, transaction in enumerate(records(message.body, "POSLog", "Transaction"), 1):
        path = f"Transaction[{at}]"
        parts = children(transaction)
        receipt = receipt_or_error(parts, path)
        yield from numbered(receipt, options)
        try:
            yield from events_of(transaction, parts, receipt, path, options)
        except Undecodable as wrong:
            yield wrong


def cut(blocks: Iterable[bytes], file: str, _options: PoslogOptions) -> Iterator[Message]:
    """The receipts of a file, each as a message: one that is wrong is a dead letter by itself."""
    for body in cut_records(blocks, "POSLog", "Transaction", file):
        yield Message(body, {"file": file})


def key(message: Message) -> str:
    """A hash of the file. A receipt that comes again in another one is known by its facts' ids."""
    return hash_of(message)


ADAPTER: Final = Adapter(
    name="poslog",
    reads="Receipts of tills as POSLog XML, 2.x to 6.",
    dedupe="store, till, business date, number of the transaction and of the line",
    order="none: receipts may come in any order, and late",
    key=key,
    decode=decode,
    cut=cut,
    verify=verify,
    options=PoslogOptions,
)
