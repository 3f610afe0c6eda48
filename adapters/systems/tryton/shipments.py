"""What was fulfilled here goes to Tryton as a customer shipment that is done; what was not shipped
after all cancels it.

Tryton has no key for a request that comes twice. So the shipment bears the change in its reference,
it is sought first, and goes on from the state that it is found in: a crash between any two requests
repeats none. The way of a shipment is `wait`, `assign_try`, `pick`, `pack`, `ship`, `do`; where
the goods lie and leave at one location there is nothing to pick. Rules of on-change do not run over
RPC, so the locations are said. Tryton asks back with a UserWarning, for instance because the moves
have no origin; a yes is a record of res.user.warning. Run against trytond 8.2.1.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from ...contract import Change, Done, Outbound, Refused, Request, Response
from ..references import (
    PREFIX,
    ShipmentReference,
    mark_of,
    parse_reference,
    reference_of,
)
from .rpc import Options, Warned, at, call, id_at, one, quantity_at, result, rows, text_at

#: Requests, what they return, and how it ends.
Steps: TypeAlias = Generator[Request, Response, Any]

SHIPMENT: Final = "stock.shipment.out"

#: State of a shipment -> what comes next. Assigned shipments are picked first, if they can be.
_NEXT: Final = {
    "draft": "wait",
    "waiting": "assign_try",
    "assigned": "pick",
    "picked": "pack",
    "packed": "ship",
    "shipped": "do",
}
_AFTER: Final = dict(zip(_NEXT, [*list(_NEXT)[1:], "done"], strict=True))

#: More questions than that at one step are no questions.
_QUESTIONS_MAX: Final = 10


def concerns(change: Change, options: Options) -> bool:
    """Whether it is a fulfilment, or one taken back, at a location of Tryton's, that Tryton has not
    reported to us: what its goods issues do bears their correlation id.
    """
    if options.ships_from and change.location not in options.ships_from:
        return False
    from_tryton = change.correlation_id.startswith(f"{options.source}/")
    return not from_tryton and (_is_fulfilment(change) or _is_taken_back(change))


def _is_fulfilment(change: Change) -> bool:
    return change.state == "FULFILLED"


def _is_taken_back(change: Change) -> bool:
    return (change.from_state, change.state) == ("FULFILLED", "COMMITTED")


def advance(change: Change, responses: Sequence[Response], options: Options) -> Request | Done:
    """The next request after these responses."""
    steps = _ship(change, options) if _is_fulfilment(change) else _cancel(change, options)
    try:
        request: Request = next(steps)
        for response in responses:
            request = steps.send(response)
    except StopIteration as ended:
        done: Done = ended.value
        return done
    return request


OUTBOUND: Final = Outbound(concerns, advance)


@dataclass(frozen=True, slots=True)
class _Shipment:
    """One that Tryton has of a reservation."""

    id: int
    state: str
    reference: ShipmentReference
    quantity: Decimal
    """Of the SKU that was sought, to the customer."""
    storage: int
    output: int


def _ship(change: Change, options: Options) -> Steps:
    found = yield from _shipments(change, options)
    ours = _of_change(change, found)
    if not ours:
        yield from _create(change, options)
        ours = _of_change(change, (yield from _shipments(change, options)))
    if not ours:
        raise Refused("Tryton does not find the shipment that it made", "sku")
    shipment, *doubles = ours
    for double in doubles:  # the answer to a first request to create it was lost
        if double.state == "draft":
            yield from _press(options, "cancel", double.id, "cancelled")
    if shipment.state == "cancelled":
        return Done(f"shipment {shipment.id}, which was cancelled there")
    yield from _bring_to_done(change, options, shipment)
    return Done(f"shipment {shipment.id}")


def _bring_to_done(change: Change, options: Options, shipment: _Shipment) -> Steps:
    state = shipment.state
    while state != "done":
        if state not in _NEXT:
            raise Refused(f"shipment {shipment.id} is {state}", "state")
        if state != "assigned" or shipment.storage != shipment.output:
            yield from _press(options, _NEXT[state], shipment.id, _AFTER[state])
        state = _AFTER[state]
        if state == "assigned" and (yield from _state(options, shipment.id)) == "waiting":
            raise Refused(
                f"Tryton's books have less than {change.quantity} of {change.sku} at "
                f"{change.location} for shipment {shipment.id}",
                "quantity",
            )


def _of_change(change: Change, found: list[_Shipment]) -> list[_Shipment]:
    """Those that report a change; one that is on its way comes first."""
    ours = [shipment for shipment in found if shipment.reference.change == mark_of(change)]
    return sorted(ours, key=lambda shipment: shipment.state in ("draft", "cancelled"))


def _shipments(change: Change, options: Options) -> Steps:
    """The shipments of the reservation that have the SKU."""
    reference = f"{PREFIX}{change.reservation_id}"
    domain = [
        ["company", "=", options.company],
        ["OR", ["reference", "=", reference], ["reference", "like", f"{_escaped(reference)} (%"]],
        ["moves.product.code", "=", change.sku],
    ]
    fields = (
        *("state", "reference", "warehouse_output", "warehouse_storage"),
        *("outgoing_moves.internal_quantity", "outgoing_moves.product.code"),
    )
    search, order = f"{SHIPMENT}.search_read", [["id", "ASC"]]
    found = rows((yield call(options, search, domain, 0, _FOUND_MAX, order, list(fields))))
    shipments = [_shipment(row, change.sku) for row in found]
    return [each for each in shipments if each.reference.reservation == change.reservation_id]


def _shipment(row: Any, sku: str) -> _Shipment:
    reference = parse_reference(text_at(row, "reference"))
    moves = [move for move in row["outgoing_moves."] if at(move, "product.code") == sku]
    return _Shipment(
        id=id_at(row, "id"),
        state=text_at(row, "state"),
        reference=reference or ShipmentReference("", ""),
        quantity=sum((quantity_at(move, "internal_quantity") for move in moves), Decimal(0)),
        storage=id_at(row, "warehouse_storage"),
        output=id_at(row, "warehouse_output"),
    )


def _search(options: Options, model: str, domain: list[Any], *fields: str) -> Steps:
    """Up to two records, for `one` to judge."""
    request = call(options, f"{model}.search_read", domain, 0, 2, None, list(fields))
    return result((yield request))


def _create(change: Change, options: Options) -> Steps:
    products = yield from _search(
        options, "product.product", [["code", "=", change.sku]], "default_uom"
    )
    product = one(products, "sku", change.sku)
    warehouse, storage, output = yield from _where(change, options)
    parties = yield from _search(
        options,
        "party.party",
        [["code", "=", options.customer]],
        *("addresses", "customer_location"),
    )
    party = one(parties, "customer", options.customer)
    if not party["addresses"]:
        raise Refused(f"the party {options.customer!r} has no address", "customer")
    company = [["id", "=", options.company]]
    companies = yield from _search(options, "company.company", company, "currency")
    move = {
        "product": product["id"],
        "unit": product["default_uom"],
        "quantity": change.quantity,
        "from_location": output,
        "to_location": party["customer_location"],
        "company": options.company,
        "unit_price": {"__class__": "Decimal", "decimal": "0"},
        "currency": one(companies, "company", str(options.company))["currency"],
    }
    shipment = {
        "company": options.company,
        "customer": party["id"],
        "delivery_address": party["addresses"][0],
        "warehouse": warehouse,
        "warehouse_storage": storage,
        "warehouse_output": output,
        "reference": reference_of(change),
        "outgoing_moves": [["create", [move]]],
    }
    result((yield call(options, f"{SHIPMENT}.create", [shipment])))


def _where(change: Change, options: Options) -> Steps:
    """The warehouse of the location of a change, and where in it the goods lie and leave."""
    fields = (
        *("type", "storage_location", "output_location"),
        *("parent.type", "parent.parent.type", "parent.parent.parent.type"),
    )
    domain = [["OR", ["code", "=", change.location], ["name", "=", change.location]]]
    where = [*domain, ["type", "in", ["warehouse", "storage"]]]
    places = yield from _search(options, "stock.location", where, *fields)
    place = one(places, "location", change.location)
    if place["type"] == "warehouse":
        return place["id"], place["storage_location"], place["output_location"]
    above = place["parent."]
    while above is not None and above["type"] != "warehouse":
        above = above.get("parent.")
    if above is None:
        raise Refused(f"the location {change.location!r} is in no warehouse", "location")
    return above["id"], place["id"], place["id"]


def _state(options: Options, shipment: int) -> Steps:
    found = yield from _search(options, SHIPMENT, [["id", "=", shipment]], "state")
    return text_at(one(found, "shipment", str(shipment)), "state")


def _press(options: Options, button: str, shipment: int, becomes: str) -> Steps:
    """Press a button of a shipment, and say yes to what Tryton asks back. It refuses one that has
    been pressed, when the answer to that was lost.
    """
    for _ in range(_QUESTIONS_MAX):
        try:
            return result((yield call(options, f"{SHIPMENT}.{button}", [shipment])))
        except Warned as warned:
            question = warned
        except Refused:
            if (yield from _state(options, shipment)) == becomes:
                return None
            raise
        users = yield from _search(options, "res.user", [["login", "=", options.user]], "login")
        yes = {"user": one(users, "user", options.user)["id"], "name": question.name}
        result((yield call(options, "res.user.warning.create", [yes])))
    raise Refused(f"Tryton keeps asking: {question.reason}", button)


def _cancel(change: Change, options: Options) -> Steps:
    """Cancel the shipment of what was not shipped after all, if all of it was not. A note at the
    shipment says first for which change, for a crash in between.
    """
    ours = [each for each in (yield from _shipments(change, options)) if each.reference.change]
    if not ours:
        return Done("nothing of it was posted")
    resources = [f"{SHIPMENT},{shipment.id}" for shipment in ours]
    domain = [["resource", "in", resources], ["message", "like", f"{_UNDONE}%"]]
    fields = ["resource", "message"]
    notes = rows((yield call(options, "ir.note.search_read", domain, 0, _FOUND_MAX, None, fields)))
    taken = {text_at(note, "resource"): text_at(note, "message") for note in notes}
    shipment = _to_cancel(change, ours, taken)
    if f"{SHIPMENT},{shipment.id}" not in taken:
        note = {"resource": f"{SHIPMENT},{shipment.id}", "message": _note_of(change)}
        result((yield call(options, "ir.note.create", [note])))
    if shipment.state != "cancelled":
        yield from _press(options, "cancel", shipment.id, "cancelled")
    return Done(f"shipment {shipment.id} cancelled")


def _to_cancel(change: Change, ours: list[_Shipment], taken: dict[str, str]) -> _Shipment:
    """The one whose note names the change; else the first of as many units without one."""
    for shipment in ours:
        if taken.get(f"{SHIPMENT},{shipment.id}") == _note_of(change):
            return shipment
    for shipment in ours:
        is_open = shipment.state != "cancelled" and f"{SHIPMENT},{shipment.id}" not in taken
        if is_open and shipment.quantity == change.quantity:
            return shipment
    raise Refused(
        f"no shipment of {change.reservation_id} has {change.quantity} of {change.sku}: take "
        "them back in Tryton",
        "quantity",
    )


def _note_of(change: Change) -> str:
    return f"{_UNDONE}{mark_of(change)}"


def _escaped(text: str) -> str:
    """Text for a pattern of `like`, which escapes with a backslash."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_FOUND_MAX: Final = 1000
_UNDONE: Final = "holdfast: not shipped after all "
