"""NetSuite: inventory lines of posted transactions, as SuiteQL answers them. Not run against the
product.

Source: "Executing SuiteQL Queries Through REST Web Services" and "Collection Paging" (Oracle's
documentation): a page is `{links, count, hasMore, items, offset, totalResults}`, of which the items
have the columns of the query in lower case, and texts as values. NetSuite has no webhook, and
each request to it is signed or bears a token of an hour: a scheduled script asks, and sends the
pages here, over HTTP or into a drop folder. Names of tables and columns are not verified against a
Records Catalog; this is the query whose columns are read:

    SELECT tl.uniquekey AS id, t.type, t.tranid, tl.quantity, i.itemid AS item,
           BUILTIN.DF(tl.location) AS location, t.otherrefnum AS reference,
           TO_CHAR(t.lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') AS modified
    FROM transactionline tl
    JOIN transaction t ON t.id = tl.transaction
    JOIN item i ON i.id = tl.item
    WHERE tl.isinventoryaffecting = 'T' AND t.posting = 'T' AND t.lastmodifieddate >= ...

`quantity` is signed: what it changes on hand by. A line of which the quantity changes later comes
with other content under its id, and is a dead letter (ID_REUSED): the next count settles it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Adapter, Message, Undecodable
from ..events import Decoded, FactKind, Ignored, StockFact
from ..intake import fields
from ..intake.verification import Verification, VerificationOption, verify
from ..intake.zones import ZoneName, zone
from .references import reservation_of

ITEMS_MAX: Final = 1_000

#: Types of transactions that bring or take units in trade; others are adjustments. The first is of
#: lines that add to what is on hand, the second of those that take from it.
TYPES: Final[Mapping[str, tuple[FactKind, FactKind]]] = {
    "ItemRcpt": (FactKind.RECEIPT, FactKind.ADJUSTMENT),
    "ItemShip": (FactKind.ADJUSTMENT, FactKind.SALE),
    "CashSale": (FactKind.RETURN, FactKind.SALE),
    "CustInvc": (FactKind.ADJUSTMENT, FactKind.SALE),
    "CustCred": (FactKind.RETURN, FactKind.ADJUSTMENT),
    "CashRfnd": (FactKind.RETURN, FactKind.ADJUSTMENT),
}


class NetSuiteOptions(BaseModel):
    """How NetSuite is set up, as far as the adapter has to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field("netsuite", min_length=1, max_length=100)
    verify: VerificationOption = Verification()
    time_zone: ZoneName = "America/Los_Angeles"
    """Of `modified`: that of the user who asks."""


def decode(message: Message, options: NetSuiteOptions) -> Iterator[Decoded | Undecodable]:
    """The facts of a page; a line that is wrong does not hold up the others."""
    page = fields.mapping(fields.json_of(message.body, exact=True), "body")
    for place, item in enumerate(fields.array(page.get("items"), "items", ITEMS_MAX)):
        try:
            yield _line(item, f"items[{place}]", options)
        except Undecodable as wrong:
            yield wrong


def _line(item: Any, path: str, options: NetSuiteOptions) -> Decoded:
    line = fields.mapping(item, path)
    quantity = fields.quantity(line.get("quantity"), f"{path}.quantity")
    if quantity == 0:
        return Ignored("no_units")
    kind = fields.text(line.get("type"), f"{path}.type")
    added, taken = TYPES.get(kind, (FactKind.ADJUSTMENT, FactKind.ADJUSTMENT))
    number = fields.whole(line.get("id"), f"{path}.id", 1, (1 << 63) - 1)
    fact = StockFact(
        source=options.source,
        id=f"line/{number}",
        kind=added if quantity > 0 else taken,
        sku=fields.text(line.get("item"), f"{path}.item"),
        location=fields.text(line.get("location"), f"{path}.location"),
        quantity=abs(quantity),
        time=fields.instant_or_local(
            line.get("modified"), f"{path}.modified", zone(options.time_zone)
        ),
        reason=kind,
    )
    return _of_order(fact, quantity, line, path)


def _of_order(fact: StockFact, quantity: Decimal, line: Mapping[str, Any], path: str) -> StockFact:
    """The same, signed where it is an adjustment, and of the reservation that it refers to."""
    if fact.kind is FactKind.ADJUSTMENT:
        return replace(fact, quantity=quantity)
    reference = fields.any_text(line.get("reference") or "", f"{path}.reference")
    reservation = reservation_of(reference)
    if reservation is None or fact.kind is FactKind.RECEIPT:
        return fact
    kind = FactKind.GOODS_ISSUE if fact.kind is FactKind.SALE else fact.kind
    return replace(fact, kind=kind, reference=reservation)


ADAPTER: Final = Adapter(
    name="netsuite",
    reads="Inventory lines of posted transactions of NetSuite, as pages of a SuiteQL query.",
    dedupe="the bytes of a page; in the core, the line",
    order="none",
    key=fields.hash_of,
    decode=decode,
    verify=verify,
    options=NetSuiteOptions,
)
