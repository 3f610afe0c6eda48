"""Shortfalls: which promises at a stock level can't be kept, the newest first.

Nothing leads from a stock level to its reservations, since every Reserve would pay for that. They
are looked for when promises exceed supply, through the reservations of the shard and in steps
(docs/adr/0042).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from .. import kernels
from ..commands import (
    Endangered,
    GetShortfall,
    Shortfall,
    ShortfallView,
    Uncovered,
    Unknown,
)
from ..commands.registry import GET_SHORTFALL, executes
from ..ids import text_from_key
from ..kernels.codes import FLAG_LINE_IDS, FLAG_TEXT
from ..limits import ENDANGERED_IN_ALL_MAX, ENDANGERED_LISTED_MAX
from ..tables.backorders import may_be_awaited, units_by_line
from ..tables.layouts import PROMISE
from ..tables.shard import Shard
from ..tables.table import Array
from ..work import (
    BACKORDER_SEEN,
    LEVEL_SHORT,
    LINE_ENDANGERED,
    LINE_READ,
    NAME_FOUND,
    PROMISE_SOUGHT,
    QUEUE_READ,
    Steps,
    Work,
)
from .backorders import queue_at
from .homes import NAMES_MAX, Homes

#: What is looked at before the turn may end: some 1.5 ms.
SOUGHT_MAX = 150_000

#: Lines that supply does not cover, named at one level: they are listed in one step.
UNCOVERED_LISTED_MAX = 100

_NO_PROMISES = np.zeros(0, PROMISE)

#: A SKU and a location.
Name = tuple[str, str]


class Shortfalls:
    """Shortfalls over the shards of a node."""

    def __init__(self, homes: Homes, work: Work) -> None:
        self.homes = homes
        self.work = work

    @executes(GET_SHORTFALL)
    def get(self, command: GetShortfall, _now_ns: int) -> Steps[ShortfallView | Unknown]:
        """The shortfall of one stock level."""
        shard = self.homes.shard_of_sku(command.sku)
        if shard.skus.find(command.sku) < 0:
            return Unknown("sku", command.sku)
        if shard.locations.find(command.location) < 0:
            return Unknown("location", command.location)
        if shard.find_row(command.sku, command.location) < 0:
            nothing = Shortfall(command.sku, command.location, 0, 0)
            return ShortfallView(nothing, shard.revision_now())
        name = command.sku, command.location
        (found,) = yield from self.describe([name], command.most)
        return ShortfallView(found, shard.revision_now())

    def endangering(self, names: Iterable[Name]) -> Steps[tuple[Shortfall, ...]]:
        """Those among stock levels at which promised units can't be kept, each once."""
        unique = list(dict.fromkeys(names))
        short = set[Name]()
        for shard, named in (yield from self._find(unique)).items():
            rows = (
                *_short_rows(shard, list(named)).tolist(),
                *(yield from self._uncovered_rows(shard, named)),
            )
            short.update(map(named.__getitem__, rows))
        found = [name for name in unique if name in short]
        return (yield from self.describe(found, ENDANGERED_LISTED_MAX)) if found else ()

    def _uncovered_rows(self, shard: Shard, rows: Iterable[int]) -> Steps[list[int]]:
        """Those among rows with backorders that supply does not cover."""
        found = []
        for row in [row for row in rows if shard.backordered.records[row]]:
            if self.work.is_over:
                yield
            self.work.spend(QUEUE_READ + len(shard.backorders) * BACKORDER_SEEN)
            if any(queue_at(shard, row, shard.now_ns).uncovered):
                found.append(row)
        return found

    def awaited(self, events: Array) -> Iterator[int]:
        """The positions of the stock events (STOCK_EVENT) at levels whose units are promised from
        supply.
        """
        for shard in self.homes.shards:
            if may_be_awaited(shard, events["row"]):
                mine = np.flatnonzero(events["shard"] == shard.number)
                units = shard.backordered.records[events["row"][mine]]
                yield from mine[units != 0].tolist()

    def _find(self, names: Sequence[Name]) -> Steps[dict[Shard, dict[int, Name]]]:
        """Stock levels by shard and row, those that there are."""
        found: dict[Shard, dict[int, Name]] = {}
        for start in range(0, len(names), NAMES_MAX):
            if self.work.is_over:
                yield
            piece = names[start : start + NAMES_MAX]
            self.work.spend(len(piece) * NAME_FOUND)
            for name, shard, row in zip(piece, *self.homes.find_rows(piece), strict=True):
                if row >= 0:
                    found.setdefault(shard, {})[row] = name
        return found

    def describe(self, names: Sequence[Name], most: int) -> Steps[tuple[Shortfall, ...]]:
        """The stock levels as they are when the search is done, each with up to `most` lines that
        are endangered, ENDANGERED_IN_ALL_MAX together.
        """
        found: dict[tuple[Shard, int], Array] = {}
        for shard, named in (yield from self._find(names)).items():
            short = _short_rows(shard, list(named))
            if len(short):
                promises = yield from self._seek(shard, short, most)
                found.update(((shard, row), mine) for row, mine in promises)
        left, shortfalls = ENDANGERED_IN_ALL_MAX, list[Shortfall]()
        for name in names:
            shortfalls.append((yield from self._describe(name, found, min(most, left), left)))
            left -= len(shortfalls[-1].endangered) + len(shortfalls[-1].waiting)
        return tuple(shortfalls)

    def _seek(self, shard: Shard, rows: Array, most: int) -> Steps[list[tuple[int, Array]]]:
        """The newest promises (PROMISE) at each of some rows, which rise."""
        levels = shard.levels.records[rows]
        unseen = levels["reserved"] + levels["committed"] - shard.backordered.records[rows]
        backorders = shard.backorders.used[np.argsort(shard.backorders["line"])]
        waiting = backorders["line"].astype(np.int64), backorders["units"].copy()
        promises = np.zeros(len(rows) * most, PROMISE)
        counts = np.zeros(len(rows), np.int64)
        end = len(shard.reservations)
        while end:
            if self.work.is_over:
                yield
            end, done = kernels.find_promises(
                end, SOUGHT_MAX, rows, unseen, *waiting, shard.arrays, promises, counts
            )
            self.work.spend(done * PROMISE_SOUGHT)
            if (unseen <= 0).all():
                break
        starts = range(0, len(promises), most)
        places = zip(rows.tolist(), starts, counts.tolist(), strict=True)
        return [(row, promises[start : start + count]) for row, start, count in places]

    def _describe(
        self, name: Name, found: Mapping[tuple[Shard, int], Array], most: int, room: int
    ) -> Steps[Shortfall]:
        """A stock level with up to `room` of the promises found there that are endangered, and up
        to `most` of those that supply does not cover. The turn may end between them, and some may
        have ended since they were found.
        """
        if self.work.is_over:
            yield
        self.work.spend(LEVEL_SHORT)
        shard = self.homes.shard_of_sku(name[0])
        row = shard.find_row(*name)
        if row < 0:  # its SKU has ended meanwhile
            return Shortfall(*name, 0, 0)
        promises = found.get((shard, row), _NO_PROMISES)[:room]
        units = np.zeros((2, len(promises)), np.int64)
        kernels.read_promises(promises, row, shard.arrays, units)
        on_hand, reserved, committed, available, *_ = shard.read_levels(np.array([row]))[:, 0]
        backordered = int(shard.backordered.records[row])
        left = min(max(0, -int(available)), int(reserved + committed) - backordered)
        waiting = units_by_line(shard, row) if backordered else {}
        endangered = []
        for promise, held, mine in zip(promises, *units.tolist(), strict=True):
            if not left:
                break
            if self.work.is_over:
                yield
            there = held + mine - waiting.get(int(promise["line"]), 0)
            if there and (named := self._name(shard, promise)):
                endangered.append(Endangered(*named, held, mine, min(left, there)))
                left -= endangered[-1].quantity
        figures = int(on_hand), int(available)
        uncovered = self._uncovered(shard, row, most) if backordered else (0, ())
        return Shortfall(*name, *figures, tuple(endangered), left, *uncovered)

    def _uncovered(self, shard: Shard, row: int, most: int) -> tuple[int, tuple[Uncovered, ...]]:
        """Units of backorders that supply does not cover, and the lines that have them, newest
        first.
        """
        self.work.spend(QUEUE_READ + len(shard.backorders) * BACKORDER_SEEN)
        queue = queue_at(shard, row, shard.now_ns)
        total, uncovered = sum(queue.uncovered), list[Uncovered]()
        for record, units in reversed(list(zip(queue.records, queue.uncovered, strict=True))):
            if not units:
                continue
            if len(uncovered) == min(most, UNCOVERED_LISTED_MAX):
                break
            number, line = int(record["reservation"]), int(record["line"])
            self.work.spend(LINE_ENDANGERED)
            figures = int(record["units"]), units, int(record["latest_ns"])
            uncovered.append(Uncovered(*self._ids(shard, number, line), *figures))
        return total, tuple(uncovered)

    def _name(self, shard: Shard, promise: Array) -> tuple[str, str] | None:
        """The ids of a reservation, as its caller spells it, and of its line; None when it has left
        since it was found.
        """
        number, line = int(promise["number"]), int(promise["line"])
        key = int(promise["key_hi"]), int(promise["key_lo"])
        record, lines = shard.reservations.records[number], shard.lines_of(number)
        if key != (int(record["key_hi"]), int(record["key_lo"])) or line not in lines:
            return None
        return self._ids(shard, number, line)

    def _ids(self, shard: Shard, number: int, line: int) -> tuple[str, str]:
        """The ids of a reservation that is there, and of its line."""
        record, lines = shard.reservations.records[number], shard.lines_of(number)
        flags = int(record["flags"])
        has_ids = bool(flags & FLAG_LINE_IDS)
        self.work.spend(LINE_ENDANGERED + has_ids * len(lines) * LINE_READ)
        line_id = shard.line_ids(number)[line - lines.start] if has_ids else ""
        if flags & FLAG_TEXT:  # each part of a reservation has it
            return shard.id_texts.read(int(record["id_text"]), 1)[0], line_id
        return text_from_key(int(record["key_hi"]), int(record["key_lo"])), line_id


def _short_rows(shard: Shard, rows: Sequence[int]) -> Array:
    """Those among rows, in rising order, where promises exceed supply, and there are any."""
    unique: Array = np.unique(np.array(rows, np.int64))
    _, reserved, committed, available, *_ = shard.read_levels(unique)
    on_hand = reserved + committed - shard.backordered.records[unique]
    is_short: Array = (available < 0) & (on_hand > 0)
    short: Array = unique[is_short]
    return short
