"""Quantities that Walmart is told to show, SKU by SKU, and what it shows.

Sources: Walmart's models of inventory (see marketplace.py): MultiNodeInventoryUpdateRequestDTO and
its response, MultiNodeInventoryFetchResponseDTO, GetAllInventoriesDTO; "Get and update item
inventory per ship node" for the three quantities.

A seller sets `inputQty`, which includes units that were sold and not shipped yet, and a customer
sees `availToSellQty`, which does not: so what is offered is sent with Walmart's `reservedQty` added
to it. One SKU is read before it is written. An order between the two is counted by Walmart itself;
a shipment between them shows its units once more, until the SKU is read back.

PUT /v3/inventory is not used: it says nothing of reserved units.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from ...contract import (
    Accepted,
    Deferred,
    Offer,
    OfferVerdict,
    PublishPath,
    ReadBack,
    Rejected,
    Request,
    Response,
)
from ...events import Shown
from ...intake import fields
from .marketplace import call, call_json, document_of, error_of, is_temporary, refusal_of

#: SKUs that are sent one by one in a walk, two requests each. They are few, since the last of them
#: is sent with what it was to show when the walk began, and several walks go side by side.
PUT_OFFERS: Final = 5
#: SKUs of one page that is read back: Walmart's bound.
PAGE_ITEMS: Final = 50
NODES_MAX: Final = 1_000

#: Statuses that blame the SKU or its quantity.
_REJECTIONS: Final = (400, 404, 422)


# One by one


def put(
    offers: Sequence[Offer], responses: Sequence[Response], _options: Any
) -> Request | Sequence[OfferVerdict]:
    """Of each SKU, a request that reads what is reserved, and one that writes all its nodes. The
    first one takes the tokens of all that read.
    """
    verdicts: dict[str, OfferVerdict] = {}
    groups = by_item(offers)
    for place, (item, group) in enumerate(groups.items()):
        answers = responses[2 * place : 2 * place + 2]
        url = f"/v3/inventories/{quote(item, safe='')}"
        match list(answers):
            case []:
                read = call("GET", url, "inventory_read")
                return replace(read, cost=0 if place else len(groups))
            case [reserved]:
                return _update(url, group, _reserved(reserved))
            case [_, written]:
                verdicts |= _judged(group, written)
    return [verdicts[offer.id] for offer in offers]


def by_item(offers: Sequence[Offer]) -> dict[str, list[Offer]]:
    """Offers of each SKU, which are sent together."""
    groups: dict[str, list[Offer]] = {}
    for offer in offers:
        groups.setdefault(offer.item, []).append(offer)
    return groups


def _reserved(response: Response) -> dict[str, int]:
    """Of each ship node, units of the SKU that are sold and not shipped. A SKU that has none yet
    may be unknown here; what is wrong with it is reported when it is written.
    """
    if response.status in _REJECTIONS:
        return {}
    nodes = fields.array(document_of(response).get("nodes"), "nodes", NODES_MAX)
    return {node: _units(each, "reservedQty", path) for node, each, path in _nodes(nodes, "nodes")}


def _update(url: str, offers: Sequence[Offer], reserved: Mapping[str, int]) -> Request:
    nodes = [
        {"shipNode": offer.node, "inputQty": in_each(offer.quantity + reserved.get(offer.node, 0))}
        for offer in offers
    ]
    return call_json("PUT", url, "inventory_update", {"inventories": {"nodes": nodes}})


def _judged(offers: Sequence[Offer], response: Response) -> dict[str, OfferVerdict]:
    """A verdict for each offer of a SKU: some nodes may have failed."""
    if response.status in _REJECTIONS:
        return dict.fromkeys((offer.id for offer in offers), Rejected(*refusal_of(response)))
    nodes = fields.array(document_of(response).get("nodes"), "nodes", NODES_MAX)
    written = {node: each for node, each, _ in _nodes(nodes, "nodes")}
    return {offer.id: _verdict(written.get(offer.node)) for offer in offers}


def _verdict(node: Mapping[str, Any] | None) -> OfferVerdict:
    if node is None:
        return Deferred()
    if str(node.get("status", "")).lower() == "success":
        return Accepted()
    errors = node.get("errors")
    return Deferred() if is_temporary(errors) else Rejected(*error_of(errors))


def _nodes(nodes: Sequence[Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for at, each in enumerate(nodes):
        node = fields.mapping(each, f"{path}[{at}]")
        yield fields.text(node.get("shipNode"), f"{path}[{at}].shipNode"), node, f"{path}[{at}]"


def _units(node: Mapping[str, Any], name: str, path: str) -> int:
    """Units of a quantity of a node; 0 if it has none."""
    held = fields.mapping(node.get(name) or {}, f"{path}.{name}")
    return fields.whole_quantity(held.get("amount", 0), f"{path}.{name}.amount")


def in_each(units: int) -> dict[str, Any]:
    return {"unit": "EACH", "amount": units}


# Reading back


def read_request(cursor: str, _options: Any) -> Request:
    """A page of all SKUs at all ship nodes."""
    query = {"limit": f"{PAGE_ITEMS}"} | ({"nextCursor": cursor} if cursor else {})
    return call("GET", f"/v3/inventories?{urlencode(query)}", "inventory_list")


def read_page(response: Response, _options: Any) -> tuple[Sequence[Shown], str]:
    """What a page shows, and the next cursor. Raises Undecodable, Throttled, SessionExpired."""
    document = document_of(response)
    elements = fields.mapping(document.get("elements") or {}, "elements")
    path = "elements.inventories"
    shown: list[Shown] = []
    for at, each in enumerate(fields.array(elements.get("inventories") or [], path, PAGE_ITEMS)):
        shown += _shown(fields.mapping(each, f"{path}[{at}]"), f"{path}[{at}]")
    meta = fields.mapping(document.get("meta") or {}, "meta")
    cursor = fields.any_text(meta.get("nextCursor") or "", "meta.nextCursor", 4_096)
    return shown, cursor if shown else ""


def _shown(inventory: Mapping[str, Any], path: str) -> Iterator[Shown]:
    sku = fields.text(inventory.get("sku"), f"{path}.sku")
    nodes = fields.array(inventory.get("nodes"), f"{path}.nodes", NODES_MAX)
    for node, each, where in _nodes(nodes, f"{path}.nodes"):
        yield Shown(
            item=sku,
            node=node,
            # More may be reserved than there is, and then none is for sale.
            quantity=max(0, _units(each, "availToSellQty", where)),
        )


PUT: Final = PublishPath("put", PUT_OFFERS, put)
READ_BACK: Final = ReadBack(read_request, read_page)
