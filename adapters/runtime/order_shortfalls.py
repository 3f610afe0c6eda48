"""Whether units of an order that is sold already are missing: a person decides what to do then.

The core is asked how things are. Its Reserve said that, too, but a crash after a Reserve loses the
answer.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.edge.client import Client, NotFound
from holdfast.v1 import reservation_service_pb2 as reservation

from ..events import Exceptional, OrderEvent
from .cases import case_of_order

#: Lines endangered at a stock level that are looked through: as many as the core reports.
LINES_MAX: Final = 1_000

#: Stock levels that the text of a case names.
LEVELS_NAMED: Final = 10


async def short_case(
    client: Client, event: OrderEvent, found: Sequence[reservation.Reservation]
) -> Exceptional | None:
    """The case of an order of which the core cannot keep lines that an event names, newest promises
    first; None where it can. The case tells all that is missing of the order. Raises what the
    client raises.
    """
    names = {each.reservation_id for each in found}
    skus = {line.sku for line in event.lines}
    levels = dict.fromkeys(_open_levels(found))
    named = [each for each in levels if not skus or each[0] in skus]
    missing = await _missing(client, names, named)
    if not missing:
        return None
    missing |= await _missing(client, names, [each for each in levels if each not in named])
    shortages = [f"{units} of {sku} at {location}" for (sku, location), units in missing.items()]
    more = ", and more" if len(shortages) > LEVELS_NAMED else ""
    text = f"sold, but not in stock: {', '.join(shortages[:LEVELS_NAMED])}{more}"
    return case_of_order(event, "order_short", text)


async def _missing(
    client: Client, names: set[str], levels: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Units of reservations that the core cannot keep, by SKU and location. Of a SKU that has ended
    there is no level: whoever ended it was told what was promised of it.
    """
    missing = {}
    for sku, location in levels:
        try:
            answer = await client.get_shortfall(sku, location, max_lines=LINES_MAX)
        except NotFound:
            continue
        endangered = answer.shortfall.endangered
        units = sum(each.endangered_quantity for each in endangered if each.reservation_id in names)
        if units:
            missing[sku, location] = units
    return missing


def _open_levels(found: Iterable[reservation.Reservation]) -> Iterable[tuple[str, str]]:
    for each in found:
        for line in each.lines:
            if line.held or line.committed:
                yield line.sku, line.location
