"""Batches: a code for each operation, and the same effects as if each had come alone."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    BatchCodes,
    Command,
    DeleteSku,
    GetReservation,
    Handles,
    LevelColumns,
    Line,
    Location,
    Move,
    MoveBatch,
    MoveOutcome,
    ReadLevels,
    RecordStockEvents,
    RenameSku,
    Reserve,
    ReserveBatch,
    ReserveOutcome,
    ReserveRun,
    ResolveLevels,
    RunCodes,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.handles import split_handles
from holdfast.core.ids import Key, key_from_text
from holdfast.core.kernels import codes
from holdfast.core.limits import HOLD_MS_MAX, HOLD_MS_MIN, PART_BITS, QUANTITY_MAX
from holdfast.core.model import (
    TRANSITIONS,
    BatchOutcome,
    EventKind,
    LocationKind,
    Remainder,
    State,
    Verb,
)
from holdfast.core.node import Node
from holdfast.core.tables.layouts import OPERATION
from tests.core.kernels.duel import plain

SKUS = ("Tea", "Mug", "Pot", "Cup", "Jug")
PLACES = ("W1", "W2")
LEVELS = tuple((sku, place) for sku in SKUS for place in PLACES)
HOLD_MS = 60_000
ACCEPTED, REPEATED = codes.ACCEPTED, codes.REPEATED
VERBS = (Verb.COMMIT, Verb.FULFILL, Verb.RELEASE, Verb.CANCEL)
BATCH_VERBS = (Verb.COMMIT, Verb.FULFILL, Verb.RELEASE)


class Someone:
    """A caller who waits."""

    def cancelled(self) -> bool:
        return False


class Desk:
    """A node that answers one command at a time."""

    def __init__(self, shard_count: int = 4, on_hand: int = 10) -> None:
        self.node = Node(shard_count)
        self.now_ns = 1
        for place in PLACES:
            self.ask(UpdateLocation(Location(place, LocationKind.STORE, place, enabled=True)))
        events = [
            StockEvent(None, number + 1, *level, EventKind.RECEIPT, on_hand)
            for number, level in enumerate(LEVELS)
        ]
        self.ask(RecordStockEvents("erp", tuple(events)))

    def ask(self, command: Command) -> Any:
        assert self.node.post(command, Someone())
        ((_, outcome),) = self.node.turn(self.now_ns).answers
        return outcome

    def operations(self, asks: Sequence[tuple[int, int, int]]) -> Any:
        """Spell (id, index of the stock level, quantity) as operations."""
        handles: Handles = self.ask(ResolveLevels(LEVELS))
        operations = np.zeros(len(asks), OPERATION)
        operations["key_lo"] = [number for number, _, _ in asks]
        operations["quantity"] = [quantity for _, _, quantity in asks]
        operations["hold_ms"] = HOLD_MS
        picked = handles.handles[[level for _, level, _ in asks]]
        operations["shard"], operations["row"] = split_handles(self.node.timeline, picked)
        return operations

    def reserve(
        self, *asks: tuple[int, int, int], linked: Sequence[int] | None = None
    ) -> list[int]:
        marks = None if linked is None else np.array(linked, np.uint8)
        outcome: BatchCodes = self.ask(ReserveBatch(self.operations(asks), marks))
        return list(outcome.codes.tolist())

    def ask_run(self, *asks: tuple[int, int, int]) -> RunCodes:
        names = [LEVELS[level] for _, level, _ in asks]
        outcome: RunCodes = self.ask(ReserveRun(run_operations(asks), names))
        return outcome

    def run(self, *asks: tuple[int, int, int]) -> list[int | None]:
        """A code for each; None for what was left alone."""
        outcomes = self.ask_run(*asks).codes.tolist()
        return [code if code in (ACCEPTED, codes.INSUFFICIENT_STOCK) else None for code in outcomes]

    def move(self, verb: Verb, *numbers: int) -> list[int]:
        operations = np.zeros(len(numbers), OPERATION)
        operations["key_lo"] = numbers
        outcome: BatchCodes = self.ask(MoveBatch(verb, operations))
        return list(outcome.codes.tolist())


def run_operations(asks: Sequence[tuple[int, int, int]]) -> Any:
    """Operations of a run: without shards and rows."""
    operations = np.zeros(len(asks), OPERATION)
    operations["key_lo"] = [number for number, _, _ in asks]
    operations["quantity"] = [quantity for _, _, quantity in asks]
    operations["hold_ms"] = HOLD_MS
    return operations


def key(number: int) -> Key:
    """The key that an operation with this low half has."""
    return Key(0, number, None)


def alone(desk: Desk, ask: tuple[int, int, int]) -> int:
    """Reserve through the ledger, and name the outcome as a batch would."""
    number, level, quantity = ask
    known = bool(desk.node.reservations.find(key(number)))
    outcome = desk.ask(Reserve(key(number), (Line(*LEVELS[level], quantity),), HOLD_MS))
    if not isinstance(outcome, ReserveOutcome):
        return codes.ID_REUSED
    if outcome.refusal is not None:
        return int(BatchOutcome[outcome.refusal.code.name])
    assert known == outcome.is_repeat
    return REPEATED if known else ACCEPTED


def moved_alone(desk: Desk, verb: Verb, number: int) -> int:
    """Move through the ledger, and name the outcome as a batch would: where nothing is left to
    move, REPEATED if all that could move has.
    """
    outcome = desk.ask(Move(verb, key(number), None, None, Remainder.KEEP))
    if not isinstance(outcome, MoveOutcome):
        return codes.UNKNOWN_RESERVATION
    if outcome.refusal is None:
        return ACCEPTED
    view = desk.ask(GetReservation(key(number)))
    states = {state for line in view.lines for state, units in line.quantities.items() if units}
    if verb is Verb.FULFILL:  # what was not committed could not be shipped
        states -= {State.HELD, State.RELEASED, State.EXPIRED}
    done = {State.COMMITTED, State.FULFILLED} if verb is Verb.COMMIT else {TRANSITIONS[verb][1]}
    return REPEATED if states and states <= done else BatchOutcome[outcome.refusal.code.name]


@pytest.mark.parametrize("shard_count", [1, 4, 7])
@pytest.mark.parametrize("seed", range(5))
def test_a_batch_does_what_its_operations_would_do_alone(shard_count: int, seed: int) -> None:
    """Codes and state agree with single calls, with repeats, sold-out levels, moves of parts and
    ends of holds mixed in.
    """
    rng = random.Random(seed)
    batched, single = Desk(shard_count), Desk(shard_count)
    for _ in range(12):
        # Ids come once in a batch: it works shard by shard, so repeats within it have no order.
        numbers = rng.sample(range(1, 60), 20)
        asks = [(number, number % len(LEVELS), 1 + number % 3) for number in numbers]
        if rng.random() < 0.2:
            asks[0] = (*asks[0][:2], 4)
        assert [alone(single, ask) for ask in asks] == batched.reserve(*asks)
        for number in rng.sample(range(1, 60), 20):
            line = Line(*LEVELS[number % len(LEVELS)], 1)
            part = Move(rng.choice(VERBS), key(number), None, (line,), Remainder.KEEP)
            assert type(single.ask(part)) is type(batched.ask(part))
        verb = rng.choice(BATCH_VERBS)
        moved = rng.sample(range(1, 60), 10)
        assert [moved_alone(single, verb, n) for n in moved] == batched.move(verb, *moved)
        elapsed_ns = rng.choice((0, HOLD_MS * 500_000))
        single.now_ns += elapsed_ns
        batched.now_ns += elapsed_ns
        assert single.node.state_hash() == batched.node.state_hash()
        assert [] == list(check_invariants(batched.node))


@pytest.mark.parametrize("shard_count", [1, 4])
@pytest.mark.parametrize("seed", range(3))
def test_a_run_does_what_its_reserves_would_do_alone(shard_count: int, seed: int) -> None:
    """What it leaves alone, asked by itself after it, too: state and answers are the same."""
    rng = random.Random(seed)
    together, single = Desk(shard_count), Desk(shard_count)
    for _ in range(12):
        asks = [(rng.randrange(1, 90), level, rng.randint(1, 3)) for level in range(len(LEVELS))]
        by_run = together.run(*asks)
        left = [ask for ask, code in zip(asks, by_run, strict=True) if code is None]
        answers = iter([alone(together, ask) for ask in left])
        expected = [alone(single, ask) for ask in asks]
        assert expected == [next(answers) if code is None else code for code in by_run]
        assert single.node.state_hash() == together.node.state_hash()
        assert [] == list(check_invariants(together.node))


def test_a_run_tells_what_may_still_be_promised() -> None:
    """Of each that is short, as it stands after those before it."""
    desk = Desk()
    outcome = desk.ask_run((1, 0, 4), (2, 0, 7), (3, 0, 6), (4, 0, 1))
    expected = [ACCEPTED, codes.INSUFFICIENT_STOCK, ACCEPTED, codes.INSUFFICIENT_STOCK]
    assert expected == outcome.codes.tolist()
    assert [6, 0] == outcome.available[[1, 3]].tolist()


def test_a_run_leaves_alone_what_a_code_cannot_tell() -> None:
    """Unknown names, a SKU with another name, a location that is disabled."""
    desk = Desk()
    desk.ask(RenameSku("Mug", "Cup of tea"))
    desk.ask(UpdateLocation(Location("W2", LocationKind.STORE, "W2", enabled=False)))
    names = (("No such", "W1"), ("Tea", "W9"), ("Mug", "W1"), ("Cup of tea", "W1"), ("Pot", "W2"))
    before = desk.node.state_hash()
    operations = run_operations([(number, 0, 1) for number in range(1, 6)])
    found = desk.ask(ReserveRun(operations, names)).codes
    assert not np.isin(found, (ACCEPTED, codes.INSUFFICIENT_STOCK)).any()
    assert before == desk.node.state_hash()


def test_every_operation_has_its_own_code() -> None:
    """What is wrong with one operation is reported at its place and touches no other."""
    desk = Desk()
    operations = desk.operations([(number, 0, 1) for number in range(1, 11)])
    operations["key_lo"][9] = 0
    operations["quantity"][0:3] = (0, QUANTITY_MAX + 1, 11)
    operations["hold_ms"][3:5] = (HOLD_MS_MIN - 1, HOLD_MS_MAX + 1)
    operations["row"][5:7] = (-1, 10**6)
    operations["shard"][7] = 99
    expected = [
        *(codes.INVALID_QUANTITY, codes.INVALID_QUANTITY, codes.INSUFFICIENT_STOCK),
        *(codes.INVALID_HOLD, codes.INVALID_HOLD),
        *[codes.UNKNOWN_STOCK_LEVEL] * 3,
        ACCEPTED,
        codes.INVALID_ID,
    ]
    assert expected == desk.ask(ReserveBatch(operations, None)).codes.tolist()


def test_disabled_locations_and_ended_skus_take_no_reserves() -> None:
    """A handle outlives neither its SKU nor the catalogue's word."""
    desk = Desk()
    desk.ask(UpdateLocation(Location("W1", LocationKind.STORE, "W1", enabled=False)))
    operations = desk.operations([(1, 0, 1), (2, 3, 1)])
    desk.ask(DeleteSku("Mug"))
    answers = desk.ask(ReserveBatch(operations, None)).codes.tolist()
    assert [codes.LOCATION_DISABLED, codes.UNKNOWN_STOCK_LEVEL] == answers


