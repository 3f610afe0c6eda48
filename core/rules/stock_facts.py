"""Stock facts, the catalogue of locations, and reading availability.

A stock fact is never refused for business reasons; it may drive available negative, which is
reported as a shortfall. A command of several facts is planned whole, then written whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..commands import (
    AvailabilitiesView,
    AvailabilityView,
    DeleteOutcome,
    DeleteSku,
    EventResult,
    EventsOutcome,
    GetAvailability,
    LevelView,
    ListLocations,
    Location,
    LocationOutcome,
    LocationsView,
    OutOfRange,
    PutLocation,
    RecordStockEvents,
    Revision,
    StockEvent,
    Unknown,
)
from ..commands.registry import (
    DELETE_SKU,
    GET_AVAILABILITY,
    LIST_LOCATIONS,
    PUT_LOCATION,
    RECORD_STOCK_EVENTS,
    executes,
)
from ..limits import ON_HAND_MAX
from ..model import EventKind, EventOutcome, LocationKind
from ..tables.effects import Section
from ..tables.layouts import Array, pack_name
from ..tables.shard import Shard
from . import joint_turn
from .homes import Homes

#: How a fact that is not a count changes the units on hand.
_SIGN = {
    EventKind.RECEIPT: 1,
    EventKind.ADJUSTMENT: 1,
    EventKind.SALE: -1,
    EventKind.RETURN: 1,
}


class StockBook:
    """Stock facts and availability over the shards of a node."""

    def __init__(self, shards: Sequence[Shard], homes: Homes) -> None:
        self.shards = shards
        self.homes = homes

    @executes(RECORD_STOCK_EVENTS)
    def record_events(
        self, command: RecordStockEvents, now_ns: int
    ) -> EventsOutcome | Unknown | OutOfRange:
        """Record facts of one source, all or none."""
        for index, event in enumerate(command.events):
            if self.shards[0].locations.find(event.location) < 0:
                return Unknown(f"events[{index}].location", event.location)
        plan = _Plan(self.last_sequence(command.source), self._known(command.events, now_ns))
        for index, event in enumerate(command.events):
            if not plan.add(index, event, self.homes.shard_of_sku(event.sku)):
                return OutOfRange(f"events[{index}].quantity", event.quantity)
        # Point of no return: every location is known and every stock level stays in range.
        shards = {level.shard.number: level.shard for level in plan.levels.values()}
        for shard in shards.values():
            _write(shard, plan.facts, command.source)
        results = tuple(_result(fact) for fact in plan.facts)
        return EventsOutcome(results, joint_turn.revisions(list(shards.values())))

    def _known(self, events: Sequence[StockEvent], now_ns: int) -> list[bool]:
        """Tell which ids are remembered. An id counts once, whichever shard it came to before."""
        keys = [(event.key.hi, event.key.lo) if event.key else (0, 0) for event in events]
        his, los = np.array(keys, np.uint64).T.copy()
        known = np.array([event.key is None for event in events])
        self.find_known(his, los, now_ns, known)
        return [
            bool(mark) and event.key is not None for mark, event in zip(known, events, strict=True)
        ]

    def find_known(self, his: Array, los: Array, now_ns: int, known: Array) -> None:
        """Mark the keys that any shard remembers; those marked already are passed over."""
        for shard in self.shards:
            shard.events.find_all(his, los, now_ns, known)

    def last_sequence(self, source: str) -> int:
        """The last number that the source has reached, in whatever shard."""
        numbers = ((shard, shard.sources.find(source)) for shard in self.shards)
        return max(
            (int(shard.source_sequences.records[n]) for shard, n in numbers if n >= 0), default=0
        )

    @executes(GET_AVAILABILITY)
    def get_availability(self, command: GetAvailability, _now_ns: int) -> AvailabilitiesView:
        """Read the stock levels of SKUs."""
        return AvailabilitiesView(tuple(self._view(sku) for sku in command.skus))

    def _view(self, sku: str) -> AvailabilityView | None:
        shard = self.homes.shard_of_sku(sku)
        number = shard.skus.find(sku)
        if number < 0:
            return None
        levels = tuple(_level_view(shard, row) for row in shard.rows_of_sku(number))
        return AvailabilityView(sku, levels, Revision(shard.number, shard.revision))

    # --- the catalogue ---

    @executes(PUT_LOCATION)
    def put_location(self, command: PutLocation, _now_ns: int) -> LocationOutcome:
        """Create or change a location, in every shard: each keeps all locations."""
        location = command.location
        for shard in self.shards:
            number = number_of_name(shard, Section.LOCATION_NAMES, location.name)
            display_name = number_of_name(shard, Section.DISPLAY_NAMES, location.display_name)
            effect = (number, display_name, location.kind, location.enabled, 0)
            if tuple(shard.location_records.records[number])[:3] != effect[1:4]:
                shard.record(Section.LOCATIONS, effect)
        return LocationOutcome(location, joint_turn.revisions(self.shards))

    @executes(LIST_LOCATIONS)
    def list_locations(self, _command: ListLocations, _now_ns: int) -> LocationsView:
        """List all locations."""
        shard = self.shards[0]
        locations = [
            Location(
                shard.locations.text(number),
                LocationKind(int(record["kind"])),
                shard.display_names.text(record["display_name"]),
                bool(record["enabled"]),
            )
            for number, record in enumerate(shard.location_records.used)
        ]
        return LocationsView(tuple(locations))

    @executes(DELETE_SKU)
    def delete_sku(self, command: DeleteSku, _now_ns: int) -> DeleteOutcome | Unknown:
        """End a SKU. Its rows stay for the reservations on them; its name may begin anew with new
        rows.
        """
        shard = self.homes.shard_of_sku(command.sku)
        number = shard.skus.find(command.sku)
        if number < 0:
            return Unknown("sku", command.sku)
        # Point of no return: the SKU exists.
        levels = [shard.levels.records[row] for row in shard.rows_of_sku(number)]
        shard.record(Section.ENDED_SKUS, (number,))
        return DeleteOutcome(
            len(levels),
            sum(int(level["on_hand"]) for level in levels),
            sum(int(level["reserved"] + level["committed"]) for level in levels),
            Revision(shard.number, shard.revision),
        )


@dataclass(slots=True)
class _Level:
    """A stock level as the plan leaves it; row is NO_LEVEL or below until it is written."""

    shard: Shard
    row: int
    on_hand: int


@dataclass(slots=True)
class _Fact:
    """One event with what was decided about it."""

    event: StockEvent
    level: _Level
    outcome: EventOutcome
    delta: int
    on_hand: int


class _Plan:
    """Decides events one after the other, each seeing those before it, without writing anything."""

    def __init__(self, last_sequence: int, known: list[bool]) -> None:
        self.facts: list[_Fact] = []
        self.levels: dict[tuple[str, str], _Level] = {}
        self._last_sequence = last_sequence
        self._known = known
        self._keys: set[tuple[int, int]] = set()

    def add(self, index: int, event: StockEvent, shard: Shard) -> bool:
        """Decide one event; return whether its stock level stays in range."""
        level = self.levels.get((event.sku, event.location))
        if level is None:
            level = self.levels[event.sku, event.location] = _level_now(shard, event)
        outcome = self._judge(index, event)
        delta = _delta(event, level.on_hand) if outcome is EventOutcome.APPLIED else 0
        level.on_hand += delta
        self.facts.append(_Fact(event, level, outcome, delta, level.on_hand))
        return abs(level.on_hand) <= ON_HAND_MAX

    def _judge(self, index: int, event: StockEvent) -> EventOutcome:
        key = event.key
        if key and (self._known[index] or (key.hi, key.lo) in self._keys):
            return EventOutcome.DUPLICATE
        if event.sequence and event.sequence <= self._last_sequence:
            return EventOutcome.OUT_OF_ORDER if key else EventOutcome.DUPLICATE
        if key:
            self._keys.add((key.hi, key.lo))
        self._last_sequence = max(self._last_sequence, event.sequence)
        return EventOutcome.APPLIED


def _level_now(shard: Shard, event: StockEvent) -> _Level:
    row = shard.find_row(event.sku, event.location)
    on_hand = int(shard.levels.records[row]["on_hand"]) if row >= 0 else 0
    return _Level(shard, row, on_hand)


def _delta(event: StockEvent, on_hand: int) -> int:
    if event.kind is EventKind.COUNT:
        return event.quantity - on_hand
    return _SIGN[event.kind] * event.quantity


def _write(shard: Shard, facts: Sequence[_Fact], source: str) -> None:
    """Write the facts of one shard: new names and levels as they come, then all changes at once."""
    applied = [
        fact for fact in facts if fact.level.shard is shard and fact.outcome is EventOutcome.APPLIED
    ]
    if not applied:
        return
    number = number_of_name(shard, Section.SOURCE_NAMES, source)
    effects = []
    for fact in applied:
        event = fact.event
        if fact.level.row < 0:
            fact.level.row = _new_level(shard, event)
        hi, lo = (event.key.hi, event.key.lo) if event.key else (0, 0)
        has_key = event.key is not None
        effects.append(
            (hi, lo, fact.delta, event.sequence, fact.level.row, number, event.kind, has_key)
        )
    shard.record(Section.STOCK, *effects)


def _new_level(shard: Shard, event: StockEvent) -> int:
    sku = number_of_name(shard, Section.SKU_NAMES, event.sku)
    shard.record(Section.LEVELS, (sku, shard.locations.find(event.location)))
    return len(shard.levels) - 1


_NAME_TABLES = {
    Section.SKU_NAMES: "skus",
    Section.LOCATION_NAMES: "locations",
    Section.SOURCE_NAMES: "sources",
    Section.DISPLAY_NAMES: "display_names",
}


def number_of_name(shard: Shard, section: Section, name: str) -> int:
    """Return the number of a name, defining it when it is new."""
    table = getattr(shard, _NAME_TABLES[section])
    number: int = table.find(name)
    if number < 0:
        number = len(table)
        shard.record_name(section, pack_name(name))
    return number


def _result(fact: _Fact) -> EventResult:
    if fact.level.row < 0:
        return EventResult(fact.outcome, fact.on_hand, 0)
    record = fact.level.shard.levels.records[fact.level.row]
    promised = int(record["reserved"] + record["committed"])
    return EventResult(fact.outcome, fact.on_hand, max(0, promised - fact.on_hand))


def _level_view(shard: Shard, row: int) -> LevelView:
    level = shard.levels.records[row]
    location = int(level["location"])
    return LevelView(
        shard.locations.text(location),
        int(level["on_hand"]),
        int(level["reserved"]),
        int(level["committed"]),
        shard.is_enabled(location),
    )
