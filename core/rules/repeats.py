"""Remembered answers: a command with a request id, repeated, gets its first answer again.

The record stands in every shard that the reservation touches, with the sequence that the command
had there, so that the first answer can be given word for word. Scope is the reservation: the key is
a hash of reservation id and request id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ..commands import Conflict, Extend, Line, Move, Revision
from ..model import Remainder, Verb
from ..tables.effects import Section
from ..tables.table import Array
from ..tables.writing import record
from .joint_turn import Part


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """What a command was answered when it came first: a State, or the end of a hold in
    nanoseconds.
    """

    result: int
    revisions: tuple[Revision, ...]


def first_answer(
    parts: Sequence[Part], command: Extend | Move, now_ns: int
) -> FirstAnswer | Conflict | None:
    """The first answer to the command's request id, or the first field in which the command now
    differs; None for an id that is not remembered, or for none.
    """
    records = [_find(part, command, now_ns) for part in parts]
    if records[0] is None:
        return None
    if conflict := _difference(records[0], command):
        return conflict
    revisions = (
        Revision(part.shard.number, int(record["sequence"]))
        for part, record in zip(parts, records, strict=True)
        if record is not None
    )
    return FirstAnswer(int(records[0]["result"]), tuple(revisions))


def _find(part: Part, command: Extend | Move, now_ns: int) -> Array | None:
    if command.request is None:
        return None
    return part.shard.requests.find(command.request.hi, command.request.lo, now_ns)


def _difference(record: Array, command: Extend | Move) -> Conflict | None:
    first, now = _fields(record), _fields_of(command)
    for field, value in first.items():
        if value != now[field]:
            return Conflict(field, value, now[field])
    return None


def remember(parts: Sequence[Part], command: Extend | Move, result: int) -> None:
    """Record the answer in every shard that the reservation touches."""
    if command.request is None:
        return
    move = command if isinstance(command, Move) else None
    effect = (
        command.request.hi,
        command.request.lo,
        result,
        _lines_hash(move.lines) if move else 0,
        0 if isinstance(command, Move) else command.hold_ms,
        move.verb if move else Verb.EXTEND,
        move.remainder if move else 0,
        0,
    )
    for part in parts:
        record(part.shard, Section.REQUESTS, effect)


def _fields(record: Array) -> dict[str, str]:
    remainder = int(record["remainder"])
    return {
        "method": Verb(int(record["verb"])).name,
        "lines": f"{int(record['lines_hash']):016x}",
        "remainder": Remainder(remainder).name if remainder else "",
        "hold_duration": f"{int(record['hold_ms'])} ms",
    }


def _fields_of(command: Extend | Move) -> dict[str, str]:
    if isinstance(command, Extend):
        return {
            "method": Verb.EXTEND.name,
            "lines": f"{0:016x}",
            "remainder": "",
            "hold_duration": f"{command.hold_ms} ms",
        }
    return {
        "method": command.verb.name,
        "lines": f"{_lines_hash(command.lines):016x}",
        "remainder": command.remainder.name,
        "hold_duration": "0 ms",
    }


def _lines_hash(lines: Sequence[Line]) -> int:
    if not lines:
        return 0
    hasher = blake2b(digest_size=8)
    for line in lines:
        hasher.update(repr((line.sku, line.location, line.quantity)).encode())
    return int.from_bytes(hasher.digest(), "little")
