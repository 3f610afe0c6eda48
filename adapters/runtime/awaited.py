"""Reversals whose events do not come: the core lets them wait, and a person is told when that takes
too long.

A reversal that names its event wrongly waits for ever: a till that numbers the lines of a post-void
anew, a partner that has another id in its cancellation.

Rules of this file: an event that comes ends the waiting, and settles the case, whatever the core
makes of it: with other content than the reversal describes, it is recorded as usual, and the
reversal ends without effect. What is kept of a reversal is dropped with its report. One that the
core took in just before the process died is not watched: a repeat of it does not say that it waits.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

from ..events import Event, Exceptional, StockFact
from .cases import open_case, raise_case, settle_case
from .store import Store, Tables

KIND: Final = "reversal_pending"

#: How long an event may be late: tills keep what they sold while they are offline.
GRACE: Final = timedelta(hours=36)

#: Reversals that are gone through before others get their turn on the loop.
AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A reversal in the store."""

    adapter: str
    source: str
    """Of the event that it waits for, as is `id`."""
    id: str
    what: str
    """The reversal, for people."""
    due_s: float


def note_reversal(
    adapter: str, event: Event, outcome: str, now: datetime, grace: timedelta = GRACE
) -> Callable[[Tables], None] | None:
    """The change that an outcome of the core makes to what waits, if any; `grace` is how long its
    event may be late.
    """
    if not isinstance(event, StockFact) or not event.id:
        return None
    if outcome == "REVERSAL_PENDING" and (named := event.reverses) is not None:
        what = f"{event.id}, of {event.quantity} {event.sku} at {event.location}"
        due_s = (now + grace).timestamp()
        waiting = _Waiting(adapter, named.source or event.source, named.event_id, what, due_s)
        return lambda tables: _came(tables, event, waiting)
    return lambda tables: _came(tables, event)


async def report_awaited(store: Store, now: datetime) -> None:
    """Open a case for each event that a reversal waits for too long. Raises StoreFull and
    StoreFailed.
    """
    last = b""
    while page := _page(store, last):
        due = [key for key, record in page if _is_due(record, now)]
        if due:
            await store.write(partial(_report, due=due, now=now))
        last = page[-1][0]
        await asyncio.sleep(0)


def _page(store: Store, last: bytes) -> list[tuple[bytes, bytes]]:
    with store.reading() as tables:
        return list(islice(tables.awaited.entries(after=last), AT_ONCE))


def _is_due(record: bytes, now: datetime) -> bool:
    return _read(record).due_s <= now.timestamp()


def _report(tables: Tables, due: list[bytes], now: datetime) -> None:
    for key in due:
        record = tables.awaited.get(key)
        if record is not None and _is_due(record, now):  # else it came meanwhile
            waiting = _read(record)
            tables.awaited.delete(key)
            case = Exceptional(
                source=waiting.source,
                id="",
                kind=KIND,
                subject=_subject(waiting.source, waiting.id),
                text=f"did not come, and the reversal {waiting.what} waits for it",
            )
            raise_case(waiting.adapter, case, now)(tables)


def _came(tables: Tables, event: StockFact, waiting: _Waiting | None = None) -> None:
    """Note an event that came, and as a reversal may wait for another one itself."""
    if waiting is not None:
        tables.awaited.put(_key(waiting.source, waiting.id), _pack(waiting))
    tables.awaited.delete(_key(event.source, event.id))
    if (case := open_case(tables, KIND, _subject(event.source, event.id))) is not None:
        settle_case(tables, case.number, "the event came")


def _subject(source: str, event_id: str) -> str:
    return f"{source} {event_id}"


def _key(source: str, event_id: str) -> bytes:
    """A source and an id can be longer than a key."""
    named = f"{source}\0{event_id}".encode(errors="surrogatepass")
    return hashlib.blake2b(named, digest_size=16).digest()


def _pack(waiting: _Waiting) -> bytes:
    fields = [waiting.adapter, waiting.source, waiting.id, waiting.what, waiting.due_s]
    return json.dumps(fields, separators=(",", ":")).encode()


def _read(record: bytes) -> _Waiting:
    return _Waiting(*json.loads(record))
