"""Where a command is cut makes no difference: over many turns it does what it does in one."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pytest

from bench.harness.nasty_commands import KINDS, Nasty
from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    AvailabilitiesView,
    Command,
    GetReservation,
    Line,
    Reserve,
    Revision,
)
from holdfast.core.ids import key_from_text
from holdfast.core.limits import LINES_MAX, NS_PER_S
from holdfast.core.model import State
from holdfast.core.node import Node
from holdfast.core.tables.effects import Entry
from holdfast.core.tables.state_bytes import columns
from tests.core.engine import Ticket

#: Units of work: a turn that takes every command whole, and one that stops at every chance.
WHOLE, SHORT = 10**9, 1

NOW_NS = 1

SHARDS = 4


@cache
def opening() -> list[Entry]:
    """Entries of locations and stock, which every node here begins with."""
    node = Node(SHARDS, mailbox_capacity=10**9)
    entries: list[Entry] = []
    for command in Nasty(Random(0), node).opening():
        node.post(command, Ticket(command))
        has_more = True
        while has_more:
            turn = node.turn(NOW_NS)
            entries += turn.entries
            has_more = turn.has_more
    return entries


class Desk:
    """A node whose turns do so much work, and a hostile caller."""

    def __init__(self, seed: str, turn_work_max: int) -> None:
        self.node = Node(SHARDS, mailbox_capacity=10**9, turn_work_max=turn_work_max)
        self.nasty = Nasty(Random(seed), self.node)
        self.turns = 0
        for entry in opening():
            self.node.replay(entry)

    def ask(self, command: Command) -> Any:
        """Run turns until the command has its answer."""
        self.node.post(command, Ticket(command))
        answer, has_more = None, True
        while has_more:
            turn = self.node.turn(NOW_NS)
            has_more = turn.has_more
            self.turns += 1
            for _, outcome in turn.answers:
                answer = plain(outcome)
        return answer

    def state(self) -> list[dict[str, bytes]]:
        """All columns of all shards, but for the numbers of entries."""
        return [
            {name: without_entries(name, column) for name, column in columns(shard).items()}
            for shard in self.node.shards
        ]


def without_entries(name: str, column: np.ndarray) -> bytes:
    """A column as bytes; none of the number of the last entry: every turn writes one."""
    return b"" if name == "position" else column.tobytes()


def plain(value: Any) -> Any:
    """An outcome as lists. A revision counts entries, and every turn writes one: it is left out."""
    if isinstance(value, Revision):
        return None
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, AvailabilitiesView):  # a cut one has more revisions
        return [view and (view.sku, plain(tuple(view.levels))) for view in value.views]
    if is_dataclass(value):
        parts = [plain(getattr(value, field.name)) for field in fields(value)]
        return [type(value).__name__, *parts]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_command_cut_into_turns_does_what_it_does_in_one(
    kind: Callable[[Nasty, float], Command],
) -> None:
    whole, cut = (Desk(kind.__name__, work) for work in (WHOLE, SHORT))
    for size in (0.02, 0.3):
        for make in (Nasty.reserve, Nasty.reserve, Nasty.reserve, kind, kind, kind):
            first, second = (make(desk.nasty, size) for desk in (whole, cut))
            assert whole.ask(first) == cut.ask(second)
    assert whole.state() == cut.state()
    assert [] == list(check_invariants(cut.node))


def test_a_short_turn_cuts_long_commands() -> None:
    """The comparison compares something."""
    whole, cut = (Desk("cut", work) for work in (WHOLE, SHORT))
    for desk in (whole, cut):
        desk.turns = 0
        desk.ask(desk.nasty.reserve_batch(0.3))
        desk.ask(desk.nasty.get_availability(1))
    assert 2 == whole.turns < cut.turns


def test_what_is_read_over_turns_is_as_it_was_in_the_first() -> None:
    """A hold that ends meanwhile is held in all its lines."""
    desk = Desk("read", SHORT)
    key = key_from_text("longest")
    lines = tuple(Line(f"S{number}", "W", 1) for number in range(LINES_MAX))
    desk.ask(Reserve(key, lines, 1_000))
    desk.node.post(GetReservation(key), Ticket(GetReservation(key)))
    answers: list[Any] = []
    for second in range(99):
        answers += [outcome for _, outcome in desk.node.turn(NOW_NS + second * NS_PER_S).answers]
    ((view),) = answers
    assert State.HELD is view.state
    assert [{State.HELD: 1}] * LINES_MAX == [
        {state: units for state, units in line.quantities.items() if units} for line in view.lines
    ]
    assert State.EXPIRED is desk.node.reservations.view(key, desk.node.now_ns).state