def test_a_repeated_id_inside_one_batch_holds_once() -> None:
    """The same content is a repeat, other content is refused; the first of a shard wins."""
    desk = Desk()
    assert [ACCEPTED, REPEATED, codes.ID_REUSED] == desk.reserve((1, 0, 2), (1, 0, 2), (1, 0, 3))
    assert 2 == desk.ask(ReadLevels(desk.ask(ResolveLevels(LEVELS[:1])).handles)).reserved[0]


def test_an_id_counts_over_all_shards() -> None:
    """The same id with a stock level of another shard is other content."""
    desk = Desk()
    desk.reserve((1, 0, 1))
    others = [codes.ID_REUSED if level else REPEATED for level in range(len(LEVELS))]
    assert others == desk.reserve(*((1, level, 1) for level in range(len(LEVELS))))


def look_alikes(shard_count: int) -> list[tuple[int, int]]:
    """Pairs of ids that share all of the hash that a slot of the index holds."""
    numbers = np.arange(1, 1 << 20, dtype=np.uint64)
    zero = np.uint64(0)
    with np.errstate(over="ignore"):
        hashes = plain("keyed_hash")(zero, zero, zero, numbers)
    held = hashes >> np.uint64(PART_BITS + (shard_count - 1).bit_length())
    order = np.argsort(held)
    firsts = np.flatnonzero(held[order[1:]] == held[order[:-1]])
    return [(int(numbers[order[at]]), int(numbers[order[at + 1]])) for at in firsts]


