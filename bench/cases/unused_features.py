"""What is not used: the same Reserves and stock facts on a node that knows nothing else, and on one
that has something of everything at other SKUs, by turns. The engine alone, without wire and
journal.
"""

from collections.abc import Sequence
from statistics import median

from holdfast.core.commands import (
    Command,
    Line,
    Location,
    RecordStockEvents,
    Reference,
    RenameSku,
    ReserveAgainstSupply,
    Source,
    StockEvent,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.commands.stock import SUPPLY, TRANSFER
from holdfast.core.ids import event_key, key_from_text
from holdfast.core.limits import HOLD_MS_MAX, NS_PER_DAY
from holdfast.core.model import EventKind, Fallback, LocationKind, UnknownSkus

from ..harness.figures import Figure, figure
from ..harness.plan import Plan
from ..harness.turns import LEVELS, NOW_NS, Engine

#: Commands in a turn, and facts in a message.
TURN, FACTS = 64, 500

HERE, THERE = LEVELS[0][1], "ELSEWHERE"


async def run(plan: Plan) -> list[Figure]:
    """Run both engines by turns."""
    plain, used = Engine(), Engine()
    for commands in _everything():
        used.turn(commands)
    turns = plan.count(200, 5)
    reserves: list[float] = []
    facts: list[float] = []
    for number in plan.each_round("unused"):
        reserves.append(used.reserve_us(TURN, turns) / plain.reserve_us(TURN, turns))
        messages = [_facts(f"{number}/{turn}") for turn in range(turns)]
        # Whoever comes second finds the message in the processor's caches.
        ratios = [used.turn([each]) / plain.turn([each]) for each in messages[::2]]
        ratios += [1 / (plain.turn([each]) / used.turn([each])) for each in messages[1::2]]
        facts.append(median(ratios))
    other = "with something of everything at other SKUs ÷ without"
    return [
        figure("unused.reserve", f"Turn of {TURN} Reserves: {other}", "%", reserves),
        figure("unused.facts", f"{FACTS} single facts: {other}", "%", facts),
    ]


def _facts(message: str) -> Command:
    """A message of facts with ids, of the SKUs that both engines have."""
    rows = [LEVELS[at % len(LEVELS)] for at in range(FACTS)]
    events = (
        StockEvent(event_key("till", f"{message}/{at}"), 0, *row, EventKind.RECEIPT, 1)
        for at, row in enumerate(rows)
    )
    return RecordStockEvents("till", tuple(events))


def _everything() -> Sequence[Sequence[Command]]:
    """Turns that leave something of each kind behind, at SKUs of their own."""
    supply, transfer = Reference(SUPPLY, "PO-1", ""), Reference(TRANSFER, "T-1", "")
    sent = {"reference": transfer, "to_location": THERE}
    coming = {"reference": supply, "expected_ns": NOW_NS + NS_PER_DAY}
    latest = (NOW_NS + 2 * NS_PER_DAY,)
    waits = Line("OTHER-3", HERE, 5)
    return (
        [UpdateLocation(Location(THERE, LocationKind.STORE, "", enabled=True))],
        [_one("wms", number, f"OTHER-{number}", EventKind.RECEIPT, 9) for number in range(1, 4)],
        [RenameSku("OTHER-1", "OTHER-1B")],
        [
            UpdateSource(Source("erp", 60_000, None, Fallback.CAP, 5), allow_missing=True),
            UpdateSource(Source("pos", 0, UnknownSkus.QUARANTINE), allow_missing=True),
        ],
        [_one("erp", number, "OTHER-2", EventKind.RECEIPT, 9) for number in (1, 3)],
        [_one("pos", 1, "OTHER-4", EventKind.SALE, 1)],
        [_one("wms", 4, "OTHER-2", EventKind.STATUS_CHANGE, 2, to_status="damaged")],
        [_one("wms", 5, "OTHER-2", EventKind.TRANSFER_DISPATCH, 3, **sent)],
        [_one("wms", 6, "OTHER-3", EventKind.SUPPLY, 99, **coming)],
        [_one("wms", 7, "OTHER-3", EventKind.SALE, 9)],
        [ReserveAgainstSupply(key_from_text("waits"), (waits,), HOLD_MS_MAX, latest)],
    )


def _one(
    source: str, number: int, sku: str, kind: EventKind, units: int, **more: object
) -> Command:
    event = StockEvent(None, number, sku, HERE, kind, units, **more)  # type: ignore[arg-type]
    return RecordStockEvents(source, (event,))
