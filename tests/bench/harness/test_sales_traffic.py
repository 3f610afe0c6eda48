"""Sales of tills: the books have what the messages say, and a level that differs is reported."""

import json
from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from bench.harness.plan import BenchError
from bench.harness.sales_traffic import Sales, Till, compare, document
from bench.harness.workload import rows

LEVELS = rows(3, 2)
TILL = Till("STORE-001", 7)
NAMESPACE = "{http://www.nrf-arts.org/IXRetail/namespace/}"


def test_the_books_have_what_events_say() -> None:
    sales = Sales(LEVELS)
    said: Counter[tuple[str, str]] = Counter()
    for event in json.loads(sales.cloudevents(TILL, 50)):
        said[event["data"]["sku"], event["data"]["location"]] += int(event["data"]["quantity"])

    assert said == sales.sold


def test_the_books_have_what_receipts_say() -> None:
    sales = Sales(LEVELS)
    said: Counter[tuple[str, str]] = Counter()
    parsed = ET.fromstring(sales.poslog(TILL, 20, 3))  # noqa: S314 - of our own
    for sale in parsed.iter(f"{NAMESPACE}Sale"):
        [sku] = [each.text for each in sale.iter(f"{NAMESPACE}ItemID")]
        [pieces] = [each.text for each in sale.iter(f"{NAMESPACE}Quantity")]
        said[str(sku), TILL.store] += int(str(pieces))

    assert said == sales.sold


def test_a_receipt_that_is_repeated_is_booked_once() -> None:
    sales = Sales(LEVELS)
    receipt = sales.receipt(TILL, 2)
    booked = sales.sold.copy()

    assert 2 == document([receipt, receipt]).count(b"<Transaction ")
    assert booked == sales.sold


def test_sales_repeat_from_their_seed() -> None:
    assert Sales(LEVELS).poslog(TILL, 5, 3) == Sales(LEVELS).poslog(TILL, 5, 3)


def test_a_level_that_differs_from_the_books_is_reported() -> None:
    [one, *_] = LEVELS
    booked = dict.fromkeys(LEVELS, 5)
    compare(booked, booked)

    with pytest.raises(
        BenchError, match=r"1 of 6 stock levels are wrong: .* has 4, by the books 5"
    ):
        compare({**booked, one: 4}, booked)
    with pytest.raises(BenchError, match="has None"):
        compare({}, booked)
