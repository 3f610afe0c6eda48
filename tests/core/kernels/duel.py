"""The kernels as Python itself would run them, and a judge who compares the two.

The plain form is the same source without the compiler, all the way down: `py_func` alone would
still call compiled helpers. Its arithmetic is Python's. What it reads from an array is an unbounded
integer, and an array refuses what does not fit, so that an overflow which compiled code would pass
over shows as a difference; and so does a place outside an array. Only hashes are meant to wrap:
they alone are numpy's unsigned numbers here, whose warning about it is turned off for that reason.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba.core.registry import CPUDispatcher

from holdfast.core import kernels
from holdfast.core.tables.table import Array

_MASK = (1 << 64) - 1

MODULES = [
    module
    for module in vars(kernels).values()
    if isinstance(module, ModuleType) and module.__name__.startswith(kernels.__name__)
]
COMPILED: dict[str, Any] = {
    name: value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, CPUDispatcher) and value.py_func.__module__ == module.__name__
}
PUBLIC = set(kernels.__all__)


def _uint64(number: Any) -> np.uint64:
    """A cast, as compiled code casts: modulo 2 ** 64."""
    return np.uint64(int(number) & _MASK)


def _int64(number: Any) -> int:
    bits = int(number) & _MASK
    return bits - (bits >> 63 << 64)


def _plain_spaces() -> list[dict[str, Any]]:
    """The names of each module, with plain functions where compiled ones were."""
    spaces = {module.__name__: dict(vars(module)) for module in MODULES}
    numpy = SimpleNamespace(uint64=_uint64, int64=_int64)
    for space in spaces.values():
        for name, value in space.items():
            if isinstance(value, CPUDispatcher):
                home = spaces[value.py_func.__module__]
                space[name] = FunctionType(value.py_func.__code__, home)
        space["np"] = numpy
    return list(spaces.values())


SPACES = _plain_spaces()


def plain(name: str) -> Any:
    """A kernel as Python itself would run it."""
    home = COMPILED[name].py_func.__module__
    return next(space for space in SPACES if space["__name__"] == home)[name]


class _Cells:
    """An array of numbers that gives and takes Python's integers."""

    __slots__ = ("_array", "_cells", "size")

    def __init__(self, array: Array) -> None:
        self._array = array
        self._cells: memoryview = array.data
        self.size = array.size

    def __getitem__(self, at: Any) -> Any:
        # Of a table with columns, a place alone is a row of it.
        is_part = isinstance(at, slice) or (self._array.ndim > 1 and not isinstance(at, tuple))
        return _Cells(self._array[at]) if is_part else self._cells[at]

    def __setitem__(self, at: Any, value: Any) -> None:
        if isinstance(at, tuple) and isinstance(at[-1], slice):
            self._array[at] = value
        else:
            self._cells[at] = value


class _Packed:
    """A column that stands at odd addresses, which a memoryview does not read."""

    __slots__ = ("_array",)

    def __init__(self, array: Array) -> None:
        self._array = array

    def __getitem__(self, at: int) -> Any:
        return self._array[at].item()

    def __setitem__(self, at: int, value: int) -> None:
        self._array[at] = value


class _Row:
    """One record of an array; its fields are the array's."""

    __slots__ = ("_at", "_columns")

    def __init__(self, columns: list[memoryview | _Packed], at: int) -> None:
        self._columns = columns
        self._at = at


class _Rows:
    """An array of records."""

    __slots__ = ("_columns", "_row", "size")

    def __init__(self, array: Array) -> None:
        names = array.dtype.names or ()
        self._columns: list[memoryview | _Packed] = [
            column.data if column.flags.aligned else _Packed(column)
            for column in (array[name] for name in names)
        ]
        self._row = _row_class(names)
        self.size = array.size

    def __getitem__(self, at: int) -> _Row:
        if not -self.size <= at < self.size:
            raise IndexError(f"row {at} of {self.size}")
        return self._row(self._columns, at)


