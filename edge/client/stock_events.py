"""Stock events of a source, one by one or as columns, and the messages that carry them.

Rules of this file: NumPy is imported when columns become a message, not before. Types are judged
here, limits by the server.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.message import Message

from holdfast.v1 import stock_service_pb2 as stock

from .parameters import each, fields, of_type, text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: The name of a source, and up to 1,000 events of it.
SourceEvents: TypeAlias = tuple[str, Iterable[stock.StockEvent]]

_NEEDS_NUMPY: Final = "StockColumns needs NumPy: pip install 'holdfast[columns]'"


@dataclass(frozen=True, slots=True, eq=False)
class StockColumns:
    """Up to 8,190 stock events of one source, as columns of equal length: for feeds of hundreds of
    thousands of events a second. Needs NumPy (`pip install 'holdfast[columns]'`). A column is a
    NumPy array of integers, or any other iterable of integers, which is slower.

    Every event needs an id, a sequence, or both: the server refuses a message without.

        handles = client.resolve_stock_levels([("MUG", "STORE-9"), ("TEA", "STORE-9")]).handles
        StockColumns("till/9", handles, STOCK_EVENT_KIND_SALE, [1, 3], sequences=[17, 18])
    """

    source: str
    """Name of the source, which reports the events and may number them."""
    stock_levels: "ArrayLike"
    """Handles, of `resolve_stock_levels`."""
    kinds: "ArrayLike"
    """A StockEventKind for each event, or one for all of them."""
    quantities: "ArrayLike"
    """Units in the SKU's base unit; adjustments may be negative."""
    id_high: "ArrayLike" = ()
    """The upper 64 bits of each event's UUID; empty where events have no ids."""
    id_low: "ArrayLike" = ()
    """The lower 64 bits of each event's UUID."""
    sequences: "ArrayLike" = ()
    """Numbers that rise within the source; empty where events have none."""
    occur_nanoseconds: "ArrayLike" = ()
    """When each happened, in nanoseconds since 1970 (UTC); 0 where you do not know, and of counts.
    """
    reference_ids: Iterable[str] = ()
    """The document that each belongs to, or an empty text."""
    reference_lines: Iterable[str] = ()
    """The line of that."""
    reference_kind: str = ""
    """The kind of all references, such as "receipt"."""
    correlation_id: str = ""
    """For all of them, in place of that of the stream: printable ASCII characters."""

    def message(self) -> Message:
        """A message of RecordStockEventsStream with the columns as bytes, and no object per event.

        Raises ModuleNotFoundError without NumPy; TypeError if a value is not an integer, as
        floats, truth values and text are not; and ValueError if one does not fit its column. Both
        name the column and the position: quantities[17].
        """
        try:
            import numpy as np  # noqa: F401, PLC0415 - an extra, for columns alone
        except ModuleNotFoundError:
            raise ModuleNotFoundError(_NEEDS_NUMPY, name="numpy") from None
        from ..wire.packed import fill, twin  # noqa: PLC0415 - imports numpy
        from .columns import exact_column  # noqa: PLC0415 - imports numpy

        request: Any = twin(stock.RecordStockEventsStreamRequest)(
            source=text("source", self.source)
        )
        columns = request.columns
        # One kind may stand for all.
        kinds = self.kinds if isinstance(self.kinds, Iterable) else [self.kinds]
        columns.kinds = exact_column("kinds", kinds, "u1").tobytes()
        for name in ("id_high", "id_low", "sequences", "stock_levels"):
            fill(columns, name, exact_column(name, getattr(self, name), "<u8"))
        fill(columns, "quantities", exact_column("quantities", self.quantities, "<i8"))
        times = exact_column("occur_nanoseconds", self.occur_nanoseconds, "<i8")
        if len(times):
            fill(columns, "occur_nanoseconds", times)
        for name in ("reference_ids", "reference_lines"):
            texts = each(name, getattr(self, name), "a column of text")
            getattr(columns, name).extend(text(f"{name}[{at}]", it) for at, it in enumerate(texts))
        columns.reference_kind = text("reference_kind", self.reference_kind)
        columns.correlation_id = text("correlation_id", self.correlation_id)
        message: Message = request
        return message


def numbered_messages() -> Callable[[SourceEvents | StockColumns], Message]:
    """Makes the messages of one RecordStockEventsStream, whose batch ids count from 1."""
    numbers = count(1)

    def message_of(batch: SourceEvents | StockColumns) -> Message:
        message: Any = _message_of(batch)
        message.batch_id = next(numbers)
        numbered: Message = message
        return numbered

    return message_of


def _message_of(batch: SourceEvents | StockColumns) -> Message:
    if isinstance(batch, StockColumns):
        return batch.message()
    source, events = fields("a batch", batch, (2,), "a source with its events, or StockColumns")
    return stock.RecordStockEventsStreamRequest(
        source=text("source", source), events=checked(events)
    )


def checked(events: Iterable[stock.StockEvent]) -> list[stock.StockEvent]:
    """The events, if that is what they are."""
    found = enumerate(each("events", events, "an iterable of StockEvents"))
    kind, expected = stock.StockEvent, "a StockEvent"
    return [of_type(f"events[{position}]", event, kind, expected) for position, event in found]
