"""Legal commands as nasty as they may be: long, repeated, refused, spread over shards, all at once.

`Nasty` knows a node's stock and makes commands of a given size on it. The bench measures what they
weigh, and tests/core/test_work.py counts what they do.
"""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Final

import numpy as np

from holdfast.core.commands import (
    Audit,
    Command,
    Extend,
    ForceRelease,
    GetAvailability,
    GetAvailableToPromise,
    GetReservation,
    GetShortfall,
    Line,
    Location,
    Move,
    MoveBatch,
    ReadLevels,
    RecordStockEvents,
    Reference,
    RepairLevels,
    Reserve,
    ReserveAgainstSupply,
    ReserveAlreadySold,
    ReserveBatch,
    ReserveRun,
    ResolveLevels,
    StockBatch,
    StockDetails,
    StockEvent,
    TextColumn,
    UpdateLocation,
)
from holdfast.core.commands.auditing import LevelName
from holdfast.core.commands.stock import RESERVATION, SUPPLY, TRANSFER, Reversed
from holdfast.core.handles import make_handle
from holdfast.core.ids import Key, key_from_parts, key_from_text
from holdfast.core.limits import (
    BATCH_MAX,
    CHANGING_MAX,
    HOLD_MS_MIN,
    HORIZON_DAYS_MAX,
    LINES_AGAINST_SUPPLY_MAX,
    LINES_MAX,
    NAME_BYTES_MAX,
    NS_PER_DAY,
    NS_PER_S,
    PROMISE_LEVELS_MAX,
    REPAIRED_MAX,
)
from holdfast.core.model import (
    EventKind,
    LocationKind,
    Remainder,
    Verb,
)
from holdfast.core.node import Node
from holdfast.core.tables.layouts import OPERATION, STOCK_EVENT

from . import nasty_catalogue
from .nasty_catalogue import PLACES, SKUS, WIDE

Array = np.ndarray

OPERATIONS_MAX: Final = 8_190
PLENTY: Final = 10**12


