"""Where commands and outcomes name SKUs, so that one name can be put for another in all of them.

A field is known by its name: `sku` is one, `skus` are several, and other commands and outcomes are
looked into. A fault or a difference that is about such a field has names in its values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from operator import attrgetter, is_, itemgetter
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, get_args, get_type_hints

from .batches import ResolveLevels
from .reservations import AnyReserve, Line, Move, ReserveAgainstSupply
from .shared import Conflict, InTheWay, LimitReached, OutOfRange, Unknown
from .stock import Difference

Named = TypeVar("Named")
Names: TypeAlias = Mapping[str, str]
_Put: TypeAlias = Callable[[Any, Names], Any]

_ONE: Final = ("sku", "into_sku")
_MANY: Final = "skus"

#: Of a Line: SKU, location and id.
_OF_ONE: Final = itemgetter(0, 1, 3)

#: What is said of the field that `field` names.
_ABOUT_FIELD: Final[Mapping[type, Sequence[str]]] = {
    Unknown: ("value",),
    Conflict: ("first", "now"),
    OutOfRange: ("value",),
    Difference: ("recorded", "now"),
    InTheWay: ("value",),
    LimitReached: ("value",),
}


def put_names(value: Named, names: Names) -> Named:
    """The same command or outcome with each name of a SKU that `names` has replaced; itself where
    it has none of them. Lines of a Reserve or a Move that are of one SKU then are summed.
    """
    original: Any = value
    layout = _layout_of(original.__class__)
    changes: dict[int, Any] = {}
    for at, field, put in layout.fields:
        before = getattr(original, field)
        after = put(before, names)
        if after is not before:
            changes[at] = after
    if layout.about and original.field.rpartition(".")[2] in _ONE:
        changes |= {at: _put_one(getattr(original, field), names) for at, field in layout.about}
    if not changes:
        return value
    values = list(layout.read(original))
    for at, after in changes.items():
        values[at] = after
    same: Named = layout.make(*values)
    return same


class _Layout(NamedTuple):
    """Where the objects of a class have names of SKUs."""

    fields: Sequence[tuple[int, str, _Put]]
    """Place and name of each field that has some, and how others are put in."""
    about: Sequence[tuple[int, str]]
    """The same of fields that have some where `field` says so."""
    read: Callable[[Any], Sequence[Any]]
    """All fields of an object, in their order."""
    make: Callable[..., Any]
    """An object of all fields: dataclasses.replace takes four times as long."""


@cache
def _layout_of(kind: Any) -> _Layout:
    order: tuple[str, ...] = getattr(kind, "__match_args__", getattr(kind, "_fields", ()))
    hints = get_type_hints(kind) if order else {}
    puts = [(at, field, _put_for(kind, field, hints.get(field))) for at, field in enumerate(order)]
    fields = [(at, field, put) for at, field, put in puts if put is not None]
    about = [(at, field) for at, field, _ in puts if field in _ABOUT_FIELD.get(kind, ())]
    read = _read_all(kind, order)
    has_lines = kind in (*get_args(AnyReserve), Move)
    return _Layout(fields, about, read, partial(_make_summed, kind) if has_lines else kind)


def _read_all(kind: Any, order: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    if issubclass(kind, tuple):
        return tuple
    if len(order) > 1:
        return attrgetter(*order)
    return lambda value: tuple([getattr(value, field) for field in order])


def _make_summed(kind: Any, *values: Any) -> Any:
    return _summed(kind(*values))


def _put_for(kind: type, field: str, hint: Any) -> _Put | None:
    """How other names are put into a field; None for one that has none."""
    if field in _ONE:
        return _put_one
    if field == _MANY and str in get_args(hint):
        return _put_many
    if kind is ResolveLevels:
        return _put_in_pairs
    if kind is Unknown and field == "more":
        return _put_in_what_else
    inside = _classes_in(hint)
    if any(each is kind or each in _ABOUT_FIELD or _layout_of(each).fields for each in inside):
        return _put_within
    return None


def _classes_in(hint: Any) -> list[type]:
    """The classes that a type is made of."""
    if args := get_args(hint):
        return [each for arg in args for each in _classes_in(arg)]
    return [hint] if isinstance(hint, type) else []


def _put_one(name: Any, names: Names) -> Any:
    return names.get(name, name)


def _put_many(before: tuple[str, ...], names: Names) -> tuple[str, ...]:
    return tuple([names.get(name, name) for name in before])


def _put_in_pairs(before: tuple[tuple[str, str], ...], names: Names) -> tuple[tuple[str, str], ...]:
    return tuple([(names.get(sku, sku), location) for sku, location in before])


def _put_in_what_else(before: tuple[tuple[str, str], ...], names: Names) -> Any:
    last = (field.rpartition(".")[2] for field, _ in before)
    return tuple(
        (field, names.get(value, value)) if end in _ONE else (field, value)
        for end, (field, value) in zip(last, before, strict=True)
    )


def _put_within(before: Any, names: Names) -> Any:
    if type(before) is not tuple:
        return put_names(before, names)
    after = _put_in_lines(before, names)
    return before if after is before or all(map(is_, before, after)) else after


def _put_in_lines(before: tuple[Any, ...], names: Names) -> tuple[Any, ...]:
    """`put_names` for each. There may be thousands, mostly with names in one field."""
    layout = _layout_of(before[0].__class__) if before else None
    if layout is None or layout.about or len(layout.fields) != 1:
        return tuple([put_names(each, names) for each in before])
    ((at, field, put),), after = layout.fields, list(before)
    was = _read_each(before, field)
    if not any(was):
        return before
    now: list[Any]
    if put is _put_one:
        now = list(map(names.get, was, was))
    else:
        now = [each and put(each, names) for each in was]
    for place, (old, new) in enumerate(zip(was, now, strict=True)):
        if new is not old and new != old:
            values = list(layout.read(before[place]))
            values[at] = new
            after[place] = layout.make(*values)
    return tuple(after)


def _read_each(values: tuple[Any, ...], field: str) -> list[Any]:
    """A field of many objects: in a third of the time where none of them is None."""
    try:
        return list(map(attrgetter(field), values))
    except AttributeError:
        return [getattr(each, field, None) for each in values]


def sum_lines(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines with one for each SKU, location and id."""
    if len(set(map(_OF_ONE, lines))) == len(lines):
        return tuple(lines)
    units: dict[tuple[str, str, str], int] = {}
    for line in lines:
        name = line.sku, line.location, line.line_id
        units[name] = units.get(name, 0) + line.quantity
    return tuple([Line(sku, at, total, line_id) for (sku, at, line_id), total in units.items()])


def _summed(command: Any) -> Any:
    """A Reserve or a Move with one line for each SKU, location and id. Of those that may wait for
    supply, the sum has to come by the earliest time.
    """
    if command.lines is None:
        return command
    lines = sum_lines(command.lines)
    if len(lines) == len(command.lines):
        return command
    if not isinstance(command, ReserveAgainstSupply):
        return replace(command, lines=lines)
    latest: dict[tuple[str, str, str], int | None] = {}
    for line, latest_ns in zip(command.lines, command.latest_ns, strict=True):
        name = line.sku, line.location, line.line_id
        before = latest.setdefault(name, latest_ns)
        if before is not None:
            latest[name] = None if latest_ns is None else min(before, latest_ns)
    return replace(command, lines=lines, latest_ns=tuple(latest.values()))
