"""What Shopify shows, read page by page; and what its answers say of its budget."""

import json
from typing import Any

import pytest

from holdfast.adapters.contract import (
    Budget,
    Granted,
    Refused,
    Response,
    Undecodable,
)
from holdfast.adapters.events import Shown
from holdfast.adapters.systems.shopify.graphql import COST_MAX, answer, granted
from holdfast.adapters.systems.shopify.kinds import ORDERS, ORDERS_OF_APP, SHOP, SHOP_OF_APP
from holdfast.adapters.systems.shopify.read_back import READ_BACK
from tests.adapters.systems.shopify.graphql_samples import (
    answered,
    cost,
    gid,
    nodes,
    variables,
)
from tests.adapters.systems.shopify.rest_samples import OPTIONS

PLACES = nodes(*({"id": gid("Location", number)} for number in (100, 20)))


def level(item: int, quantity: int) -> dict[str, Any]:
    return {"item": {"id": gid("InventoryItem", item)}, "quantities": [{"quantity": quantity}]}


def page(location: int, *levels: Any, cursor: str | None = None) -> tuple[list[Shown], str]:
    document = {
        "id": gid("Location", location),
        "inventoryLevels": nodes(*levels, has_more=cursor is not None, cursor=cursor),
    }
    shown, next_cursor = READ_BACK.page(
        answered({"locations": PLACES, "location": document}), OPTIONS
    )
    return list(shown), next_cursor


def test_the_levels_of_one_location_are_read_after_those_of_the_other() -> None:
    asked = READ_BACK.request("", OPTIONS)
    assert {"location": None, "level": None, "begun": False} == variables(asked)
    assert asked.cost <= COST_MAX
    shown, first = READ_BACK.page(answered({"locations": PLACES}), OPTIONS)
    assert [] == shown
    assert {"location": gid("Location", 20), "level": None, "begun": True} == variables(
        READ_BACK.request(first, OPTIONS)
    )
    shown, more = page(20, level(1, 4), cursor="page-2")
    assert [Shown(item="1", node="20", quantity=4)] == shown
    assert {"location": gid("Location", 20), "level": "page-2", "begun": True} == variables(
        READ_BACK.request(more, OPTIONS)
    )
    _, other = page(20)
    assert [gid("Location", 100), None] == json.loads(other)
    assert ([Shown(item="2", node="100", quantity=-1)], "") == page(100, level(2, -1))


def test_a_shop_without_locations_shows_nothing() -> None:
    assert ([], "") == READ_BACK.page(answered({"locations": nodes()}), OPTIONS)


def test_a_location_that_is_gone_ends_the_reading() -> None:
    response = answered({"locations": PLACES, "location": None})
    assert ([], "") == READ_BACK.page(response, OPTIONS)


def test_more_locations_than_were_asked_for_are_not_left_out_silently() -> None:
    with pytest.raises(Undecodable, match="hasNextPage"):
        READ_BACK.page(answered({"locations": nodes(has_more=True)}), OPTIONS)


def test_an_answer_tells_how_many_points_are_left() -> None:
    assert Granted(rate=100, burst=2_000, tokens=880) == granted(answered({}, **cost(left=880)))
    for body in (b"", b"[]", b'{"extensions": null}', b'{"extensions": {"cost": {}}}'):
        assert Granted() == granted(Response(200, {}, body))
    assert {"graphql": Budget(100, 2_000)} == SHOP.budgets


def test_an_app_bears_its_token_or_begins_a_session() -> None:
    token = {"X-Shopify-Access-Token": "shpat"}
    for adapter in (SHOP, ORDERS):
        assert adapter.login is None
        assert token == adapter.credentials(OPTIONS, {"access_token": "shpat"})
    secrets = {"client_id": "id", "client_secret": "new\nold"}
    for adapter in (SHOP_OF_APP, ORDERS_OF_APP):
        assert adapter.login is not None
        asked = adapter.login.request(OPTIONS, secrets)
        expected = b"grant_type=client_credentials&client_id=id&client_secret=new"
        assert ("/admin/oauth/access_token", expected) == (asked.url, asked.body)
        assert token == adapter.login.session(Response(200, {}, b'{"access_token": "shpat"}'))
        for status, body in ((400, b"{}"), (200, b"{}"), (200, b"no"), (200, b"[]")):
            with pytest.raises(Refused):
                adapter.login.session(Response(status, {}, body))


def test_a_token_that_is_none_any_more_is_refused() -> None:
    with pytest.raises(Refused, match="401"):
        answer(answered(None, status=401))
