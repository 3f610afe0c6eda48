"""Random states for the kernels, small enough to be full, to be empty and to collide.

Each world is a function that calls some kernels on a state of its own for about a thousand
operations. What it hands them is what the engine could: rows exist, and whoever calls has made
room. Values come from the edges of what the limits allow.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np

from holdfast.core.kernels import codes
from holdfast.core.kernels.arguments import (
    EXPIRIES,
    HEADER_SIZE,
    LEVELS,
    NOT_CURRENT,
    QUARANTINED,
    QUARANTINED_SKUS,
    RESTRICTED,
    Heap,
)
from holdfast.core.kernels.hash_slots import LARGER, LARGER_AT
from holdfast.core.limits import NUMBER_BITS, NUMBERED_MAX, ON_HAND_MAX, QUANTITY_MAX, ROWS_MAX
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import (
    EVENT,
    LAST_COUNT,
    LEVEL,
    LOCATION,
    NUMBERED,
    QUARANTINED_SKU,
    RECORDED,
    REQUEST,
    RESERVATION,
    SOURCE,
    STOCK_EVENT,
    SUPPLY,
    UNAVAILABLE,
)
from holdfast.core.tables.table import Array
from tests.core.kernels.duel import Duel, plain

UINT64_MAX = (1 << 64) - 1
EDGES = (0, 1, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, UINT64_MAX)
TIMES = (0, 1, 10**9, 10**9 + 1, 1_700_000_000 * 10**9, codes.NEVER_NS - 1)

#: Slots of a table that all may be full but one, at which a search ends.
SIZES = (2, 8, 64, 256)

#: Slots after the last home of a directory: more than there are keys in one.
SPILL = 600

Keys = list[tuple[np.uint64, np.uint64]]


def random_keys(rng: Random, count: int) -> Keys:
    """Keys of reservations and requests: edges, random ones, and some that share hash bits."""
    numbers = [rng.getrandbits(64) for _ in range(2 * count)]
    edges = [(rng.choice(EDGES), rng.choice(EDGES)) for _ in range(count // 4 + 1)]
    usual = list(zip(numbers[::2], numbers[1::2], strict=True))
    pool = [*edges, *usual, *rng.sample(COLLIDING, count // 4)]
    return [(np.uint64(hi), np.uint64(lo)) for hi, lo in rng.sample(pool, count)]


#: The seed of all slots here, and the bits that a number has in the index of 256 shards.
SEED = (np.uint64(0x0706050403020100), np.uint64(0x0F0E0D0C0B0A0908))
PART_BITS = 36


def _colliding_keys() -> list[tuple[int, int]]:
    """Keys that share the hash that a slot of the index holds: of two million random ones some
    thousands.
    """
    hi, lo = np.random.default_rng(1).integers(0, 1 << 64, (2, 2_000_000), np.uint64)
    with np.errstate(over="ignore"):
        shared = plain("keyed_hash")(*SEED, hi, lo) >> np.uint64(PART_BITS)
    _, first, counts = np.unique(shared, return_inverse=True, return_counts=True)
    chosen = np.flatnonzero(counts[first] > 1)
    chosen = chosen[np.argsort(first[chosen], kind="stable")]
    return list(zip(hi[chosen].tolist(), lo[chosen].tolist(), strict=True))


COLLIDING = _colliding_keys()


def mixing(duel: Duel, rng: Random) -> None:
    """The hash under all tables, and that of the content."""
    for hi, lo in random_keys(rng, 500):
        duel.call("mix", hi, lo)
        duel.call("keyed_hash", *SEED, hi, lo)
    data = np.frombuffer(rng.randbytes(200), np.uint8)
    for _ in range(100):
        start = rng.randrange(100)
        duel.call("keyed_hash_bytes", *SEED, data, start, start + rng.randrange(100))


def make_index(homes: int, record_bits: int = NUMBER_BITS) -> tuple[Array, Array]:
    """Slots for so many homes, room for twice as many after them, and their layout."""
    slots = np.zeros(3 * homes + 2 * SPILL, np.uint64)
    layout = np.array([0, homes, homes + SPILL, 0, 0, record_bits, SPILL, 0, 0, 0], np.int64)
    layout[-2:].view(np.uint64)[:] = SEED
    return slots, layout


class Names:
    """A table of names, filled by the kernels."""

    def __init__(self, duel: Duel, rng: Random, size: int, least: int = 0) -> None:
        self.duel = duel
        self.capacity = rng.choice((least, size // 2, size - 1))
        self.texts = [self._name(rng, number) for number in range(self.capacity)]
        offsets = np.zeros(self.capacity + 1, np.int64)
        arena = np.zeros(sum(map(len, self.texts)) + 1, np.uint8)
        self.arrays = (make_index(size), offsets, arena)
        self.removed = np.zeros(self.capacity + 1, np.uint8)
        self._add(rng)

    @staticmethod
    def _name(rng: Random, number: int) -> bytes:
        """A name as no other: its number, with zero bytes or a hundred bytes around it."""
        if number == 0:
            return b""
        before = rng.choices((b"", b"\0", b"x" * 100), (9, 3, 1))[0]
        return before + str(number).encode() + rng.choice((b"", b"y"))

    def _add(self, rng: Random) -> None:
        count = 0
        while count < self.capacity:
            names = self.texts[count : count + rng.randint(1, 20)]
            packed = b"".join(bytes((len(name),)) + name for name in names)
            data = np.frombuffer(packed, np.uint8)
            found = self.duel.call("count_names", data, operations=len(names))
            self.duel.call("append_names", data, *self.arrays[1:], count, operations=len(names))
            span = count, count + found
            self.duel.call("index_names", self.arrays, self.removed, *span, operations=found)
            count += found

    def find(self, name: bytes) -> int:
        """Look for a name."""
        data = np.frombuffer(name, np.uint8)
        number: int = self.duel.call("find_name", self.arrays, data)
        return number

    def look_and_remove(self, rng: Random) -> None:
        """Look for names that are there, were there and never were; then start the slots anew."""
        if not self.capacity:
            assert -1 == self.find(b"nobody")
            return
        for _ in range(200):
            number = rng.randrange(self.capacity)
            gone = self.removed[number]
            assert self.find(self.texts[number]) == (-1 if gone else number)
            self.find(str(rng.randrange(2 * self.capacity)).encode())
            if not gone and rng.random() < 0.05:
                self.removed[number] = 1
                self.duel.call("remove_name", self.arrays, number)
        wanted = rng.choices(self.texts, k=rng.randrange(20))
        numbers = np.zeros(len(wanted), np.int64)
        places = np.array([n for n in range(len(wanted)) if rng.random() < 0.5], np.int64)
        self.duel.call("find_names", *joined(wanted), places, self.arrays, numbers[: len(places)])
        matches = np.zeros(self.capacity, np.uint8)
        text = np.frombuffer(rng.choice((b"x", *self.texts)), np.uint8)
        packed = b"".join(bytes((len(each),)) + each for each in (b"own", *self.texts))
        data = np.frombuffer(bytes(16) + packed, np.uint8)
        self.duel.call("match_texts", text, data, 1, 1, matches)
        anew = (make_index(self.capacity + 1), *self.arrays[1:])
        size = max(1, self.capacity)
        self.duel.call("index_names", anew, self.removed, 0, self.capacity, operations=size)


def joined(texts: Sequence[bytes]) -> tuple[Array, Array]:
    """Names together, and where each ends."""
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return np.frombuffer(b"".join(texts), np.uint8), ends


def names(duel: Duel, rng: Random) -> None:
    """Names of SKUs, locations and sources."""
    Names(duel, rng, rng.choice(SIZES)).look_and_remove(rng)


def levels(duel: Duel, rng: Random) -> None:
    """Stock levels: rows by SKU and location, stock on hand, sums and hashes."""
    skus, places = Names(duel, rng, 64), Names(duel, rng, 8)
    size = rng.choice(SIZES)
    slots = make_index(size)
    pairs = [(sku, place) for sku in range(skus.capacity) for place in range(places.capacity)]
    pairs = rng.sample(pairs, min(len(pairs), size - 1))
    table, chain = np.zeros(len(pairs), LEVEL), np.zeros(len(pairs), np.int32)
    firsts = np.zeros((skus.capacity, 2), np.int32)
    count = 0
    while count < len(pairs):
        some = pairs[count : count + rng.randint(1, 50)]
        effects = np.array([(*pair, 1, 0, 0) for pair in some], DTYPES[Section.LEVELS])
        duel.call("apply_levels", effects, table, count, operations=len(effects))
        end = count + len(effects)
        duel.call("index_levels", count, end, table, slots, chain, firsts, operations=len(effects))
        count = end
    for _ in range(200):
        sku, place = rng.randrange(64), rng.randrange(8)
        duel.call("find_level", slots, table, sku, place)
        _find_row(duel, rng, skus, places, slots, table)
    _find_rows(duel, rng, skus, places, slots, table)
    _list_levels(duel, rng, chain, firsts)
    _change_stock(duel, rng, table)
    duel.call("sum_levels", table, count, make_header(), operations=max(1, count))
    seed = np.uint64(rng.choice(EDGES))
    header = make_header(levels=count)
    texts = (skus.arrays, places.arrays)
    start = count // 3
    for ends in ((0, start), (start, count)):
        duel.call("hash_levels", *ends, table, seed, *texts, operations=max(1, ends[1] - ends[0]))
    unavailable = np.zeros(count, UNAVAILABLE)
    unavailable["row"], unavailable["status"] = range(count), 0
    unavailable["units"] = [rng.choice((0, 1, 7)) for _ in range(count)]
    statuses = (skus.arrays, places.arrays, Names(duel, rng, 8, least=1).arrays)
    duel.call("hash_unavailable", unavailable, table, seed, *statuses)
    supplies = np.zeros(count, SUPPLY)
    supplies["row"], supplies["key_lo"] = range(count), range(count)
    supplies["quantity"] = [rng.choice((0, 1, 7)) for _ in range(count)]
    supplies["received"], supplies["expected_ns"] = 1, rng.choice(TIMES)
    supplies["is_transfer"] = [rng.randrange(2) for _ in range(count)]
    duel.call("hash_supplies", supplies, table, seed, *texts)
    cap = rng.choice((0, 3, codes.CAP_MAX))
    duel.call("offered", rng.choice((-1, 0, 5)), rng.choice((0, 2)), cap, rng.randrange(2))
    rows = np.array([rng.randint(-1, count) for _ in range(50)])
    quarantined = make_quarantined(rng, header, count)
    begun = np.zeros(count, LAST_COUNT)
    duel.call("begin_counts", np.ones(count, DTYPES[Section.LEVELS]), begun, 0, operations=count)
    counts, sources = make_sources(rng, header, len(table), restricts=rng.random() < 0.5)
    stock = (table, skus.removed, make_locations(rng, 8), *quarantined, counts, sources)
    due, later = np.array([rng.randrange(9) for _ in range(50 if count else 0)]), np.zeros(50)
    at = np.sort(np.array([rng.randrange(count) for _ in due], np.int64))
    arguments = (header, stock, later.astype(np.int64))
    backordered = np.array([rng.choice((0, 0, 4)) for _ in range(len(table))], np.int64)
    duel.call("promise_supplies", np.arange(count), at, due, backordered, *arguments)
    duel.call("read_levels", rows, header, stock, np.zeros((7, 50), np.int64), operations=50)


def _find_row(
    duel: Duel,
    rng: Random,
    skus: Names,
    places: Names,
    slots: tuple[Array, Array],
    table: Array,
) -> None:
    arguments: list[Any] = []
    for side in (skus, places):
        name = rng.choice(side.texts or [b"nobody"]) if rng.random() < 0.9 else b"nobody"
        arguments += (np.frombuffer(name, np.uint8), side.arrays)
    duel.call("find_row", *arguments, slots, table)


def _find_rows(
    duel: Duel, rng: Random, skus: Names, places: Names, slots: tuple[Array, Array], table: Array
) -> None:
    """Many rows by name, some of them of nobody."""
    many = rng.randrange(50)
    sides = [rng.choices([*side.texts, b"nobody"], k=many) for side in (skus, places)]
    duel.call(
        "find_rows", *joined(sides[0]), skus.arrays, *joined(sides[1]), places.arrays, slots, table,
        np.zeros(many, np.int64),
    )  # fmt: skip


def _list_levels(duel: Duel, rng: Random, chain: Array, firsts: Array) -> None:
    """All levels of some SKUs, with room for all, for some and for none."""
    for room in (0, 3, 2 * len(chain)):
        skus = np.array(
            [rng.randrange(len(firsts)) for _ in range(9 * (len(firsts) > 0))], np.int64
        )
        ends, rows = np.zeros(len(skus), np.int64), np.zeros(room, np.int64)
        duel.call("list_levels", skus, chain, firsts, ends, rows)


def _change_stock(duel: Duel, rng: Random, table: Array) -> None:
    """Bring a few rows to the limits, in two steps; more of them could not be summed."""
    if not len(table):
        return
    sources, counts = np.zeros(4, SOURCE), np.zeros(len(table), LAST_COUNT)
    for _ in range(2):
        effects = np.zeros(30, DTYPES[Section.STOCK])
        effects["delta"] = [rng.choice((0, 1, -1, 7, QUANTITY_MAX, -QUANTITY_MAX)) for _ in effects]
        effects["row"] = [rng.randrange(len(table)) for _ in effects]
        effects["delta"][0] = rng.choice((1, -1)) * ON_HAND_MAX // 2
        effects["sequence"] = [rng.choice(EDGES) for _ in effects]
        effects["source"] = [rng.randrange(4) for _ in effects]
        quantities, numbered = effects["delta"].copy(), np.zeros(NUMBERED_MAX, NUMBERED)
        seen = np.zeros(len(effects), np.uint64)
        change = (effects, quantities, seen, make_header(), table, counts, sources, numbered)
        duel.call("apply_stock", *change, rng.choice(TIMES), operations=len(effects))


def remembered(duel: Duel, rng: Random) -> None:
    """Keys of requests and events that are kept for a while."""
    size = rng.choice(SIZES)
    slots = make_index(size)
    keys = random_keys(rng, 300)
    count = rng.choice((0, size // 2, size - 1))
    records = np.zeros(count, rng.choice((EVENT, REQUEST)))
    for record in records:
        record["key_hi"], record["key_lo"] = rng.choice(keys)  # now and then one twice
        record["at_ns"] = rng.choice(TIMES)
    start = 0
    while start < count:
        end = min(count, start + rng.randint(1, 50))
        hashes = np.zeros(end - start, np.uint64)
        duel.call("index_keys", slots, records, start, hashes, operations=end - start)
        start = end
    for hi, lo in keys:
        duel.call("find_key", slots, records, hi, lo)
    his, los = (np.array(half, np.uint64) for half in zip(*keys, strict=True))
    hashes = np.zeros(len(keys), np.uint64)
    duel.call("hash_keys", slots, his, los, hashes, operations=len(keys))
    if records.dtype == EVENT:
        events = np.zeros(len(keys), STOCK_EVENT)
        events["key_hi"], events["key_lo"] = his, los
        events["has_key"] = [rng.random() < 0.8 for _ in keys]
        for after_ns in (*TIMES, -1):
            recorded = np.zeros(len(keys), RECORDED)
            arguments = (slots, records, events, hashes, after_ns, 1, recorded)
            duel.call("find_events", *arguments, operations=len(keys))


def index(duel: Duel, rng: Random) -> None:
    """From reservation ids to parts, with keys that look alike and keys that come twice, while the
    slots move.
    """
    homes = rng.choice(SIZES)
    table = make_index(homes, PART_BITS)
    layout = table[1]
    keys = random_keys(rng, 200)
    shard = rng.choice((0, 1, 255))
    reservations = np.zeros(rng.choice((0, homes // 2, homes - 1)), RESERVATION)
    for record in reservations:
        record["key_hi"], record["key_lo"] = rng.choice(keys)
        record["flags"] = rng.choice((0, 0, codes.FLAG_TEXT, codes.FLAG_LATER_PART))
    count = len(reservations)
    duel.call("index_parts", table, reservations, count, shard, operations=max(1, count))
    layout[LARGER] = 2 * homes
    for number in range(homes // 2):
        has_moved = duel.call("move_slots", table, rng.randrange(4))
        number = rng.choice((number, ROWS_MAX - 1))
        duel.call("insert_part", table, *rng.choice(keys), shard, number)
        if has_moved:
            layout[:5] = (layout[LARGER_AT], layout[LARGER], 0, 0, 0)
            break
    for hi, lo in keys:
        part, passed = duel.call("find_part", table, hi, lo, 0)
        while part >= 0:
            part, passed = duel.call("find_part", table, hi, lo, passed)


def expiries(duel: Duel, rng: Random) -> None:
    """Pushes, pops and removals beside a dict; equal times are common, and so are runs in order."""
    capacity = rng.choice((1, 2, 30, 100))
    times, numbers, places = np.zeros((3, capacity), np.int64)
    heap = Heap(times, numbers.astype(np.int32), places.astype(np.int32))
    header, ends = make_header(), dict[int, int]()
    step = 0
    draw: Callable[[], int] = rng.choice(
        (lambda: rng.choice(TIMES), lambda: step, lambda: -step, lambda: rng.getrandbits(62))
    )
    while step < 400 or ends:
        step += 1
        number = rng.randrange(capacity)
        if ends and (step >= 400 or rng.random() < 0.3):
            first = (int(heap.times[0]), int(heap.numbers[0]))
            assert first == min((time, number) for number, time in ends.items())
            duel.call("pop_expiry", heap, header)
            del ends[first[1]]
        elif number in ends or rng.random() < 0.1:
            duel.call("remove_expiry", heap, header, number)
            ends.pop(number, None)
        else:
            ends[number] = draw()
            duel.call("push_expiry", heap, header, ends[number], number)
        assert len(ends) == header[EXPIRIES] == np.count_nonzero(heap.places)


def make_header(levels: int = 0) -> Array:
    """A shard's counts, zero but for one."""
    header = np.zeros(HEADER_SIZE, np.int64)
    header[LEVELS] = levels
    return header


