"""The router: admission. A command enters a mailbox here, or is refused early and cheaply.

The node knows which actor owns a command; the router decides whether it may go in at all: the node
must be serving, a command that writes needs room on disk, and the mailbox must have a place.
"""

import asyncio

from holdfast.core.commands import (
    Command,
    GetAvailability,
    GetReservation,
    ListLocations,
    Outcome,
    ReadLevels,
    ResolveLevels,
)

from ..wire import faults
from .pump import Pump

_READS = {GetAvailability, GetReservation, ListLocations, ReadLevels, ResolveLevels}


class Router:
    """Puts commands into mailboxes and waits for their outcomes."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.is_draining = False
        self.refused_overload = 0
        self._loop = asyncio.get_running_loop()

    def post(self, command: Command) -> "asyncio.Future[Outcome]":
        """Queue a command; the future has its outcome once that is durable. Raises errors.Fault
        when refused.
        """
        if self.is_draining:
            raise faults.draining()
        if self.pump.is_storage_full() and type(command) not in _READS:
            raise faults.storage_full(self.pump.headroom_bytes, self.pump.journal.reserve_bytes)
        future: asyncio.Future[Outcome] = self._loop.create_future()
        actor = self.pump.node.actor_of(command)
        weight = actor.post(command, future)
        if not weight:
            self.refused_overload += 1
            raise faults.overloaded(actor.shard, actor.capacity)
        self.pump.schedule(weight)
        return future
