"""The exception queue: what no rule decides, for a person to settle.

Rules of this file: a case of the same kind and subject is opened once and counted after that, until
it is settled.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from ..events import Exceptional
from .records import Case, iso, pack_case, read_case
from .store import Tables


def raise_case(adapter: str, event: Exceptional, now: datetime) -> Callable[[Tables], None]:
    """The change that opens a case, or counts one of the same kind and subject that is open."""

    def change(tables: Tables) -> None:
        topic = _topic(event.kind, event.subject)
        number = tables.open_cases.get(topic)
        if number is not None and (record := tables.cases.get(number)) is not None:
            case = read_case(record)
            counted = replace(case, times=case.times + 1, text=event.text)
            tables.cases.put(number, pack_case(counted))
            return
        number = tables.next_number(b"case").to_bytes(8)
        tables.open_cases.put(topic, number)
        tables.cases.put(number, pack_case(_case(adapter, event, int.from_bytes(number), now)))

    return change


def settle_case(tables: Tables, case: Case, what: str) -> None:
    """Close a case, with what was done."""
    tables.cases.put(case.number.to_bytes(8), pack_case(replace(case, settled=what)))
    tables.open_cases.delete(_topic(case.kind, case.subject))


def cases(tables: Tables) -> Iterator[Case]:
    """All cases, oldest first."""
    return (read_case(record) for _, record in tables.cases.entries())


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
    return hashlib.blake2b(f"{kind}\0{subject}".encode(), digest_size=16).digest()
