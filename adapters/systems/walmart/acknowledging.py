"""Orders that our core has promised are acknowledged to Walmart, which wants it before a shipment.

Sources: Walmart's models of orders (see marketplace.py), `POST /v3/orders/{id}/acknowledge`; an
order that is acknowledged already is found out by `GET /v3/orders/{id}`, so that a repeat reports
nothing twice. Shipments are not reported here: Walmart wants a carrier and a tracking number with
them, which whoever prints the label has.
"""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from ...contract import Change, Done, Outbound, Request, Response
from ...intake import fields
from .marketplace import call, document_of
from .purchase_orders import ORDER_PREFIX, is_new


def concerns(change: Change, _options: Any) -> bool:
    """Whether units of one of Walmart's orders are promised now."""
    return change.state == "COMMITTED" and change.reservation_id.startswith(ORDER_PREFIX)


def step(change: Change, responses: Sequence[Response], _options: Any) -> Request | Done:
    """The next request. Raises Refused, Throttled, SessionExpired, Undecodable."""
    number = change.reservation_id.removeprefix(ORDER_PREFIX)
    url = f"/v3/orders/{quote(number, safe='')}"
    if not responses:
        return call("GET", url, "orders")
    document = document_of(responses[-1])
    if len(responses) > 1:
        return Done(f"order {number} acknowledged")
    # The model answers with the order itself, its examples with one under "order".
    if not is_new(fields.mapping(document.get("order", document), "order")):
        return Done(f"order {number} was acknowledged before")
    return call("POST", f"{url}/acknowledge", "acknowledge")


ACKNOWLEDGEMENTS: Final = Outbound(concerns, step)