def test_a_new_id_that_looks_like_a_known_one_is_decided_like_any() -> None:
    """In whichever shards the two are, and also when it stands more than once in the batch."""
    desk, pairs = Desk(4), look_alikes(4)
    assert len(pairs) >= len(LEVELS)
    for at, (known, new) in enumerate(pairs[: len(LEVELS)]):
        level, other = at, (at * 3 + 1) % len(LEVELS)
        assert [ACCEPTED] == desk.reserve((known, level, 1))
        assert [] != list(desk.node.index.candidates(key(new)))
        asks = [(new, other, 11), (new, other, 2), (new, other, 2), (known, level, 1)]
        expected = [codes.INSUFFICIENT_STOCK, ACCEPTED, REPEATED, REPEATED]
        assert expected == desk.reserve(*asks)
        assert [REPEATED, REPEATED] == desk.reserve((known, level, 1), (new, other, 2))
        assert [codes.ID_REUSED] == desk.reserve((new, level, 3))
        assert [ACCEPTED, ACCEPTED] == desk.move(Verb.RELEASE, known, new)
    check_invariants(desk.node)


def test_a_linked_group_is_all_or_none() -> None:
    """One short operation refuses its group; its neighbours go their own way."""
    desk = Desk(on_hand=3)
    asks = [(1, 0, 1), (2, 1, 1), (3, 2, 4), (4, 3, 1)]
    short = codes.INSUFFICIENT_STOCK
    expected = [ACCEPTED, codes.LINKED_REFUSED, short, ACCEPTED]
    assert expected == desk.reserve(*asks, linked=(0, 1, 0, 0))
    assert [ACCEPTED, ACCEPTED] == desk.reserve((5, 1, 1), (6, 2, 3), linked=(1, 0))
    assert [REPEATED, REPEATED] == desk.reserve((5, 1, 1), (6, 2, 3), linked=(1, 0))


