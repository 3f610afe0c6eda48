"""Remembered answers: a command with a request id, repeated, gets its first answer again.

The record stands in every shard that the reservation touches, with the sequence that the command
had there, so that the first answer can be given word for word. Scope is the reservation: the key is
a hash of reservation id and request id.
"""

from collections.abc import Sequence
from hashlib import blake2b

from ..commands import Conflict, Extend, Line, Move, Revision
from ..model import Remainder, Verb
from ..tables.effects import Section
from ..tables.table import Array
from ..tables.writing import record
from .joint_turn import Part


def find(parts: Sequence[Part], command: Extend | Move, now_ns: int) -> Array | None:
    """Return the record of the command's request id, if it carries one that is remembered."""
    if command.request is None:
        return None
    return parts[0].shard.requests.find(command.request.hi, command.request.lo, now_ns)


def difference(record: Array, command: Extend | Move) -> Conflict | None:
    """Return the first field in which a repeat differs from the command that was answered first."""
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


def revisions(parts: Sequence[Part], command: Extend | Move, now_ns: int) -> tuple[Revision, ...]:
    """Return the revisions of the first answer."""
    assert command.request is not None
    answer = []
    for part in parts:
        record = part.shard.requests.find(command.request.hi, command.request.lo, now_ns)
        assert record is not None
        answer.append(Revision(part.shard.number, int(record["sequence"])))
    return tuple(answer)


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
