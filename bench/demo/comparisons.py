"""Every system against every other, line by line, when the day is over.

Rules of this file: it compares what systems say with each other and with the books of the
demonstration, and changes nothing.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.edge.client import Client, NotFound

from ..harness.erp_user import Erp
from .books import Books, Level
from .channels import Channel
from .day import SKUS, STORES, WAREHOUSE

#: The storage locations of the warehouse in the ERP.
ERP_PLACES = ("IN", "STO", "OUT")


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison."""

    what: str
    compared: int
    differences: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether both sides say the same."""
        return not self.differences


async def reconcile(
    client: Client,
    books: Books,
    channels: tuple[Channel, ...],
    status: Mapping[str, Any],
    erp: Erp | None,
    oversold_max: int = 0,
) -> list[Line]:
    """All comparisons. So many units may be oversold."""
    levels = await _levels(client)
    lines = [
        _line("units on hand: node = books of what came and left", _on_hand(levels, books)),
        _line(f"oversold units: {oversold_max or 'none'}", _oversold(levels, oversold_max)),
    ]
    if erp is not None:
        lines.append(_line("units on hand: ERP = node", _erp(levels, erp)))
    for channel in channels:
        name = channel.name
        orders = [each async for each in _orders(client, books, channel)]
        lines.append(_line(f"{name}: every order once, as it stands there", orders))
        lines.append(
            _line(
                f"{name}: shown = may be promised, less its buffer", _shown(levels, channel, status)
            )
        )
    lines.append(_line("dead letters: none", _dead_letters(status)))
    return lines


def _line(what: str, found: Any) -> Line:
    problems = list(found)
    return Line(what, len(problems), tuple(each for each in problems if each))


async def _levels(client: Client) -> dict[Level, Any]:
    found = await client.batch_get_availability(list(SKUS))
    return {
        (each.sku, level.location): level for each in found.availabilities for level in each.levels
    }


def _on_hand(levels: Mapping[Level, Any], books: Books) -> Iterator[str]:
    for place in (WAREHOUSE, *STORES):
        for sku in SKUS:
            level, expected = levels.get((sku, place)), books.on_hand((sku, place))
            has = 0 if level is None else level.on_hand
            yield "" if has == expected else f"{sku} at {place}: {has}, by the books {expected}"


def _oversold(levels: Mapping[Level, Any], allowed: int) -> Iterator[str]:
    is_more = sum(level.shortfall for level in levels.values()) > allowed
    for (sku, place), level in levels.items():
        yield f"{sku} at {place}: {level.shortfall}" if is_more and level.shortfall else ""


def _erp(levels: Mapping[Level, Any], erp: Erp) -> Iterator[str]:
    for sku in SKUS:
        has, expected = erp.quantity(sku, *ERP_PLACES), levels[sku, WAREHOUSE].on_hand
        yield "" if has == expected else f"{sku}: {has} in the ERP, {expected} in the node"


async def _orders(client: Client, books: Books, channel: Channel) -> AsyncIterator[str]:
    for order, sold in books.orders.items():
        if sold.channel != channel.name:
            continue
        state = "cancelled" if sold.cancelled else "shipped" if sold.shipped else "open"
        expected, has = {state: sold.quantity}, await _stands(client, order)
        if has != expected and not (sold.cancelled and has is None):
            yield f"{order}: {has or 'not there'}, by the books {expected}"
        else:
            yield ""


async def _stands(client: Client, order: str) -> dict[str, int] | None:
    """Units of an order by what has become of them; None where there is no such reservation."""
    try:
        lines = (await client.get_reservation(order)).reservation.lines
    except NotFound:
        return None
    units = {
        "open": sum(line.held + line.committed for line in lines),
        "shipped": sum(line.fulfilled + line.returned for line in lines),
        "cancelled": sum(line.cancelled + line.released for line in lines),
    }
    return {name: quantity for name, quantity in units.items() if quantity}


def _shown(
    levels: Mapping[Level, Any], channel: Channel, status: Mapping[str, Any]
) -> Iterator[str]:
    (adapter,) = (each for each in status["adapters"] if each["name"] == channel.name)
    shown, withheld = channel.shown(), 0
    for pair in channel.pairs:
        available = max(0, levels[pair.level].available)
        shows = shown[pair.item, pair.node]
        withheld += available - shows
        yield f"{pair.item} at {pair.node}: {shows} of {available}" if shows > available else ""
    buffers = adapter["channel"]["buffer_units"]
    yield (
        "" if withheld <= buffers else f"{withheld} units are not shown, the buffers are {buffers}"
    )


def _dead_letters(status: Mapping[str, Any]) -> Iterator[str]:
    for each in status["adapters"]:
        yield f"{each['name']}: {each['dead_letters']}" if each["dead_letters"] else ""
