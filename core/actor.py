"""An actor: the owner of one shard, with a bounded mailbox.

No locks: everything runs on one event loop and a turn never awaits. A hot SKU is just a busy
mailbox, and a mailbox that is full refuses, so that overload costs a caller one refusal and nobody
else anything.
"""

from collections import deque
from typing import Protocol

from .commands import Command, MoveBatch, ReserveBatch

#: Operations of a batch that weigh as much as one command: about the ratio of their costs.
OPERATIONS_PER_COMMAND = 64


def weight_of(command: Command) -> int:
    """What a command counts for in a mailbox: 1, and more for a batch."""
    if isinstance(command, ReserveBatch | MoveBatch):
        return 1 + len(command.operations) // OPERATIONS_PER_COMMAND
    return 1


class Ticket(Protocol):
    """Stands for the caller. The engine only asks whether anyone still waits."""

    def cancelled(self) -> bool:
        """Whether the caller has gone; its command is then dropped, not executed."""


class Actor:
    """A mailbox in front of one shard."""

    __slots__ = ("capacity", "mailbox", "shard", "weight")

    def __init__(self, shard: int, capacity: int) -> None:
        self.shard = shard
        self.capacity = capacity
        self.mailbox: deque[tuple[Command, Ticket]] = deque()
        self.weight = 0

    def __repr__(self) -> str:
        return f"<Actor {self.shard}: {self.weight} of {self.capacity} waiting>"

    def post(self, command: Command, ticket: Ticket) -> bool:
        """Queue a command, or return False when the mailbox is full."""
        if self.weight >= self.capacity:
            return False
        self.weight += weight_of(command)
        self.mailbox.append((command, ticket))
        return True

    def take(self, count: int) -> list[tuple[Command, Ticket]]:
        """Take up to `count` commands whose callers still wait."""
        taken: list[tuple[Command, Ticket]] = []
        while self.mailbox and len(taken) < count:
            command, ticket = self.mailbox.popleft()
            self.weight -= weight_of(command)
            if not ticket.cancelled():
                taken.append((command, ticket))
        return taken
