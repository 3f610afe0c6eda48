"""Boxes: what waits in the store, oldest first, and how much of it there is.

Rules of this file: whatever is put in or taken out is counted in the same transaction, so that a
figure is read and not counted, also by another process.
"""

from collections.abc import Container, Iterator
from typing import Final

from .records import Waiting, lane_key, lane_prefix, pack_waiting, read_waiting
from .store import Table, Tables

INBOX: Final = "inbox"
EARLY: Final = "early"
OUTBOX: Final = "outbox"
DEAD_LETTERS: Final = "dead_letters"


def put(tables: Tables, box: str, adapter: str, waiting: Waiting) -> None:
    """Put something after what waits; its number is that of `new_number`."""
    _table(tables, box).put(lane_key(adapter, waiting.number), pack_waiting(waiting))
    count(tables, box, adapter, 1)


def new_number(tables: Tables) -> int:
    """The number of what is put into a box next."""
    return tables.next_number(b"message")


def take_out(tables: Tables, box: str, adapter: str, number: int) -> None:
    """Take something out, if it is still there."""
    if _table(tables, box).delete(lane_key(adapter, number)):
        count(tables, box, adapter, -1)


def waiting(tables: Tables, box: str, adapter: str) -> Iterator[tuple[Waiting, int]]:
    """What waits, oldest first, each with the bytes that it takes."""
    for key, record in _table(tables, box).entries(lane_prefix(adapter)):
        yield read_waiting(key, record), len(record)


def count(tables: Tables, box: str, adapter: str, change: int) -> None:
    """Note that there is so much more in a box."""
    depth_now = depth(tables, box, adapter) + change
    tables.numbers.put(_key(box, adapter), depth_now.to_bytes(8))


def depth(tables: Tables, box: str, adapter: str) -> int:
    """How much is in a box."""
    return int.from_bytes(tables.numbers.get(_key(box, adapter)) or b"")


def of_others(tables: Tables, adapters: Container[str]) -> dict[str, int]:
    """What is in boxes of adapters that are none of these: nobody delivers it."""
    found: dict[str, int] = {}
    for box in (INBOX, EARLY, OUTBOX, DEAD_LETTERS):
        for key, value in tables.numbers.entries(f"{box}/".encode()):
            name = key.decode().partition("/")[2]
            if name not in adapters and int.from_bytes(value):
                found[f"{name}: {box}"] = int.from_bytes(value)
    return found


def _table(tables: Tables, box: str) -> Table:
    return tables.inbox if box == INBOX else tables.outbox


def _key(box: str, adapter: str) -> bytes:
    return f"{box}/{adapter}".encode()
