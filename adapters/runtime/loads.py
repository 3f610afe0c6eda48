"""How many offers go on which path of a channel, and when: decided from budgets and measured times.

The first path takes the riskiest pairs as fast as its budget allows. A later one, which takes many
at once and its time, takes what the paths before it do not come to within that time.

A load that is not full waits until the one before it has landed, as small segments do in TCP
(RFC 896): what changes meanwhile goes along, so that a channel gets few calls however much changes.
One of a later path waits as well while more changes, for a share of the time that it takes.

Rules of this file: it decides and does not wait.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from ..contract import PublishPath, Request
from ..publishing.board import Board
from ..publishing.flights import Flight
from .partner import Partner

#: Walks of one path that may be under way at once: a channel that answers in a second is sent as
#: many full loads a second.
WALKS_MAX: Final = 8

#: Seconds that a later path is taken to need until the first walk was measured. Amazon's feeds are
#: done after some minutes.
LATER_PATH_S: Final = 300.0

#: Share of the time of a later path for which a part of a load waits while more comes.
GATHERING_SHARE: Final = 0.1

#: Seconds after which no more comes, when nothing has.
SETTLED_S: Final = 1.0

#: Weight of the newest measurement.
_NEWEST: Final = 0.3


@dataclass(slots=True)
class _PathLoad:
    path: PublishPath
    seconds: float
    """How long a walk takes."""
    offers_max: int
    """Fewer than the path takes after one was not understood, to find which offer is to blame."""
    under_way: int = 0
    unsent: int = 0
    """Of those, walks whose first request has not taken its tokens."""
    operation: str = ""
    cost: float = 1.0
    gathering_since_s: float | None = None
    """Since when there is something for a load that is not full."""


class Loads:
    """The loads of one channel."""

    def __init__(self, paths: Sequence[PublishPath], board: Board, partner: Partner) -> None:
        self._lanes = [
            _PathLoad(path, LATER_PATH_S if place else 0.0, path.offers_max)
            for place, path in enumerate(paths)
        ]
        self._board = board
        self._partner = partner
        self._waiting = 0
        self._grew_s = -inf

    def look(self, now_s: float) -> None:
        """Note whether more waits than at the look before."""
        if self._board.waiting > self._waiting:
            self._grew_s = now_s
        self._waiting = self._board.waiting

    def may_begin(self, place: int, now_s: float) -> bool:
        """Whether a walk on a path is to begin now; one at a time, while the channel is away."""
        lane, board = self._lanes[place], self._board
        walks_max = 1 if self._partner.gate.last_error else WALKS_MAX
        if lane.under_way >= walks_max or self.wait_s(place) > 0:
            return False
        spoken_for = lane.unsent * lane.offers_max
        if place == 0 and board.overtaking > spoken_for:
            return True
        waiting = board.waiting - self._done_before(place) - spoken_for
        is_part = 1 <= waiting < lane.offers_max and not lane.under_way
        if place and is_part:
            return self._has_gathered(lane, now_s)
        lane.gathering_since_s = None
        return is_part or waiting >= lane.offers_max

    def take(self, place: int, now_s: float) -> Iterator[Flight]:
        """What a walk on a path takes. Others may get their turn between offers."""
        size, board = self._lanes[place].offers_max, self._board
        if place == 0 and board.overtaking:
            return iter(board.take_overtaking(size, now_s))
        return board.take_by_turns(size, now_s, self._done_before(place))

    def wait_s(self, place: int) -> float:
        """Seconds until a path has the tokens for a walk."""
        lane = self._lanes[place]
        bucket = self._partner.budget(lane.operation)
        missing = min(lane.cost, bucket.burst) - bucket.within(0) + lane.unsent * lane.cost
        return max(0.0, missing / bucket.rate)

    def begin(self, place: int) -> None:
        """A walk begins."""
        self._lanes[place].under_way += 1
        self._lanes[place].unsent += 1

    def send(self, place: int, request: Request) -> None:
        """It takes the tokens of its first request."""
        lane = self._lanes[place]
        lane.unsent -= 1
        lane.operation, lane.cost = request.operation, request.cost

    def end(self, place: int, *, was_sent: bool) -> None:
        """A walk ends."""
        self._lanes[place].under_way -= 1
        self._lanes[place].unsent -= not was_sent

    def measure(self, place: int, seconds: float) -> None:
        """The channel took a load, after so long."""
        lane = self._lanes[place]
        lane.seconds += _NEWEST * (seconds - lane.seconds)
        lane.offers_max = min(2 * lane.offers_max, lane.path.offers_max)

    def halve(self, place: int) -> None:
        """A load was not understood: take less, to find which offer is to blame."""
        lane = self._lanes[place]
        lane.offers_max = max(1, lane.offers_max // 2)

    def _has_gathered(self, lane: _PathLoad, now_s: float) -> bool:
        """Whether a load that is not full need not wait for more."""
        if lane.gathering_since_s is None:
            lane.gathering_since_s = now_s
        is_settled = now_s - self._grew_s >= min(SETTLED_S, GATHERING_SHARE * lane.seconds)
        return is_settled or now_s - lane.gathering_since_s >= GATHERING_SHARE * lane.seconds

    def _done_before(self, place: int) -> int:
        """Offers that the paths before this one come to before a walk of it is done."""
        seconds = self._lanes[place].seconds
        return sum(self._offers_within(lane, seconds) for lane in self._lanes[:place])

    def _offers_within(self, lane: "_PathLoad", seconds: float) -> int:
        tokens = self._partner.budget(lane.operation).within(seconds)
        return int(max(0.0, tokens) / lane.cost) * lane.path.offers_max
