"""Work: what a turn does, counted before it is done, so that no turn is long.

A unit is a microsecond of one core of the machine on which the costs were measured. `python -m
bench --only weights` measures them again, and `tests/core/test_work.py` compares what a turn
declares with what it is seen to do. What a command alone shows is its weight
(commands/registry.py); what the state adds to that, such as the lines of the reservation that it
names, is spent here by the rule that finds it.
"""

from collections.abc import Generator
from typing import Any, Final, TypeAlias, TypeVar

Result = TypeVar("Result")

#: Work after which a turn begins nothing more. A command that takes more than is left waits to be
#: the first of a turn, so that a turn ends within 10 ms (docs/adr/0025).
TURN_WORK_MAX: Final = 4_000

#: The share of a whole turn that ending holds and upkeep may take while commands still run: a turn
#: that has done more of them has no time for the longest command.
SHARE_BESIDE_COMMANDS: Final = 1 / 8

#: A command that runs in steps, for beginning it.
STEPS_BEGUN: Final = 15

#: A Reserve of one line among others of its shard; and one that the kernel leaves to the rules.
LINE_RESERVED: Final = 6
RESERVE_ASKED: Final = 80

#: A line of a Reserve of what is sold already.
LINE_SOLD: Final = 4

#: A line of a Reserve against supply. A backorder that is looked at, and one that is settled; a
#: level whose queue is read.
LINE_BACKORDERED: Final = 60
BACKORDER_SEEN: Final = 0.001
BACKORDER_SETTLED: Final = 0.01
QUEUE_READ: Final = 40

#: A batch, of whatever length; a kernel's pass over its operations, and each of them in it.
BATCH: Final = 60
PASS: Final = 4
OPERATION_PASSED: Final = 0.002

#: An operation that a kernel reserves or moves; a reserve and a move that it leaves to the rules.
OPERATION_RESERVED: Final = 0.25
OPERATION_MOVED: Final = 0.2
OPERATION_ASKED: Final = 80
MOVE_ASKED: Final = 20

#: A linked group, and an operation in it.
GROUP: Final = 110
OPERATION_LINKED: Final = 1

#: A shard that is looked at before and after a command, so that what it wrote has its origin.
ORIGIN_NOTED: Final = 20

#: A shard in which a batch of events is written, what they came with, and numbers that they passed
#: over; an event; an id of one that is remembered, and looked up in each shard; what an event of
#: columns came with, and each byte of text in it.
SHARD_WRITTEN: Final = 60
SHARD_DETAILED: Final = 150
SHARD_SKIPPED: Final = 75
EVENT_RECORDED: Final = 0.2
EVENT_REMEMBERED: Final = 0.2
EVENT_LOOKED_UP: Final = 0.05
EVENT_DETAILED: Final = 0.8
DETAIL_BYTE: Final = 0.03

#: An event that is compared with the one under its id; what a source is known by, in a shard.
DIFFERENCE_REPORTED: Final = 15
SOURCE_RESET: Final = 20

#: A source that is listed or set, in each shard, or looked at; a gap of it that is listed.
SOURCE_LISTED: Final = 25
SOURCE_REVIEWED: Final = 20
SOURCE_LOOKED_AT: Final = 8
GAP_LISTED: Final = 1

#: A SKU in quarantine that is listed.
QUARANTINED_SKU_LISTED: Final = 4

#: A pending reversal that is listed.
REVERSAL_LISTED: Final = 10

#: A stock fact whose SKU is named by another name than its first; a line that is.
EVENT_NAMED: Final = 6
LINE_NAMED: Final = 0.8

#: Units of a level that go to another SKU; those under a status take more.
EVENT_MERGED: Final = 25
STATUS_MERGED: Final = 200

#: A stock fact that changes a status or a reservation: it is recorded by itself.
FACT_CHANGING: Final = 120

#: What the reversal of a fact takes beyond that.
FACT_REVERSED: Final = 160

#: A record of what recently happened at a level, which a count looks at; one that is passed over.
RECORD_READ: Final = 0.15
RECORD_PASSED: Final = 0.003

#: One of a level that is looked at in search of a fact.
RECORD_SEARCHED: Final = 0.015

#: A part of an existing reservation, in one shard; each line in a command on all of them; a line
#: that is read by name, and one that is listed.
PART: Final = 20
LINE_MOVED: Final = 0.1
LINE_READ: Final = 1.3
LINE_LISTED: Final = 1.7

#: A reservation, or a line, that is looked at for what a shortfall endangers.
PROMISE_SOUGHT: Final = 0.01

#: A stock level that is listed with what a shortfall endangers, and each line of that.
LEVEL_SHORT: Final = 45
LINE_ENDANGERED: Final = 10

#: A stock level that a message of facts begins.
LEVEL_BEGUN: Final = 10

#: A name that is looked up: a SKU at a location, or a SKU among others. A name that is listed.
NAME_FOUND: Final = 1.5
SKU_FOUND: Final = 0.6
NAME_LISTED: Final = 0.4

#: A name of a shard that is looked through for one that ended.
NAME_PASSED: Final = 0.01

#: A shard that is read; a stock level that is read there, looked at again, and listed as an object.
SHARD_READ: Final = 60
LEVEL_COPIED: Final = 0.065
LEVEL_PASSED: Final = 0.003
LEVEL_LISTED: Final = 2

#: A status of a stock level that is read.
STATUS_COPIED: Final = 0.1

#: A supply that is listed, with its names. A stock level whose supplies are summed up.
SUPPLY_LISTED: Final = 5
SUPPLY_SUMMED: Final = 0.02

#: A reservation, or a line, that the audit adds up; a stock level that it compares, and one that is
#: summed up; a figure that is not what it should be.
TALLIED: Final = 0.03
COMPARED: Final = 0.02
SUMMED: Final = 0.004
DISAGREEING: Final = 60

#: A stock level that a repair names; one that is repaired.
LEVEL_NAMED: Final = 5
LEVEL_REPAIRED: Final = 30

#: A location that is listed; one that is put, in each shard.
LOCATION_LISTED: Final = 3
LOCATION_PUT: Final = 30

#: A location of the node, whether or not an answer has it.
LOCATION_PASSED: Final = 0.0015

#: A hold that ends, and each of its lines.
EXPIRY: Final = 0.3

#: A reservation that is swept, and each of its lines, whether or not it leaves; an id that is
#: forgotten.
SWEPT: Final = 0.4
ID_FORGOTTEN: Final = 0.3


#: A long command under way. It pauses where the turn may end, is sent the time of the turn in which
#: it goes on, and returns its outcome.
Steps: TypeAlias = Generator[None, int, Result]


def finished(steps: Generator[None, Any, Result]) -> Result:
    """What steps return, where nobody waits for what comes between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


class Work:
    """What the running turn may still do."""

    __slots__ = ("is_first", "left")

    def __init__(self) -> None:
        self.left: float = 0
        self.is_first = False
        """Whether the running command is the first of its turn."""

    def fits(self, units: float) -> bool:
        """Whether there is time for work that a command has just found. The first of a turn
        takes it, or would wait for ever.
        """
        return self.is_first or units <= self.left

    def spend(self, units: float) -> None:
        """Count work that is about to be done."""
        self.left -= units

    @property
    def is_over(self) -> bool:
        """Whether the turn has used up its work: a long command goes on in the next."""
        return self.left <= 0
