"""The day that the demonstration plays, and the count that it keeps of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.demo.books import Books, Sold
from bench.demo.day import day


@given(st.integers(0, 9), st.floats(20, 600))
def test_a_day_has_its_outage_within_the_promotion_and_the_count_after_its_instant(
    seed: int, seconds: float
) -> None:
    played = day(seed, seconds)
    begin, end = played.outage

    assert {"promotion"} == {played.phase(begin).name, played.phase(end).name}
    assert played.count_of < played.count_at < played.seconds
    assert pytest.approx(seconds) == played.seconds
    assert "evening" == played.phase(played.seconds + 1).name


def test_books_count_what_left_and_what_came_back() -> None:
    books = Books()
    level = "TS-A", "WH"
    books.received[level] = 10
    books.till_sales[level] = 1
    books.returns[level] = 2
    books.orders["amazon/1"] = Sold("amazon", "1", level, 3, 0.0, shipped=True)
    books.orders["amazon/2"] = Sold("amazon", "2", level, 1, 0.0)
    books.orders["amazon/3"] = Sold("amazon", "3", level, 1, 0.0, cancelled=True)

    assert 10 - 1 - 3 + 2 == books.on_hand(level)
    assert 1 == books.promised(level)
