"""Reserves against supply, and the settlement of what was promised from it."""

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..commands import Conflict, ReserveAgainstSupply, ReserveOutcome, Unknown
from ..commands.registry import RESERVE_AGAINST_SUPPLY, executes
from ..kernels.codes import ACCEPTED, INSUFFICIENT_STOCK
from ..limits import NS_PER_MS
from ..model import State
from ..tables.backorders import settle_backorders
from ..tables.effects import Section
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record
from ..work import BACKORDER_SETTLED, Work
from . import joint_turn
from .backorders import backordered_lines, due_by
from .homes import Homes
from .joint_turn import Part
from .reservations import Reservations, refusal_of


class SupplyReserves:
    """Reserves against supply over the shards of a node."""

    def __init__(
        self, shards: Sequence[Shard], homes: Homes, reservations: Reservations, work: Work
    ) -> None:
        self.shards = shards
        self.homes = homes
        self.reservations = reservations
        self.work = work

    def settle(self) -> None:
        """Let what is on hand and may be promised go to those who wait for it. Where this turn has
        written nothing, they have it since the turn before.
        """
        for shard in self.shards:
            count = len(shard.backorders)
            if count and shard.effects.touched:
                self.work.spend(count * BACKORDER_SETTLED)
                settle_backorders(shard)

    @executes(RESERVE_AGAINST_SUPPLY)
    def reserve(
        self, command: ReserveAgainstSupply, now_ns: int
    ) -> ReserveOutcome | Conflict | Unknown:
        """Hold all lines or none, what is not on hand from supply that is due by their latest
        times.
        """
        known = self.reservations.answer_known(command, now_ns)
        if known is not None:
            return known
        operations = joint_turn.find_lines(self.homes, command)
        if isinstance(operations, Unknown):
            return operations
        touched = [self.shards[number] for number in joint_turn.shards_of(operations)]
        codes, available, backordered = self._decide(command, operations, now_ns)
        if refusal := refusal_of(command.lines, codes.tolist(), available):
            return ReserveOutcome(refusal, None, 0, (), joint_turn.revisions(touched))
        # Point of no return: every line is there, or to come in time.
        numbers = joint_turn.hold(touched, operations, command)
        parts = [Part(*each) for each in zip(touched, numbers, strict=True)]
        for part in parts:
            _write(part, command, operations, backordered)
        lines = joint_turn.read_lines(parts)
        return ReserveOutcome(
            None,
            State.HELD,
            now_ns + command.hold_ms * NS_PER_MS,
            command.lines,
            joint_turn.revisions(touched),
            backorders=backordered_lines(parts, lines, now_ns, self.work),
        )

    def _decide(
        self, command: ReserveAgainstSupply, operations: Array, now_ns: int
    ) -> tuple[Array, Array, Array]:
        """Decide each line against what the ones before it would leave: its code, what could be
        promised of it by its latest time, and how many of its units supply has to bring.
        """
        count = len(operations)
        codes = np.zeros(count, np.uint8)  # PENDING
        available, backordered = np.zeros((2, count), np.int64)
        taken: dict[tuple[int, int], int] = {}
        places = zip(operations["shard"].tolist(), operations["row"].tolist(), strict=True)
        for at, (place, latest_ns) in enumerate(zip(places, command.latest_ns, strict=True)):
            shard, one = self.shards[place[0]], slice(at, at + 1)
            before = np.array([taken.get(place, 0)])
            scratch = shard.level_slots.scratch(1)
            what = operations[one], codes[one], available[one], before.copy(), scratch
            kernels.decide_lines(*what, shard.header, shard.stock, False)
            quantity = command.lines[at].quantity
            if codes[at] == INSUFFICIENT_STOCK and latest_ns is not None and place[1] >= 0:
                there = max(0, int(available[at]))
                later = due_by(shard, place[1], now_ns, latest_ns) - int(before[0])
                available[at] = max(there, later)
                if quantity <= later:
                    codes[at], backordered[at] = ACCEPTED, quantity - there
            if codes[at] == ACCEPTED:
                taken[place] = int(before[0]) + quantity
        return codes, available, backordered


def _write(
    part: Part, command: ReserveAgainstSupply, operations: Array, backordered: Array
) -> None:
    """Write what of the lines of a part supply has to bring."""
    mine = np.flatnonzero(operations["shard"] == part.shard.number).tolist()
    lines = part.shard.lines_of(part.number)
    effects = [
        (units, units, 0, latest_ns, line, int(operations["row"][at]), part.number, 1, 0)
        for at, line in zip(mine, lines, strict=True)
        if (units := int(backordered[at])) and (latest_ns := command.latest_ns[at]) is not None
    ]
    if effects:
        record(part.shard, Section.BACKORDERS, *effects)
