"""The actors in the demonstration know what the node has not heard of."""

from typing import Any, cast

from bench.demo.books import Sold
from bench.demo.day import day
from bench.demo.trade import Trade


def test_orders_are_unconfirmed_until_the_node_promises_them() -> None:
    trade = Trade(day(1, 60.0), 0.0, (), cast(Any, None))
    level = "TS-A", "WH"
    trade.books.orders |= {
        "amazon/1": Sold("amazon", "1", level, 1, at=1.0),
        "walmart/1": Sold("walmart", "1", level, 1, at=1.0),
        "walmart/2": Sold("walmart", "2", level, 1, at=3.0),
        "walmart/3": Sold("walmart", "3", level, 1, at=1.0, cancelled=True),
    }

    assert ["walmart/1"] == trade.unpromised(2.0, ("walmart",))
    assert ["amazon/1", "walmart/1", "walmart/2"] == trade.unpromised(3.0, ("amazon", "walmart"))
