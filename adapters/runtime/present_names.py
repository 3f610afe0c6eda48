"""SKUs of an event under the names that the core reports, which its order is compared by.

The core takes a SKU by each name that it has had or that was merged into it, and reports the
present one (docs/adr/0047). A mapping has any of them, for as long as its owner likes. Within the
core names are changed at its door; what is compared out here, with what it reports, is changed
here, in one place.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from holdfast.edge.client import Client, InvalidArgument, NotFound

from ..events import OrderEvent

#: SKUs that the core reads at once.
SKUS_MAX: Final = 1_000


async def present_names(
    client: Client, skus: Iterable[str], known: AbstractSet[str], location: str
) -> Mapping[str, str]:
    """The present names of SKUs, but of those that are known to be called so: what the core has
    just reported. So it is asked for few, at a location that it has reported as well: lines that
    are added, and what was renamed. Raises what the client raises.
    """
    others = list(dict.fromkeys(skus).keys() - known)
    names: dict[str, str] = {}
    for at in range(0, len(others), SKUS_MAX):
        names |= await _asked(client, others[at : at + SKUS_MAX], location)
    return names


async def _asked(client: Client, skus: list[str], location: str) -> Mapping[str, str]:
    """The same of SKUs that are asked for at once. The core refuses all of them where one is no
    name at all, so they are halved until that one is alone: the command that has it says so.
    """
    try:
        answer = await client.batch_get_availability(skus, [location])
    except InvalidArgument:
        if len(skus) == 1:
            return {}
        half = len(skus) // 2
        halves = [await _asked(client, some, location) for some in (skus[:half], skus[half:])]
        return {**halves[0], **halves[1]}
    unknown = {sku: await _last_name(client, sku, location) for sku in answer.unknown_skus}
    known = [sku for sku in skus if sku not in unknown]
    names = dict(zip(known, (each.sku for each in answer.availabilities), strict=True))
    return {**unknown, **names}


async def _last_name(client: Client, sku: str, location: str) -> str:
    """What a SKU was called when it ended: the core says so where it says that there is none."""
    try:
        await client.get_shortfall(sku, location, max_lines=1)
    except NotFound as error:
        return error.metadata.get("value", sku) if error.reason == "UNKNOWN_SKU" else sku
    return sku  # it has begun meanwhile


def with_names(event: OrderEvent, names: Mapping[str, str]) -> OrderEvent:
    """An event with the SKUs of its lines called so."""
    if not names:
        return event
    lines = (replace(line, sku=names.get(line.sku, line.sku)) for line in event.lines)
    return replace(event, lines=tuple(lines))
