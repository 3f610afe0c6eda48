"""Work as it is seen from outside: what a turn runs, counted without a clock.

Python is watched through its tracer: each line that runs (once more for each round of a loop or a
comprehension), each call, and the elements of every array and list that is handed to a function or
comes back from one, which stand for the loops of kernels and of C. What the core declares
(core/work.py) plays no part in it.

The three costs are the least-squares fit of the processor time of 2,312 turns of all commands, of
one to 2,000 lines each, without the tracer, on the machine of docs/adr/0025; how well it fits is
stated there.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any, Final

import numpy as np

#: Microseconds of a line of Python, of a call, of an element.
LINE: Final = 0.1
CALL: Final = 0.1
ELEMENT: Final = 0.002

#: Arrays longer than this are tables, or room for the longest answer: what is done with them is
#: done with indexes into them.
TABLE_MIN: Final = 90_000


@dataclass(slots=True)
class Seen:
    """What ran while it watched."""

    lines: int = 0
    calls: int = 0
    elements: int = 0

    @property
    def units(self) -> float:
        """The work, in the microseconds that core/work.py counts in."""
        return self.lines * LINE + self.calls * CALL + self.elements * ELEMENT

    def watch(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function, and count what it runs."""
        former = sys.gettrace()
        sys.settrace(self._enter)
        try:
            return function(*arguments)
        finally:
            sys.settrace(former)

    def _enter(self, frame: FrameType, _event: str, _value: Any) -> Callable[..., Any]:
        self.calls += 1
        if not frame.f_code.co_flags & CO_GENERATOR:  # which is entered once for each of its values
            self.elements += sum(map(_length, frame.f_locals.values()))
        return self._step

    def _step(self, _frame: FrameType, event: str, value: Any) -> Callable[..., Any]:
        if event == "line":
            self.lines += 1
        elif event == "return":
            self.elements += _length(value)
        return self._step


def _length(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return value.size if value.size < TABLE_MIN else 0
    return len(value) if isinstance(value, list | tuple) else 0
