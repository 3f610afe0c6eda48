"""Quantities of SKUs at locations, ten at a time, with a number that shows which is the newer.

Sources: externalFulfillmentInventory_2024-09-11.json, "Publish Location-Level Inventory" and
"External Fulfillment Errors". Amazon has to admit a seller to it. Two things are not documented:
what becomes of a number older than the last, for which 409 and a newer number in the answer are
taken, and whether `quantity` counts reserved units; sellableQuantity is taken for what is shown.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from ...contract import (
    Accepted,
    Deferred,
    Offer,
    OfferVerdict,
    PublishPath,
    ReadPairs,
    Rejected,
    Request,
    Response,
    Stale,
    Undecodable,
)
from ...events import Shown
from ...intake import fields
from .parts import Part
from .sp_api import JSON_HEADERS, AmazonOptions, document, json_body

PATH: Final = "/externalFulfillment/inventory/2024-09-11/inventories"
REQUESTS_MAX: Final = 10


def _next(
    offers: Sequence[Offer], responses: Sequence[Response], options: AmazonOptions
) -> Request | Sequence[OfferVerdict]:
    if not responses:
        body = json_body({"requests": [_update(offer, options) for offer in offers]})
        return Request("POST", PATH, JSON_HEADERS, body, "batchInventory")
    lines = list(Part(document(responses[-1])).parts("responses"))
    if len(lines) != len(offers):
        raise Undecodable("responses", f"{len(lines)} of them", f"{len(offers)}, one each request")
    return [_verdict(offer, line) for offer, line in zip(offers, lines, strict=True)]


def _update(offer: Offer, options: AmazonOptions) -> dict[str, Any]:
    return {
        "method": "POST",
        "uri": _uri("update", offer.item, offer.node),
        "body": {
            "quantity": offer.quantity,
            "clientSequenceNumber": offer.sequence,
            **_of_channel(options),
        },
    }


def _uri(what: str, item: str, node: str) -> str:
    return f"/inventory/{what}?{urlencode({'locationId': node, 'skuId': item})}"


def _of_channel(options: AmazonOptions) -> dict[str, Any]:
    attributes = {"marketplaceId": options.marketplace_id, "channelName": "MFN"}
    return {"marketplaceAttributes": attributes}


def _verdict(offer: Offer, line: Part) -> OfferVerdict:
    status = line.part("status")
    code = fields.whole(status.get("statusCode"), status.field("statusCode"), 100, 599)
    body = line.part("body")
    for name, asked in (("skuId", offer.item), ("locationId", offer.node)):
        if body.get(name) not in (None, asked):
            raise Undecodable(body.field(name), body.get(name), f"{asked!r}")
    if code == 429 or code >= 500:
        return Deferred()
    if code == 409 or code < 300:
        return _kept(offer, body, is_done=code != 409)
    return _rejection(body, code, status.get("reasonPhrase"))


def _kept(offer: Offer, body: Part, *, is_done: bool) -> OfferVerdict:
    """Whether the offer is the newest that Amazon has: its answer may give the newest's number."""
    number = body.get("clientSequenceNumber")
    if number == offer.sequence or (number is None and is_done):
        return Accepted()
    known = body.get("sellableQuantity") is not None
    return Stale(body.units("sellableQuantity") if known else None)


def _rejection(body: Part, code: int, phrase: Any) -> Rejected:
    errors = body.optional_parts("actionableErrors")
    texts = [f"{error.get('errorType')}: {error.get('errorSubType')}" for error in errors]
    reason = "; ".join(texts)[:500] or f"{code} {phrase}"
    return Rejected(reason, "item" if "INVALID_SKU" in reason else "")


def _fetches(pairs: Sequence[tuple[str, str]], options: AmazonOptions) -> Request:
    """Asks what is sellable of SKUs at locations."""
    requests = [
        {"method": "POST", "uri": _uri("fetch", item, node), "body": _of_channel(options)}
        for item, node in pairs
    ]
    return Request("POST", PATH, JSON_HEADERS, json_body({"requests": requests}), "batchInventory")


def _shown(response: Response, _options: AmazonOptions) -> list[Shown]:
    """What is sellable, of those that Amazon reports it for."""
    shown = []
    for line in Part(document(response)).parts("responses"):
        body = line.part("body")
        if body.get("sellableQuantity") is not None:
            item, node = body.text("skuId"), body.text("locationId")
            units = body.units("sellableQuantity")
            shown.append(Shown(item=item, node=node, quantity=units))
    return shown


READ_LOCATIONS: Final = ReadPairs(REQUESTS_MAX, _fetches, _shown)
BATCH_PATH: Final = PublishPath("external", REQUESTS_MAX, _next)
