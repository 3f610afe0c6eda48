"""The exception queue: what no rule decides, for a person to settle.

Rules of this file: a case of the same kind and subject is opened once and counted after that, until
it is settled. docs/adapters.md has the playbook of each kind.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from heapq import nlargest
from typing import Any, Final

from ..events import Event, Exceptional, OrderEvent, OrderKind, StockFact
from .facts import Dead
from .records import Case, iso, pack_case, read_case
from .store import Tables

#: Reasons of dead letters that a person has to decide about -> the kind of their case.
OF_REASON: Final = {
    "INSUFFICIENT_STOCK": "order_short",
    "EXPIRED": "late_payment",
    "RESERVATION_ENDED": "late_payment",
    "EXCEEDS_SHIPPED": "failed_return",
    "UNMAPPED": "unmapped",
}


def case_of_dead(event: Event, dead: Dead) -> Exceptional | None:
    """The case that a dead letter opens, where its reason needs a decision and not a correction."""
    kind = OF_REASON.get(dead.reason)
    is_paid = isinstance(event, OrderEvent) and event.kind in (OrderKind.PLACED, OrderKind.SETTLED)
    if kind is None or (kind == "late_payment" and not is_paid):
        return None
    return Exceptional(
        source=event.source,
        id=event.id,
        kind=kind,
        subject=_subject(event, dead),
        text=dead.text,
        correlation_id=event.correlation_id,
    )


def case_of_money(event: OrderEvent) -> Exceptional | None:
    """The case of an order whose money does not come; stock waits for what a person decides."""
    if event.kind not in (OrderKind.SETTLEMENT_FAILED, OrderKind.SETTLEMENT_DELAYED):
        return None
    amount = f" of {event.amount} {event.currency}".rstrip() if event.amount else ""
    what = "failed" if event.kind is OrderKind.SETTLEMENT_FAILED else "is late"
    why = f": {event.reason}" if event.reason else ""
    case = case_of_order(event, event.kind.value, f"the settlement{amount} {what}{why}")
    return replace(case, time=event.time)


def case_of_order(event: OrderEvent, kind: str, text: str) -> Exceptional:
    """A case of the order of an event."""
    return Exceptional(
        source=event.source,
        id=event.id,
        kind=kind,
        subject=event.order,
        text=text,
        correlation_id=event.correlation_id,
    )


def case_of_shortfall(shortfall: Any) -> Exceptional:
    """The case of a stock level at which more is promised than is there."""
    subject = f"{shortfall.sku} at {shortfall.location}"
    text = f"{shortfall.shortfall} units of {subject} are promised that are not there"
    return Exceptional(source="", id="", kind="shortfall", subject=subject, text=text)


def _subject(event: Event, dead: Dead) -> str:
    if dead.reason == "UNMAPPED":
        return f"{dead.field} {dead.value}"
    if isinstance(event, OrderEvent):
        return event.order
    if isinstance(event, StockFact) and event.reference is not None:
        return event.reference.id
    return event.id


def raise_case(adapter: str, event: Exceptional, now: datetime) -> Callable[[Tables], None]:
    """The change that opens a case, or counts one of the same kind and subject that is open."""

    def change(tables: Tables) -> None:
        if (case := open_case(tables, event.kind, event.subject)) is not None:
            _put(tables, replace(case, times=case.times + 1, text=event.text))
            return
        number = tables.next_number(b"case")
        tables.open_cases.put(_topic(event.kind, event.subject), number.to_bytes(8))
        _put(tables, _case(adapter, event, number, now))

    return change


def _put(tables: Tables, case: Case) -> None:
    tables.cases.put(case.number.to_bytes(8), pack_case(case))


def settle_case(tables: Tables, number: int, what: str) -> bool:
    """Close a case, with what was done; False when it is closed already, or gone."""
    case = case_of(tables, number)
    if case is None or case.settled:
        return False
    _put(tables, replace(case, settled=what))
    tables.open_cases.delete(_topic(case.kind, case.subject))
    return True


def reword_case(tables: Tables, number: int, text: str) -> None:
    """Say of a case that is open how it stands now."""
    if (case := case_of(tables, number)) is not None:
        _put(tables, replace(case, text=text))


def assign_case(tables: Tables, number: int, owner: str) -> bool:
    """Say who settles a case; False when it is closed already, or gone."""
    case = case_of(tables, number)
    if case is None or case.settled:
        return False
    _put(tables, replace(case, owner=owner))
    return True


def cases(tables: Tables, after: int = 0) -> Iterator[Case]:
    """All cases after a number, oldest first."""
    for _, record in tables.cases.entries(after=after.to_bytes(8) if after else b""):
        yield read_case(record)


def newest_cases(tables: Tables) -> Iterator[Case]:
    """All cases, newest first."""
    return map(read_case, tables.cases.newest())


def newest_open_cases(tables: Tables, count: int) -> list[Case]:
    """So many of the cases that are open, newest first: not by way of those that are settled."""
    numbers = nlargest(count, (number for _, number in tables.open_cases.entries()))
    return [case for number in numbers if (case := case_of(tables, int.from_bytes(number)))]


def open_case(tables: Tables, kind: str, subject: str) -> Case | None:
    """The case of a kind and subject that is open."""
    number = tables.open_cases.get(_topic(kind, subject))
    return None if number is None else case_of(tables, int.from_bytes(number))


def case_of(tables: Tables, number: int) -> Case | None:
    """The case of a number."""
    record = tables.cases.get(number.to_bytes(8))
    return None if record is None else read_case(record)


def _case(adapter: str, event: Exceptional, number: int, now: datetime) -> Case:
    return Case(
        number=number,
        adapter=adapter,
        kind=event.kind,
        subject=event.subject,
        text=event.text,
        opened=iso(now),
        correlation_id=event.correlation_id,
        details=dict(event.details),
    )


def _topic(kind: str, subject: str) -> bytes:
    return hashlib.blake2b(
        f"{kind}\0{subject}".encode(errors="surrogatepass"), digest_size=16
    ).digest()
