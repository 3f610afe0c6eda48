"""Square's inventory history, asked for page by page: adjustments and physical counts.

Sources: BatchRetrieveInventoryChanges of Square's OpenAPI file (square/connect-api-specification,
5733f66), which filters by when a change was calculated, sorts by when it occurred, and leaves
transfers out; "Pagination" (developer.squareup.com) for the cursor, which goes with the same
request; Square's developer forum (topic 2950) for its end after 15 minutes, with a 400. Not run
against Square.

A sweep asks for what came after the sweep before it, less an overlap: what comes again is known by
its content. A sweep whose cursor has ended begins again.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Adapter, Message, Page, Poll, Refused, Request, Response, Undecodable
from ..events import Decoded
from ..intake import fields
from ..intake.zones import InstantText
from .square import CHANGES, changes_of

#: Changes of a page: Square's own bound.
PAGE: Final = 1_000

_PATH: Final = "/v2/inventory/changes/batch-retrieve"
_PARTS: Final = ("adjustment", "physical_count", "transfer")


class SquareChangesOptions(BaseModel):
    """Which changes are asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: InstantText
    """Changes after this time are asked for at first."""
    our_references: str = ""
    """What reference_ids begin with that we write into Square; those changes are echoes."""
    overlap_s: Annotated[int, Field(ge=0, le=86_400)] = 300
    """How long a change may take until Square lists it."""


class Cursor(BaseModel):
    """How far the sweeps have come."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: str
    newest: str = ""
    page: str = ""
    """Square's own cursor; empty at the first page of a sweep."""


def credentials(_options: Any, secrets: Mapping[str, str]) -> Mapping[str, str]:
    """The header of an application's access token."""
    return {"Authorization": f"Bearer {secrets['access_token']}"}


def request(cursor: str, options: SquareChangesOptions) -> Request:
    """The request for the next page."""
    at = _cursor(cursor, options)
    wanted = {"updated_after": at.since, "limit": PAGE, **({"cursor": at.page} if at.page else {})}
    return Request("POST", _PATH, {"Content-Type": "application/json"}, json.dumps(wanted).encode())


def page(response: Response, cursor: str, options: SquareChangesOptions) -> Page:
    """The changes of a page, each a message. Raises `Refused`, `Undecodable`."""
    at = _cursor(cursor, options)
    if response.status == 400 and at.page:
        return Page((), Cursor(since=at.since).model_dump_json())
    if response.status != 200:
        raise Refused(f"Square answers {response.status}: {response.body[:200]!r}")
    document = fields.mapping(fields.json_of(response.body), "body")
    changes = fields.array(document.get(CHANGES) or [], CHANGES, PAGE)
    newest = max([fields.instant(at.newest or at.since, "since"), *_times(changes)])
    messages = [Message(json.dumps({CHANGES: [change]}).encode()) for change in changes]
    following = fields.any_text(document.get("cursor") or "", "cursor")
    if following and following == at.page:
        raise Undecodable("cursor", following, "another one than that of the page before")
    if following:
        next_cursor = Cursor(since=at.since, newest=newest.isoformat(), page=following)
        return Page(messages, next_cursor.model_dump_json(), has_more=True)
    begin = newest - timedelta(seconds=options.overlap_s)
    since = max(begin, fields.instant(at.since, "since"))
    return Page(messages, Cursor(since=since.isoformat()).model_dump_json())


def decode(message: Message, options: SquareChangesOptions) -> Iterator[Decoded | Undecodable]:
    """What the changes of a message are."""
    document = fields.mapping(fields.json_of(message.body), "body")
    return changes_of(document, options.our_references)


def _cursor(cursor: str, options: SquareChangesOptions) -> Cursor:
    return Cursor.model_validate_json(cursor) if cursor else Cursor(since=options.since)


def _times(changes: list[Any]) -> Iterator[datetime]:
    """When changes were recorded. One that does not say becomes a dead letter, if it is wrong."""
    for change in changes:
        for name in _PARTS:
            with suppress(Undecodable):
                part = fields.mapping(fields.mapping(change, CHANGES).get(name), name)
                yield fields.instant(part.get("created_at"), "created_at")


ADAPTER: Final = Adapter(
    name="square-changes",
    reads="Adjustments and physical counts of Square's inventory history, polled.",
    dedupe="id of a change",
    order="occurred_at",
    key=fields.hash_of,
    decode=decode,
    options=SquareChangesOptions,
    secrets=("access_token",),
    credentials=credentials,
    poll=Poll(request, page),
)
