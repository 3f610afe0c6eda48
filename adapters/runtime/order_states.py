"""States of orders, as commands that bring the reservations of an order up to them.

Rules of this file: what is to be done is decided by what the core has, each time again. So a crash
between two commands leaves the rest to the next attempt, whoever else has moved units meanwhile.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

from holdfast.edge.client import AlreadyExists, NotFound
from holdfast.v1 import reservation_service_pb2 as reservation

from ..events import Exceptional, OrderEvent
from .cases import case_of_order
from .facts import Dead, Settled
from .latest_states import LatestStates
from .order_calls import APPLIED, OrderCalls, judged
from .order_lines import (
    LineState,
    already_done,
    have_lines_left,
    line_states,
    missing,
    moves,
    new_name,
    next_name,
    not_forgotten,
    other_sku,
    parts_of,
    shipped_all_the_same,
    since_began,
)
from .order_shortfalls import short_case
from .present_names import present_names, with_names
from .seen_lines import SeenLines, recalled

#: Refusals of what somebody else has done between our look and our command, such as a warehouse
#: that ships the same units; and how often it is decided again.
_OVERTAKEN: Final = {"WRONG_STATE", "EXCESS_QUANTITY"}
ATTEMPTS: Final = 3

#: Lines of a reservation. An order of more has several.
RESERVATION_LINES_MAX: Final = 2_000

#: Lines that the text of a case names.
LINES_NAMED: Final = 10

#: How long the core knows an order after its end, and so after it was placed, at least.
FORGOTTEN: Final = timedelta(days=30)
_OLD: Final = "the core does not know line {}, and may have forgotten it since some of it was done"

#: Reservations of an old order that are looked for after one that the core does not know: those
#: that were made earlier may have ended, and be forgotten, while a later one is open.
GAP_MAX: Final = 8

Answer = TypeVar("Answer")


async def looking_again(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """What an attempt returns that looks for the reservations of an order and may add one. Another
    feed may take its name in between, so it looks again, ATTEMPTS times in all.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(AlreadyExists):
            return await attempt()
    return await attempt()


