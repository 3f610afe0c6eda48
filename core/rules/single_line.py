"""Single-line Reserves of one shard, a run of them decided by one call of a kernel.

A turn under load has dozens of them, and a call into compiled code costs about as much as the
Reserve itself. Those that need more than a code for an answer (an id seen before, an unknown name)
go to reservations.py, one by one and in their place in the run.
"""

from collections.abc import Sequence
from typing import TypeAlias, cast

import numpy as np

from ..commands import Command, Conflict, Refusal, Reserve, ReserveOutcome, Revision, Unknown
from ..commands.naming import Names, put_names
from ..kernels.codes import ACCEPTED, RESERVATION_ENDED
from ..limits import NS_PER_MS
from ..model import State
from ..tables.effects import Section
from ..tables.layouts import OPERATION
from ..tables.shard import Shard
from ..tables.writing import record_correlations, reserve_batch
from ..work import LINE_RESERVED, RESERVE_ASKED
from .joint_turn import line_operation, text_flags, write_texts
from .reservations import REFUSALS, Reservations, refused_line


def takes(command: Command) -> bool:
    """Whether a command is a single-line Reserve."""
    return type(command) is Reserve and len(command.lines) == 1


def is_as_named(command: Command, names: Names) -> bool:
    """Whether it is a single-line Reserve whose SKU is not renamed by `names`. Most are, and to
    rename them all would cost as much again as the Reserve.
    """
    return takes(command) and cast(Reserve, command).lines[0].sku not in names


def skus_of(commands: Sequence[Reserve]) -> list[str]:
    """The SKUs of single-line Reserves."""
    return [command.lines[0].sku for command in commands]


Outcomes: TypeAlias = list[ReserveOutcome | Conflict | Unknown]


def renamed(commands: Sequence[Reserve], outcomes: Outcomes, names: Names) -> Outcomes:
    """The outcomes of single-line Reserves with SKUs renamed by `names`. An outcome that is not a
    fault names one SKU, that of its command.
    """
    skus = skus_of(commands)
    if names.keys().isdisjoint(skus) and set(map(type, outcomes)) == {ReserveOutcome}:
        return outcomes
    return [
        outcome
        if type(outcome) is ReserveOutcome and sku not in names
        else put_names(outcome, names)
        for sku, outcome in zip(skus, outcomes, strict=False)
    ]


def reserve_run(
    reservations: Reservations,
    shard: Shard,
    commands: Sequence[Reserve],
    correlations: Sequence[str],
    now_ns: int,
) -> Outcomes:
    """The outcomes of a run of single-line Reserves of one shard, in order, as many as the turn has
    time for. The journal notes their correlation ids, if they have one.
    """
    if not any(correlations):
        return _reserve_run(reservations, shard, commands, now_ns)
    first = shard.effects.written()[Section.RESERVATIONS]
    outcomes = _reserve_run(reservations, shard, commands, now_ns)
    asked = zip(correlations, outcomes, strict=False)
    made = [each for each, outcome in asked if _is_made(outcome)]
    assert first + len(made) == shard.effects.written()[Section.RESERVATIONS]
    record_correlations(shard, Section.RESERVATIONS, first, made)
    return outcomes


def _is_made(outcome: ReserveOutcome | Conflict | Unknown) -> bool:
    """Whether a Reserve has made a reservation."""
    return isinstance(outcome, ReserveOutcome) and not (outcome.refusal or outcome.is_repeat)


def _reserve_run(
    reservations: Reservations, shard: Shard, commands: Sequence[Reserve], now_ns: int
) -> Outcomes:
    work = reservations.work
    operations = np.array([_operation(shard, command) for command in commands], OPERATION)
    codes = np.zeros(len(operations), np.uint8)  # PENDING
    available = np.zeros(len(operations), np.int64)
    outcomes: Outcomes = []
    while (start := len(outcomes)) < len(commands) and not work.is_over:
        rest = slice(start, None)
        seen = reserve_batch(
            shard,
            operations[rest],
            len(commands) - start,
            codes[rest],
            available[rest],
            stop=True,
        )
        work.spend(seen * LINE_RESERVED)
        run = slice(start, start + seen)
        # The kernel has written the whole run by now: all its outcomes rest on the same entry.
        revisions = (shard.revision_now(),)
        answers = zip(commands[run], codes[run].tolist(), available[run].tolist(), strict=True)
        for command, code, left in answers:
            if code == ACCEPTED:
                outcomes.append(_accept(shard, command, left, now_ns, revisions))
            elif code in REFUSALS and code != RESERVATION_ENDED:
                outcomes.append(_refuse(command, code, left, revisions))
            else:
                work.spend(RESERVE_ASKED)
                outcomes.append(reservations.reserve(command, now_ns))
    return outcomes


def _refuse(
    command: Reserve, code: int, available: int, revisions: tuple[Revision, ...]
) -> ReserveOutcome:
    refusal = Refusal(REFUSALS[code], (refused_line(command.lines[0], available),))
    return ReserveOutcome(refusal, None, 0, (), revisions)


def _accept(
    shard: Shard, command: Reserve, number: int, now_ns: int, revisions: tuple[Revision, ...]
) -> ReserveOutcome:
    lines = command.lines
    write_texts(shard, number, command, lines if lines[0].line_id else ())
    expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
    return ReserveOutcome(None, State.HELD, expires_at_ns, lines, revisions)


def _operation(shard: Shard, command: Reserve) -> tuple[int, ...]:
    line = command.lines[0]
    row = shard.find_row(line.sku, line.location)
    return line_operation(command, line, shard, row, text_flags(command))
