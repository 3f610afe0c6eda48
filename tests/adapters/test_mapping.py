"""Names and units are translated by tables that hold for a time; quantities stay exact."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.events import (
    Exceptional,
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    StockFact,
)
from holdfast.adapters.mapping import BASE_UNITS, Tables, Unmapped, apply
from holdfast.adapters.mapping_files import COLUMNS, tables

JULY = datetime(2026, 7, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
FACT = StockFact(
    source="till/1",
    id="1",
    kind=FactKind.SALE,
    sku="4006381333931",
    location="0042",
    quantity=Decimal(1),
    time=JULY,
)


def read(*rows: str) -> Tables:
    return tables({"map.csv": "\n".join([",".join(COLUMNS), *rows])})


def mapped(fact: StockFact, rows: Tables, received: datetime | None = None) -> StockFact:
    event = apply(fact, rows, received)
    assert isinstance(event, StockFact)
    return event


def test_names_are_those_of_the_core_when_there_is_no_table() -> None:
    assert FACT == apply(FACT, Tables())


def test_a_fact_that_no_table_changes_is_not_copied() -> None:
    same = read("sku,*,*,,,,", "location,0042,0042,,,,")

    assert FACT is mapped(FACT, same)
    assert FACT == mapped(replace(FACT, unit="EA"), Tables())
    assert "pen" == mapped(FACT, read("sku,*,*,,,,", f"sku,{FACT.sku},pen,,,,")).sku


@pytest.mark.parametrize("unit", ["", "EA", "ea", "Each", "PCE", "C62", "H87", "PC", "UN"])
def test_a_base_unit_needs_no_table(unit: str) -> None:
    assert Decimal(1) == mapped(replace(FACT, unit=unit), Tables()).quantity


@pytest.mark.parametrize("unit", ["CS", "CA", "DZ", "KGM", "ST", "*"])
def test_a_unit_that_is_not_the_base_unit_is_refused_where_no_table_says_what_it_is(
    unit: str,
) -> None:
    line = OrderLine("1", "a", "1", Decimal(2), unit)
    order = OrderEvent(source="wms", id="1", kind=OrderKind.SHIPPED, order="o", lines=(line,))
    for event, field in ((replace(FACT, unit=unit), "unit"), (order, "lines[0].unit")):
        with pytest.raises(Unmapped) as caught:
            apply(event, read("sku,*,*,,,,"))
        assert f"{field} is '{unit}': expected a name in the mapping table 'unit'" == str(
            caught.value
        )


def test_each_name_is_translated_by_its_table() -> None:
    rows = read(
        "sku,4006381333931,pen-blue,,,,",
        "location,0042,store-42,,,,",
        "location,0043,store-43,,,,",
        "status,F1,,,,,",
        "status,S,damaged,,,,",
        "reason,07,shrink,,,,",
    )
    theirs = replace(FACT, to_location="0043", from_status="F1", to_status="S", reason="07")
    ours = replace(
        FACT,
        sku="pen-blue",
        location="store-42",
        to_location="store-43",
        from_status="",
        to_status="damaged",
        reason="shrink",
    )
    assert ours == apply(theirs, rows)


@pytest.mark.parametrize(
    ("changed", "field", "name", "table"),
    [
        ({"sku": "x"}, "sku", "x", "sku"),
        ({"location": "x"}, "location", "x", "location"),
        ({"to_location": "x"}, "to_location", "x", "location"),
        ({"from_status": "x"}, "from_status", "x", "status"),
        ({"to_status": "x"}, "to_status", "x", "status"),
        ({"reason": "x"}, "reason", "x", "reason"),
        ({"unit": "x"}, "unit", "x", "unit"),
    ],
)
def test_a_name_that_its_table_lacks_is_reported_with_its_field(
    changed: dict[str, Any], field: str, name: str, table: str
) -> None:
    rows = read(
        "sku,4006381333931,pen,,,,",
        "location,0042,a,,,,",
        "status,s,t,,,,",
        "reason,r,t,,,,",
        "unit,EA,,1,,,",
    )
    with pytest.raises(Unmapped) as caught:
        apply(replace(FACT, **changed), rows)
    assert (field, name, table) == (caught.value.field, caught.value.name, caught.value.table)
    assert f"{field} is '{name}': expected a name in the mapping table '{table}'" == str(
        caught.value
    )


def test_the_lines_of_an_order_are_translated_and_a_missing_name_names_its_line() -> None:
    rows = read("sku,a,pen,,,,", "location,1,store,,,,", "unit,DZ,,12,,,", "reason,r,late,,,,")
    line = OrderLine("1", "a", "1", Decimal(2), "DZ")
    order = OrderEvent(
        source="shop", id="1", kind=OrderKind.PLACED, order="o", lines=(line,), reason="r"
    )
    ours = replace(order, reason="late", lines=(OrderLine("1", "pen", "store", Decimal(24)),))
    assert ours == apply(order, rows)
    with pytest.raises(Unmapped) as caught:
        apply(replace(order, lines=(line, replace(line, sku="b"))), rows)
    assert "lines[1].sku" == caught.value.field


def test_an_exception_is_left_as_it_is() -> None:
    case = Exceptional(source="shop", id="1", kind="price_mismatch", subject="a", text="")
    assert case is apply(case, read("sku,b,pen,,,,"))


def test_the_time_of_the_event_tells_which_row_holds() -> None:
    rows = read("location,0042,old,,,,2026-07-01", "location,0042,new,,,2026-07-01,")
    assert "old" == mapped(replace(FACT, time=JULY - INSTANT), rows).location
    assert "new" == mapped(FACT, rows).location


def test_an_event_without_a_time_is_of_when_it_was_received_or_of_the_row_without_an_end() -> None:
    rows = read("location,0042,old,,,,2026-07-01", "location,0042,new,,,2026-07-01,")
    timeless = replace(FACT, time=None)
    assert "old" == mapped(timeless, rows, JULY - INSTANT).location
    assert "new" == mapped(timeless, rows).location


def test_a_name_is_unmapped_outside_the_periods_of_its_rows() -> None:
    rows = read("location,0042,store,,,2026-07-01,2026-07-01T00:00:00.000002+00:00")
    assert "store" == mapped(FACT, rows).location
    for time in (JULY - INSTANT, JULY + 2 * INSTANT):
        with pytest.raises(Unmapped):
            apply(replace(FACT, time=time), rows)


def test_a_star_stands_for_all_other_names() -> None:
    rows = read("reason,07,shrink,,,,", "reason,*,other,,,,", "location,*,*,,,,")
    assert "shrink" == mapped(replace(FACT, reason="07"), rows).reason
    assert "other" == mapped(replace(FACT, reason="08"), rows).reason
    assert "0042" == mapped(replace(FACT, reason="08"), rows).location


@pytest.mark.parametrize(
    ("quantity", "unit", "sku", "base_units"),
    [
        ("2", "DZ", "pen", 24),
        ("2", "CS", "pen", 48),
        ("2", "CS", "ink", 20),
        ("0.42", "kg", "pen", 420),
        ("-0.42", "kg", "pen", -420),
        ("36", "PC3", "pen", 12),
        ("0.5", "", "ham", 500),
        ("3", "", "pen", 3),
        ("3", "EA", "pen", 3),
        ("0", "EA", "pen", 0),
        ("0.000", "EA", "pen", 0),
        ("1E+3", "EA", "pen", 1000),
        ("12345678901234567890.25", "Q", "pen", 49382715604938271561),
    ],
)
def test_quantities_become_base_units_exactly(
    quantity: str, unit: str, sku: str, base_units: int
) -> None:
    rows = read(
        "unit,DZ,,12,,,",
        "unit,CS,,10,,,",
        "unit,CS,,24,pen,,",
        "unit,kg,,1000,,,",
        "unit,PC3,,1/3,,,",
        "unit,,,1000,ham,,",
        "unit,Q,,4,,,",
        "unit,*,,1,,,",
    )
    fact = mapped(replace(FACT, sku=sku, quantity=Decimal(quantity), unit=unit), rows)
    assert (Decimal(base_units), "") == (fact.quantity, fact.unit)


def test_picked_units_of_a_count_are_in_the_same_unit() -> None:
    count = replace(FACT, kind=FactKind.COUNT, picked_quantity=Decimal("0.5"), unit="DZ")
    assert 6 == mapped(count, read("unit,DZ,,12,,,")).picked_quantity


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("0.42", ""),
        ("1", "third"),
        ("NaN", ""),
        ("sNaN", ""),
        ("Infinity", ""),
        ("1E+999999", ""),
        ("1E-999999", ""),
        ("9" * 30, ""),
    ],
)
def test_a_quantity_that_is_not_whole_base_units_is_refused(quantity: str, unit: str) -> None:
    with pytest.raises(Unmapped) as caught:
        apply(replace(FACT, quantity=Decimal(quantity), unit=unit), read("unit,third,,1/3,,,"))
    assert ("quantity", quantity) == (caught.value.field, caught.value.name)


def test_a_name_of_ours_becomes_the_partners_by_the_first_row_that_has_it() -> None:
    rows = read("sku,a,pen,,,,2026-07-01", "sku,b,pen,,,,", "sku,c,pen,,,,", "reason,*,*,,,,")
    assert "a" == rows.theirs("sku", "pen", JULY - INSTANT, "sku")
    assert "b" == rows.theirs("sku", "pen", JULY, "sku")
    assert "pen" == rows.theirs("location", "pen", JULY, "sku")
    assert "pen" == rows.theirs("reason", "pen", JULY, "reason")
    with pytest.raises(Unmapped) as caught:
        rows.theirs("sku", "ink", JULY, "lines[0].sku")
    assert ("lines[0].sku", "ink") == (caught.value.field, caught.value.name)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='*",\r\n\0'), min_size=1, max_size=20
).map(str.strip)


@given(st.dictionaries(NAMES.filter(bool), st.integers(0, 99), max_size=8))
def test_names_go_there_and_back(numbers: dict[str, int]) -> None:
    rows = read(*(f"sku,{name},{place}-x,,,," for place, name in enumerate(numbers)))
    for place, name in enumerate(numbers):
        ours = rows.ours("sku", name, JULY, "sku")
        assert f"{place}-x" == ours
        assert name == rows.theirs("sku", ours, JULY, "sku")


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
    ),
    st.fractions(min_value=Fraction(1, 999), max_value=999, max_denominator=999),
)
def test_base_units_are_the_quantity_times_the_factor_or_there_are_none(
    quantity: Decimal, factor: Fraction
) -> None:
    rows = read(f"unit,u,,{factor.numerator}/{factor.denominator},,,")
    exact = Fraction(quantity) * factor
    try:
        units = mapped(replace(FACT, quantity=quantity, unit="u"), rows).quantity
    except Unmapped:
        assert 1 != exact.denominator
    else:
        assert exact == Fraction(units)


def test_the_base_units_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text("utf-8")
    known = page.partition("of units, these are the base unit then")[2].partition("in either")
    assert BASE_UNITS == {"", *re.findall(r"`(\w+)`", known[0])}
