"""Reserves of what somebody has sold already, such as the orders of a marketplace.

Such an order is a fact. Refusing it would take nothing back, and leave its units on sale: so
neither a lack of stock, nor a location, a quarantine or a source that lets no promises be made,
speaks against it. What is missing is a shortfall (docs/adr/0050).
"""

from collections.abc import Sequence

import numpy as np

from ..commands import Conflict, Line, ReserveAlreadySold, ReserveOutcome, Unknown
from ..commands.registry import RESERVE_ALREADY_SOLD, executes
from ..kernels.codes import NO_LEVEL
from ..limits import NS_PER_MS
from ..model import State
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record_levels
from ..work import Steps
from . import joint_turn
from .homes import Homes
from .reservations import Reservations, refusal_of
from .shortfalls import Shortfalls


class SoldReserves:
    """Reserves of what is sold already over the shards of a node."""

    def __init__(
        self,
        shards: Sequence[Shard],
        homes: Homes,
        reservations: Reservations,
        shortfalls: Shortfalls,
    ) -> None:
        self.shards = shards
        self.homes = homes
        self.reservations = reservations
        self.shortfalls = shortfalls

    @executes(RESERVE_ALREADY_SOLD)
    def reserve(
        self, command: ReserveAlreadySold, now_ns: int
    ) -> ReserveOutcome | Conflict | Unknown | Steps[ReserveOutcome]:
        """Hold all lines, and list the shortfalls at their stock levels, in steps. Of a new id,
        nothing is held where a SKU or a location is unknown, or a level is as short as can be.
        """
        outcome = self.reservations.answer_known(command, now_ns) or self._hold(command, now_ns)
        if not isinstance(outcome, ReserveOutcome) or outcome.refusal:
            return outcome
        return self._with_shortfalls(outcome)

    def _hold(self, command: ReserveAlreadySold, now_ns: int) -> ReserveOutcome | Unknown:
        operations = joint_turn.find_lines(self.homes, command)
        if isinstance(operations, Unknown):
            return operations
        touched = [self.shards[number] for number in joint_turn.shards_of(operations)]
        codes = np.zeros(len(operations), np.uint8)  # PENDING
        room = joint_turn.decide(touched, operations, codes, is_sold=True)
        if refusal := refusal_of(command.lines, codes.tolist(), room):
            return ReserveOutcome(refusal, None, 0, (), joint_turn.revisions(touched))
        # Point of no return: every line has a SKU and a location, and room for its shortfall.
        self._begin_levels(command.lines, operations)
        joint_turn.hold(touched, operations, command)
        expires_at_ns = now_ns + command.hold_ms * NS_PER_MS
        revisions = joint_turn.revisions(touched)
        return ReserveOutcome(None, State.HELD, expires_at_ns, command.lines, revisions)

    def _begin_levels(self, lines: Sequence[Line], operations: Array) -> None:
        """Begin the stock levels that lines have none of yet, and write their rows into these."""
        for at in np.flatnonzero(operations["row"] == NO_LEVEL).tolist():
            line, shard = lines[at], self.shards[int(operations["shard"][at])]
            if shard.find_row(line.sku, line.location) == NO_LEVEL:
                place = shard.skus.find(line.sku), shard.locations.find(line.location)
                record_levels(shard, [place])
            operations["row"][at] = shard.find_row(line.sku, line.location)

    def _with_shortfalls(self, outcome: ReserveOutcome) -> Steps[ReserveOutcome]:
        names = [(line.sku, line.location) for line in outcome.lines]
        return outcome._replace(shortfalls=(yield from self.shortfalls.endangering(names)))
