"""Requests with one thing wrong, and what a node says about each."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from holdfast.core.limits import QUANTITY_MAX
from holdfast.edge.client import methods
from holdfast.edge.client.methods import Method
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.raw import WAREHOUSE

SKU = "Tea"
ORDER = "an order of two lines"
INT64_MAX = 2**63 - 1
DAY_S = 24 * 3600
EVERYTHING = reservation.All()
NO_ID = "00000000-0000-0000-0000-000000000000"


# Cases: a method, a request with one thing wrong, and what is said about it


class Case(NamedTuple):
    """A request, and the status that it gets."""

    what: str
    method: Method[Any]
    request: Message
    field: str
    value: str
    code: str = "INVALID_ARGUMENT"
    reason: str = "INVALID_VALUE"


def seconds(number: int, nanos: int = 0) -> Duration:
    return Duration(seconds=number, nanos=nanos)


def line(sku: str = SKU, location: str = WAREHOUSE, quantity: int = 1) -> reservation.ReserveLine:
    return reservation.ReserveLine(sku=sku, location=location, quantity=quantity)


def part(sku: str = SKU, location: str = WAREHOUSE, quantity: int = 1) -> reservation.LineQuantity:
    return reservation.LineQuantity(sku=sku, location=location, quantity=quantity)


def reserve(*lines: reservation.ReserveLine, hold: Duration | None = None) -> Message:
    return reservation.ReserveRequest(
        reservation_id="never", lines=lines or [line()], hold_duration=hold
    )


def event(**wrong: Any) -> stock.StockEvent:
    return stock.StockEvent(
        **{
            "event_id": "never",
            "sku": SKU,
            "location": WAREHOUSE,
            "kind": stock.STOCK_EVENT_KIND_RECEIPT,
            "quantity": 1,
            **wrong,
        }
    )


def events(*facts: stock.StockEvent, source: str = "goods-in") -> Message:
    return stock.RecordStockEventsRequest(source=source, events=facts or [event()])


def location(**fields: Any) -> Message:
    return catalog.CreateLocationRequest(location=catalog.Location(**fields))


#: What is no name: nothing, too much of it, what breaks a line of a log, what looks like another.
BAD_NAMES = {
    "empty": "",
    "129 bytes": "x" * 129,
    "130 bytes in 65 characters": "é" * 65,
    "a line break": "a\nb",
    "a zero": "a\0b",
    "an escape": "\x1b[2J",
    "a line separator": "a\u2028b",
    "a space at the end": "Tea ",
    "a space before": " Tea",
    "a byte order mark": "\ufeffTea",
    "a zero-width space": "Te\u200ba",
    "a no-break space at the end": "Tea\u00a0",
    "a direction override": "\u202eTea",
    "NFD": "The\u0301",
}

RESERVATION_ID_METHODS: dict[Method[Any], type[Any]] = {
    methods.RESERVE: reservation.ReserveRequest,
    methods.EXTEND: reservation.ExtendRequest,
    methods.COMMIT: reservation.CommitRequest,
    methods.FULFILL: reservation.FulfillRequest,
    methods.RELEASE: reservation.ReleaseRequest,
    methods.CANCEL: reservation.CancelRequest,
    methods.GET_RESERVATION: reservation.GetReservationRequest,
}

MOVES: dict[Method[Any], type[Any]] = {
    methods.COMMIT: reservation.CommitRequest,
    methods.FULFILL: reservation.FulfillRequest,
    methods.RELEASE: reservation.ReleaseRequest,
    methods.CANCEL: reservation.CancelRequest,
}


def bad_names() -> Iterator[Case]:
    """Every field that takes a name, with every kind of bad name."""
    for what, text in BAD_NAMES.items():
        for method, request in RESERVATION_ID_METHODS.items():
            yield Case(what, method, request(reservation_id=text), "reservation_id", text)
        yield Case(what, methods.RESERVE, reserve(line(sku=text)), "lines[0].sku", text)
        yield Case(
            what, methods.RESERVE, reserve(line(), line(location=text)), "lines[1].location", text
        )
        for method, request in MOVES.items():
            lines = reservation.Lines(lines=[part(), part(sku=text)])
            asked = request(reservation_id=ORDER, lines=lines)
            yield Case(what, method, asked, "lines.lines[1].sku", text)
            if text:  # none is allowed: then a repeat is a new command
                asked = request(reservation_id=ORDER, request_id=text, all=EVERYTHING)
                yield Case(what, method, asked, "request_id", text)
                only_id = reservation.Lines(lines=[{"quantity": 1, "line_id": text}])
                asked = request(reservation_id=ORDER, lines=only_id)
                yield Case(what, method, asked, "lines.lines[0].line_id", text)
        if text:
            numbered = line()
            numbered.line_id = text
            yield Case(what, methods.RESERVE, reserve(numbered), "lines[0].line_id", text)
            owned = reservation.ReserveRequest(reservation_id="refused", lines=[line()], owner=text)
            yield Case(what, methods.RESERVE, owned, "owner", text)
        sku = availability.GetAvailabilityRequest(sku=text)
        yield Case(what, methods.GET_AVAILABILITY, sku, "sku", text)
        skus = availability.BatchGetAvailabilityRequest(skus=[SKU, SKU, text])
        yield Case(what, methods.BATCH_GET_AVAILABILITY, skus, "skus[2]", text)
        places = availability.BatchGetAvailabilityRequest(skus=[SKU], locations=[WAREHOUSE, text])
        yield Case(what, methods.BATCH_GET_AVAILABILITY, places, "locations[1]", text)
        yield Case(what, methods.RECORD_STOCK_EVENTS, events(source=text), "source", text)
        for field in ("event_id", "sku", "location"):
            wrong = events(event(), event(**{field: text}))
            yield Case(what, methods.RECORD_STOCK_EVENTS, wrong, f"events[1].{field}", text)
        yield Case(
            what, methods.CREATE_LOCATION, location(location=text), "location.location", text
        )
        if text:  # a place need not have a name for people
            named = location(location="W2", display_name=text)
            yield Case(what, methods.CREATE_LOCATION, named, "location.display_name", text)
        named = catalog.GetLocationRequest(location=text)
        yield Case(what, methods.GET_LOCATION, named, "location", text)
        changed = catalog.UpdateLocationRequest(location=catalog.Location(location=text))
        yield Case(what, methods.UPDATE_LOCATION, changed, "location.location", text)
        if text:
            place = catalog.Location(location=WAREHOUSE)
            changed = catalog.UpdateLocationRequest(location=place, request_id=text)
            yield Case(what, methods.UPDATE_LOCATION, changed, "request_id", text)
        yield Case(what, methods.DELETE_SKU, catalog.DeleteSkuRequest(sku=text), "sku", text)
        for field in ("sku", "new_sku"):
            named = catalog.RenameSkuRequest(**{"sku": SKU, "new_sku": "new", field: text})
            yield Case(what, methods.RENAME_SKU, named, field, text)
        for field in ("sku", "into_sku"):
            merged = catalog.MergeSkuRequest(**{"sku": SKU, "into_sku": "other", field: text})
            yield Case(what, methods.MERGE_SKU, merged, field, text)


def bad_quantities() -> Iterator[Case]:
    """Nothing, less than nothing, and more than any stock."""
    for quantity in (0, -1, QUANTITY_MAX + 1, INT64_MAX, -INT64_MAX - 1):
        what, field = f"quantity {quantity}", "lines[1].quantity"
        asked = reserve(line(), line(quantity=quantity))
        yield Case(what, methods.RESERVE, asked, field, str(quantity))
        for method, request in MOVES.items():
            lines = reservation.Lines(lines=[part(), part(quantity=quantity)])
            asked = request(reservation_id=ORDER, lines=lines)
            yield Case(what, method, asked, "lines.lines[1].quantity", str(quantity))
    asked = reserve(line(quantity=QUANTITY_MAX), line(), line("Mug"))
    yield Case("a sum that is too much", methods.RESERVE, asked, "lines[1].quantity", "1")
    for kind, quantities in {
        stock.STOCK_EVENT_KIND_RECEIPT: (0, -1, QUANTITY_MAX + 1),
        stock.STOCK_EVENT_KIND_ADJUSTMENT: (0, -QUANTITY_MAX - 1, QUANTITY_MAX + 1),
        stock.STOCK_EVENT_KIND_SALE: (0, -1, INT64_MAX),
        stock.STOCK_EVENT_KIND_RETURN: (0, -1, QUANTITY_MAX + 1),
        stock.STOCK_EVENT_KIND_COUNT: (-1, QUANTITY_MAX + 1, -INT64_MAX - 1),
    }.items():
        for quantity in quantities:
            wrong = events(event(), event(kind=kind, quantity=quantity))
            what = f"{stock.StockEventKind.Name(kind)} of {quantity}"
            field = "events[1].quantity"
            yield Case(what, methods.RECORD_STOCK_EVENTS, wrong, field, str(quantity))


def bad_counts() -> Iterator[Case]:
    """Too few and too many."""
    none = reservation.ReserveRequest(reservation_id="never")
    yield Case("no lines", methods.RESERVE, none, "lines", "0 items")
    many = reserve(*[line()] * 2_001)
    yield Case("2,001 lines", methods.RESERVE, many, "lines", "2,001 items")
    for method, request in MOVES.items():
        for count, value in ((0, "0 items"), (2_001, "2,001 items")):
            wrong = request(reservation_id=ORDER, lines={"lines": [part()] * count})
            yield Case(f"{count} lines", method, wrong, "lines.lines", value)
        yield Case("neither lines nor all", method, request(reservation_id=ORDER), "units", "")
    nothing = availability.BatchGetAvailabilityRequest()
    yield Case("nothing", methods.BATCH_GET_AVAILABILITY, nothing, "skus", "0 items")
    for field, skus, places in (("skus", 1_001, 0), ("locations", 1, 1_001)):
        asked = availability.BatchGetAvailabilityRequest(
            skus=[SKU] * skus, locations=[WAREHOUSE] * places
        )
        yield Case("1,001 of them", methods.BATCH_GET_AVAILABILITY, asked, field, "1,001 items")
    for count in (0, 1_001):
        what, value = f"{count} of them", f"{count:,} items"
        facts = stock.RecordStockEventsRequest(source="goods-in", events=[event()] * count)
        yield Case(what, methods.RECORD_STOCK_EVENTS, facts, "events", value)


def bad_durations() -> Iterator[Case]:
    """Too short, too long, and what no millisecond counts."""
    for what, hold, value in (
        ("nothing", seconds(0), "0 s"),
        ("a millisecond too short", seconds(0, 999_000_000), "0 s and 999000000 ns"),
        ("a nanosecond too much", seconds(1, 1), "1 s and 1 ns"),
        ("half a millisecond too much", seconds(60, 500_000), "60 s and 500000 ns"),
        ("30 days and a millisecond", seconds(30 * DAY_S, 1_000_000), "2592000 s and 1000000 ns"),
        ("the past", seconds(-60), "-60 s"),
        ("the past, in nanoseconds", seconds(0, -1), "0 s and -1 ns"),
        ("ten thousand years", seconds(315_576_000_000), "315576000000 s"),
        ("more than a duration can be", seconds(INT64_MAX), f"{INT64_MAX} s"),
        ("nanoseconds that are seconds", seconds(1, 1_000_000_000), "1 s and 1000000000 ns"),
    ):
        yield Case(what, methods.RESERVE, reserve(hold=hold), "hold_duration", value)
        longer = reservation.ExtendRequest(reservation_id=ORDER, hold_duration=hold)
        yield Case(what, methods.EXTEND, longer, "hold_duration", value)
    none = reservation.ExtendRequest(reservation_id=ORDER)
    yield Case("no duration", methods.EXTEND, none, "hold_duration", "")


def bad_enums() -> Iterator[Case]:
    """Numbers that have no name, and the one that means that nothing was chosen."""
    requests: dict[Method[Any], Any] = {
        methods.COMMIT: reservation.CommitRequest,
        methods.FULFILL: reservation.FulfillRequest,
    }
    for method, request in requests.items():
        asked = request(reservation_id=ORDER, all=EVERYTHING, remainder=3)
        yield Case("remainder 3", method, asked, "remainder", "3")
    for kind, value in ((0, "STOCK_EVENT_KIND_UNSPECIFIED"), (99, "99"), (-1, "-1")):
        wrong = events(event(), event(kind=kind))
        yield Case(f"kind {kind}", methods.RECORD_STOCK_EVENTS, wrong, "events[1].kind", value)
    for kind in (4, -1):
        wrong = location(location=WAREHOUSE, kind=kind)
        yield Case(f"kind {kind}", methods.CREATE_LOCATION, wrong, "location.kind", str(kind))


def bad_identities() -> Iterator[Case]:
    """Events that could not be distinguished from their repeats, and a missing location."""
    facts = events(event(), event(event_id=""))
    yield Case(
        "neither id nor number", methods.RECORD_STOCK_EVENTS, facts, "events[1].event_id", ""
    )
    for number in (2**63, 2**64 - 1):
        facts = events(event(event_id="", sequence=number))
        what = f"sequence {number}"
        yield Case(what, methods.RECORD_STOCK_EVENTS, facts, "events[0].sequence", str(number))
    for method, request in RESERVATION_ID_METHODS.items():
        asked = request(reservation_id=NO_ID)
        yield Case("a UUID of zeros", method, asked, "reservation_id", NO_ID)
    masked = catalog.UpdateLocationRequest(
        location={"location": WAREHOUSE}, update_mask={"paths": ["kind", "location"]}
    )
    field = "update_mask.paths[1]"
    yield Case("no field to change", methods.UPDATE_LOCATION, masked, field, "location")
    for size in (-1, 1_001):
        page = catalog.ListLocationsRequest(page_size=size)
        yield Case(f"page of {size}", methods.LIST_LOCATIONS, page, "page_size", str(size))
    for token in ("x", "AAAAAAAAAAAAAAAB", "é", "AAAAAAAAAAAAAAAB\n"):
        page = catalog.ListLocationsRequest(page_token=token)
        yield Case(f"token {token!a}", methods.LIST_LOCATIONS, page, "page_token", token)
    nothing = catalog.CreateLocationRequest()
    yield Case("no location", methods.CREATE_LOCATION, nothing, "location.location", "")


def unknown_things() -> Iterator[Case]:
    """SKUs, locations and reservations that nobody made."""
    not_found = "NOT_FOUND"
    of_sku = (not_found, "UNKNOWN_SKU")
    of_location = (not_found, "UNKNOWN_LOCATION")
    of_reservation = (not_found, "UNKNOWN_RESERVATION")
    for what, asked, field, value, status in (
        ("SKU", reserve(line(), line("Mug")), "lines[1].sku", "Mug", of_sku),
        ("location", reserve(line(), line(SKU, "W9")), "lines[1].location", "W9", of_location),
        # Lines are summed before anyone looks; the caller still hears of his own.
        ("summed", reserve(line(), line(), line("Mug")), "lines[2].sku", "Mug", of_sku),
        ("both", reserve(line("Mug", "W9")), "lines[0].sku", "Mug", of_sku),
    ):
        yield Case(f"unknown {what}", methods.RESERVE, asked, field, value, *status)
    for method, request in RESERVATION_ID_METHODS.items():
        if method is not methods.RESERVE:
            units = {"all": EVERYTHING} if method in MOVES else {}
            asked = request(reservation_id="nobody's", **units)
            if method is methods.EXTEND:
                asked.hold_duration.FromSeconds(60)
            field = "reservation_id"
            yield Case("unknown", method, asked, field, "nobody's", *of_reservation)
    asked = availability.GetAvailabilityRequest(sku="Mug")
    yield Case("unknown", methods.GET_AVAILABILITY, asked, "sku", "Mug", *of_sku)
    asked = catalog.DeleteSkuRequest(sku="Mug")
    yield Case("unknown", methods.DELETE_SKU, asked, "sku", "Mug", *of_sku)
    named = catalog.RenameSkuRequest(sku="Mug", new_sku="Cup")
    yield Case("unknown", methods.RENAME_SKU, named, "sku", "Mug", *of_sku)
    named = catalog.RenameSkuRequest(sku=SKU, new_sku=SKU)
    yield Case("its own name", methods.RENAME_SKU, named, "new_sku", SKU)
    for field in ("sku", "into_sku"):
        merged = catalog.MergeSkuRequest(**{"sku": SKU, "into_sku": SKU, field: "Mug"})
        yield Case("unknown", methods.MERGE_SKU, merged, field, "Mug", *of_sku)
    merged = catalog.MergeSkuRequest(sku=SKU, into_sku=SKU)
    yield Case("into itself", methods.MERGE_SKU, merged, "into_sku", SKU)
    for method, asked, field in (
        (methods.GET_LOCATION, catalog.GetLocationRequest(location="W9"), "location"),
        (
            methods.UPDATE_LOCATION,
            catalog.UpdateLocationRequest(location={"location": "W9"}),
            "location.location",
        ),
    ):
        yield Case("unknown", method, asked, field, "W9", *of_location)
    facts = events(event(), event(event_id="other", location="W9"))
    field = "events[1].location"
    yield Case("unknown", methods.RECORD_STOCK_EVENTS, facts, field, "W9", *of_location)


CASES = [
    case
    for cases in (
        bad_names,
        bad_quantities,
        bad_counts,
        bad_durations,
        bad_enums,
        bad_identities,
        unknown_things,
    )
    for case in cases()
]
