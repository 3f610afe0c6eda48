"""Moves of stock that are done, done and cancelled, or planned of purchases: facts of the core.

What a move is depends on the types of the locations that it leads from and to (goods_moves.py); a
storage location is a location of the core, or a part of one (`Options.part_of`). Each row says all
that its facts need, and they bear ids made of the move's, so that rows may come again and in any
order:

- `done`: what happened. Our own shipments come back as the goods issues that they are.
- `cancelled` after `done` (Tryton 8.2 allows that, and leaves the effective date): what happened,
  once more, and its reversal. The former is a duplicate where it was reported before, and where it
  was not, as when both happen between two polls, the reversal has something to undo.
- `draft` and `assigned` from a supplier, of a purchase, or from a transit location: supply. The
  move is the line of the supply, since Tryton splits a move that is received in part.

Units that leave for a transit location are an adjustment; the move out of it, which Tryton drafts
at once, is supply for where it leads.

Polled by `last_modified_at` (a new move has no `write_date` yet), which is the start of a
transaction, so a window before the last one is asked for again. It also changes when a move is
written later for another reason, such as a new cost price. So a move that took effect long ago is
left to the next count; and a goods issue, whose instant is part of what it says, has the time of
its shipment, which is seldom written later.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from ...contract import Adapter, Message, Page, Poll, Request, Response, Undecodable
from ...events import Decoded, Exceptional, FactKind, Ignored, Reference, Reversed, StockFact
from ..goods_moves import Movement, Place, facts_of
from ..references import parse_reference, reservation_of
from .rpc import (
    LOGIN,
    Options,
    at,
    call,
    date_at,
    dumps,
    id_at,
    loads,
    quantity_at,
    rows,
    text_at,
    time_at,
    time_tag,
)
from .shipments import OUTBOUND

FIELDS: Final = (
    *("state", "last_modified_at", "effective_date", "planned_date", "internal_quantity", "origin"),
    *("product.code", "shipment", "shipment.reference", "shipment.last_modified_at"),
    *("from_location.code", "from_location.name", "from_location.type"),
    *("to_location.code", "to_location.name", "to_location.type"),
)

#: The core remembers ids for 7 days; a move of a day before has one more, wherever its zone is.
REMEMBERED: Final = timedelta(days=5)

#: After so long a day is over in all zones, from its start in UTC on.
_DAY_ANYWHERE: Final = timedelta(days=2)

#: What units are that come from or go to a location of this type, other than by trade.
_OTHER_TYPES: Final = ("lost_found", "production", "drop", "rental")
_TYPES: Final = ("supplier", "customer", "storage", *_OTHER_TYPES)


def key(message: Message) -> str:
    """The move, its state, when it was written, and a hash of the row: its shipment may change."""
    row = loads(message.body)
    written = time_at(row, "last_modified_at").isoformat()
    digest = hashlib.blake2b(message.body, digest_size=8).hexdigest()
    return f"{id_at(row, 'id')}/{text_at(row, 'state')[:32]}/{written}/{digest}"


def decode(message: Message, options: Options) -> Iterable[Decoded]:
    """The facts of a row of stock.move."""
    move = _move(loads(message.body), options)
    if move.quantity == 0:
        return [Ignored("no_units") if _supply(move) is None else _planned(move, options)]
    match move.state:
        case "done":
            return _happened_lately(move, options)
        case "cancelled" if move.effective is not None:
            return list(_undone(move, options))
        case "draft" | "assigned" | "cancelled":
            return [_planned(move, options)]
    return [Ignored("not_planned_yet")]


@dataclass(frozen=True, slots=True)
class _Move:
    id: int
    state: str
    sku: str
    quantity: Decimal
    origin: Place
    target: Place
    written: datetime
    effective: datetime | None
    planned: datetime | None
    shipped: datetime | None
    """When its shipment was written, if it has one."""
    reference: str
    """That of its shipment."""
    document: str
    """What it is of: "purchase.line,12", "stock.shipment.internal,3", or ""."""


def _move(row: Any, options: Options) -> _Move:
    quantity = quantity_at(row, "internal_quantity")
    if quantity < 0:
        raise Undecodable("internal_quantity", quantity, "0 or more")
    return _Move(
        id=id_at(row, "id"),
        state=text_at(row, "state"),
        sku=text_at(row, "product.code"),
        quantity=quantity,
        origin=_place(row, "from_location", options),
        target=_place(row, "to_location", options),
        written=time_at(row, "last_modified_at"),
        effective=_day(row, "effective_date"),
        planned=_day(row, "planned_date"),
        shipped=_time_or_none(row, "shipment.last_modified_at"),
        reference=_text_or_none(row, "shipment.reference"),
        document=_text_or_none(row, "origin") or _text_or_none(row, "shipment"),
    )


def _place(row: Any, end: str, options: Options) -> Place:
    kind = text_at(row, f"{end}.type")
    if kind not in _TYPES:
        raise Undecodable(f"{end}.type", kind, f"one of {', '.join(_TYPES)}")
    if kind != "storage":
        return Place(kind)
    name = text_at(row, f"{end}.code" if at(row, f"{end}.code") else f"{end}.name")
    if name in options.transit:
        return Place("transit")
    return Place(kind, options.part_of.get(name, name), options.held.get(name, ""))


def _day(row: Any, name: str) -> datetime | None:
    """The start of a day in UTC: the core counts days by it."""
    day = date_at(row, name)
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _time_or_none(row: Any, name: str) -> datetime | None:
    return None if at(row, name) is None else time_at(row, name)


def _text_or_none(row: Any, name: str) -> str:
    return text_at(row, name) if at(row, name) else ""


def _happened_lately(move: _Move, options: Options) -> list[Decoded]:
    if move.effective is None:
        raise Undecodable("effective_date", None, "a day, since the move is done")
    if _is_old(move, options):
        return [Ignored("took_effect_long_ago")]
    return list(_happened(move, options))


def _is_old(move: _Move, options: Options) -> bool:
    assert move.effective is not None
    was_reported = move.effective + REMEMBERED < move.written
    return was_reported or move.effective + _DAY_ANYWHERE <= options.since


def _happened(move: _Move, options: Options) -> Iterator[Decoded]:
    """What a done move says happened."""
    movement = _movement(move, options)
    yield from facts_of(movement)
    if movement.supply is not None and move.state == "done" and move.target.type == "storage":
        yield _planned(move, options)  # no more of it is to come


def _movement(move: _Move, options: Options) -> Movement:
    return Movement(
        source=options.source,
        id=f"move/{move.id}",
        sku=move.sku,
        quantity=move.quantity,
        origin=move.origin,
        target=move.target,
        time=move.written,
        arrived=move.effective or move.written,
        reservation=reservation_of(move.reference),
        issued=move.shipped,
        supply=_supply(move),
        transfer=Reference("transfer", f"stock.move,{move.id}"),
    )


def _supply(move: _Move) -> Reference | None:
    """The supply that a move is of: its purchase, or what is on the way."""
    if move.origin.type == "transit" or move.document.startswith("purchase.line,"):
        return Reference("supply", move.document or "stock.move", str(move.id))
    return None


def _planned(move: _Move, options: Options) -> Decoded:
    """Supply that is announced, changed, or cancelled before it came."""
    supply = _supply(move)
    if supply is None or move.target.type != "storage":
        return Ignored("planned")
    quantity = Decimal(0) if move.state == "cancelled" else move.quantity
    expected = move.planned or move.effective
    if quantity and expected is None:
        text = f"Move {move.id} of {supply.id} has no planned date: its units are not announced."
        return Exceptional(
            source=options.source,
            id=f"move/{move.id}/undated",
            kind="supply_without_date",
            subject=move.sku,
            text=text,
            time=move.written,
        )
    return StockFact(
        source=options.source,
        id=f"move/{move.id}/supply/{move.written.isoformat()}",
        kind=FactKind.SUPPLY,
        sku=move.sku,
        location=move.target.location,
        quantity=quantity,
        time=move.written,
        reference=supply,
        expected_time=expected,
    )


def _undone(move: _Move, options: Options) -> Iterator[Decoded]:
    """What happened and was cancelled."""
    is_old = _is_old(move, options)
    for fact in _happened(move, options):
        if not isinstance(fact, StockFact):
            yield fact
            continue
        # The instant of a goods issue is part of what it says, and not known any more.
        if not is_old and fact.kind is not FactKind.GOODS_ISSUE:
            yield fact
        yield replace(
            fact,
            id=f"{fact.id}/cancelled",
            kind=FactKind.REVERSAL,
            reverses=Reversed(fact.id, fact.kind, move.effective if is_old else None),
            takes_promised=False,
            expected_time=None,
        )
        reference = parse_reference(move.reference)
        if fact.kind is FactKind.GOODS_ISSUE and reference is not None and not reference.change:
            # Tryton, and not Fulfill, said that they were shipped.
            yield replace(fact, id=f"{fact.id}/unshipped", kind=FactKind.SHIPMENT_REVERSAL)
    if _supply(move) is not None:
        yield _planned(move, options)


def request(cursor: str, options: Options) -> Request:
    """The moves that were written since, in the order in which they were."""
    since, after = _window(cursor, options)
    supply = ["OR", ["from_location.type", "=", "supplier"], _from_any(options.transit)]
    planned = [["state", "in", ["draft", "assigned"]], supply]
    states = ["OR", ["state", "in", ["done", "cancelled"]], planned]
    domain = [["company", "=", options.company], states, _later(since, after)]
    order = [["last_modified_at", "ASC"], ["id", "ASC"]]
    return call(
        options, "stock.move.search_read", domain, 0, options.page_size, order, list(FIELDS)
    )


def _from_any(names: Iterable[str]) -> list[Any]:
    names = list(names)
    return ["OR", ["from_location.code", "in", names], ["from_location.name", "in", names]]


def _later(since: datetime, after: tuple[datetime, int] | None) -> list[Any]:
    if after is None:
        return ["last_modified_at", ">=", time_tag(since)]
    written, move = after
    same = [["last_modified_at", "=", time_tag(written)], ["id", ">", move]]
    return ["OR", ["last_modified_at", ">", time_tag(written)], same]


def _window(cursor: str, options: Options) -> tuple[datetime, tuple[datetime, int] | None]:
    """Where a sweep begins, and after which row this page of it."""
    if not cursor:
        return options.since, None
    window = json.loads(cursor)
    since = datetime.fromisoformat(window["since"])
    if "after" not in window:
        return since, None
    return since, (datetime.fromisoformat(window["after"]), int(window["id"]))


def page(response: Response, cursor: str, options: Options) -> Page:
    """The rows, each a message. A page that is not full ends the sweep; the next one begins a
    window before the last row.
    """
    found = rows(response)
    messages = [Message(dumps(row), {"content-type": "application/json"}) for row in found]
    if not found:
        return Page(messages, _ended(cursor, options))
    last = found[-1]
    written = time_at(last, "last_modified_at")
    since = _window(cursor, options)[0].isoformat()
    next_cursor = {"since": since, "after": written.isoformat(), "id": id_at(last, "id")}
    if len(found) == options.page_size:
        return Page(messages, json.dumps(next_cursor), has_more=True)
    return Page(messages, _ended(json.dumps(next_cursor), options))


def _ended(cursor: str, options: Options) -> str:
    """Where the sweep after this one begins."""
    since, after = _window(cursor, options)
    if after is not None:
        since = max(since, after[0] - timedelta(seconds=options.longest_transaction_s))
    return json.dumps({"since": since.isoformat()})


ADAPTER: Final = Adapter(
    name="tryton",
    reads="Moves of stock of Tryton 8.2 and its purchases to come, polled over JSON-RPC.",
    dedupe="the move, its state and when it was written; in the core, the move",
    order="none: each move says what it is, and supply says when it was written",
    key=key,
    decode=decode,
    options=Options,
    secrets=("password",),
    login=LOGIN,
    poll=Poll(request, page),
    outbound=OUTBOUND,
)
