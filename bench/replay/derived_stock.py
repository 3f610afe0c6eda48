"""Stock for a stream of orders that names none: locations, opening stock and receipts, derived.

The source of the orders has no location, no stock level and no receipt of goods. This file makes
them up from the orders alone, by fixed rules, and whatever shows them should say "derived":

- Five warehouses. A hash of SKU and invoice number picks the one that serves a line, so that the
  same line always goes to the same place, and all lines of one SKU on one invoice go together.
- Each warehouse orders every four weeks, knowing what it will need: as much as takes it to two
  weeks past its next delivery. Opening stock is what it needs until two weeks past the first.
- Some deliveries are so late that the goods run out for some days. That is what makes lines short:
  late trucks, not single missing SKUs, because shortages then meet on the same invoices, and most
  invoices stay whole.
- Goods that will be written off while their truck is late come in time. So a write-off, which is
  a fact and cannot be refused, always finds its goods, and no level ever falls below zero.

`expected_outcome` plays the orders against that stock in plain Python. It shares no code with the
server, so that a replay through the server can be judged by it.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple, TypeAlias

from .orders import Found, Invoice, OrderEvent, OrderLine, Return, WriteOff


@dataclass(frozen=True, slots=True)
class Location:
    """A warehouse that exists in this derivation only."""

    code: str
    name: str
    share: int  # percent of the lines it serves


LOCATIONS: Final = (
    Location("LUT", "Luton warehouse (derived)", 34),
    Location("MAN", "Manchester warehouse (derived)", 24),
    Location("BRS", "Bristol warehouse (derived)", 18),
    Location("GLA", "Glasgow warehouse (derived)", 14),
    Location("CWL", "Cardiff warehouse (derived)", 10),
)

COVER_DAYS: Final = 14  # a delivery is due this long before its goods are needed
DELIVERY_EVERY_DAYS: Final = 2 * COVER_DAYS  # twice, so that needs can be summed by half periods
DELIVERY_STAGGER_DAYS: Final = 5  # between the warehouses, so that not all deliver on one day
# One delivery in LATE_EVERY is LATE_DAYS late, so its goods are missing for five days. Chosen by
# measuring: 1.6 % of the lines of the real year are short and 8.0 % of its invoices refused, 2.0 %
# and 7.1 % of the default generated stream. Eight has no divisor in common with the five
# warehouses, so each has its turn; and what is late still comes before the next order is made.
LATE_EVERY: Final = 8
LATE_DAYS: Final = 19

Level: TypeAlias = tuple[str, str]  # SKU and location code


@dataclass(frozen=True, slots=True)
class StockQuantity:
    """Units of one SKU at one location."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class DerivedStock:
    """What was derived for one stream of orders."""

    locations: tuple[Location, ...]
    opening: tuple[StockQuantity, ...]  # every level that any event touches, also with 0 units
    # What arrives just before the event at that position of the stream (0 is the first event).
    receipts: Mapping[int, tuple[StockQuantity, ...]]


@dataclass(slots=True)
class Expected:
    """What playing a stream in order against its derived stock comes to."""

    invoices_accepted: int = 0
    invoices_refused: int = 0
    lines_accepted: int = 0
    lines_refused: int = 0  # lines of refused invoices, short or not
    lines_short: int = 0  # lines whose own level had too little when their invoice was tried
    units_accepted: int = 0
    units_refused: int = 0
    returns: int = 0
    units_returned: int = 0
    write_offs: int = 0
    units_written_off: int = 0
    finds: int = 0
    units_found: int = 0
    receipts: int = 0
    units_received: int = 0
    units_opening: int = 0
    refused: set[str] = field(default_factory=set)  # numbers of the refused invoices
    on_hand: dict[Level, int] = field(default_factory=dict)  # at the end, by SKU and location

    @property
    def short_share(self) -> float:
        """Short lines among the lines of all invoices."""
        return self.lines_short / max(self.lines_accepted + self.lines_refused, 1)

    @property
    def refused_share(self) -> float:
        """Refused invoices among all invoices."""
        return self.invoices_refused / max(self.invoices_accepted + self.invoices_refused, 1)


def location_of(invoice_number: str, sku: str) -> str:
    """The code of the location that serves this SKU on this invoice, return or correction."""
    return _LOCATION_BY_PERCENT[zlib.crc32(f"{sku}\n{invoice_number}".encode()) % 100]


