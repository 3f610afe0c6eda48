"""SKUs of an event under the names that the core reports, which its order is compared by.

The core takes a SKU by each name that it has had or that was merged into it, and reports the
present one (docs/adr/0047). A mapping has any of them, for as long as its owner likes. Within the
core names are changed at its door; what is compared out here, with what it reports, is changed
here, in one place.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeAlias

from holdfast.edge.client import Client, InvalidArgument
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import reservation_service_pb2 as reservation

from ..events import OrderEvent

#: SKUs that the core reads at once.
SKUS_MAX: Final = 1_000

#: What the core reports of an order or a receipt, each with a SKU and its location.
Reported: TypeAlias = reservation.ReservationLine | ledger.Movement


async def present_names(
    client: Client, skus: Iterable[str], reported: Sequence[Reported]
) -> Mapping[str, str]:
    """The present names of SKUs, of those that the core has not reported as they are called. It
    asks for these alone, which are few: lines that are added, and what was renamed. Raises what
    the client raises.
    """
    others = list(dict.fromkeys(skus).keys() - {each.sku for each in reported}) if reported else []
    names: dict[str, str] = {}
    with suppress(InvalidArgument):  # no name at all: the command that has it says so
        for at in range(0, len(others), SKUS_MAX):
            asked = others[at : at + SKUS_MAX]
            answer = await client.batch_get_availability(asked, [reported[0].location])
            known = [sku for sku in asked if sku not in answer.unknown_skus]
            names |= zip(known, (each.sku for each in answer.availabilities), strict=True)
    return names


def with_names(event: OrderEvent, names: Mapping[str, str]) -> OrderEvent:
    """An event with the SKUs of its lines called so."""
    if not names:
        return event
    lines = (replace(line, sku=names.get(line.sku, line.sku)) for line in event.lines)
    return replace(event, lines=tuple(lines))
