"""Ship notices announce supply."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from holdfast.adapters.events import (
    FactKind,
    Reference,
    StockFact,
)
from tests.adapters.intake.x12_samples import (
    BSN,
    LEVELS,
    SOURCE,
    facts,
    one,
    wrong_fields,
)


def test_a_ship_notice_announces_supply_under_its_number() -> None:
    pen, ink = facts(one("856", BSN, *LEVELS))
    assert (
        StockFact(
            source=SOURCE,
            id="000000012/34/0001/1",
            kind=FactKind.SUPPLY,
            sku="pen",
            location="S1",
            quantity=Decimal(60),
            unit="EA",
            time=datetime(2026, 11, 26, 12, tzinfo=UTC),
            reference=Reference("supply", "asn-3"),
            expected_time=datetime(2026, 11, 30, 8, tzinfo=UTC),
        )
        == pen
    )
    assert ("ink", Decimal(5)) == (ink.sku, ink.quantity)


def test_supply_of_an_order_is_what_was_shipped_to_date() -> None:
    pen, ink = facts(one("856", BSN, *LEVELS), supply_by="order")
    assert (Reference("supply", "po-9"), Decimal(90)) == (pen.reference, pen.quantity)
    assert (Reference("supply", "po-9"), Decimal(5)) == (ink.reference, ink.quantity)


def test_a_product_in_several_items_is_announced_once() -> None:
    more = ("HL*5*2*I", "LIN*3*VP*pen", "SN1*3*4*EA")
    assert [("pen", Decimal(64)), ("ink", Decimal(5))] == [
        (fact.sku, fact.quantity) for fact in facts(one("856", BSN, *LEVELS, *more))
    ]


@pytest.mark.parametrize("purpose", ["01", "03"])
def test_a_notice_that_is_taken_back_is_supply_of_nothing(purpose: str) -> None:
    bsn = BSN.replace("*00*", f"*{purpose}*")
    assert [(Decimal(0), None), (Decimal(0), None)] == [
        (fact.quantity, fact.expected_time) for fact in facts(one("856", bsn, *LEVELS))
    ]


def test_the_order_of_levels_does_not_matter_and_the_nearest_destination_counts() -> None:
    levels = (
        *("HL*3*2*I", "LIN*1*VP*pen", "SN1*1*60*EA"),
        *("HL*2*1*O", "PRF*po-9", "N1*ST*Other*92*S2", "HL*1**S", "N1*ST*Store*92*S1"),
    )
    assert ["S2"] == [fact.location for fact in facts(one("856", BSN, *levels))]


def test_without_a_delivery_date_goods_come_some_days_after_shipping() -> None:
    levels = [each for each in LEVELS if "017" not in each]
    [pen, _] = facts(one("856", BSN, *levels), transit_days=2)
    assert datetime(2026, 11, 28, tzinfo=UTC) == pen.expected_time
    undated = [each for each in levels if "DTM" not in each]
    [pen, _] = facts(one("856", BSN, *undated), transit_days=2)
    assert datetime(2026, 11, 28, 12, tzinfo=UTC) == pen.expected_time


@pytest.mark.parametrize(
    ("segments", "options", "field"),
    [
        (LEVELS, {}, "segment[3].ST01"),
        (("BSN*00**20261126*1200", *LEVELS), {}, "segment[4].BSN02"),
        (("BSN*00*a*20261126*2500", *LEVELS), {}, "segment[4].BSN03"),
        ((BSN, *LEVELS, "HL*5*2*I", "LIN**ZZ*a", "SN1**1*EA"), {}, "segment[18].LIN02"),
        ((BSN, *LEVELS, "HL*5*2*I", "LIN**VP*a", "SN1**-1*EA"), {}, "segment[19].SN102"),
        ((BSN, "HL*3*2*I", "LIN*1*VP*a", "SN1**1*EA"), {}, "segment[3].ST01"),
        ((BSN, *LEVELS, "HL*4*2*I", "LIN**VP*a", "SN1**1*EA"), {}, "segment[17].HL01"),
        ((BSN, *LEVELS, "HL**2*I", "LIN**VP*a", "SN1**1*EA"), {}, "segment[17].HL01"),
        ((BSN, *LEVELS, "HL*5*2*I", "LIN**VP*a", "CTT*1"), {}, "segment[17].HL03"),
        ((BSN, *LEVELS, "HL*5*2*I", "SN1**1*EA"), {}, "segment[17].HL03"),
        ((BSN, *LEVELS, "LIN**VP*a", "SN1**1*EA"), {}, "segment[17].LIN01"),
        (
            (BSN, "HL*3*3*I", "N1*ST**92*S", "LIN*1*VP*a", "SN1**1*EA"),
            {"supply_by": "order"},
            "segment[7].LIN01",
        ),
    ],
)
def test_a_ship_notice_that_is_wrong_is_reported(
    segments: tuple[str, ...], options: dict[str, Any], field: str
) -> None:
    assert [field] == wrong_fields(one("856", *segments), **options)
