"""What the shop is to show: inventorySetQuantities, 250 entries at once, compared and set.

Sources: inventorySetQuantities of the Admin API 2026-10 with its error codes; "Idempotent
requests" and the changelog "Making changeFromQuantity field required" (shopify.dev). An entry names
the quantity that it takes the shop to show. Where a sale came in between, the entry is stale, and
the sale is not overwritten.

Not known from documents: whether one stale entry keeps the others from being set. An answer with
an adjustment group has set something, so the entries without errors are taken for set then, and for
not set otherwise.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...contract import (
    Accepted,
    Deferred,
    Offer,
    OfferVerdict,
    PublishPath,
    Refused,
    Rejected,
    Request,
    Response,
    Stale,
)
from ...intake import fields
from .graphql import answer, ask, gid
from .rest_orders import QUANTITY_MAX

#: The most entries that Shopify takes at once.
OFFERS_MAX: Final = 250
#: Keys that are tried, where Shopify says that the attempt with one has failed.
ATTEMPTS_MAX: Final = 3

_SET: Final = """mutation Show($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}"""
#: Points of a mutation, as Shopify's documents have it.
_SET_COST: Final = 10
#: Points of an item, its level and its quantity.
_SHOWN_COST: Final = 3

_STALE: Final = "CHANGE_FROM_QUANTITY_STALE"
_CONCURRENT: Final = "IDEMPOTENCY_CONCURRENT_REQUEST"
_FAILED_BEFORE: Final = "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"


def walk(
    offers: Sequence[Offer], responses: Sequence[Response], _options: Any
) -> Request | Sequence[OfferVerdict]:
    """Set them; where some were stale, ask what the shop shows of those."""
    for attempt, response in enumerate(responses):
        payload = _payload(response)
        errors = [fields.mapping(each, "userErrors") for each in payload["userErrors"]]
        if any(error.get("code") == _FAILED_BEFORE for error in errors):
            continue
        verdicts = _verdicts(offers, errors, is_set=payload.get("inventoryAdjustmentGroup"))
        return _settled(offers, verdicts, responses[attempt + 1 :])
    if len(responses) == ATTEMPTS_MAX:
        return [Deferred()] * len(offers)
    return _set(offers, len(responses))


def _set(offers: Sequence[Offer], attempt: int) -> Request:
    """The mutation. Its key is the same for the same offers, so that a repeat sets nothing twice:
    after a lost answer, and after a crash.
    """
    quantities = [
        {
            "inventoryItemId": gid("InventoryItem", offer.item),
            "locationId": gid("Location", offer.node),
            "quantity": offer.quantity,
            "changeFromQuantity": offer.shown,
        }
        for offer in offers
    ]
    content = json.dumps([[offer.id for offer in offers], quantities, attempt])
    key = hashlib.blake2b(content.encode(), digest_size=16).hexdigest()
    entry = {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": f"holdfast://offers/{key}",
        "quantities": quantities,
    }
    return ask(_SET, {"input": entry, "key": key}, _SET_COST)


def _payload(response: Response) -> Mapping[str, Any]:
    name = "inventorySetQuantities"
    payload = fields.mapping(answer(response).get(name), name)
    fields.array(payload.get("userErrors"), f"{name}.userErrors", 10 * OFFERS_MAX)
    return payload


def _verdicts(
    offers: Sequence[Offer], errors: Sequence[Mapping[str, Any]], *, is_set: object
) -> list[OfferVerdict]:
    if any(error.get("code") == _CONCURRENT for error in errors):
        return [Deferred()] * len(offers)
    others: OfferVerdict = Deferred(0.0) if errors and is_set is None else Accepted()
    verdicts = [others] * len(offers)
    for error in errors:
        code, text = error.get("code"), f"{error.get('code')}: {error.get('message')}"
        place, field = _blamed(error.get("field"), len(offers))
        if place is None:
            if code != _STALE:
                raise Refused(text, field)
            # It does not say which: each that was compared may be.
            verdicts = [Stale() if offer.shown is not None else others for offer in offers]
        elif not isinstance(verdicts[place], Rejected):
            verdicts[place] = Stale() if code == _STALE else Rejected(text, field)
    return verdicts


def _blamed(path: object, entries: int) -> tuple[int | None, str]:
    """The entry that an error is of, if it is of one, and the last name in its path:
    ["input", "quantities", "3", "quantity"].
    """
    parts = [str(part) for part in path] if type(path) is list else []
    field = parts[-1] if parts else ""
    after = parts[parts.index("quantities") + 1 :] if "quantities" in parts else []
    if after and after[0].isascii() and after[0].isdigit() and int(after[0]) < entries:
        return int(after[0]), field
    return None, field


def _settled(
    offers: Sequence[Offer], verdicts: list[OfferVerdict], rest: Sequence[Response]
) -> Request | Sequence[OfferVerdict]:
    """The verdicts, once it is known what the shop shows of the stale ones."""
    stale = [place for place, verdict in enumerate(verdicts) if isinstance(verdict, Stale)]
    if not stale:
        return verdicts
    if not rest:
        return _ask_shown([offers[place] for place in stale])
    data = answer(rest[0])
    for number, place in enumerate(stale):
        verdicts[place] = _found(data.get(f"q{number}"), f"q{number}")
    return verdicts


def _ask_shown(offers: Sequence[Offer]) -> Request:
    """What the shop shows of some items at their locations."""
    names = "".join(f"$i{number}: ID!, $l{number}: ID!, " for number in range(len(offers)))
    parts = "\n".join(
        f"  q{number}: inventoryItem(id: $i{number}) {{ inventoryLevel(locationId: $l{number}) "
        '{ quantities(names: ["available"]) { quantity } } }'
        for number in range(len(offers))
    )
    variables: dict[str, str] = {}
    for number, offer in enumerate(offers):
        variables[f"i{number}"] = gid("InventoryItem", offer.item)
        variables[f"l{number}"] = gid("Location", offer.node)
    document = f"query Shown({names.rstrip(', ')}) {{\n{parts}\n}}"
    return ask(document, variables, _SHOWN_COST * len(offers))


def _found(item: object, path: str) -> OfferVerdict:
    if item is None:
        return Rejected("Shopify does not have this item", "inventoryItemId")
    level = fields.mapping(item, path).get("inventoryLevel")
    if level is None:
        return Rejected("Shopify does not stock this item at this location", "locationId")
    return Stale(available(fields.mapping(level, f"{path}.inventoryLevel"), path))


def available(level: Mapping[str, Any], path: str) -> int:
    """The available quantity of a level."""
    (quantity,) = fields.array(level.get("quantities"), f"{path}.quantities", 1) or [None]
    where = f"{path}.quantities[0]"
    amount = fields.mapping(quantity, where).get("quantity")
    return fields.whole(amount, f"{where}.quantity", -QUANTITY_MAX, QUANTITY_MAX)


PATH: Final = PublishPath("set", OFFERS_MAX, walk)
