"""The part of a story that is about supply and who waits for it; see storyteller.py."""

from typing import TYPE_CHECKING

from holdfast.core.commands import (
    Command,
    Line,
    RecordStockEvents,
    Reference,
    ReserveAgainstSupply,
    StockEvent,
)
from holdfast.core.commands.stock import TRANSFER
from holdfast.core.ids import key_from_text
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_DAY
from holdfast.core.model import EventKind
from tests.model_backorders import to_come
from tests.model_reservations import Level
from tests.model_sources import Source

if TYPE_CHECKING:
    from tests.core.storyteller import Storyteller

#: SKUs of these stories.
SACKS = tuple(f"Sack {number}" for number in range(9))


def reserve_against_supply(teller: "Storyteller") -> Command:
    """Something that is to come, or anything."""
    rng = teller.rng
    coming = [_line(teller, level) for level in to_come(teller.model.skus)]
    some = tuple(rng.sample(coming, min(len(coming), rng.randint(1, 2))))
    lines = some if some and not teller.is_one_in(4) else teller.lines(rng.randint(1, 4))
    days = (rng.choice((None, -1, 1, 4, 6, 9, 9)) for _ in lines)
    latest = tuple(day and teller.now_ns + day * NS_PER_DAY // 2 for day in days)
    key = key_from_text(rng.choice((f"r{rng.randrange(3)}", *(teller.some_id("b") for _ in "123"))))
    return ReserveAgainstSupply(key, lines, rng.choice((1_000, 60_000, HOLD_MS_MAX)), latest)


def count_late(teller: "Storyteller") -> Command:
    """A count under a number that is missing, at a level that a dispatch alone has begun; or such a
    dispatch, after a gap.
    """
    source = teller.model.facts.sources.get("sending", Source())
    places = [level for name in SACKS for level in teller.model.skus.get(name, {}).values()]
    begun = [(level.sku, level.location) for level in places if not level.facts]
    if begun and source.gaps and teller.is_one_in(2):
        number, place = teller.rng.choice(source.gaps).first, teller.rng.choice(begun)
        event = StockEvent(None, number, *place, EventKind.COUNT, teller.rng.randint(0, 6))
    else:
        sku = teller.rng.choice(SACKS)
        event = StockEvent(
            *(None, source.last_sequence + teller.rng.randint(1, 3), sku, "W1"),
            *(EventKind.TRANSFER_DISPATCH, 2),
            reference=Reference(TRANSFER, "sacks", ""),
            to_location="W2",
            takes_promised=True,
        )
    return RecordStockEvents("sending", (event,))


def _line(teller: "Storyteller", level: Level) -> Line:
    units = max(0, level.available) + teller.rng.randint(0, 3) or 1
    return Line(level.sku, level.location, units, teller.rng.choice(("", "1")))


def announce(teller: "Storyteller") -> Command:
    """Something is to come, or comes."""
    event = teller.supply(teller.event("buying")._replace(sequence=0))
    due_ns = teller.now_ns + teller.rng.randint(1, 4) * NS_PER_DAY // 2
    event = event._replace(quantity=event.quantity * 2 or 9, expected_ns=due_ns)
    return RecordStockEvents("buying", (event._replace(occur_time_ns=None),))
