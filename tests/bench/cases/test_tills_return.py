"""Tills that come back: what they post, and what waited when."""

import random

from bench.cases.tills_return import LEVELS, LINES, Return, _figures, _queue
from bench.harness.reserve_probe import Sample
from bench.harness.sales_traffic import Sales, Till

TILL = Till("STORE-001", 7)


def test_some_messages_come_twice_and_some_repeat_a_receipt() -> None:
    sales = Sales(LEVELS)
    queue = _queue(sales, TILL, 400, random.Random(1))
    twice = len(queue) - len(set(queue))
    repeated = sum(each.count(b"<Transaction ") for each in set(queue)) - 400

    assert 400 == len(set(queue))
    assert 5 < twice < 60
    assert 5 < repeated < 60
    assert 400 * LINES <= sales.sold.total() <= 400 * LINES * 3


def test_a_backlog_is_that_of_the_last_look_before() -> None:
    found = Return(1, start=100.0, end=110.0, looks=[(100.0, 50), (104.2, 20), (110.0, 0)])

    assert [50, 50, 50, 50, 50, 20, 20, 20, 20, 20] == [found.backlog(at) for at in range(10)]


def test_how_late_reserves_were_sent_stands_beside_what_they_took() -> None:
    reserves = [Sample(due=100.0, late=0.25, took=0.5)]
    looks = [(100.0, 1), (110.0, 0)]
    found = Return(1, 100.0, 110.0, looks, 0, reserves, reserves, [reserves] * 10)
    figures = {each.key: each.value for each in _figures([found])}

    assert 500 == figures["tills.during_p99"]
    assert 250 == figures["tills.during_late_p99"]
