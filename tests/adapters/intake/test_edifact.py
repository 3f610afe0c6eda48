"""What warehouses and suppliers say by EDIFACT becomes facts and cases for a person."""

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
    Reference,
    StockFact,
)
from holdfast.adapters.intake.edifact import ADAPTER, decode
from holdfast.adapters.intake.edifact_values import Edifact
from tests.adapters.intake.edifact_samples import interchange, message, one

SENT = datetime(2026, 11, 26, 16, 55, tzinfo=UTC)


def read(body: bytes, **options: Any) -> list[Decoded | Undecodable]:
    return list(decode(Message(body), Edifact(**options)))


def facts(body: bytes, **options: Any) -> list[StockFact]:
    found = read(body, **options)
    assert all(isinstance(each, StockFact) for each in found), found
    return [each for each in found if isinstance(each, StockFact)]


def wrong_fields(body: bytes, **options: Any) -> list[str]:
    return [each.field for each in read(body, **options) if isinstance(each, Undecodable)]


# --- INVRPT ----------------------------------------------------------------------------------

REPORT = ("BGM+35+INV7+9", "DTM+137:202611261530:203", "NAD+GY+W1::9")
PEN = "LIN+1++4006381333931:EN"


def test_an_inventory_report_is_a_count_of_the_shelf() -> None:
    assert [
        StockFact(
            source="edifact/WMS",
            id="IC7/ME1/1/1",
            kind=FactKind.COUNT,
            sku="4006381333931",
            location="W1",
            quantity=Decimal(300),
            unit="PCE",
            time=datetime(2026, 11, 26, 15, 30, tzinfo=UTC),
            reference=Reference("inventory_report", "INV7"),
            basis=CountBasis.SHELF,
        )
    ] == facts(one("INVRPT", *REPORT, PEN, "QTY+145:300:PCE"))


def test_quantities_that_are_packed_are_parts_and_no_counts() -> None:
    parts = ("QTY+145:150", "CPS+1", "PAC+3++201", "QTY+145:150", "CPS+2", "PAC+2++201")
    assert [Decimal(300)] == [
        fact.quantity for fact in facts(one("INVRPT", *REPORT, PEN, "QTY+145:300", *parts))
    ]


def test_a_quantity_may_have_its_own_place_and_time() -> None:
    lines = (
        *("QTY+145:3", "LOC+14+A::9", "QTY+145:4", "LOC+14+B::9", "DTM+366:20261126120000:204"),
        "QTY+33:9",
    )
    assert [
        ("A", Decimal(3), datetime(2026, 11, 26, 15, 30, tzinfo=UTC)),
        ("B", Decimal(4), datetime(2026, 11, 26, 12, tzinfo=UTC)),
    ] == [
        (fact.location, fact.quantity, fact.time)
        for fact in facts(one("INVRPT", *REPORT, PEN, *lines))
    ]


def test_the_sku_may_come_after_the_line_and_decimals_have_either_mark() -> None:
    body = one("INVRPT", *REPORT, PEN, "PIA+5+pen-blue:SA+x:ZZZ", "QTY+145:0,42:KGM")
    assert [("pen-blue", Decimal("0.42"))] == [(fact.sku, fact.quantity) for fact in facts(body)]


def test_a_count_of_a_day_is_of_when_the_interchange_was_made_on_that_day() -> None:
    today, yesterday = (
        one("INVRPT", "BGM+35+a", f"DTM+137:{day}:102", "NAD+GY+W1", PEN, "QTY+145:1")
        for day in ("20261126", "20261125")
    )
    assert [SENT] == [fact.time for fact in facts(today)]
    assert ["DTM"] == wrong_fields(yesterday)


def test_movements_have_a_direction_and_a_reason() -> None:
    lines = (
        *("QTY+1:5", "INV+2+1+1", "QTY+1:4", "INV+1+1+2", "QTY+1:3", "INV+1+1+3"),
        *("QTY+1:2", "INV+2", "QTY+1:1", "QTY+1:0", "INV+1"),
    )
    body = one("INVRPT", "BGM+78+a", "DTM+137:20261126:102", "NAD+GY+W1", PEN, *lines)
    *found, opening, nothing = read(body)
    assert [
        (FactKind.RECEIPT, Decimal(5), "1"),
        (FactKind.SALE, Decimal(4), "2"),
        (FactKind.ADJUSTMENT, Decimal(-3), "3"),
        (FactKind.ADJUSTMENT, Decimal(2), ""),
    ] == [(fact.kind, fact.quantity, fact.reason) for fact in found if isinstance(fact, StockFact)]
    assert [Ignored("no_movement"), Ignored("no_change")] == [opening, nothing]


