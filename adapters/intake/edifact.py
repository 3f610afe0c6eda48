"""EDIFACT of warehouses, suppliers and shops: INVRPT, DESADV, RECADV and SLSRPT.

An event is known by the references of its interchange and message, and its line. A message that is
wrong does not hold up the others of its interchange. Interchanges that are marked as tests do not
count, unless the options say so.

Rules of this file: pure. What the messages say is in the edifact_* files beside it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from ..contract import Adapter, Message, Undecodable
from ..events import Decoded, Ignored
from .edifact_notices import supply
from .edifact_sales import sales
from .edifact_segments import EdifactMessage, messages, text_of, unreadable
from .edifact_stock import inventory, receipts
from .edifact_values import Edifact
from .fields import hash_of

_MESSAGES: Final[
    dict[str, Callable[[EdifactMessage, Edifact], Iterator[Decoded | Undecodable]]]
] = {
    "DESADV": supply,
    "INVRPT": inventory,
    "RECADV": receipts,
    "SLSRPT": sales,
}


def decode(message: Message, options: Edifact) -> Iterator[Decoded | Undecodable]:
    """The events of the messages of an interchange, which are whole or are reported."""
    text = text_of(message.body)
    is_readable = "\N{REPLACEMENT CHARACTER}" not in text
    for found in messages(text):
        if isinstance(found, Undecodable):
            yield found
        elif not is_readable and (wrong := unreadable(found)):
            yield wrong
        elif found.is_test and not options.accepts_tests:
            yield Ignored("test")
        elif found.code not in _MESSAGES:
            yield Ignored(f"edifact_{found.code[:8]}")
        else:
            try:
                yield from _MESSAGES[found.code](found, options)
            except Undecodable as problem:
                yield problem


ADAPTER: Final = Adapter(
    name="edifact",
    reads="EDIFACT INVRPT, DESADV, RECADV and SLSRPT, directories D.96A to D.01B, and EANCOM.",
    dedupe="references of interchange and message, and the line",
    order="none; counts and supply by their date",
    key=hash_of,
    decode=decode,
    options=Edifact,
)
