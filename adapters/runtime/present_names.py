"""SKUs of an event under the names that the core reports, which its order is compared by.

The core takes a SKU by each name that it has had or that was merged into it, and reports the
present one (docs/adr/0047). A mapping has any of them, for as long as its owner likes. Within the
core names are changed at its door; what is compared out here, with what it reports, is changed
here, in one place.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from holdfast.edge.client import Client, InvalidArgument

from ..events import OrderEvent
from .order_lines import Found

#: SKUs that the core reads at once.
SKUS_MAX = 1_000


async def present_names(client: Client, skus: Iterable[str], found: Found) -> Mapping[str, str]:
    """The present names of SKUs, of those that reservations do not have as they are called. It asks
    for these alone, which are few: lines that are added, and what was renamed. Raises what the
    client raises.
    """
    parts = [part for each in found for part in each.lines]
    others = list(dict.fromkeys(skus).keys() - {part.sku for part in parts}) if parts else []
    names: dict[str, str] = {}
    with suppress(InvalidArgument):  # no name at all: the command that has it says so
        for at in range(0, len(others), SKUS_MAX):
            asked = others[at : at + SKUS_MAX]
            answer = await client.batch_get_availability(asked, [parts[0].location])
            known = [sku for sku in asked if sku not in answer.unknown_skus]
            names |= zip(known, (each.sku for each in answer.availabilities), strict=True)
    return names


def with_names(event: OrderEvent, names: Mapping[str, str]) -> OrderEvent:
    """An event with the SKUs of its lines called so."""
    if not names:
        return event
    lines = (replace(line, sku=names.get(line.sku, line.sku)) for line in event.lines)
    return replace(event, lines=tuple(lines))
