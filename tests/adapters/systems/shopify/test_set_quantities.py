"""What Shopify is told to show: the walk from request to answer, pure."""

from typing import Any

import pytest

from holdfast.adapters.contract import (
    Accepted,
    Deferred,
    Refused,
    Rejected,
    Request,
    Stale,
    Throttled,
    Undecodable,
)
from holdfast.adapters.systems.shopify.graphql import COST_MAX
from holdfast.adapters.systems.shopify.set_quantities import ATTEMPTS_MAX, OFFERS_MAX, PATH
from tests.adapters.systems.shopify.graphql_samples import (
    answered,
    cost,
    error,
    failed,
    gid,
    offer,
    payload,
    variables,
)

TWO = [offer(1), offer(2, shown=None)]
FAILED_BEFORE = payload(error("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"))


def walk(*responses: Any, offers: Any = TWO) -> Any:
    return PATH.next(offers, responses, None)


def entry(place: int, field: str) -> tuple[str, ...]:
    return ("input", "quantities", str(place), field)


def test_an_offer_is_compared_and_set() -> None:
    sent = variables(walk())
    assert ("available", "correction") == (sent["input"]["name"], sent["input"]["reason"])
    assert f"holdfast://offers/{sent['key']}" == sent["input"]["referenceDocumentUri"]
    assert [
        {
            "inventoryItemId": gid("InventoryItem", 1),
            "locationId": gid("Location", 100),
            "quantity": 5,
            "changeFromQuantity": 3,
        },
        {
            "inventoryItemId": gid("InventoryItem", 2),
            "locationId": gid("Location", 100),
            "quantity": 5,
            "changeFromQuantity": None,
        },
    ] == sent["input"]["quantities"]


def test_the_same_offers_have_the_same_key_and_others_have_another() -> None:
    assert variables(walk())["key"] == variables(walk())["key"]
    others = ([offer(1)], [offer(1), offer(2, shown=4)], [offer(2, shown=None), offer(1)])
    keys = {variables(walk(offers=each))["key"] for each in (TWO, *others)}
    assert 4 == len(keys)


def test_what_was_set_is_accepted() -> None:
    assert [Accepted(), Accepted()] == walk(payload(is_set=True))
    assert [Accepted(), Accepted()] == walk(payload()), "it showed that already"


def test_a_stale_offer_learns_what_the_shop_shows_and_the_others_wait() -> None:
    stale = payload(error("CHANGE_FROM_QUANTITY_STALE", *entry(0, "changeFromQuantity")))
    asked = walk(stale)
    assert {"i0": gid("InventoryItem", 1), "l0": gid("Location", 100)} == variables(asked)
    shown = answered({"q0": {"inventoryLevel": {"quantities": [{"quantity": 2}]}}})
    assert [Stale(2), Deferred(0.0)] == walk(stale, shown)


def test_where_something_was_set_the_entries_without_errors_were() -> None:
    stale = payload(
        error("CHANGE_FROM_QUANTITY_STALE", *entry(0, "changeFromQuantity")), is_set=True
    )
    shown = answered({"q0": {"inventoryLevel": {"quantities": [{"quantity": 2}]}}})
    assert [Stale(2), Accepted()] == walk(stale, shown)


def test_where_it_is_not_said_which_is_stale_each_that_was_compared_may_be() -> None:
    stale = payload(error("CHANGE_FROM_QUANTITY_STALE"))
    assert {"i0": gid("InventoryItem", 1), "l0": gid("Location", 100)} == variables(walk(stale))


