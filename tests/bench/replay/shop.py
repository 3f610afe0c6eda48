"""Orders of a small shop, as events and as the rows of a file."""

from datetime import datetime, timedelta
from pathlib import Path

from bench.replay.orders import Invoice, OrderEvent, OrderLine, Return, WriteOff

#: Where the Makefile looks for it, too.
REAL_YEAR = (
    Path(__file__).resolve().parents[4] / "shared/data/uci-online-retail/online_retail.csv.gz"
)

MORNING = datetime.fromisoformat("2026-01-02 09:00:00")
FIRST_DAY = datetime.fromisoformat("2011-01-01 09:00:00")

ORDERS = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850,United Kingdom
536366,85123A,HOLDER,2,2010-12-01 08:28:00,2.55,17850,United Kingdom
536366,POST,POSTAGE,1,2010-12-01 08:28:00,18.00,17850,United Kingdom
C536367,71053,LANTERN,-1,2010-12-01 09:00:00,3.39,17850,United Kingdom
"""


def small_shop(units: int = 1) -> list[OrderEvent]:
    """Two invoices and a return on one SKU, and a write-off of another."""
    return [
        Invoice("1", MORNING, (OrderLine("A", units), OrderLine("A", 3))),
        Return("C2", MORNING, (OrderLine("A", 1), OrderLine("B", 1))),
        WriteOff("3", MORNING, OrderLine("B", 4), "broken"),
        Invoice("4", MORNING, (OrderLine("A", 2),)),
    ]


def on_day(day: int) -> datetime:
    """A moment of a day, counted from the first."""
    return FIRST_DAY + timedelta(days=day)


def sale(number: str, day: int, *lines: tuple[str, int]) -> Invoice:
    """An invoice of SKUs and quantities."""
    return Invoice(number, on_day(day), tuple(OrderLine(sku, count) for sku, count in lines))