def test_what_movements_are_is_an_option() -> None:
    lines = ("QTY+1:4", "INV+1+1+2", "QTY+1:4", "INV+2+1+6", "QTY+1:4", "INV+1+1+6")
    body = one("INVRPT", "BGM+78+a", "NAD+GY+W1", PEN, *lines)
    ignored, back, other = read(body, movements={"2": "ignored", "6": "return"})
    assert Ignored("movement_2") == ignored
    assert isinstance(back, StockFact)
    assert isinstance(other, StockFact)
    assert (FactKind.RETURN, Decimal(4)) == (back.kind, back.quantity)
    assert (FactKind.ADJUSTMENT, Decimal(-4)) == (other.kind, other.quantity)


@pytest.mark.parametrize("kind", ["85E", "263"])
def test_adjustments_have_a_direction_or_a_sign(kind: str) -> None:
    body = one("INVRPT", f"BGM+{kind}+a", "NAD+GY+W1", PEN, "QTY+1:-5", "QTY+1:4", "INV+1+1+3")
    assert [Decimal(-5), Decimal(-4)] == [fact.quantity for fact in facts(body)]


@pytest.mark.parametrize(
    ("segments", "field"),
    [
        ((PEN,), "segment[2].UNH02.1"),
        (("BGM+99+a", PEN), "segment[3].BGM01.1"),
        (("BGM+35+a", "DTM+137:2026:102", PEN), "segment[4].DTM01.2"),
        (("BGM+35+a", "DTM+137:20261126:999", PEN), "segment[4].DTM01.3"),
        (("BGM+35+a", "DTM+137:20261326:102", PEN), "segment[4].DTM01.1"),
        ((*REPORT[:2], PEN, "QTY+145:3"), "segment[2].UNH02.1"),
        ((*REPORT, "LIN+1++x:ZZ", "QTY+145:3"), "segment[6].LIN03.1"),
        ((*REPORT, PEN, "QTY+145:x"), "segment[7].QTY01.2"),
        ((*REPORT, PEN, "QTY+145:-3"), "segment[7].QTY01.2"),
        ((*REPORT, PEN, "QTY+33:3"), "segment[7].QTY01.1"),
        ((*REPORT, PEN, "QTY+145:3", "QTY+145:3"), "segment[8].QTY01.1"),
    ],
)
def test_a_report_that_is_wrong_is_reported(segments: tuple[str, ...], field: str) -> None:
    assert [field] == wrong_fields(one("INVRPT", *segments))


def test_a_line_that_is_wrong_does_not_hold_up_the_next() -> None:
    wrong, count = read(one("INVRPT", *REPORT, PEN, "QTY+145:x", "LIN+2++b:EN", "QTY+145:3"))
    assert isinstance(wrong, Undecodable)
    assert isinstance(count, StockFact)


# --- DESADV ----------------------------------------------------------------------------------

NOTICE = (
    *("BGM+351+asn-3+9", "DTM+137:202611261200:203", "DTM+11:20261126:102"),
    *("DTM+17:202611300800:203", "RFF+ON:po-9", "NAD+SU+SUP", "NAD+DP+S1::9", "CPS+1"),
)
ITEMS = ("LIN+1++pen:VP", "QTY+21:100", "QTY+12:60:PCE", "LIN+2++ink:VP", "QTY+12:5:PCE")


def test_a_despatch_advice_announces_supply_under_its_number() -> None:
    pen, ink = facts(one("DESADV", *NOTICE, *ITEMS))
    assert (
        StockFact(
            source="edifact/WMS",
            id="IC7/ME1/1",
            kind=FactKind.SUPPLY,
            sku="pen",
            location="S1",
            quantity=Decimal(60),
            unit="PCE",
            time=datetime(2026, 11, 26, 12, tzinfo=UTC),
            reference=Reference("supply", "asn-3"),
            expected_time=datetime(2026, 11, 30, 8, tzinfo=UTC),
        )
        == pen
    )
    assert ("ink", Decimal(5)) == (ink.sku, ink.quantity)