class OrderStates:
    """Brings reservations up to the states of their orders."""

    def __init__(self, calls: OrderCalls, latest: LatestStates, seen: SeenLines) -> None:
        self._calls = calls
        self._latest = latest
        self._seen = seen

    async def bring_up(self, event: OrderEvent) -> Settled | Dead:
        """Place, ship and cancel what is behind the state. Raises Undecodable, and what the client
        raises; StoreFull and StoreFailed.
        """
        states = line_states(event)
        event = replace(event, placed_time=await self._latest.placed(event))
        if event.is_current and await self._latest.is_outdated(event):
            event, states = replace(event, is_current=False), already_done(states)
        for attempt in range(ATTEMPTS):
            done = await looking_again(partial(self._once, event, states))
            is_last = attempt == ATTEMPTS - 1
            if is_last or isinstance(done, Settled) or done.reason not in _OVERTAKEN:
                break
        return done if isinstance(done, Dead) else await self._settled(event, done)

    async def _settled(self, event: OrderEvent, done: Settled) -> Settled:
        """What came of a state, once it has been seen where it has led to."""
        called, found = await self.look(event)
        await self._seen.note(event.order, found)
        if not event.is_sold:
            return done
        short = await short_case(self._calls.client, called, found)
        return Settled(done.outcome, short or done.case)

    async def _once(self, event: OrderEvent, states: list[LineState]) -> Settled | Dead:
        event, found = await self.look(event)
        states = [
            state._replace(sku=line.sku) for state, line in zip(states, event.lines, strict=True)
        ]
        if differs := other_sku(states, found):
            return differs
        if event.is_current:
            states = since_began(states, found)
        if self._is_old(event):
            described, states = states, not_forgotten(states, found)
            absent = {id_ for *_, id_ in missing(states, found)}
            if partly := absent.intersection(line.id for line in {*described} - {*states}):
                return Dead("RESERVATION_ENDED", _OLD.format(min(partly)), "order", event.order)
        if lines := missing(states, found):
            if have_lines_left(found):
                text = "it ended so long ago that its lines have left, and more is to be placed"
                return Dead("RESERVATION_ENDED", text, "order", event.order)
            for at in range(0, len(lines), RESERVATION_LINES_MAX):
                some, name = lines[at : at + RESERVATION_LINES_MAX], new_name(event.order, found)
                reserved = judged(await self._calls.reserve(event, name, some))
                if isinstance(reserved, Dead):
                    return reserved
                found.append(await self._calls.read(name))
        return await self._move(event, states, found)

    async def _move(
        self, event: OrderEvent, states: list[LineState], found: list[reservation.Reservation]
    ) -> Settled | Dead:
        shipped, cancelled = moves(states, found)
        held = [each.reservation_id for each in found if any(line.held for line in each.lines)]
        calls = self._calls
        steps: list[Callable[[], Awaitable[Any]]] = [
            *(partial(calls.commit, event, name) for name in held),
            *(partial(calls.fulfill, event, name, lines) for name, lines in shipped.items()),
            *(partial(calls.cancel, event, name, lines) for name, lines in cancelled.items()),
        ]
        for step in steps:
            done = judged(await step())
            if isinstance(done, Dead):
                return done
        return Settled(APPLIED if steps else "UNCHANGED", _crossed(event, states, found))

    def _is_old(self, event: OrderEvent) -> bool:
        """Whether the core may have known an order, and forgotten it since."""
        placed = event.placed_time
        return placed is not None and self._latest.now() - placed >= FORGOTTEN

    async def look(self, event: OrderEvent) -> tuple[OrderEvent, list[reservation.Reservation]]:
        """An event and all reservations of its order, with SKUs called alike, and with the lines
        that the core has dropped and were seen before.
        """
        found = await self.find(event.order, is_old=self._is_old(event))
        reported = {part.sku for part in parts_of(found)}
        if have_lines_left(found):
            found = recalled(found, self._seen.of(event.order))
        parts = parts_of(found)
        if not parts:
            return event, found
        named = [*(line.sku for line in event.lines), *(part.sku for part in parts)]
        names = await present_names(self._calls.client, named, reported, parts[0].location)
        for part in parts:
            part.sku = names.get(part.sku, part.sku)
        return with_names(event, names), found

    async def find(self, order: str, *, is_old: bool = False) -> list[reservation.Reservation]:
        """All reservations of an order, in the order in which they were made. Of an old one, those
        that the core has forgotten before others have no lines.
        """
        found: list[reservation.Reservation] = []
        while some := await self._next(order, found, GAP_MAX if is_old else 1):
            found += some
        return found

    async def _next(
        self, order: str, found: list[reservation.Reservation], places: int
    ) -> list[reservation.Reservation]:
        """The next reservation of an order, after those that are forgotten; none where none of so
        many places has one.
        """
        forgotten: list[reservation.Reservation] = []
        while len(forgotten) < places:
            name = next_name(order, [*found, *forgotten])
            try:
                return [*forgotten, await self._calls.read(name)]
            except NotFound:
                forgotten.append(reservation.Reservation(reservation_id=name))
        return []


def _crossed(
    event: OrderEvent, states: list[LineState], found: list[reservation.Reservation]
) -> Exceptional | None:
    """The case of an order of which units left that were cancelled meanwhile."""
    lines = shipped_all_the_same(states, found)
    if not lines:
        return None
    named = [f"{units} of {line.sku} (line {line.id})" for line, units in lines[:LINES_NAMED]]
    more = ", and more" if len(lines) > LINES_NAMED else ""
    text = f"cancelled, but shipped: {', '.join(named)}{more}"
    return case_of_order(event, "cancelled_but_shipped", text)
