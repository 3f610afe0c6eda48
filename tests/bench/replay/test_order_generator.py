"""Made-up orders repeat from their seed and have the shape of the real year."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from bench.replay.order_generator import generate_orders
from bench.replay.orders import Found, Invoice, OrderLine, Return, WriteOff


def test_the_same_seed_gives_the_same_events() -> None:
    """A run can be repeated, and another seed is another run."""
    first = list(generate_orders(seed=7, invoices=40))
    assert first == list(generate_orders(seed=7, invoices=40))
    assert first != list(generate_orders(seed=8, invoices=40))


def test_generated_events_are_well_formed() -> None:
    """Numbers are unique, times ascend over a year, quantities are above zero, sizes are asked."""
    events = list(generate_orders(seed=1, invoices=150))
    numbers = [event.number for event in events]
    assert len(numbers) == len(set(numbers))
    assert 150 == sum(isinstance(event, Invoice) for event in events)
    assert all(before.at <= after.at for before, after in pairwise(events))
    assert timedelta(days=350) < events[-1].at - events[0].at < timedelta(days=366)
    for event in events:
        lines = event.lines if isinstance(event, Invoice | Return) else (event.line,)
        assert lines
        assert len(lines) <= 2_000
        assert all(line.quantity > 0 for line in lines)


def test_generated_returns_bring_back_what_was_sold() -> None:
    """Every returned line was a line of an earlier invoice."""
    sold: set[OrderLine] = set()
    for event in generate_orders(seed=2, invoices=150):
        if isinstance(event, Invoice):
            sold.update(event.lines)
        if isinstance(event, Return):
            assert sold.issuperset(event.lines)


@pytest.mark.slow
def test_generated_orders_have_the_shape_of_the_real_year() -> None:
    """The default stream stays near the measured figures, given in the comments."""
    events = list(generate_orders())
    invoices = [event for event in events if isinstance(event, Invoice)]
    sizes = np.array([len(invoice.lines) for invoice in invoices])
    quantities = np.array([line.quantity for invoice in invoices for line in invoice.lines])
    sold = Counter(line.sku for invoice in invoices for line in invoice.lines)
    top_tenth = sum(count for _, count in sold.most_common(len(sold) // 10))
    assert 2_000 == len(invoices)
    assert 23 < sizes.mean() < 31  # 26.7
    assert 11 < np.median(sizes) < 17  # 15
    assert 9 < quantities.mean() < 12  # 10.6
    assert np.median(quantities) in (3, 4)  # 3
    assert 0.38 < top_tenth / sold.total() < 0.50  # 0.445
    kinds = Counter(type(event) for event in events)
    assert 0.14 < kinds[Return] / 2_000 < 0.21  # 0.173
    assert 0.05 < kinds[WriteOff] / 2_000 < 0.09  # 0.067
    assert 0.02 < kinds[Found] / 2_000 < 0.06  # 0.038
