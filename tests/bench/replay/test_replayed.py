"""The books of a replay, kept from the answers."""

from bench.replay.replayed import Books
from bench.replay.steps import (
    Fact,
    FactKind,
    FactsStep,
    OrderStep,
)


def order_step(number: str, quantity: int) -> OrderStep:
    return OrderStep(number, (("A", "W", quantity),), frozenset({("A", "W")}))


def facts_step(kind: FactKind, quantity: int) -> FactsStep:
    return FactsStep(kind, (Fact("id", "A", "W", quantity),), frozenset({("A", "W")}))


def test_the_books_see_units_that_were_not_there() -> None:
    books = Books()
    books.enter_facts(facts_step(FactKind.OPENING, 5))
    books.enter_order(order_step("1", 4), accepted=True)
    books.enter_order(order_step("2", 9), accepted=False)
    assert 0 == books.oversold_units

    books.enter_order(order_step("3", 3), accepted=True)
    books.enter_order(order_step("4", 2), accepted=True)
    books.enter_facts(facts_step(FactKind.RECEIPT, 10))

    assert 4 == books.oversold_units, "2 of order 3, all of order 4"
    assert 6 == books.on_hand["A", "W"]
    assert {"2"} == books.refused
