"""Quantities of listings, one at a time, and what listings show.

Sources: listingsItems_2021-08-01.json, patchListingsItem and searchListingsItems. A patch is
merged, so that the quantities of other fulfillment channels stay ("Merge a listing"). HTTP status
200 says that Amazon understood it; the body's status says whether it takes it, to show it later.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from ...contract import (
    Accepted,
    Offer,
    OfferVerdict,
    PublishPath,
    ReadBack,
    Refused,
    Rejected,
    Request,
    Response,
)
from ...events import Shown
from .parts import Part
from .sp_api import HEADERS, JSON_HEADERS, AmazonOptions, document, failure, json_body

PATH: Final = "/listings/2021-08-01/items"

#: Listings of a page of a search.
PAGE_SIZE: Final = 20

#: Statuses that blame the listing that was named.
_BLAMING: Final = (400, 404)


def patch_of(offer: Offer, options: AmazonOptions) -> dict[str, Any]:
    """What changes the quantity of a listing at one fulfillment channel."""
    value = {"fulfillment_channel_code": offer.node, "quantity": offer.quantity}
    path = "/attributes/fulfillment_availability"
    return {
        "productType": options.product_type,
        "patches": [{"op": "merge", "path": path, "value": [value]}],
    }


def rejection(issues: Sequence[Part]) -> Rejected:
    """Why Amazon does not take a listing: the errors among its issues."""
    errors = [issue for issue in issues if issue.get("severity") == "ERROR"]
    texts = [f"{issue.get('code')}: {issue.get('message')}" for issue in errors]
    names = [name for issue in errors for name in _attributes(issue)]
    return Rejected("; ".join(texts)[:500] or "Amazon gives no reason", (names or [""])[0])


def _attributes(issue: Part) -> list[str]:
    """The attributes that an issue names; a feed's report names one."""
    names = issue.get("attributeNames") or [issue.get("attributeName")]
    return [name for name in names if type(name) is str]


def _next(
    offers: Sequence[Offer], responses: Sequence[Response], options: AmazonOptions
) -> Request | Sequence[OfferVerdict]:
    [offer] = offers
    if not responses:
        query = urlencode({"marketplaceIds": options.marketplace_id})
        url = f"{PATH}/{quote(options.seller_id, safe='')}/{quote(offer.item, safe='')}?{query}"
        body = json_body(patch_of(offer, options))
        return Request("PATCH", url, JSON_HEADERS, body, "patchListingsItem")
    return [_verdict(responses[-1])]


def _verdict(response: Response) -> OfferVerdict:
    if response.status in _BLAMING:
        failed = failure(response)
        assert isinstance(failed, Refused)
        return Rejected(failed.reason, "item")
    answer = Part(document(response))
    status = answer.one_of("status", ("ACCEPTED", "VALID", "INVALID"))
    if status != "INVALID":
        return Accepted()
    return rejection(answer.optional_parts("issues"))


PATCH_PATH: Final = PublishPath("patch", 1, _next)


# Reading back


def _search(cursor: str, options: AmazonOptions) -> Request:
    query = {
        "marketplaceIds": options.marketplace_id,
        "includedData": "fulfillmentAvailability",
        "sortBy": "lastUpdatedDate",
        "sortOrder": "DESC",
        "pageSize": PAGE_SIZE,
        **({"pageToken": cursor} if cursor else {}),
    }
    url = f"{PATH}/{quote(options.seller_id, safe='')}?{urlencode(query)}"
    return Request("GET", url, HEADERS, operation="searchListingsItems")


def _found(response: Response, _options: AmazonOptions) -> tuple[Sequence[Shown], str]:
    answer = Part(document(response))
    shown = [each for item in answer.parts("items") for each in _shown(item)]
    return shown, answer.next_token()


def _shown(item: Part) -> list[Shown]:
    """What a listing shows. One without a quantity is fulfilled by Amazon."""
    sku = item.text("sku")
    return [
        Shown(
            item=sku,
            node=each.text("fulfillmentChannelCode"),
            quantity=each.units("quantity"),
        )
        for each in item.optional_parts("fulfillmentAvailability")
        if each.get("quantity") is not None
    ]


#: Amazon pages through 1,000 listings: those that changed last are asked for.
READ_BACK: Final = ReadBack(_search, _found)
