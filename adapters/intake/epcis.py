"""GS1 EPCIS 2.0 in JSON: what warehouses, RFID gates and carriers saw, as facts and orders.

Source: EPCIS 2.0 (ISO/IEC 19987) and its JSON binding; CBV 2.0 for the words, in `epcis_steps`.
Capture documents, answers to queries, and single events are read.

| step | disposition | becomes |
|---|---|---|
| receiving, accepting | returned | RETURN into that status |
| | any other | RECEIPT, for sale or into that status |
| stocking, storing | for sale | STATUS_CHANGE from in_progress |
| reserving | | HELD |
| shipping, departing | | TRANSFER_DISPATCH to an own location, SHIPPED of an order, else SALE |
| void_shipping | | SHIPMENT_REVERSAL |
| retail_selling, dispensing | | SALE |
| cycle_counting, stock_taking | | COUNT of the shelf, at the time of the event |
| destroying; any with stolen | | ADJUSTMENT |
| inspecting, holding, other | damaged, expired, recalled ... | STATUS_CHANGE into that status |

A transformation takes its inputs off and puts its outputs on. An event with an errorDeclaration is
undone: it has the id of the one that was wrong, and so have its facts. An event without an id is
known by a hash of its content.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..contract import Adapter, Message, Undecodable
from ..events import Decoded
from . import fields
from .epcis_events import events_of
from .epcis_options import EpcisOptions
from .verification import verify

EVENTS_MAX: Final = 10_000
#: A document of these is read; the queries of a query interface are not.
_DOCUMENTS: Final = ("EPCISDocument", "EPCISQueryDocument")


def decode(message: Message, options: EpcisOptions) -> Iterator[Decoded | Undecodable]:
    """The events of a document, in their order; one that is wrong does not hold up the others."""
    document = fields.mapping(fields.json_of(message.body, exact=True), "body")
    for event, path in _events(document):
        try:
            yield from events_of(fields.mapping(event, path), path, options)
        except Undecodable as wrong:
            yield wrong


def _events(document: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """The events of a document, each with its path."""
    kind = document.get("type")
    if kind not in _DOCUMENTS:
        yield document, "event"
        return
    body, path = fields.mapping(document.get("epcisBody"), "epcisBody"), "epcisBody"
    if kind == "EPCISQueryDocument":
        path = "epcisBody.queryResults.resultsBody"
        results = fields.mapping(body.get("queryResults"), "epcisBody.queryResults")
        body = fields.mapping(results.get("resultsBody"), path)
    if "event" in body:
        yield body["event"], f"{path}.event"
        return
    path = f"{path}.eventList"
    for at, event in enumerate(fields.array(body.get("eventList"), path, EVENTS_MAX)):
        yield event, f"{path}[{at}]"


ADAPTER: Final = Adapter(
    name="epcis",
    reads="EPCIS 2.0 capture documents and events, in JSON.",
    dedupe="the bytes of a message; each event by its eventID or a hash of it, in the core",
    order="none; counts by the time of the event",
    key=fields.hash_of,
    decode=decode,
    verify=verify,
    options=EpcisOptions,
)