class Nasty:
    """Makes commands for one node."""

    def __init__(self, rng: Random, node: Node) -> None:
        self.rng = rng
        self.node = node
        self._number = 0
        self._keys: list[Key] = []
        self._last: Reserve | None = None

    def opening(self) -> Iterator[Command]:
        """Locations and stock, as commands to begin with."""
        for place in ("W", *PLACES):
            yield UpdateLocation(Location(place, LocationKind.STORE, place, enabled=True))
        levels = [(sku, "W") for sku in SKUS] + [(sku, place) for sku in WIDE for place in PLACES]
        for start in range(0, len(levels), BATCH_MAX):
            piece = enumerate(levels[start : start + BATCH_MAX], start + 1)
            facts = (StockEvent(None, n, *level, EventKind.COUNT, PLENTY) for n, level in piece)
            yield RecordStockEvents("opening", tuple(facts))

    def command(self, size: float) -> Command:
        """A command of any kind; `size` says how near it comes to the longest of its kind."""
        return self.rng.choice(KINDS)(self, size)

    def _key(self) -> Key:
        """A new id: a UUID's or a text."""
        key = Key(self.rng.getrandbits(64), self.rng.getrandbits(64), None)
        if self.rng.random() < 0.1:
            key = key_from_text(f"order {key.hi}")
        self._keys.append(key)
        return key

    def _old(self) -> Key:
        return self.rng.choice(self._keys[-64:]) if self._keys else Key(1, 2, None)

    def _lines(self, size: float, quantity: int = 1) -> tuple[Line, ...]:
        count = max(1, int(size * LINES_MAX))
        first = self.rng.randrange(len(SKUS))
        skus = (SKUS[(first + number) % len(SKUS)] for number in range(count))
        return tuple(Line(sku, "W", quantity) for sku in skus)

    def reserve(self, size: float) -> Reserve:
        """Reserve: as many lines as the size says, sometimes more than there is."""
        quantity = self.rng.choice((1, 3, 3, 3, 10 * PLENTY))
        hold_ms = self.rng.choice((1_000, 3_600_000))
        command = Reserve(self._key(), self._lines(size, quantity), hold_ms)
        self._last = command
        return command

    def sell(self, size: float) -> Command:
        """What is sold already, of levels that have it and of some that have nothing."""
        return ReserveAlreadySold(
            self._key(), self._lines(size, self.rng.choice((1, 3, 999))), 1_000
        )

    def repeat(self, size: float) -> Command:
        """The same again, or another order under an old id."""
        if self.rng.random() < 0.7:
            return self._last or self.reserve(size)
        return Reserve(self._old(), self._lines(size), 1_000)

    def _request(self) -> Key | None:
        if self.rng.random() < 0.3:
            return None
        return key_from_parts("request", str(self.rng.randrange(1_000)))

    def move(self, size: float) -> Command:
        """Commit, Fulfill, Release or Cancel, whole or some lines by name."""
        verb = self.rng.choice((Verb.COMMIT, Verb.FULFILL, Verb.RELEASE, Verb.CANCEL))
        last = self._last
        lines: tuple[Line, ...] | None = None
        key = self._old()
        if last and self.rng.random() < 0.5:
            key = last.key
            wanted = last.lines[: max(1, int(size * len(last.lines)))]
            lines = tuple(Line(line.sku, line.location, 1) for line in wanted)
        remainder = self.rng.choice((Remainder.KEEP, Remainder.GIVE_BACK))
        return Move(verb, key, self._request(), lines, remainder)

    def extend(self, _size: float) -> Command:
        """Ask for more time, sometimes in vain."""
        return Extend(self._old(), self._request(), self.rng.choice((1_000, 7_200_000)))

    def get_reservation(self, _size: float) -> Command:
        """Read an old order."""
        return GetReservation(self._old())

    def _operations(self, size: float, *, is_known: bool) -> Array:
        count = max(2, int(size * OPERATIONS_MAX))
        operations = np.zeros(count, OPERATION)
        if is_known and self._keys:
            keys = self.rng.choices(self._keys[-500:], k=count)
            operations["key_hi"] = [key.hi for key in keys]
            operations["key_lo"] = [key.lo for key in keys]
        else:
            ids = np.frombuffer(self.rng.randbytes(16 * count), np.uint64)
            operations["key_hi"], operations["key_lo"] = ids[::2], ids[1::2]
            some = zip(ids[::200].tolist(), ids[1::200].tolist(), strict=True)
            self._keys += [Key(hi, lo, None) for hi, lo in some]
        operations["quantity"] = self.rng.choice((1, 1, 2**40))
        operations["hold_ms"] = self.rng.choice((1_000, 3_600_000))
        shards, rows = self.node.homes.find_rows([(sku, "W") for sku in SKUS[:50]])
        places = [(shard.number, row) for shard, row in zip(shards, rows, strict=True)]
        picked = [places[n % 50] for n in range(count)]
        operations["shard"] = [shard for shard, _ in picked]
        operations["row"] = [max(row, -1) for _, row in picked]
        return operations

    def reserve_batch(self, size: float) -> Command:
        """A batch with new or old ids, plain, in linked groups or as one."""
        operations = self._operations(size, is_known=self.rng.random() < 0.4)
        linked = None
        if self.rng.random() < 0.5:
            run = self.rng.choice((2, 2, 7, len(operations)))
            linked = np.array([(n + 1) % run != 0 for n in range(len(operations))], np.uint8)
            linked[-1] = 0
        return ReserveBatch(operations, linked)

    def reserve_run(self, size: float) -> Command:
        """Single lines of as many callers, by name, some of which lead nowhere."""
        # The pump gathers what came from one connection, which is less than a batch may have.
        operations = self._operations(size / 8, is_known=self.rng.random() < 0.3)
        names = self.rng.choices((*SKUS[:50], "nobody"), k=len(operations))
        correlations = self.rng.choice(((), [str(n // 3) for n in range(len(names))]))
        return ReserveRun(operations, [(name, "W") for name in names], correlations)

    def move_batch(self, size: float) -> Command:
        """A batch of moves, mostly of old ids."""
        verb = self.rng.choice((Verb.COMMIT, Verb.FULFILL, Verb.RELEASE))
        return MoveBatch(verb, self._operations(size, is_known=self.rng.random() < 0.9))

    def get_availability(self, size: float) -> Command:
        """Read SKUs at one location, or at many."""
        count = max(1, int(size * BATCH_MAX))
        names = self.rng.choice((SKUS, WIDE, ["nobody", *SKUS]))
        return GetAvailability(tuple(names[n % len(names)] for n in range(count)))

    def available_to_promise(self, size: float) -> Command:
        """Read by date a SKU that is at many locations, or at one."""
        levels_max = max(1, int(size * PROMISE_LEVELS_MAX))
        sku = self.rng.choice((*WIDE, *SKUS[:3]))
        return GetAvailableToPromise(sku, (), HORIZON_DAYS_MAX, 0, levels_max)

    def record_supply(self, size: float) -> Command:
        """Supply that is announced, changed and received."""
        count = max(1, int(size * CHANGING_MAX / 2))
        kinds = self.rng.choices((EventKind.SUPPLY, EventKind.RECEIPT), k=count)
        places = self.rng.choice((PLACES, PLACES[:1]))
        facts = (
            StockEvent(
                key_from_parts("supply", str(self.rng.getrandbits(64))),
                0,
                self.rng.choice(WIDE),
                self.rng.choice(places),
                kind,
                self.rng.randrange(1, PLENTY),
                reference=Reference(SUPPLY, f"order {self.rng.randrange(300)}", ""),
                expected_ns=self.rng.randrange(200) * NS_PER_DAY,
            )
            for kind in kinds
        )
        return RecordStockEvents("buying", tuple(facts))

    def reserve_against_supply(self, size: float) -> Command:
        """Units that are on hand or to come, of many levels."""
        count = max(1, int(size * LINES_AGAINST_SUPPLY_MAX))
        quantity = self.rng.choice((PLENTY, 9, 9))
        sku = self.rng.choice(WIDE)
        lines = tuple(Line(sku, PLACES[n], quantity, str(n)) for n in range(count))
        latest = tuple(self.rng.randrange(200) * NS_PER_DAY for _ in lines)
        self._number += 1
        key = key_from_text(f"waits {self._number}")
        return ReserveAgainstSupply(key, lines, HOLD_MS_MIN, latest)

    def record_changes(self, size: float) -> Command:
        """Units that change their status, come back under an order, or turn out to be wrong."""
        count = max(1, int(size * CHANGING_MAX))
        kinds = (EventKind.STATUS_CHANGE, EventKind.RETURN, EventKind.REVERSAL)
        return RecordStockEvents(
            "changing", tuple(self._change(self.rng.choice(kinds)) for _ in range(count))
        )

    def _change(self, kind: EventKind) -> StockEvent:
        self._number += 1
        number = 10_000 + self._number
        fact = StockEvent(
            key_from_parts("change", str(number)), 0, self.rng.choice(SKUS[:9]), "W", kind, 1
        )
        if kind is EventKind.STATUS_CHANGE:
            return fact._replace(to_status=f"status {self.rng.randrange(20)}")
        if kind is EventKind.RETURN:
            order = f"order {self._old().hi}"
            return fact._replace(reference=Reference(RESERVATION, order, ""))
        undone = str(number - self.rng.randrange(-2, 9))  # sometimes before it comes
        wanted = self.rng.choice((EventKind.STATUS_CHANGE, EventKind.RECEIPT, EventKind.REVERSAL))
        key = key_from_parts("change", undone)
        return fact._replace(reverses=Reversed("changing", undone, key, wanted))

    def record_transfers(self, size: float) -> Command:
        """Units that go from one place to another, and come there."""
        count = max(1, int(size * CHANGING_MAX / 2))
        kinds = self.rng.choices((EventKind.TRANSFER_DISPATCH, EventKind.RECEIPT), k=count)
        facts = (
            StockEvent(
                key_from_parts("transfers", str(self.rng.getrandbits(64))),
                0,
                self.rng.choice(WIDE),
                self.rng.choice(PLACES),
                kind,
                self.rng.randrange(1, PLENTY),
                reference=Reference(TRANSFER, f"move {self.rng.randrange(300)}", ""),
                to_location=PLACES[0] if kind is EventKind.TRANSFER_DISPATCH else "",
                takes_promised=kind is EventKind.TRANSFER_DISPATCH,
            )
            for kind in kinds
        )
        return RecordStockEvents("moving", tuple(facts))

    def resolve(self, size: float) -> Command:
        """Look up handles, sometimes of names that the node has not remembered."""
        count = max(1, int(size * OPERATIONS_MAX))
        names = [*SKUS, "nobody"]
        for shard in self.node.shards if self.rng.random() < 0.3 else ():
            shard.rows.clear()
        return ResolveLevels(tuple((names[n % len(names)], "W") for n in range(count)))

    def read_levels(self, size: float) -> Command:
        """Read by handle, some of them of nothing."""
        count = max(1, int(size * OPERATIONS_MAX))
        last = len(self.node.shards)
        handles = [make_handle(0, n % (last + 1), n % 999) for n in range(count)]
        return ReadLevels(np.array(handles, np.uint64))

    def record_events(self, size: float) -> Command:
        """Stock facts, with ids or numbers, sometimes of new SKUs."""
        count = max(1, int(size * BATCH_MAX))
        is_keyed, is_new = self.rng.random() < 0.5, self.rng.random() < 0.2
        first = self._number + 10_000
        self._number += count
        prefix = f"N{first}-" if is_new else "S"
        facts = (
            StockEvent(
                key_from_parts("event", str(first + n)) if is_keyed else None,
                0 if is_keyed else first + n,
                f"{prefix}{n % LINES_MAX}",
                "W",
                EventKind.RECEIPT,
                1,
            )
            for n in range(count)
        )
        return RecordStockEvents(f"source {self.rng.randrange(3)}", tuple(facts))

    def count(self, size: float) -> RecordStockEvents:
        """Counts, by turns of nothing, below what is promised, and of plenty."""
        count = max(1, int(size * BATCH_MAX))
        self._number += 1
        units = PLENTY if self._number % 2 else 0
        key = partial(key_from_parts, "count", str(self._number))
        names = (f"S{n % LINES_MAX}" for n in range(count))
        facts = (
            StockEvent(key(str(n)), 0, name, "W", EventKind.COUNT, units)
            for n, name in enumerate(names)
        )
        return RecordStockEvents("counts", tuple(facts))

    def count_late(self, size: float) -> Command:
        """Counts of an instant, some so long ago that what came after is forgotten."""
        counts = self.count(size / 10)
        at_ns = self.node.now_ns - self.rng.choice((0, NS_PER_S, 3_600 * NS_PER_S, NS_PER_DAY))
        facts = (event._replace(occur_time_ns=max(1, at_ns)) for event in counts.events)
        return RecordStockEvents("counts", tuple(facts))

    def get_shortfall(self, _size: float) -> Command:
        """Ask whom a shortfall endangers, mostly nobody."""
        return GetShortfall(self.rng.choice((*SKUS, "nobody")), "W", 1_000)

    def stock_batch(self, size: float) -> Command:
        """Stock facts as columns, each with an id or with a number, in any order."""
        operations = self._operations(size, is_known=False)
        events = np.zeros(len(operations), STOCK_EVENT)
        events["shard"], events["row"] = operations["shard"], operations["row"]
        events["kind"], events["quantity"] = EventKind.RECEIPT, 1
        if self.rng.random() < 0.5:
            events["key_lo"], events["has_key"] = operations["key_lo"], 1
            return StockBatch("columns", events)
        first, self._number = self._number + 1, self._number + len(events)
        events["sequence"] = np.arange(first, first + len(events))
        if self.rng.random() < 0.5:
            events["sequence"] = self.rng.sample(events["sequence"].tolist(), len(events))
        return StockBatch("numbers", events, self._details(len(events)))

    def _details(self, count: int) -> StockDetails | None:
        """What facts came with: mostly nothing, or short texts, or the longest that there are."""
        if not (size := self.rng.choice((0, 0, 12, NAME_BYTES_MAX))):
            return None
        starts = np.arange(count, dtype=np.int64) * size
        texts = TextColumn(np.full(count * size, ord("x"), np.uint8), starts, np.full(count, size))
        times = np.ones(count, np.int64)
        return StockDetails(times, "x" * size, texts, texts, np.ones(count, bool))

    def audit(self, _size: float) -> Command:
        """Read how the audit stands, or begin it again."""
        return Audit(begins=self.rng.random() < 0.5)

    def repair(self, size: float) -> Command:
        """Repair levels, none of which are in quarantine."""
        names = [LevelName(sku, "W") for sku in SKUS[: int(size * REPAIRED_MAX)]]
        return RepairLevels(tuple(names), "r", "a", is_dry_run=self.rng.random() < 0.5)

    def force_release(self, _size: float) -> Command:
        """End an old order, or the longest one."""
        key = self._last.key if self._last and self.rng.random() < 0.5 else self._old()
        return ForceRelease(key, "reason", "actor")


KINDS: Final[list[Callable[[Nasty, float], Command]]] = [
    Nasty.reserve,
    Nasty.sell,
    Nasty.repeat,
    Nasty.move,
    Nasty.extend,
    Nasty.get_reservation,
    Nasty.reserve_batch,
    Nasty.reserve_run,
    Nasty.move_batch,
    Nasty.get_availability,
    Nasty.available_to_promise,
    Nasty.record_supply,
    Nasty.reserve_against_supply,
    Nasty.record_changes,
    Nasty.record_transfers,
    Nasty.resolve,
    Nasty.read_levels,
    Nasty.record_events,
    Nasty.count,
    Nasty.count_late,
    Nasty.get_shortfall,
    Nasty.stock_batch,
    Nasty.audit,
    Nasty.repair,
    Nasty.force_release,
    *nasty_catalogue.KINDS,
]
