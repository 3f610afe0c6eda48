"""Feeds of a twin of Amazon: documents at presigned addresses, and what is done with them later.

Sources: feeds_2021-06-30.json and listings-feed-schema-v2.json. An address lives for five minutes,
and is refused with headers that were not signed, as S3 refuses them.
"""

import gzip
import json
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from .amazon_documents import processing_report
from .amazon_shelf import Shelf
from .faults import Schedule

ADDRESS_S: Final = 300.0
MESSAGES_MAX: Final = 25_000

#: Bytes from which on a report is packed.
PACKED_BYTES: Final = 2_000


@dataclass(slots=True)
class FeedDocument:
    """A document and its address."""

    id: str
    content_type: str
    until: float
    body: bytes | None = None
    is_packed: bool = False


@dataclass(slots=True)
class Feed:
    """A feed on its way."""

    id: str
    document: FeedDocument
    created: float
    status: str = "IN_QUEUE"
    result: str = ""


class Feeds:
    """Documents and feeds. A feed is looked at `feed_s` after it came."""

    def __init__(self, shelf: Shelf, schedule: Schedule, seller: str, feed_s: float) -> None:
        self._shelf = shelf
        self._schedule = schedule
        self._seller = seller
        self._feed_s = feed_s
        self._numbers = count(1)
        self.documents: dict[str, FeedDocument] = {}
        self.feeds: dict[str, Feed] = {}

    def announce(self, content_type: str) -> FeedDocument:
        """A document that is to be sent."""
        until = self._shelf.clock() + ADDRESS_S
        document = FeedDocument(f"amzn1.tortuga.4.{next(self._numbers)}", content_type, until)
        self.documents[document.id] = document
        return document

    def open_for(self, identifier: str, content_type: str) -> FeedDocument | None:
        """The document that may be sent there now, if any."""
        document = self.documents.get(identifier)
        is_open = document is not None and self._shelf.clock() < document.until
        return document if is_open and document and document.content_type == content_type else None

    def create(self, document: FeedDocument) -> Feed:
        """Take a feed, to work on it later."""
        feed = Feed(f"{next(self._numbers) + 10**10}", document, self._shelf.clock())
        self.feeds[feed.id] = feed
        self._shelf.after(self._feed_s / 2, lambda: self._begin(feed))
        self._shelf.after(self._feed_s, lambda: self._finish(feed))
        return feed

    def _begin(self, feed: Feed) -> None:
        feed.status = "IN_PROGRESS"

    def _finish(self, feed: Feed) -> None:
        if self._schedule.is_item_put_off():
            feed.status = "FATAL"
            return
        messages = _messages(feed.document.body or b"", self._seller)
        if messages is None:
            feed.status = "FATAL"
            return
        issues = [issue for message in messages for issue in self._carry_out(message)]
        body = processing_report(self._seller, feed.id, len(messages), issues)
        result = self.announce("application/json")
        result.is_packed = len(body) >= PACKED_BYTES
        result.body = gzip.compress(body, mtime=0) if result.is_packed else body
        feed.result, feed.status = result.id, "DONE"

    def _carry_out(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Show what a message says; the errors that it has."""
        problem = problem_of(self._shelf, message["sku"], message["patches"])
        if problem is not None:
            return [{"messageId": message["messageId"], "sku": message["sku"], **problem}]
        for node, quantity in quantities(message["patches"]):
            self._shelf.show(message["sku"], node, quantity)
        return []


def _messages(body: bytes, seller: str) -> list[dict[str, Any]] | None:
    """The messages of a feed; None where it is no feed of the seller."""
    try:
        document = json.loads(body)
        messages: list[dict[str, Any]] = document["messages"]
        is_ours = document["header"]["sellerId"] == seller
    except (ValueError, KeyError, TypeError):
        return None
    return messages if is_ours and 0 < len(messages) <= MESSAGES_MAX else None


def quantities(patches: Any) -> list[tuple[str, int]]:
    """Nodes and quantities of patches. Raises KeyError, TypeError and ValueError."""
    found = []
    for patch in patches:
        if (patch["op"], patch["path"]) != ("merge", "/attributes/fulfillment_availability"):
            raise ValueError(patch)
        found += [(str(v["fulfillment_channel_code"]), v["quantity"]) for v in patch["value"]]
    return found


def problem_of(shelf: Shelf, sku: str, patches: Any) -> dict[str, Any] | None:
    """What is wrong with patches of a listing, as an issue."""
    listing = shelf.listings.get(sku)
    if listing is None:
        return _issue("13013", f"This SKU does not exist in the Amazon catalog: {sku}", "sku")
    if listing.is_blocked:
        return _issue("18299", "This listing cannot be changed.", "")
    try:
        wrong = [each for each in quantities(patches) if type(each[1]) is not int or each[1] < 0]
    except (KeyError, TypeError, ValueError):
        return _issue("4000001", "The provided patches are invalid.", "fulfillment_availability")
    if wrong:
        return _issue("99022", f"The quantity {wrong[0][1]} is invalid.", "quantity")
    return None


def _issue(code: str, message: str, attribute: str) -> dict[str, Any]:
    named = {"attributeName": attribute} if attribute else {}
    return {"code": code, "severity": "ERROR", "message": message, **named}