@pytest.mark.parametrize("shard_count", [1, 4])
def test_a_linked_group_with_an_ended_id_holds_nothing(shard_count: int) -> None:
    """An id that was released is not held again, and so the others are not held either."""
    desk = Desk(shard_count)
    desk.reserve((1, 0, 1))
    desk.move(Verb.RELEASE, 1)
    answers = desk.reserve((1, 0, 1), (2, 3, 1), linked=(1, 0))
    assert [codes.RESERVATION_ENDED, codes.LINKED_REFUSED] == answers
    assert [codes.UNKNOWN_RESERVATION] == desk.move(Verb.RELEASE, 2)


def test_a_refused_group_says_of_a_held_id_that_it_is_held() -> None:
    """It was held before, and whoever reads the answer may have to release it."""
    desk = Desk(on_hand=3)
    desk.reserve((1, 0, 1))
    asks = [(1, 0, 1), (2, 2, 4), (3, 3, 1)]
    refused = [REPEATED, codes.INSUFFICIENT_STOCK, codes.LINKED_REFUSED]
    assert refused == desk.reserve(*asks, linked=(1, 1, 0))
    assert [ACCEPTED] == desk.move(Verb.RELEASE, 1)


def test_an_id_of_zeros_is_no_id() -> None:
    """A column of ids that was left empty is reported by each method."""
    desk = Desk()
    assert [codes.INVALID_ID, ACCEPTED] == desk.reserve((0, 0, 1), (1, 0, 1))
    for verb in BATCH_VERBS:
        assert [codes.INVALID_ID] == desk.move(verb, 0)


def test_a_batch_does_not_know_a_line_with_an_id_of_its_own() -> None:
    """A BatchReserve has no line ids, so one of the same UUID asks for something else."""
    desk = Desk()
    line = Line(*LEVELS[0], 1, "line 7")
    desk.ask(Reserve(key(1), (line,), HOLD_MS))
    assert [codes.ID_REUSED] == desk.reserve((1, 0, 1))


