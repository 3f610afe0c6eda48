"""When orders were sold, by the events that tell of them first."""

from datetime import datetime
from typing import Final

from ..events import Event, OrderEvent, OrderKind

#: What reports a sale.
_PLACING: Final = (OrderKind.PLACED, OrderKind.STATE)


def sold_at(event: Event) -> datetime | None:
    """When an order was sold that an event is the first word of. Units that have moved on say that
    it is not.
    """
    if not isinstance(event, OrderEvent):
        return None
    is_first = event.kind in _PLACING and not any(
        line.shipped or line.cancelled for line in event.lines
    )
    return event.time if is_first else None
