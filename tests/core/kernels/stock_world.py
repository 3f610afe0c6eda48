"""A world for the kernels of stock facts: messages over the levels of some shards."""

from random import Random

import numpy as np

from holdfast.core.kernels import codes
from holdfast.core.kernels.arguments import NOT_CURRENT, RESTRICTED, SHARD
from holdfast.core.kernels.codes import KEYED, NO_ROOM, NOT_BEGUN
from holdfast.core.limits import (
    GAPS_MAX,
    NUMBERED_MAX,
    ON_HAND_MAX,
    QUANTITY_MAX,
)
from holdfast.core.model import EventKind, UnknownSkus
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import (
    EVENT,
    GAP,
    HISTORY,
    LAST_COUNT,
    LATEST,
    LEVEL,
    LINE,
    LOCATION,
    NUMBERED,
    PLAN,
    RECORDED,
    SOURCE,
    STOCK_EVENT,
    SUPPLY,
    UNAVAILABLE,
)
from holdfast.core.tables.table import Array
from tests.core.kernels.duel import Duel
from tests.core.kernels.worlds import (
    TIMES,
    make_header,
    make_index,
    make_quarantined,
    random_keys,
)

SHARDS = 3
STATUSES = 3
QUANTITIES = (0, 1, 2, 7, QUANTITY_MAX - 1, QUANTITY_MAX)
STOCKS = (0, 1, -5, ON_HAND_MAX, -ON_HAND_MAX, ON_HAND_MAX - 1)
SUPPLY_KEYS = 20


def feed(duel: Duel, rng: Random) -> None:
    """Messages one after the other; ids, numbers and levels come again and again."""
    shards = [_Shard(rng) for _ in range(SHARDS)]
    removed = np.array([rng.random() < 0.2 for _ in range(8)], np.uint8)
    for _ in range(5):
        events = _make_events(rng, rng.choice((1, 2, 30, 60)))
        codes, written = _record(duel, rng, events, shards, removed)
        duel.note("plan_stock", codes)
        for shard, (effects, counted, gaps) in zip(shards, written, strict=True):
            _apply(duel, rng, shard, effects, counted)
            _change_gaps(duel, rng, shard, gaps)
            _change_statuses(duel, rng, shard)
            _change_supplies(duel, rng, shard)
        if rng.random() < 0.3:
            _reset(duel, rng, rng.choice(shards))


class _Shard:
    """Levels, and what is known of one source."""

    def __init__(self, rng: Random) -> None:
        self.levels = _make_levels(rng)
        self.sources = np.zeros(2, SOURCE)
        self.gaps = np.zeros(4 * GAPS_MAX, GAP)
        self.gap_count = 0
        self.numbered = np.zeros(NUMBERED_MAX, NUMBERED)
        self.unavailable = np.zeros(8 * STATUSES, UNAVAILABLE)
        self.unavailable_slots = make_index(8 * STATUSES)
        self.unavailable_count = 0
        self.header = make_header()
        self.heads = np.zeros(len(self.levels), np.int32)
        self.supplies = np.zeros(SUPPLY_KEYS * len(self.levels), SUPPLY)
        self.supply_count = 0
        granules = np.zeros(3 * len(self.supplies), LINE)
        self.supply_texts = granules, granules.view(np.uint8)
        self.counts = np.zeros(len(self.levels), LAST_COUNT)
        self.latest = np.zeros(len(self.levels), LATEST)
        self.last_counted = np.zeros(len(self.levels), np.int64)
        self.records = np.zeros(400, HISTORY)
        self.kept = 0
        self.is_used = rng.random() < 0.5


