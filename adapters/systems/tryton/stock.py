"""What Tryton's books have, by location of the core and SKU: counts that know what is in flight.

A count is of an instant, and facts after it are applied again on top; so the instant must be right
to the move. Tryton reads quantities by day, not by instant, and a move bears the start of its
transaction, which others see when that ends. So a count is of `longest_transaction_s` before Tryton
answers, by the "date" of its answer, and each page asks twice: for quantities, and then for moves
that were written since then or up to that time before. A product without such moves was at rest,
and its quantity is that of then, whatever came between the two. One that moved is left to the next
round.

A round: all storage locations once; then, location by location and page by page, the two requests.
Between them the cursor holds the page's quantities.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from ...contract import Adapter, Message, Page, Poll, Request, Response, Undecodable
from ...events import CountBasis, Decoded, FactKind, StockFact
from ..negative_counts import below_zero
from .rpc import (
    LOGIN,
    Options,
    call,
    dumps,
    id_at,
    loads,
    quantity_at,
    rows,
    text_at,
    time_tag,
)


def key(message: Message) -> str:
    """The location, the product and the instant."""
    row = loads(message.body)
    parts = (text_at(row, "location"), str(id_at(row, "product")), text_at(row, "as_of"))
    return "/".join(parts)


def decode(message: Message, options: Options) -> Iterable[Decoded]:
    """The count that a message of this file's `page` holds."""
    row = loads(message.body)
    as_of = text_at(row, "as_of")
    try:
        instant = datetime.fromisoformat(as_of)
    except ValueError as failed:
        raise Undecodable("as_of", as_of, "a time") from failed
    fact = StockFact(
        source=options.source,
        id=f"count/{id_at(row, 'place')}/{id_at(row, 'product')}/{as_of}",
        kind=FactKind.COUNT,
        sku=text_at(row, "sku"),
        location=text_at(row, "location"),
        quantity=quantity_at(row, "quantity"),
        time=instant,
        basis=CountBasis.BOOKS,
    )
    return [fact if fact.quantity >= 0 else below_zero(fact, "Tryton's books have")]


def request(cursor: str, options: Options) -> Request:
    """The next of a round; see above."""
    if not cursor:
        return _storage_locations(options)
    at_work = json.loads(cursor)
    if "counted" in at_work:
        return _moved_since(at_work, options)
    _, ids = at_work["places"][0]
    domain = [["id", ">", at_work["after"]], ["type", "=", "goods"], ["code", "!=", None]]
    order = [["id", "ASC"]]
    return call(
        options,
        "product.product.search_read",
        *(domain, 0, options.page_size, order, ["code", "quantity"]),
        locations=ids,
        with_childs=False,
    )


def _storage_locations(options: Options) -> Request:
    domain = [["type", "=", "storage"]]
    return call(options, "stock.location.search_read", domain, 0, None, None, ["code", "name"])


def _moved_since(at_work: Any, options: Options) -> Request:
    _, ids = at_work["places"][0]
    margin = timedelta(seconds=options.longest_transaction_s)
    since = time_tag(datetime.fromisoformat(at_work["as_of"]) - margin)
    domain = [
        ["product", "in", [product for product, _, _ in at_work["counted"]]],
        ["state", "in", ["done", "cancelled"]],
        ["last_modified_at", ">", since],
        ["OR", ["from_location", "in", ids], ["to_location", "in", ids]],
    ]
    return call(options, "stock.move.search_read", domain, 0, None, None, ["product"])


def page(response: Response, cursor: str, options: Options) -> Page:
    """The counts of a page, once it is known which of its products were at rest."""
    if not cursor:
        return _begun(rows(response), options)
    at_work = json.loads(cursor)
    if "counted" in at_work:
        return _compared(rows(response), at_work)
    return _counted(response, at_work, options)


def _begun(found: list[dict[str, Any]], options: Options) -> Page:
    parts: dict[str, list[int]] = {location: [] for location in options.count}
    for row in found:
        name = text_at(row, "code" if row.get("code") else "name")
        location = options.part_of.get(name, name)
        if location in parts:
            parts[location].append(id_at(row, "id"))
    for location, ids in parts.items():
        if not ids:
            raise Undecodable("result", location, "a storage location that is it, or part of it")
    places = [[location, sorted(ids)] for location, ids in parts.items()]
    return Page([], json.dumps({"places": places, "after": 0}), has_more=True)


def _counted(response: Response, at_work: Any, options: Options) -> Page:
    found = rows(response)
    if not found:
        return _next_place(at_work)
    as_of = _server_time(response) - timedelta(seconds=options.longest_transaction_s)
    counted = [
        (id_at(row, "id"), text_at(row, "code"), str(quantity_at(row, "quantity"))) for row in found
    ]
    next_cursor = {**at_work, "as_of": as_of.isoformat(), "counted": counted}
    return Page([], json.dumps(next_cursor), has_more=True)


def _server_time(response: Response) -> datetime:
    date = response.headers.get("date", "")
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (TypeError, ValueError) as failed:
        raise Undecodable("header date", date, "the time of the answer") from failed


def _compared(moved: list[dict[str, Any]], at_work: Any) -> Page:
    in_motion = {id_at(row, "product") for row in moved}
    location, ids = at_work["places"][0]
    messages = [
        Message(
            dumps(
                {
                    "location": location,
                    "place": ids[0],
                    "product": product,
                    "sku": sku,
                    "quantity": {"__class__": "Decimal", "decimal": quantity},
                    "as_of": at_work["as_of"],
                }
            ),
            {"content-type": "application/json"},
        )
        for product, sku, quantity in at_work["counted"]
        if product not in in_motion
    ]
    last = at_work["counted"][-1][0]
    next_cursor = {"places": at_work["places"], "after": last}
    return Page(messages, json.dumps(next_cursor), has_more=True)


def _next_place(at_work: Any) -> Page:
    """The end of a location; after the last one, that of the round."""
    rest = at_work["places"][1:]
    if not rest:
        return Page([], "")
    return Page([], json.dumps({"places": rest, "after": 0}), has_more=True)


ADAPTER: Final = Adapter(
    name="tryton-stock",
    reads="Quantities of Tryton 8.2 by location and product, polled over JSON-RPC.",
    dedupe="the location, the product and the instant of the count",
    order="none: each count bears its instant",
    key=key,
    decode=decode,
    options=Options,
    secrets=("password",),
    login=LOGIN,
    poll=Poll(request, page),
)