def make_quarantined(rng: Random, header: Array, levels: int) -> tuple[Array, Array]:
    """The rows of some levels, which are in quarantine, and some SKUs: mostly none."""
    count = rng.choice((0, 0, 1, min(levels, 5)))
    rows = sorted(rng.sample(range(levels), min(count, levels)))
    more = Random(levels)
    skus = sorted(more.sample(range(8), more.choice((0, 0, 1, 3))))
    header[QUARANTINED], header[QUARANTINED_SKUS] = len(rows), len(skus)
    held = np.zeros(len(skus) + 1, QUARANTINED_SKU)
    held["sku"][:-1] = skus
    return np.array([*rows, 0], np.int32), held


def make_sources(
    rng: Random, header: Array, levels: int, *, restricts: bool
) -> tuple[Array, Array]:
    """Who counted each level last, and how these sources are."""
    counts, sources = np.zeros(levels, LAST_COUNT), np.zeros(3, SOURCE)
    counts["source"] = [rng.randrange(-1, 3) for _ in counts]
    sources["state"], sources["fallback"] = (0, 1, 2), [rng.randrange(1, 4) for _ in sources]
    header[NOT_CURRENT] = header[RESTRICTED] = restricts
    return counts, sources


def make_locations(rng: Random, count: int) -> Array:
    """Locations, most of them enabled."""
    records = np.zeros(count, LOCATION)
    records["enabled"] = [rng.random() < 0.8 for _ in records]
    return records


