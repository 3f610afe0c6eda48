"""How levels, pairs and walks lie in the store.

Rules of this file: it packs and reads; what things mean is elsewhere. Names that may be longer than
a key of LMDB stand in the record, and the key has their hash.
"""

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Final, NamedTuple

from ..contract import Offer, Response
from ..publishing.pairs import Record
from .records import lane_prefix
from .store import Tables

_PAIR: Final = struct.Struct(">qqqq?H")
_LEVEL: Final = struct.Struct(">q?")


class LevelRecord(NamedTuple):
    """What the core reported of a level."""

    sku: str
    location: str
    available: int
    is_current: bool
    other_names: Sequence[str] = ()
    """Of the SKU, which was renamed."""
    is_for_sale: bool = True
    """Whether units can be asked for there: those of others were taken off sale. Not kept."""


class PairRecord(NamedTuple):
    """A pair, and what has to be kept of it."""

    item: str
    node: str
    record: Record


@dataclass(slots=True)
class WalkRecord:
    """A walk that has come somewhere: its path, its offers and the answers so far."""

    number: int
    path: str
    offers: list[Offer]
    responses: list[Response] = field(default_factory=list)


def put_level(tables: Tables, level: LevelRecord) -> None:
    """Keep a level."""
    names = "\0".join(level.other_names).encode()
    record = _LEVEL.pack(level.available, level.is_current) + names
    tables.levels.put(f"{level.sku}\0{level.location}".encode(), record)


def levels(tables: Tables, after: LevelRecord | None) -> Iterator[LevelRecord]:
    """Levels after one, or all."""
    begin = f"{after.sku}\0{after.location}".encode() if after else b""
    for key, record in tables.levels.entries(after=begin):
        sku, _, location = key.decode().partition("\0")
        available, is_current = _LEVEL.unpack_from(record)
        names = tuple(filter(None, record[_LEVEL.size :].decode().split("\0")))
        yield LevelRecord(sku, location, available, is_current, names)


def put_pairs(tables: Tables, adapter: str, pairs: Sequence[PairRecord]) -> None:
    """Keep pairs of a channel."""
    for item, node, record in pairs:
        names = item.encode() + node.encode()
        packed = _PAIR.pack(*record, len(item.encode()))
        tables.pairs.put(_pair_key(adapter, item, node), packed + names)


def pairs(tables: Tables, adapter: str, after: PairRecord | None = None) -> Iterator[PairRecord]:
    """Pairs of a channel after one, or all."""
    begin = _pair_key(adapter, after.item, after.node) if after else b""
    for _, record in tables.pairs.entries(lane_prefix(adapter), begin):
        *kept, length = _PAIR.unpack_from(record)
        names = record[_PAIR.size :]
        yield PairRecord(names[:length].decode(), names[length:].decode(), Record(*kept))


def put_walk(tables: Tables, adapter: str, walk: WalkRecord) -> None:
    """Keep the newest answer of a walk, and its offers with the first."""
    prefix = _walk_prefix(adapter, walk.number)
    if len(walk.responses) == 1:
        head = {"path": walk.path, "offers": [list(asdict(each).values()) for each in walk.offers]}
        tables.walks.put(prefix + (0).to_bytes(4), json.dumps(head).encode())
    newest = walk.responses[-1]
    answer = asdict(newest) | {"body": b64encode(newest.body).decode()}
    answer["headers"] = dict(newest.headers)
    tables.walks.put(prefix + len(walk.responses).to_bytes(4), json.dumps(answer).encode())


def delete_walk(tables: Tables, adapter: str, number: int) -> None:
    """Forget a walk."""
    for key in [key for key, _ in tables.walks.entries(_walk_prefix(adapter, number))]:
        tables.walks.delete(key)


def walks(tables: Tables, adapter: str) -> list[WalkRecord]:
    """All walks of a channel, each as far as its answers were kept without a gap."""
    found: list[WalkRecord] = []
    for key, record in tables.walks.entries(lane_prefix(adapter)):
        fields = json.loads(record)
        number, place = int.from_bytes(key[-12:-4]), int.from_bytes(key[-4:])
        if not place:
            offers = [Offer(*each) for each in fields["offers"]]
            found.append(WalkRecord(number, fields["path"], offers))
        elif found and found[-1].number == number and place == len(found[-1].responses) + 1:
            answer = fields | {"body": b64decode(fields["body"])}
            found[-1].responses.append(Response(**answer))
    return found


def _pair_key(adapter: str, item: str, node: str) -> bytes:
    names = f"{item}\0{node}".encode()
    return lane_prefix(adapter) + blake2b(names, digest_size=16).digest()


def _walk_prefix(adapter: str, number: int) -> bytes:
    return lane_prefix(adapter) + number.to_bytes(8)
