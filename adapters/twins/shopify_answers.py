"""What the twin of Shopify answers: the fields of its schema, from the books of a shop.

Sources: the Admin API's schema of 2026-10; "Idempotent requests" (shopify.dev): the same key with
the same parameters is answered as it was at first, with other parameters refused.

Rules of this file: a mutation sets all of its entries or none. Where that is not in Shopify's
documents, it is what keeps whoever speaks to the twin from relying on less.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, Final, TypeAlias

from graphql import GraphQLError, GraphQLResolveInfo, get_directive_values

from .faults import Schedule
from .shopify_schema import SCHEMA
from .shopify_shop import Group, Order, Shop

Info: TypeAlias = GraphQLResolveInfo[Any]

PAGE_MAX: Final = 250
QUANTITY_MAX: Final = 1_000_000_000

_GID: Final = re.compile(r"gid://shopify/([A-Za-z]+)/([0-9]+)", re.ASCII)
_SINCE: Final = re.compile(r"updated_at:>='([^']+)'")


class Answers:
    """The root of all queries and mutations."""

    def __init__(self, shop: Shop, schedule: Schedule) -> None:
        self._shop = shop
        self._schedule = schedule
        self._known: dict[str, tuple[Any, Any]] = {}
        self._groups = count(1)

    def fulfillmentOrders(  # noqa: N802 - Shopify's name
        self, _info: Info, query: str = "", **asked: Any
    ) -> dict[str, Any]:
        """Those that changed at or after a time."""
        since = _SINCE.search(query)
        found = [
            (order, group)
            for order in self._shop.orders.values()
            for group in order.fulfillment_orders
            if not since or group.updated_at >= since[1]
        ]
        if asked.get("sortKey") == "UPDATED_AT":
            found.sort(key=lambda each: (each[1].updated_at, int(each[1].id)))
        return connection([self._fulfillment_order(*each) for each in found], asked)

    def order(self, _info: Info, id: str) -> dict[str, Any] | None:  # noqa: A002
        """One order."""
        order = self._shop.orders.get(number_of(id, "Order"))
        return None if order is None else self._order(order)

    def inventoryItem(  # noqa: N802 - Shopify's name
        self,
        _info: Info,
        id: str,  # noqa: A002
    ) -> dict[str, Any] | None:
        """One item."""
        item = number_of(id, "InventoryItem")
        return self._item(item) if item in self._shop.skus else None

    def locations(self, _info: Info, **asked: Any) -> dict[str, Any]:
        """All of them."""
        return connection([self._location(each) for each in self._shop.locations], asked)

    def location(self, _info: Info, id: str) -> dict[str, Any] | None:  # noqa: A002
        """One of them."""
        location = number_of(id, "Location")
        return self._location(location) if location in self._shop.locations else None

    def inventorySetQuantities(  # noqa: N802 - Shopify's name
        self,
        info: Info,
        input: Mapping[str, Any],  # noqa: A002
    ) -> dict[str, Any]:
        """Set them all, or say what is wrong."""
        key = _key_of(info)
        if key in self._known:
            parameters, answered = self._known[key]
            if parameters != input:
                return _failed("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", None)
            return dict(answered)
        if self._schedule.is_item_put_off():
            return _failed("IDEMPOTENCY_CONCURRENT_REQUEST", None)
        answered = self._set(input)
        self._known[key] = (input, answered)
        return answered

    def _set(self, quantities_input: Mapping[str, Any]) -> dict[str, Any]:
        if quantities_input["name"] != "available":
            return _failed("INVALID_NAME", ["input", "name"])
        entries = quantities_input["quantities"]
        _check_form(entries)
        errors = [
            {"code": code, "field": ["input", "quantities", str(at), field], "message": code}
            for at, entry in enumerate(entries)
            for code, field in self._wrong(entry)
        ]
        if errors:
            return {"inventoryAdjustmentGroup": None, "userErrors": errors}
        for entry in entries:
            self._shop.show(*_place(entry), entry["quantity"])
        group = {
            "id": f"gid://shopify/InventoryAdjustmentGroup/{next(self._groups)}",
            "reason": quantities_input["reason"],
            "referenceDocumentUri": quantities_input.get("referenceDocumentUri"),
        }
        return {"inventoryAdjustmentGroup": group, "userErrors": []}

    def _wrong(self, entry: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """What is wrong with an entry: the code, and the field."""
        item, location = _place(entry)
        compared = entry["changeFromQuantity"]
        if item not in self._shop.skus:
            yield "INVALID_INVENTORY_ITEM", "inventoryItemId"
        elif (item, location) not in self._shop.levels:
            yield "INVALID_LOCATION", "locationId"
        elif compared is not None and compared != self._shop.levels[item, location]:
            yield "CHANGE_FROM_QUANTITY_STALE", "changeFromQuantity"
        if entry["quantity"] > QUANTITY_MAX:
            yield "INVALID_QUANTITY_TOO_HIGH", "quantity"

    def _order(self, order: Order) -> dict[str, Any]:
        lines = {
            line.id: {
                "id": gid("LineItem", line.id),
                "quantity": line.quantity,
                "sku": line.sku,
                "variant": {"id": gid("ProductVariant", line.item)},
            }
            for line in order.lines
        }
        return {
            "id": gid("Order", order.id),
            "createdAt": order.created_at,
            "updatedAt": order.updated_at,
            "lineItems": _lazily(list(lines.values())),
            "fulfillmentOrders": _lazily(
                [self._fulfillment_order(order, group) for group in order.fulfillment_orders]
            ),
            "fulfillments": [self._fulfillment(group) for group in order.fulfillments],
        }

    def _fulfillment_order(self, order: Order, group: Group) -> dict[str, Any]:
        lines = [
            {"lineItem": {"id": gid("LineItem", line)}, "remainingQuantity": units}
            for line, units in group.units.items()
        ]
        return {
            "id": gid("FulfillmentOrder", group.id),
            "orderId": gid("Order", order.id),
            "status": group.status,
            "updatedAt": group.updated_at,
            "assignedLocation": {"location": {"id": gid("Location", group.location)}},
            "lineItems": _lazily(lines),
        }

    def _fulfillment(self, group: Group) -> dict[str, Any]:
        lines = [
            {"lineItem": {"id": gid("LineItem", line)}, "quantity": units}
            for line, units in group.units.items()
        ]
        return {
            "status": group.status,
            "location": {"id": gid("Location", group.location)},
            "fulfillmentLineItems": _lazily(lines),
        }

    def _location(self, location: str) -> dict[str, Any]:
        return {
            "id": gid("Location", location),
            "inventoryLevels": lambda _info, **asked: connection(
                [
                    self._level(item, location)
                    for item, place in sorted(self._shop.levels)
                    if place == location
                ],
                asked,
            ),
        }

    def _item(self, item: str) -> dict[str, Any]:
        def level(_info: Info, locationId: str) -> dict[str, Any] | None:  # noqa: N803
            place = (item, number_of(locationId, "Location"))
            return self._level(*place) if place in self._shop.levels else None

        return {
            "id": gid("InventoryItem", item),
            "sku": self._shop.skus[item],
            "inventoryLevel": level,
        }

    def _level(self, item: str, location: str) -> dict[str, Any]:
        available = self._shop.levels[item, location]
        return {
            "item": {"id": gid("InventoryItem", item)},
            "quantities": lambda _info, names: [
                {"name": name, "quantity": available} for name in names if name == "available"
            ],
        }


def gid(kind: str, number: str) -> str:
    """A global id."""
    return f"gid://shopify/{kind}/{number}"


def number_of(global_id: str, kind: str) -> str:
    """The number in a global id. Raises GraphQLError, as for an id of another kind."""
    found = _GID.fullmatch(global_id)
    if found is None or found[1] != kind:
        raise GraphQLError(
            f"Invalid global id '{global_id}'", extensions={"code": "argumentLiteralsIncompatible"}
        )
    return found[2]


def connection(nodes: Sequence[Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """A page of nodes. Raises GraphQLError for one that is too long."""
    first = asked.get("first")
    if first is None or first > PAGE_MAX:
        raise GraphQLError(f"first cannot exceed {PAGE_MAX}", extensions={"code": "BAD_REQUEST"})
    after = asked.get("after")
    begin = int(base64.b64decode(after)) if after else 0
    end = min(begin + first, len(nodes))
    return {
        "nodes": nodes[begin:end],
        "pageInfo": {
            "hasNextPage": end < len(nodes),
            "endCursor": base64.b64encode(str(end).encode()).decode() if end else None,
        },
    }


def _lazily(nodes: Sequence[Any]) -> Any:
    return lambda _info, **asked: connection(nodes, asked)


def _key_of(info: Info) -> str:
    """The idempotency key. Raises GraphQLError where there is none: the schema allows that, and
    Shopify does not since 2026-04.
    """
    directive = SCHEMA.get_directive("idempotent")
    assert directive is not None
    values = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    if values is None:
        raise GraphQLError(
            "The @idempotent directive is required for this mutation",
            extensions={"code": "BAD_REQUEST"},
        )
    return str(values["key"])


def _check_form(entries: Sequence[Mapping[str, Any]]) -> None:
    """Raises GraphQLError, as for what the schema would refuse if it could say so."""
    if len(entries) > PAGE_MAX:
        raise GraphQLError(
            f"The input array size of {len(entries)} is greater than the maximum allowed of 250",
            extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"},
        )
    if any("changeFromQuantity" not in entry for entry in entries):
        raise GraphQLError(
            "changeFromQuantity is required: an integer, or null",
            extensions={"code": "INVALID_VARIABLE"},
        )


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    return (
        number_of(entry["inventoryItemId"], "InventoryItem"),
        number_of(entry["locationId"], "Location"),
    )


def _failed(code: str, field: list[str] | None) -> dict[str, Any]:
    error = {"code": code, "field": field, "message": code}
    return {"inventoryAdjustmentGroup": None, "userErrors": [error]}