_ROW_CLASSES: dict[tuple[str, ...], type[_Row]] = {}


def _row_class(names: tuple[str, ...]) -> type[_Row]:
    if names not in _ROW_CLASSES:
        fields = {name: _field(column) for column, name in enumerate(names)}
        _ROW_CLASSES[names] = type("_Row", (_Row,), {"__slots__": (), **fields})
    return _ROW_CLASSES[names]


def _field(column: int) -> property:
    def read(row: _Row) -> Any:
        return row._columns[column][row._at]

    def write(row: _Row, value: Any) -> None:
        row._columns[column][row._at] = value

    return property(read, write)


def _seen_by_plain(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return _alike(argument, map(_seen_by_plain, argument))
    if isinstance(argument, np.void):  # one record
        return _Rows(np.array([argument]))[0]
    if not isinstance(argument, np.ndarray):
        return int(argument)
    return _Rows(argument) if argument.dtype.names else _Cells(argument)


def _alike(like: tuple[Any, ...], members: Iterable[Any]) -> tuple[Any, ...]:
    """A tuple of the same kind, plain or named, with other members."""
    alike: tuple[Any, ...] = getattr(like, "_make", tuple)(members)
    return alike


def _copy(argument: Any) -> Any:
    """A copy, in which a view is a view of the copy of what stands before it in the tuple."""
    if isinstance(argument, tuple):
        copies: list[Any] = []
        for at, each in enumerate(argument):
            is_view = isinstance(each, np.ndarray) and at and each.base is argument[at - 1]
            copies.append(copies[-1].view(each.dtype) if is_view else _copy(each))
        return _alike(argument, copies)
    return argument.copy() if isinstance(argument, np.ndarray) else argument


def _arrays(argument: Any) -> Iterator[Array]:
    """Every array that a kernel was handed, alone or in tuples."""
    if isinstance(argument, tuple):
        for each in argument:
            yield from _arrays(each)
    elif isinstance(argument, np.ndarray):
        yield argument


class Duel:
    """Calls kernels in both forms, and counts what was compared."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.answers: dict[str, set[int]] = {}

    def note(self, name: str, codes: Array) -> None:
        """Keep which answers a batch had, so that a test can see that all occur."""
        self.answers.setdefault(name, set()).update(codes.tolist())

    @property
    def operations(self) -> int:
        """Calls, or elements of those calls that take many."""
        return self.counts.total()

    def call(self, name: str, *arguments: Any, operations: int = 1) -> Any:
        """Run a kernel compiled on the arguments and plain on copies of them; every result and
        every bit of every array has to be the same.
        """
        copies = _copy(arguments)
        compiled = COMPILED[name](*arguments)
        with np.errstate(over="ignore"):
            expected = plain(name)(*map(_seen_by_plain, copies))
        assert _integers(expected) == _integers(compiled), f"{name}{_spelt(arguments)}"
        pairs = zip(_arrays(arguments), _arrays(copies), strict=True)
        for position, (array, copy) in enumerate(pairs):
            if array.tobytes() != copy.tobytes():
                raise AssertionError(f"{name}, array {position}: {_difference(copy, array)}")
        self.counts[name] += operations
        return compiled


def _integers(result: Any) -> Any:
    """A result as integers. Compiled code that mixes signs gives a float, which is none."""
    if isinstance(result, tuple):
        return tuple(_integers(each) for each in result)
    if result is None:
        return None
    assert isinstance(result, int | np.integer | np.bool_), f"{result!r} is no integer"
    return int(result)


def _spelt(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(f"array of {a.size}" if isinstance(a, np.ndarray) else a for a in arguments)


def _difference(plain: Array, compiled: Array) -> str:
    places = np.flatnonzero((plain != compiled).reshape(len(plain), -1).any(axis=1))
    if not len(places):
        return "padding differs"
    at = int(places[0])
    return f"{len(places)} places differ, first {at}: {plain[at]} and compiled {compiled[at]}"
