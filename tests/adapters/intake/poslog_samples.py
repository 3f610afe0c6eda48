"""Receipts of tills, and what is read out of them."""

from datetime import UTC, datetime
from typing import Any

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import Numbered, StockFact
from holdfast.adapters.intake.poslog import ADAPTER
from holdfast.adapters.intake.poslog_options import PoslogOptions

OPTIONS = PoslogOptions(time_zone="Europe/Berlin", weight_unit="kg")
NOON = datetime(2026, 11, 26, 11, tzinfo=UTC)
ORDER = "<InventoryReservationID>web-7</InventoryReservationID>"


def line(
    number: int | str,
    sku: str = "A",
    quantity: str = "1",
    *,
    kind: str = "Sale",
    attributes: str = "",
    of_kind: str = "",
    inside: str = "",
) -> str:
    return (
        f"<LineItem {attributes}><SequenceNumber>{number}</SequenceNumber><{kind} {of_kind}>"
        f"<ItemID>{sku}</ItemID><Quantity>{quantity}</Quantity>{inside}</{kind}></LineItem>"
    )


def receipt(
    *parts: str,
    number: object = 114,
    till: object = 3,
    attributes: str = "",
    retail: str = "",
    time: str = "2026-11-26T12:00:00",
) -> str:
    return (
        f"<Transaction {attributes}><RetailStoreID>0042</RetailStoreID>"
        f"<WorkstationID>{till}</WorkstationID><SequenceNumber>{number}</SequenceNumber>"
        f"<BusinessDayDate>2026-11-26</BusinessDayDate><EndDateTime>{time}</EndDateTime>"
        f"<OperatorID>901</OperatorID><RetailTransaction {retail}>{''.join(parts)}"
        "</RetailTransaction></Transaction>"
    )


def link(number: int, reason: str, inside: str = "") -> str:
    return (
        f'<TransactionLink ReasonCode="{reason}"><RetailStoreID>0042</RetailStoreID>'
        f"<WorkstationID>7</WorkstationID><SequenceNumber>{number}</SequenceNumber>"
        f"<BusinessDayDate>2026-11-25</BusinessDayDate>{inside}</TransactionLink>"
    )


def poslog(*receipts: str) -> bytes:
    return f'<POSLog xmlns="urn:any">{"".join(receipts)}</POSLog>'.encode()


def decoded(body: bytes, options: PoslogOptions = OPTIONS) -> list[Any]:
    """What it says but for numbers."""
    found = ADAPTER.decode(Message(body), options)
    return [each for each in found if not isinstance(each, Numbered)]


def numbers(body: bytes, options: PoslogOptions = OPTIONS) -> list[Numbered]:
    found = ADAPTER.decode(Message(body), options)
    return [each for each in found if isinstance(each, Numbered)]


def of(*parts: str, options: PoslogOptions = OPTIONS, **how: Any) -> list[Any]:
    return decoded(poslog(receipt(*parts, **how)), options)


def facts(*parts: str, **how: Any) -> list[tuple[object, object]]:
    """Kind and quantity of the facts of a receipt."""
    return [(each.kind, each.quantity) for each in of(*parts, **how) if isinstance(each, StockFact)]


def wrong(*parts: str, **how: Any) -> Undecodable:
    (undecodable,) = of(*parts, **how)
    assert isinstance(undecodable, Undecodable)
    return undecodable
