"""Messages of one adapter on their way to the core: kept, known again, and taken out in order.

Rules of this file: a message is known again by its adapter and key for a stated window. One that
comes again with the same content is a duplicate, and one with other content under a known key is
reused: that one becomes a dead letter, because nobody can tell which of the two is true.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from ..contract import KEY_BYTES_MAX, Adapter, Message
from ..intake.fields import hash_of
from . import boxes
from .dead_letters import bury, letter_of
from .facts import Dead
from .records import DeadLetter, Waiting
from .store import Store, Tables

#: What has been seen is forgotten a few at a time, and faster than it comes: a message is noted
#: when it comes, and three things at most of each of its events, such as the lines of its order.
_FORGOTTEN_BY_ARRIVAL: Final = 4
_FORGOTTEN_BY_EVENT: Final = 4

#: What the core takes as a correlation id, of printable ASCII.
CORRELATION_ID_MAX: Final = 128


class Arrival(StrEnum):
    """What became of a message that came in."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REUSED = "reused"


class InboxFull(Exception):  # noqa: N818 - says what happened
    """As many messages wait as the adapter may have: the partner has to send it again later."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A message with its key and the correlation id that it came under."""

    message: Message
    key: str
    correlation_id: str


class Inbox:
    """The messages of one adapter that wait, and the keys of those that came."""

    def __init__(self, store: Store, adapter: str, depth_max: int, window_s: int) -> None:
        self._store = store
        self.adapter = adapter
        self._depth_max = depth_max
        self._window_s = window_s
        self._coming = 0
        self._room = 0
        """How many more may come before the depth is read again."""
        self.arrived = asyncio.Event()

    @property
    def depth(self) -> int:
        """How many messages wait."""
        with self._store.reading() as tables:
            return boxes.depth(tables, boxes.INBOX, self.adapter)

    async def put(self, arrivals: Sequence[Keyed], now: datetime) -> list[Arrival]:
        """Make messages durable, in this order, and say what each is.

        Raises InboxFull and StoreFull, and has kept nothing then.
        """
        return await self.put_with(len(arrivals), lambda tables: self.keep(tables, arrivals, now))

    async def put_with(
        self, count: int, change: Callable[[Tables], list[Arrival]]
    ) -> list[Arrival]:
        """The same with a change of the caller's, which keeps so many messages and more."""
        if count > self._room:
            self._look_for_room(count)
        self._room -= count
        self._coming += count  # before it waits: those who come meanwhile see it
        try:
            outcomes = await self._store.write(change)
        finally:
            self._coming -= count
        self.arrived.set()
        return outcomes

    def _look_for_room(self, count: int) -> None:
        """Read the depth, which takes 10 to 20 us of the 300 that a message costs here, and so not
        for each. Raises InboxFull.
        """
        depth = self.depth
        ahead = depth + self._coming
        # A page of a file or a poll is taken whole by an empty inbox, however small that is.
        if ahead and ahead + count > self._depth_max:
            raise InboxFull(f"{self.adapter}: {depth:,} messages wait, its most")
        self._room = self._depth_max - ahead

    def keep(self, tables: Tables, arrivals: Sequence[Keyed], now: datetime) -> list[Arrival]:
        """Put messages into a transaction of the caller's, which `put_with` makes."""
        self._forget(tables, now, _FORGOTTEN_BY_ARRIVAL * len(arrivals))
        return [self._keep(tables, each, now) for each in arrivals]

    def head(self, messages_max: int, bytes_max: int) -> list[Waiting]:
        """The oldest messages, one at least if there are any."""
        found: list[Waiting] = []
        size = 0
        with self._store.reading() as tables:
            for waiting, size_of_it in boxes.waiting(tables, boxes.INBOX, self.adapter):
                size += size_of_it
                if found and (len(found) == messages_max or size > bytes_max):
                    break
                found.append(waiting)
        return found

    def remove(self, tables: Tables, numbers: Sequence[int]) -> None:
        """Take messages out in a transaction of the caller's."""
        for number in numbers:
            boxes.take_out(tables, boxes.INBOX, self.adapter, number)

    def forget(self, tables: Tables, now: datetime, events: int) -> None:
        """Forget what has been seen too long ago, for so many events that were delivered, in a
        transaction of the caller's.
        """
        self._forget(tables, now, _FORGOTTEN_BY_EVENT * events)

    def _keep(self, tables: Tables, arrival: Keyed, now: datetime) -> Arrival:
        body = arrival.message.body
        key = _hash(self.adapter.encode() + b"\0" + arrival.key.encode(), 16)
        content = _hash(body, 8)
        known = tables.seen.get(key)
        if known is not None:
            if known == content:
                return Arrival.DUPLICATE
            other = _hash(key + content, 16)
            if tables.seen.get(other) is None:  # a partner that insists makes one dead letter
                remember(tables, other, content, now)
                bury(_reused_letter(self.adapter, arrival, now))(tables)
            return Arrival.REUSED
        remember(tables, key, content, now)
        number = boxes.new_number(tables)
        waiting = Waiting(number, arrival.message, arrival.key, arrival.correlation_id)
        boxes.put(tables, boxes.INBOX, self.adapter, waiting)
        return Arrival.STORED

    def _forget(self, tables: Tables, now: datetime, count: int) -> None:
        end = _milliseconds(now, -self._window_s)
        old: list[bytes] = []
        for key, _ in tables.seen_times.entries():
            if key[:8] >= end or len(old) == count:
                break
            old.append(key)
        for entry in old:
            time, key = entry[:8], entry[8:]
            tables.seen_times.delete(entry)
            if tables.seen_again.get(key) in (None, time):
                tables.seen_again.delete(key)
                tables.seen.delete(key)