def _record(
    duel: Duel, rng: Random, events: Array, shards: list[_Shard], removed: Array
) -> tuple[Array, list[tuple[Array, ...]]]:
    """Plan a message, and write the effects of each shard."""
    size = len(events)
    plan, codes, recorded = np.zeros(size, PLAN), np.zeros(size, np.uint8), np.zeros(size, RECORDED)
    for number, shard in enumerate(shards):
        header = make_header(levels=len(shard.levels))
        header[SHARD] = number
        places = np.zeros(1, LOCATION)
        places["enabled"] = rng.randrange(2)
        header[NOT_CURRENT] = header[RESTRICTED] = rng.randrange(2)
        quarantined = make_quarantined(rng, header, len(shard.levels))
        stock = (shard.levels, removed, places, *quarantined, shard.counts, shard.sources)
        duel.call("find_event_levels", events, plan, header, stock)
        duel.call("find_numbered", events, 0, shard.numbered, number, recorded, operations=size)
    recorded["match"] = [rng.choice((0,) * 20 + (1, 2)) for _ in events]
    plan["occurred_ns"] = [rng.choice((0, *TIMES)) for _ in events]
    plan["withheld"] = [rng.choice((0, 0, 0, 2, -2, QUANTITY_MAX)) for _ in events]
    plan["new_sku"] = [rng.choice((0, 0, 0, 1, 2)) for _ in events]
    for number, shard in enumerate(shards):
        arguments = (events, plan, number, 0, shard.sources, shard.counts, shard.latest)
        duel.call("find_counts", *arguments, operations=size)
    gaps = np.concatenate([_list_gaps(duel, shard) for shard in shards])
    gaps.sort(order="first")
    last = np.uint64(max(int(shard.sources["last_sequence"][0]) for shard in shards))
    cap = duel.call("cap_of", shards[0].sources, 0)
    source = (last, np.uint64(rng.choice((0, 3))), gaps, cap)
    space = (make_index(64), make_index(64), make_index(64), np.zeros(64, np.int32))
    plan["is_counted"] = [rng.random() < 0.05 for _ in events]
    counts, began = np.zeros(SHARDS, np.int64), np.zeros(3, np.uint8)
    began[1] = rng.choice((NOT_BEGUN, NO_ROOM))
    hashes = np.zeros(size, np.uint64)
    columns = (events[field].copy() for field in ("key_hi", "key_lo"))
    duel.call("hash_keys", space[0], *columns, hashes, operations=size)
    message = (events, recorded, hashes, source, space, plan, codes, counts, began)
    duel.call("plan_stock", *message, rng.choice(tuple(UnknownSkus)), operations=size)
    written: list[tuple[Array, ...]] = []
    for number in range(SHARDS):
        kinds = (Section.STOCK, Section.COUNTED, Section.GAPS)
        tables = [np.zeros(counts[number], DTYPES[kind]) for kind in kinds]
        ends = duel.call("write_stock", events, plan, codes, number, 0, *tables, operations=size)
        written.append((tables[0], tables[1][: ends[0]], tables[2][: ends[1]]))
    return codes, written


def _apply(duel: Duel, rng: Random, shard: _Shard, effects: Array, counted: Array) -> None:
    size = len(effects)
    quantities = np.zeros(size, np.int64)
    seen = np.zeros(size, np.uint64)
    duel.call("read_quantities", effects, counted, quantities, seen, operations=size)
    if rng.random() < 0.1:
        quantities[:] = codes.NOT_KEPT  # as of an earlier build
    numbered = shard.numbered[: rng.choice((0, NUMBERED_MAX, NUMBERED_MAX))]
    header = make_header(levels=len(shard.levels))
    _keep(duel, rng, shard, effects, quantities)
    now_ns = rng.choice(TIMES)
    tables = (shard.levels, shard.counts, shard.sources, numbered, now_ns)
    duel.call("apply_stock", effects, quantities, seen, header, *tables, operations=size)
    remembered = np.zeros(int((effects["has_key"] & KEYED).sum()), EVENT)
    duel.call("apply_event_keys", effects, quantities, remembered, now_ns, operations=size)


def _change_gaps(duel: Duel, rng: Random, shard: _Shard, skipped: Array) -> None:
    """Open gaps of two sources, and close some."""
    came = np.zeros(rng.choice((0, 0, 3, 40)), DTYPES[Section.GAPS])
    for effect in came:
        effect["first"] = rng.choice((rng.randint(1, 200), 2**63 - rng.randint(3, 9)))
        effect["last"] = effect["first"] + np.uint64(rng.choice((0, 0, 2)))
        effect["source"] = rng.randrange(2)
        effect["kind"] = rng.choice((codes.CAME, codes.CAME, codes.SKIPPED, codes.UNKNOWN_NUMBERS))
    effects = np.concatenate([skipped, came])
    most = len(shard.gaps) - shard.gap_count
    for start in range(0, min(len(effects), most), 20):
        piece = effects[start : start + 20]
        tables = (shard.sources, shard.gaps, shard.gap_count, rng.choice(TIMES))
        shard.gap_count = duel.call("apply_gaps", piece, *tables, operations=len(piece))


