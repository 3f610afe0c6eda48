"""Admission: a command enters a mailbox here, or is refused early and cheaply.

The node knows which mailbox a command belongs in. This file decides whether it may enter: the node
is serving, the caller still waits, there is room in the mailbox, and there is room on disk and in
the tables for what the command writes.
"""

import asyncio
from typing import TypeVar

from holdfast.core.actor import MailboxFullError, Ticket
from holdfast.core.capacity import TableFullError
from holdfast.core.commands import Command, Outcome
from holdfast.core.commands.registry import OPERATIONS, Operation

from ..wire import faults
from ..wire.engine_faults import FaultOutcome, fault_from_outcome
from .context import CallContext
from .feed_alarms import FeedAlarms
from .outcome_counters import OutcomeCounters
from .pump import Pump

Asked = TypeVar("Asked")
Result = TypeVar("Result")


def admit_all(_context: CallContext) -> None:
    """Refuses nobody: a node that is overloaded or draining answers its operators too."""


class Admission:
    """Puts commands into mailboxes and returns futures of their outcomes."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.outcomes = OutcomeCounters()
        self._alarms = FeedAlarms()
        self.is_draining = False
        self.refused_overload = 0
        self._loop = asyncio.get_running_loop()

    def admit(self, context: CallContext) -> None:
        """Raise a `Fault` for a call that would be refused whatever it asks.

        Called before the request is parsed: a refusal has to cost less than the call would.
        """
        self._expect_open(context)
        actors = self.pump.node.actors
        for actor in actors:
            if actor.weight < actor.capacity:
                return
        self.refused_overload += 1
        raise faults.overloaded(actors[0].shard, actors[0].capacity)

    def _expect_open(self, context: CallContext) -> None:
        """Raise a `Fault` when the node drains, or when the deadline of the call has passed."""
        if self.is_draining:
            raise faults.draining()
        if context.is_over(self._loop.time()):
            raise faults.deadline_exceeded()

    def post(self, command: Command, context: CallContext) -> "asyncio.Future[Outcome]":
        """Queue a command and return a future that gets the outcome once it is durable. Raises what
        `enter` does.
        """
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self.enter(command, context, future)
        return future

    def enter(self, command: Command, context: CallContext, ticket: Ticket) -> None:
        """Queue a command whose ticket, a `Waiter`, gets the outcome once it is durable.

        Raises a `Fault` when the node is draining, the call's deadline has passed, the mailbox is
        full, or the command writes and the storage or a table is full.
        """
        self._expect_open(context)
        if self.pump.is_storage_full() and not OPERATIONS[type(command)].is_read:
            raise faults.storage_full(self.pump.headroom_bytes, self.pump.journal.reserve_bytes)
        try:
            weight = self.pump.node.post(
                command, ticket, context.principal, context.correlation or ""
            )
        except MailboxFullError as full:
            self.refused_overload += 1
            raise faults.overloaded(full.shard, full.capacity) from None
        except TableFullError as full:
            raise faults.table_full(full.table, full.shard, full.rows_max) from None
        self.pump.schedule(weight)

    async def ask(
        self,
        operation: Operation[Asked, Result],
        context: CallContext,
        command: Asked,
        request: object = None,
    ) -> Result:
        """Post a command and wait for its outcome. Raises a `Fault`, which names fields of
        `request` if that is given.
        """
        return self.expect(operation, command, await self.post(command, context), request)

    def expect(
        self,
        operation: Operation[Asked, Result],
        command: Asked,
        outcome: Outcome,
        request: object = None,
    ) -> Result:
        """Count the outcome of a command and return it. An outcome that is a fault is raised as a
        `Fault`, which names fields of `request` if that is given.
        """
        if isinstance(outcome, operation.outcome):
            self.outcomes.count(command, outcome)
            self._alarms.note(command, outcome, self._loop.time())
            return outcome
        assert isinstance(outcome, FaultOutcome), outcome
        raise fault_from_outcome(outcome, request)
