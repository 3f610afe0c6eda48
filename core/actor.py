"""An actor: the owner of one shard, with a bounded mailbox.

No locks: everything runs on one event loop and a turn does not await. A hot SKU is just a busy
mailbox. A full mailbox refuses, so overload costs a caller one refusal and the others nothing.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from .commands import Command
from .work import Steps


class Ticket(Protocol):
    """Stands for the caller. All the engine asks is whether the caller still waits."""

    def cancelled(self) -> bool:
        """Whether the caller has gone; a command that has not begun is then dropped."""


class Origin(NamedTuple):
    """Where a command comes from. The journal notes it with everything that the command changes."""

    principal: str
    """On whose behalf it is asked; "" for none."""
    correlation: str
    """The caller's id of what it belongs to; "" for none."""


class Mail(NamedTuple):
    """An entry of a mailbox."""

    arrival: int
    """Its place in the order in which commands came to the node."""
    weight: int
    """Microseconds."""
    command: Command
    ticket: Ticket
    """Who waits for the answer."""
    origin: Origin | None
    shard: int
    """Whose mailbox it is."""


class MailboxFullError(Exception):
    """The mailbox of a shard is full."""

    def __init__(self, shard: int, capacity: int) -> None:
        super().__init__(f"the mailbox of shard {shard} is full: capacity {capacity}")
        self.shard = shard
        self.capacity = capacity


class Actor:
    """A mailbox in front of one shard."""

    __slots__ = ("arrivals", "begun", "capacity", "mailbox", "shard", "weight")

    def __init__(self, shard: int, capacity: int, arrivals: Iterator[int]) -> None:
        self.shard = shard
        self.capacity = capacity
        self.arrivals = arrivals
        self.mailbox: deque[Mail] = deque()
        self.weight = 0
        self.begun: Steps[Any] | None = None
        """The steps that are left of the first mail, when a turn ended in the middle of it."""

    def __repr__(self) -> str:
        return f"<Actor {self.shard}: {self.weight} of {self.capacity} waiting>"

    def post(self, command: Command, weight: int, ticket: Ticket, origin: Origin | None) -> None:
        """Queue a command. Raises MailboxFullError.

        The last command in may exceed the capacity, or one that weighs more than the capacity could
        not be posted at all.
        """
        if self.weight >= self.capacity:
            raise MailboxFullError(self.shard, self.capacity)
        self.weight += weight
        number = next(self.arrivals)
        self.mailbox.append(Mail(number, weight, command, ticket, origin, self.shard))

    def take(self, weight: float) -> list[Mail]:
        """Take commands whose callers still wait, until they weigh this much. A command that has
        begun is taken even if its caller has gone.
        """
        taken: list[Mail] = []
        while self.mailbox and weight > 0:
            mail = self.mailbox.popleft()
            self.weight -= mail.weight
            if (self.begun and not taken) or not mail.ticket.cancelled():
                weight -= mail.weight
                taken.append(mail)
        return taken

    def put_back(self, mails: Sequence[Mail]) -> None:
        """Put back at the front, in their order, the last of the mails that were taken."""
        self.mailbox.extendleft(reversed(mails))
        self.weight += sum(mail.weight for mail in mails)