def many_gaps(duel: Duel, rng: Random) -> None:
    """Two sources that skip more numbers than are listed, and tell some of them after all."""
    shard = _Shard(rng)
    first = 1
    for _ in range(12):
        skipped = np.zeros(60, DTYPES[Section.GAPS])
        for effect in skipped:
            effect["first"], effect["last"] = first, first + rng.randint(0, 5)
            effect["source"], effect["kind"] = rng.choice((0, 0, 0, 1)), codes.SKIPPED
            first += 7
        came = np.zeros(10, DTYPES[Section.GAPS])
        came["first"] = came["last"] = [rng.randint(1, first) for _ in came]
        came["source"], came["kind"] = rng.randrange(2), codes.CAME
        for piece in (skipped, came):
            tables = (shard.sources, shard.gaps, shard.gap_count, rng.choice(TIMES))
            shard.gap_count = duel.call("apply_gaps", piece, *tables, operations=len(piece))
    _list_gaps(duel, shard)


def _list_gaps(duel: Duel, shard: _Shard) -> Array:
    record = shard.sources[0]
    found = np.zeros(int(record["gap_count"]), GAP)
    duel.call("list_gaps", int(record["gaps"]), shard.gaps, found)
    return found


def _keep(duel: Duel, rng: Random, shard: _Shard, effects: Array, quantities: Array) -> None:
    """Keep facts and shipments, and look back."""
    if not len(shard.levels):
        return
    latest = shard.latest if shard.is_used else shard.latest[:0]
    free = shard.records[shard.kept :]
    time = rng.choice(TIMES)
    levels = latest, shard.last_counted
    duel.call("append_facts", effects, quantities, free, *levels, shard.kept, time)
    shard.kept += len(effects)
    lines = np.zeros(3, LINE)
    lines["row"] = [rng.randrange(len(shard.levels)) for _ in lines]
    moves = np.zeros(rng.randrange(4), DTYPES[Section.MOVES])
    for move in moves:
        move["quantity"], move["line"] = rng.randint(1, 9), rng.randrange(3)
        ways = ((codes.COMMITTED, codes.FULFILLED), (codes.FULFILLED, codes.COMMITTED), (1, 2))
        move["leaves"], move["enters"] = rng.choice(ways)
    free = shard.records[shard.kept :]
    shard.kept += duel.call("append_shipments", moves, lines, free, latest, shard.kept, time)
    middle = rng.randrange(shard.kept + 1)
    first = rng.randrange(middle + 1)
    history = shard.records[first:middle].copy(), shard.records[middle:].copy(), first, middle
    found, after_ns = np.zeros(20, HISTORY), rng.choice(TIMES)
    if not shard.is_used:
        shard.is_used = rng.random() < 0.5
        chained = shard.records[: shard.kept if shard.is_used else 0]
        levels = shard.latest, shard.last_counted
        duel.call("chain_history", chained, *levels, 0, rng.randrange(2))
    duel.call("index_counts", history, latest, np.zeros(len(latest), np.int64))
    for level in latest.tolist():
        duel.call("list_since", history, level[0], after_ns, found, rng.choice((2, 20)))
        duel.call("sum_shipped", history, level[1], rng.choice((0, 3, 99, -2)), after_ns, 20)
        source = rng.randrange(3)
        sought = source - 1, rng.choice((0, 1, 2)), after_ns, rng.choice((2, 20))
        duel.call("find_fact", history, level[0], *sought)
        duel.call("find_first_numbered", history[1], source, after_ns, rng.choice((2, 20)))


def _change_statuses(duel: Duel, rng: Random, shard: _Shard) -> None:
    """Let units enter and leave statuses, and look for them."""
    count = len(shard.levels)
    effects = np.zeros(rng.randrange(5) if count else 0, DTYPES[Section.UNAVAILABLE])
    for effect in effects:
        effect["row"], effect["status"] = rng.randrange(count), rng.randrange(STATUSES)
        effect["units"] = rng.choice((-1, 1, 7))
    tables = shard.unavailable, shard.unavailable_count, shard.unavailable_slots
    shard.unavailable_count = duel.call("apply_unavailable", effects, *tables, shard.levels)
    found = np.zeros((len(shard.unavailable), 3), np.int64)
    rows = np.arange(count)
    used = shard.unavailable[: shard.unavailable_count]
    listed = shard.levels["withheld"].copy()
    slots = shard.unavailable_slots
    duel.call("list_unavailable", slots, used, rows, listed, found)
    duel.call("find_unavailable", slots, used, rng.randrange(9), rng.randrange(STATUSES))
    duel.call("index_unavailable", make_index(8 * STATUSES), used)


