"""Faults that the engine finds, in terms of the request.

The engine counts lines after summing and knows ids as keys; a caller has to find its own indexes
and ids in the message.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from holdfast.core import commands as core

from .faults import DOMAIN, NAMED_MAX, Fault, already_exists, ambiguous, not_found, out_of_range
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
    """The status of a fault that the engine found, in terms of the request where it is given:
    the engine counts lines after summing, and knows ids as keys.
    """
    lines = _lines_of(request)
    field = _path_before_sums(outcome.field, *lines)
    match outcome:
        case core.Unknown():
            named = outcome.more[: NAMED_MAX - 1]
            more = [(_path_before_sums(name, *lines), value) for name, value in named]
            unnamed = len(outcome.more) - len(named)
            return not_found(field, outcome.value, *more, unnamed=unnamed)
        case core.Conflict():
            conflict = _without_fingerprints(replace(outcome, field=field), request)
            return already_exists(conflict, _resource_of(request))
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


#: What the engine remembers as it is of a command with a request id, and what of a location. Of all
#: else it remembers a fingerprint, which tells a caller nothing.
_REMEMBERED: Final = ("method", "remainder", "hold_duration")


def _without_fingerprints(conflict: core.Conflict, request: Any) -> core.Conflict:
    """A conflict, without what it has in place of values that the engine does not remember."""
    field = conflict.field
    if not getattr(request, "request_id", "") or field in _REMEMBERED:
        return conflict
    return conflict if field.startswith("location.") else replace(conflict, first="", now="")


def _lines_of(request: Any) -> tuple[str, list[int]]:
    """The path of a request's lines, and where the first of each is that the engine sums into one:
    it numbers distinct lines in the order in which the request first names them.
    """
    path, lines = "lines", getattr(request, "lines", ())
    if hasattr(lines, "lines"):  # a Commit and its like have them one level down
        path, lines = "lines.lines", lines.lines
    first_index: dict[tuple[str, str, str], int] = {}
    for index, line in enumerate(lines):
        first_index.setdefault((line.sku, line.location, line.line_id), index)
    return path, list(first_index.values())


def _path_before_sums(field: str, path: str, first_index: Sequence[int]) -> str:
    """A field with the engine's index of a line, counted after summing, turned into the request's.

    Summed lines stand where the first of them did.
    """
    match = re.fullmatch(r"lines\[(\d+)\](.*)", field)
    if match is None or int(match[1]) >= len(first_index):
        return field
    return f"{path}[{first_index[int(match[1])]}]{match[2]}"


def _resource_of(request: Any) -> tuple[str, str]:
    """What a request's own id stands for, and the id: a command on a reservation has one of its
    own.
    """
    for id_field, noun in (("request_id", "Request"), ("reservation_id", "Reservation")):
        if name := getattr(request, id_field, ""):
            return f"{DOMAIN}/{noun}", name
    return "", ""
