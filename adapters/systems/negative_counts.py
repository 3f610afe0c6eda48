"""Counts below 0."""

from ..events import Exceptional, StockFact


def below_zero(fact: StockFact, who_counts: str) -> Exceptional:
    """The case of a count below 0, which books can have and a shelf cannot: somebody has to look.

    `who_counts` begins its sentence: "Square counts".
    """
    return Exceptional(
        source=fact.source,
        id=fact.id,
        kind="count_below_zero",
        subject=f"{fact.sku} at {fact.location}",
        text=f"{who_counts} {fact.quantity} of {fact.sku} at {fact.location}.",
        time=fact.time,
    )
