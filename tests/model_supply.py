"""Inbound supply, and transfers between locations, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from holdfast.core.commands import DayView, PromiseView, StockEvent, SupplyView
from holdfast.core.ids import key_from_parts
from holdfast.core.limits import (
    NS_PER_DAY,
    QUANTITY_MAX,
    SUPPLIES_CLOSED_MAX,
    SUPPLIES_OPEN_MAX,
)
from holdfast.core.model import EventKind, EventOutcome, SourceState
from tests.model_reservations import Level, Supply


def judge_supply(name: str, event: StockEvent, level: Level) -> EventOutcome:
    """What becomes of something that is said of supply."""
    supply = find(event, level) or Supply()
    was_said = event.occur_time_ns is not None and supply.said_ns
    is_late = bool(was_said) and (event.occur_time_ns or 0) < supply.said_ns
    if event.sequence and supply.sequence and supply.source == name:
        is_late = event.sequence < supply.sequence
    if is_late:
        return EventOutcome.SUPPLY_OUTDATED
    is_open = event.quantity > supply.received
    if is_open and not supply.incoming and len(open_supplies(level)) >= SUPPLIES_OPEN_MAX:
        return EventOutcome.TOO_MANY_SUPPLIES
    return EventOutcome.APPLIED


def change_supply(name: str, event: StockEvent, level: Level, now_ns: int, sign: int = 1) -> bool:
    """Put down what is said of supply, or what has come of it; with -1, what has not come. Return
    whether that could be noted.
    """
    if event.supply is None or event.kind not in (EventKind.SUPPLY, EventKind.RECEIPT):
        return True
    if sign < 0 and not puts_back(event, level):
        return False
    supply = level.supplies.setdefault(event.supply, Supply())
    supply.changed_ns = now_ns
    if event.kind == EventKind.RECEIPT:
        supply.received = max(0, supply.received + sign * event.quantity)
    else:
        supply.announced = event.quantity
        supply.expected_ns = event.expected_ns or 0
        supply.said_ns = event.occur_time_ns or 0
        supply.sequence, supply.source = event.sequence, name
    forget_closed(level)
    return True


def forget_closed(level: Level) -> None:
    """Of what is closed at a level, keep so many."""
    closed = [name for name, each in level.supplies.items() if not each.incoming and not each.over]
    if len(closed) > SUPPLIES_CLOSED_MAX:
        del level.supplies[min(closed, key=lambda name: level.supplies[name].changed_ns)]


TRANSFERRING = (EventKind.TRANSFER_DISPATCH, EventKind.TRANSFER_ADJUSTMENT, EventKind.RECEIPT)


def is_of_transfer(event: StockEvent) -> bool:
    """Whether a fact changes a transfer."""
    return event.transfer is not None and event.kind in TRANSFERRING


def judge_transfer(event: StockEvent, level: Level, sign: int = 1) -> EventOutcome:
    """What becomes of a fact of a transfer at the level that it goes to; with -1, of its
    undoing.
    """
    assert event.transfer is not None
    known = level.supplies.get(event.transfer, Supply())
    after = transferred(event, known, sign)
    if abs(after.announced) > QUANTITY_MAX or abs(after.received) > QUANTITY_MAX:
        return EventOutcome.OUT_OF_RANGE
    opens = after.announced != after.received and not known.incoming and not known.over
    if opens and len(open_supplies(level)) >= SUPPLIES_OPEN_MAX:
        return EventOutcome.TOO_MANY_SUPPLIES
    return EventOutcome.APPLIED


def change_transfer(event: StockEvent, level: Level, now_ns: int, sign: int = 1) -> int:
    """Let a fact of a transfer count at a level; return how many units are under way then."""
    assert event.transfer is not None
    known = level.supplies.get(event.transfer, Supply())
    after = transferred(event, known, sign)
    level.supplies[event.transfer] = replace(after, changed_ns=now_ns)
    forget_closed(level)
    return after.announced - after.received


def transferred(event: StockEvent, known: Supply, sign: int) -> Supply:
    """A transfer after a fact of it."""
    units = sign * event.quantity
    if event.kind == EventKind.RECEIPT:
        return replace(known, is_transfer=True, received=known.received + units)
    expected_ns = max(known.expected_ns, event.expected_ns or 0)
    announced = known.announced + units
    return replace(known, is_transfer=True, announced=announced, expected_ns=expected_ns)


def puts_back(event: StockEvent, level: Level) -> bool:
    """Whether the undoing of a receipt changes its supply."""
    supply = find(event, level)
    if supply is None or not supply.received:
        return False
    opens = not supply.incoming and supply.announced > max(0, supply.received - event.quantity)
    return not (opens and len(open_supplies(level)) >= SUPPLIES_OPEN_MAX)


def find(event: StockEvent, level: Level) -> Supply | None:
    """The supply that an event names, if it is known."""
    assert event.supply is not None
    return level.supplies.get(event.supply)


def open_supplies(level: Level) -> list[SupplyView]:
    """What is open of what comes to a level, by date."""
    views = [
        SupplyView(
            *(named.id, named.line, each.expected_ns, each.announced, each.received),
            *(each.incoming, each.is_transfer, each.over),
        )
        for named, each in level.supplies.items()
        if each.incoming or each.over
    ]
    return sorted(views, key=lambda view: (view.expected_ns, key_of(view)))


def key_of(view: SupplyView) -> bytes:
    kind = "transfer" if view.is_transfer else "supply"
    return key_from_parts(kind, view.document, view.line).packed


def promise(
    level: Level,
    *,
    enabled: bool,
    now_ns: int,
    horizon_days: int,
    room: int,
    state: SourceState,
) -> PromiseView:
    """What may be promised of a level, now and later, where there is room for so much."""
    today = now_ns // NS_PER_DAY
    supplies = [
        each
        for each in open_supplies(level)
        if each.expected_ns // NS_PER_DAY <= today + horizon_days
    ]
    overdue = [each for each in supplies if each.expected_ns // NS_PER_DAY < today]
    on_time = [each for each in supplies[len(overdue) :] if each.incoming]
    left = level.available - level.backordered
    return PromiseView(
        level.location,
        offered(level.available, room, enabled=enabled),
        sum(each.incoming for each in overdue),
        tuple(days(on_time, left, room, enabled=enabled)),
        tuple(supplies),
        state,
    )


def days(
    supplies: list[SupplyView], available: int, room: int, *, enabled: bool
) -> Iterable[DayView]:
    """The days on which supply is expected."""
    for day, several in groupby(supplies, lambda each: each.expected_ns // NS_PER_DAY):
        incoming = sum(each.incoming for each in several)
        available += incoming
        yield DayView(day * NS_PER_DAY, incoming, offered(available, room, enabled=enabled))


def offered(available: int, room: int, *, enabled: bool) -> int:
    return min(available, room) if enabled else min(available, 0)
