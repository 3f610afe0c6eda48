"""Repeats: what came before with the same id, and whether it had the same content.

A Reserve is found by its reservation id and compared with what is stored. A command on a
reservation is found by its request id, for as long as that is remembered; the record keeps a
fingerprint of what was asked. It stands in every shard that the reservation touches, and its scope
is the reservation: the key is a hash of reservation id and request id. What operators decide on a
reservation, a SKU or a source is found in the same way.

Lines are a set: their order is no content.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import product
from typing import TypeAlias

from ..commands import (
    AnyReserve,
    Conflict,
    DeleteSku,
    Extend,
    ForceRelease,
    Line,
    MergeSku,
    Move,
    RenameSku,
    SettleSku,
)
from ..ids import Key, sku_request_key
from ..model import Remainder, Verb
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from .homes import Homes
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
    first = (int(record[name]) for name in ("verb", "lines_hash", "remainder", "hold_ms"))
    for (field, spell), before, now in zip(_SPELT.items(), first, _content(command), strict=True):
        if before != now:
            return Conflict(field, spell(before), spell(now))
    return None


def remember(parts: Sequence[Part], command: Extend | Move, result: int) -> None:
    """Record the command in every shard that the reservation touches."""
    if command.request is None:
        return
    verb, lines_hash, remainder, hold_ms = _content(command)
    request = command.request.hi, command.request.lo
    for part in parts:
        effect = (*request, result, lines_hash, hold_ms, verb, remainder, 0)
        record(part.shard, Section.REQUESTS, effect)


# --- what operators decide ---

#: What a command says, by the fields of its request.
Said: TypeAlias = Mapping[str, object]


def first_result(
    home: Shard, request: Key | None, verb: Verb, said: Said, now_ns: int
) -> int | Conflict | None:
    """What a command came to when it came before; None if it did not, or the first field that
    differs when another came under its id.
    """
    first = None if request is None else home.requests.find(request.hi, request.lo, now_ns)
    if first is None:
        return None
    if first["verb"] != verb:
        return Conflict("method", Verb(int(first["verb"])).name, verb.name)
    fingerprints = _said_bits(int(first["lines_hash"]), said), _said_bits(_said_hash(said), said)
    for field, before, now in zip(said, *fingerprints, strict=True):
        if before != now:
            return Conflict(field, f"{before:x}", f"{now:x}")
    return int(first["result"])


def remember_result(home: Shard, request: Key | None, verb: Verb, said: Said, result: int) -> None:
    """Record what a command came to that has an id."""
    if request is not None:
        effect = (request.hi, request.lo, result, _said_hash(said), 0, verb, 0, 0)
        record(home, Section.REQUESTS, effect)


#: What may have an id that counts within its SKU.
OnSku: TypeAlias = DeleteSku | MergeSku | RenameSku | SettleSku


def first_on_sku(
    homes: Homes, command: OnSku, verb: Verb, said: Said, now_ns: int
) -> tuple[Shard, int] | Conflict | None:
    """As `first_result`, with the shard that remembers it. A SKU of the name that was asked for may
    have been merged since, so the shards of all its names are asked.
    """
    names = homes.sku_names.all_of(command.sku)
    shards = [homes.shards[number] for number in dict.fromkeys(map(homes.of_name, names))]
    for request, shard in product(_keys_on_sku(command), shards):
        first = first_result(shard, request, verb, said, now_ns)
        if first is not None:
            return first if isinstance(first, Conflict) else (shard, first)
    return None


def remember_on_sku(home: Shard, command: OnSku, verb: Verb, said: Said, result: int) -> None:
    """Record what a command on a SKU came to that has an id."""
    for request in _keys_on_sku(command):
        remember_result(home, request, verb, said, result)


def _keys_on_sku(command: OnSku) -> Iterable[Key]:
    """Its id under the name that was asked for, by which a retry is known whatever becomes of the
    name; and under the SKU's first name, by which a retry under another one is known.
    """
    request = command.request
    if request is None:
        return ()
    assert request.text is not None, request
    return dict.fromkeys((request, sku_request_key(command.sku, request.text)))


def forced_before(
    home: Shard, command: ForceRelease, now_ns: int
) -> tuple[int, int] | Conflict | None:
    """Units that a ForceRelease released, and cancelled, when it came before; as first_result."""
    said, results = {"reason": command.reason, "actor": command.actor}, []
    for request in _keys_of(command.request):
        result = first_result(home, request, Verb.FORCE_RELEASE, said, now_ns)
        if result is None or isinstance(result, Conflict):
            return result
        results.append(result)
    released, cancelled = results
    return released, cancelled


def remember_forced(home: Shard, command: ForceRelease, released: int, cancelled: int) -> None:
    """Record what a ForceRelease came to that has an id."""
    said = {"reason": command.reason, "actor": command.actor}
    for request, units in zip(_keys_of(command.request), (released, cancelled), strict=True):
        remember_result(home, request, Verb.FORCE_RELEASE, said, units)


def _keys_of(request: Key | None) -> tuple[Key | None, Key | None]:
    """A record has room for one result, so that two are under keys that differ in a bit."""
    return request, request and request._replace(lo=request.lo ^ 1)


def _said_hash(said: Said) -> int:
    """A hash of as many bits for each field, the first in the lowest."""
    hashed, bits = 0, _bits_each(said)
    for at, value in enumerate(said.values()):
        digest = blake2b(repr(value).encode(), digest_size=8).digest()
        hashed |= (int.from_bytes(digest, "little") & ((1 << bits) - 1)) << at * bits
    return hashed


def _said_bits(hashed: int, said: Said) -> Iterator[int]:
    """What of a hash is of each field."""
    bits = _bits_each(said)
    return (hashed >> at * bits & ((1 << bits) - 1) for at in range(len(said)))


def _bits_each(said: Said) -> int:
    return 64 // max(1, len(said))


# --- fingerprints ---


#: How a Conflict spells what a command asked for, in the order of `_content`.
_SPELT: Mapping[str, Callable[[int], str]] = {
    "method": lambda verb: Verb(verb).name,
    "lines": lambda lines_hash: f"{lines_hash:016x}",
    "remainder": lambda remainder: Remainder(remainder).name if remainder else "",
    "hold_duration": lambda hold_ms: f"{hold_ms} ms",
}


def _content(command: Extend | Move) -> tuple[int, int, int, int]:
    """Verb, hash of the lines, remainder and hold of a command, as they are remembered."""
    if isinstance(command, Extend):
        return Verb.EXTEND, 0, 0, command.hold_ms
    return command.verb, _fingerprint(command.lines), command.remainder, 0


def _fingerprint(lines: Sequence[Line] | None) -> int:
    """A hash of lines, whatever their order; 0 for all."""
    if lines is None:
        return 0
    hasher = blake2b(digest_size=8)
    for line in sorted((_name(line), line.quantity) for line in lines):
        hasher.update(repr(line).encode())
    return int.from_bytes(hasher.digest(), "little")
