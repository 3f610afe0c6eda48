"""Receipts of tills: what each transaction does to stock, in made-up files and in a real one."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    FactKind,
    Ignored,
    Numbered,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from holdfast.adapters.intake.poslog import ADAPTER
from holdfast.adapters.intake.poslog_options import PoslogOptions
from tests.adapters.contracts import contract
from tests.adapters.intake.poslog_samples import (
    NOON,
    OPTIONS,
    ORDER,
    decoded,
    facts,
    line,
    link,
    numbers,
    of,
    poslog,
    receipt,
    wrong,
)


def test_a_line_is_a_sale_by_its_store_till_date_and_numbers() -> None:
    assert [
        StockFact(
            source="pos/0042/3",
            id="2026-11-26/114/2",
            kind=FactKind.SALE,
            sku="A",
            location="0042",
            quantity=Decimal(3),
            time=NOON,
            reference=Reference("receipt", "pos/0042/3/2026-11-26/114", "2"),
            actor="901",
        )
    ] == of(line(2, quantity="3"), number="00114")


def test_the_business_unit_is_the_store_in_version_6() -> None:
    body = poslog(receipt(line(1))).replace(
        b"<RetailStoreID>0042</RetailStoreID>",
        b"<BusinessUnit><UnitID>S/1</UnitID></BusinessUnit>",
    )
    (sale,) = decoded(body)
    assert ("S/1", "pos/S%2F1/3") == (sale.location, sale.source)


def test_a_weighed_item_keeps_its_decimals_and_gets_its_unit() -> None:
    (weighed,) = of(line(1, quantity="0.42", attributes='weightItem="true"'))
    assert (Decimal("0.42"), "kg") == (weighed.quantity, weighed.unit)
    item = line(1, quantity="0.42").replace("<Quantity>", '<Quantity UnitOfMeasureCode="LBR">')
    (named,) = of(item)
    assert "LBR" == named.unit


@pytest.mark.parametrize(
    ("quantity", "more"),
    [
        ("1<b/>2", ""),
        ("1<b>2</b>", ""),
        ("2", "<Quantity>9</Quantity>"),
        ("2", "<Quantity/>"),
        ("2", '<Quantity UnitOfMeasureCode="KGM">2</Quantity>'),
    ],
)
def test_a_quantity_that_says_two_things_is_none(quantity: str, more: str) -> None:
    found = wrong(line(1, quantity=quantity, inside=more))
    assert "Transaction[1].RetailTransaction.LineItem[1].Sale.Quantity" == found.field


def test_a_quantity_that_is_said_twice_or_with_comments_is_one() -> None:
    (sale,) = of(line(1, quantity="1<!-- a -->2", inside="<Quantity>12</Quantity>"))
    assert 12 == sale.quantity


def test_a_time_with_its_zone_needs_no_option_and_one_without_does() -> None:
    (sale,) = of(line(1), time="2026-11-26T12:00:00+02:00", options=PoslogOptions())
    assert datetime(2026, 11, 26, 10, tzinfo=UTC) == sale.time
    assert "Transaction[1].EndDateTime" == wrong(line(1), options=PoslogOptions()).field
    there = PoslogOptions(time_zone="Europe/Berlin", time_zones={"0042": "Europe/Lisbon"})
    (sale,) = of(line(1), options=there)
    assert datetime(2026, 11, 26, 12, tzinfo=UTC) == sale.time
    utc = "<BeginDateTime>2026-11-26T11:58:00Z</BeginDateTime>"
    body = poslog(receipt(line(1)).replace("<OperatorID>", f"{utc}<OperatorID>"))
    (sale,) = decoded(body, PoslogOptions())
    assert datetime(2026, 11, 26, 11, 58, tzinfo=UTC) == sale.time


def test_lines_without_stock_are_counted_and_have_no_effect() -> None:
    tax = "<LineItem><SequenceNumber>1</SequenceNumber><Tax/></LineItem>"
    reward = (
        "<LineItem><SequenceNumber>2</SequenceNumber><LoyaltyReward><RewardBasis>"
        "<ItemID>A</ItemID></RewardBasis></LoyaltyReward></LineItem>"
    )
    restricted = (
        "<LineItem><SequenceNumber>3</SequenceNumber>"
        "<ItemRestriction><ItemID>A</ItemID></ItemRestriction></LineItem>"
    )
    deposit = line(4, of_kind='ItemType="acs:NegativeItem"')
    department = line(5, inside='<POSIdentity POSIDType="Department"/>')
    price = line(6, quantity="0")
    assert [
        Ignored("tax"),
        Ignored("loyalty"),
        Ignored("line_without_stock"),
        Ignored("not_stock"),
        Ignored("price_only"),
        Ignored("price_only"),
    ] == of(tax, reward, restricted, deposit, department, price)


def test_an_employee_discount_leaves_the_sale_as_it_is() -> None:
    discount = "<RetailPriceModifier><Amount>-1.00</Amount></RetailPriceModifier>"
    assert [("sale", 2)] == facts(line(1, quantity="2", inside=discount))


VOID = 'VoidFlag="true"'


@pytest.mark.parametrize(
    ("lines", "sold"),
    [
        ((line(1), line(2, attributes=VOID)), ["1"]),
        ((line(1), line(2, quantity="-1", attributes=VOID)), []),
        ((line(1), line(2, "B"), line(3, "A", "-1", attributes=VOID)), ["1"]),
        ((line(1, quantity="5"), line(2, quantity="-2", attributes=VOID)), ["3"]),
        ((line(1, quantity="2"), line(2, quantity="3"), line(3, "A", "-4", attributes=VOID)), "1"),
        ((line(1, quantity="-1"), line(2, quantity="1", attributes=VOID)), []),
        ((line(1, quantity="7.21"), line(2, "A", "-7.21", attributes=VOID), line(3)), ["1"]),
        ((line(1, quantity="-1", attributes=VOID),), []),
    ],
    ids=["itself", "opposite", "other", "part", "several", "return", "weight", "return_itself"],
)
def test_what_a_line_voids_has_no_effect(lines: tuple[str, ...], sold: list[str]) -> None:
    assert [Decimal(each) for each in sold] == [quantity for _, quantity in facts(*lines)]


def test_a_void_of_more_than_was_sold_is_refused() -> None:
    undecodable = wrong(line(1), line(2, quantity="-2", attributes=VOID))
    assert "Transaction[1].RetailTransaction.LineItem[2].Sale.Quantity" == undecodable.field


def test_a_hole_in_the_lines_is_a_line_that_is_gone() -> None:
    found = of(line(1), line(4))
    assert ["2026-11-26/114/1", "2026-11-26/114/4"] == [each.id for each in found]


def test_an_exchange_takes_one_back_and_sells_another() -> None:
    assert [("return", 1), ("sale", 1)] == facts(line(1, "A", "-1"), line(2, "B"))


def test_a_return_names_the_receipt_it_is_of() -> None:
    origin = link(99, "Return", "<LineItemSequenceNumber>4</LineItemSequenceNumber>")
    reason = "<Reason>too small</Reason>"
    (back,) = of(line(1, kind="Return", inside=origin + reason))
    assert FactKind.RETURN == back.kind
    assert Reference("receipt", "pos/0042/7/2026-11-25/99", "4") == back.reference
    assert ("0042", "too small", "") == (back.location, back.reason, back.to_status)


def test_a_return_of_an_online_order_names_its_reservation() -> None:
    for inside in (ORDER, link(99, "Return", ORDER)):
        (back,) = of(line(1, quantity="-1", inside=inside))
        assert Reference("reservation", "web-7") == back.reference


def test_returned_units_are_for_sale_unless_their_disposal_says_otherwise() -> None:
    options = PoslogOptions(time_zone="UTC", returned_status="inspect")
    for inside, status in (
        ("", "inspect"),
        ('<Disposal Method="ReturnToStock"/>', ""),
        ('<Disposal Method="Destroy"/>', "Destroy"),
    ):
        (back,) = of(line(1, kind="Return", inside=inside), options=options)
        assert status == back.to_status


def test_an_order_that_is_collected_ships() -> None:
    (shipped,) = of(line(1, inside="<SpecialOrderNumber>web-7</SpecialOrderNumber>"))
    assert isinstance(shipped, OrderEvent)
    assert (OrderKind.SHIPPED, "web-7") == (shipped.kind, shipped.order)
    assert (OrderLine("", "A", "0042", Decimal(1)),) == shipped.lines


@pytest.mark.parametrize("where", ["line", "link"])
def test_a_line_names_the_line_of_its_order_by_the_elements_of_the_options(where: str) -> None:
    named = f"{ORDER}<OrderLine>7</OrderLine>"
    inside = named if where == "line" else link(99, "Pickup", named)
    options = OPTIONS.model_copy(update={"order_line_elements": ("OrderLine",)})
    (shipped,) = of(line(1, inside=inside), options=options)
    (back,) = of(line(1, quantity="-1", inside=inside), options=options)
    (undone,) = of(line(1, inside=inside), link(99, "PostVoid"), options=options)
    assert (OrderLine("7", "A", "0042", Decimal(1)),) == shipped.lines
    assert [Reference("reservation", "web-7", "7")] * 2 == [back.reference, undone.reference]


def test_a_suspended_receipt_is_held_and_a_resumed_one_lets_go() -> None:
    (held,) = of(line(1), line(2, "B"), retail='TransactionStatus="Suspended"', till=7)
    assert (OrderKind.HELD, "pos/0042/7/2026-11-26/114") == (held.kind, held.order)
    assert ["A", "B"] == [each.sku for each in held.lines]
    assert timedelta(days=1) == held.hold

    freed, sale = of(line(1), link(114, "Resume"))
    assert (OrderKind.CANCELLED, "pos/0042/7/2026-11-25/114") == (freed.kind, freed.order)
    assert FactKind.SALE == sale.kind

    (deleted,) = of(line(1), retail='TransactionStatus="SuspendedDeleted"')
    assert (OrderKind.CANCELLED, "pos/0042/3/2026-11-26/114") == (deleted.kind, deleted.order)


@pytest.mark.parametrize(
    ("status", "then"),
    [
        ("Suspended", [OrderKind.HELD]),
        ("Voided", []),
        ("Cancelled", []),
        ("SuspendedDeleted", [OrderKind.CANCELLED]),
        ("SuspendedRetrieved", [OrderKind.CANCELLED]),
        ("PostVoided", [FactKind.REVERSAL]),
    ],
)
def test_a_resumed_receipt_lets_go_whatever_becomes_of_it(
    status: str, then: list[OrderKind | FactKind]
) -> None:
    links = link(114, "Resume"), link(115, "Resume")
    found = of(line(1), *links, retail=f'TransactionStatus="{status}"')
    first, second, *others = [each for each in found if not isinstance(each, Ignored)]
    assert ["pos/0042/7/2026-11-25/114", "pos/0042/7/2026-11-25/115"] == [first.order, second.order]
    assert {OrderKind.CANCELLED} == {first.kind, second.kind}
    assert then == [each.kind for each in others]
    assert len(others) + 2 == len({each.id for each in (first, second, *others)})


def test_where_tills_do_not_tell_of_suspended_receipts_nothing_is_held_or_freed() -> None:
    options = PoslogOptions(time_zone="UTC", hold_suspended=False)
    (sale,) = of(line(1), link(114, "Resume"), options=options)
    assert FactKind.SALE == sale.kind
    voided = of(line(1), link(114, "Resume"), options=options, retail='TransactionStatus="Voided"')
    assert [Ignored("voided")] == voided
    for status in ("Suspended", "SuspendedDeleted"):
        found = of(line(1), retail=f'TransactionStatus="{status}"', options=options)
        assert [Ignored("suspended")] == found


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"attributes": 'TrainingModeFlag="true"'}, "training"),
        ({"retail": 'TrainingModeFlag="1"'}, "training"),
        ({"attributes": 'CancelFlag="true"'}, "voided"),
        ({"retail": 'TransactionStatus="Voided"'}, "voided"),
        ({"retail": 'TransactionStatus="acs:Canceled"'}, "voided"),
    ],
    ids=str,
)
def test_what_never_happened_has_no_effect(how: dict[str, Any], reason: str) -> None:
    assert [Ignored(reason)] == of(line(1), **how)


def test_control_transactions_take_numbers_and_have_no_effect() -> None:
    assert [Ignored("control")] == decoded(
        b"<POSLog><Transaction><SequenceNumber>115</SequenceNumber>"
        b"<ControlTransaction><NoSale/></ControlTransaction></Transaction></POSLog>"
    )


def test_a_receipt_that_is_wrong_does_not_hold_up_those_after_it() -> None:
    first, second, third = decoded(
        poslog(
            receipt(line(1), number=1),
            receipt(line(1), line(2, quantity="many"), number=2),
            receipt(line(1), number=3),
        )
    )
    assert ["2026-11-26/1/1", "2026-11-26/3/1"] == [first.id, third.id]
    assert "Transaction[2].RetailTransaction.LineItem[2].Sale.Quantity" == second.field


@pytest.mark.parametrize(
    ("part", "instead", "field"),
    [
        ("<RetailStoreID>0042</RetailStoreID>", "", "RetailStoreID"),
        ("<RetailStoreID>0042<", f"<RetailStoreID>{'s' * 41}<", "RetailStoreID"),
        ("<WorkstationID>3</WorkstationID>", "<WorkstationID/>", "WorkstationID"),
        ("<SequenceNumber>114</SequenceNumber>", "", "SequenceNumber"),
        ("2026-11-26<", "2026-02-30<", "BusinessDayDate"),
        ("2026-11-26<", "tomorrow<", "BusinessDayDate"),
        ("2026-11-26T12", "2026-11-26T25", "EndDateTime"),
        ("<EndDateTime>2026-11-26T12:00:00</EndDateTime>", "", "EndDateTime"),
        ("RetailTransaction ", "RetailTransaction TransactionStatus='New' ", "TransactionStatus"),
        ("RetailTransaction", "InventoryControlTransaction", "InventoryControlTransaction"),
        ("RetailTransaction", "Nothing", "Transaction[1]"),
        ("<SequenceNumber>1</SequenceNumber>", "", "SequenceNumber"),
        ("<SequenceNumber>2<", "<SequenceNumber>1<", "SequenceNumber"),
        ("<ItemID>A</ItemID>", "", "ItemID"),
        ("<ItemID>A<", f"<ItemID>{'s' * 2000}<", "ItemID"),
        ("<Quantity>1</Quantity>", "", "Quantity"),
        ("<Quantity>1<", "<Quantity>1e9<", "Quantity"),
        ("<Quantity>1<", "<Quantity>1,5<", "Quantity"),
        ("<Quantity>1<", "<Quantity>NaN<", "Quantity"),
        ("<Quantity>1<", f"<Quantity>{'9' * 5000}<", "Quantity"),
        ("Sale", "SaleForDelivery", "LineItem[1]"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_receipt_is_named(part: str, instead: str, field: str) -> None:
    changed = receipt(line(1), line(2, "B")).replace(part, instead)
    (found,) = decoded(poslog(changed))
    assert isinstance(found, Undecodable)
    assert found.field.endswith(field)
    assert len(str(found)) < 500


def test_a_single_receipt_may_be_the_whole_document() -> None:
    (sale,) = decoded(receipt(line(1)).encode())
    assert "2026-11-26/114/1" == sale.id


@settings(max_examples=50)
@given(st.data())
def test_a_mutilated_file_decodes_or_is_undecodable(data: st.DataObject) -> None:
    body = bytearray(poslog(receipt(line(1), link(1, "Resume")), receipt(line(2, "B", "-1"))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = at + data.draw(st.integers(0, 12))
        body[at:end] = data.draw(st.sampled_from([b"", b"0", b"<", b"/>", b"-", b"\xff", b"&#0;"]))
    with suppress(Undecodable):
        decoded(bytes(body))


def test_every_receipt_of_a_real_day_goes_through() -> None:
    body = contract("poslog/POSLog.redacted.xml").read_bytes()
    options = PoslogOptions(time_zone="America/Los_Angeles", weight_unit="lb")
    found = decoded(body, options)
    sales = [each for each in found if isinstance(each, StockFact)]
    ignored = Counter(each.reason for each in found if isinstance(each, Ignored))

    # 51 transactions, 9 of them control; 552 sale lines, of which 4 void 4 others, and a deposit.
    assert 42 == len({(each.source, each.id.rpartition("/")[0]) for each in sales})
    assert (9, 333, 4, 1) == tuple(
        ignored[reason] for reason in ("control", "loyalty", "void", "not_stock")
    )
    assert 552 == len(sales) + 2 * 4 + 1
    assert {FactKind.SALE} == {each.kind for each in sales}
    assert len(sales) == len({(each.source, each.id) for each in sales})
    assert 164 == sum(each.unit == "lb" for each in sales)
    assert Decimal("0.42") in {each.quantity for each in sales}
    (resumed,) = [each for each in found if isinstance(each, OrderEvent)]
    assert "pos/9/32/2017-10-01/111" == resumed.order
    assert not [each for each in found if isinstance(each, Undecodable)]


@pytest.mark.parametrize(
    "sent",
    [
        receipt(line(1), number="00114"),
        receipt(line(1), attributes='TrainingModeFlag="true"'),
        receipt(line(1, quantity="many")),
        receipt(line(1)).replace("RetailTransaction", "ControlTransaction"),
    ],
    ids=["sale", "training", "undecodable", "control"],
)
def test_every_transaction_has_a_number_of_its_till(sent: str) -> None:
    grace = timedelta(hours=36)
    expected = Numbered(source="pos/0042/3", date="2026-11-26", number=114, grace=grace)
    assert [expected] == numbers(poslog(sent))
    assert [] == numbers(poslog(sent), OPTIONS.model_copy(update={"watch_numbers": False}))


@pytest.mark.parametrize(
    "sent",
    [receipt(line(1), number="A-7"), receipt(line(1)).replace("WorkstationID", "Till")],
    ids=["no number", "no till"],
)
def test_a_transaction_that_is_not_numbered_is_not_missed(sent: str) -> None:
    assert [] == numbers(poslog(sent))


def test_no_number_is_missing_in_a_real_day() -> None:
    tills: dict[str, list[int]] = {}
    for each in numbers(contract("poslog/POSLog.redacted.xml").read_bytes()):
        tills.setdefault(each.source, []).append(each.number)
    assert 51 == sum(map(len, tills.values()))
    for found in tills.values():
        assert list(range(min(found), max(found) + 1)) == sorted(found)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_stays_flat_over_a_file_of_100_megabytes() -> None:
    one = "".join(receipt(*(line(n) for n in range(1, 21)), number=n) for n in range(200))
    body = f"<POSLog>{one * (100 * 2**20 // len(one))}</POSLog>".encode()
    process = psutil.Process()
    used = [process.memory_info().rss]
    for at, _ in enumerate(ADAPTER.decode(Message(body), OPTIONS)):
        if at % 10_000 == 0:
            used.append(process.memory_info().rss)
    assert len(used) > 50
    assert max(used) - used[0] < 2**23


def test_a_file_is_cut_into_its_receipts() -> None:
    body = poslog(receipt(line(1), number=1), receipt(line(1), number=2))
    pieces = list(ADAPTER.cut([body[:100], body[100:]], "day.xml", OPTIONS))
    found = [event for piece in pieces for event in decoded(piece.body)]
    assert decoded(body) == found
    assert [{"file": "day.xml"}] * 2 == [piece.attributes for piece in pieces]


def test_a_real_day_cut_into_its_receipts_says_the_same() -> None:
    body = contract("poslog/POSLog.redacted.xml").read_bytes()
    options = PoslogOptions(time_zone="America/Los_Angeles", weight_unit="lb")
    pieces = list(ADAPTER.cut([body], "day.xml", options))
    assert 51 == len({ADAPTER.key(piece) for piece in pieces})
    cut = [event for piece in pieces for event in decoded(piece.body, options)]
    assert decoded(body, options) == cut


def test_the_conformance_kit_finds_nothing() -> None:
    bodies = [
        poslog(receipt(line(1), line(2, "B", "-1"), number=1)),
        poslog(receipt(line(1), link(99, "PostVoid"), number=2), receipt(line(1), number=3)),
        poslog(receipt(line(1), number=4, retail='TransactionStatus="Suspended"')),
    ]
    samples = [Sample(str(at), Message(body)) for at, body in enumerate(bodies)]
    assert [] == list(findings(ADAPTER, samples, OPTIONS))


@pytest.mark.slow
def test_the_kit_finds_nothing_in_a_real_day() -> None:
    body = contract("poslog/POSLog.redacted.xml").read_bytes()
    options = PoslogOptions(time_zone="America/Los_Angeles")
    pieces = ADAPTER.cut([body], "day.xml", options)
    samples = [Sample(str(at), piece) for at, piece in enumerate(pieces)]
    assert [] == list(findings(ADAPTER, samples, options))