def keyed(name: str, adapter: Adapter, message: Message) -> Keyed:
    """A message with its key. One without is kept as well, and is a dead letter later: it must not
    hold up what comes after it, and a partner would send it for days.
    """
    try:
        key = adapter.key(message)
        is_fit = 0 < len(key.encode()) <= KEY_BYTES_MAX
    except Exception:  # noqa: BLE001 - Undecodable, or a defect that decoding will meet again
        key, is_fit = "", False
    if not is_fit:
        key = f"without a key {hash_of(message)}"
    given = message.attributes.get("x-correlation-id", f"{name}/{key}")
    return Keyed(message, key, correlation_id(given))


def correlation_id(given: str) -> str:
    """A correlation id that the core takes: the given one, or a new one."""
    is_fit = 0 < len(given) <= CORRELATION_ID_MAX and given.isascii() and given.isprintable()
    return given if is_fit else str(uuid.uuid4())


def remember(tables: Tables, key: bytes, content: bytes, now: datetime) -> None:
    """Keep what a hash stands for, for as long as keys of messages are known from now on."""
    time = _milliseconds(now)
    if tables.seen.get(key) is not None:
        tables.seen_again.put(key, time)
    tables.seen.put(key, content)
    tables.seen_times.put(time + key, b"")


def order_key(kind: str, order: str) -> bytes:
    """The key of what is remembered of an order."""
    return _hash(f"\0{kind}\0{order}".encode(), 16)


def _reused_letter(adapter: str, arrival: Keyed, now: datetime) -> DeadLetter:
    """A message whose key another one had, for an operator to settle."""
    text = f"its key {arrival.key!r} came before with other content: nobody can tell which is true"
    waiting = Waiting(0, arrival.message, arrival.key, arrival.correlation_id)
    dead = Dead("KEY_REUSED", text, "key", arrival.key)
    return letter_of(adapter, waiting, arrival.message, "key", dead, now)


def _hash(content: bytes, size: int) -> bytes:
    return hashlib.blake2b(content, digest_size=size).digest()


def _milliseconds(now: datetime, add_s: int = 0) -> bytes:
    # A machine without its battery begins in 1970, before which there is no window.
    return max(0, int((now.timestamp() + add_s) * 1_000)).to_bytes(8)
