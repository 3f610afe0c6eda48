"""Square: counts that its webhook reports, and changes of its inventory history.

Sources: Square's OpenAPI file (square/connect-api-specification, 5733f66): its schema
InventoryCountUpdatedEvent with the example, InventoryCount, InventoryChange and its parts,
InventoryState; "Validate webhook notifications" for the signature, which is of the notification URL
and the raw body. Not run against Square.

`take` says which of the two are facts here, since they say the same: counts, which are absolute
and Square's own reckoning, or changes, which are what happened. A count is of units for sale.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from ..contract import Adapter, Message, Undecodable
from ..events import (
    CountBasis,
    Decoded,
    FactKind,
    Ignored,
    Reference,
    StockFact,
)
from ..intake import fields
from ..intake.verification import Verification, check
from .negative_counts import below_zero

ENTRIES_MAX: Final = 10_000
#: Where a message has its changes when it is a page of the history.
CHANGES: Final = "changes"

#: States of units that are on hand -> their status.
_ON_HAND: Final[Mapping[str, str]] = {
    "IN_STOCK": "",
    "RETURNED_BY_CUSTOMER": "returned_by_customer",
    "RESERVED_FOR_SALE": "reserved_for_sale",
    "RECEIVED_FROM_VENDOR": "received_from_vendor",
    "CUSTOM": "custom",
}
#: What units that come on hand out of a state are, and that go into one.
_COMES: Final[Mapping[str, FactKind]] = {
    "NONE": FactKind.RECEIPT,
    "ORDERED_FROM_VENDOR": FactKind.RECEIPT,
    "IN_TRANSIT": FactKind.RECEIPT,
    "IN_TRANSIT_TO": FactKind.RECEIPT,
    "SOLD": FactKind.RETURN,
    "SOLD_ONLINE": FactKind.RETURN,
    "UNLINKED_RETURN": FactKind.RETURN,
    "WASTE": FactKind.ADJUSTMENT,
    "COMPOSED": FactKind.ADJUSTMENT,
    "DECOMPOSED": FactKind.ADJUSTMENT,
}
_GOES: Final[Mapping[str, FactKind]] = {
    **dict.fromkeys(_COMES, FactKind.ADJUSTMENT),
    "SOLD": FactKind.SALE,
    "SOLD_ONLINE": FactKind.SALE,
}
_STATES: Final = (*_ON_HAND, *_COMES)


class SquareOptions(BaseModel):
    """What of Square is taken in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    notification_url: str
    """The address that Square sends to, as it was given to Square: it is signed with the body."""
    take: Literal["counts", "changes"] = "counts"
    our_references: str = ""
    """What reference_ids begin with that we write into Square; those changes are echoes."""


def verify(message: Message, secrets: Mapping[str, str], options: SquareOptions) -> None:
    """Raises `Unverified`."""
    how = Verification(
        scheme="hmac",
        secret="signature_key",  # noqa: S106 - a name
        headers=("x-square-hmacsha256-signature",),
        signed="url_body",
        url=options.notification_url,
    )
    check(message, secrets, how)


def key(message: Message) -> str:
    """The id of a notification, which Square repeats; a hash of a page of changes."""
    document = _document(message)
    if CHANGES in document:
        return fields.hash_of(message)
    return fields.text(document.get("event_id"), "event_id")


def decode(message: Message, options: SquareOptions) -> Iterator[Decoded | Undecodable]:
    """The counts of a notification, or the changes of a page; one that is wrong does not hold up
    the others.
    """
    document = _document(message)
    if CHANGES in document:
        if options.take == "changes":
            yield from changes_of(document, options.our_references)
        else:
            yield Ignored("changes")
        return
    kind = fields.text(document.get("type"), "type")
    if kind != "inventory.count.updated":
        yield Ignored("other_event")
    elif options.take != "counts":
        yield Ignored("counts")
    else:
        yield from _counts(document)


def changes_of(document: Mapping[str, Any], our_references: str) -> Iterator[Decoded | Undecodable]:
    """What the changes of a page are. Those whose references begin with ours, unless that is empty,
    are echoes.
    """
    for at, change in enumerate(fields.array(document.get(CHANGES), CHANGES, ENTRIES_MAX)):
        path = f"{CHANGES}[{at}]"
        try:
            yield from _change(fields.mapping(change, path), path, our_references)
        except Undecodable as wrong:
            yield wrong


def _document(message: Message) -> Mapping[str, Any]:
    return fields.mapping(fields.json_of(message.body), "body")


def _counts(document: Mapping[str, Any]) -> Iterator[Decoded | Undecodable]:
    merchant = fields.text(document.get("merchant_id"), "merchant_id")
    event_id = fields.text(document.get("event_id"), "event_id")
    data = fields.mapping(document.get("data"), "data")
    path = "data.object.inventory_counts"
    if data.get("object") is None:  # the object was deleted
        yield Ignored("deleted")
        return
    counts = fields.mapping(data["object"], "data.object").get("inventory_counts")
    for at, count in enumerate(fields.array(counts, path, ENTRIES_MAX)):
        where = f"{path}[{at}]"
        try:
            yield _count(fields.mapping(count, where), where, merchant, f"{event_id}/{at}")
        except Undecodable as wrong:
            yield wrong


