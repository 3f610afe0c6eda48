"""Derived stock: what it promises for any stream, and its figures for the streams that are used."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replay import derived_stock
from bench.replay.derived_stock import LATE_DAYS, derive_stock, is_late
from bench.replay.order_file import read_orders
from bench.replay.order_generator import generate_orders
from bench.replay.orders import Found, Invoice, OrderEvent, OrderLine, Return, WriteOff
from bench.replay.simulation import expected_outcome
from bench.replay.warehouses import LOCATIONS, DerivedStock, StockQuantity, lines_of, location_of
from tests.bench.replay.shop import REAL_YEAR, on_day, sale


def test_no_events_need_no_stock() -> None:
    """An empty stream is a stream."""
    assert DerivedStock(LOCATIONS, (), {}) == derive_stock([])


def test_opening_stock_covers_the_first_weeks() -> None:
    """What is sold before a delivery can bear is there from the start, and no more."""
    events = [sale("1", 0, ("A", 80_995)), sale("2", 20, ("B", 3))]
    expected = [("A", location_of("1", "A"), 80_995), ("B", location_of("2", "B"), 3)]
    stock = derive_stock(events)
    assert tuple(StockQuantity(*entry) for entry in expected) == stock.opening
    assert {} == stock.receipts


def test_events_out_of_order_are_refused() -> None:
    """Deliveries are laid along the time of the events, so it may not run backwards."""
    with pytest.raises(ValueError, match=r"2 of 2011-01-01 follows 2011-01-02; order events"):
        derive_stock([sale("1", 1, ("A", 1)), sale("2", 0, ("A", 1))])


def _daily_sales(location: str, weeks: int) -> list[OrderEvent]:
    """A unit of one SKU on every day, all from one location."""
    numbers = (str(n) for n in range(100_000) if location_of(str(n), "A") == location)
    return [sale(next(numbers), day, ("A", 1)) for day in range(7 * weeks)]


def _due_days(location: str) -> list[tuple[int, int]]:
    return [(k, derived_stock._due_day(location, k)) for k in range(7)]


@pytest.mark.parametrize("location", [location.code for location in LOCATIONS])
def test_only_a_late_delivery_makes_lines_short(location: str) -> None:
    """Goods run out where a delivery is late, from the day they are needed to the day they come."""
    events = _daily_sales(location, weeks=30)
    refused = expected_outcome(events, derive_stock(events)).refused
    short_days = {day for day, event in enumerate(events) if event.number in refused}
    late = {
        day
        for delivery, due in _due_days(location)
        if is_late(location, delivery)
        for day in range(due + derived_stock.COVER_DAYS, due + LATE_DAYS)
    }
    assert late & set(range(7 * 30)) == short_days


def test_stock_does_not_run_out_with_the_stream() -> None:
    """Past the end the need is taken to go on, so what was delivered last reaches further."""
    outcome = expected_outcome(events := _daily_sales("CWL", weeks=30), derive_stock(events))
    assert sum(outcome.on_hand.values()) >= derived_stock.COVER_DAYS


def test_goods_to_be_written_off_are_not_late() -> None:
    """A write-off while the truck is late finds its goods, and the sales beside it do too."""
    location, delivery = next(
        (place.code, k) for place in LOCATIONS for k in range(6) if is_late(place.code, k)
    )
    day = derived_stock._due_day(location, delivery) + derived_stock.COVER_DAYS
    number = next(f"9{n}" for n in range(9_999) if location_of(f"9{n}", "A") == location)
    events = _daily_sales(location, weeks=30)
    events.insert(day, WriteOff(number, on_day(day), OrderLine("A", 7), "damages"))
    outcome = expected_outcome(events, derive_stock(events))
    window = {event.number for event in events[day : day + 5]}
    assert set() == outcome.refused & window
    assert min(outcome.on_hand.values()) >= 0


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 30),  # days since the event before
        st.sampled_from(["sale", "sale", "sale", "return", "write_off", "found"]),
        st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 90)), min_size=1, max_size=4),
    ),
    max_size=40,
)


def _events(drawn: list[tuple[int, str, list[tuple[str, int]]]]) -> list[OrderEvent]:
    day, events = 0, list[OrderEvent]()
    for index, (gap, kind, pairs) in enumerate(drawn):
        day += gap
        lines = tuple(OrderLine(*pair) for pair in pairs)
        number, at = str(100 + index), on_day(day)
        match kind:
            case "sale":
                events.append(Invoice(number, at, lines))
            case "return":
                events.append(Return(f"C{number}", at, lines))
            case "write_off":
                events.append(WriteOff(number, at, lines[0], ""))
            case _:
                events.append(Found(number, at, lines[0], ""))
    return events


@settings(max_examples=30)
@given(drawn=_EVENTS)
def test_no_stock_level_ever_falls_below_zero(
    drawn: list[tuple[int, str, list[tuple[str, int]]]],
) -> None:
    """Whatever happens after whatever stretch of the stream, every level holds."""
    events = _events(drawn)
    stock = derive_stock(events)
    for count in range(1, len(events) + 1):
        if isinstance(events[count - 1], WriteOff):
            assert min(expected_outcome(events[:count], stock).on_hand.values()) >= 0


@settings(max_examples=30)
@given(drawn=_EVENTS)
def test_units_are_conserved(drawn: list[tuple[int, str, list[tuple[str, int]]]]) -> None:
    """What came in less what went out is what is there; every line is accepted or refused."""
    events = _events(drawn)
    stock = derive_stock(events)
    outcome = expected_outcome(events, stock)
    came = outcome.units_opening + outcome.units_received
    came += outcome.units_returned + outcome.units_found
    went = outcome.units_accepted + outcome.units_written_off
    assert came - went == sum(outcome.on_hand.values())
    lines = sum(len(event.lines) for event in events if isinstance(event, Invoice))
    assert lines == outcome.lines_accepted + outcome.lines_refused
    assert len(outcome.refused) == outcome.invoices_refused


def test_every_level_that_is_touched_is_opened() -> None:
    """A server is told of a level before anything is wanted from it, if only that it holds 0."""
    events = list(generate_orders(seed=5, invoices=60))
    stock = derive_stock(events)
    touched = {
        (line.sku, location_of(event.number, line.sku))
        for event in events
        for line in lines_of(event)
    }
    opened = [(entry.sku, entry.location) for entry in stock.opening]
    assert sorted(touched) == opened
    assert all(0 <= position < len(events) for position in stock.receipts)
    assert all(entry.quantity > 0 for arrived in stock.receipts.values() for entry in arrived)


def test_the_same_events_give_the_same_stock() -> None:
    """Nothing but the events goes in."""
    events = list(generate_orders(seed=5, invoices=60))
    assert derive_stock(events) == derive_stock(events)


# The streams that are used


@pytest.mark.slow
def test_about_two_percent_of_the_generated_lines_are_short() -> None:
    """Shortages are seen, and most invoices still go through."""
    events = list(generate_orders())
    outcome = expected_outcome(events, derive_stock(events))
    assert 0.015 <= outcome.short_share <= 0.025
    assert outcome.refused_share < 0.25


@pytest.mark.slow
def test_about_two_percent_of_the_lines_of_the_real_year_are_short() -> None:
    """The same for the real year, together with what its own figures say."""
    if not REAL_YEAR.exists():
        pytest.skip("needs ../shared/data/uci-online-retail/online_retail.csv.gz")
    events = list(read_orders(REAL_YEAR))
    outcome = expected_outcome(events, derive_stock(events))
    assert 0.015 <= outcome.short_share <= 0.025
    assert outcome.refused_share < 0.25
    assert 19_790 == outcome.invoices_accepted + outcome.invoices_refused
    assert 528_138 == outcome.lines_accepted + outcome.lines_refused
    assert 272_030 == outcome.units_returned
    assert 206_898 == outcome.units_written_off
    assert min(outcome.on_hand.values()) >= 0