def test_a_linked_group_sees_what_it_takes_itself() -> None:
    """Two operations of a group on one stock level share what is there."""
    desk = Desk(on_hand=3)
    refused = [codes.LINKED_REFUSED, codes.INSUFFICIENT_STOCK]
    assert refused == desk.reserve((1, 0, 2), (2, 0, 2), linked=(1, 0))
    assert [ACCEPTED, ACCEPTED] == desk.reserve((3, 0, 1), (4, 0, 2), linked=(1, 0))


def test_moves_tell_where_the_units_are() -> None:
    """A done command repeats, an undone one says why."""
    desk = Desk()
    desk.reserve((1, 0, 1), (2, 1, 1), (3, 2, 1))
    assert [ACCEPTED, codes.UNKNOWN_RESERVATION] == desk.move(Verb.COMMIT, 1, 9)
    assert [REPEATED] == desk.move(Verb.COMMIT, 1)
    assert [codes.WRONG_STATE, ACCEPTED] == desk.move(Verb.RELEASE, 1, 2)
    assert [ACCEPTED, REPEATED] == desk.move(Verb.FULFILL, 1, 1)
    assert [REPEATED, codes.WRONG_STATE] == desk.move(Verb.COMMIT, 1, 2)
    desk.now_ns += HOLD_MS * 1_000_000
    assert [codes.BATCH_EXPIRED, REPEATED] == desk.move(Verb.COMMIT, 3, 1)


def test_batches_move_reservations_over_several_shards_too() -> None:
    """What no kernel can do alone, the ledger does."""
    desk = Desk()
    lines = tuple(Line(sku, "W1", 2) for sku in SKUS)
    desk.ask(Reserve(key(7), lines, HOLD_MS))
    assert [ACCEPTED, REPEATED] == desk.move(Verb.COMMIT, 7, 7)
    columns: LevelColumns = desk.ask(ReadLevels(desk.ask(ResolveLevels(LEVELS)).handles))
    assert [2, 0] * len(SKUS) == columns.committed.tolist()


def test_an_id_in_words_is_another_id() -> None:
    """A text whose hash equals an operation's bits does not stand for it."""
    desk = Desk()
    text = key_from_text("order-1")
    desk.ask(Reserve(text, (Line("Tea", "W1", 1),), HOLD_MS))
    operations = desk.operations([(1, 0, 1)])
    operations["key_hi"], operations["key_lo"] = text.hi, text.lo
    assert [ACCEPTED] == desk.ask(ReserveBatch(operations, None)).codes.tolist()


def test_ids_that_share_their_bits_with_words_get_every_answer() -> None:
    """The kernels leave them to the rules, which say the same: held, repeated, reused, short."""
    desk = Desk(shard_count=1)
    texts = [key_from_text(f"order-{number}") for number in range(3)]
    for text in texts:
        desk.ask(Reserve(text, (Line("Tea", "W1", 1),), HOLD_MS))
    asks = [(0, 1), (0, 1), (0, 2), (0, 1), (1, 100), (2, 1)]
    operations = desk.operations([(1, 0, quantity) for _, quantity in asks])
    operations["key_hi"] = [texts[number].hi for number, _ in asks]
    operations["key_lo"] = [texts[number].lo for number, _ in asks]
    operations["row"][[3, 5]] = 10**6
    expected = [
        *(ACCEPTED, REPEATED, codes.ID_REUSED, codes.ID_REUSED),
        *(codes.INSUFFICIENT_STOCK, codes.UNKNOWN_STOCK_LEVEL),
    ]
    assert expected == desk.ask(ReserveBatch(operations, None)).codes.tolist()


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("quantity", [1, 2])
def test_an_id_that_stands_again_in_a_linked_group_refuses_it(times: int, quantity: int) -> None:
    """Each after the first is another order under the same id, even when it asks for the same; also
    where the first is held already.
    """
    desk = Desk()
    again = [(1, 0, quantity)] * (times - 1)
    linked = [1] * times + [0]
    others = [codes.ID_REUSED] * (times - 1) + [codes.LINKED_REFUSED]
    answers = desk.reserve((1, 0, 1), *again, (2, 1, 1), linked=linked)
    assert [codes.LINKED_REFUSED, *others] == answers
    assert [ACCEPTED] == desk.reserve((1, 0, 1))
    assert [REPEATED, *others] == desk.reserve((1, 0, 1), *again, (2, 1, 1), linked=linked)
    assert [ACCEPTED] == desk.reserve((2, 1, 1))


