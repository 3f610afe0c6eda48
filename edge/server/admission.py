"""Admission: a command enters a mailbox here, or is refused early and cheaply.

The node knows which mailbox a command belongs in. Here it is decided whether it may go in: is the
node serving, is there room on disk for what it writes, is there room in the mailbox?
"""

import asyncio

from holdfast.core.actor import MailboxFullError
from holdfast.core.commands import Command, Outcome
from holdfast.core.commands.registry import OPERATIONS

from ..wire import faults
from .pump import Pump


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
