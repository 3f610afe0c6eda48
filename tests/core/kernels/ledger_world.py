"""The ledger's kernels, on the tables of one shard that live through a random story."""

from random import Random
from typing import Any

import numpy as np

from holdfast.core import kernels
from holdfast.core.limits import HOLD_MS_MAX, HOLD_MS_MIN, ON_HAND_MAX, QUANTITY_MAX
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import LEVEL, LINE, OPERATION, RESERVATION, Array
from tests.core.kernels.duel import Duel
from tests.core.kernels.worlds import EDGES, Names, make_directory, make_locations, random_keys

HELD, COMMITTED, FULFILLED = kernels.HELD, kernels.COMMITTED, kernels.FULFILLED
MOVES = (
    (HELD, COMMITTED),
    (HELD, kernels.RELEASED),
    (HELD, kernels.EXPIRED),
    (COMMITTED, FULFILLED),
    (COMMITTED, kernels.CANCELLED),
)

#: Numbers of shards: the first, one in the middle, the last.
SHARDS = (0, 3, 255)
LINES_MAX = 5


class Shop:
    """A shard's tables, with room for a fixed number of reservations; full when it is reached."""

    def __init__(self, duel: Duel, rng: Random) -> None:
        self.duel = duel
        self.rng = rng
        self.shard = rng.choice(SHARDS)
        self.now_ns = rng.choice((0, 1_700_000_000 * 10**9))
        self.sequence = 1
        self.capacity = rng.choice((3, 63, 255))
        self.count = self.line_count = self.split_count = self.heap_size = self.texts = 0
        self.skus, self.places = Names(duel, rng, 64, least=1), Names(duel, rng, 8, least=1)
        self.removed = np.array([rng.random() < 0.1 for _ in range(64)], np.uint8)
        self.locations = make_locations(rng, 8)
        self.levels = self._levels()
        self.reservations = np.zeros(self.capacity, RESERVATION)
        self.lines = np.zeros(self.capacity * LINES_MAX, LINE)
        self.splits = np.zeros((len(self.lines), 6), np.int64)
        self.directory = make_directory(2 * self.capacity)
        self.times = np.zeros(2 * self.capacity, np.int64)
        self.numbers = np.zeros(2 * self.capacity, np.int32)
        self.keys = random_keys(rng, 2 * self.capacity)
        self._enter_others()

    def _enter_others(self) -> None:
        """Let another shard know some ids; one slot stays empty all the same."""
        for number in range(min(5, self.capacity // 2)):
            key = self.rng.choice(self.keys)
            self.duel.call("insert_part", *self.directory, *key, 1, number)
            self.capacity -= 1

    def _levels(self) -> Array:
        """A few rows: nothing, shortfalls, plenty, and one at each limit."""
        usual = (0, 5, 100, -3, QUANTITY_MAX)
        on_hand = [ON_HAND_MAX, -ON_HAND_MAX, *self.rng.choices(usual, k=self.rng.choice((1, 20)))]
        rows = np.zeros(len(on_hand), LEVEL)
        rows["on_hand"] = on_hand
        rows["sku"] = [self.rng.randrange(self.skus.capacity) for _ in rows]
        rows["location"] = [self.rng.randrange(self.places.capacity) for _ in rows]
        return rows

    @property
    def room(self) -> int:
        """Reservations that still fit."""
        return self.capacity - self.count

    @property
    def records(self) -> tuple[Array, Array, Array]:
        """Reservations with what hangs on them."""
        return self.reservations, self.lines, self.splits

    def quantity(self) -> int:
        """A quantity that a line may have."""
        return self.rng.choice((1, 1, 2, 5, 99, QUANTITY_MAX))

    def hold_ms(self) -> int:
        """A duration that a hold may have."""
        return self.rng.choice((HOLD_MS_MIN, HOLD_MS_MIN + 1, HOLD_MS_MAX))

    def _operations(self, count: int) -> Array:
        operations = np.zeros(count, OPERATION)
        for operation in operations:
            operation["key_hi"], operation["key_lo"] = self.rng.choice(self.keys)
            operation["quantity"] = self.quantity()
            operation["row"] = self.rng.randint(-1, len(self.levels))
            operation["hold_ms"] = self.hold_ms()
            operation["shard"] = self.rng.choices((self.shard, 7), (9, 1))[0]
            operation["flags"] = self.rng.choices((0, kernels.FLAG_TEXT), (9, 1))[0]
            if self.count and self.rng.random() < 0.1:
                self._repeat(operation)
        return operations

    def _repeat(self, operation: Any) -> None:
        """Ask for the same again."""
        record = self.reservations[self.rng.randrange(self.count)]
        line = self.lines[record["first_line"]]
        operation["quantity"], operation["row"] = line["quantity"], line["row"]
        for field in ("key_hi", "key_lo", "hold_ms"):
            operation[field] = record[field]

    def reserve_batch(self) -> None:
        """Decide single lines, some of them asked for before, some answered already."""
        count = self.rng.randint(0, min(40, self.room))
        operations = self._operations(count)
        codes = np.zeros(count, np.uint8)
        self.duel.call(
            "judge_operations", operations, HOLD_MS_MIN, HOLD_MS_MAX, QUANTITY_MAX, codes,
            np.zeros(4, np.int64), operations=max(1, count),
        )  # fmt: skip
        codes[:] = self.rng.choices((kernels.PENDING, 8), (9, 1), k=count)
        behind = self.rng.choice((0, 3))
        effects = np.zeros(behind + count, DTYPES[Section.RESERVATIONS])
        line_effects = np.zeros(behind + count, DTYPES[Section.LINES])
        available = np.zeros(count, np.int64)
        _, accepted, texts, self.heap_size = self.duel.call(
            "reserve_batch", operations, codes, self.now_ns, self.sequence, self.shard, self.texts,
            self.reservations, self.count, self.lines, self.line_count, self.splits, self.levels,
            len(self.levels) - self.rng.choice((0, 1)), self.removed, self.locations,
            *self.directory, self.times, self.numbers, self.heap_size, effects, behind,
            line_effects, behind, available, self.rng.random() < 0.3, operations=max(1, count),
        )  # fmt: skip
        self.duel.note("reserve_batch", codes)
        self.count += accepted
        self.line_count += accepted
        self.texts += texts

    def apply_reservations(self) -> None:
        """Append reservations of some lines, as the ledger and replay do."""
        effects = np.zeros(self.rng.randint(0, min(8, self.room)), DTYPES[Section.RESERVATIONS])
        for effect in effects:
            effect["key_hi"], effect["key_lo"] = self.rng.choice(self.keys)
            effect["hold_ms"] = self.hold_ms()
            effect["line_count"] = self.rng.randint(1, LINES_MAX)
            effect["flags"] = self.rng.choice((0, 1, 2, 3))
        lines = self._line_effects(int(effects["line_count"].sum()))
        texts, self.heap_size = self.duel.call(
            "apply_reservations", effects, lines, self.now_ns, self.sequence, self.shard,
            self.texts, self.reservations, self.count, self.lines, self.line_count, self.levels,
            *self.directory, self.times, self.numbers, self.heap_size,
            operations=max(1, len(lines)),
        )  # fmt: skip
        self.count += len(effects)
        self.line_count += len(lines)
        self.texts += texts

    def _line_effects(self, count: int) -> Array:
        lines = np.zeros(count, DTYPES[Section.LINES])
        lines["quantity"] = [self.rng.choice((1, 2, 5, 99)) for _ in lines]
        lines["row"] = [self.rng.randrange(len(self.levels)) for _ in lines]
        lines["position"] = range(count)
        short = lines.copy()
        short["row"] = [self.rng.randint(-1, len(self.levels) - 1) for _ in short]
        short["quantity"] = [self.quantity() for _ in short]
        self.duel.call("short_lines", self.levels, short, operations=max(1, count))
        return lines

    def apply_moves(self) -> None:
        """Move units of some lines, a part of them or all."""
        chosen = self.rng.sample(range(self.line_count), min(20, self.line_count))
        moves = []
        for line in chosen:
            leaves, enters = self.rng.choice(MOVES)
            units = self.duel.call("units", self.lines, self.splits, line, leaves)
            if units > 0:
                moves.append((self.rng.choice((1, units)), line, leaves, enters, 0))
        effects = np.array(moves, DTYPES[Section.MOVES])
        self._apply(effects)

    def _apply(self, effects: Array) -> None:
        self.split_count = self.duel.call(
            "apply_moves", effects, self.lines, self.splits, self.split_count, self.levels,
            operations=max(1, len(effects)),
        )  # fmt: skip

    def whole_moves(self) -> None:
        """Write moves of a reservation's lines, and apply them."""
        for number in self._some_numbers(5):
            record = self.reservations[number]
            first, count = int(record["first_line"]), int(record["line_count"])
            leaves, enters = self.rng.choice(MOVES)
            moves = np.zeros(count, DTYPES[Section.MOVES])
            written = self.duel.call(
                "whole_moves", first, count, self.lines, self.splits, leaves, enters, moves,
                operations=count,
            )  # fmt: skip
            self._apply(moves[:written])
            totals = np.zeros(6, np.int64)
            self.duel.call(
                "count_units", first, count, self.lines, self.splits, totals, operations=count
            )

    def move_batch(self) -> None:
        """Move whole reservations by their ids."""
        count = self.rng.randint(0, 40)
        operations = self._operations(count)
        parts = np.zeros(count, np.int64)
        self.duel.call("find_parts", *self.directory, operations, parts, operations=max(1, count))
        codes = np.where(parts < 0, kernels.UNKNOWN_RESERVATION, kernels.PENDING).astype(np.uint8)
        total = self.duel.call(
            "count_lines", parts, self.shard, self.reservations, operations=max(1, count)
        )
        leaves, enters = self.rng.choice((MOVES[0], MOVES[1], MOVES[3]))
        behind = self.rng.choice((0, 3))
        effects = np.zeros(behind + total, DTYPES[Section.MOVES])
        _, self.split_count = self.duel.call(
            "move_batch", operations, parts, codes, self.shard, leaves, enters, *self.records,
            self.split_count, self.levels, effects, behind, operations=max(1, count),
        )  # fmt: skip
        self.duel.note("move_batch", codes)

    def extend(self) -> None:
        """Let holds end later; their first entries in the heap go stale."""
        room = len(self.times) - self.heap_size - self.room
        effects = np.zeros(min(room, self.rng.randint(0, 5), self.count), DTYPES[Section.EXTENDS])
        effects["reservation"] = self._some_numbers(len(effects))
        effects["expires_at_ns"] = [self.now_ns + self.rng.getrandbits(50) for _ in effects]
        self.heap_size = self.duel.call(
            "apply_extends", effects, self.reservations, self.times, self.numbers, self.heap_size,
            operations=max(1, len(effects)),
        )  # fmt: skip

    def link(self) -> None:
        """Let parts of other shards follow."""
        effects = np.zeros(min(2, self.count), DTYPES[Section.LINKS])
        effects["reservation"] = self._some_numbers(len(effects))
        effects["next_part"] = [self.rng.choice((1, 255)) << 40 | 5 for _ in effects]
        self.duel.call("apply_links", effects, self.reservations, operations=max(1, len(effects)))

    def expire(self) -> None:
        """Go on in time, and end what is due; the moves have little room, and so has the turn."""
        self.now_ns += self.rng.choice((0, 1, 10**6, 10**9, HOLD_MS_MAX * 10**6))
        self.sequence += 1
        behind = self.rng.choice((0, 3))
        moves = np.zeros(
            behind + self.rng.choice((LINES_MAX, 4 * LINES_MAX)), DTYPES[Section.MOVES]
        )
        while True:
            size, end, _ = self.duel.call(
                "due_moves", self.now_ns, self.rng.choice((1, 3, 100)), self.times, self.numbers,
                self.heap_size, *self.records, moves, behind, HELD, kernels.EXPIRED,
            )  # fmt: skip
            self._apply(moves[behind:end])
            if size == self.heap_size:
                return
            self.heap_size = size

    def _some_numbers(self, count: int) -> list[int]:
        return self.rng.sample(range(self.count), min(count, self.count))

    def restart(self) -> None:
        """Build anew what is derived, and hash the content."""
        entered = max(1, self.count)
        anew = make_directory(2 * self.capacity)
        self.duel.call(
            "index_parts", *anew, self.reservations, self.count, self.shard, operations=entered
        )
        times, numbers = np.zeros_like(self.times), np.zeros_like(self.numbers)
        held = self.duel.call(
            "index_expiries", times, numbers, self.reservations, self.count, self.lines,
            self.splits, operations=entered,
        )  # fmt: skip
        assert held <= self.count
        texts: tuple[Any, ...] = (
            *(self.skus.offsets, self.skus.arena),
            *(self.places.offsets, self.places.arena),
        )
        self.duel.call(
            "hash_lines", self.reservations, self.count, self.lines, self.splits, self.levels,
            np.uint64(self.rng.choice(EDGES)), *texts, operations=entered,
        )  # fmt: skip


def shop(duel: Duel, rng: Random) -> None:
    """Reserve, move, extend and expire until there is no room, and a while longer."""
    world = Shop(duel, rng)
    steps = (
        world.reserve_batch, world.apply_reservations, world.apply_moves, world.whole_moves,
        world.move_batch, world.extend, world.link, world.expire,
    )  # fmt: skip
    for _ in range(60):
        rng.choice(steps)()
    world.restart()
