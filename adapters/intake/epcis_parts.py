"""What stands in an EPCIS event: goods, places, parties, transactions, and what it is known by."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ..contract import Undecodable
from ..events import Reference
from . import fields
from .epcis_options import EpcisOptions
from .epcis_steps import word_of
from .gs1_names import gtin, place

ITEMS_MAX: Final = 100_000
#: The longest eventID that leaves room for the item, unit and side after it.
_ID_CHARACTERS_MAX: Final = 96


@dataclass(frozen=True, slots=True)
class Goods:
    """So many units of an item."""

    sku: str
    quantity: Decimal
    unit: str


class Parts:
    """An event, read member by member. Raises `Undecodable`, with the path of the member."""

    def __init__(self, event: Mapping[str, Any], path: str, options: EpcisOptions) -> None:
        self.event = event
        self.path = path
        self.options = options
        self.time = fields.instant(event.get("eventTime"), f"{path}.eventTime")
        step = word_of(event.get("bizStep"), "bizStep", f"{path}.bizStep")
        self.step = options.steps.get(step, step)
        self.disposition = word_of(event.get("disposition"), "disposition", f"{path}.disposition")
        self.id = self._id()

    def goods(self, singles: str, amounts: str) -> list[Goods]:
        """The trade items of an event, each once for each unit of measure."""
        found: dict[tuple[str, str], Decimal] = {}
        for sku, quantity, unit in (*self._singles(singles), *self._amounts(amounts)):
            found[sku, unit] = found.get((sku, unit), Decimal(0)) + quantity
        return [Goods(sku, quantity, unit) for (sku, unit), quantity in found.items()]

    def _singles(self, name: str) -> Iterator[tuple[str, Decimal, str]]:
        path = f"{self.path}.{name}"
        for at, uri in enumerate(fields.array(self.event.get(name, []), path, ITEMS_MAX)):
            sku = gtin(uri, f"{path}[{at}]")
            if sku is not None:
                yield sku, Decimal(1), ""

    def _amounts(self, name: str) -> Iterator[tuple[str, Decimal, str]]:
        path = f"{self.path}.{name}"
        for at, each in enumerate(fields.array(self.event.get(name, []), path, ITEMS_MAX)):
            where = f"{path}[{at}]"
            amount = fields.mapping(each, where)
            sku = gtin(amount.get("epcClass"), f"{where}.epcClass")
            if sku is None:
                continue
            quantity = amount.get("quantity")
            if type(quantity) is str:
                raise Undecodable(f"{where}.quantity", quantity, "a number")
            found = fields.quantity(quantity, f"{where}.quantity")
            if found < 0:
                raise Undecodable(f"{where}.quantity", quantity, "0 or more")
            unit = fields.any_text(amount.get("uom", ""), f"{where}.uom")
            yield sku, found, unit

    def location(self, *, leaves: bool) -> str:
        """Where goods are after the event; of goods that leave, where they left."""
        names = ("readPoint", "bizLocation") if leaves else ("bizLocation", "readPoint")
        for name in names:
            if self.event.get(name) is not None:
                point = fields.mapping(self.event[name], f"{self.path}.{name}")
                return self._place(point.get("id"), f"{self.path}.{name}.id")
        raise Undecodable(f"{self.path}.{names[0]}", None, "where it happened")

    def _place(self, uri: object, field: str) -> str:
        return place(uri, field, with_extension=self.options.with_extension)

    def party(self, name: str, member: str) -> str:
        """The location that an event says goods come from or go to; empty when it says none."""
        path = f"{self.path}.{name}"
        for at, each in enumerate(fields.array(self.event.get(name, []), path, 100)):
            party = fields.mapping(each, f"{path}[{at}]")
            kind = fields.any_text(party.get("type", ""), f"{path}[{at}].type")
            if _bare(kind) == "location":
                return self._place(party.get(member), f"{path}[{at}].{member}")
        return ""

    def origin(self) -> Reference | None:
        """What received goods belong to."""
        options = self.options
        if self.party("sourceList", "source") in options.own_locations:
            transfer = self.transaction(options.transfer_transactions)
            if transfer:
                return Reference("transfer", transfer)
        supply = self.transaction(options.supply_transactions)
        if supply:
            return Reference("supply", supply)
        for kind in ("po", "desadv", "rma", "inv"):
            found = self.transaction((kind,))
            if found:
                return Reference(kind, found)
        return None

    def needed_order(self) -> str:
        """The order that an event has to name."""
        order = self.transaction(self.options.order_transactions)
        if not order:
            kinds = ", ".join(self.options.order_transactions)
            expected = f"a transaction that names the order: {kinds}"
            raise Undecodable(f"{self.path}.bizTransactionList", None, expected)
        return order

    def transaction(self, kinds: tuple[str, ...]) -> str:
        """The first business transaction of one of some types; empty when there is none."""
        path = f"{self.path}.bizTransactionList"
        listed = fields.array(self.event.get("bizTransactionList", []), path, 1_000)
        for at, each in enumerate(listed):
            transaction = fields.mapping(each, f"{path}[{at}]")
            kind = fields.any_text(transaction.get("type", ""), f"{path}[{at}].type")
            if _bare(kind) in kinds:
                where = f"{path}[{at}].bizTransaction"
                uri = fields.text(transaction.get("bizTransaction"), where)
                return uri if self.options.whole_transactions else _last(uri)
        return ""

    def _id(self) -> str:
        """The event's id, or a hash of what it says; recordTime is the capturer's."""
        given = self.event.get("eventID")
        if given is not None:
            text = fields.text(given, f"{self.path}.eventID")
            if len(text) <= _ID_CHARACTERS_MAX and text.isascii():
                return text
        left_out = ("errorDeclaration", "recordTime")
        content = {name: each for name, each in self.event.items() if name not in left_out}
        try:
            written = json.dumps(given or content, sort_keys=True, default=str)
        except RecursionError:
            raise Undecodable(self.path, "an event", "one that is nested less deeply") from None
        return hashlib.blake2b(written.encode(), digest_size=16).hexdigest()


def _bare(uri: str) -> str:
    """A type of a transaction or party as a bare word: "po", "location"."""
    return uri.replace("BTT-", ":").replace("SDT-", ":").rpartition(":")[2]


def _last(uri: str) -> str:
    """What stands after the last / or : of a URI."""
    return uri.rstrip("/:").rpartition("/")[2].rpartition(":")[2] or uri
