"""The audit: tables against each other, in the background, a little in a turn.

A pass goes through one shard after the other. It adds up what lines hold and have committed
(tables/line_sums.py), then compares each stock level with that, with the units under its statuses
and with the range of what can be on hand, at the instant at which it looks at it; then the running
totals with the sums over all levels. A level that does not fit goes into quarantine, which is
journaled: no new promises are made of it until an operator has it repaired. How far a pass has
come, and by how much figures are off, is no state (docs/adr/0041).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from .. import kernels
from ..commands import (
    Audit,
    AuditView,
    Conflict,
    Disagreement,
    LevelName,
    Repair,
    RepairLevels,
    RepairsOutcome,
    Unknown,
)
from ..commands.registry import AUDIT, REPAIR_LEVELS, executes
from ..kernels.arguments import (
    HEADER_SIZE,
    UNITS_COMMITTED,
    UNITS_ON_HAND,
    UNITS_RESERVED,
    total_at,
)
from ..kernels.codes import NEVER_NS
from ..limits import ON_HAND_MAX, REPAIRED_MAX
from ..model import RepairVerdict, Verb
from ..tables.effects import Section
from ..tables.line_sums import LineSums
from ..tables.rebuilding import sum_up
from ..tables.shard import Shard
from ..tables.table import Array
from ..tables.writing import record, record_decision
from ..work import COMPARED, DISAGREEING, LEVEL_REPAIRED, SUMMED, TALLIED, Work
from . import repeats
from .homes import Homes

#: Reservations and lines that are added up at once, levels that are compared, levels that are
#: summed up: a fifth of a millisecond each, and two for a sum, which has to be of one instant.
TALLIED_MAX: Final = 6_000
COMPARED_MAX: Final = 10_000
SUMMED_MAX: Final = 500_000

#: Levels that are found wrong at once.
WRONG_MAX: Final = 16

#: After a piece the audit rests for so many times as long as it took: it costs a hundredth of a
#: core while a pass is under way.
RESTS: Final = 99

#: Disagreements and levels that one answer lists.
LISTED_MAX: Final = 100

_FIGURES: Final = ("reserved", "committed", "withheld")
_NAMES: Final = ("reserved", "committed", "unavailable")
_TOTALS: Final = {
    "on_hand": UNITS_ON_HAND,
    "reserved": UNITS_RESERVED,
    "committed": UNITS_COMMITTED,
}

_NS_PER_UNIT = 1_000


class Auditing:
    """The audit of a node's shards, a pass every `interval_ns`; 0 lets none begin by itself."""

    def __init__(self, shards: Sequence[Shard], homes: Homes, work: Work, interval_ns: int) -> None:
        self.shards = shards
        self.homes = homes
        self.work = work
        self.interval_ns = interval_ns
        self.next_ns = 0 if interval_ns else NEVER_NS
        """When to go on."""
        self.found: list[Disagreement] = []
        self.passes = 0
        self._ended_ns: int | None = None
        self._last: tuple[int, int, list[Disagreement], int] = (0, 0, [], 0)
        self._known: set[tuple[object, ...]] = set()
        self._off: dict[tuple[int, int], tuple[int, ...]] = {}
        self._wrong_totals: set[int] = set()
        self._stop()

    def _stop(self) -> None:
        self._pass: Iterator[float] | None = None
        self._is_urgent = False
        self._levels = self._reservations = self._count = 0
        self._listed: list[Disagreement] = []
        self._seen: set[tuple[object, ...]] = set()
        for shard in self.shards:
            shard.line_sums = None

    @property
    def disagreements(self) -> int:
        """What the last pass found."""
        return self._last[3]

    def quarantined_names(self) -> tuple[LevelName, ...]:
        """The first stock levels in quarantine."""
        first = self._quarantined(LISTED_MAX)
        return tuple(LevelName(*shard.name_row(row)) for shard, row in first)

    def take_found(self) -> Sequence[Disagreement]:
        """What was found since the last call, each thing once."""
        found, self.found = self.found, []
        return found

    def go_on(self, now_ns: int) -> None:
        """Audit a little more."""
        if self._pass is None:
            self._pass = self._audit()
        work = next(self._pass, None)
        if work is None:
            self._end(now_ns)
            return
        self.work.spend(work)
        rest_ns = max(1, int(work * RESTS) * _NS_PER_UNIT)
        self.next_ns = now_ns if self._is_urgent else now_ns + rest_ns

    def _end(self, now_ns: int) -> None:
        self.passes += 1
        self._ended_ns = now_ns
        self._last = self._levels, self._reservations, self._listed, self._count
        self._known = self._seen
        self._stop()
        self.next_ns = now_ns + self.interval_ns if self.interval_ns else NEVER_NS

    def _audit(self) -> Iterator[float]:
        """A pass, piece by piece: the work of each."""
        for shard in [each for each in self.shards if len(each.levels)]:
            shard.line_sums = line_sums = LineSums(shard.header, shard.book, len(shard.levels))
            for start in range(0, len(line_sums.units), COMPARED_MAX):
                # The first touch of each page takes the machine microseconds.
                touched = line_sums.units[start : start + COMPARED_MAX]
                touched[:] = 0
                yield len(touched) * COMPARED
            while not line_sums.is_complete:
                yield line_sums.go_on(TALLIED_MAX) * TALLIED
            if line_sums.broken >= 0:
                self._report(Disagreement(shard.number, "", "", "lines", line_sums.broken, 0))
            start, end = 0, len(line_sums.units)
            while start < end:
                reached = self._compare(shard, line_sums, start, min(start + COMPARED_MAX, end))
                yield (reached - start) * COMPARED
                start = reached
            shard.line_sums = None
            self._levels += end
            self._reservations += shard.reservations.in_use
            yield from self._compare_totals(shard)

    def _compare(self, shard: Shard, line_sums: LineSums, start: int, end: int) -> int:
        """Compare levels [start, end); return how far that came."""
        found, expected = np.empty(WRONG_MAX, np.int64), np.zeros(3, np.int64)
        what = (line_sums.units, *_withheld(shard), expected, found)
        count, reached = kernels.find_wrong(start, end, shard.levels.records, *what)
        quarantined = shard.quarantined.used
        first, last = np.searchsorted(quarantined, (start, reached))
        known = set(quarantined[first:last].tolist())
        for row in known:
            self._off[shard.number, row] = (0, 0, 0)  # unless it is found again
        room = shard.quarantined.room
        new: list[tuple[int, int, int]] = []
        for row in found[:count].tolist():
            self.work.spend(DISAGREEING)
            off = self._blame(shard, line_sums, row)
            if row not in known and len(new) < room:
                new.append((row, 1, 0))
            if row in known or (row, 1, 0) in new:
                self._off[shard.number, row] = off
        if new:
            record(shard, Section.QUARANTINES, *new)
        return int(reached)

    def _blame(self, shard: Shard, line_sums: LineSums, row: int) -> tuple[int, ...]:
        """Report what is wrong with a level, and return by how much its figures are off."""
        expected = np.zeros(3, np.int64)
        kernels.read_expected(row, line_sums.units, *_withheld(shard), expected)
        level = shard.levels.records[row]
        pairs = [
            (name, int(level[figure]), should)
            for name, figure, should in zip(_NAMES, _FIGURES, expected.tolist(), strict=True)
        ]
        on_hand = int(level["on_hand"])
        nearest = max(-ON_HAND_MAX, min(on_hand, ON_HAND_MAX))
        names = shard.name_row(row)
        for name, is_, should in (*pairs, ("on_hand", on_hand, nearest)):
            if is_ != should:
                self._report(Disagreement(shard.number, *names, name, is_, should))
        return tuple(is_ - should for _, is_, should in pairs)

    def _compare_totals(self, shard: Shard) -> Iterator[float]:
        """Compare the running totals, at one instant: with more levels than can be summed up at
        once, if nothing changes meanwhile.
        """
        sums, sequence = np.zeros(HEADER_SIZE, np.int64), shard.sequence
        count = len(shard.levels)
        for start in range(0, count, SUMMED_MAX):
            end = min(start + SUMMED_MAX, count)
            kernels.sum_levels(shard.levels.records[start:end], end - start, sums)
            is_over_turns = count > SUMMED_MAX
            if is_over_turns and (shard.effects.touched or shard.sequence != sequence):
                return
            if end == count:
                self._judge_totals(shard, sums)
            yield (end - start) * SUMMED

    def _judge_totals(self, shard: Shard, sums: Array) -> None:
        totals, expected = shard.header.tolist(), sums.tolist()
        self._wrong_totals.discard(shard.number)
        for name, place in _TOTALS.items():
            is_, should = total_at(totals, place), total_at(expected, place)
            if is_ != should:
                self._wrong_totals.add(shard.number)
                self._report(Disagreement(shard.number, "", "", f"total {name}", is_, should))

    def _report(self, disagreement: Disagreement) -> None:
        """Count what was found; what the last pass found by the same difference is known."""
        self._count += 1
        if len(self._listed) < LISTED_MAX:
            self._listed.append(disagreement)
            *what, found, expected = disagreement
            self._seen.add(key := (*what, found - expected))
            if key not in self._known:
                self.found.append(disagreement)

    @executes(AUDIT)
    def read(self, command: Audit, now_ns: int) -> AuditView:
        """How the audit stands."""
        if command.begins:
            self._stop()
            self._is_urgent, self.next_ns = True, now_ns
        levels, reservations, listed, count = self._last
        return AuditView(
            self.passes,
            self._ended_ns,
            levels,
            reservations,
            count,
            tuple(listed),
            sum(len(shard.quarantined) for shard in self.shards),
            self.quarantined_names(),
        )

    def _quarantined(self, count: int) -> Iterator[tuple[Shard, int]]:
        """The first levels in quarantine."""
        for shard in self.shards:
            for row in shard.quarantined.used[:count].tolist():
                yield shard, row
                count -= 1

    @executes(REPAIR_LEVELS)
    def repair(self, command: RepairLevels, now_ns: int) -> RepairsOutcome | Unknown | Conflict:
        """Give levels what they should have. Their difference to that is what the last pass found:
        whatever was held or shipped since changed both sides alike.
        """
        levels = [tuple(level) for level in command.levels]
        said = {"stock_levels": levels, "reason": command.reason, "actor": command.actor}
        home = self.shards[0]
        first = repeats.first_result(home, command.request, Verb.REPAIR_LEVELS, said, now_ns)
        if isinstance(first, Conflict):
            return first
        named = self._named(command)
        if isinstance(named, Unknown):
            return named
        self.work.spend(len(named) * LEVEL_REPAIRED)
        rows = {shard: set(shard.quarantined.used.tolist()) for shard in self.shards}
        repairs = tuple(self._repair(shard, row, rows[shard]) for shard, row in named)
        count = sum(len(shard.quarantined) for shard in self.shards)
        has_more = not command.levels and count > len(named)
        if first is not None:
            return RepairsOutcome(tuple(map(_undone, repairs)), has_more, is_repeat=True)
        if not command.is_dry_run:
            # Point of no return: every level exists.
            before = [shard.effects.written() for shard in self.shards]
            self._write(named, repairs)
            for shard, written in zip(self.shards, before, strict=True):
                record_decision(shard, command.reason, command.actor, written)
            for number in self._wrong_totals:  # derived: nothing is journaled of them
                sum_up(self.shards[number])
            repeats.remember_result(home, command.request, Verb.REPAIR_LEVELS, said, 0)
        return RepairsOutcome(repairs, has_more)

    def _named(self, command: RepairLevels) -> list[tuple[Shard, int]] | Unknown:
        if not command.levels:
            return list(self._quarantined(REPAIRED_MAX))
        shards, rows = self.homes.find_rows(command.levels)
        for index, (level, row) in enumerate(zip(command.levels, rows, strict=True)):
            if row < 0:
                return Unknown(f"stock_levels[{index}]", f"{level.sku} at {level.location}")
        return list(dict.fromkeys(zip(shards, rows, strict=True)))

    def _repair(self, shard: Shard, row: int, quarantined: set[int]) -> Repair:
        """What a repair does to a level of a shard, of which these rows are in quarantine."""
        level = shard.levels.records[row]
        off = self._off.get((shard.number, row))
        if row not in quarantined:
            verdict, off = RepairVerdict.NOT_QUARANTINED, (0, 0, 0)
        elif abs(int(level["on_hand"])) > ON_HAND_MAX:
            verdict, off = RepairVerdict.NEEDS_COUNT, (0, 0, 0)
        else:
            verdict = RepairVerdict.NOT_AUDITED if off is None else RepairVerdict.REPAIRED
        was = [int(level[figure]) for figure in _FIGURES]
        after = [is_ - by for is_, by in zip(was, off or (0, 0, 0), strict=True)]
        return Repair(*shard.name_row(row), verdict, *was, *after)

    def _write(self, named: Sequence[tuple[Shard, int]], repairs: Sequence[Repair]) -> None:
        """Write the repairs of those that can be, by shard."""
        done: dict[Shard, list[tuple[int, Repair]]] = {}
        for (shard, row), repair in zip(named, repairs, strict=True):
            if repair.verdict is RepairVerdict.REPAIRED:
                done.setdefault(shard, []).append((row, repair))
                self._off.pop((shard.number, row), None)
        for shard, rows in done.items():
            record(shard, Section.REPAIRS, *((*each[-3:], row, 0) for row, each in rows))
            record(shard, Section.QUARANTINES, *((row, 0, 0) for row, _ in rows))


def _undone(repair: Repair) -> Repair:
    """A level as it is, for the report of a repair."""
    if repair.verdict is RepairVerdict.NOT_QUARANTINED:
        return repair
    figures = repair.reserved, repair.committed, repair.unavailable
    return Repair(repair.sku, repair.location, RepairVerdict.NOT_REPAIRED, *figures, *figures)


def _withheld(shard: Shard) -> tuple[tuple[Array, ...], Array, int, Array]:
    """What is unavailable at the levels of a shard, and backordered, as kernels take it."""
    unavailable = shard.unavailable
    backordered = shard.backordered.records
    return shard.unavailable_slots.arrays, unavailable.records, len(unavailable), backordered
