"""Faults that the engine finds, told in terms of the request.

The engine counts lines after summing and knows ids as keys; a caller has to find its own indexes
and ids in what it is told.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

from holdfast.core import commands as core

from .faults import DOMAIN, Fault, already_exists, ambiguous, not_found, out_of_range
from .sku_faults import limit_reached, merge_blocked, name_taken

FaultOutcome: TypeAlias = (
    core.Unknown
    | core.Conflict
    | core.Ambiguous
    | core.OutOfRange
    | core.NameTaken
    | core.LimitReached
    | core.InTheWay
)


def fault_from_outcome(outcome: FaultOutcome, request: Any = None) -> Fault:
    """The status of a fault that the engine found, told in terms of the request where it is given:
    the engine counts lines after summing, and knows ids as keys.
    """
    path, names = _lines_of(request)
    field = _path_before_sums(outcome.field, path, names)
    match outcome:
        case core.Unknown():
            more = [(_path_before_sums(e.field, path, names), e.value) for e in outcome.more]
            return not_found(field, outcome.value, *more)
        case core.Conflict():
            return already_exists(replace(outcome, field=field), _resource_of(request))
        case core.Ambiguous():
            return ambiguous(field, outcome)
        case core.OutOfRange():
            return out_of_range(replace(outcome, field=field))
        case core.NameTaken():
            return name_taken(outcome)
        case core.LimitReached():
            return limit_reached(outcome)
        case core.InTheWay():
            return merge_blocked(outcome)


def _lines_of(request: Any) -> tuple[str, list[tuple[str, str, str]]]:
    """The path of a request's lines, and their names."""
    path, lines = "lines", getattr(request, "lines", ())
    if hasattr(lines, "lines"):  # a Commit and its like have them one level down
        path, lines = "lines.lines", lines.lines
    return path, [(line.sku, line.location, line.line_id) for line in lines]


def _path_before_sums(field: str, path: str, names: Iterable[tuple[str, str, str]]) -> str:
    """A field with the engine's index of a line, counted after summing, turned into the request's.

    `names` are those of the request's lines. Summed lines stand where the first of them did.
    """
    match = re.fullmatch(r"lines\[(\d+)\](.*)", field)
    if match is None:
        return field
    # The engine numbers distinct lines in the order in which the request first names them.
    first_index: dict[tuple[str, str, str], int] = {}
    for index, name in enumerate(names):
        first_index.setdefault(name, index)
    for index in islice(first_index.values(), int(match[1]), None):
        return f"{path}[{index}]{match[2]}"
    return field


def _resource_of(request: Any) -> tuple[str, str]:
    """What a request's own id stands for, and the id: a command on a reservation has one of its
    own.
    """
    for id_field, noun in (("request_id", "Request"), ("reservation_id", "Reservation")):
        if name := getattr(request, id_field, ""):
            return f"{DOMAIN}/{noun}", name
    return "", ""
