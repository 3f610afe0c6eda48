"""What warehouses and suppliers say by X12 becomes facts, orders and cases for a person."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    CountBasis,
    Decoded,
    Exceptional,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from holdfast.adapters.intake.x12 import decode, key
from holdfast.adapters.intake.x12_values import X12
from tests.adapters.intake.x12_samples import BSN, LEVELS, interchange, isa, one, transaction_set

SENT = datetime(2026, 11, 26, 16, 55, tzinfo=UTC)
SOURCE = "x12/ZZ/WMS"


def read(body: bytes, **options: Any) -> list[Decoded | Undecodable]:
    return list(decode(Message(body), X12(**options)))


def facts(body: bytes, **options: Any) -> list[StockFact]:
    found = read(body, **options)
    assert all(isinstance(each, StockFact) for each in found), found
    return [each for each in found if isinstance(each, StockFact)]


def told(body: bytes, **options: Any) -> list[str]:
    return [each.field for each in read(body, **options) if isinstance(each, Undecodable)]


# --- 846 -------------------------------------------------------------------------------------

BIA = "BIA*00*DD*adv-7*20261126*1530"
WAREHOUSE = "N1*WH*Main*92*W1"


def test_an_inventory_advice_is_a_count_of_the_books() -> None:
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
            basis=CountBasis.BOOKS,
        )
        == pen
    )
    assert ("ink", Decimal(0), "000000012/34/0001/2/1") == (ink.sku, ink.quantity, ink.id)


def test_an_advice_may_count_one_product_at_several_locations() -> None:
    body = one("846", BIA, "LIN*1*SK*pen", "SDQ*EA*92*S1*4*S2*.5")
    assert [("S1", Decimal(4), "EA"), ("S2", Decimal("0.5"), "EA")] == [
        (fact.location, fact.quantity, fact.unit) for fact in facts(body)
    ]


def test_which_quantity_is_on_hand_is_an_option_and_the_unit_may_be_composite() -> None:
    body = one("846", BIA, WAREHOUSE, "LIN*1*SK*pen", "QTY*QX*7*CA>1>12", "QTY*17*9")
    [count] = facts(body, counted=["QX"], basis="shelf")
    assert (Decimal(7), "CA", CountBasis.SHELF) == (count.quantity, count.unit, count.basis)


def test_a_count_without_a_time_is_of_when_the_group_was_made_on_the_same_day() -> None:
    body = one("846", "BIA*00*DD*a*20261126", WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA")
    assert [SENT] == [fact.time for fact in facts(body)]
    yesterday = one("846", "BIA*00*DD*a*20261125", WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA")
    assert ["segment[4].BIA05"] == told(yesterday)


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


# --- 944 -------------------------------------------------------------------------------------

W17 = "W17*F*20261126*rc-1*po-9*asn-3"


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
def test_a_receipt_advice_that_is_wrong_is_told(segments: tuple[str, ...], field: str) -> None:
    assert [field] == told(one("944", *segments))


# --- 945 -------------------------------------------------------------------------------------

W06 = "W06*F*ord-1*20261126*shp-5**po-9"


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
def test_a_shipping_advice_that_is_wrong_is_told(segments: tuple[str, ...], field: str) -> None:
    assert [field] == told(one("945", *segments))


@pytest.mark.parametrize("body", [one("945", "W06*K*o"), one("944", "W17*K*20261126*r")])
def test_an_exercise_is_ignored(body: bytes) -> None:
    assert [Ignored("exercise")] == read(body)


# --- 947 -------------------------------------------------------------------------------------

W15 = "W15*20261126*adj-1"


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


# --- All of them -----------------------------------------------------------------------------


def test_tests_do_not_count_unless_the_options_say_so() -> None:
    body = one("945", W06, WAREHOUSE, "W12*CL*3*3**EA**VN*pen", usage="T")
    assert [Ignored("test")] == read(body)
    assert 1 == len(read(body, accepts_tests=True))


def test_other_sets_are_ignored() -> None:
    assert [Ignored("x12_850")] == read(one("850", "BEG*00"))


def test_a_wrong_set_does_not_hold_up_the_next() -> None:
    good = transaction_set("945", W06, WAREHOUSE, "W12*CL*3*3**EA**VN*pen", control="0002")
    wrong, shipped = read(interchange("945", transaction_set("945", "W06*F"), good))
    assert isinstance(wrong, Undecodable)
    assert isinstance(shipped, OrderEvent)
    assert "000000012/34/0002" == shipped.id


def test_bytes_that_are_not_utf_8_are_latin_1() -> None:
    body = one("945", "W06*F*\u00e4", WAREHOUSE, "W12*CL*3*3**EA**VN*pen")
    for text in (body, body.decode().encode("latin-1")):
        [shipped] = read(text)
        assert isinstance(shipped, OrderEvent)
        assert "\u00e4" == shipped.order


def test_the_location_of_the_options_stands_in_for_one_that_nobody_names() -> None:
    [shipped] = read(one("945", W06, "W12*CL*3*3**EA**VN*pen"), location="W9")
    assert isinstance(shipped, OrderEvent)
    assert "W9" == shipped.lines[0].location


def test_a_message_is_known_by_its_content() -> None:
    assert key(Message(b"a")) == key(Message(b"a", {"file": "x"})) != key(Message(b"b"))


SAMPLES = [
    one("846", BIA, WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA", "SDQ*EA*92*S1*4"),
    one("944", W17, WAREHOUSE, "W07*10*EA**VN*pen", "W13*3*EA*01**04"),
    one("945", W06, WAREHOUSE, "W12*CP*3*1*2*EA**VN*pen", "N9*LI*10"),
    one("947", W15, WAREHOUSE, "W19*AB*-3*EA**VN*pen"),
    one("856", BSN, *LEVELS),
]
HEADER = len(isa())


@given(st.sampled_from(SAMPLES), st.data())
def test_any_change_of_a_sample_decodes_or_is_told(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample)))
    new = data.draw(st.binary(max_size=4) | st.sampled_from([b"*", b"~", b"**", b"-", b"0", b"9"]))
    body = sample[:at] + new + sample[at + data.draw(st.integers(0, 3)) :]
    with suppress(Undecodable):
        read(body)


@given(st.sampled_from(SAMPLES), st.data())
def test_any_element_may_hold_anything(sample: bytes, data: st.DataObject) -> None:
    head, *segments = sample[HEADER:].decode().split("~")
    at = data.draw(st.integers(1, len(segments) - 5))
    elements = segments[at].split("*")
    place = data.draw(st.integers(0, len(elements) - 1))
    elements[place] = data.draw(
        st.text(max_size=9) | st.from_regex(r"-?[0-9.]{0,30}", fullmatch=True)
    )
    segments[at] = "*".join(elements)
    with suppress(Undecodable):
        read(sample[:HEADER] + "~".join([head, *segments]).encode(errors="replace"))
