"""What mapping tables lacked, kept for the report that an operator works through."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime

from ..mapping import Unmapped
from ..mapping_report import Missing, Report
from .store import Tables


def note_unmapped(adapter: str, error: Unmapped, now: datetime) -> Callable[[Tables], None]:
    """The change that counts a name that a table lacked."""

    def change(tables: Tables) -> None:
        key = f"{adapter}\0{error.table}\0{error.name}".encode()
        report = Report.of([(error, now)])
        known = tables.unmapped.get(key)
        if known is not None:
            report += Report({(error.table, error.name): _read(known)})
        [row] = report.rows.values()
        tables.unmapped.put(key, _pack(row))

    return change


def unmapped(tables: Tables) -> Iterator[tuple[str, Missing]]:
    """Adapter and name of all that was unmapped."""
    for key, record in tables.unmapped.entries():
        yield key.partition(b"\0")[0].decode(), _read(record)


def forget_unmapped(tables: Tables, adapter: str) -> None:
    """Begin the report of an adapter anew."""
    for key in [key for key, _ in tables.unmapped.entries(f"{adapter}\0".encode())]:
        tables.unmapped.delete(key)


def _pack(row: Missing) -> bytes:
    times = row.first.isoformat(), row.last.isoformat()
    return json.dumps([row.table, row.name, row.times, *times]).encode()


def _read(record: bytes) -> Missing:
    table, name, times, first, last = json.loads(record)
    return Missing(table, name, times, datetime.fromisoformat(first), datetime.fromisoformat(last))
