"""What a node seals is what its journal replays to, whatever it was asked and whenever.

Commands of all kinds, most of them refused or in vain, turns without any, and a clock that leaps
over every window. Tables are short, so that generations turn over, rings go round and blocks are
used again all the time.
"""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from bench.harness.nasty_commands import KINDS, Nasty
from holdfast.core.commands.registry import OPERATIONS
from holdfast.core.limits import NS_PER_DAY, NS_PER_HOUR, NS_PER_MS, NS_PER_S
from holdfast.core.model import UnknownSkus
from holdfast.core.node import EXPIRE_BATCH_MAX, Node
from holdfast.core.rules.retention import DEFAULT_RETENTION, Retention
from holdfast.core.work import TURN_WORK_MAX
from tests.core.engine import Ticket
from tests.core.journal_follower import Follower

START_NS = 1_767_225_600 * NS_PER_S
WEEK_NS, MONTH_NS = 7 * NS_PER_DAY, 30 * NS_PER_DAY

#: Steps of the clock: mostly none; a hold, a window or a retention long, or a nanosecond short.
LEAPS_NS = (
    *(0, 0, 0, NS_PER_MS, 1_001 * NS_PER_MS, 60 * NS_PER_S, 8_000 * NS_PER_S),
    *(WEEK_NS - 1, WEEK_NS, MONTH_NS),
)
WINDOWS_NS = (0, 90 * NS_PER_S, NS_PER_DAY, WEEK_NS, MONTH_NS)
RETENTIONS = (
    DEFAULT_RETENTION,
    Retention(pass_ns=1),
    Retention.of(NS_PER_S, NS_PER_HOUR),
    Retention.of(NS_PER_HOUR, WEEK_NS),
)


@pytest.fixture(autouse=True)
def _short_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.core.tables.shard.UNUSED_HISTORY_MAX", 64)
    monkeypatch.setattr("holdfast.core.tables.recent.HISTORY_MAX", 256)
    monkeypatch.setattr("holdfast.core.tables.recent.GIVEN_BACK", 100)
    monkeypatch.setattr("holdfast.core.rules.retention.SWEPT_MAX", 4_000)
    monkeypatch.setattr("holdfast.core.rules.retention.FORGOTTEN_MAX", 3)


class Story:
    """One node, a caller of it, and the node that follows it."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(f"sealed {seed}")
        self._shards = (1, 2, 4, 7)[seed % 4]
        self._settings: dict[str, Any] = {
            "history_window_ns": rng.choice(WINDOWS_NS),
            "unknown_skus": rng.choice(tuple(UnknownSkus)),
            "retention": rng.choice(RETENTIONS),
            "audit_interval_ns": rng.choice((0, 1, 60 * NS_PER_S)),
            "expire_batch_max": rng.choice((1, 50, EXPIRE_BATCH_MAX)),
            "turn_work_max": rng.choice((300, TURN_WORK_MAX)),
        }
        # No method of this, for the reason in tests/core/engine.py.
        self._new_node = partial(Node, self._shards, mailbox_capacity=10**9, **self._settings)
        self.node = self._new_node()
        self.follower = Follower(self._new_node)
        self.nasty = Nasty(rng, self.node)
        self.now_ns = START_NS
        self.answered: set[type] = set()

    def tell(self, rounds: int) -> None:
        """Lead the node through some rounds, and stop it in good order."""
        for command in self.nasty.opening():
            self.node.post(command, Ticket(command))
        self.turns()
        for _ in range(rounds):
            self.now_ns += self.rng.choice(LEAPS_NS)
            for ticket in self.tickets():
                origin = self.rng.choice((("", ""), ("", ""), ("shop", "call")))
                self.node.post(ticket.command, ticket, *origin)
            self.turns()
            self.rest()
        self.follower.stop(self.node)

    def tickets(self) -> Iterator[Ticket]:
        """Commands that arrive together: none, or some that are short or not."""
        for _ in range(self.rng.choice((0, 1, 1, 3, 8))):
            size = self.rng.choices((0.001, 0.01, 0.1), (90, 9, 1))[0] * self.rng.random()
            yield Ticket(self.nasty.command(size))

    def turns(self) -> None:
        """Run turns until nothing waits; after each the follower is alike."""
        has_more = True
        while has_more:
            turn = self.node.turn(self.now_ns)
            has_more = turn.has_more
            self.follower.follow(turn.entries, self.node)
            tickets = [ticket for ticket, _ in turn.answers if isinstance(ticket, Ticket)]
            self.answered.update(type(ticket.command) for ticket in tickets)

    def rest(self) -> None:
        """Now and then a seal, a snapshot, or a clean stop and a start."""
        what = self.rng.random()
        if what < 0.05:
            self.follower.load()
        elif what < 0.1:
            self.follower.stop(self.node)
        elif what < 0.13:
            self.follower.stop(self.node)
            self.node = self.nasty.node = self.follower.node
            self.follower.load()


@pytest.mark.parametrize("seed", range(8))
def test_a_node_seals_what_its_journal_replays_to(seed: int) -> None:
    Story(seed).tell(rounds=60)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(100, 300, 50))
def test_a_node_seals_what_its_journal_replays_to_in_hundreds_of_stories(seed: int) -> None:
    for each in range(seed, seed + 50):
        Story(each).tell(rounds=80)


def test_stories_have_commands_of_every_kind() -> None:
    """Whoever adds an operation adds a nasty command of it."""
    nasty = Nasty(Random(0), Node(1))
    list(nasty.opening())
    drawn = {type(kind(nasty, 0.001)) for kind in KINDS for _ in range(8)}
    assert set(OPERATIONS) == drawn


@pytest.mark.parametrize(
    "change",
    [
        lambda node: node.shards[0].facts.begin(1),
        lambda node: node.shards[0].shipments.begin(1),
        lambda node: node.shards[0].keeping.set(1, is_used=False),
        lambda node: setattr(node.shards[0].requests, "since_ns", 1),
    ],
    ids=["facts", "shipments", "keeping", "requests"],
)
def test_what_changes_without_an_effect_is_seen(change: Callable[[Node], None]) -> None:
    """The follower can fail."""
    story = Story(1)
    story.tell(rounds=2)
    change(story.node)
    with pytest.raises(AssertionError):
        story.turns()