def test_supply_may_be_known_by_the_order_and_a_product_is_announced_once() -> None:
    more = ("LIN+3++pen:VP", "QTY+12:4:PCE", "LIN+4++pen:VP", "QTY+12:1:PCE", "RFF+ON:po-8")
    assert [
        ("po-9", "pen", Decimal(64)),
        ("po-9", "ink", Decimal(5)),
        ("po-8", "pen", Decimal(1)),
    ] == [
        (fact.reference.id, fact.sku, fact.quantity)
        for fact in facts(one("DESADV", *NOTICE, *ITEMS, *more), supply_by="order")
        if fact.reference
    ]


@pytest.mark.parametrize("function", ["1", "3"])
def test_an_advice_that_is_taken_back_is_supply_of_nothing(function: str) -> None:
    bgm = NOTICE[0].replace("+9", f"+{function}")
    assert [(Decimal(0), None), (Decimal(0), None)] == [
        (fact.quantity, fact.expected_time)
        for fact in facts(one("DESADV", bgm, *NOTICE[1:], *ITEMS))
    ]


def test_without_a_delivery_date_goods_come_some_days_after_despatch() -> None:
    undelivered = [each for each in NOTICE if "DTM+17" not in each]
    [pen, _] = facts(one("DESADV", *undelivered, *ITEMS), transit_days=2)
    assert datetime(2026, 11, 28, tzinfo=UTC) == pen.expected_time
    undated = [each for each in NOTICE if "DTM" not in each]
    [pen, _] = facts(one("DESADV", *undated, *ITEMS), transit_days=2)
    assert datetime(2026, 11, 28, 16, 55, tzinfo=UTC) == pen.expected_time


@pytest.mark.parametrize(
    ("segments", "options", "field"),
    [
        (("BGM+351", *NOTICE[1:], *ITEMS), {}, "segment[3].BGM02.1"),
        ((*NOTICE[:6], *ITEMS), {}, "segment[2].UNH02.1"),
        ((*NOTICE, "LIN+1++pen:VP", "QTY+21:1"), {}, "segment[11].LIN01.1"),
        ((*NOTICE, "LIN+1++pen:VP", "QTY+12:-1"), {}, "segment[12].QTY01.2"),
        ((*NOTICE[:7], "NAD+DP+S2::9", *NOTICE[7:], *ITEMS), {}, "segment[10].NAD02.1"),
        ((*NOTICE, *ITEMS[:3], "QTY+12:7:PCE"), {}, "segment[14].QTY01.1"),
        ((NOTICE[0], *NOTICE[5:], *ITEMS), {"supply_by": "order"}, "segment[7].LIN01.1"),
    ],
)
def test_an_advice_that_is_wrong_is_reported(
    segments: tuple[str, ...], options: dict[str, Any], field: str
) -> None:
    assert [field] == wrong_fields(one("DESADV", *segments), **options)


# --- RECADV ----------------------------------------------------------------------------------

ADVICE = ("BGM+632+rc-1+9", "DTM+50:202611261200:203", "RFF+AAK:asn-3", "RFF+ON:po-9", "NAD+DP+W1")


def test_a_receiving_advice_tells_what_was_received_and_what_differs() -> None:
    lines = ("LIN+1++pen:EN", "QTY+48:60", "QTY+194:57:PCE", "QVR+-3:124++DME", "QVR+2:46+AC")
    receipt, damaged, over = read(one("RECADV", *ADVICE, *lines))
    assert isinstance(receipt, StockFact)
    assert (FactKind.RECEIPT, Decimal(57), Reference("supply", "asn-3"), "W1") == (
        *(receipt.kind, receipt.quantity, receipt.reference),
        receipt.location,
    )
    assert isinstance(damaged, Exceptional)
    assert isinstance(over, Exceptional)
    assert [("damaged_receipt", "-3", "DME"), ("receipt_differs", "2", "")] == [
        (case.kind, case.details["quantity"], case.details["reason"]) for case in (damaged, over)
    ]


