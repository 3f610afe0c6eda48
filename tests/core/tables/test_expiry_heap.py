"""The heap of expirations: one entry for a hold, however often it is extended."""

from random import Random

from holdfast.core.commands import (
    Command,
    Extend,
    ExtendOutcome,
    GetReservation,
    Line,
    Location,
    Move,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import Key
from holdfast.core.kernels.arguments import EXPIRIES
from holdfast.core.limits import HOLD_MS_MIN, NS_PER_MS
from holdfast.core.model import EventKind, LocationKind, Remainder, State, Verb
from holdfast.core.node import Node, Turn
from holdfast.core.tables import state_bytes
from tests.core.engine import Ticket

START_NS = 10**18


class Holds:
    """A node with plenty of stock, and a time that the test moves."""

    def __init__(self, expire_batch_max: int = 16_384) -> None:
        self.node = Node(1, expire_batch_max=expire_batch_max)
        self.now_ns = START_NS
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
        event = StockEvent(None, 1, "Tea", "W", EventKind.RECEIPT, 10**6)
        self.ask(RecordStockEvents("erp", (event,)))

    def ask(self, *commands: Command) -> Turn:
        for command in commands:
            self.node.post(command, Ticket(command))
        return self.node.turn(self.now_ns)

    def reserve(self, number: int, hold_ms: int = HOLD_MS_MIN) -> None:
        self.ask(Reserve(Key(0, number, None), (Line("Tea", "W", 1),), hold_ms))

    def extend(self, number: int, hold_ms: int) -> None:
        ((_, outcome),) = self.ask(Extend(Key(0, number, None), None, hold_ms)).answers
        assert isinstance(outcome, ExtendOutcome)
        assert self.now_ns + hold_ms * NS_PER_MS <= outcome.expires_at_ns

    def state(self, number: int) -> State:
        ((_, view),) = self.ask(GetReservation(Key(0, number, None))).answers
        state: State = view.state  # type: ignore[attr-defined]
        return state

    @property
    def entries(self) -> int:
        return int(self.node.shards[0].header[EXPIRIES])


def test_a_hold_has_one_entry_however_often_it_is_extended() -> None:
    holds = Holds()
    holds.reserve(1)
    for times in range(1, 2_000):
        holds.extend(1, HOLD_MS_MIN + times)
    assert 1 == holds.entries


def test_an_extended_hold_ends_at_its_new_end_and_not_before() -> None:
    """Also when many ends have passed in between."""
    holds = Holds()
    holds.reserve(1)
    for step in range(50):
        holds.extend(1, 2 * HOLD_MS_MIN)
        end_ns = holds.now_ns + 2 * HOLD_MS_MIN * NS_PER_MS
        holds.now_ns += HOLD_MS_MIN * NS_PER_MS + step
        assert State.HELD is holds.state(1)
        assert 1 == holds.entries
    holds.now_ns = end_ns - 1
    assert State.HELD is holds.state(1)
    assert end_ns == holds.ask().next_due_ns
    holds.now_ns = end_ns
    assert State.EXPIRED is holds.state(1)
    assert 0 == holds.entries


def test_holds_end_in_the_order_of_their_ends_whatever_they_were_before() -> None:
    """A node that was loaded knows the last ends alone, and writes the same as one that did not
    stop.
    """
    rng = Random(1)
    holds = Holds()
    for number in range(300):
        holds.reserve(number, HOLD_MS_MIN + rng.randrange(5_000))
    for _ in range(600):
        holds.extend(rng.randrange(300), 10_000 + rng.randrange(5_000))
        holds.now_ns += NS_PER_MS
    loaded = Node(1)
    columns = state_bytes.columns(holds.node.shards[0])
    state_bytes.load(loaded.shards[0], {name: column.copy() for name, column in columns.items()})
    loaded.loaded()
    now_ns = holds.now_ns + 3_600_000 * NS_PER_MS
    assert repr(loaded.turn(now_ns).entries) == repr(holds.node.turn(now_ns).entries)


def test_committed_and_released_holds_fall_out_when_their_time_comes() -> None:
    """In pieces that a turn bounds."""
    holds = Holds(expire_batch_max=10)
    for number in range(100):
        holds.reserve(number)
        verb = Verb.COMMIT if number % 2 else Verb.RELEASE
        holds.ask(Move(verb, Key(0, number, None), None, None, Remainder.KEEP))
    assert 100 == holds.entries
    holds.now_ns += HOLD_MS_MIN * NS_PER_MS
    turns = 1
    while holds.ask().has_more:
        turns += 1
    assert 0 == holds.entries
    assert turns >= 10
