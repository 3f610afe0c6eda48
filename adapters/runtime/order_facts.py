"""Facts that name an order by its first reservation, where it has several.

The core takes what fits the reservation that a fact names and refuses the rest, so a fact that it
takes costs nothing here. One that does not fit goes to the reservation that has all of its units,
or by parts to those that have them together.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from holdfast.edge.client import Client
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from ..events import FactKind, StockFact
from .divided import Divided, Parts, part_id
from .facts import Again, Dead, Settled, message_of, units, verdict
from .order_lines import parts_of
from .order_states import OrderStates
from .present_names import present_names

#: What the core answers where the units of a fact do not fit.
_UNFIT: Final = stock.STOCK_EVENT_OUTCOME_EXCEEDS_SHIPPED
#: What it may answer to a fact that was divided, or to its reversal, when it comes as it was.
_DIVIDED: Final = {
    _UNFIT,
    stock.STOCK_EVENT_OUTCOME_ID_REUSED,
    stock.STOCK_EVENT_OUTCOME_REVERSAL_DIFFERS,
}


class OrderFacts:
    """Reports such facts to the core. Raises what the client raises."""

    def __init__(self, client: Client, states: OrderStates, divided: Divided) -> None:
        self._client = client
        self._states = states
        self._divided = divided

    async def record(
        self, fact: StockFact, result: stock.StockEventResult, refused: Dead
    ) -> Settled | Dead:
        """Report a fact that the core has refused where it fits; `refused` where it does not.
        Raises StoreFull, StoreFailed.
        """
        if fact.reference is None or fact.reference.kind != "reservation":
            return refused
        source, known_id = _divided_as(fact)
        parts = self._divided.parts(source, known_id)
        if result.outcome in _DIVIDED and _units(parts) == fact.quantity:
            return await self._in_parts(fact, parts)
        if result.outcome != _UNFIT or fact.reverses is not None:
            return refused
        found = await self._states.find(fact.reference.id)
        known = {part.sku for part in parts_of(found)}
        names = await present_names(self._client, [fact.sku], known, fact.location)
        fact = replace(fact, sku=names.get(fact.sku, fact.sku))
        if not (parts := _divide(fact, found, result.possible)):
            return refused
        # Its reversal, which came after it in the same call, waits for it as it is.
        if isinstance(settled := await self._recorded(fact), Settled):
            return settled
        await self._divided.note(source, known_id, parts)
        return await self._in_parts(fact, parts)

    async def _in_parts(self, fact: StockFact, parts: Parts) -> Settled | Dead:
        facts = [
            _part(fact, place, name, taken)
            for place, (name, [(_, taken)]) in enumerate(parts.items())
        ]
        done = [await self._recorded(part) for part in facts]
        return next((each for each in done if isinstance(each, Dead)), done[0])

    async def _recorded(self, fact: StockFact) -> Settled | Dead:
        response = await self._client.record_stock_events(fact.source, [message_of(fact)])
        judged = verdict(fact, response.results[0])
        return await self._recorded(judged.fact) if isinstance(judged, Again) else judged


def _divided_as(fact: StockFact) -> tuple[str, str]:
    """Source and id of the fact that a fact or a reversal is of."""
    if fact.reverses is not None:
        return fact.reverses.source or fact.source, fact.reverses.event_id
    return fact.source, fact.id or str(fact.sequence)


def _divide(fact: StockFact, found: Sequence[reservation.Reservation], first: int) -> Parts:
    """Which reservations have the units of a fact, and how many: one where one has all of them;
    none where they do not have them together. The first has so many, as the core has said.
    """
    there = {each.reservation_id: _units_of(fact, each) for each in found[1:]}
    wanted = units("quantity", fact.quantity)
    if (whole := next((name for name in there if there[name] >= wanted), None)) is not None:
        return {whole: [(0, wanted)]}
    parts: Parts = {}
    for name, most in {found[0].reservation_id: first, **there}.items() if there else ():
        if taken := min(most, wanted):
            parts[name] = [(0, taken)]
            wanted -= taken
    return {} if wanted else parts


def _units(parts: Parts) -> int:
    return sum(taken for lines in parts.values() for _, taken in lines)


def _units_of(fact: StockFact, order: reservation.Reservation) -> int:
    """Units of a reservation that a fact may be of. What comes back comes back to any place."""
    assert fact.reference is not None
    is_issue, is_return = fact.kind is FactKind.GOODS_ISSUE, fact.kind is FactKind.RETURN
    return sum(
        line.committed if is_issue else line.fulfilled
        for line in order.lines
        if line.sku == fact.sku
        and (is_return or line.location == fact.location)
        and fact.reference.line in ("", line.line_id)
    )


def _part(fact: StockFact, place: int, name: str, taken: int) -> StockFact:
    """A part of a fact. The first bears its id and number: by these a repeat of it is known."""
    assert fact.reference is not None
    reference = replace(fact.reference, id=name)
    part = replace(fact, reference=reference, quantity=Decimal(taken))
    if not place:
        return part
    undone = fact.reverses and replace(
        fact.reverses, event_id=part_id(fact.reverses.event_id, name)
    )
    known_id = part_id(fact.id or str(fact.sequence), name)
    return replace(part, id=known_id, sequence=0, reverses=undone)
