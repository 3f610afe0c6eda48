"""Microsoft Dynamics 365 Inventory Visibility: changes and counts of on-hand stock, in the form in
which its API takes them. Not run against the product.

Source: "Inventory Visibility public APIs" (Microsoft's documentation): the contract of an on-hand
change event, `{id, organizationId, productId, dimensionDataSource, dimensions, quantities}`, alone
or up to 512 in an array, of which `id` is the idempotency key; `quantities` are by data source and
physical measure. That `setonhand` takes a `modifiedDateTimeUtc` is not verified. The add-in has no
webhook: a flow or function beside it sends such events here, over HTTP or into a drop folder.

What a measure means is each installation's own, so the options say it:

    measures = { "pos.inbound" = "return", "pos.outbound" = "sale", "fno.arrived" = "receipt",
                 "wms.onhand" = "count", "pos.reserved" = "ignored" }
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Adapter, Message, Undecodable
from ..events import CountBasis, Decoded, FactKind, Ignored, StockFact
from ..intake import fields
from ..intake.verification import Verification, VerificationOption, verify

#: What the API takes at once.
EVENTS_MAX: Final = 512

Measure = Literal["receipt", "sale", "return", "adjustment", "count", "ignored"]


class D365Options(BaseModel):
    """What dimensions and measures mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field("d365", min_length=1, max_length=100)
    organization: str
    """The organizationId that is ours; events of others are ignored."""
    verify: VerificationOption = Verification()
    measures: dict[str, Measure]
    """Data source and physical measure, with a dot between them -> what its quantity is."""
    location_dimensions: tuple[str, ...] = ("siteId", "locationId")
    """Dimensions that name a location, with a slash between them."""
    sku_dimensions: tuple[str, ...] = ("configId", "sizeId", "colorId", "styleId")
    """Dimensions that, where they are given, name a variant after its productId."""


def decode(message: Message, options: D365Options) -> Iterator[Decoded | Undecodable]:
    """The facts of the events, in their order; one that is wrong does not hold up the others."""
    document = fields.json_of(message.body, exact=True)
    if type(document) is not list:
        yield from _event(document, "event", options)
        return
    for place, event in enumerate(fields.array(document, "events", EVENTS_MAX)):
        try:
            yield from _event(event, f"events[{place}]", options)
        except Undecodable as wrong:
            yield wrong


def _event(value: Any, path: str, options: D365Options) -> list[Decoded]:
    event = fields.mapping(value, path)
    name = fields.identifier(event.get("id"), f"{path}.id")
    if fields.text(event.get("organizationId"), f"{path}.organizationId") != options.organization:
        return [Ignored("other_organization")]
    given = fields.mapping(event.get("dimensions"), f"{path}.dimensions")
    dimensions = {key.lower(): value for key, value in given.items()}
    product = fields.text(event.get("productId"), f"{path}.productId")
    fact = StockFact(
        source=options.source,
        id=name,
        kind=FactKind.ADJUSTMENT,
        sku="/".join((product, *_variant(dimensions, path, options))),
        location="/".join(
            fields.text(dimensions.get(each.lower()), f"{path}.dimensions.{each}")
            for each in options.location_dimensions
        ),
        quantity=fields.quantity(0, path),
        time=_time(event, path),
    )
    found = [
        _measured(fact, measure, value, path, options)
        for measure, value in _quantities(event, path).items()
    ]
    return found or [Ignored("no_units")]


def _variant(dimensions: Mapping[str, Any], path: str, options: D365Options) -> Iterator[str]:
    for each in options.sku_dimensions:
        value = dimensions.get(each.lower())
        if value not in (None, ""):
            yield fields.text(value, f"{path}.dimensions.{each}")


def _time(event: Mapping[str, Any], path: str) -> Any:
    """When a count is of. Changes bear no time."""
    for name in ("modifiedDateTimeUtc", "modifiedDateTimeUTC"):
        if event.get(name) is not None:
            return fields.instant(event[name], f"{path}.{name}")
    return None


def _quantities(event: Mapping[str, Any], path: str) -> dict[str, Any]:
    sources = fields.mapping(event.get("quantities"), f"{path}.quantities")
    return {
        f"{source}.{measure}": value
        for source, measures in sources.items()
        for measure, value in fields.mapping(measures, f"{path}.quantities.{source}").items()
    }


def _measured(
    fact: StockFact, measure: str, value: Any, path: str, options: D365Options
) -> Decoded:
    """What the quantity of a measure is. Below 0 it takes back what the measure says, and nobody
    can tell of which event: it is an adjustment.
    """
    where = f"{path}.quantities.{fields.shortened(measure)}"
    kind = options.measures.get(measure)
    if kind is None:
        known = ", ".join(options.measures) or "one of the option measures"
        raise Undecodable(where, value, known)
    quantity = fields.quantity(value, where)
    if kind == "ignored" or (quantity == 0 and kind != "count"):
        return Ignored("measure" if kind == "ignored" else "no_units")
    fact = replace(
        fact,
        id=fields.identifier(f"{fact.id}/{measure}", f"{path}.id"),
        kind=FactKind(kind),
        quantity=quantity,
    )
    if kind == "count":
        if quantity < 0:
            raise Undecodable(where, value, "0 or more units")
        return replace(fact, basis=CountBasis.BOOKS)
    if quantity < 0 or kind == "adjustment":
        signed = -quantity if kind == "sale" else quantity
        return replace(fact, kind=FactKind.ADJUSTMENT, quantity=signed, reason=measure)
    return fact


ADAPTER: Final = Adapter(
    name="d365",
    reads="On-hand changes and counts in the form of Dynamics 365 Inventory Visibility.",
    dedupe="the bytes of a message; in the core, the id of an event and the measure",
    order="none; counts by their time",
    key=fields.hash_of,
    decode=decode,
    verify=verify,
    options=D365Options,
)
