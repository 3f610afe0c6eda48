"""The ledger's kernels, on the tables of one shard that live through a random story."""

from random import Random
from typing import Any

import numpy as np

from holdfast.core.kernels import arguments, codes
from holdfast.core.kernels.arguments import Book
from holdfast.core.limits import (
    BLOCKS_SPREAD,
    GRANULES_A_TEXT,
    HOLD_MS_MAX,
    HOLD_MS_MIN,
    ON_HAND_MAX,
    QUANTITY_MAX,
)
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import ENDED_ID, LEVEL, LINE, OPERATION, PROMISE, RESERVATION
from holdfast.core.tables.table import Array
from tests.core.kernels.duel import Duel
from tests.core.kernels.ids_seen import mark_new
from tests.core.kernels.worlds import (
    EDGES,
    PART_BITS,
    Names,
    make_index,
    make_locations,
    make_quarantined,
    make_sources,
    random_keys,
)

HELD, COMMITTED, FULFILLED = codes.HELD, codes.COMMITTED, codes.FULFILLED
MOVES = (
    (HELD, COMMITTED),
    (HELD, codes.RELEASED),
    (HELD, codes.EXPIRED),
    (COMMITTED, FULFILLED),
    (COMMITTED, codes.CANCELLED),
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
        self.header = np.zeros(arguments.HEADER_SIZE, np.int64)
        self.header[arguments.SHARD] = self.shard
        self.header[arguments.NOW_NS] = rng.choice((0, 1_700_000_000 * 10**9))
        self.capacity = rng.choice((3, 63, 255))
        self.skus, self.places = Names(duel, rng, 64, least=1), Names(duel, rng, 8, least=1)
        self.removed = np.array([rng.random() < 0.1 for _ in range(64)], np.uint8)
        self.locations = make_locations(rng, 8)
        self.levels = self._levels()
        more = Random(self.shard), self.header, len(self.levels)
        self.counts, self.sources = make_sources(*more, restricts=self.shard == 255)
        self.reservations = np.zeros(self.capacity, RESERVATION)
        self.lines = np.zeros(self.capacity * LINES_MAX * BLOCKS_SPREAD, LINE)
        self.splits = np.zeros((len(self.lines), 7), np.int64)
        self.ended = np.zeros(self.capacity, ENDED_ID)
        # Of a text of its own, and of one for each line.
        most = GRANULES_A_TEXT * (LINES_MAX + 1)
        granules = np.zeros(self.capacity * most * BLOCKS_SPREAD, LINE)
        self.texts = (granules, granules.view(np.uint8))
        self.header[arguments.LEVELS] = len(self.levels) - rng.choice((0, 1))
        self.quarantined = make_quarantined(rng, self.header, len(self.levels))
        self.index = make_index(4 * self.capacity, PART_BITS)
        self.heap = self._empty_heap()
        self.effects = self._no_effects(0)
        self.keys = random_keys(rng, 2 * self.capacity)
        self._enter_others()

    def _enter_others(self) -> None:
        """Let another shard know some ids; one slot stays empty all the same."""
        for number in range(min(5, self.capacity // 2)):
            key = self.rng.choice(self.keys)
            self.duel.call("insert_part", self.index, *key, 1, number)
            self.capacity -= 1

    def _levels(self) -> Array:
        """A few rows: nothing, shortfalls, plenty, and one at each limit."""
        usual = (0, 5, 100, -3, QUANTITY_MAX)
        on_hand = [ON_HAND_MAX, -ON_HAND_MAX, *self.rng.choices(usual, k=self.rng.choice((1, 20)))]
        rows = np.zeros(len(on_hand), LEVEL)
        rows["on_hand"] = on_hand
        rows["withheld"] = [self.rng.choice((0, 0, 2, QUANTITY_MAX)) for _ in rows]
        rows["sku"] = [self.rng.randrange(self.skus.capacity) for _ in rows]
        rows["location"] = [self.rng.randrange(self.places.capacity) for _ in rows]
        return rows

    def _empty_heap(self) -> tuple[Array, Array, Array]:
        numbers, places = np.zeros((2, self.capacity), np.int32)
        return np.zeros(self.capacity, np.int64), numbers, places

    def _no_effects(self, room: int, moves: int = 0) -> tuple[Array, Array, Array]:
        """Tables of effects with room for some, now and then after others of the turn."""
        offset = self.rng.choice((0, 3))
        for place in (
            arguments.RESERVATION_EFFECTS,
            arguments.LINE_EFFECTS,
            arguments.MOVE_EFFECTS,
        ):
            self.header[place] = offset
        return (
            np.zeros(offset + room, DTYPES[Section.RESERVATIONS]),
            np.zeros(offset + room, DTYPES[Section.LINES]),
            np.zeros(offset + moves, DTYPES[Section.MOVES]),
        )

    @property
    def book(self) -> tuple[Array, Array, Array, Array]:
        """Reservations with what hangs on them."""
        return self.reservations, self.lines, self.splits, self.ended

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All tables of the shard, as kernels take them."""
        more = *self.quarantined, self.counts, self.sources
        stock = (self.levels, self.removed, self.locations, *more)
        return self.header, stock, self.book, self.index, self.heap, self.effects

    @property
    def count(self) -> int:
        """Reservations made."""
        return int(self.header[arguments.RESERVATIONS])

    @property
    def line_count(self) -> int:
        """Lines of all of them."""
        return int(self.header[arguments.LINES])

    @property
    def now_ns(self) -> int:
        """The time of the turn."""
        return int(self.header[arguments.NOW_NS])

    @property
    def room(self) -> int:
        """Reservations that still fit."""
        return self.capacity - self.count

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
            texts = (0, codes.FLAG_TEXT, codes.FLAG_OWNER, codes.FLAG_LINE_IDS)
            operation["flags"] = self.rng.choices(texts, (18, 1, 1, 1))[0]
            operation["location"] = self.rng.choices((0, len(self.locations)), (9, 1))[0]
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
        if self._ended_count and self.rng.random() < 0.3:
            first = int(self.header[arguments.ENDED])
            ended = self.ended[self.rng.randrange(first, first + self._ended_count) % self.capacity]
            operation["key_hi"], operation["key_lo"] = ended["key_hi"], ended["key_lo"]

    def reserve_batch(self) -> None:
        """Decide single lines, some of them asked for before, some answered already."""
        count = self.rng.randint(0, min(40, self.room))
        operations, answers = self._operations(count), np.zeros(count, np.uint8)
        self.duel.call(
            "judge_operations", operations, answers, np.zeros(4, np.int64),
            operations=max(1, count),
        )  # fmt: skip
        answers[:] = self.rng.choices((codes.PENDING, 8), (9, 1), k=count)
        self._decide(operations, answers.copy())
        mark_new(self.rng, answers, operations, self.reservations, self.ended)
        self.effects, available = self._no_effects(count), np.zeros(count, np.int64)
        self.duel.call(
            "reserve_batch", operations, answers, available, self.arrays,
            self.rng.random() < 0.3, operations=max(1, count),
        )  # fmt: skip
        self.duel.note("reserve_batch", answers)

    def _decide(self, operations: Array, answers: Array) -> None:
        """Decide the same as if they were linked."""
        available, taken = np.zeros((2, len(operations)), np.int64)
        slots, is_sold = make_index(64), self.rng.random() < 0.3
        self.duel.call(
            "decide_lines", operations, answers, available, taken, slots, *self.arrays[:2], is_sold,
            operations=max(1, len(operations)),
        )  # fmt: skip
        self.duel.note("decide_lines", answers)

    def reserve_lines(self) -> None:
        """Reserve some lines, here and elsewhere, the first in either shard."""
        if not self.room:
            return
        operations = self._operations(self.rng.randint(1, LINES_MAX))
        here = self._line_effects(len(operations))
        operations["quantity"], operations["row"] = here["quantity"], here["row"]
        operations["shard"][self.rng.randrange(len(operations))] = self.shard
        self.effects = self._no_effects(len(operations))
        self.duel.call("reserve_lines", operations, self.arrays, operations=len(operations))
        self._apply_texts()

    def apply_reservations(self) -> None:
        """Append reservations of some lines, as replay does."""
        effects = np.zeros(self.rng.randint(0, min(8, self.room)), DTYPES[Section.RESERVATIONS])
        for effect in effects:
            effect["key_hi"], effect["key_lo"] = self.rng.choice(self.keys)
            effect["hold_ms"] = self.hold_ms()
            effect["line_count"] = self.rng.randint(1, LINES_MAX)
            effect["flags"] = self.rng.randrange(8)
        lines = self._line_effects(int(effects["line_count"].sum()))
        self.duel.call(
            "apply_reservations", effects, lines, self.arrays, np.zeros(len(effects), np.int32),
            operations=max(1, len(lines)),
        )  # fmt: skip
        self._apply_texts()

    def _apply_texts(self) -> None:
        """Lay down the texts of reservations that should have some and have none yet."""
        texts, packed = [], b""
        for number, record in enumerate(self.reservations[: self.count]):
            flags, lines = int(record["flags"]), int(record["line_count"])
            if record["id_text"] == codes.NO_TEXT and flags & codes.FLAG_FREE == 0:
                count = bool(flags & codes.FLAG_TEXT) + bool(flags & codes.FLAG_OWNER)
                count += lines * bool(flags & codes.FLAG_LINE_IDS)
                text = b"".join(bytes((size, *b"x" * size)) for size in self._sizes(count))
                texts += [(number, len(text))] if count else []
                packed += text
        effects = np.array(texts, DTYPES[Section.RESERVATION_TEXTS])
        self.duel.call(
            "apply_id_texts", effects, np.frombuffer(packed, np.uint8), self.header,
            self.reservations, self.texts, True, operations=max(1, len(effects)),
        )  # fmt: skip

    def _sizes(self, count: int) -> list[int]:
        return [self.rng.choice((1, 14, 15, 16, 128)) for _ in range(count)]

    def _line_effects(self, count: int) -> Array:
        lines = np.zeros(count, DTYPES[Section.LINES])
        lines["quantity"] = [self.rng.choice((1, 2, 5, 99)) for _ in lines]
        lines["row"] = [self.rng.randrange(len(self.levels)) for _ in lines]
        lines["position"] = range(count)
        return lines

    def apply_moves(self) -> None:
        """Move units of some lines, a part of them or all."""
        self.apply(self.some_moves())

    def some_moves(self) -> Array:
        there = self._lines_in_use()
        chosen = self.rng.sample(there, min(20, len(there)))
        moves = []
        for line in chosen:
            leaves, enters = self.rng.choice(MOVES)
            units = self.duel.call("units", Book(*self.book), line, leaves)
            if units > 0:
                moves.append((self.rng.choice((1, units)), line, leaves, enters, 0))
        return np.array(moves, DTYPES[Section.MOVES])

    def _lines_in_use(self) -> list[int]:
        records = self.reservations[: self.count]
        runs = zip(records["first_line"].tolist(), records["line_count"].tolist(), strict=True)
        return [line for first, count in runs for line in range(first, first + count)]

    def apply(self, effects: Array) -> None:
        self.duel.call(
            "apply_moves", effects, self.header, self.book, self.levels,
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
                "whole_moves", first, count, self.book, leaves, enters, moves, operations=count
            )
            self.apply(moves[:written])
            self.duel.call(
                "read_lines",
                first,
                count,
                self.book,
                np.zeros((count, 9), np.int64),
                operations=count,
            )
            totals = np.zeros(7, np.int64)
            self.duel.call("count_units", first, count, self.book, totals, operations=count)
            self.duel.call("is_done", totals, enters)
            if not totals[leaves - 1]:
                self.duel.call("judge_nothing_left", totals, leaves)

    def move_batch(self) -> None:
        """Move whole reservations by their ids."""
        count = self.rng.randint(0, 40)
        operations = self._operations(count)
        parts = np.zeros(count, np.int64)
        self.duel.call("find_parts", self.index, operations, parts, operations=max(1, count))
        self._judge_known(operations, parts)
        answers = np.where(parts < 0, codes.UNKNOWN_RESERVATION, codes.PENDING).astype(np.uint8)
        total = self.duel.call(
            "count_lines", parts, self.shard, self.reservations, np.zeros(count, np.int64),
            operations=max(1, count),
        )  # fmt: skip
        leaves, enters = self.rng.choice((MOVES[0], MOVES[1], MOVES[3]))
        self.effects = self._no_effects(0, total)
        self.duel.call(
            "move_batch", operations, parts, answers, leaves, enters, np.zeros(7, np.int64),
            self.arrays, operations=max(1, count),
        )  # fmt: skip
        self.duel.note("move_batch", answers)

    def _judge_known(self, operations: Array, parts: Array) -> None:
        """Decide the same as reserves whose ids may be known."""
        count = len(operations)
        passed, more = np.zeros((2, count), np.int64)
        for _ in range(2):
            self.duel.call("next_parts", self.index, operations, passed, more)
            self._judge(operations, more)
        self._judge(operations, parts)

    def _judge(self, operations: Array, parts: Array) -> None:
        count = len(operations)
        answers = np.array(Random(count).choices((codes.PENDING, codes.ASK, 8), k=count), np.uint8)
        self.duel.call(
            "judge_known", operations, parts, answers, self.arrays,
            operations=max(1, len(operations)),
        )  # fmt: skip
        self.duel.note("judge_known", answers)

    def extend(self) -> None:
        """Let holds end later; their entries in the heap stay where they are."""
        numbers = self._some_numbers(self.rng.randint(0, 5))
        effects = np.zeros(len(numbers), DTYPES[Section.EXTENDS])
        effects["reservation"] = numbers
        ends = self.reservations["expires_at_ns"][numbers]
        effects["expires_at_ns"] = [end + self.rng.getrandbits(50) for end in ends.tolist()]
        size = max(1, len(effects))
        self.duel.call("apply_extends", effects, self.reservations, operations=size)

    def link(self) -> None:
        """Let parts of other shards follow."""
        numbers = self._some_numbers(2)
        effects = np.zeros(len(numbers), DTYPES[Section.LINKS])
        effects["reservation"] = numbers
        effects["next_part"] = [self.rng.choice((1, 255)) << 40 | 5 for _ in effects]
        self.duel.call("apply_links", effects, self.reservations, operations=max(1, len(effects)))

    def expire(self) -> None:
        """Go on in time, and end what is due; the moves have little room, and so has the turn."""
        self.header[arguments.NOW_NS] += self.rng.choice((0, 1, 10**6, 10**9, HOLD_MS_MAX * 10**6))
        self.header[arguments.SEQUENCE] += 1
        self.effects = self._no_effects(0, self.rng.choice((LINES_MAX, 4 * LINES_MAX)))
        while True:
            before = int(self.header[arguments.EXPIRIES])
            work = self.rng.choice((1, 3, 100))
            count, _ = self.duel.call("due_moves", work, self.arrays)
            offset = int(self.header[arguments.MOVE_EFFECTS])
            self.apply(self.effects[2][offset : offset + count])
            if before == self.header[arguments.EXPIRIES]:
                break
        self.duel.call("pop_settled", self.arrays)

    def seek(self) -> None:
        """Look for the newest promises at some levels, a few reservations at a time."""
        rows = np.array(sorted(self.rng.sample(range(len(self.levels)), 2)), np.int64)
        unseen = (self.levels["reserved"] + self.levels["committed"])[rows]
        room = self.rng.choice((1, 2, 20))
        promises, counts = np.zeros(len(rows) * room, PROMISE), np.zeros(len(rows), np.int64)
        arguments = rows, unseen, rows, rows % 3, self.arrays, promises, counts
        end, done = self.count, 1
        while end and done:
            work = self.rng.choice((1, 10, 1_000))
            end, done = self.duel.call(
                "find_promises", end, work, *arguments, operations=max(1, min(work, end)),
            )  # fmt: skip
        self.duel.call(
            "read_promises", promises[: counts[0]], rows[0], self.arrays,
            np.zeros((2, counts[0]), np.int64), operations=max(1, counts[0]),
        )  # fmt: skip

    def sweep(self) -> None:
        """Note what has ended, let go of what ended before, and forget some ids."""
        size = max(1, self.count)
        ends, drops = np.zeros((2, size), np.int32)
        _, end_count, drop_count, _ = self.duel.call(
            "find_ended", 0, self.count, self.rng.choice((3, 10_000)), self.now_ns, self.arrays,
            ends, drops, operations=size,
        )  # fmt: skip
        noted = np.zeros(end_count, DTYPES[Section.ENDS])
        noted["reservation"] = ends[:end_count]
        self.duel.call("apply_ends", noted, self.header, self.reservations)
        self._drop(drops[: min(drop_count, self.capacity - self._ended_count)])
        forgotten = self.rng.randint(0, self._ended_count)
        self.duel.call("apply_forgets", forgotten, self.arrays, operations=max(1, forgotten))

    def _drop(self, numbers: Array) -> None:
        self._apply_texts()  # of those that a batch has made
        states = np.zeros(len(numbers), np.uint8)
        self.duel.call("read_states", numbers, self.arrays, states)
        effects = np.zeros(len(numbers), DTYPES[Section.DROPS])
        effects["reservation"], effects["states"] = numbers, states
        size = max(1, len(numbers))
        self.duel.call("apply_drops", effects, self.texts, self.arrays, operations=size)

    @property
    def _ended_count(self) -> int:
        first, end = self.header[arguments.ENDED : arguments.ENDED + 2].tolist()
        return int(end - first)

    def _some_numbers(self, count: int) -> list[int]:
        there = np.flatnonzero(self.reservations["line_count"][: self.count]).tolist()
        return self.rng.sample(there, min(count, len(there)))

    def restart(self) -> None:
        """Build anew what is derived, and hash the content."""
        entered = max(1, self.count)
        anew = make_index(4 * self.capacity, PART_BITS)
        self.duel.call(
            "index_parts", anew, self.reservations, self.count, self.shard, operations=entered
        )
        window = self.header[arguments.ENDED : arguments.ENDED + 2].tolist()
        self.duel.call("index_ended", anew, self.ended, *window, self.shard, operations=entered)
        self.heap = self._empty_heap()
        self.header[arguments.EXPIRIES] = 0
        self.duel.call("index_expiries", self.arrays, operations=entered)
        assert self.header[arguments.EXPIRIES] <= self.count
        seed = np.uint64(self.rng.choice(EDGES))
        middle = self.duel.call("end_of_lines", 0, self.count, 50, self.book)
        for ends in ((0, middle), (middle, self.count)):
            self.duel.call(
                "hash_lines", *ends, self.book, self.levels, seed,
                self.skus.arrays, self.places.arrays, operations=entered,
            )  # fmt: skip


def shop(duel: Duel, rng: Random) -> None:
    """Reserve, move, extend and expire until there is no room, and a while longer."""
    world = Shop(duel, rng)
    steps = (
        world.reserve_batch, world.reserve_lines, world.apply_reservations, world.apply_moves,
        world.whole_moves, world.move_batch, world.extend, world.link, world.expire, world.sweep,
    )  # fmt: skip
    for _ in range(60):
        rng.choice(steps)()
    world.restart()


def seekers(duel: Duel, rng: Random) -> None:
    """Look for promises while reservations come and go."""
    world = Shop(duel, rng)
    steps = (
        *(world.reserve_batch, world.apply_reservations, world.apply_moves),
        *(world.expire, world.sweep),
    )
    for _ in range(10):
        rng.choice(steps)()
        world.seek()


def blocks(duel: Duel, rng: Random) -> None:
    """Take blocks and give them back."""
    header, lines = np.zeros(arguments.HEADER_SIZE, np.int64), np.zeros(4_000, LINE)
    place = arguments.LINES, arguments.FREE_LINES
    taken: list[tuple[int, int]] = []
    for _ in range(60):
        if taken and rng.random() < 0.45:
            duel.call(
                "give_back_block", lines, header, *place, *taken.pop(rng.randrange(len(taken)))
            )
        else:
            size = rng.choice((1, 1, 2, 3, 5, 60))
            first = duel.call("take_block", lines, header, *place, size)
            lines[first : first + size]["state"] = HELD
            taken.append((first, size))
