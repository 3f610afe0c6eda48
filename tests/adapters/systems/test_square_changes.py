"""Square's inventory history, swept page by page, in made-up answers and in its own example."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastjsonschema
import pytest
from pydantic import ValidationError

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Page, Refused, Request, Response, Undecodable
from holdfast.adapters.events import CountBasis, FactKind, Ignored, StockFact
from holdfast.adapters.systems.square_changes import ADAPTER, PAGE, SquareChangesOptions
from tests.adapters.contracts import contract

SINCE = "2026-11-26T00:00:00Z"
OPTIONS = SquareChangesOptions(since=SINCE, our_references="holdfast:")
POLL: Any = ADAPTER.poll


def change(name: str, at: str = "2026-11-26T12:00:00Z", **more: Any) -> dict[str, Any]:
    adjustment = {
        "id": name,
        "catalog_object_id": "VARIATION-A",
        "location_id": "LOCATION-1",
        "from_state": "NONE",
        "to_state": "IN_STOCK",
        "quantity": "2",
        "occurred_at": "2026-11-26T11:00:00Z",
        "created_at": at,
        **more,
    }
    return {"type": "ADJUSTMENT", "adjustment": adjustment}


def answered(*changes: Any, cursor: str | None = None, status: int = 200) -> Response:
    document = {"changes": list(changes), **({} if cursor is None else {"cursor": cursor})}
    return Response(status, {}, json.dumps(document).encode())


def asked(cursor: str = "") -> dict[str, Any]:
    request: Request = POLL.request(cursor, OPTIONS)
    assert ("POST", "/v2/inventory/changes/batch-retrieve") == (request.method, request.url)
    return dict(json.loads(request.body))


def read(response: Response, cursor: str = "") -> Page:
    page: Page = POLL.page(response, cursor, OPTIONS)
    return page


def decoded(page: Page) -> list[Any]:
    return [each for message in page.messages for each in ADAPTER.decode(message, OPTIONS)]


def test_a_sweep_goes_on_page_by_page_and_the_next_one_begins_before_its_end() -> None:
    assert {"updated_after": SINCE, "limit": PAGE} == asked()
    first = read(answered(change("1", "2026-11-26T12:00:00Z"), cursor="c1"))
    assert first.has_more
    assert {"updated_after": SINCE, "limit": PAGE, "cursor": "c1"} == asked(first.cursor)
    last = read(answered(change("2", "2026-11-26T11:59:00Z"), cursor=""), first.cursor)
    assert not last.has_more
    assert {"updated_after": "2026-11-26T11:55:00+00:00", "limit": PAGE} == asked(last.cursor)

    assert ["1", "2"] == [fact.id for fact in (*decoded(first), *decoded(last))]
    quiet = read(answered(), last.cursor)
    assert ((), last.cursor) == (tuple(quiet.messages), quiet.cursor)


def test_a_change_that_comes_again_is_the_same_message() -> None:
    first, again = (read(answered(change("1"))).messages[0] for _ in range(2))
    assert ADAPTER.key(first) == ADAPTER.key(again)
    assert ADAPTER.key(first) != ADAPTER.key(read(answered(change("2"))).messages[0])


def test_a_change_is_a_fact_and_one_of_ours_an_echo() -> None:
    page = read(answered(change("1"), change("2", reference_id="holdfast:7")))
    assert [
        StockFact(
            source="square",
            id="1",
            kind=FactKind.RECEIPT,
            sku="VARIATION-A",
            location="LOCATION-1",
            quantity=Decimal(2),
            time=datetime(2026, 11, 26, 11, tzinfo=UTC),
            reason="NONE>IN_STOCK",
        ),
        Ignored("echo"),
    ] == decoded(page)


@pytest.mark.parametrize("wrong", ["?", {"type": "GIFT"}, change("1", at="noon", quantity="two")])
def test_a_change_that_is_wrong_holds_nothing_up(wrong: Any) -> None:
    page = read(answered(wrong, change("2")))
    assert [Undecodable, StockFact] == [type(each) for each in decoded(page)]
    assert "2026-11-26T11:55:00+00:00" == asked(page.cursor)["updated_after"]


def test_a_cursor_that_has_ended_begins_the_sweep_again() -> None:
    begun = read(answered(change("1"), cursor="c1"))
    page = read(answered(status=400), begun.cursor)
    assert ({"updated_after": SINCE, "limit": PAGE}, ()) == (asked(page.cursor), page.messages)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_answer_that_is_no_page_is_refused(status: int) -> None:
    with pytest.raises(Refused, match=f"Square answers {status}"):
        read(answered(status=status))


def test_a_cursor_that_leads_to_itself_is_reported() -> None:
    begun = read(answered(cursor="c1"))
    with pytest.raises(Undecodable) as wrong:
        read(answered(cursor="c1"), begun.cursor)
    assert "cursor" == wrong.value.field


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="since"):
        SquareChangesOptions(since="2026-11-26T00:00:00")


def test_each_request_bears_the_token() -> None:
    assert {"Authorization": "Bearer t"} == ADAPTER.credentials(OPTIONS, {"access_token": "t"})


def test_squares_own_page_decodes_and_our_request_fits_its_schema() -> None:
    path = contract("square/square-inventory-orders-refunds.openapi-subset.json")
    components = json.loads(path.read_text())["components"]
    example = components["schemas"]["BatchRetrieveInventoryChangesResponse"]["example"]
    page = read(Response(200, {}, json.dumps(example).encode()))
    (fact,) = decoded(page)
    assert (FactKind.COUNT, CountBasis.SHELF, Decimal(86)) == (fact.kind, fact.basis, fact.quantity)

    reference = "#/components/schemas/BatchRetrieveInventoryChangesRequest"
    fits = fastjsonschema.compile({"$ref": reference, "components": components})
    for document in (asked(), asked(read(answered(cursor="c1")).cursor)):
        fits(document)


def test_the_conformance_kit_finds_nothing() -> None:
    page = read(answered(change("1"), change("2", to_state="SOLD", from_state="IN_STOCK")))
    samples = [Sample(str(at), message) for at, message in enumerate(page.messages)]
    assert [] == list(findings(ADAPTER, samples, OPTIONS))
