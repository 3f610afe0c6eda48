"""Every limit of the engine, with its unit in the name and its reason above it.

Limits that a caller can meet are repeated in the comments of protos/holdfast/v1;
`tests/test_limits.py` keeps the two in step by sending one message on each side of every limit.
"""

NS_PER_MS = 1_000_000
NS_PER_S = 1_000 * NS_PER_MS
NS_PER_MINUTE = 60 * NS_PER_S
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR

#: Names and ids are short keys, not documents. 128 bytes hold every id that the vendors in
#: docs/integrators use.
NAME_BYTES_MAX = 128

#: One quantity. A thousand million million base units is more than any stock, and 2,000 lines of it
#: still fit an int64.
QUANTITY_MAX = 10**15

#: One stock level: units on hand, and the shortfall. Headroom under int64, so that what a command
#: adds or takes cannot overflow before it is judged (kernels/promise.py).
ON_HAND_MAX = 2 * 10**18

#: All stock levels of a SKU together, where an answer sums them: an int64.
TOTAL_MAX = 2**63 - 1

#: Lines of one reservation. The largest invoice of a real year has 1,114.
LINES_MAX = 2_000

#: Lines of a Reserve against supply: each is decided by itself, and its queue read, in some 50 µs.
LINES_AGAINST_SUPPLY_MAX = 100

#: SKUs of one BatchGetAvailability, and events of one RecordStockEvents.
BATCH_MAX = 1_000

#: Events of one RecordStockEvents that change a status or name a reservation, and twice those that
#: name supply. Each is recorded by itself, in some 80 µs, and 120 with supply.
CHANGING_MAX = 100

#: A count may be of a later time than the node's: clocks differ.
COUNT_AHEAD_NS_MAX = 5 * NS_PER_MINUTE

#: And name a number of its source that is so far above the last that came: what it counted may
#: overtake what it had seen.
NUMBERS_AHEAD_MAX = 1_000_000

#: Records of a level that a count looks through: some 4 ms.
HISTORY_READ_MAX = 30_000

#: A hold shorter than a second cannot survive one retry; a hold longer than 30 days is an order.
HOLD_MS_MIN = 1_000
HOLD_MS_MAX = 30 * 24 * 3_600 * 1_000
HOLD_MS_DEFAULT = 15 * 60 * 1_000

#: How long a source may be silent at most before it is stale: a month.
EXPECTED_INTERVAL_MS_MAX = HOLD_MS_MAX

#: How long request ids and stock event ids are remembered.
RETENTION_NS = 7 * NS_PER_DAY

#: Lines that a shortfall endangers, named at each stock level in the answer to a fact; as many as a
#: read of one may ask for; and in one answer, of 256 bytes and more each.
ENDANGERED_LISTED_MAX = 20
ENDANGERED_MAX = 1_000
ENDANGERED_IN_ALL_MAX = 1_000

#: Ranges of numbers that a source skipped, kept for each source in each shard: a shuffled message
#: opens half as many as it has events. With more, the oldest is dropped: its numbers are
#: reported as out of order, and that they are missing stays on record.
GAPS_MAX = 256

#: Gaps of a source that one answer lists, and numbers skipped by the events of one message.
RANGES_LISTED_MAX = 100

#: Numbers below the first one of a source that count as missing: a message may be overtaken by the
#: next. A source that begins above them has begun before, elsewhere.
FIRST_NUMBERS_MAX = BATCH_MAX

#: Numbered events whose content each shard keeps, so that a number that comes again is compared:
#: four shards keep what one stream may have in flight, 8 messages of 8,190. A power of two.
NUMBERED_MAX = 1 << 14

#: Statuses under which units may be not for sale, by name, of a node. A level's are listed in
#: one answer; the largest WMS have some dozens.
STATUSES_MAX = 64

#: Reversals of each shard whose events have not come: 0.3 MB, which are looked through for every
#: event as long as there are any.
PENDING_REVERSALS_MAX = 1_000

#: Reversals of one another, each of the one before it.
REVERSALS_DEEP_MAX = 16

#: Stock levels of a shard in quarantine. With more of them wrong it is the shard that is damaged,
#: and not some levels.
QUARANTINED_MAX = 10_000

#: SKUs of a shard in quarantine: each is one that an operator has to look at.
QUARANTINED_SKUS_MAX = 10_000

#: Other names of the SKUs of a node, besides the first name of each: some 30 MB. And of one SKU: a
#: watcher is told of all of them.
SKU_NAMES_MAX = 1 << 16
SKU_NAMES_EACH_MAX = 32

