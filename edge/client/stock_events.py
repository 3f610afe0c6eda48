"""Stock events of a source, one by one or as columns, and the messages that carry them.

Rules of this file: NumPy is imported when columns become a message, not before. Form is judged by
the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from google.protobuf.message import Message

from holdfast.v1 import stock_service_pb2 as stock

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: The name of a source, and up to 1,000 events of it.
SourceEvents: TypeAlias = tuple[str, Iterable[stock.StockEvent]]

_NEEDS_NUMPY: Final = "StockColumns needs NumPy: pip install 'holdfast[columns]'"


@dataclass(frozen=True, slots=True, eq=False)
class StockColumns:
    """Up to 8,190 stock events of one source, as columns of equal length: for feeds of hundreds of
    thousands of events a second. Needs NumPy (`pip install 'holdfast[columns]'`). Columns may be
    lists of integers; NumPy arrays are faster.

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

    def message(self) -> Message:
        """An ApplyStockEvents message that holds the columns as bytes, without an object per event.

        Raises ModuleNotFoundError without NumPy, and OverflowError, TypeError or ValueError if
        NumPy cannot read a column as integers.
        """
        try:
            import numpy as np  # noqa: PLC0415 - an extra, for columns alone
        except ModuleNotFoundError:
            raise ModuleNotFoundError(_NEEDS_NUMPY, name="numpy") from None
        from ..wire.packed import fill, twin  # noqa: PLC0415 - imports numpy

        request: Any = twin(stock.ApplyStockEventsRequest)(source=self.source)
        columns = request.columns
        columns.kinds = np.atleast_1d(np.asarray(self.kinds, np.uint8)).tobytes()
        for name in ("id_high", "id_low", "sequences", "stock_levels"):
            fill(columns, name, np.asarray(getattr(self, name), "<u8"))
        fill(columns, "quantities", np.asarray(self.quantities, "<i8"))
        message: Message = request
        return message


def message_of(batch: SourceEvents | StockColumns) -> Message:
    """The ApplyStockEvents message that carries these events."""
    if isinstance(batch, StockColumns):
        return batch.message()
    source, events = batch
    return stock.ApplyStockEventsRequest(source=source, events=events)