@pytest.mark.parametrize(
    ("options", "reference"),
    [
        ({"supply_by": "order"}, Reference("supply", "po-9")),
        ({"receipts": "transfer"}, Reference("transfer", "asn-3")),
        ({"receipts": "receipt"}, Reference("receipt", "rc-1")),
    ],
)
def test_a_receipt_is_of_what_the_options_say(
    options: dict[str, Any], reference: Reference
) -> None:
    body = one("RECADV", *ADVICE, "LIN+1++pen:EN", "QTY+194:57")
    assert [reference] == [fact.reference for fact in facts(body, **options)]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (("QTY+12:5",), "segment[8].LIN01.1"),
        (("QTY+194:-5",), "segment[9].QTY01.2"),
        (("QTY+194:5", "QTY+194:6"), "segment[10].QTY01.1"),
        (("QTY+194:5", "QVR+x:124"), "segment[10].QVR01.1"),
    ],
)
def test_a_line_of_a_receipt_that_is_wrong_is_reported(line: tuple[str, ...], field: str) -> None:
    assert [field] == wrong_fields(one("RECADV", *ADVICE, "LIN+1++pen:EN", *line))


# --- All of them -----------------------------------------------------------------------------


def test_tests_do_not_count_unless_the_options_say_so() -> None:
    unb = "UNB+UNOC:3+WMS+HOLD+261126:1655+IC7++++++1"
    body = one("DESADV", *NOTICE, *ITEMS, unb=unb)
    assert [Ignored("test")] == read(body)
    assert 2 == len(read(body, accepts_tests=True))


def test_other_messages_are_ignored() -> None:
    assert [Ignored("edifact_INVOIC")] == read(one("INVOIC", "BGM+380"))


def test_a_wrong_message_does_not_hold_up_the_next() -> None:
    good = message("DESADV", *NOTICE, *ITEMS, reference="ME2")
    wrong, pen, _ = read(interchange(message("DESADV", "BGM+351"), good))
    assert isinstance(wrong, Undecodable)
    assert isinstance(pen, StockFact)
    assert "IC7/ME2/1" == pen.id


def test_bytes_that_are_not_of_the_character_set_are_reported() -> None:
    unb = "UNB+UNOY:4+WMS+HOLD+20261126:1655+IC7"
    bad = message("INVRPT", *REPORT, "LIN+1++p\u00e4n:SA", "QTY+145:3")
    good = message("INVRPT", *REPORT, PEN, "QTY+145:3", reference="ME2")
    wrong, count = read(interchange(bad, good, unb=unb))
    assert isinstance(wrong, Undecodable)
    assert "segment[6].LIN03.1" == wrong.field
    assert isinstance(count, StockFact)


def test_dates_are_of_the_time_zone_of_the_options() -> None:
    [count] = facts(one("INVRPT", *REPORT, PEN, "QTY+145:3"), time_zone="Europe/Berlin")
    assert datetime(2026, 11, 26, 14, 30, tzinfo=UTC) == count.time


def test_a_message_is_known_by_its_content() -> None:
    key = ADAPTER.key
    assert key(Message(b"a")) == key(Message(b"a", {"file": "x"})) != key(Message(b"b"))


SAMPLES = [
    one("INVRPT", *REPORT, PEN, "QTY+145:3:PCE", "LOC+14+A::9", "DTM+366:20261126120000:204"),
    one("INVRPT", "BGM+78+a", "NAD+GY+W1", PEN, "QTY+1:5", "INV+2+1+1"),
    one("DESADV", *NOTICE, *ITEMS),
    one("RECADV", *ADVICE, "LIN+1++pen:EN", "QTY+194:57:PCE", "QVR+-3:124++DME"),
]


@given(st.sampled_from(SAMPLES), st.data())
def test_any_change_of_a_sample_decodes_or_is_reported(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample)))
    new = data.draw(st.binary(max_size=4) | st.sampled_from([b"+", b":", b"'", b"?", b"-", b"9"]))
    with suppress(Undecodable):
        read(sample[:at] + new + sample[at + data.draw(st.integers(0, 3)) :])


@given(st.sampled_from(SAMPLES), st.data())
def test_any_component_may_hold_anything(sample: bytes, data: st.DataObject) -> None:
    segments = sample.decode().split("'")
    at = data.draw(st.integers(0, len(segments) - 4))
    elements = segments[at].split("+")
    place = data.draw(st.integers(0, len(elements) - 1))
    parts = elements[place].split(":")
    parts[-1] = data.draw(st.text(max_size=9) | st.from_regex(r"-?[0-9.,]{0,30}", fullmatch=True))
    elements[place] = ":".join(parts)
    segments[at] = "+".join(elements)
    with suppress(Undecodable):
        read("'".join(segments).encode("latin-1", "replace"))