def lines_of(event: OrderEvent) -> tuple[OrderLine, ...]:
    """The lines of any event; corrections have one."""
    return event.lines if isinstance(event, Invoice | Return) else (event.line,)


def derive_stock(events: Sequence[OrderEvent]) -> DerivedStock:
    """Derive the stock that serves a stream of events ordered by time; reads it twice."""
    need = _Need(events)
    opening = tuple(StockQuantity(*level, need.opening(level)) for level in sorted(need.levels))
    played = _opened(opening)
    planner = _Planner(need, played.on_hand)
    receipts: dict[int, tuple[StockQuantity, ...]] = {}
    for position, (event, day) in enumerate(_with_days(events)):
        arriving = tuple(planner.arrivals(day))
        if arriving:
            receipts[position] = arriving
        _play(played, event)
    return DerivedStock(LOCATIONS, opening, receipts)


def expected_outcome(events: Iterable[OrderEvent], stock: DerivedStock) -> Expected:
    """Play the events in order: an invoice that does not fit as a whole is refused as a whole."""
    expected = _opened(stock.opening)
    for position, event in enumerate(events):
        for entry in stock.receipts.get(position, ()):
            expected.on_hand[entry.sku, entry.location] += entry.quantity
            expected.receipts += 1
            expected.units_received += entry.quantity
        _play(expected, event)
    return expected


