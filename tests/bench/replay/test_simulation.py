"""Orders played in plain Python: what fits is taken, what does not is refused whole."""

import re
from pathlib import Path

from bench.replay import orders, simulation, warehouses
from bench.replay.orders import Found, OrderEvent, OrderLine, Return, WriteOff
from bench.replay.simulation import Expected, expected_outcome
from bench.replay.warehouses import LOCATIONS, DerivedStock, StockQuantity, location_of
from tests.bench.replay.shop import on_day, sale


def _stock(*opening: tuple[str, str, int], **receipts: tuple[str, str, int]) -> DerivedStock:
    """Stock by hand; receipts are named ``at_<position>``."""
    return DerivedStock(
        LOCATIONS,
        tuple(StockQuantity(*entry) for entry in opening),
        {int(name[3:]): (StockQuantity(*entry),) for name, entry in receipts.items()},
    )


def test_an_invoice_that_fits_is_taken_from_stock() -> None:
    """Lines of one SKU add up."""
    place = location_of("1", "A")
    outcome = expected_outcome([sale("1", 0, ("A", 2), ("A", 3))], _stock(("A", place, 5)))
    assert (
        Expected(
            invoices_accepted=1,
            lines_accepted=2,
            units_accepted=5,
            units_opening=5,
            on_hand={("A", place): 0},
        )
        == outcome
    )


def test_one_short_line_refuses_the_whole_invoice() -> None:
    """Nothing moves, and only the lines of the level that lacks stock are short."""
    a, b = location_of("1", "A"), location_of("1", "B")
    stock = _stock(("A", a, 4), ("B", b, 9))
    outcome = expected_outcome([sale("1", 0, ("A", 2), ("A", 3), ("B", 9))], stock)
    assert (
        Expected(
            invoices_refused=1,
            lines_refused=3,
            lines_short=2,
            units_refused=14,
            units_opening=13,
            refused={"1"},
            on_hand={("A", a): 4, ("B", b): 9},
        )
        == outcome
    )
    assert (2 / 3, 1.0) == (outcome.short_share, outcome.refused_share)


def test_a_receipt_comes_before_the_event_at_its_position() -> None:
    """The invoice at that position already sees it, the one before does not."""
    place = location_of("2", "A")
    number = next(str(n) for n in range(3, 99) if location_of(str(n), "A") == place)
    events = [sale(number, 0, ("A", 1)), sale("2", 1, ("A", 1))]
    outcome = expected_outcome(events, _stock(("A", place, 0), at_1=("A", place, 1)))
    assert {number} == outcome.refused
    assert (1, 1, 1) == (outcome.invoices_accepted, outcome.receipts, outcome.units_received)


def test_facts_are_applied_whatever_is_on_hand() -> None:
    """Returns and finds add, a write-off takes, also below zero."""
    places = {n: location_of(n, "A") for n in ("C1", "2", "3")}
    line = OrderLine("A", 4)
    events: list[OrderEvent] = [
        Return("C1", on_day(0), (line, line)),
        WriteOff("2", on_day(0), line, ""),
        Found("3", on_day(0), line, ""),
    ]
    levels = sorted(set(places.values()))
    outcome = expected_outcome(events, _stock(*(("A", level, 0) for level in levels)))
    assert (1, 8) == (outcome.returns, outcome.units_returned)
    assert (1, 4) == (outcome.write_offs, outcome.units_written_off)
    assert (1, 4) == (outcome.finds, outcome.units_found)
    assert 8 == sum(outcome.on_hand.values())
    assert (0.0, 0.0) == (outcome.short_share, outcome.refused_share)


def test_the_simulation_shares_no_code_with_the_server() -> None:
    """It and all that it imports know nothing of Holdfast."""
    for module in (simulation, warehouses, orders):
        source = Path(module.__file__ or "").read_text("utf-8")
        imported = re.findall(r"^(?:from|import) (\S+)", source, re.MULTILINE)

        assert {name for name in imported if name.startswith(".")} <= {".orders", ".warehouses"}
        assert not [name for name in imported if "holdfast" in name]
