"""Admission: a command enters a mailbox here, or is refused early and cheaply.

The node knows which mailbox a command belongs in. Here it is decided whether it may go in: is the
node serving, is there room on disk for what it writes, is there room in the mailbox?
"""

import asyncio
from typing import TypeVar

from holdfast.core.actor import MailboxFullError
from holdfast.core.commands import Command, Outcome
from holdfast.core.commands.registry import OPERATIONS, Operation

from ..wire import faults
from ..wire.engine_faults import FaultOutcome, fault_from_outcome
from .pump import Pump

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Admission:
    """Puts commands into mailboxes and hands out futures of their outcomes."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.is_draining = False
        self.refused_overload = 0
        self._loop = asyncio.get_running_loop()

    def post(self, command: Command) -> "asyncio.Future[Outcome]":
        """Queue a command; returns a future that has the outcome once it is durable.

        Raises a `Fault` when the node is draining, when its storage is full and the command writes,
        or when the mailbox is full.
        """
        # Checked before the command costs anything: refusals have to be cheap under overload.
        if self.is_draining:
            raise faults.draining()
        if self.pump.is_storage_full() and not OPERATIONS[type(command)].is_read:
            raise faults.storage_full(self.pump.headroom_bytes, self.pump.journal.reserve_bytes)
        future: asyncio.Future[Outcome] = self._loop.create_future()
        try:
            weight = self.pump.node.post(command, future)
        except MailboxFullError as full:
            self.refused_overload += 1
            raise faults.overloaded(full.shard, full.capacity) from None
        self.pump.schedule(weight)
        return future

    async def ask(
        self, operation: Operation[Asked, Told], command: Asked, request: object = None
    ) -> Told:
        """Post a command and wait for its outcome. Raises a `Fault`, told in terms of `request`
        where that is given.
        """
        return expect(operation, await self.post(command), request)


def expect(operation: Operation[Asked, Told], outcome: Outcome, request: object = None) -> Told:
    """The outcome of an operation. Raises the fault that it is, told in terms of the request."""
    if isinstance(outcome, operation.outcome):
        return outcome
    assert isinstance(outcome, FaultOutcome), outcome
    raise fault_from_outcome(outcome, request)
