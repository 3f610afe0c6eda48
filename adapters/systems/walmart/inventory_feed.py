"""Quantities that Walmart is told to show, thousands in a feed.

Sources: Walmart's models of inventory (see marketplace.py), updateBulkInventory of feedType
MP_INVENTORY (inventory spec 1.5); "Get feed item status" for the status of a feed and of its items.

A feed is done after minutes, and a feed that is done may have items that failed. It sends what is
offered without what Walmart has reserved (see inventory.py), since thousands of SKUs cannot be read
in the time that it saves: it shows too few by the units that are sold and not shipped, until they
are read back.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

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
    Undecodable,
    Wait,
)
from ...intake import fields
from .inventory import by_item, in_each
from .marketplace import call, document_of, error_of

#: About 0.7 MB of the 5 that a file may have, at 50 characters a SKU.
FEED_OFFERS: Final = 5_000
#: Items of one answer about a feed: Walmart's bound.
DETAILS_MAX: Final = 50
#: Seconds between two looks at a feed.
FEED_LOOK_S: Final = 60.0
_STATES: Final = "RECEIVED, INPROGRESS, PROCESSED or ERROR"


def feed(
    offers: Sequence[Offer], responses: Sequence[Response], _options: Any
) -> Request | Wait | Sequence[OfferVerdict]:
    """A feed, looked at until it is done; then its items, page by page, if one has failed."""
    if not responses:
        return _submission(offers)
    feed_id = fields.text(document_of(responses[0]).get("feedId"), "feedId")
    if len(responses) == 1:
        return _look(feed_id, 0)
    status = document_of(responses[-1])
    match status.get("feedStatus"):
        case "RECEIVED" | "INPROGRESS":
            return Wait(FEED_LOOK_S, _look(feed_id, 0))
        case "PROCESSED":
            return _processed(offers, responses[1:], feed_id, status)
        case "ERROR":
            reason, field = error_of(_ingestion_errors(status))
            raise Refused(f"feed {feed_id}: {reason}", field)
    raise Undecodable("feedStatus", status.get("feedStatus"), _STATES)


def _processed(
    offers: Sequence[Offer], looks: Sequence[Response], feed_id: str, status: Mapping[str, Any]
) -> Request | Sequence[OfferVerdict]:
    if status.get("itemsFailed") == 0 and status.get("itemsProcessing", 0) == 0:
        return [Accepted()] * len(offers)
    items = _items(looks)
    count = fields.whole(status.get("itemsReceived"), "itemsReceived", 0, FEED_OFFERS)
    # A page without items is the last one, whatever was counted.
    if len(items) < count and _details(status):
        return _look(feed_id, len(items))
    verdicts = {sku: _item_verdict(item) for sku, item in items.items()}
    return [verdicts.get(offer.item, Deferred()) for offer in offers]


def _items(looks: Sequence[Response]) -> dict[str, Mapping[str, Any]]:
    """The items that were reported since the feed was done, by SKU."""
    found: dict[str, Mapping[str, Any]] = {}
    for each in looks:
        status = document_of(each)
        if status.get("feedStatus") == "PROCESSED":
            for at, item in enumerate(_details(status)):
                item = fields.mapping(item, f"itemDetails.itemIngestionStatus[{at}]")
                sku = fields.text(item.get("sku"), f"itemDetails.itemIngestionStatus[{at}].sku")
                found[sku] = item
    return found


def _details(status: Mapping[str, Any]) -> list[Any]:
    held = fields.mapping(status.get("itemDetails") or {}, "itemDetails")
    path = "itemDetails.itemIngestionStatus"
    return fields.array(held.get("itemIngestionStatus") or [], path, FEED_OFFERS)


def _item_verdict(item: Mapping[str, Any]) -> OfferVerdict:
    match item.get("ingestionStatus"):
        case "SUCCESS":
            return Accepted()
        case "DATA_ERROR":
            return Rejected(*error_of(_ingestion_errors(item)))
    return Deferred()  # SYSTEM_ERROR, TIMEOUT_ERROR, INPROGRESS


def _ingestion_errors(item: Mapping[str, Any]) -> object:
    held = item.get("ingestionErrors")
    return held.get("ingestionError") if isinstance(held, dict) else None


def _look(feed_id: str, offset: int) -> Request:
    query = urlencode({"includeDetails": "true", "offset": offset, "limit": DETAILS_MAX})
    return call("GET", f"/v3/feeds/{quote(feed_id, safe='')}?{query}", "feed_status")


def _submission(offers: Sequence[Offer]) -> Request:
    """The file of a feed, as a form (RFC 7578)."""
    inventory = [
        {
            "sku": item,
            "shipNodes": [
                {"shipNode": offer.node, "quantity": in_each(offer.quantity)} for offer in group
            ],
        }
        for item, group in by_item(offers).items()
    ]
    file = json.dumps({"inventoryHeader": {"version": "1.5"}, "inventory": inventory}).encode()
    boundary = hashlib.blake2b(file, digest_size=16).hexdigest()
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.json"\r\n'
    body = f"{head}content-type: application/json\r\n\r\n".encode() + file
    body += f"\r\n--{boundary}--\r\n".encode()
    form = f"multipart/form-data; boundary={boundary}"
    return call("POST", "/v3/feeds?feedType=MP_INVENTORY", "feed", body, form)


FEED: Final = PublishPath("feed", FEED_OFFERS, feed)
