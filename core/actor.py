"""An actor: the owner of one shard, with a bounded mailbox.

No locks: everything runs on one event loop and a turn never awaits. A hot SKU is just a busy
mailbox, and a mailbox that is full refuses, so that overload costs a caller one refusal and nobody
else anything.
"""

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from .commands import (
    Command,
    GetAvailability,
    Move,
    MoveBatch,
    ReadLevels,
    RecordStockEvents,
    Reserve,
    ReserveBatch,
    ResolveLevels,
    StockBatch,
)

#: Kind of command -> (what it has many of, how many of them cost about as much as a command alone).
_SIZES: dict[type, tuple[str, int]] = {
    Reserve: ("lines", 2),
    Move: ("lines", 2),
    GetAvailability: ("skus", 2),
    RecordStockEvents: ("events", 2),
    ReserveBatch: ("operations", 64),
    MoveBatch: ("operations", 64),
    ResolveLevels: ("names", 8),
    ReadLevels: ("handles", 64),
    StockBatch: ("events", 64),
}


def weight_of(command: Command) -> int:
    """What a command counts for in a mailbox and in a turn: 1, and more when it is long."""
    size = _SIZES.get(type(command))
    return 1 if size is None else 1 + len(getattr(command, size[0])) // size[1]


class Ticket(Protocol):
    """Stands for the caller. The engine only asks whether anyone still waits."""

    def cancelled(self) -> bool:
        """Whether the caller has gone; its command is then dropped, not executed."""


Mail = tuple[int, int, Command, Ticket]
"""What lies in a mailbox: when it came, counted over the node, what it weighs, what is asked, and
by whom.
"""


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

    def post(self, command: Command, ticket: Ticket) -> int:
        """Queue a command and return its weight, or return 0 when the mailbox is full."""
        if self.weight >= self.capacity:
            return 0
        weight = weight_of(command)
        self.weight += weight
        self.mailbox.append((next(self.arrivals), weight, command, ticket))
        return weight

    def take(self, weight: int) -> list[Mail]:
        """Take commands whose callers still wait, until they weigh this much."""
        taken: list[Mail] = []
        while self.mailbox and weight > 0:
            mail = self.mailbox.popleft()
            _, its_weight, _, ticket = mail
            self.weight -= its_weight
            if not ticket.cancelled():
                weight -= its_weight
                taken.append(mail)
        return taken
