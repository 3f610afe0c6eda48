"""The channel that docs/channels.md shows how to write."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.contract import (
    Accepted,
    Deferred,
    Offer,
    Publish,
    Refused,
    Rejected,
    Request,
    Response,
    Stale,
    Undecodable,
)
from holdfast.adapters.events import OrderKind

PAGE = Path(__file__).parents[2] / "docs" / "channels.md"

OFFERS = [Offer(item, "DC", 3, None, 7, f"offer {item}") for item in "abcd"]


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """The names of the page's example."""
    section = PAGE.read_text("utf-8").partition("\n## Write one\n")[2]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - our own page
    return names


def test_the_channel_of_the_page_is_offered_lines_and_judges_each(example: dict[str, Any]) -> None:
    publish: Publish = example["PUBLISH"]
    (path,) = publish.paths
    asked = path.next(OFFERS, [], None)
    assert isinstance(asked, Request)
    assert {"item": "a", "node": "DC", "qty": 3, "seq": 7} == json.loads(asked.body)[0]

    answer = json.dumps(["ok", "stale", "unknown_item", "busy"]).encode()
    judged = path.next(OFFERS, [Response(200, {}, answer)], None)
    assert [Accepted(), Stale(), Rejected("unknown item"), Deferred()] == judged
    for status, error in ((401, Refused), (404, Undecodable)):
        with pytest.raises(error):
            path.next(OFFERS, [Response(status, {}, b"")], None)


def test_an_order_of_the_page_is_a_state_that_is_sold(example: dict[str, Any]) -> None:
    line = {"id": "1", "item": "MUG", "node": "DC", "ordered": 3, "shipped": 1, "cancelled": 0}
    times = {"placed": "2026-11-27T09:00:00Z", "changed": "2026-11-27T10:00:00Z"}
    event = example["order_state"]({"change": "c1", "number": "17", "lines": [line], **times})

    assert (OrderKind.STATE, "market/17", True) == (event.kind, event.order, event.is_sold)
    assert event.placed_time < event.time
    (read,) = event.lines
    assert ("1", "MUG", "DC") == (read.id, read.sku, read.location)
    assert (Decimal(3), 1, 0) == (read.quantity, read.shipped, read.cancelled)
