"""Inventory advices are counts, and adjustments have reasons, signs and statuses."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import (
    CountBasis,
    FactKind,
    Ignored,
    Reference,
    StockFact,
)
from tests.adapters.intake.x12_samples import (
    BIA,
    SENT,
    SOURCE,
    W15,
    WAREHOUSE,
    facts,
    one,
    read,
    wrong_fields,
)


def test_an_inventory_advice_is_a_count_of_the_shelf() -> None:
    lines = ("LIN*1*SK*pen*UP*0761", "QTY*33*7*EA", "QTY*17*9*EA", "LIN*2*SK*ink", "QTY*17*0*EA")
    pen, ink = facts(one("846", BIA, WAREHOUSE, *lines))
    assert (
        StockFact(
            source=SOURCE,
            id="000000012/34/0001/1/1",
            kind=FactKind.COUNT,
            sku="pen",
            location="W1",
            quantity=Decimal(9),
            unit="EA",
            time=datetime(2026, 11, 26, 15, 30, tzinfo=UTC),
            reference=Reference("inventory_advice", "adv-7"),
            basis=CountBasis.SHELF,
        )
        == pen
    )
    assert ("ink", Decimal(0), "000000012/34/0001/2/1") == (ink.sku, ink.quantity, ink.id)


def test_two_quantities_of_a_product_are_no_count() -> None:
    """As of two lots: nobody says that they add up."""
    lots = ("LIN*1*SK*pen", "QTY*17*9*EA", "QTY*17*11*EA", "LIN*2*SK*ink", "QTY*17*5*EA")
    assert ["segment[8].QTY01"] == wrong_fields(one("846", BIA, WAREHOUSE, *lots))


def test_two_warehouses_of_a_kind_are_none() -> None:
    places = (WAREHOUSE, "N1*WH*Main*92*W1", "N1*WH*Other*92*W2", "N1*WH*No code")
    assert ["segment[7].N104"] == wrong_fields(one("846", BIA, *places, "LIN*1*SK*a", "QTY*17*1"))


def test_an_advice_may_count_one_product_at_several_locations() -> None:
    body = one("846", BIA, "LIN*1*SK*pen", "SDQ*EA*92*S1*4*S2*.5")
    assert [("S1", Decimal(4), "EA"), ("S2", Decimal("0.5"), "EA")] == [
        (fact.location, fact.quantity, fact.unit) for fact in facts(body)
    ]


def test_which_quantity_is_on_hand_is_an_option_and_the_unit_may_be_composite() -> None:
    body = one("846", BIA, WAREHOUSE, "LIN*1*SK*pen", "QTY*QX*7*CA>1>12", "QTY*17*9")
    [count] = facts(body, counted=["QX"], basis="books")
    assert (Decimal(7), "CA", CountBasis.BOOKS) == (count.quantity, count.unit, count.basis)


def test_a_count_without_a_time_is_of_when_the_group_was_made_on_the_same_day() -> None:
    body = one("846", "BIA*00*DD*a*20261126", WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA")
    assert [SENT] == [fact.time for fact in facts(body)]
    yesterday = one("846", "BIA*00*DD*a*20261125", WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA")
    assert ["segment[4].BIA05"] == wrong_fields(yesterday)


def test_dates_are_of_the_time_zone_of_the_options() -> None:
    body = one("846", BIA, WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA")
    [count] = facts(body, time_zone="America/New_York")
    assert datetime(2026, 11, 26, 20, 30, tzinfo=UTC) == count.time


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (("LIN*1*XX*pen", "QTY*17*9"), "segment[6].LIN02"),
        (("LIN*1", "QTY*17*9"), "segment[6].LIN02"),
        (("LIN*1*SK*pen",), "segment[6].LIN01"),
        (("LIN*1*SK*pen", "QTY*99*9"), "segment[6].LIN01"),
        (("LIN*1*SK*pen", "QTY*17*nine"), "segment[7].QTY02"),
        (("LIN*1*SK*pen", "QTY*17*1E9"), "segment[7].QTY02"),
        (("LIN*1*SK*pen", "QTY*17"), "segment[7].QTY02"),
        (("LIN*1*SK*pen", "QTY*17*" + "9" * 99), "segment[7].QTY02"),
        (("LIN*1*SK*pen", "QTY*17*-1"), "segment[6].LIN01"),
        (("LIN*1*SK*pen", "SDQ*EA*92**4"), "segment[7].SDQ03"),
        (("LIN*1*SK*pen", "SDQ*EA*92*S1"), "segment[7].SDQ04"),
    ],
)
def test_a_line_of_an_advice_that_is_wrong_does_not_hold_up_the_next(
    line: tuple[str, ...], field: str
) -> None:
    wrong, count = read(one("846", BIA, WAREHOUSE, *line, "LIN*2*SK*ink", "QTY*17*9"))
    assert isinstance(wrong, Undecodable)
    assert field == wrong.field
    assert isinstance(count, StockFact)


def test_an_adjustment_has_its_reason_and_sign() -> None:
    body = one("947", W15, WAREHOUSE, "W19*AB*-3*EA**VN*pen", "W19*56*2*EA**VN*pen")
    assert [
        ("000000012/34/0001/1", Decimal(-3), "AB", Reference("adjustment", "adj-1")),
        ("000000012/34/0001/2", Decimal(2), "56", Reference("adjustment", "adj-1")),
    ] == [(fact.id, fact.quantity, fact.reason, fact.reference) for fact in facts(body)]


def test_reasons_may_put_units_into_a_status_and_take_them_out_again() -> None:
    body = one("947", W15, WAREHOUSE, "W19*AU*-3*EA**VN*pen", "W19*AU*1*EA**VN*pen")
    assert [
        (FactKind.STATUS_CHANGE, Decimal(3), "", "damaged"),
        (FactKind.STATUS_CHANGE, Decimal(1), "damaged", ""),
    ] == [
        (fact.kind, fact.quantity, fact.from_status, fact.to_status)
        for fact in facts(body, statuses={"AU": "damaged"})
    ]


def test_reasons_may_take_off_what_has_no_sign() -> None:
    body = one("947", W15, WAREHOUSE, "W19*07*3*EA**VN*pen", "W19*07*-3*EA**VN*pen")
    assert [Decimal(-3), Decimal(-3)] == [fact.quantity for fact in facts(body, decreases=["07"])]


def test_an_adjustment_by_nothing_is_ignored() -> None:
    assert [Ignored("no_change")] == read(one("947", W15, WAREHOUSE, "W19*AB*0*EA**VN*pen"))