def messages(duel: Duel, rng: Random) -> None:
    """Messages of figures, strings and other messages."""
    texts = [rng.randbytes(rng.choice((0, 1, 20, 200))) for _ in range(rng.randrange(5))]
    data, ends = joined((b"", *texts))
    data = data.copy()
    for _ in range(3):  # each within the next
        rows, pieces = rng.randrange(6), len(ends) - 1
        firsts = [rng.randint(0, pieces) for _ in range(rows)]
        columns = np.array(
            (
                [rng.choice((0, 1, 127, 128, 2**63 - 1, -1, -(2**63))) for _ in range(rows)],
                firsts,
                [rng.randint(first, pieces) for first in firsts],
            ),
            np.int64,
        )
        fields = np.array([(8, codes.FIGURES, 0), (rng.choice((18, 2_002)), codes.PIECES, 1)])
        message_ends = np.zeros(rows + 1, np.int64)
        duel.call("measure_messages", fields, columns, ends, message_ends)
        out = np.zeros(message_ends[-1], np.uint8)
        spelled = (fields, columns, data, ends, message_ends, out)
        duel.call("write_messages", *spelled, operations=rows + 1)
        data, ends = out, message_ends
    values = np.array([rng.choice((-5, 0, 7, 2**62, 2**63 - 1)) for _ in range(9)])
    bounds = np.sort(np.array([[rng.randrange(10) for _ in range(4)] for _ in range(2)]), axis=0)
    duel.call("sum_positive", values, *bounds, np.zeros(4, np.int64))


