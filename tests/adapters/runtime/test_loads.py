"""How many calls a channel gets for how many changes, on a virtual clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, cast

import pytest

from holdfast.adapters.contract import Budget, PublishPath
from holdfast.adapters.publishing.board import Board
from holdfast.adapters.runtime.buckets import TokenBucket
from holdfast.adapters.runtime.loads import GATHERING_SHARE, LATER_PATH_S, Loads
from holdfast.adapters.runtime.partner import Partner
from holdfast.adapters.runtime.publisher import LOOK_S
from holdfast.adapters.systems.amazon.channel import LISTINGS
from holdfast.adapters.systems.amazon.sp_api import BUDGETS
from holdfast.adapters.systems.walmart import marketplace
from holdfast.adapters.systems.walmart.inventory import PUT

SKUS = 100_000
FEED_S = 120.0


@dataclass
class Waiting:
    """A board as far as loads look at it."""

    waiting: int = 0
    overtaking: int = 0


@dataclass
class Gate:
    last_error: str = ""


@dataclass
class Budgeted:
    """A partner with budgets, Amazon's at first, on a clock that is set."""

    budgets: Mapping[str, Budget] = field(default_factory=lambda: BUDGETS)
    now_s: float = 0.0
    gate: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        self._buckets = {
            name: TokenBucket(each.rate, each.burst, lambda: self.now_s)
            for name, each in self.budgets.items()
        }

    def budget(self, operation: str) -> TokenBucket:
        return self._buckets[operation]


def never(*_: Any) -> Any:
    raise AssertionError("nothing is sent")


@dataclass
class Rush:
    """Changes that come at once or by and by, and the feeds that they lead to."""

    seconds: float
    amazon: Budgeted = field(default_factory=Budgeted)
    board: Waiting = field(default_factory=Waiting)
    feeds: list[int] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    come: int = 0

    def begin(self) -> None:
        """Take the paths of Amazon's listings."""
        assert LISTINGS.publish is not None
        paths = [PublishPath(each.name, each.offers_max, never) for each in LISTINGS.publish.paths]
        self.loads = Loads(paths, cast(Board, self.board), cast(Partner, self.amazon))
        for place, operation in enumerate(("patchListingsItem", "createFeed")):
            self.loads._lanes[place].operation = operation

    def run(self) -> list[int]:
        """The sizes of the feeds."""
        self.begin()
        while self.come < SKUS or self.board.waiting:
            self._step()
        return self.feeds

    def _step(self) -> None:
        amazon, board = self.amazon, self.board
        amazon.now_s += LOOK_S
        due = SKUS if not self.seconds else min(SKUS, int(SKUS * amazon.now_s / self.seconds))
        board.waiting += due - self.come
        self.come = due
        while self.ends and self.ends[0] <= amazon.now_s:
            self.ends.pop(0)
            self.loads.measure(1, FEED_S)
            self.loads.end(1, was_sent=True)
        self.loads.look(amazon.now_s)
        if board.waiting and not amazon.budget("patchListingsItem").take():
            board.waiting -= 1
        while self.loads.may_begin(1, amazon.now_s):
            self.loads.begin(1)
            size = min(self.loads._lanes[1].offers_max, board.waiting)
            board.waiting -= size
            self.feeds.append(size)
            amazon.budget("createFeed").take()
            self.loads._lanes[1].unsent -= 1
            self.ends.append(amazon.now_s + FEED_S)


@pytest.mark.parametrize("seconds", [0.0, 5.0, 20.0])
def test_a_rush_of_changes_takes_as_few_feeds_as_amazon_allows(seconds: float) -> None:
    feeds = Rush(seconds).run()

    most = max(each.offers_max for each in LISTINGS.publish.paths)  # type: ignore[union-attr]
    assert ceil(SKUS / most) == len(feeds)


def test_a_feed_waits_for_more_for_a_share_of_its_time_at_most() -> None:
    rush = Rush(0.0)
    rush.begin()
    rush.board.waiting = 10_000
    rush.loads.look(rush.amazon.now_s)
    looks = 0
    while not rush.loads.may_begin(1, rush.amazon.now_s):
        looks += 1
        rush.amazon.now_s += LOOK_S
        rush.board.waiting += 1
        rush.loads.look(rush.amazon.now_s)

    assert GATHERING_SHARE * LATER_PATH_S == looks * LOOK_S


def test_what_waits_for_walmart_is_sent_side_by_side() -> None:
    walmart = Budgeted(marketplace.BUDGETS)
    loads = Loads([PUT], cast(Board, Waiting(20)), cast(Partner, walmart))
    loads._lanes[0].operation = "inventory_read"
    walks = 0
    while loads.may_begin(0, walmart.now_s):
        loads.begin(0)
        walks += 1

    assert 4 == walks