def _count(count: Mapping[str, Any], path: str, merchant: str, new_id: str) -> Decoded:
    if _state(count, "state", path) != "IN_STOCK":
        return Ignored("state")
    if count.get("is_estimated") is True:
        return Ignored("composed")
    fact = StockFact(
        source=f"square/{merchant}",
        id=fields.identifier(new_id, "event_id"),
        kind=FactKind.COUNT,
        sku=fields.text(count.get("catalog_object_id"), f"{path}.catalog_object_id"),
        location=fields.text(count.get("location_id"), f"{path}.location_id"),
        quantity=_quantity(count, path),
        time=fields.instant(count.get("calculated_at"), f"{path}.calculated_at"),
        basis=CountBasis.BOOKS,
    )
    return fact if fact.quantity >= 0 else below_zero(fact, "Square counts")


def _change(change: Mapping[str, Any], path: str, our_references: str) -> list[Decoded]:
    kind = change.get("type")
    made = _MADE.get(kind) if type(kind) is str else None
    if made is None:
        raise Undecodable(f"{path}.type", kind, f"one of {', '.join(_MADE)}")
    name, make = made
    where = f"{path}.{name}"
    part = fields.mapping(change.get(name), where)
    reference = fields.any_text(part.get("reference_id") or "", f"{where}.reference_id")
    if our_references and reference.startswith(our_references):
        return [Ignored("echo")]
    return make(part, where)


def _adjusted(part: Mapping[str, Any], path: str) -> list[Decoded]:
    """Units went from one state into another."""
    before, after = _state(part, "from_state", path), _state(part, "to_state", path)
    fact = _fact(part, path, "location_id")
    if not fact.quantity:
        return [Ignored("no_units")]
    if before in _ON_HAND and after in _ON_HAND:
        kind = FactKind.STATUS_CHANGE
    elif after in _ON_HAND:
        kind = _COMES[before]
    elif before in _ON_HAND:
        kind = _GOES[after]
        if kind is FactKind.ADJUSTMENT:
            fact = replace(fact, quantity=-fact.quantity)
    else:
        return [Ignored("not_on_hand")]
    return [
        replace(
            fact,
            kind=kind,
            from_status=_ON_HAND.get(before, ""),
            to_status=_ON_HAND.get(after, ""),
            reason=f"{before}>{after}",
        )
    ]


def _counted(part: Mapping[str, Any], path: str) -> list[Decoded]:
    """Somebody counted."""
    if _state(part, "state", path) != "IN_STOCK":
        return [Ignored("state")]
    fact = _fact(part, path, "location_id")
    return [replace(fact, kind=FactKind.COUNT, basis=CountBasis.SHELF)]


def _transferred(part: Mapping[str, Any], path: str) -> list[Decoded]:
    """Units went from one location to another, at once."""
    if _state(part, "state", path) != "IN_STOCK":
        return [Ignored("state")]
    sent = _fact(part, path, "from_location_id")
    if not sent.quantity:
        return [Ignored("no_units")]
    there = fields.text(part.get("to_location_id"), f"{path}.to_location_id")
    reference = Reference("transfer", sent.id)
    return [
        replace(
            sent,
            id=f"{sent.id}/out",
            kind=FactKind.TRANSFER_DISPATCH,
            to_location=there,
            reference=reference,
            takes_promised=True,
        ),
        replace(
            sent, id=f"{sent.id}/in", kind=FactKind.RECEIPT, location=there, reference=reference
        ),
    ]


_MADE: Final = {
    "ADJUSTMENT": ("adjustment", _adjusted),
    "PHYSICAL_COUNT": ("physical_count", _counted),
    "TRANSFER": ("transfer", _transferred),
}


def _fact(part: Mapping[str, Any], path: str, location: str) -> StockFact:
    """A fact of a change, whose kind is still to be said."""
    quantity = _quantity(part, path)
    if quantity < 0:
        raise Undecodable(f"{path}.quantity", part.get("quantity"), "a quantity of 0 or more")
    return StockFact(
        source="square",
        id=fields.text(part.get("id"), f"{path}.id", _ID_CHARACTERS_MAX),
        kind=FactKind.ADJUSTMENT,
        sku=fields.text(part.get("catalog_object_id"), f"{path}.catalog_object_id"),
        location=fields.text(part.get(location), f"{path}.{location}"),
        quantity=quantity,
        time=fields.instant(part.get("occurred_at"), f"{path}.occurred_at"),
        actor=fields.any_text(part.get("team_member_id") or "", f"{path}.team_member_id"),
    )


#: The schema's bound, which leaves room for the ends of a transfer.
_ID_CHARACTERS_MAX: Final = 100


def _quantity(part: Mapping[str, Any], path: str) -> Decimal:
    """A quantity, which Square writes as a text of up to 5 decimals."""
    return fields.decimal(part.get("quantity"), f"{path}.quantity")


def _state(part: Mapping[str, Any], name: str, path: str) -> str:
    state = part.get(name)
    if type(state) is str and state in _STATES:
        return state
    raise Undecodable(f"{path}.{name}", state, f"one of {', '.join(_STATES)}")


ADAPTER: Final = Adapter(
    name="square",
    reads="Square's inventory.count.updated notifications, and pages of inventory changes.",
    dedupe="event_id of a notification, id of a change",
    order="calculated_at of counts, occurred_at of changes",
    key=key,
    decode=decode,
    verify=verify,
    options=SquareOptions,
    secrets=("signature_key",),
)
