"""How messages, dead letters and cases lie in the store: a head in JSON, then bytes as they came.

Rules of this file: heads may gain fields, which older records lack. A field that gets another name
is read by both, as `_RENAMED` has them.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..contract import Message
from ..events import Event

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in an inbox."""

    number: int
    message: Message
    key: str
    correlation_id: str
    replay_of: int = 0
    """Number of the dead letter that it was."""
    attempts: int = 0
    """How often it has failed by then."""
    is_event: bool = False
    """Whether it is a canonical event and not what the partner sent."""
    delivered: Sequence[str] = ()
    """Its events that were taken when it failed in part, as `fingerprint` has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not be delivered, and why."""

    number: int
    adapter: str
    stage: str
    """Where it failed: "key", "decode", "map", "deliver", "outbound"."""
    reason: str
    """A name in capitals for programs, or the name of a defect."""
    text: str
    """A sentence for people."""
    field: str
    """What of it is wrong, in the partner's words; empty where no field is to blame."""
    value: str
    is_event: bool
    """Whether `message` is a canonical event and not what the partner sent."""
    key: str
    correlation_id: str
    failed: str
    """When, in ISO 8601."""
    message: Message
    attempts: int = 1
    others: Sequence[str] = ()
    """What else is wrong with it: the first of it."""
    delivered: Sequence[str] = ()
    """Those of its events that were taken, each as a `fingerprint`: a replay leaves them out."""
    discarded: str = ""
    """Why an operator discarded it; it is kept for the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something for a person to settle."""

    number: int
    adapter: str
    kind: str
    subject: str
    text: str
    opened: str
    correlation_id: str = ""
    owner: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    settled: str = ""
    """What was done; empty while it is open."""
    times: int = 1
    """How often it came."""


def lane_prefix(adapter: str) -> bytes:
    """What the keys of an adapter's messages begin with."""
    return adapter.encode() + b"\0"


def lane_key(adapter: str, number: int) -> bytes:
    """The key of a message."""
    return lane_prefix(adapter) + number.to_bytes(8)


def number_of(key: bytes) -> int:
    """The number in a key."""
    return int.from_bytes(key[-8:])


def pack_waiting(waiting: Waiting) -> bytes:
    """The record of a message in an inbox."""
    head: dict[str, Any] = {"key": waiting.key, "correlation_id": waiting.correlation_id}
    if waiting.replay_of or waiting.attempts:
        head |= {name: getattr(waiting, name) for name in _REPLAYED}
    return _pack(head, waiting.message)


def read_waiting(key: bytes, record: bytes) -> Waiting:
    """The message in a record."""
    head, message = _read(record)
    replayed = {name: head[name] for name in _REPLAYED if name in head}
    return Waiting(number_of(key), message, head["key"], head["correlation_id"], **replayed)


def pack_dead_letter(letter: DeadLetter) -> bytes:
    """The record of a dead letter."""
    head = {name: getattr(letter, name) for name in _LETTER_FIELDS}
    return _pack(head, letter.message)


def read_dead_letter(record: bytes) -> DeadLetter:
    """The dead letter in a record."""
    head, message = _read(record)
    return DeadLetter(**head, message=message)


def pack_case(case: Case) -> bytes:
    """The record of a case."""
    return json.dumps(asdict(case), default=str).encode()


def read_case(record: bytes) -> Case:
    """The case in a record."""
    return Case(**json.loads(record))


def fingerprint(event: Event) -> str:
    """By what an event is known again in a message that is replayed: its source and id."""
    known = f"{event.source}\0{event.id}".encode(errors="surrogatepass")
    return hashlib.blake2b(known, digest_size=8).hexdigest()


def iso(now: datetime) -> str:
    """An instant as records keep it."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds")


def _pack(head: dict[str, Any], message: Message) -> bytes:
    received = message.received
    head = head | {
        "attributes": dict(message.attributes),
        "received": None if received is None else received.astimezone(UTC).isoformat(),
    }
    text = json.dumps(head, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text + message.body


def _read(record: bytes) -> tuple[dict[str, Any], Message]:
    (length,) = _LENGTH.unpack_from(record)
    head = json.loads(record[_LENGTH.size : _LENGTH.size + length])
    head = {_RENAMED.get(name, name): value for name, value in head.items()}
    received = head.pop("received")
    message = Message(
        record[_LENGTH.size + length :],
        head.pop("attributes"),
        None if received is None else datetime.fromisoformat(received),
    )
    return head, message


#: Names of fields in records of earlier builds -> those that they have now.
_RENAMED = {"told": "delivered"}
_REPLAYED = ("replay_of", "attempts", "is_event", "delivered")
_LETTER_FIELDS = tuple(name for name in DeadLetter.__slots__ if name != "message")
