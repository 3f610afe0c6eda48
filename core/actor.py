"""An actor: the owner of one shard, with a bounded mailbox.

No locks: everything runs on one event loop and a turn never awaits. A hot SKU is just a busy
mailbox, and a mailbox that is full refuses, so that overload costs a caller one refusal and nobody
else anything.
"""

from collections import deque
from typing import Protocol

from .commands import Command


class Ticket(Protocol):
    """Stands for the caller. The engine only asks whether anyone still waits."""

    def cancelled(self) -> bool:
        """Whether the caller has gone; its command is then dropped, not executed."""


class Actor:
    """A mailbox in front of one shard."""

    __slots__ = ("capacity", "mailbox", "shard")

    def __init__(self, shard: int, capacity: int) -> None:
        self.shard = shard
        self.capacity = capacity
        self.mailbox: deque[tuple[Command, Ticket]] = deque()

    def __repr__(self) -> str:
        return f"<Actor {self.shard}: {len(self.mailbox)} of {self.capacity} waiting>"

    def post(self, command: Command, ticket: Ticket) -> bool:
        """Queue a command, or return False when the mailbox is full."""
        if len(self.mailbox) >= self.capacity:
            return False
        self.mailbox.append((command, ticket))
        return True

    def take(self, count: int) -> list[tuple[Command, Ticket]]:
        """Take up to `count` commands whose callers still wait."""
        taken: list[tuple[Command, Ticket]] = []
        while self.mailbox and len(taken) < count:
            command, ticket = self.mailbox.popleft()
            if not ticket.cancelled():
                taken.append((command, ticket))
        return taken