def test_a_stale_offer_of_what_the_shop_does_not_have_is_rejected() -> None:
    stale = payload(
        error("CHANGE_FROM_QUANTITY_STALE", *entry(0, "changeFromQuantity")),
        error("CHANGE_FROM_QUANTITY_STALE", *entry(1, "changeFromQuantity")),
    )
    item, level = walk(stale, answered({"q0": None, "q1": {"inventoryLevel": None}}))
    assert ("inventoryItemId", "locationId") == (item.field, level.field)


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("INVALID_INVENTORY_ITEM", "inventoryItemId"),
        ("INVALID_LOCATION", "locationId"),
        ("INVALID_QUANTITY_TOO_HIGH", "quantity"),
        ("NON_MUTABLE_INVENTORY_ITEM", "inventoryItemId"),
        (None, "quantity"),
    ],
)
def test_an_offer_that_is_wrong_is_rejected_by_its_field(code: str | None, field: str) -> None:
    first, second = walk(payload(error(code, *entry(1, field))))
    assert (Deferred(0.0), field) == (first, second.field)
    assert isinstance(second, Rejected)
    assert second.reason == f"{code}: no"


def test_an_offer_that_is_wrong_and_stale_is_rejected() -> None:
    response = payload(
        error("INVALID_LOCATION", *entry(0, "locationId")),
        error("CHANGE_FROM_QUANTITY_STALE", *entry(0, "changeFromQuantity")),
    )
    assert isinstance(walk(response)[0], Rejected)


def test_what_is_wrong_with_none_of_the_offers_is_refused_as_a_whole() -> None:
    for fault in (error("INVALID_REASON", "input", "reason"), error("INVALID_NAME")):
        with pytest.raises(Refused):
            walk(payload(fault))
    with pytest.raises(Refused):
        walk(payload(error("INVALID_LOCATION", *entry(2, "locationId"))))


def test_an_attempt_that_is_still_running_is_waited_for() -> None:
    concurrent = payload(error("IDEMPOTENCY_CONCURRENT_REQUEST"))
    assert [Deferred(), Deferred()] == walk(concurrent)


def test_an_attempt_that_failed_is_made_again_under_another_key() -> None:
    keys = [variables(walk(*[FAILED_BEFORE] * times))["key"] for times in range(ATTEMPTS_MAX)]
    assert ATTEMPTS_MAX == len(set(keys))
    assert [Accepted(), Accepted()] == walk(FAILED_BEFORE, payload(is_set=True))
    assert [Deferred(), Deferred()] == walk(*[FAILED_BEFORE] * ATTEMPTS_MAX)


def test_a_bucket_that_is_empty_is_waited_for_until_it_has_enough() -> None:
    with pytest.raises(Throttled) as throttled:
        walk(failed("THROTTLED", **cost(requested=60, left=10)))
    assert 0.5 == throttled.value.after_s
    for code in ("THROTTLED", "INTERNAL_SERVER_ERROR"):
        with pytest.raises(Throttled) as throttled:
            walk(failed(code))
        assert throttled.value.after_s is None


@pytest.mark.parametrize(
    "response",
    [
        failed("ACCESS_DENIED"),
        answered(None, status=403),
        answered(None, errors="Not Found"),
        answered(None, errors=["no"]),
    ],
)
def test_an_answer_that_no_wait_heals_is_refused(response: Any) -> None:
    with pytest.raises(Refused):
        walk(response)


@pytest.mark.parametrize(
    "response",
    [
        answered({}),
        answered({"inventorySetQuantities": {"userErrors": None}}),
        answered({"inventorySetQuantities": {"userErrors": ["no"]}}),
    ],
)
def test_an_answer_that_is_none_is_undecodable(response: Any) -> None:
    with pytest.raises(Undecodable):
        walk(response)
    stale = payload(error("CHANGE_FROM_QUANTITY_STALE", *entry(0, "changeFromQuantity")))
    with pytest.raises(Undecodable):
        walk(stale, answered({"q0": {"inventoryLevel": {"quantities": []}}}))


def test_asking_what_all_of_a_call_show_stays_within_the_points_of_a_query() -> None:
    offers = [offer(item) for item in range(1, OFFERS_MAX + 1)]
    errors = [
        error("CHANGE_FROM_QUANTITY_STALE", *entry(place, "changeFromQuantity"))
        for place in range(OFFERS_MAX)
    ]
    asked = walk(payload(*errors), offers=offers)
    assert isinstance(asked, Request)
    assert asked.cost <= COST_MAX
    assert 2 * OFFERS_MAX == len(variables(asked))