def received(duel: Duel, rng: Random) -> None:
    """Messages off the wire: fields of all forms, messages within messages, and noise."""
    inner = np.zeros(3 * codes.FIELD_NUMBERS, np.uint8)
    inner[[codes.FIELD_NUMBERS + 2, 2 * codes.FIELD_NUMBERS + 1]] = 2, 1
    for _ in range(20):
        data = bytearray(message_of(rng, 3))
        if rng.random() < 0.3:
            data[rng.randrange(len(data) + 1) :] = rng.randbytes(rng.randrange(12))
        read_only = np.frombuffer(bytes(data), np.uint8)
        most = rng.choice((0, 5, 1_000))
        duel.call("weigh_fields", read_only, inner, np.zeros(40, np.int64), most)


def message_of(rng: Random, depth: int) -> bytes:
    """Some fields, one after the other."""
    made = []
    for _ in range(rng.randrange(5)):
        tag = rng.choice((1, 2, 2, 31, 32, 5_000)) << 3
        inside = message_of(rng, depth - 1) if depth else rng.randbytes(rng.randrange(200))
        value, form = rng.choice(
            (
                (varint(rng.choice((0, 127, 300, 2**64 - 1))), 0),
                (bytes(8), 1),
                (varint(len(inside)) + inside, 2),
                (b"", 3),
                (b"", 4),
                (bytes(4), 5),
            )
        )
        made.append(varint(tag | form) + value)
    return b"".join(made)


def varint(value: int) -> bytes:
    """A number as the wire has it."""
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))
