"""Reversals of receipts whose lines are numbered anew: a till that voids a receipt may leave out
taxes and tenders, so that its second line undoes the third of the receipt.

What the core has of the receipt is asked for before it hears of the reversals. A line with the same
number, SKU, location and quantity is meant; of the others, one with the same content: which of two
that are alike makes no difference.

Rules of this file: a receipt that the core does not have yet, or cannot tell of since it keeps no
ledger, changes nothing: its reversals wait for the lines that they name.
"""

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from holdfast.edge.client import Client, Unavailable
from holdfast.v1 import ledger_service_pb2 as ledger
from holdfast.v1 import stock_service_pb2 as stock

from ..events import FactKind, StockFact
from .divided import Divided, part_id
from .facts import Dead
from .order_lines import LINE_DIFFERS
from .present_names import present_names

#: Movements that are read of a receipt. One of more lines is left as it is named.
LINES_MAX: Final = 1_000

#: How often the ledger is asked again that has not come to where the core was; seconds in between.
ATTEMPTS: Final = 200
BEHIND_S: Final = 0.05

#: SKU, location, and units by which the level fell.
_Content: TypeAlias = tuple[str, str, int]


def undone_receipt(fact: StockFact) -> str:
    """The receipt of which a reversal undoes a sale that it names by its line; empty for others."""
    reference, undone = fact.reference, fact.reverses
    if reference is None or undone is None or fact.kind is not FactKind.REVERSAL:
        return ""
    names_line = reference.line and undone.event_id.endswith(f"/{reference.line}")
    is_sale = reference.kind == "receipt" and undone.kind is FactKind.SALE
    return reference.id if is_sale and names_line else ""


def receipts_here(
    facts: Iterable[StockFact], results: Iterable[stock.StockEventResult]
) -> set[str]:
    """The receipts of which a reversal has found its line: all of their lines have come."""
    return {
        receipt
        for fact, result in zip(facts, results, strict=True)
        if result.outcome in _FOUND and (receipt := undone_receipt(fact))
    }


async def as_numbered(
    client: Client, divided: Divided, facts: Sequence[StockFact]
) -> list[StockFact | Dead]:
    """Reversals of one receipt by the lines that this has; dead where it has none that is alike.
    Raises what the client raises; StoreFull and StoreFailed.
    """
    there = await _movements(client, facts)
    sold = [each for each in there if each.kind == _SALE]
    if not sold:
        return [*facts]
    known = {each.sku for each in sold}
    names = await present_names(client, (fact.sku for fact in facts), known, sold[0].location)
    lines = {each.fact.reference.line: (each.sku, each.location, each.quantity) for each in sold}
    undone = {each.fact.reference.line for each in there if each.kind == _REVERSAL}
    once = list(dict.fromkeys(map(_without_trace, facts)))
    contents = [
        (names.get(fact.sku, fact.sku), fact.location, int(-fact.quantity)) for fact in once
    ]
    kept = [next(iter(divided.parts(fact.source, fact.id)), "") for fact in once]
    chosen = _chosen([*map(_line, once)], contents, lines, undone, kept)
    matched = {}
    for fact, content, line in zip(once, contents, chosen, strict=True):
        if line and [*lines.values()].count(content) > 1:
            await divided.note(fact.source, fact.id, {line: [(0, -content[2])]})
        matched[fact] = line, lines.get(_line(fact), ())[:2] == content[:2]
    return [_matched(fact, *matched[_without_trace(fact)]) for fact in facts]


def _chosen(
    named: Sequence[str],
    contents: Sequence[_Content],
    lines: Mapping[str, _Content],
    undone: Container[str],
    kept: Sequence[str],
) -> list[str]:
    """The line of each reversal; empty where none that is left is alike. It is the one that was
    chosen before: reversals may come one by one, and each again. Else it is one that is not undone,
    and the one that is named rather than another.
    """
    left = dict(lines)
    chosen = [line if left.pop(line, None) else "" for line in kept]
    for at, (line, content) in enumerate(zip(named, contents, strict=True)):
        if not chosen[at] and left.get(line) == content and line not in undone:
            del left[line]
            chosen[at] = line
    for at, content in enumerate(contents):
        alike = (line for line in left if left[line] == content)
        rest = sorted(alike, key=lambda line: (line in undone, line != named[at]))
        if not chosen[at] and rest:
            del left[rest[0]]
            chosen[at] = rest[0]
    return chosen


def _matched(fact: StockFact, line: str, is_of_its_sku: bool) -> StockFact | Dead:
    """A reversal of a line. Without one, it is of that which it names, if that is of its SKU: the
    core says what differs.
    """
    if line:
        return fact if line == _line(fact) else _renamed(fact, line)
    return fact if is_of_its_sku else _unlike(fact)


async def _movements(client: Client, facts: Sequence[StockFact]) -> list[ledger.Movement]:
    """What the core has of a receipt, once its ledger has come to where the core was;
    nothing while it has not.
    """
    undone = facts[0].reverses
    assert undone is not None
    source, receipt = undone.source or facts[0].source, undone_receipt(facts[0])
    until = 0
    for _ in range(ATTEMPTS):
        try:
            answer = await client.list_movements(
                source=source, reference_id=receipt, page_size=LINES_MAX
            )
        except Unavailable as error:
            if error.reason != "LEDGER_UNAVAILABLE":  # a process of its own, which may be starting
                raise
        else:
            until = until or answer.coverage.durable_position
            if answer.coverage.position >= until:
                return [] if answer.next_page_token else [*answer.movements[::-1]]
        await asyncio.sleep(BEHIND_S)
    return []


def _without_trace(fact: StockFact) -> StockFact:
    """A reversal as it says each time that it comes."""
    return replace(fact, correlation_id="")


def _line(fact: StockFact) -> str:
    assert fact.reference is not None
    return fact.reference.line


def _renamed(fact: StockFact, line: str) -> StockFact:
    """A reversal of another line of the receipt, under an id of its own: the core may have it by
    the one that it came with, from before it had the receipt.
    """
    assert fact.reference is not None
    assert fact.reverses is not None
    event_id = fact.reverses.event_id.removesuffix(fact.reference.line) + line
    return replace(
        fact,
        id=part_id(fact.id, line),
        reference=replace(fact.reference, line=line),
        reverses=replace(fact.reverses, event_id=event_id),
    )


def _unlike(fact: StockFact) -> Dead:
    text = f"the receipt {undone_receipt(fact)} has no sale of {fact.quantity} {fact.sku} left"
    return Dead(LINE_DIFFERS, text, "reference.line", _line(fact))


_SALE: Final = ledger.MOVEMENT_KIND_SALE
_REVERSAL: Final = ledger.MOVEMENT_KIND_REVERSAL
_FOUND: Final = (
    stock.STOCK_EVENT_OUTCOME_APPLIED,
    stock.STOCK_EVENT_OUTCOME_ALREADY_COUNTED,
)
