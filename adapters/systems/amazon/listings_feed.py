"""Quantities of up to 25,000 listings at once, as a feed that Amazon works on for some minutes.

Sources: feeds_2021-06-30.json, listings-feed-schema-v2.json, and the processing report whose
example lies beside it. The document goes to a presigned address, which lives for five minutes; the
report knows a message by its number.
"""

import zlib
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from ...contract import (
    FILE_BYTES,
    Accepted,
    Deferred,
    Offer,
    OfferVerdict,
    PublishPath,
    Request,
    Response,
    Undecodable,
    Wait,
)
from ...intake import fields
from .listings import patch_of, rejection
from .parts import Part
from .sp_api import HEADERS, JSON_HEADERS, AmazonOptions, document, json_body

PATH: Final = "/feeds/2021-06-30"
FEED_TYPE: Final = "JSON_LISTINGS_FEED"

#: Messages of a feed, by its schema and Amazon's changelog of 2025-05-06. They are some 6 MB, where
#: "Feeds API Best Practices" asks for less than 10 MiB.
MESSAGES_MAX: Final = 25_000

#: Seconds between two looks at a feed: one takes minutes, and getFeed may be asked twice a second.
LOOK_S: Final = 15.0

#: To the letter the same when the document is announced and when it is sent: it is signed.
_CONTENT_TYPE: Final = "application/json; charset=UTF-8"

_STATUSES: Final = ("IN_QUEUE", "IN_PROGRESS", "DONE", "CANCELLED", "FATAL")

Asked: TypeAlias = Request | Wait
Verdicts: TypeAlias = Sequence[OfferVerdict]
#: A step is a function where it takes long to make: it is made for the last step of a walk alone.
Walk: TypeAlias = Generator[Asked | Callable[[], Request], Response, Verdicts]


def _next(
    offers: Sequence[Offer], responses: Sequence[Response], options: AmazonOptions
) -> Asked | Verdicts:
    """Walk as far as the responses lead."""
    walk = _walk(offers, options)
    try:
        asked = next(walk)
        for response in responses:
            asked = walk.send(response)
    except StopIteration as done:
        verdicts: Verdicts = done.value
        return verdicts
    return asked() if callable(asked) else asked


def _walk(offers: Sequence[Offer], options: AmazonOptions) -> Walk:
    body = json_body({"contentType": _CONTENT_TYPE})
    announced = Part(document((yield _post("documents", body, "createFeedDocument"))))
    sent = yield partial(_sending, announced.text("url"), offers, options)
    if sent.status != 200:  # its address has expired: begin again
        return [Deferred()] * len(offers)
    body = json_body(
        {
            "feedType": FEED_TYPE,
            "marketplaceIds": [options.marketplace_id],
            "inputFeedDocumentId": announced.text("feedDocumentId"),
        }
    )
    created = Part(document((yield _post("feeds", body, "createFeed"))))
    look = _get("feeds", created.text("feedId"), "getFeed")
    status = "IN_QUEUE"
    while status in ("IN_QUEUE", "IN_PROGRESS"):
        feed = Part(document((yield Wait(LOOK_S, look))))
        status = feed.one_of("processingStatus", _STATUSES)
    if status != "DONE" or feed.get("resultFeedDocumentId") is None:
        return [Deferred()] * len(offers)
    location = yield _get("documents", feed.text("resultFeedDocumentId"), "getFeedDocument")
    result = Part(document(location))
    report = yield Request("GET", result.text("url"))
    if report.status != 200:
        return [Deferred()] * len(offers)
    return _verdicts(offers, _unpacked(report.body, result.get("compressionAlgorithm")))


def _post(name: str, body: bytes, operation: str) -> Request:
    return Request("POST", f"{PATH}/{name}", JSON_HEADERS, body, operation)


def _get(name: str, identifier: str, operation: str) -> Request:
    url = f"{PATH}/{name}/{quote(identifier, safe='')}"
    return Request("GET", url, HEADERS, operation=operation)


def _sending(url: str, offers: Sequence[Offer], options: AmazonOptions) -> Request:
    return Request("PUT", url, {"content-type": _CONTENT_TYPE}, _feed(offers, options))


def _feed(offers: Sequence[Offer], options: AmazonOptions) -> bytes:
    header = {"sellerId": options.seller_id, "version": "2.0", "issueLocale": "en_US"}
    messages = [
        {
            "messageId": number,
            "sku": offer.item,
            "operationType": "PATCH",
            **patch_of(offer, options),
        }
        for number, offer in enumerate(offers, 1)
    ]
    return json_body({"header": header, "messages": messages})


def _unpacked(body: bytes, algorithm: Any) -> bytes:
    """The report as it was before it was packed."""
    if algorithm is None:
        return body
    if algorithm != "GZIP":
        raise Undecodable("compressionAlgorithm", algorithm, "GZIP or none")
    unpacking = zlib.decompressobj(wbits=31)  # 31: with the header of gzip
    try:
        report = unpacking.decompress(body, FILE_BYTES)
    except zlib.error as error:
        raise Undecodable("report", body[:8], "gzip") from error
    if unpacking.unconsumed_tail:
        raise Undecodable("report", f"over {FILE_BYTES} bytes", f"up to {FILE_BYTES} bytes")
    return report


def _verdicts(offers: Sequence[Offer], body: bytes) -> Verdicts:
    """A verdict for each message: those with an error are not taken, warnings do not matter."""
    report = Part(fields.mapping(fields.json_of(body, "report"), "report"), "report")
    blamed: dict[int, list[Part]] = {}
    for issue in report.optional_parts("issues"):
        if issue.get("severity") == "ERROR":
            number = fields.whole(issue.get("messageId"), issue.field("messageId"), 1, len(offers))
            blamed.setdefault(number, []).append(issue)
    return [
        rejection(blamed[number]) if number in blamed else Accepted()
        for number, _ in enumerate(offers, 1)
    ]


FEED_PATH: Final = PublishPath("feed", MESSAGES_MAX, _next)
