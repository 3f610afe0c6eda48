"""Counts of Tryton's books are of an instant at which nothing moved."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.contract import Message, Page, Response, Undecodable
from holdfast.adapters.events import CountBasis, Exceptional, FactKind, StockFact
from holdfast.adapters.systems.tryton import stock
from holdfast.adapters.systems.tryton.rpc import Options

from . import samples
from .samples import answer, message

OPTIONS = Options.model_validate({**samples.OPTIONS, "count": ["WH", "ST43"]})
DATE = "Thu, 26 Nov 2026 17:10:00 GMT"
AS_OF = datetime(2026, 11, 26, 17, 5, tzinfo=UTC)
LOCATIONS = [
    {"id": 1, "code": "IN", "name": "Input"},
    {"id": 2, "code": "OUT", "name": "Output"},
    {"id": 3, "code": "STO", "name": "Storage"},
    {"id": 8, "code": None, "name": "Transit"},
    {"id": 9, "code": "ST43", "name": "Store 43"},
]
PRODUCTS = [
    {"id": 1, "code": "TS-A", "quantity": 7.0},
    {"id": 2, "code": "TS-B", "quantity": 0.0},
]


def a_round(*answers: Response) -> list[Page]:
    """The pages of a round."""
    cursor, pages = "", []
    for each in answers:
        stock.request(cursor, OPTIONS)
        pages.append(stock.page(each, cursor, OPTIONS))
        cursor = pages[-1].cursor
    return pages


def test_a_round_counts_what_is_at_rest_at_each_location() -> None:
    pages = a_round(
        *(answer(LOCATIONS), answer(PRODUCTS, date=DATE), answer([{"id": 4, "product": 2}])),
        *(answer([], date=DATE), answer(PRODUCTS, date=DATE), answer([]), answer([], date=DATE)),
    )
    assert [True] * 6 + [False] == [page.has_more for page in pages]
    assert "" == pages[-1].cursor
    messages = [each for page in pages for each in page.messages]
    facts = [fact for each in messages for fact in stock.decode(each, OPTIONS)]
    counted = []
    for fact in facts:
        assert isinstance(fact, StockFact)
        assert (FactKind.COUNT, CountBasis.BOOKS, AS_OF) == (fact.kind, fact.basis, fact.time)
        counted.append((fact.location, fact.sku, int(fact.quantity)))
    assert [("WH", "TS-A", 7), ("ST43", "TS-A", 7), ("ST43", "TS-B", 0)] == counted
    assert 3 == len({stock.key(each) for each in messages})


def asked(cursor: str) -> list[Any]:
    """The parameters of the request at a cursor."""
    return list(json.loads(stock.request(cursor, OPTIONS).body)["params"])


def test_a_location_is_asked_for_with_all_its_parts_and_no_others() -> None:
    begun, counted = a_round(answer(LOCATIONS), answer(PRODUCTS, date=DATE))
    context = asked(begun.cursor)[-1]
    assert ([1, 2, 3], False) == (context["locations"], context["with_childs"])
    products, states, since, places = asked(counted.cursor)[0]
    assert ["product", "in", [1, 2]] == products
    assert ["state", "in", ["done", "cancelled"]] == states
    assert samples.time_tag(datetime(2026, 11, 26, 17, 0, tzinfo=UTC)) == since[2]
    assert ["OR", ["from_location", "in", [1, 2, 3]], ["to_location", "in", [1, 2, 3]]] == places


def test_a_location_that_tryton_lacks_is_named() -> None:
    with pytest.raises(Undecodable, match="ST43"):
        a_round(answer(LOCATIONS[:3]))


def test_an_answer_without_its_time_cannot_be_counted() -> None:
    with pytest.raises(Undecodable, match="header date"):
        a_round(answer(LOCATIONS), answer(PRODUCTS))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("quantity", {"quantity": "7"}),
        ("as_of", {"as_of": "yesterday"}),
        ("sku", {"sku": ""}),
        ("location", {"location": None}),
        ("product", {"product": 0}),
    ],
)
def test_a_count_that_cannot_be_understood_names_its_field(
    field: str, values: dict[str, Any]
) -> None:
    sound = {
        "location": "WH",
        "place": 1,
        "product": 1,
        "sku": "TS-A",
        "quantity": 7,
        "as_of": AS_OF.isoformat(),
    }
    assert list(stock.decode(message(sound), OPTIONS))
    with pytest.raises(Undecodable) as raised:
        list(stock.decode(message({**sound, **values}), OPTIONS))
    assert field == raised.value.field


def test_books_below_zero_are_a_case() -> None:
    below = {"location": "WH", "place": 1, "product": 1, "sku": "TS-A", "quantity": -2}
    (case,) = stock.decode(message({**below, "as_of": AS_OF.isoformat()}), OPTIONS)
    assert isinstance(case, Exceptional)
    assert ("count_below_zero", "TS-A at WH") == (case.kind, case.subject)


def test_bytes_that_are_no_count_are_undecodable() -> None:
    for body in (b"", b"{}", b"[]", b"\xff"):
        with pytest.raises(Undecodable):
            list(stock.decode(Message(body), OPTIONS))