def test_handles_of_nothing_read_zeros() -> None:
    """A read answers every position."""
    desk = Desk()
    handles = np.array([0, 2**63, desk.ask(ResolveLevels(LEVELS[:1])).handles[0]], np.uint64)
    assert [0, 0, 10] == desk.ask(ReadLevels(handles)).on_hand.tolist()
    assert [0] == desk.ask(ResolveLevels((("nothing", "W1"),))).handles.tolist()


def test_handles_of_an_ended_sku_are_stale() -> None:
    """Also when its name has begun anew: that has rows of its own."""
    desk = Desk()
    handles = np.array([0, *desk.ask(ResolveLevels(LEVELS)).handles, 2**63], np.uint64)
    for is_new in (False, True):
        if is_new:
            event = StockEvent(None, 1_000, "Tea", "W1", EventKind.RECEIPT, 3)
            desk.ask(RecordStockEvents("erp", (event,)))
        else:
            desk.ask(DeleteSku("Tea"))
        columns: LevelColumns = desk.ask(ReadLevels(handles))
        ended = [sku == "Tea" for sku, _ in LEVELS]
        assert [True, *ended, True] == columns.is_stale.tolist()
        assert [0, *(0 if is_over else 10 for is_over in ended), 0] == columns.on_hand.tolist()
        assert columns.on_hand.tolist() == columns.available.tolist()


def test_a_known_id_with_a_handle_of_nothing_is_an_id_reused() -> None:
    """A handle that no stock level has never reaches a table, whatever shard knows the id."""
    desk = Desk()
    desk.reserve(*((number + 1, number, 1) for number in range(len(LEVELS))))
    operations = desk.operations([(number + 1, number, 1) for number in range(len(LEVELS))])
    for row in (len(LEVELS), 10**6, 2**31 - 1, -1):
        operations["row"] = row
        for shard in range(5):
            operations["shard"] = shard
            answers = desk.ask(ReserveBatch(operations, None)).codes
            assert {codes.ID_REUSED, codes.UNKNOWN_STOCK_LEVEL} >= set(answers.tolist())


def test_a_linked_group_repeats_after_its_sku_has_ended() -> None:
    """The first answer holds, whatever became of the goods."""
    desk = Desk()
    operations = desk.operations([(1, 0, 1), (2, 2, 1)])
    linked = np.array((1, 0), np.uint8)
    assert [ACCEPTED, ACCEPTED] == desk.ask(ReserveBatch(operations, linked)).codes.tolist()
    desk.ask(DeleteSku("Tea"))
    assert [REPEATED, REPEATED] == desk.ask(ReserveBatch(operations, linked)).codes.tolist()


def withhold(desk: Desk, level: tuple[str, str], units: int) -> None:
    """Keep units of a stock level from being promised. No command does that yet."""
    shard = desk.node.homes.shard_of_sku(level[0])
    shard.levels.records["withheld"][shard.find_row(*level)] = units


def test_withheld_units_are_no_batch_s_either() -> None:
    """Of 10 on hand and 4 withheld, 6 can be had: by operations, a group, a repeat and a read."""
    desk = Desk()
    withhold(desk, LEVELS[0], 4)
    withhold(desk, LEVELS[1], 10)
    short = codes.INSUFFICIENT_STOCK
    assert [short, ACCEPTED, short] == desk.reserve((1, 0, 7), (2, 0, 2), (3, 1, 1))
    assert [codes.LINKED_REFUSED, short] == desk.reserve((4, 0, 4), (5, 0, 1), linked=(1, 0))
    assert [ACCEPTED, ACCEPTED] == desk.reserve((6, 0, 3), (7, 0, 1), linked=(1, 0))
    assert [REPEATED, short] == desk.reserve((2, 0, 2), (8, 0, 1))
    handles: Handles = desk.ask(ResolveLevels(LEVELS[:3]))
    read: LevelColumns = desk.ask(ReadLevels(handles.handles))
    assert [10, 10, 10] == read.on_hand.tolist()
    assert [0, 0, 10] == read.available.tolist()
