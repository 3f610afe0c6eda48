"""A node and the model in tests/model.py, told the same, answer the same.

The world is small on purpose: few SKUs, ids and request ids, short holds, and a clock that likes to
step exactly onto the end of one, so that repeats, conflicts, expiry, shortfalls and over-asking
happen all the time. A seed makes a story; a story that fails is cut down to the rounds and commands
without which it would not, and shown with the failure.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from holdfast.core.commands import (
    Command,
    DeleteSku,
    GetAvailability,
    GetAvailableToPromise,
    GetReservation,
    GetSource,
    Line,
    ListQuarantinedSkus,
    Move,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import (
    key_from_parts,
    key_from_text,
)
from holdfast.core.model import (
    EventKind,
    Remainder,
    SourceState,
    UnknownSkus,
    Verb,
)
from tests.core.engine import ModelEngine, NodeEngine, Ticket
from tests.core.storyteller import (
    HOLDS_MS,
    LOCATIONS,
    SKUS,
    START_NS,
    WINDOW_NS,
    Round,
    Storyteller,
    location_named,
)

SHARD_COUNTS = (1, 4, 7)


class Duel:
    """A node and the model, led through the same turns."""

    def __init__(self, shard_count: int, *, unknown_skus: UnknownSkus = UnknownSkus.CREATE) -> None:
        self.node = NodeEngine(shard_count, unknown_skus=unknown_skus, window_ns=WINDOW_NS)
        self.model = ModelEngine(unknown_skus=unknown_skus, window_ns=WINDOW_NS)
        self.now_ns = START_NS

    def turn(self, commands: Sequence[Command], given_up: Sequence[Command] = ()) -> None:
        """Run one turn of both. What callers gave up on comes first, and must leave no trace."""
        for command in given_up:
            self.node.post(command).is_cancelled = True
        tickets = [self.node.post(command) for command in commands]
        executed = self.node.run(self.now_ns)
        assert set(tickets) == set(executed), "every command is answered, and nothing else"
        check_order(tickets, executed)
        # Between shards a turn has no order: the model follows the node.
        for ticket in executed:
            assert self.model.turn([ticket.command], self.now_ns) == [ticket.outcome]
        assert self.node.next_due_ns > self.now_ns

    def compare_reads(self, *more: Command) -> None:
        """Read all stock levels of both; reading leaves nothing in the journal."""
        some = tuple(LOCATIONS[self.now_ns % 2 :: 2])
        sources = [GetSource(name) for name in ("erp", "pos", "wms", "day 1")]
        states = ((), (SourceState.GAP, SourceState.STALE))[self.now_ns % 2]
        later = [GetAvailableToPromise(sku, (), self.now_ns % 4, 0, 99, states) for sku in SKUS]
        levels = GetAvailability(SKUS), GetAvailability(SKUS[:2], some)
        reads = [*levels, *later, *sources, ListQuarantinedSkus(0, 100), *more]
        entries_before = len(self.node.entries)

        assert self.model.turn(reads, self.now_ns) == self.node.turn(reads, self.now_ns)
        assert entries_before == len(self.node.entries)

    def compare_everything(self) -> None:
        """Read all there is of both, before and after a restart of the node."""
        reads = [GetReservation(key) for key in self.model.model.reservations]
        self.compare_in_parts(reads)
        self.node.restart()
        self.compare_in_parts(reads)

    def compare_in_parts(self, reads: Sequence[Command]) -> None:
        """The same for so many reads at a time as a mailbox takes."""
        for start in range(0, max(1, len(reads)), 200):
            self.compare_reads(*reads[start : start + 200])


def check_order(posted: Sequence[Ticket], executed: Sequence[Ticket]) -> None:
    """Commands on one SKU are executed in the order in which they came."""
    for sku in SKUS:
        came = [ticket for ticket in posted if is_on(sku, ticket.command)]
        assert came == [ticket for ticket in executed if is_on(sku, ticket.command)]


def is_on(sku: str, command: Command) -> bool:
    """Tell whether a command is on this SKU and no other."""
    match command:
        case Reserve(lines=[line]):
            return line.sku == sku
        case RecordStockEvents(events=[event]):
            return event.sku == sku
        case DeleteSku(name):
            return name == sku
        case _:
            return False


def fight(shard_count: int, story: Sequence[Round], *, unknown_skus: UnknownSkus) -> None:
    """Lead a node and the model through a story."""
    duel = Duel(shard_count, unknown_skus=unknown_skus)
    for each in story:
        duel.now_ns += each.elapsed_ns
        if each.restart:
            duel.node.restart()
        duel.turn(each.commands, each.given_up)
        duel.compare_reads()
    duel.compare_everything()


def fight_and_explain(shard_count: int, seed: int, rounds_count: int) -> None:
    """Fight; when that fails, do it again with the shortest story that fails too, and tell it."""
    story = Storyteller(seed).story(rounds_count)
    by_default = {0: UnknownSkus.CREATE_BY_RECEIPT, 1: UnknownSkus.QUARANTINE}
    unknown_skus = by_default.get(seed % 4, UnknownSkus.CREATE)
    if not fails(shard_count, story, unknown_skus=unknown_skus):
        return
    story = shortened(story, lambda shorter: fails(shard_count, shorter, unknown_skus=unknown_skus))
    text = "\n".join(str(each) for each in story)
    try:
        fight(shard_count, story, unknown_skus=unknown_skus)
    except Exception as error:
        error.add_note(f"The shortest story of seed {seed} that fails like this:\n{text}")
        raise


def fails(shard_count: int, story: Sequence[Round], *, unknown_skus: UnknownSkus) -> bool:
    """Tell whether a story comes to a bad end."""
    try:
        fight(shard_count, story, unknown_skus=unknown_skus)
    except Exception:  # noqa: BLE001 - whatever it is, it is a failure
        return True
    return False


def shortened(story: list[Round], is_bad: Callable[[list[Round]], bool]) -> list[Round]:
    """Leave out every round and every command without which the story is still bad."""
    for i in reversed(range(len(story))):
        shorter = story[:i] + story[i + 1 :]
        if is_bad(shorter):
            story = shorter
    for i in range(len(story)):
        for field in ("commands", "given_up"):
            for j in reversed(range(len(getattr(story[i], field)))):
                kept = getattr(story[i], field)
                simpler = replace(story[i], **{field: kept[:j] + kept[j + 1 :]})
                shorter = [*story[:i], simpler, *story[i + 1 :]]
                if is_bad(shorter):
                    story = shorter
    return story


@pytest.mark.parametrize("shard_count", SHARD_COUNTS)
@pytest.mark.parametrize("seed", range(20))
def test_node_answers_like_the_model(shard_count: int, seed: int) -> None:
    """Whatever arrives, in whatever order and at whatever time, a node says what the model says."""
    fight_and_explain(shard_count, seed, rounds_count=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard_count", SHARD_COUNTS)
def test_node_answers_like_the_model_in_hundreds_of_stories(shard_count: int) -> None:
    """The same, longer and more often."""
    for seed in range(1_000, 1_300):
        fight_and_explain(shard_count, seed, rounds_count=60)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("shard_count", SHARD_COUNTS)
def test_node_answers_like_the_model_when_its_tables_grow(shard_count: int) -> None:
    """Hundreds of reservations on hundreds of SKUs: every table grows several times."""
    rng = random.Random(shard_count)
    goods = [f"sku-{number}" for number in range(300)]
    duel = Duel(shard_count)
    duel.turn([UpdateLocation(location_named("W1"))])
    for sku in goods:
        key = key_from_parts("day 1", sku)
        duel.turn(
            [RecordStockEvents("day 1", (StockEvent(key, 0, sku, "W1", EventKind.COUNT, 9),))]
        )
    for number in range(0, 800, 10):
        duel.now_ns += rng.randrange(5 * 10**9)
        duel.turn([a_reserve(f"order-{number + i}", rng.sample(goods, 3), rng) for i in range(10)])
        duel.turn([a_move(f"order-{rng.randrange(number + 10)}", rng) for _ in range(8)])
    duel.compare_reads(GetAvailability(tuple(goods)))
    duel.compare_everything()


def a_reserve(name: str, goods: Sequence[str], rng: random.Random) -> Reserve:
    wanted = tuple(Line(sku, "W1", rng.randint(1, 3)) for sku in goods[: rng.randint(1, 3)])
    return Reserve(key_from_text(name), wanted, rng.choice(HOLDS_MS))


def a_move(name: str, rng: random.Random) -> Move:
    verb = rng.choice((Verb.COMMIT, Verb.COMMIT, Verb.FULFILL, Verb.RELEASE, Verb.CANCEL))
    request = key_from_parts(name, rng.choice(("q1", "q2", "q3")))
    return Move(verb, key_from_text(name), request, None, Remainder.KEEP)
