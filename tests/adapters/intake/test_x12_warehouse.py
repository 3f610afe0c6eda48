"""What a warehouse received and shipped, and what differs from what was ordered."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from holdfast.adapters.events import (
    Exceptional,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from tests.adapters.intake.x12_samples import (
    SENT,
    SOURCE,
    W06,
    W17,
    WAREHOUSE,
    facts,
    one,
    read,
    wrong_fields,
)


def test_a_receipt_advice_tells_what_is_fit_what_is_not_and_what_is_disputed() -> None:
    body = one(
        "944",
        *(W17, WAREHOUSE, "W07*10*EA**VN*pen", "W13*3*EA*01**04", "W13*2*EA*02"),
        *("W07*5*EA*012345678905", "W13*1*EA*03", "W14*15"),
    )
    fit, damaged, short, ink, over = read(body)
    assert (
        StockFact(
            source=SOURCE,
            id="000000012/34/0001/1",
            kind=FactKind.RECEIPT,
            sku="pen",
            location="W1",
            quantity=Decimal(7),
            unit="EA",
            time=SENT,
            reference=Reference("supply", "asn-3"),
        )
        == fit
    )
    assert isinstance(damaged, StockFact)
    assert ("000000012/34/0001/1/1", Decimal(3), "damaged", "04") == (
        *(damaged.id, damaged.quantity),
        *(damaged.to_status, damaged.reason),
    )
    assert isinstance(ink, StockFact)
    assert ("012345678905", Decimal(5)) == (ink.sku, ink.quantity)
    assert isinstance(short, Exceptional)
    assert isinstance(over, Exceptional)
    assert [("short_receipt", "pen", "2"), ("over_receipt", "012345678905", "1")] == [
        (case.kind, case.subject, case.details["quantity"]) for case in (short, over)
    ]


def test_damaged_units_may_come_on_top_of_those_received() -> None:
    body = one("944", W17, WAREHOUSE, "W07*10*EA**VN*pen", "W13*3*EA*04")
    assert [(Decimal(10), ""), (Decimal(3), "inspect")] == [
        (fact.quantity, fact.to_status) for fact in facts(body, damaged_apart=True)
    ]


@pytest.mark.parametrize(
    ("options", "w17", "reference"),
    [
        ({}, W17, Reference("supply", "asn-3")),
        ({}, "W17*F*20261126*rc-1*po-9", Reference("supply", "po-9")),
        ({}, "W17*F*20261126*rc-1", Reference("receipt", "rc-1")),
        ({"supply_by": "order"}, W17, Reference("supply", "po-9")),
        ({"receipts": "transfer"}, W17, Reference("transfer", "asn-3")),
        ({"receipts": "receipt"}, W17, Reference("receipt", "rc-1")),
    ],
)
def test_a_receipt_is_of_what_the_options_say(
    options: dict[str, Any], w17: str, reference: Reference
) -> None:
    body = one("944", w17, WAREHOUSE, "W07*10*EA**VN*pen")
    assert [reference] == [fact.reference for fact in facts(body, **options)]


def test_a_customers_return_is_one() -> None:
    body = one("944", "W17*C*261125*rc-1*rma-9", WAREHOUSE, "W07*1*EA**VN*pen", "W13*1*EA*01*04")
    [back] = facts(body)
    assert (FactKind.RETURN, Reference("return", "rma-9"), "damaged") == (
        *(back.kind, back.reference),
        back.to_status,
    )
    assert datetime(2026, 11, 25, tzinfo=UTC) == back.time


@pytest.mark.parametrize(
    ("segments", "field"),
    [
        ((WAREHOUSE,), "segment[3].ST01"),
        (("W17*X*20261126*r", WAREHOUSE), "segment[4].W1701"),
        (("W17*F*20261326*r", WAREHOUSE), "segment[4].W1702"),
        (("W17*F*2026*r", WAREHOUSE), "segment[4].W1702"),
        (("W17*F*20261126", WAREHOUSE), "segment[4].W1703"),
        ((W17, "W07*1*EA**VN*pen"), "segment[3].ST01"),
        ((W17, WAREHOUSE, "W07**EA**VN*pen"), "segment[6].W0701"),
        ((W17, WAREHOUSE, "W07*1*EA**ZZ*pen"), "segment[6].W0704"),
        ((W17, WAREHOUSE, "W07*1*EA**VN*pen", "W13*2*EA*01"), "segment[6].W0701"),
        ((W17, WAREHOUSE, "W07*9*EA**VN*pen", "W13*2*CA*01"), "segment[7].W1302"),
    ],
)
def test_a_receipt_advice_that_is_wrong_is_reported(segments: tuple[str, ...], field: str) -> None:
    assert [field] == wrong_fields(one("944", *segments))


def test_a_shipping_advice_ships_lines_of_an_order() -> None:
    body = one(
        "945",
        *(W06, WAREHOUSE, "LX*1", "W12*CL*3*3**EA**VN*pen", "N9*LI*10"),
        *("LX*2", "W12*CL*2**0*CA**VN*ink"),
    )
    assert [
        OrderEvent(
            source=SOURCE,
            id="000000012/34/0001",
            kind=OrderKind.SHIPPED,
            order="ord-1",
            lines=(
                OrderLine("10", "pen", "W1", Decimal(3), "EA"),
                OrderLine("", "ink", "W1", Decimal(2), "CA"),
            ),
            time=SENT,
        )
    ] == read(body)


def test_a_short_pick_is_a_case_for_a_person() -> None:
    body = one(
        "945", W06, WAREHOUSE, "W12*CP*3*1*2*EA**VN*pen", "N9*LI*10", "W12*CU*2*0*2*EA**VN*ink"
    )
    shipped, pen, ink = read(body)
    assert isinstance(shipped, OrderEvent)
    assert (OrderLine("10", "pen", "W1", Decimal(1), "EA"),) == shipped.lines
    assert isinstance(pen, Exceptional)
    assert ("short_pick", "ord-1", "000000012/34/0001/1/short_pick") == (
        *(pen.kind, pen.subject),
        pen.id,
    )
    assert {"sku": "pen", "location": "W1", "line": "10", "unit": "EA", "status": "CP"} | {
        "ordered": "3",
        "shipped": "1",
    } == pen.details
    assert isinstance(ink, Exceptional)
    assert "0" == ink.details["shipped"]


def test_an_order_of_which_nothing_was_shipped_is_not_shipped() -> None:
    [case] = read(one("945", W06, WAREHOUSE, "W12*CU*2*0*2*EA**VN*ink"))
    assert isinstance(case, Exceptional)


def test_what_follows_later_is_no_short_pick() -> None:
    [shipped] = read(one("945", W06, WAREHOUSE, "W12*BP*3*1*2*EA**VN*pen"))
    assert isinstance(shipped, OrderEvent)


def test_a_line_shipped_from_several_lots_is_one_line() -> None:
    lots = ("W12*CL*3*1**EA**VN*pen*lot1", "N9*LI*10", "W12*CL*3*2**EA**VN*pen*lot2", "N9*LI*10")
    [shipped] = read(one("945", W06, WAREHOUSE, *lots))
    assert isinstance(shipped, OrderEvent)
    assert (OrderLine("10", "pen", "W1", Decimal(3), "EA"),) == shipped.lines


def test_units_above_the_order_left_all_the_same() -> None:
    shipped, sale, case = read(one("945", W06, WAREHOUSE, "W12*CM*3*5**EA**VN*pen"))
    assert isinstance(shipped, OrderEvent)
    assert isinstance(sale, StockFact)
    assert isinstance(case, Exceptional)
    assert Decimal(3) == shipped.lines[0].quantity
    assert (FactKind.SALE, Decimal(2), "over_shipped") == (sale.kind, sale.quantity, case.kind)


def test_a_substitute_is_sold_and_the_ordered_line_left_to_a_person() -> None:
    body = one("945", W06, WAREHOUSE, "W12*IS*3*3**EA**VN*pen-b" + "*" * 9 + "VN*pen")
    sale, case = read(body)
    assert isinstance(sale, StockFact)
    assert isinstance(case, Exceptional)
    assert ("pen-b", Decimal(3), "substituted") == (sale.sku, sale.quantity, case.kind)


@pytest.mark.parametrize("action", ["3", "C", "W"])
def test_a_void_takes_the_shipment_back(action: str) -> None:
    w06 = f"W06*F*ord-1*20261126*shp-5{'*' * 8}{action}"
    lines = ("W12*CL*3*3**EA**VN*pen", "N9*LI*10", "W12*CU*2*0**EA**VN*ink")
    [back] = facts(one("945", w06, WAREHOUSE, *lines))
    assert (FactKind.SHIPMENT_REVERSAL, Reference("reservation", "ord-1", "10"), Decimal(3)) == (
        *(back.kind, back.reference),
        back.quantity,
    )


@pytest.mark.parametrize(
    ("segments", "field"),
    [
        (("W06*F", WAREHOUSE), "segment[4].W0602"),
        ((W06, "W12*CL*3*3**EA**VN*pen"), "segment[3].ST01"),
        ((W06, WAREHOUSE, "W12*CL***3*EA**VN*pen"), "segment[6].W1202"),
        ((W06, WAREHOUSE, "W12*CL*3*-3**EA**VN*pen"), "segment[6].W1203"),
        ((W06, WAREHOUSE, "W12*CL*3*3**EA**ZZ*pen"), "segment[6].W1207"),
    ],
)
def test_a_shipping_advice_that_is_wrong_is_reported(segments: tuple[str, ...], field: str) -> None:
    assert [field] == wrong_fields(one("945", *segments))


@pytest.mark.parametrize("body", [one("945", "W06*K*o"), one("944", "W17*K*20261126*r")])
def test_an_exercise_is_ignored(body: bytes) -> None:
    assert [Ignored("exercise")] == read(body)
