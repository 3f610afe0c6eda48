"""What a replay came to: its own books, kept from the answers, and what the node has.

Knows nothing of how the steps were taken.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from holdfast.admin.v1 import admin_service_pb2 as admin

from .steps import FactKind, FactsStep, OrderStep
from .warehouses import Level


@dataclass(slots=True)
class Books:
    """What the answers of the node come to, level by level."""

    on_hand: defaultdict[Level, int] = field(default_factory=lambda: defaultdict(int))
    invoices: Counter[bool] = field(default_factory=Counter)  # by whether they were accepted
    lines: Counter[bool] = field(default_factory=Counter)
    units: Counter[bool] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)  # numbers of the refused invoices
    facts: Counter[FactKind] = field(default_factory=Counter)
    fact_units: Counter[FactKind] = field(default_factory=Counter)
    oversold_units: int = 0  # accepted beyond what the level had at that moment

    def enter_order(self, step: OrderStep, *, accepted: bool) -> None:
        """Enter an order that was answered."""
        self.invoices[accepted] += 1
        self.lines[accepted] += len(step.lines)
        self.units[accepted] += sum(quantity for _, _, quantity in step.lines)
        if not accepted:
            self.refused.add(step.number)
            return
        for sku, location, quantity in step.lines:
            before = max(self.on_hand[sku, location], 0)
            self.on_hand[sku, location] -= quantity
            self.oversold_units += max(quantity - before, 0)

    def enter_facts(self, step: FactsStep) -> None:
        """Enter facts that were recorded."""
        self.facts[step.kind] += len(step.facts)
        for fact in step.facts:
            self.fact_units[step.kind] += abs(fact.quantity)
            self.on_hand[fact.sku, fact.location] += fact.quantity


@dataclass(frozen=True, slots=True)
class NodeLevel:
    """A stock level as the node has it."""

    on_hand: int
    available: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay that has ended."""

    books: Books
    node_levels: dict[Level, NodeLevel]
    status: admin.GetStatusResponse
    seconds: float
    call_seconds: dict[str, list[float]]  # by method, as their caller saw them
    call_retries: int
    resumed: bool  # an earlier run had begun on this node
    duplicates: int  # facts that an earlier run had recorded
    refusals_kept: int  # orders that an earlier run may have asked for, not asked again
