"""Repeats: what came before with the same id, and whether it had the same content.

A Reserve is found by its reservation id and compared with what is stored. A command on a
reservation is found by its request id, for as long as that is remembered; the record keeps a
fingerprint of what was asked. It stands in every shard that the reservation touches, and its scope
is the reservation: the key is a hash of reservation id and request id. A DeleteSku is found in the
same way, within its SKU.

Lines are a set: their order is no content.
"""

from collections.abc import Sequence
from hashlib import blake2b

from ..commands import AnyReserve, Conflict, DeleteSku, Extend, Line, Move, UpdateSource
from ..model import Remainder, Verb
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from .joint_turn import Lines, Part

# --- Reserve ---


def lines_as_reserved(lines: Lines) -> tuple[Line, ...]:
    """The lines of a reservation with all their units, in the order of the request."""
    quantities = lines.units.sum(axis=1).tolist()
    return tuple(
        [
            Line(sku, location, quantity, line_id)
            for (sku, location, line_id), quantity in zip(lines.names, quantities, strict=True)
        ]
    )


def reserve_difference(
    first: Sequence[Line], first_hold_ms: int, first_owner: str, now: AnyReserve
) -> Conflict | None:
    """The first field in which a Reserve differs from the one that made the reservation."""
    if conflict := _lines_difference(first, now.lines):
        return conflict
    if first_hold_ms != now.hold_ms:
        return Conflict("hold_duration", f"{first_hold_ms} ms", f"{now.hold_ms} ms")
    if first_owner != now.owner:
        return Conflict("owner", first_owner, now.owner)
    return None


def _lines_difference(first: Sequence[Line], now: Sequence[Line]) -> Conflict | None:
    if len(first) != len(now):
        return Conflict("lines", str(len(first)), str(len(now)))
    known, asked = set(first), set(now)
    if known == asked:
        return None
    index, new = next((at, line) for at, line in enumerate(now) if line not in known)
    rest = [line for line in first if line not in asked]
    # What it was before: the line of the same name, or else the first line without a match.
    old = next((line for line in rest if _name(line) == _name(new)), rest[0])
    for field in ("sku", "location", "line_id", "quantity"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            return Conflict(f"lines[{index}].{field}", str(before), str(after))
    raise AssertionError("two lines that differ differ in a field")


def _name(line: Line) -> tuple[str, str, str]:
    return line.sku, line.location, line.line_id


# --- commands on a reservation ---


def is_repeat(home: Shard, command: Extend | Move, now_ns: int) -> bool | Conflict:
    """Whether the command's request id is remembered with the same content, in the first shard of
    its reservation; the first field that differs where it is not the same.
    """
    if command.request is None:
        return False
    key = command.request
    first = home.requests.find(key.hi, key.lo, now_ns)
    return first is not None and (_request_difference(first, command) or True)


def _request_difference(record: Array, command: Extend | Move) -> Conflict | None:
    first, now = _fields(record), _fields_of(command)
    for field, value in first.items():
        if value != now[field]:
            return Conflict(field, value, now[field])
    return None


def remember(parts: Sequence[Part], command: Extend | Move, result: int) -> None:
    """Record the command in every shard that the reservation touches."""
    if command.request is None:
        return
    move = command if isinstance(command, Move) else None
    effect = (
        command.request.hi,
        command.request.lo,
        result,
        _fingerprint(move.lines) if move else 0,
        0 if isinstance(command, Move) else command.hold_ms,
        move.verb if move else Verb.EXTEND,
        move.remainder if move else 0,
        0,
    )
    for part in parts:
        record(part.shard, Section.REQUESTS, effect)


# --- DeleteSku ---


def ended_sku(shard: Shard, command: DeleteSku, now_ns: int) -> int | None:
    """The number of the SKU that the command ended when it came before; None if it has not."""
    if command.request is None:
        return None
    found = shard.requests.find(command.request.hi, command.request.lo, now_ns)
    return None if found is None else int(found["result"])


def remember_ended(shard: Shard, command: DeleteSku, number: int) -> None:
    """Record that the command ended the SKU of this number."""
    if command.request is not None:
        key = command.request
        effect = (key.hi, key.lo, number, 0, 0, Verb.DELETE_SKU, 0, 0)
        record(shard, Section.REQUESTS, effect)


# --- UpdateSource ---


def updated_source(home: Shard, command: UpdateSource, now_ns: int) -> bool | Conflict:
    """Whether the command came before, within its source; or a difference."""
    if command.request is None:
        return False
    first = home.requests.find(command.request.hi, command.request.lo, now_ns)
    if first is None:
        return False
    before, now = int(first["lines_hash"]), _update_fingerprint(command)
    return before == now or Conflict("source", f"{before:016x}", f"{now:016x}")


def remember_update(home: Shard, command: UpdateSource) -> None:
    """Record the command."""
    if command.request is not None:
        key, said = command.request, _update_fingerprint(command)
        record(home, Section.REQUESTS, (key.hi, key.lo, 0, said, 0, Verb.UPDATE_SOURCE, 0, 0))


def _update_fingerprint(command: UpdateSource) -> int:
    said = [getattr(command.source, field) for field in command.fields]
    text = repr((command.fields, said)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


# --- fingerprints ---


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
        "lines": f"{_fingerprint(command.lines):016x}",
        "remainder": command.remainder.name,
        "hold_duration": "0 ms",
    }


def _fingerprint(lines: Sequence[Line] | None) -> int:
    """A hash of lines, whatever their order; 0 for all."""
    if lines is None:
        return 0
    hasher = blake2b(digest_size=8)
    for line in sorted((_name(line), line.quantity) for line in lines):
        hasher.update(repr(line).encode())
    return int.from_bytes(hasher.digest(), "little")
