"""Sales of tills, as CloudEvents and as POSLog, repeated from a seed, and what they come to.

Messages are built before a stretch of load begins. The books are a plain count that shares no code
with what is measured.
"""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.edge.client import Client

from .plan import BenchError
from .workload import PLENTY, SEED, TIMEOUT_S, Row

BATCH: Final = "application/cloudevents-batch+json"
XML: Final = "application/xml"

SKUS_A_READ: Final = 1_000

_POSLOG: Final = '<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/">'
_RECEIPT: Final = """\
<Transaction MajorVersion="6" MinorVersion="0"><RetailStoreID>{store}</RetailStoreID>\
<WorkstationID>{till}</WorkstationID><BusinessDayDate>2026-11-27</BusinessDayDate>\
<SequenceNumber>{number}</SequenceNumber><BeginDateTime>{begin}</BeginDateTime>\
<EndDateTime>{end}</EndDateTime><OperatorID>901</OperatorID>\
<RetailTransaction TransactionStatus="Finished">{lines}<LineItem>\
<SequenceNumber>{tender}</SequenceNumber><Tender TenderType="Cash"><Amount>{amount}</Amount>\
</Tender></LineItem></RetailTransaction></Transaction>"""
_LINE: Final = """\
<LineItem><SequenceNumber>{line}</SequenceNumber><Sale ItemType="Stock"><ItemID>{sku}</ItemID>\
<Description>Article {sku}</Description><RegularSalesUnitPrice>9.99</RegularSalesUnitPrice>\
<ExtendedAmount>{amount}</ExtendedAmount><Quantity>{pieces}</Quantity></Sale></LineItem>"""


@dataclass(frozen=True, slots=True)
class Till:
    """A till of a store, and a source of facts."""

    store: str
    number: int

    @property
    def source(self) -> str:
        """Its name, as a source of CloudEvents."""
        return f"till/{self.store}/{self.number}"


class Sales:
    """An endless stream of sales over some stock levels, each of a number of its own."""

    def __init__(self, levels: Sequence[Row], seed: int = SEED) -> None:
        self._skus: dict[str, list[str]] = {}
        for sku, store in levels:
            self._skus.setdefault(store, []).append(sku)
        self._random = random.Random(seed)
        self._number = 0
        self.sold: Counter[Row] = Counter()
        """Units of each level that were sold, each sale once."""

    @property
    def stores(self) -> list[str]:
        """Where there is stock."""
        return list(self._skus)

    def cloudevents(self, till: Till, size: int) -> bytes:
        """A batch of so many sales, with an event for each."""
        return json.dumps([self._event(till) for _ in range(size)], separators=(",", ":")).encode()

    def poslog(self, till: Till, receipts: int, lines: int) -> bytes:
        """A document of so many receipts of so many lines."""
        return document([self.receipt(till, lines) for _ in range(receipts)])

    def _event(self, till: Till) -> dict[str, object]:
        number, (sku, pieces) = self._next(), self._sale(till)
        return {
            "specversion": "1.0",
            "id": f"sale-{number}",
            "source": till.source,
            "type": "inventory.holdfast.stock.sale.v1",
            "datacontenttype": "application/json",
            "time": _time(number),
            "data": {
                "sku": sku,
                "location": till.store,
                "quantity": str(pieces),
                "reference": {"kind": "receipt", "id": f"R-{number}", "line": "1"},
                "actor": "901",
            },
        }

    def receipt(self, till: Till, lines: int) -> str:
        """A receipt of so many lines, to stand in a `document`."""
        number = self._next()
        sales = [self._sale(till) for _ in range(lines)]
        return _RECEIPT.format(
            store=till.store,
            till=till.number,
            number=number,
            begin=_time(number),
            end=_time(number + 1),
            lines="".join(_line(at, *sale) for at, sale in enumerate(sales, 1)),
            tender=lines + 1,
            amount=f"{sum(pieces for _, pieces in sales) * 9.99:.2f}",
        )

    def _sale(self, till: Till) -> tuple[str, int]:
        sku, pieces = self._random.choice(self._skus[till.store]), self._random.randint(1, 3)
        self.sold[sku, till.store] += pieces
        return sku, pieces

    def _next(self) -> int:
        self._number += 1
        return self._number


def document(receipts: Sequence[str]) -> bytes:
    """A POSLog of receipts."""
    return f"{_POSLOG}{''.join(receipts)}</POSLog>".encode()


async def expect_sold(client: Client, levels: Sequence[Row], sold: Mapping[Row, int]) -> None:
    """Compare every level with the books: one unit more or less is an error, and no figure."""
    on_hand = await _on_hand(client, sorted({sku for sku, _ in levels}))
    compare(on_hand, {level: PLENTY - sold.get(level, 0) for level in levels})


def compare(on_hand: Mapping[Row, int], booked: Mapping[Row, int]) -> None:
    """Raises where a level that is booked does not have its units."""
    wrong = [level for level in booked if on_hand.get(level) != booked[level]]
    if wrong:
        first = f"{wrong[0]} has {on_hand.get(wrong[0])}, by the books {booked[wrong[0]]}"
        raise BenchError(f"{len(wrong)} of {len(booked)} stock levels are wrong: {first}")


async def _on_hand(client: Client, skus: Sequence[str]) -> dict[Row, int]:
    found: dict[Row, int] = {}
    for start in range(0, len(skus), SKUS_A_READ):
        chosen = skus[start : start + SKUS_A_READ]
        response = await client.batch_get_availability(chosen, timeout_s=TIMEOUT_S)
        for each in response.availabilities:
            found |= {(each.sku, level.location): level.on_hand for level in each.levels}
    return found


def _line(at: int, sku: str, pieces: int) -> str:
    return _LINE.format(line=at, sku=sku, pieces=pieces, amount=f"{pieces * 9.99:.2f}")


def _time(number: int) -> str:
    """Some time of a trading day, later for a later sale."""
    second = number % 36_000
    hour, minute = 9 + second // 3_600, second // 60 % 60
    return f"2026-11-26T{hour:02}:{minute:02}:{second % 60:02}Z"
