"""IDocs of SAP become facts and orders."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    Decoded,
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from holdfast.adapters.systems.sap_idoc import ADAPTER, decode
from holdfast.adapters.systems.sap_movements import SapOptions

MADE = datetime(2026, 11, 26, 16, 55, tzinfo=UTC)


def segment(name: str, inside: str = "", **fields: str) -> str:
    values = "".join(f"<{field}>{value}</{field}>" for field, value in fields.items())
    return f'<{name} SEGMENT="1">{values}{inside}</{name}>'


def idoc(kind: str, *segments: str, **control: str) -> bytes:
    known = {"DOCNUM": "0000000000000042", "MESTYP": kind, "SNDPRN": "P01CLNT100"}
    known |= {"CREDAT": "20261126", "CRETIM": "165500"} | control
    head = segment("EDI_DC40", **known)
    return f'<{kind}03><IDOC BEGIN="1">{head}{"".join(segments)}</IDOC></{kind}03>'.encode()


def read(body: bytes, **options: Any) -> list[Decoded | Undecodable]:
    return list(decode(Message(body), SapOptions(**options)))


def item(**fields: str) -> str:
    known = {"MATERIAL": "pen", "PLANT": "1710", "STGE_LOC": "171A", "MOVE_TYPE": "101"}
    known |= {"ENTRY_QNT": "3.000", "ENTRY_UOM": "PC"}
    return segment("E1BP2017_GM_ITEM_CREATE", **known | fields)


HEAD = segment("E1BP2017_GM_HEAD_01", PSTNG_DATE="20261126", REF_DOC_NO="dn-1")


def goods(*items: str, **control: str) -> bytes:
    return idoc("MBGMCR", segment("E1MBGMCR", HEAD + "".join(items)), **control)


def test_an_item_of_mbgmcr_is_a_fact() -> None:
    assert [
        StockFact(
            source="sap/P01CLNT100",
            id="0000000000000042/1",
            kind=FactKind.RECEIPT,
            sku="pen",
            location="1710/171A",
            quantity=Decimal(3),
            unit="PC",
            time=MADE,
            reference=Reference("supply", "45", "10"),
            reason="101",
        )
    ] == read(goods(item(PO_NUMBER="0045", PO_ITEM="00010")))


def test_an_item_of_wmmbxy_is_a_fact() -> None:
    head = segment("E1MBXYH", BUDAT="20261125", XBLNR="dn-1")
    line = segment(
        "E1MBXYI", MATNR="pen", WERKS="1710", LGORT="171A", BWART="551", ERFMG="3", ERFME="PC"
    )
    [fact] = read(idoc("WMMBXY", head, line))
    assert isinstance(fact, StockFact)
    assert (Decimal(-3), datetime(2026, 11, 25, tzinfo=UTC)) == (fact.quantity, fact.time)


def test_an_item_that_is_wrong_does_not_hold_up_the_next() -> None:
    wrong, fact = read(goods(item(ENTRY_QNT="x"), item()))
    assert isinstance(wrong, Undecodable)
    assert "IDOC[1].E1BP2017_GM_ITEM_CREATE[1].ENTRY_QNT" == wrong.field
    assert isinstance(fact, StockFact)


def delivery(*segments: str, kind: str = "DELVRY") -> bytes:
    lines = (
        *("VGBEL 0000004712 VGPOS 000010 LFIMG 2.000", "VGBEL 0000004712 VGPOS 000010 LFIMG 1"),
        *("VGBEL 0000004713 VGPOS 000020 LFIMG 5", "VGBEL 0000004714 VGPOS 000020 LFIMG 0"),
    )
    items = ""
    for line in lines:
        words = line.split()
        fields = dict(zip(words[::2], words[1::2], strict=True))
        items += segment("E1EDL24", MATNR="pen", WERKS="1710", VRKME="PC", **fields)
    return idoc(kind, segment("E1EDL20", "".join(segments) + items, VBELN="80001"))


ISSUED = segment("E1EDT13", QUALF="006", ISDD="20261126", ISDZ="120000")


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (delivery(ISSUED), {}),
        (delivery(ISSUED, kind="SHPCON"), {}),
    ],
)
def test_a_delivery_ships_each_of_its_orders(body: bytes, options: dict[str, Any]) -> None:
    one, other = read(body, **options)
    assert (
        OrderEvent(
            source="sap/P01CLNT100",
            id="0000000000000042/4712",
            kind=OrderKind.SHIPPED,
            order="4712",
            lines=(OrderLine("10", "pen", "1710", Decimal(3), "PC"),),
            time=datetime(2026, 11, 26, 12, tzinfo=UTC),
        )
        == one
    )
    assert isinstance(other, OrderEvent)
    assert ("4713", Decimal(5)) == (other.order, other.lines[0].quantity)


def test_a_delivery_that_is_not_issued_ships_nothing_unless_all_do() -> None:
    planned = segment("E1EDT13", QUALF="006", ISDD="00000000")
    assert [Ignored("not_issued")] == read(delivery(planned))
    assert 2 == len(read(delivery(planned), deliveries="all"))
    assert 2 == len(read(delivery(kind="SHPCON")))


def purchase(*items: str, dates: str = "") -> bytes:
    return idoc("ORDERS", segment("E1EDK01", BELNR="0045"), dates, *items)


def line(inside: str = "", material: str = "pen", **fields: str) -> str:
    named = segment("E1EDP19", QUALF="001", IDTNR="theirs")
    named += segment("E1EDP19", QUALF="002", IDTNR=material)
    known = {"POSEX": "00010", "MENGE": "7.000", "MENEE": "PC", "WERKS": "1710"}
    return segment("E1EDP01", named + inside, **known | fields)


SCHEDULE = segment("E1EDP20", EDATU="20261128") + segment("E1EDP20", EDATU="20261130")


def test_a_purchase_order_is_supply() -> None:
    assert [
        StockFact(
            source="sap/P01CLNT100",
            id="0000000000000042/1",
            kind=FactKind.SUPPLY,
            sku="pen",
            location="1710",
            quantity=Decimal(7),
            unit="PC",
            time=MADE,
            reference=Reference("supply", "45", "10"),
            expected_time=datetime(2026, 11, 30, tzinfo=UTC),
        )
    ] == read(purchase(line(SCHEDULE)))


def test_the_date_of_the_order_stands_in_and_a_deleted_item_is_supply_of_nothing() -> None:
    dates = segment("E1EDK03", IDDAT="002", DATUM="20261129")
    kept, deleted = read(purchase(line(), line(ACTION="003"), dates=dates))
    assert isinstance(kept, StockFact)
    assert isinstance(deleted, StockFact)
    assert datetime(2026, 11, 29, tzinfo=UTC) == kept.expected_time
    assert (Decimal(0), None) == (deleted.quantity, deleted.expected_time)


def test_an_order_of_a_customer_is_placed() -> None:
    [placed] = read(purchase(line(), line(POSEX="00020", MENGE="0")), orders="reservations")
    assert isinstance(placed, OrderEvent)
    assert (OrderKind.PLACED, "45", (OrderLine("10", "pen", "1710", Decimal(7), "PC"),)) == (
        *(placed.kind, placed.order),
        placed.lines,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (purchase(line()), "IDOC[1].E1EDP01[1].E1EDP20.EDATU"),
        (purchase(line(SCHEDULE, material="")), "IDOC[1].E1EDP01[1].E1EDP19.IDTNR"),
        (purchase(line(SCHEDULE, POSEX="")), "IDOC[1].E1EDP01[1].POSEX"),
        (purchase(line(SCHEDULE, WERKS="")), "IDOC[1].E1EDP01[1].WERKS"),
        (purchase(line(SCHEDULE, MENGE="-7")), "IDOC[1].E1EDP01[1].MENGE"),
        (idoc("ORDERS"), "IDOC[1].E1EDK01.BELNR"),
        (idoc("ORDERS", DOCNUM=""), "IDOC[1].EDI_DC40.DOCNUM"),
        (idoc("ORDERS", SNDPRN=""), "IDOC[1].EDI_DC40.SNDPRN"),
        (goods(item(), CREDAT="", CRETIM=""), ""),
        (idoc("MBGMCR", segment("E1BP2017_GM_HEAD_01", PSTNG_DATE="2026"), item()), "PSTNG_DATE"),
        (idoc("MBGMCR", item(), CREDAT="20261399"), "IDOC[1].EDI_DC40.CREDAT"),
    ],
)
def test_what_is_wrong_is_reported(body: bytes, field: str) -> None:
    wrong_fields = [each.field for each in read(body) if isinstance(each, Undecodable)]
    assert not field or field == wrong_fields[0] or wrong_fields[0].endswith(field)


def test_tests_and_other_types_are_ignored() -> None:
    assert [Ignored("test")] == read(goods(item(), TEST="X"))
    assert [Ignored("test")] == read(idoc("MBGMCR", segment("E1MBGMCR", item(), TESTRUN="X")))
    assert [Ignored("idoc_MATMAS")] == read(idoc("MATMAS"))


def test_a_wrong_idoc_of_a_package_does_not_hold_up_the_next() -> None:
    bad = goods(item(), DOCNUM="").decode()
    good = goods(item()).decode()
    package = bad.replace("</MBGMCR03>", "") + good.replace("<MBGMCR03>", "")
    wrong, fact = read(package.encode())
    assert isinstance(wrong, Undecodable)
    assert isinstance(fact, StockFact)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<a/>",
        b"EDI_DC40  100000",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a><IDOC>&b;</IDOC></a>',
        b"<a>" * 100_000,
    ],
)
def test_what_is_no_idoc_is_reported_or_empty(body: bytes) -> None:
    with suppress(Undecodable):
        assert [] == read(body)


def test_a_message_is_known_by_its_content() -> None:
    key = ADAPTER.key
    assert key(Message(b"a")) == key(Message(b"a", {"file": "x"})) != key(Message(b"b"))


SAMPLES = [goods(item()), delivery(ISSUED), purchase(line(SCHEDULE))]


@given(st.sampled_from(SAMPLES), st.data())
def test_any_change_of_a_sample_decodes_or_is_reported(sample: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sample)))
    new = data.draw(st.binary(max_size=4) | st.sampled_from([b"<", b">", b"/", b"0", b"-"]))
    with suppress(Undecodable):
        read(sample[:at] + new + sample[at + data.draw(st.integers(0, 3)) :])


VALUES = st.text(max_size=9) | st.from_regex(r"-?[0-9.]{0,30}", fullmatch=True)


@given(st.dictionaries(st.sampled_from(["ENTRY_QNT", "MOVE_TYPE", "PLANT", "SALES_ORD"]), VALUES))
def test_any_field_may_hold_anything(fields: dict[str, str]) -> None:
    with suppress(Undecodable):
        read(goods(item(**fields)).decode().encode(errors="replace"))
