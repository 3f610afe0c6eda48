"""What mapping tables lacked, kept for the report that an operator works through."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from ..mapping import Unmapped
from ..mapping_report import Missing, Report
from .store import Tables

#: Longest key of LMDB.
_KEY_BYTES_MAX: Final = 511


def note_unmapped(adapter: str, error: Unmapped, now: datetime) -> Callable[[Tables], None]:
    """The change that counts a name that a table lacked."""

    def change(tables: Tables) -> None:
        key = _key(adapter, error.table, error.name)
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


def _key(adapter: str, table: str, name: str) -> bytes:
    """The key of a name. One that is too long for the store stands there as a hash."""
    key = f"{adapter}\0{table}\0{name}".encode()
    if len(key) <= _KEY_BYTES_MAX:
        return key
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{adapter}\0{table}\0{digest}".encode()


def _pack(row: Missing) -> bytes:
    times = row.first.isoformat(), row.last.isoformat()
    return json.dumps([row.table, row.name, row.times, *times]).encode()


def _read(record: bytes) -> Missing:
    table, name, times, first, last = json.loads(record)
    return Missing(table, name, times, datetime.fromisoformat(first), datetime.fromisoformat(last))
