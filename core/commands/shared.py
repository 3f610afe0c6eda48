"""What all answers share: the revision they rest on, and the faults of a caller.

A fault is an outcome that says what is wrong with the command itself; the edge turns it into a gRPC
status. Paths of fields are those of the command.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Revision(NamedTuple):
    """Shard and sequence of the journal entry that an answer rests on, in the history that both
    count in. A tuple, because every answer has one.
    """

    shard: int
    sequence: int
    timeline: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """Fault: the command names what does not exist. `field` is its path in the request."""

    field: str
    value: str
    more: tuple[tuple[str, str], ...] = ()
    """Fields and values of what else the command names and does not exist, so that a caller need
    not find out one by one.
    """


@dataclass(frozen=True, slots=True)
class Conflict:
    """Fault: an id was used before with other content; `field` is the first that differs."""

    field: str
    first: str
    now: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Fault: the command names a line of a reservation, and several lines fit the name. `field` is
    the line's path in the request.
    """

    field: str
    sku: str
    location: str
    line_id: str
    count: int
    """Lines of the reservation that the names stand for."""


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """Fault: what the command asks for leads to a number beyond a limit. `field` is its path in the
    request and `value` what it says; `what` would not stay within +-`limit`.
    """

    field: str
    value: int | str
    what: str
    limit: int


@dataclass(frozen=True, slots=True)
class NameTaken:
    """Fault: a name is wanted for a SKU, and another one has it. `field` is its path in the
    request.
    """

    field: str
    value: str
    sku: str
    """What the other one is called now."""
    has_ended: bool = False
    """Whether that one ended, and left reservations and events under the name."""


@dataclass(frozen=True, slots=True)
class LimitReached:
    """Fault: the command asks for one more of `what`, of which there are as many as there may be.
    `field` is its path in the request and `value` what it says.
    """

    field: str
    value: str
    what: str
    limit: int


@dataclass(frozen=True, slots=True)
class InTheWay:
    """Fault: what there is keeps the command from being done: `what`, and how many. `field` is its
    path in the request and `value` what it says.
    """

    field: str
    value: str
    what: str
    count: int = 0
    advice: str = ""
    """What would help."""


#: A command: an instance of a class that has an entry in registry.OPERATIONS.
Command: TypeAlias = object

#: The outcome that its entry names, or one of the faults above.
Outcome: TypeAlias = object
