"""Admission: a command enters a mailbox here, or is refused early and cheaply.

The node knows which mailbox a command belongs in. Here it is decided whether it may go in: is the
node serving, does the caller still wait, is there room in the mailbox, and for what it writes, on
disk and in the tables?
"""

import asyncio
from typing import TypeVar

from holdfast.core.actor import MailboxFullError
from holdfast.core.commands import Command, Outcome
from holdfast.core.commands.registry import OPERATIONS, Operation
from holdfast.core.room import NoRoomError

from ..wire import faults
from ..wire.engine_faults import FaultOutcome, fault_from_outcome
from .context import CallContext
from .feed_alarms import FeedAlarms
from .outcome_counters import OutcomeCounters
from .pump import Pump

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Admission:
    """Puts commands into mailboxes and hands out futures of their outcomes."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.outcomes = OutcomeCounters()
        self._alarms = FeedAlarms()
        self.is_draining = False
        self.refused_overload = 0
        self._loop = asyncio.get_running_loop()

    def admit(self, context: CallContext) -> None:
        """Raise the `Fault` of a call that is refused whatever it asks.

        Called before its request is parsed: a refusal has to cost less than the call would.
        """
        self._expect_open(context)
        actors = self.pump.node.actors
        for actor in actors:
            if actor.weight < actor.capacity:
                return
        self.refused_overload += 1
        raise faults.overloaded(actors[0].shard, actors[0].capacity)

    def _expect_open(self, context: CallContext) -> None:
        """Raise a `Fault` when nothing new is taken, or nobody waits for it any more."""
        if self.is_draining:
            raise faults.draining()
        if context.is_over(self._loop.time()):
            raise faults.deadline_exceeded()

    def post(self, command: Command, context: CallContext) -> "asyncio.Future[Outcome]":
        """Queue a command; returns a future that has the outcome once it is durable.

        Raises a `Fault` when the node is draining, the call's time is over, its storage or a table
        is full and the command writes, or the mailbox is full.
        """
        self._expect_open(context)
        if self.pump.is_storage_full() and not OPERATIONS[type(command)].is_read:
            raise faults.storage_full(self.pump.headroom_bytes, self.pump.journal.reserve_bytes)
        future: asyncio.Future[Outcome] = self._loop.create_future()
        try:
            weight = self.pump.node.post(
                command, future, context.principal, context.correlation or ""
            )
        except MailboxFullError as full:
            self.refused_overload += 1
            raise faults.overloaded(full.shard, full.capacity) from None
        except NoRoomError as full:
            raise faults.table_full(full.table, full.shard, full.rows_max) from None
        self.pump.schedule(weight)
        return future

    async def ask(
        self,
        operation: Operation[Asked, Told],
        context: CallContext,
        command: Asked,
        request: object = None,
    ) -> Told:
        """Post a command and wait for its outcome. Raises a `Fault`, told in terms of `request`
        where that is given.
        """
        return self.expect(operation, command, await self.post(command, context), request)

    def expect(
        self,
        operation: Operation[Asked, Told],
        command: Asked,
        outcome: Outcome,
        request: object = None,
    ) -> Told:
        """The outcome of a command, counted. Raises the fault that it is, told in terms of the
        request.
        """
        if isinstance(outcome, operation.outcome):
            self.outcomes.count(command, outcome)
            self._alarms.note(command, outcome, self._loop.time())
            return outcome
        assert isinstance(outcome, FaultOutcome), outcome
        raise fault_from_outcome(outcome, request)