#: Stock levels with units of a SKU that is merged into another, and statuses of units at them: what
#: is recorded in one turn, of some 2 ms each.
MERGED_LEVELS_MAX = 100
MERGED_STATUSES_MAX = 10

#: Stock levels that one command repairs.
REPAIRED_MAX = 100

#: Facts, or shipments, of one generation of a shard's history (core/tables/recent.py): 0.8 GB, for
#: which memory runs out first. What is longer is forgotten before its time.
HISTORY_MAX = 1 << 24

#: The same over all shards, until the first count of an instant comes: that one chains all of them
#: by level, in some milliseconds.
UNUSED_HISTORY_MAX = 8_192

#: Shard numbers and row numbers share one int64 in a part reference: 8 bits of shard above 40 bits
#: of number.
PART_NUMBER_BITS = 40
SHARDS_MAX = 256

#: Slots that SKUs are hashed to, each of which lies in one shard. Many for each shard, so that a
#: shard can be split, or some of its SKUs moved, by another table and with the same hash.
SLOTS = 4_096

#: Records that a table can ever hold: 134 million a shard, for which memory runs out first. A table
#: reserves address space for all of them (core/tables/address_space.py), a few GiB each of 128 TiB.
NUMBER_BITS = 27
ROWS_MAX = (1 << NUMBER_BITS) - 1

#: What the index of reservations has of a part: its number, and a bit for ended ids.
PART_BITS = NUMBER_BITS + 1

#: Lines, and granules of text, lie in blocks of any size, between which there may be gaps that
#: nothing fits. For blocks of 1 to n records that is room for half of log2 n times as many as are
#: in use, at worst (Robson, "Bounds for some functions concerning dynamic storage allocation",
#: 1974), which is address space, and no memory until it comes to that.
BLOCKS_SPREAD = 8
PLACES_MAX = 2**31 - 2

#: Granules of 16 bytes that the longest text takes, with its length.
GRANULES_A_TEXT = (NAME_BYTES_MAX + 1 + 15) // 16

#: How long the lines of an ended reservation stay in memory, and its id, after its end.
LINES_KEPT_NS = NS_PER_DAY
IDS_KEPT_NS = 30 * LINES_KEPT_NS

#: Ended ids are forgotten by the hour in which their lines left.
MARK_NS = NS_PER_HOUR
#: Effects of one kind that a shard can collect in one turn, of names and texts bytes: a hundred
#: times what a turn of 10 ms comes to.
EFFECTS_MAX = 1 << 24

#: Open supplies of a stock level: an order a day for most of a year. More would make a read of the
#: level long.
SUPPLIES_OPEN_MAX = 256

#: Supplies of a stock level that are kept when nothing of them is to come any more, so that what a
#: source reports late about one is distinguished from what it reports about a new one.
SUPPLIES_CLOSED_MAX = 8

#: Supplies of a shard: 0.4 GB. When there is no room, supply is refused; other facts go on.
SUPPLIES_MAX = 1 << 22

#: Texts that name a supply, its document and a line of that; granules that they take at most.
SUPPLY_TEXTS_EACH = 2

#: Lines of a shard with units that are promised from supply: after each command that may have made
#: units available all of them are looked at, in 0.2 ms.
BACKORDERS_MAX = 1 << 16

#: How far ahead supply is shown: half a year. Dates beyond change until they come.
HORIZON_DAYS_MAX = 180

#: A page of what may be promised by date ends after so many stock levels, or after the level that
#: reaches so many supplies.
PROMISE_LEVELS_MAX = 250
PROMISE_SUPPLIES_MAX = 500

#: Locations of a node. The largest chains have some 85,000 shops; a read of one SKU takes the stock
#: levels at all of its locations at one instant.
LOCATIONS_MAX = 100_000

#: Stock levels that a read of several SKUs takes at one instant, and those among them that have
#: units which are not for sale.
LEVELS_READ_MAX = 15_000
WITHHELD_READ_MAX = 2_000

#: Linux's MAP_NORESERVE, which Python 3.11 does not name: a reservation is not a promise of memory.
MAP_NORESERVE = 0x4000

assert SHARDS_MAX <= SLOTS
assert SHARDS_MAX <= UNUSED_HISTORY_MAX
assert NUMBERED_MAX & (NUMBERED_MAX - 1) == 0
assert LINES_MAX * QUANTITY_MAX <= ON_HAND_MAX < 2**62
assert HOLD_MS_MAX < 2**32, "the journal keeps a hold duration in 32 bits"
assert LINES_MAX < 2**16, "the journal keeps a line's position in 16 bits"
