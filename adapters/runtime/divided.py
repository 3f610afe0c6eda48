"""How what came of an order was divided over its reservations, for as long as keys are known.

What is still open no longer shows it once a part has been carried out. So the parts are durable
before the core hears of the first, and a repeat, a reversal or the attempt after a crash has the
same.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from ..intake.fields import ID_BYTES_MAX
from .inbox import remember
from .store import Store

#: Of each reservation the lines of the event, by place, and units of each.
Parts: TypeAlias = dict[str, list[tuple[int, int]]]


class Divided:
    """Such events of a process."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def parts(self, source: str, id: str) -> Parts:  # noqa: A002
        """The parts of an event; none where it was not divided."""
        with self._store.reading() as tables:
            kept = tables.seen.get(_key(source, id))
        parts: Parts = {} if kept is None else json.loads(kept)
        return parts

    async def note(self, source: str, id: str, parts: Parts) -> None:  # noqa: A002
        """Keep the parts of an event. Raises StoreFull, StoreFailed."""
        key, kept = _key(source, id), json.dumps(parts).encode()
        await self._store.write(lambda tables: remember(tables, key, kept, self._now()))


def part_id(id: str, name: str) -> str:  # noqa: A002
    """The id of the part of an event in a reservation: the same at every attempt."""
    whole = f"{id}/{name}"
    if len(whole.encode()) <= ID_BYTES_MAX:
        return whole
    return hashlib.blake2b(whole.encode(), digest_size=32).hexdigest()


def _key(source: str, id: str) -> bytes:  # noqa: A002
    text = f"\0divided\0{source}\0{id}"
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
