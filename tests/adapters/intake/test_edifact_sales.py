"""What a shop says by SLSRPT that it sold becomes sales and returns."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import Decoded, FactKind, Ignored, Reference, StockFact
from holdfast.adapters.intake.edifact import decode
from holdfast.adapters.intake.edifact_values import Edifact
from tests.adapters.intake.edifact_samples import one

#: As in EANCOM's example: a report on a period, and places of sale with periods of their own.
REPORT = ("BGM+73E::9+SDR1568+9", "DTM+137:20261126:102", "DTM+356:2026110120261126:718")
FIRST = ("LOC+162+5456789000024::9", "DTM+356:2026111020261116:718", "LIN+1++5412345000105:EN")
SECOND = ("LOC+162+5456789000031::9", "LIN+1++5412345000105:EN")


def read(*segments: str, **options: Any) -> list[Decoded | Undecodable]:
    return list(decode(Message(one("SLSRPT", *segments)), Edifact(**options)))


def test_what_was_sold_at_each_place_is_a_sale_by_the_end_of_its_period() -> None:
    first, second = read(*REPORT, *FIRST, "QTY+153:140:PCE", *SECOND, "QTY+153:2,5:KGM")
    assert first == StockFact(
        source="edifact/WMS",
        id="IC7/ME1/1/1",
        kind=FactKind.SALE,
        sku="5412345000105",
        location="5456789000024",
        quantity=Decimal(140),
        unit="PCE",
        time=datetime(2026, 11, 17, tzinfo=UTC),
        reference=Reference("sales_report", "SDR1568"),
    )
    assert isinstance(second, StockFact)
    assert ("5456789000031", Decimal("2.5")) == (second.location, second.quantity)
    assert datetime(2026, 11, 26, 16, 55, tzinfo=UTC) == second.time  # it has not ended yet


def test_fewer_than_none_were_brought_back_and_none_is_no_sale() -> None:
    back, none = read(*REPORT, *FIRST, "QTY+153:-3:PCE", "LIN+2++pan:EN", "QTY+153:0:PCE")
    assert isinstance(back, StockFact)
    assert (FactKind.RETURN, Decimal(3)) == (back.kind, back.quantity)
    assert Ignored("no_sale") == none


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("DTM+356:20261120:102", datetime(2026, 11, 21, tzinfo=UTC)),
        ("DTM+356:202611201730:203", datetime(2026, 11, 20, 17, 30, tzinfo=UTC)),
        ("DTM+356:20261110-20261120:718", datetime(2026, 11, 21, tzinfo=UTC)),
        ("DTM+137:20261120:102", datetime(2026, 11, 26, 16, 55, tzinfo=UTC)),
    ],
)
def test_a_report_without_places_is_of_the_location_that_is_set(
    period: str, expected: datetime
) -> None:
    (sale,) = read(REPORT[0], period, "LIN+1++pan:EN", "QTY+153:1", location="S1")
    assert isinstance(sale, StockFact)
    assert ("S1", expected) == (sale.location, sale.time)


@pytest.mark.parametrize(
    ("segments", "field"),
    [
        (("BGM+73E+1+1", *FIRST, "QTY+153:1"), "segment[3].BGM03.1"),
        ((*REPORT, *FIRST, "QTY+59:1"), "segment[8].LIN01.1"),
        ((*REPORT, "LOC+162", "LIN+1++pan:EN", "QTY+153:1"), "segment[6].LOC02.1"),
        ((*REPORT[:2], "DTM+356:2026:718", *SECOND, "QTY+153:1"), "segment[5].DTM01.2"),
        ((REPORT[0], "LIN+1++pan:EN", "QTY+153:1"), "segment[2].UNH02.1"),
    ],
)
def test_what_is_wrong_is_reported(segments: tuple[str, ...], field: str) -> None:
    (wrong,) = read(*segments)
    assert isinstance(wrong, Undecodable)
    assert field == wrong.field


def test_a_line_that_is_wrong_does_not_hold_up_the_others() -> None:
    wrong, sold = read(*REPORT, *FIRST, "LIN+2++pan:EN", "QTY+153:1")
    assert isinstance(wrong, Undecodable)
    assert isinstance(sold, StockFact)
    assert "pan" == sold.sku


def test_what_was_sold_twice_over_is_reported() -> None:
    twice, _ = read(*REPORT, *FIRST, "QTY+153:3:PCE", "QTY+153:4:PCE", "LIN+2++pan:EN", "QTY+153:1")
    assert isinstance(twice, Undecodable)
    assert "segment[10].QTY01.1" == twice.field