def _change_supplies(duel: Duel, rng: Random, shard: _Shard) -> None:
    """Announce, change and receive supply and transfers, and look for them; now and then all of a
    level leaves.
    """
    count = len(shard.levels)
    effects = np.zeros(rng.randrange(9) if count else 0, DTYPES[Section.SUPPLIES])
    texts = []
    for effect in effects:
        effect["row"], effect["key_lo"] = rng.randrange(count), rng.randrange(SUPPLY_KEYS)
        effect["is_transfer"] = effect["key_lo"] % 2
        effect["units"], effect["is_receipt"] = rng.choice(QUANTITIES), rng.random() < 0.5
        effect["expected_ns"], effect["source"] = rng.choice(TIMES), rng.randrange(2)
        effect["text_size"] = rng.choice((2, 16, 17, 40))
        texts.append(np.full(effect["text_size"], effect["key_lo"], np.uint8))
    now_ns = rng.choice(TIMES)
    tables = shard.heads, shard.supplies
    for effect, text in zip(effects, texts, strict=True):
        # Anew for each: the one before may have let an old supply leave.
        known = shard.supplies[: shard.supply_count]
        is_known = np.any((known["row"] == effect["row"]) & (known["key_lo"] == effect["key_lo"]))
        packed = text[:0] if is_known else text
        one = np.array([effect])
        more = shard.header, shard.supply_texts, shard.sources, now_ns
        arguments = (one, packed, *tables, shard.supply_count, *more)
        shard.supply_count = duel.call("apply_supplies", *arguments)
    rows = np.arange(count)
    before_ns = rng.choice((0, rng.randrange(9), codes.NEVER_NS))
    duel.call("sum_incoming", rows, *tables, before_ns, np.zeros(count, np.int64))
    numbers, places = np.zeros((2, len(shard.supplies)), np.int64)
    duel.call("list_open", rows, *tables, rng.choice((1, 99)), numbers, places)
    for row in rows.tolist()[: 1 + rng.randrange(2)]:
        key = np.uint64(0), np.uint64(rng.randrange(SUPPLY_KEYS))
        duel.call("find_supply", *tables, row, *key)
        duel.call("count_open", *tables, row)
        supply = shard.supplies[rng.randrange(len(shard.supplies))]
        duel.call("still_to_come", supply)
        duel.call("is_supply_open", supply)
        if rng.random() < 0.1:
            gone = (row, *tables, shard.supply_count, shard.header, shard.supply_texts[0])
            shard.supply_count = duel.call("drop_supplies", *gone)


def _reset(duel: Duel, rng: Random, shard: _Shard) -> None:
    effects = np.zeros(1, DTYPES[Section.SOURCE_RESETS])
    effects["last_sequence"] = rng.choice((0, 3, 2**63 - 1))
    tables = (shard.sources, shard.gaps, shard.gap_count, shard.numbered)
    shard.gap_count = duel.call("apply_source_resets", effects, *tables)


def _make_levels(rng: Random) -> Array:
    levels = np.zeros(rng.choice((0, 1, 4, 8)), LEVEL)
    for row, level in enumerate(levels):
        level["on_hand"], level["sku"] = rng.choice(STOCKS), row
        level["withheld"] = rng.choice(QUANTITIES)
        level["reserved"], level["committed"] = rng.choice(QUANTITIES), rng.choice(QUANTITIES)
    return levels


def _make_events(rng: Random, size: int) -> Array:
    events = np.zeros(size, STOCK_EVENT)
    keys = random_keys(rng, size)
    for event in events:
        if rng.random() < 0.7:
            event["key_hi"], event["key_lo"] = rng.choice(keys)
            event["has_key"] = 1
        if rng.random() < 0.5 or not event["has_key"]:
            event["sequence"] = rng.choice((rng.randint(1, 200), 2**63 - 1 - rng.randint(0, 9)))
        event["kind"] = rng.choice(tuple(EventKind))
        event["quantity"] = rng.choice(QUANTITIES)
        event["content"] = rng.choice((0, 0, 0, 7))
        event["row"] = rng.choice((-1, 0, 0, 1, 2, 3, 7, 8, 2**31 - 1))
        event["shard"] = rng.choice((*range(SHARDS), 2**16 - 1))
    return events
