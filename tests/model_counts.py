"""Counts that are not of this moment, and goods issues, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from collections.abc import Callable
from typing import Any

from holdfast.core.commands import Reapplied, StockEvent
from holdfast.core.ids import Key, key_from_text
from holdfast.core.limits import COUNT_AHEAD_NS_MAX
from holdfast.core.model import CountBasis, EventKind, EventOutcome, State
from tests.model_history import (
    basis_of,
    is_before_count,
    is_later,
    is_outdated,
    is_posting,
    is_real,
    reapplied_by_kind,
    shipped_since,
)
from tests.model_reservations import Happened, HeldLine, Level, Reservation, Supply
from tests.model_reversals import Undoing
from tests.model_sources import judge_change, on_hand_with
from tests.model_supply import (
    change_supply,
    change_transfer,
    is_of_transfer,
    judge_supply,
    judge_transfer,
)


class Counts:
    """Counts over the levels and reservations of a model."""

    def __init__(
        self,
        reservations: dict[Key, Reservation],
        window_ns: int,
        reopen: Callable[[Key], None],
        last_number: Callable[[str], int],
    ) -> None:
        """`last_number` tells how far a source has come."""
        self.reservations = reservations
        self.window_ns = window_ns
        self.reopen = reopen
        self.last_number = last_number
        self.told: list[Happened] = []
        """All that was ever recorded of any level."""

    def in_memory(self, text: str) -> Reservation | None:
        """A reservation whose lines have not left."""
        found = self.reservations.get(key_from_text(text))
        return None if found is None or found.dropped_at_ns is not None else found

    def apply(
        self,
        name: str,
        event: StockEvent,
        level: Level,
        skus: dict[str, dict[str, Level]],
        now_ns: int,
        judged: Any,
    ) -> Happened:
        """Let a fact take effect; on hand, unless a count had seen it."""
        at_ns = now_ns if event.occur_time_ns is None else min(event.occur_time_ns, now_ns)
        happened = Happened(at_ns, now_ns, 0, name, event.sequence, event.kind)
        happened.is_timed = at_ns != now_ns
        level.facts.append(happened)
        self.told.append(happened)
        if judged.outcome == EventOutcome.REVERSED:
            happened.is_undone = happened.is_nulled = True
            is_issue = event.kind == EventKind.GOODS_ISSUE
            happened.units = event.quantity if is_issue else on_hand_with(event, 0)
            return happened
        if judged.outcome != EventOutcome.APPLIED:
            happened.kind = None
            happened.is_counted = True
            if judged.outcome == EventOutcome.ALREADY_COUNTED and event.kind != EventKind.COUNT:
                self.change_others(name, event, level, skus, now_ns, judged)
            return happened
        before = level.on_hand
        level.on_hand = on_hand_with(event, level.on_hand) + judged.delta
        happened.units = level.on_hand - before
        if is_posting(judged.undoing):
            happened.kind = EventKind.GOODS_ISSUE
            happened.units = event.quantity * judged.undoing.sign
            level.unposted -= happened.units * (self.window_ns > 0)
        elif event.kind in (EventKind.COUNT, EventKind.GOODS_ISSUE):
            happened.units = event.quantity
        if event.kind in (EventKind.RECEIPT, EventKind.ADJUSTMENT):
            level.fed_by = name
        if event.kind == EventKind.GOODS_ISSUE:
            self.ship(name, event, level, now_ns)
        elif event.kind == EventKind.SHIPMENT_REVERSAL:
            self.take_back(event, level, now_ns)
        elif event.kind == EventKind.COUNT:
            level.count_source = name
            level.count_sequence = event.as_of_sequence or event.sequence
            level.compares_times = level.is_reset = False
            if not event.is_plain:
                happened.basis = level.basis = basis_of(event)
                level.counted_ns = at_ns
                is_stated = event.occur_time_ns is not None and self.window_ns > 0
                level.instant_ns = at_ns if is_stated else None
                has_own = event.sequence > 0 and not event.as_of_sequence
                level.compares_times = has_own and is_stated
        else:
            self.change_others(name, event, level, skus, now_ns, judged)
        return happened

    def change_others(
        self,
        name: str,
        event: StockEvent,
        level: Level,
        skus: dict[str, dict[str, Level]],
        now_ns: int,
        judged: Any,
    ) -> None:
        """What a fact changes beside units on hand, or the undoing of one."""
        undoing: Undoing | None = judged.undoing
        if event.kind == EventKind.REVERSAL:
            if undoing is None or not undoing.sign or undoing.fact.kind == EventKind.GOODS_ISSUE:
                return
            event = undoing.fact
        sign = undoing.sign if undoing else 1
        judged.is_untracked = not change_supply(name, event, level, now_ns, sign)
        there = transfer_level(event, level, skus) if is_of_transfer(event) else None
        if there and judge_transfer(event, there, sign) != EventOutcome.APPLIED:
            judged.is_untracked = True
        elif there:
            skus[event.sku][there.location] = there
            judged.in_transit = change_transfer(event, there, now_ns, sign)
        states = [State.FULFILLED, State.RETURNED]
        statuses = [event.from_status, event.to_status]
        if undoing and undoing.sign < 0:
            states.reverse()
            statuses.reverse()
        level.change_status(statuses[0], -abs(event.quantity))
        level.change_status(statuses[1], abs(event.quantity))
        left = event.quantity
        for line in self.shipped_lines(event, skus) or ():
            units = min(left, line.units[states[0]])
            line.move(states[0], states[1], units)
            left -= units

    def was_counted_since(
        self, fact: Happened | None, came_at_ns: int | None, level: Level, now_ns: int
    ) -> bool:
        """Whether the last count of a level, after a fact, was one of the shelf. None stands for a
        fact that is not remembered.
        """
        counts = [each for each in self.known(level.facts, now_ns) if each.kind == EventKind.COUNT]
        last = counts[-1] if counts else None
        if last is not None and last.basis == CountBasis.BOOKS:
            return False
        if fact is not None and fact.came_at_ns > now_ns - self.window_ns and fact.is_counted:
            return True
        if last is None or (came_at_ns is not None and last.came_at_ns < came_at_ns):
            return False
        if fact is None or fact.came_at_ns <= now_ns - self.window_ns:
            return came_at_ns is None or last.at_ns >= came_at_ns
        if last.source == fact.source and last.sequence and fact.sequence:
            return last.sequence > fact.sequence
        places = level.facts.index(last), level.facts.index(fact)
        return (last.at_ns, places[0]) > (fact.at_ns, places[1])

    def take_back(self, event: StockEvent, level: Level, now_ns: int) -> None:
        """Let units of an order be committed that were not shipped."""
        left = event.quantity
        for line in self.lines_at(event, level) or ():
            units = min(left, line.units[State.FULFILLED])
            line.move(State.FULFILLED, State.COMMITTED, units, now_ns)
            left -= units
        order = event.reservation
        assert order is not None
        self.reopen(key_from_text(order.id))

    def judge_shipment_reversal(
        self, event: StockEvent, level: Level, now_ns: int
    ) -> tuple[EventOutcome, int, int]:
        """Whether so many units were shipped, how many; and how many no count has found since."""
        lines = self.lines_at(event, level)
        shipped = sum(line.units[State.FULFILLED] for line in lines or ())
        if event.quantity > shipped:
            is_known = lines is not None
            outcome = EventOutcome.EXCEEDS_SHIPPED if is_known else EventOutcome.UNKNOWN_ORDER
            return outcome, shipped, 0
        counts = [each for each in self.known(level.facts, now_ns) if each.kind == EventKind.COUNT]
        delta = event.quantity
        if counts and counts[-1].basis != CountBasis.BOOKS:
            last = counts[-1]
            seen = [
                each
                for each in self.known(level.facts, now_ns)
                if last.basis is not None and is_before_count(each, last)
            ]
            since_ns = max(last.at_ns, now_ns - self.window_ns)
            delta = min(delta, shipped_since(level, since_ns, seen))
        return EventOutcome.APPLIED, 0, delta

    def judge(
        self,
        name: str,
        event: StockEvent,
        level: Level,
        skus: dict[str, dict[str, Level]],
        now_ns: int,
    ) -> tuple[EventOutcome, int, int, tuple[Reapplied, ...]]:
        """What becomes of a fact; units that there are, units that it adds to what it says, and
        what it had not seen.
        """
        if event.kind == EventKind.GOODS_ISSUE:
            return *self.judge_goods_issue(name, event, level, now_ns), ()
        if event.kind == EventKind.SHIPMENT_REVERSAL:
            return *self.judge_shipment_reversal(event, level, now_ns), ()
        if event.kind == EventKind.SUPPLY:
            return judge_supply(name, event, level), 0, 0, ()
        if event.kind == EventKind.COUNT:
            is_new = event.location not in skus.get(event.sku, {})
            outcome, reapplied = self.judge_count(name, event, level, now_ns, is_new=is_new)
            return (
                outcome,
                0,
                event.picked_quantity + sum(each.units for each in reapplied),
                reapplied,
            )
        free = free_units(event, level, skus)
        if event.quantity > free:
            return EventOutcome.EXCEEDS_AVAILABLE, free, 0, ()
        return *self.judge_units(event, level, skus), 0, ()

    def judge_units(
        self,
        event: StockEvent,
        level: Level,
        skus: dict[str, dict[str, Level]],
        undoing: Undoing | None = None,
    ) -> tuple[EventOutcome, int]:
        """Whether there is what a fact takes, or its undoing."""
        sign = undoing.sign if undoing else 1
        has_moved = event.kind == EventKind.RECEIPT or event.takes_promised or undoing is not None
        if event.kind == EventKind.TRANSFER_ADJUSTMENT:
            has_moved = False
        if is_of_transfer(event) and not has_moved:
            outcome = judge_transfer(event, transfer_level(event, level, skus), sign)
            if outcome != EventOutcome.APPLIED:
                return outcome, 0
        lines = self.shipped_lines(event, skus)
        if sign > 0:
            return judge_change(event, level, lines)
        back = event._replace(from_status=event.to_status, to_status=event.from_status)
        return judge_change(back, level, lines, State.RETURNED)

    def judge_count(
        self, name: str, event: StockEvent, level: Level, now_ns: int, *, is_new: bool
    ) -> tuple[EventOutcome, tuple[Reapplied, ...]]:
        """What a count had not seen. At a level that begins with it, that is nothing."""
        if event.is_plain:
            return EventOutcome.APPLIED, ()
        as_of_ns = now_ns if event.occur_time_ns is None else event.occur_time_ns
        if as_of_ns > now_ns + COUNT_AHEAD_NS_MAX:
            return EventOutcome.COUNT_IN_FUTURE, ()
        as_of_ns = min(as_of_ns, now_ns)
        if as_of_ns < now_ns - self.window_ns or (event.as_of_sequence and not self.window_ns):
            return EventOutcome.COUNT_TOO_OLD, ()
        if not is_new and not self.has_all_after(name, event, now_ns):
            return EventOutcome.COUNT_TOO_OLD, ()
        known = self.known(level.facts, now_ns)
        later = [each for each in known if is_later(each, name, event, as_of_ns)]
        if is_outdated(later, name, event, level):
            return EventOutcome.COUNT_OUTDATED, ()
        if basis_of(event) == CountBasis.SHELF:
            seen = [each for each in known if each not in later]
            unseen = shipped_since(level, max(as_of_ns, now_ns - self.window_ns), seen)
            later = [each for each in later if is_real(each)]
        else:
            later = [each for each in later if not each.is_nulled]
            posted = sum(each.units for each in later if each.kind == EventKind.GOODS_ISSUE)
            unseen = self.unposted_of_late(level, level.unposted + posted, now_ns)
            if unseen > 0:
                unseen = max(0, unseen - self.seen(event, level))
        return EventOutcome.APPLIED, reapplied_by_kind(later, unseen)

    def has_all_after(self, name: str, event: StockEvent, now_ns: int) -> bool:
        """Whether what a source has numbered above what a count names is known, as far as the first
        number that is known and came in its order tells.
        """
        named = event.as_of_sequence
        if not named and event.occur_time_ns is None:
            named = event.sequence
        own = [each for each in self.told if each.source == name and each.sequence]
        known = [each for each in own if each.came_at_ns > now_ns - self.window_ns]
        is_whole = len(self.known(self.told, now_ns)) == len(self.told)
        if not named or named >= self.last_number(name) or is_whole:
            return True
        in_order = (each.sequence for each in known if not each.is_late)
        first = next(in_order, None)
        return first is not None and first <= named + 1

    def judge_late_count(
        self, name: str, event: StockEvent, opened_ns: int, level: Level, now_ns: int
    ) -> tuple[EventOutcome, tuple[Reapplied, ...]]:
        """What a count of the moment had not seen that should have come before others did."""
        if not self.window_ns or opened_ns < now_ns - self.window_ns:
            return EventOutcome.COUNT_TOO_OLD, ()
        later = [
            each
            for each in level.facts
            if each.came_at_ns >= opened_ns
            and (
                each.sequence > event.sequence
                if each.source == name and each.sequence
                else each.at_ns > opened_ns
            )
        ]
        if any(each.kind == EventKind.COUNT for each in later):
            return EventOutcome.ALREADY_COUNTED, ()
        seen = [each for each in level.facts if each not in later]
        later = [each for each in later if is_real(each)]
        return EventOutcome.APPLIED, reapplied_by_kind(later, shipped_since(level, opened_ns, seen))

    def known(self, happened: list[Happened], now_ns: int) -> list[Happened]:
        """What is not too long ago."""
        return [each for each in happened if each.came_at_ns > now_ns - self.window_ns]

    def unposted_of_late(self, level: Level, unposted: int, now_ns: int) -> int:
        """Units shipped and not posted, or as a number below 0 posted and taken back, as far as
        that was not too long ago.
        """
        units = [each.units for each in self.known(level.shipments, now_ns)]
        if unposted < 0:
            return max(unposted, -sum(each for each in units if each > 0))
        return max(0, min(-sum(units), unposted))

    def taken_back_since(self, name: str, event: StockEvent, level: Level, now_ns: int) -> int:
        """Units that were not shipped after all, which was told later than a posting."""
        at_ns = now_ns if event.occur_time_ns is None else event.occur_time_ns
        later = {
            each.came_at_ns
            for each in self.known(level.facts, now_ns)
            if each.kind == EventKind.SHIPMENT_REVERSAL and is_later(each, name, event, at_ns)
        }
        back = (each for each in level.shipments if each.came_at_ns in later)
        return sum(max(0, each.units) for each in back)

    def shipped_by(self, name: str, event: StockEvent, level: Level, now_ns: int) -> int:
        """Units that a goods issue ships: those that are not known to be shipped, nor to have been
        taken back since.
        """
        known = self.unposted_of_late(level, level.unposted, now_ns)
        ahead = event.quantity - max(0, known)
        return max(0, ahead - self.taken_back_since(name, event, level, now_ns))

    def seen(self, event: StockEvent, level: Level) -> int:
        """Units of the orders that a count had seen, as far as they were shipped from a level."""
        found = (self.in_memory(each) for each in set(event.seen_reservations))
        return sum(
            line.units[State.FULFILLED] + line.units[State.RETURNED]
            for reservation in found
            if reservation is not None
            for line in reservation.lines.values()
            if line.level is level
        )

    def judge_goods_issue(
        self, name: str, event: StockEvent, level: Level, now_ns: int
    ) -> tuple[EventOutcome, int, int]:
        """Whether there are so many units, how many; and what a count took off twice."""
        known = max(0, self.unposted_of_late(level, level.unposted, now_ns))
        lines = self.lines_at(event, level)
        committed = sum(line.units[State.COMMITTED] for line in lines or ())
        if event.quantity > known + committed:
            is_known = lines is not None
            outcome = EventOutcome.EXCEEDS_SHIPPED if is_known else EventOutcome.UNKNOWN_ORDER
            return outcome, known + committed, 0
        shipped = self.shipped_by(name, event, level, now_ns)
        return EventOutcome.APPLIED, 0, self.counted_twice(name, event, level, shipped, now_ns)

    def counted_twice(
        self, name: str, event: StockEvent, level: Level, shipped: int, now_ns: int
    ) -> int:
        """Units of a goods issue that the last count had seen, and took off."""
        at_ns = now_ns if event.occur_time_ns is None else event.occur_time_ns
        has_seen = at_ns <= level.counted_ns
        is_by_time = level.compares_times and event.occur_time_ns not in (None, level.counted_ns)
        if (
            level.count_source == name
            and event.sequence
            and level.count_sequence
            and not is_by_time
        ):
            has_seen = event.sequence <= level.count_sequence
        is_counted = level.basis is not None and has_seen
        if not is_counted or level.counted_ns < now_ns - self.window_ns:
            return 0
        counts = [each for each in level.facts if each.kind == EventKind.COUNT]
        if counts and min(counts[-1].came_at_ns, counts[-1].at_ns) > level.counted_ns:
            return 0
        is_in_books = level.basis == CountBasis.BOOKS
        return event.quantity if is_in_books else shipped

    def lines_at(self, event: StockEvent, level: Level) -> list[HeldLine] | None:
        """The lines that an event at a level may be of; None when its order is not known."""
        order = event.reservation
        assert order is not None
        reservation = self.in_memory(order.id)
        if reservation is None:
            return None
        return [
            line
            for (_, _, line_id), line in reservation.lines.items()
            if line.level is level and order.line in ("", line_id)
        ]

    def ship(self, name: str, event: StockEvent, level: Level, now_ns: int) -> None:
        """Ship what a goods issue is ahead of, and note that it was posted."""
        known = self.unposted_of_late(level, level.unposted, now_ns)
        left = shipped = self.shipped_by(name, event, level, now_ns)
        for line in self.lines_at(event, level) or ():
            units = min(left, line.units[State.COMMITTED])
            line.move(State.COMMITTED, State.FULFILLED, units, now_ns)
            left -= units
        level.unposted = known + shipped - event.quantity

    def shipped_lines(
        self, event: StockEvent, skus: dict[str, dict[str, Level]]
    ) -> list[HeldLine] | None:
        """The lines that a return may be of, those at its location first; None when it names no
        order that is known here.
        """
        order = event.reservation
        if event.kind != EventKind.RETURN or order is None:
            return None
        reservation = self.in_memory(order.id)
        if reservation is None:
            return None
        level = skus.get(event.sku, {})
        lines = [
            line
            for (sku, location, line_id), line in reservation.lines.items()
            if sku == event.sku
            and line.level is level.get(location)
            and order.line in ("", line_id)
        ]
        return sorted(lines, key=lambda line: line.level.location != event.location)


def free_units(event: StockEvent, level: Level, skus: dict[str, dict[str, Level]]) -> int:
    """Units that a dispatch may take without taking what is promised; any number of another fact,
    and of one that is allowed to. What has come already has left.
    """
    is_spared = not event.from_status and not event.takes_promised
    if event.kind != EventKind.TRANSFER_DISPATCH or not is_spared:
        return event.quantity
    assert event.transfer is not None
    known = transfer_level(event, level, skus).supplies.get(event.transfer, Supply())
    return max(0, level.available) + known.over


def transfer_level(event: StockEvent, level: Level, skus: dict[str, dict[str, Level]]) -> Level:
    """The level that the units of a transfer go to, known or not."""
    if event.kind != EventKind.TRANSFER_DISPATCH:
        return level
    known = skus.get(event.sku, {}).get(event.to_location)
    return known or Level(event.sku, event.to_location)
