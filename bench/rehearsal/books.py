"""The books of a run: what the node has promised us, and whether it ever promised a unit twice.

A judge that is simpler than the accused: it knows nothing of holds but what was sent and answered,
and when. It does not blame the node for what it cannot know. A promise counts from its answer, when
it is certain, to the first moment at which it may have ended; a supply counts from the moment at
which it was sent. Promises beyond supply are therefore proof. What was not answered is not
guessed: it is `unsettled`, and the node is asked about it after the run.

Times are seconds of any one clock, handed in.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..harness.workload import Row
from .shopping import Line, Message

#: Part by which the node's clock may run faster than ours. NTP slews a clock by 0.0005 at most, and
#: there are two of them.
DRIFT_MAX = 0.001


class WrongAnswerError(Exception):
    """The node answered what cannot be right."""


@dataclass(slots=True)
class _Promise:
    lines: tuple[Line, ...]
    begin: float
    """When it was answered."""
    end: float
    """When it may have ended."""
    committed_at: float | None = None
    is_fulfilled: bool = False


@dataclass(slots=True)
class Level:
    """What one stock level has to be like when all holds have ended."""

    sku: str
    location: str
    on_hand: int = 0
    committed: int = 0
    oversold: int = 0
    """Units promised beyond supply at the worst moment of the run."""


@dataclass(slots=True)
class Books:
    """What was sent and answered."""

    stock: Mapping[Row, int]
    hold_s: float
    unsettled: set[str] = field(default_factory=set)
    """Reservations with a command that was sent and not answered."""
    _promises: dict[str, _Promise] = field(default_factory=dict)
    _supplies: list[tuple[float, dict[Row, int]]] = field(default_factory=list)
    _counts: dict[Row, int] = field(default_factory=dict)
    _supplied: defaultdict[Row, int] = field(default_factory=lambda: defaultdict(int))

    def sending(self, reservation_id: str) -> None:
        """Before any command."""
        self.unsettled.add(reservation_id)

    def answered(self, reservation_id: str) -> None:
        """After any answer, also a refusal. What took effect is entered besides."""
        self.unsettled.discard(reservation_id)

    def reserved(
        self, reservation_id: str, lines: Iterable[Line], sent: float, answered: float
    ) -> None:
        """A Reserve was accepted."""
        end = sent + self.hold_s * (1 - DRIFT_MAX)
        self._promises[reservation_id] = _Promise(tuple(lines), answered, end)

    def hold_end(self, reservation_id: str) -> float:
        """The first moment at which a hold can be over."""
        return self._promises[reservation_id].end

    def releasing(self, reservation_id: str, now: float) -> None:
        """Before a Release."""
        promise = self._promises[reservation_id]
        promise.end = min(promise.end, now)

    def committed(self, reservation_id: str, now: float) -> None:
        """A Commit was accepted."""
        self._promises[reservation_id].committed_at = now

    def fulfilled(self, reservation_id: str) -> None:
        """A Fulfill was accepted."""
        self._promises[reservation_id].is_fulfilled = True

    def supplying(self, message: Message, now: float) -> None:
        """Before stock events are sent for the first time."""
        gains = {row: units for row, units in message.supplied.items() if units > 0}
        self._supplies.append((now, gains))

    def supplied(self, message: Message) -> None:
        """Stock events took effect."""
        for row, units in message.supplied.items():
            self._supplied[row] += units
        self._counts |= message.counted

    def levels(self) -> list[Level]:
        """What every stock level has to be like, but for what is unsettled."""
        levels = {row: Level(*row, on_hand=units) for row, units in self.stock.items()}
        for row, units in self._supplied.items():
            levels[row].on_hand += units
        for row, units in self._counts.items():
            levels[row] = Level(*row, on_hand=units)
        for reservation_id, promise in self._promises.items():
            if promise.committed_at is None or reservation_id in self.unsettled:
                continue
            for sku, location, units in promise.lines:
                if promise.is_fulfilled:
                    levels[sku, location].on_hand -= units
                else:
                    levels[sku, location].committed += units
        for row, units in self._oversold().items():
            levels[row].oversold = units
        return list(levels.values())

    def to_json(self) -> dict[str, Any]:
        """The levels and what is unsettled, for the stocktake."""
        levels = [asdict(level) for level in self.levels()]
        return {"levels": levels, "unsettled": sorted(self.unsettled)}

    def _oversold(self) -> dict[Row, int]:
        """Units promised beyond supply at the worst moment, by stock level."""
        changes: defaultdict[Row, list[tuple[float, int]]] = defaultdict(list)
        for promise in self._promises.values():
            for begin, end in _certain(promise):
                for sku, location, units in promise.lines:
                    changes[sku, location] += [(begin, units), (end, -units)]
        for sent, gains in self._supplies:
            for row, units in gains.items():
                changes[row].append((sent, -units))
        return {row: _worst(changes[row], self.stock[row]) for row in changes}


def _certain(promise: _Promise) -> Iterable[tuple[float, float]]:
    """From when to when units were promised beyond doubt."""
    if promise.begin < promise.end:
        yield promise.begin, promise.end
    if promise.committed_at is not None:
        yield max(promise.committed_at, promise.end), float("inf")


def _worst(changes: list[tuple[float, int]], stock: int) -> int:
    """How far promises went beyond the stock. What ends at a moment, ends before what begins."""
    beyond = worst = -stock
    for _, units in sorted(changes):
        beyond += units
        worst = max(worst, beyond)
    return max(0, worst)
