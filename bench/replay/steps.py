"""What a replay is going to do: the orders and their derived stock as steps, before any is taken.

A step is an order, or stock facts that are recorded together; it names the stock levels that it
touches. Everything that a step sends follows from the orders and its place among them, ids
included: the same orders give the same steps, so that a replay which was cut off can be run again.
Knows nothing of the server.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeAlias

from .derived_stock import derive_stock
from .order_file import RowTally, read_orders
from .order_generator import generate_orders
from .orders import Found, Invoice, OrderEvent, Return, WriteOff
from .simulation import Expected, expected_outcome
from .warehouses import DerivedStock, Level, StockQuantity, lines_of, location_of

#: Facts of one message. The node takes 1,000, but orders wait while it works at one message.
FACTS_MAX: Final = 250


class FactKind(StrEnum):
    """Why units came or went without an order."""

    OPENING = "opening"
    RECEIPT = "receipt"
    RETURN = "return"
    WRITE_OFF = "write_off"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class Fact:
    """A stock fact; `quantity` is negative for a write-off."""

    event_id: str
    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class FactsStep:
    """Facts of one kind that are recorded in one message."""

    kind: FactKind
    facts: tuple[Fact, ...]
    levels: frozenset[Level]


@dataclass(frozen=True, slots=True)
class OrderStep:
    """An order: to be reserved whole, committed and fulfilled, or refused whole."""

    number: str
    lines: tuple[tuple[str, str, int], ...]  # SKU, location, quantity
    levels: frozenset[Level]

    @property
    def reservation_id(self) -> str:
        """The id of its reservation; an order file has each invoice number once."""
        return f"inv-{self.number}"


Step: TypeAlias = FactsStep | OrderStep


@dataclass(frozen=True)
class ReplayPlan:
    """The steps of a replay, and what they have to come to."""

    source: str  # where the orders are from, for people
    stock: DerivedStock
    steps: tuple[Step, ...]
    expected: Expected  # what playing the orders without a server comes to
    tally: RowTally | None  # of the rows of the file; None for generated orders

    @cached_property
    def tag(self) -> str:
        """Eight digits that distinguish these orders and their stock from others."""
        digest = blake2b(digest_size=4)
        for step in self.steps:
            digest.update(repr(step.lines if isinstance(step, OrderStep) else step.facts).encode())
        return digest.hexdigest()

    @cached_property
    def skus(self) -> tuple[str, ...]:
        """All SKUs, in order."""
        return tuple(sorted({sku for sku, _ in self.expected.on_hand}))

    @cached_property
    def orders(self) -> tuple[tuple[int, OrderStep], ...]:
        """The orders, each with its place among the steps."""
        return tuple(
            (index, step) for index, step in enumerate(self.steps) if isinstance(step, OrderStep)
        )


def plan_from_file(path: Path) -> ReplayPlan:
    """The plan for an order file. Raises OrderFileError."""
    tally = RowTally()
    events = list(read_orders(path, tally))
    return plan_from_events(str(path), events, tally)


def plan_from_generator(invoices: int, seed: int) -> ReplayPlan:
    """The plan for made-up orders."""
    source = f"the built-in generator: {invoices:,} invoices shaped like a real year, seed {seed}"
    return plan_from_events(source, list(generate_orders(seed, invoices)), None)


def plan_from_events(
    source: str, events: Sequence[OrderEvent], tally: RowTally | None
) -> ReplayPlan:
    """The plan for events in order of time; `tally` counts the rows they were read from."""
    stock = derive_stock(events)
    steps = tuple(_steps(events, stock))
    return ReplayPlan(source, stock, steps, expected_outcome(events, stock), tally)


def _steps(events: Iterable[OrderEvent], stock: DerivedStock) -> Iterator[Step]:
    yield from _supply(FactKind.OPENING, "opening", stock.opening)
    for position, event in enumerate(events):
        received = stock.receipts.get(position, ())
        yield from _supply(FactKind.RECEIPT, f"receipt-{position}", received)
        if isinstance(event, Invoice):
            yield _order(event)
        else:
            yield from _facts(_KINDS[type(event)], _facts_of(event, position))


def _supply(kind: FactKind, name: str, supply: Iterable[StockQuantity]) -> Iterator[FactsStep]:
    facts = [
        Fact(f"{name}-{index}", each.sku, each.location, each.quantity)
        for index, each in enumerate(supply)
    ]
    yield from _facts(kind, facts)


def _order(invoice: Invoice) -> OrderStep:
    lines = tuple(
        (line.sku, location_of(invoice.number, line.sku), line.quantity) for line in invoice.lines
    )
    return OrderStep(invoice.number, lines, frozenset((line[0], line[1]) for line in lines))


_KINDS: Final = {
    Return: FactKind.RETURN,
    WriteOff: FactKind.WRITE_OFF,
    Found: FactKind.FOUND,
}


def _facts_of(event: Return | WriteOff | Found, position: int) -> list[Fact]:
    sign = -1 if isinstance(event, WriteOff) else 1
    # By position, not by number: a file may have several kinds of rows on one number.
    return [
        Fact(
            f"event-{position}-{index}",
            line.sku,
            location_of(event.number, line.sku),
            sign * line.quantity,
        )
        for index, line in enumerate(lines_of(event))
    ]


def _facts(kind: FactKind, facts: Sequence[Fact]) -> Iterator[FactsStep]:
    for start in range(0, len(facts), FACTS_MAX):
        some = tuple(facts[start : start + FACTS_MAX])
        yield FactsStep(kind, some, frozenset((fact.sku, fact.location) for fact in some))
