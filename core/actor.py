"""An actor: the owner of one shard, with a bounded mailbox.

No locks: everything runs on one event loop and a turn does not await. A hot SKU is just a busy
mailbox, and a full mailbox refuses, so that overload costs a caller one refusal and
others nothing.
"""

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from .commands import Command


class Ticket(Protocol):
    """Stands for the caller. All the engine asks is whether anyone still waits."""

    def cancelled(self) -> bool:
        """Whether the caller has gone; its command is then dropped, not executed."""


Mail = tuple[int, int, Command, Ticket, str]
"""What lies in a mailbox: when it came, counted over the node, what it weighs, what is asked, who
waits for the answer, and the principal on whose behalf it is asked, "" for none.
"""


class MailboxFullError(Exception):
    """The mailbox of a shard holds as much as it may."""

    def __init__(self, shard: int, capacity: int) -> None:
        super().__init__(f"the mailbox of shard {shard} is full: capacity {capacity}")
        self.shard = shard
        self.capacity = capacity


class Actor:
    """A mailbox in front of one shard."""

    __slots__ = ("arrivals", "capacity", "mailbox", "shard", "weight")

    def __init__(self, shard: int, capacity: int, arrivals: Iterator[int]) -> None:
        self.shard = shard
        self.capacity = capacity
        self.arrivals = arrivals
        self.mailbox: deque[Mail] = deque()
        self.weight = 0

    def __repr__(self) -> str:
        return f"<Actor {self.shard}: {self.weight} of {self.capacity} waiting>"

    def post(self, command: Command, weight: int, ticket: Ticket, principal: str) -> None:
        """Queue a command. Raises MailboxFullError.

        The last command in may exceed the capacity: otherwise one that weighs more than the
        capacity could not be posted at all.
        """
        if self.weight >= self.capacity:
            raise MailboxFullError(self.shard, self.capacity)
        self.weight += weight
        self.mailbox.append((next(self.arrivals), weight, command, ticket, principal))

    def take(self, weight: int) -> list[Mail]:
        """Take commands whose callers still wait, until they weigh this much."""
        taken: list[Mail] = []
        while self.mailbox and weight > 0:
            mail = self.mailbox.popleft()
            _, its_weight, _, ticket, _ = mail
            self.weight -= its_weight
            if not ticket.cancelled():
                weight -= its_weight
                taken.append(mail)
        return taken
