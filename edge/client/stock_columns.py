"""Columns of stock events to the message that carries them: what calls.StockColumns is on the wire.

The message is a twin (packed.py), so that no object is made per event. Form is judged by the server
alone.
"""

from typing import Any, Final

import numpy as np
from google.protobuf.message import Message

from holdfast.v1 import stock_service_pb2 as stock

from ..wire.packed import fill, twin
from .calls import StockColumns

_REQUEST: Final = twin(stock.ApplyStockEventsRequest)


def message_from_columns(given: StockColumns) -> Message:
    """Spell one message of ApplyStockEvents."""
    request: Any = _REQUEST(source=given.source)
    columns = request.columns
    columns.kinds = np.atleast_1d(np.asarray(given.kinds, np.uint8)).tobytes()
    for name in ("id_high", "id_low", "sequences", "stock_levels"):
        fill(columns, name, np.asarray(getattr(given, name), "<u8"))
    fill(columns, "quantities", np.asarray(given.quantities, "<i8"))
    message: Message = request
    return message