class _Need:
    """What goes out at each level, in half periods of ``COVER_DAYS``.

    Half period 0 is all the time before the first delivery of the location, 1 begins with it.
    """

    def __init__(self, events: Iterable[OrderEvent]) -> None:
        self.levels: dict[Level, dict[int, int]] = {}
        self._punctual: set[tuple[Level, int]] = set()
        self._last_day = 0
        for event, day in _with_days(events):
            self._last_day = day
            for line in lines_of(event):
                self._add(event, line, day)

    def opening(self, level: Level) -> int:
        """What goes out until the first delivery is needed."""
        halves = self.levels[level]
        return halves.get(0, 0) + halves.get(1, 0)

    def until_next(self, level: Level, delivery: int) -> int:
        """What goes out from the day a delivery is due until the one after it is needed.

        Past the last event the year is taken to begin again: stock should not end at nothing.
        """
        halves, last = self.levels[level], _half(level[1], self._last_day)
        due = 2 * delivery + 1
        wanted = [half if half <= last else half - last for half in (due, due + 1, due + 2)]
        return sum([halves.get(half, 0) for half in wanted])

    def is_late(self, level: Level, delivery: int) -> bool:
        """Whether a late truck may keep this level waiting."""
        return is_late(level[1], delivery) and (level, delivery) not in self._punctual

    def _add(self, event: OrderEvent, line: OrderLine, day: int) -> None:
        location = location_of(event.number, line.sku)
        level = (line.sku, location)
        halves = self.levels.setdefault(level, {})
        if not isinstance(event, Invoice | WriteOff):
            return
        half = _half(location, day)
        halves[half] = halves.get(half, 0) + line.quantity
        if isinstance(event, WriteOff):
            self._punctual.add((level, (half - 1) // 2))


class _Visit(NamedTuple):
    """A truck on its day. No location has two on one day, so the goods are never compared."""

    day: int
    location: str
    delivery: int
    late_goods: tuple[StockQuantity, ...] | None  # None: the delivery is due and to be ordered


class _Planner:
    """Orders what each location lacks when its delivery is due, and lets some of it come late."""

    def __init__(self, need: _Need, on_hand: dict[Level, int]) -> None:
        self._need = need
        self._on_hand = on_hand
        self._levels = {
            location.code: [level for level in sorted(need.levels) if level[1] == location.code]
            for location in LOCATIONS
        }
        self._agenda = [_Visit(_due_day(place.code, 0), place.code, 0, None) for place in LOCATIONS]
        heapify(self._agenda)

    def arrivals(self, today: int) -> list[StockQuantity]:
        """Put into stock what has arrived by now, and say what it was."""
        arrived: list[StockQuantity] = []
        while self._agenda[0].day <= today:
            visit = heappop(self._agenda)
            goods = self._order(visit) if visit.late_goods is None else visit.late_goods
            for entry in goods:
                self._on_hand[entry.sku, entry.location] += entry.quantity
            arrived += goods
        return arrived

    def _order(self, due: _Visit) -> tuple[StockQuantity, ...]:
        """What arrives on the due day; the rest and the next delivery go on the agenda."""
        goods: tuple[list[StockQuantity], list[StockQuantity]] = ([], [])
        for level in self._levels[due.location]:
            lacking = self._need.until_next(level, due.delivery) - self._on_hand[level]
            if lacking > 0:
                late = self._need.is_late(level, due.delivery)
                goods[late].append(StockQuantity(*level, lacking))
        punctual, late_goods = map(tuple, goods)
        _, location, delivery, _ = due
        heappush(self._agenda, _Visit(due.day + LATE_DAYS, location, delivery, late_goods))
        next_day = due.day + DELIVERY_EVERY_DAYS
        heappush(self._agenda, _Visit(next_day, location, delivery + 1, None))
        return punctual


def is_late(location: str, delivery: int) -> bool:
    """Whether this delivery (0 is the first) reaches this location late."""
    turn = delivery * len(LOCATIONS) + _LOCATION_INDEX[location]
    return turn % LATE_EVERY == LATE_EVERY - 1


def _due_day(location: str, delivery: int) -> int:
    """The day, counted from the first event, on which a delivery is due."""
    return _FIRST_DUE_DAY[location] + DELIVERY_EVERY_DAYS * delivery


def _half(location: str, day: int) -> int:
    """The half period of a day: 0 before the first delivery is due, 1 from that day on."""
    return max((day - _FIRST_DUE_DAY[location]) // COVER_DAYS + 1, 0)


def _with_days(events: Iterable[OrderEvent]) -> Iterator[tuple[OrderEvent, int]]:
    """Each event with its day, counted from the first event."""
    first = last = None
    for event in events:
        today = event.at.date()
        if last is not None and today < last:
            raise ValueError(f"{event.number} of {today} follows {last}; order events by time")
        first, last = first or today, today
        yield event, (today - first).days


# Playing: the only rules are that a fact is applied, and an invoice fits as a whole or not at all.


def _opened(opening: Iterable[StockQuantity]) -> Expected:
    on_hand = {(entry.sku, entry.location): entry.quantity for entry in opening}
    return Expected(units_opening=sum(on_hand.values()), on_hand=on_hand)


def _play(expected: Expected, event: OrderEvent) -> None:
    match event:
        case Invoice():
            _play_invoice(expected, event)
        case Return():
            expected.returns += 1
            expected.units_returned += _apply(expected, event, 1)
        case WriteOff():
            expected.write_offs += 1
            expected.units_written_off += _apply(expected, event, -1)
        case Found():
            expected.finds += 1
            expected.units_found += _apply(expected, event, 1)


def _play_invoice(expected: Expected, invoice: Invoice) -> None:
    wanted: defaultdict[Level, int] = defaultdict(int)
    for line in invoice.lines:
        wanted[line.sku, location_of(invoice.number, line.sku)] += line.quantity
    short = {level[0] for level in wanted if expected.on_hand[level] < wanted[level]}
    units = sum(wanted.values())
    if short:
        expected.invoices_refused += 1
        expected.lines_refused += len(invoice.lines)
        expected.lines_short += sum(line.sku in short for line in invoice.lines)
        expected.units_refused += units
        expected.refused.add(invoice.number)
        return
    expected.invoices_accepted += 1
    expected.lines_accepted += len(invoice.lines)
    expected.units_accepted += units
    for level, quantity in wanted.items():
        expected.on_hand[level] -= quantity


def _apply(expected: Expected, event: OrderEvent, sign: int) -> int:
    """Move the units of a fact and return how many they are."""
    lines = lines_of(event)
    for line in lines:
        expected.on_hand[line.sku, location_of(event.number, line.sku)] += sign * line.quantity
    return sum(line.quantity for line in lines)


_LOCATION_INDEX: Final = {location.code: index for index, location in enumerate(LOCATIONS)}
_FIRST_DUE_DAY: Final = {
    location.code: DELIVERY_EVERY_DAYS + DELIVERY_STAGGER_DAYS * index
    for index, location in enumerate(LOCATIONS)
}
_LOCATION_BY_PERCENT: Final = tuple(
    location.code for location in LOCATIONS for _ in range(location.share)
)
