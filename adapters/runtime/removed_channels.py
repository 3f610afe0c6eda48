"""Channels that were taken out of the settings while they showed something: they go on selling it,
and without an address and secrets nobody here can tell them not to.

Rules of this file: a person is told once of each removal, at the start after it. A channel that is
set again is Holdfast's again, and its case is settled.
"""

import asyncio
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final

from ..events import Exceptional
from .cases import open_case, raise_case, settle_case
from .kept_pairs import AT_ONCE
from .polls import cursor_key
from .publish_records import PairRecord, pairs
from .store import Store, StoreFull, Tables

KIND: Final = "channel_removed"

#: Purpose of the mark that a removal was reported.
_REPORTED: Final = "removed"


async def report_removed(
    store: Store, channels: Container[str], now: datetime
) -> Mapping[str, int]:
    """Open a case for each channel that is none of these and shows something; of each, how many
    items at nodes it shows. Raises StoreFailed.
    """
    with store.reading() as tables:
        kept = [*_names(tables)]
    shown = {name: await _shown(store, name) for name in kept if name not in channels}
    removed = {name: count for name, count in shown.items() if count}
    with suppress(StoreFull):  # the next start reports it
        await store.write(partial(_note, names=kept, removed=removed, now=now))
    return removed


def _names(tables: Tables) -> Iterator[str]:
    """The names of all channels of which pairs are kept."""
    last = b""
    while (first := next(tables.pairs.entries(after=last), None)) is not None:
        name = first[0].partition(b"\0")[0]
        yield name.decode()
        last = name + b"\1"


async def _shown(store: Store, name: str) -> int:
    """How many pairs of a channel may show units."""
    last: PairRecord | None = None
    count = 0
    while page := _page(store, name, last):
        count += sum(1 for pair in page if pair.record.in_doubt or pair.record.most > 0)
        last = page[-1]
        await asyncio.sleep(0)
    return count


def _page(store: Store, name: str, last: PairRecord | None) -> list[PairRecord]:
    with store.reading() as tables:
        return list(islice(pairs(tables, name, last), AT_ONCE))


def _note(tables: Tables, names: list[str], removed: Mapping[str, int], now: datetime) -> None:
    for name in names:
        mark = cursor_key(name, _REPORTED)
        if name not in removed:
            tables.cursors.delete(mark)
            if (case := open_case(tables, KIND, name)) is not None:
                settle_case(tables, case.number, "the channel is set again, or shows nothing")
        elif tables.cursors.get(mark) is None:
            tables.cursors.put(mark, b"1")
            raise_case(name, _case(name, removed[name]), now)(tables)


def _case(name: str, count: int) -> Exceptional:
    text = (
        f"it is not in the settings any more, or without its `publish`, and shows units of {count} "
        "items at its nodes, which nobody lowers as they are sold: set it again with `nodes = {}`; "
        "or settle this, if an adapter of another name shows them now"
    )
    return Exceptional(source="", id="", kind=KIND, subject=name, text=text)
