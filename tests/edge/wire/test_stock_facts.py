"""Single stock events: form is judged event by event, results are returned by position."""

from typing import Any

import pytest

from holdfast.core import commands as core
from holdfast.core.ids import event_key
from holdfast.core.limits import BATCH_MAX, CHANGING_MAX, QUANTITY_MAX
from holdfast.core.model import CountBasis, EventKind, EventOutcome
from holdfast.edge.wire.faults import Fault, invalid, malformed
from holdfast.edge.wire.stock_batches import stock_refused, stock_response
from holdfast.edge.wire.stock_facts import (
    events_from_request,
    events_response,
)
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.wire.builders import REVISIONS, SENT_REVISIONS, assert_invalid, fault, line, record

EVENT_LIMITS = {
    EventKind.RECEIPT: (1, "1 to 1,000,000,000,000,000 for kind RECEIPT"),
    EventKind.ADJUSTMENT: (
        -QUANTITY_MAX,
        "-1,000,000,000,000,000 to 1,000,000,000,000,000 except 0 for kind ADJUSTMENT",
    ),
    EventKind.SALE: (1, "1 to 1,000,000,000,000,000 for kind SALE"),
    EventKind.RETURN: (1, "1 to 1,000,000,000,000,000 for kind RETURN"),
    EventKind.COUNT: (0, "0 to 1,000,000,000,000,000 for kind COUNT"),
    EventKind.STATUS_CHANGE: (1, "1 to 1,000,000,000,000,000 for kind STATUS_CHANGE"),
    EventKind.GOODS_ISSUE: (1, "1 to 1,000,000,000,000,000 for kind GOODS_ISSUE"),
    EventKind.REVERSAL: (
        -QUANTITY_MAX,
        "-1,000,000,000,000,000 to 1,000,000,000,000,000 except 0 for kind REVERSAL",
    ),
    EventKind.SHIPMENT_REVERSAL: (1, "1 to 1,000,000,000,000,000 for kind SHIPMENT_REVERSAL"),
    EventKind.SUPPLY: (0, "0 to 1,000,000,000,000,000 for kind SUPPLY"),
    EventKind.TRANSFER_DISPATCH: (1, "1 to 1,000,000,000,000,000 for kind TRANSFER_DISPATCH"),
    EventKind.TRANSFER_ADJUSTMENT: (
        -QUANTITY_MAX,
        "-1,000,000,000,000,000 to 1,000,000,000,000,000 except 0 for kind TRANSFER_ADJUSTMENT",
    ),
}

TRANSFER = {"reference": {"kind": "transfer", "id": "t1"}}


def reversed_event(kind: str, event_id: str = "e0") -> dict[str, Any]:
    return {"event_id": event_id, "kind": f"STOCK_EVENT_KIND_{kind}"}


@pytest.mark.parametrize("kind", EventKind)
def test_quantities_of_events_have_the_limits_of_their_kind(kind: EventKind) -> None:
    low, expected = EVENT_LIMITS[kind]
    name = f"STOCK_EVENT_KIND_{kind.name}"
    needed: dict[EventKind, Any] = {
        EventKind.STATUS_CHANGE: {"to_status": "damaged"},
        EventKind.GOODS_ISSUE: {"reference": {"kind": "reservation", "id": "r1"}},
        EventKind.SHIPMENT_REVERSAL: {"reference": {"kind": "reservation", "id": "r1"}},
        EventKind.REVERSAL: {"reverses": reversed_event("ADJUSTMENT")},
        EventKind.SUPPLY: {
            "reference": {"kind": "supply", "id": "po1"},
            "expected_time": {"seconds": 9},
        },
        EventKind.TRANSFER_DISPATCH: {**TRANSFER, "to_location": "M"},
        EventKind.TRANSFER_ADJUSTMENT: TRANSFER,
    }
    more = needed.get(kind, {})
    for quantity in (low, 1, QUANTITY_MAX):
        event = record(kind=name, quantity=quantity, **more)
        assert (event.kind, event.quantity) == (kind, quantity)
    for quantity in (low - 1, QUANTITY_MAX + 1):
        error = fault(record, kind=name, quantity=quantity)
        assert_invalid(error, "events[0].quantity", quantity, expected)


@pytest.mark.parametrize(
    ("kind", "quantity", "field"),
    [
        ("RECEIPT", 1, "from_status"),
        ("RETURN", 1, "from_status"),
        ("SALE", 1, "to_status"),
        ("TRANSFER_ADJUSTMENT", 1, "to_status"),
        ("COUNT", 1, "from_status"),
        ("COUNT", 1, "to_status"),
        ("ADJUSTMENT", 1, "from_status"),
        ("ADJUSTMENT", -1, "to_status"),
    ],
)
def test_a_status_has_its_side(kind: str, quantity: int, field: str) -> None:
    """Units that arrive have none before, and those that go have none after."""
    error = fault(record, kind=f"STOCK_EVENT_KIND_{kind}", quantity=quantity, **{field: "damaged"})
    side = "above 0" if field == "to_status" else "below 0"
    kinds = {
        "from_status": "SALE, STATUS_CHANGE, TRANSFER_DISPATCH",
        "to_status": "RECEIPT, RETURN, STATUS_CHANGE",
    }
    expected = f"no status here, which is for kinds {kinds[field]}, ADJUSTMENT {side}"
    assert_invalid(error, f"events[0].{field}", "damaged", expected)


def test_a_status_changes_to_another() -> None:
    """And is a name; a return of no reservation may have any reference."""
    change: dict[str, Any] = {"kind": "STOCK_EVENT_KIND_STATUS_CHANGE", "quantity": 1}
    for status in ("", "damaged"):
        error = fault(record, **change, from_status=status, to_status=status)
        assert_invalid(
            error, "events[0].to_status", status, f"another status than from_status, {status!r}"
        )
    error = fault(record, **change, to_status=" damaged")
    assert "events[0].to_status" == error.metadata["field"]
    event = record(**change, from_status="inspect")
    assert ("inspect", "") == (event.from_status, event.to_status)


@pytest.mark.parametrize("kind", ["GOODS_ISSUE", "SHIPMENT_REVERSAL"])
def test_what_is_of_a_reservation_names_it(kind: str) -> None:
    error = fault(record, kind=f"STOCK_EVENT_KIND_{kind}", quantity=1)
    expected = "kind reservation, with the id of one"
    assert_invalid(error, "events[0].reference", "", expected)


def test_a_reversal_names_its_event_and_repeats_what_that_said() -> None:
    event = record(
        kind="STOCK_EVENT_KIND_REVERSAL",
        quantity=2,
        to_status="inspect",
        reverses={**reversed_event("RECEIPT"), "source": "erp", "occur_time": {"seconds": 7}},
    )
    named = event.reverses
    assert named is not None
    assert ("erp", "e0", EventKind.RECEIPT, 7 * 10**9) == (
        *(named.source, named.event_id),
        *(named.kind, named.occur_time_ns),
    )
    assert event_key("erp", "e0") == named.key
    own = record(kind="STOCK_EVENT_KIND_REVERSAL", quantity=2, reverses=reversed_event("SALE"))
    assert own.reverses is not None
    assert "till/0042" == own.reverses.source


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("reverses", {}),
        ("event_id", {"event_id": "", "sequence": 5, "reverses": reversed_event("SALE")}),
        ("reverses.event_id", {"reverses": reversed_event("SALE", "e1")}),
        ("reverses.event_id", {"reverses": reversed_event("SALE", "")}),
        ("reverses.source", {"reverses": {**reversed_event("SALE"), "source": " erp"}}),
        (
            "reverses.occur_time",
            {"reverses": {**reversed_event("SALE"), "occur_time": {"nanos": -1}}},
        ),
        ("reverses.kind", {"reverses": {"event_id": "e0"}}),
        ("reverses.kind", {"reverses": reversed_event("COUNT")}),
        ("reverses.kind", {"reverses": reversed_event("SHIPMENT_REVERSAL")}),
        ("quantity", {"quantity": -2, "reverses": reversed_event("RECEIPT")}),
        ("from_status", {"from_status": "x", "reverses": reversed_event("RECEIPT")}),
        ("to_status", {"to_status": " x", "reverses": reversed_event("REVERSAL")}),
        ("reference", {"reverses": reversed_event("GOODS_ISSUE")}),
        ("picked_quantity", {"picked_quantity": 1, "reverses": reversed_event("REVERSAL")}),
    ],
)
def test_a_reversal_that_names_no_event_is_malformed(field: str, more: dict[str, Any]) -> None:
    error = fault(record, kind="STOCK_EVENT_KIND_REVERSAL", **{"quantity": 2, **more})
    assert f"events[0].{field}" == error.metadata["field"]


def test_no_other_kind_names_an_event() -> None:
    error = fault(record, kind="STOCK_EVENT_KIND_SALE", quantity=1, reverses=reversed_event("SALE"))
    expected = "nothing for a kind other than REVERSAL"
    assert_invalid(error, "events[0].reverses", "e0", expected)


def test_supply_says_of_what_and_by_when() -> None:
    """And no other kind does; a cancelled one is expected at no time."""
    announced: dict[str, Any] = {
        "kind": "STOCK_EVENT_KIND_SUPPLY",
        "reference": {"kind": "supply", "id": "po1", "line": "10"},
    }
    event = record(**announced, quantity=5, expected_time={"seconds": 9, "nanos": 1})
    assert (5, 9_000_000_001, False) == (event.quantity, event.expected_ns, event.is_plain)
    assert record(**announced, quantity=0).expected_ns is None
    error = fault(record, **announced, quantity=5)
    assert_invalid(error, "events[0].expected_time", "", "when the units are expected")
    for reference in (None, {"kind": "purchase_order", "id": "po1"}):
        error = fault(record, **{**announced, "reference": reference}, quantity=0)
        expected = "kind supply, with the id of a document"
        assert_invalid(error, "events[0].reference", "", expected)
    for kind in ("SUPPLY", "RECEIPT"):
        wrong = {"kind": f"STOCK_EVENT_KIND_{kind}", "reference": {"kind": "supply", "line": "1"}}
        error = fault(record, **wrong, quantity=5)
        assert_invalid(error, "events[0].reference.id", "", "the document of the supply")
    sale = {"kind": "STOCK_EVENT_KIND_SALE", "quantity": 1, "expected_time": {"seconds": 9}}
    assert "events[0].expected_time" == fault(record, **sale).metadata["field"]
    late = {"expected_time": {"seconds": 10**11}}
    assert (
        "events[0].expected_time"
        == fault(record, **announced, quantity=1, **late).metadata["field"]
    )


def test_a_count_says_what_it_has_seen() -> None:
    """And no other kind does."""
    said: dict[str, Any] = {
        "as_of_sequence": 7,
        "count_basis": stock.COUNT_BASIS_BOOKS,
        "picked_quantity": 2,
        "seen_reservations": ["r1"],
    }
    event = record(kind="STOCK_EVENT_KIND_COUNT", quantity=5, **said)
    assert (7, CountBasis.BOOKS, 2, ("r1",)) == (
        *(event.as_of_sequence, event.basis),
        *(event.picked_quantity, event.seen_reservations),
    )
    for field, value in said.items():
        error = fault(record, kind="STOCK_EVENT_KIND_SALE", quantity=5, **{field: value})
        assert f"events[0].{field}" == error.metadata["field"]
    wrong: dict[str, Any] = {
        "as_of_sequence": 2**63,
        "count_basis": 9,
        "picked_quantity": -1,
        "seen_reservations": ["r"] * 101,
    }
    for field, value in wrong.items():
        error = fault(record, kind="STOCK_EVENT_KIND_COUNT", quantity=5, **{field: value})
        assert f"events[0].{field}" == error.metadata["field"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"as_of_sequence": 7, "count_basis": stock.COUNT_BASIS_SHELF}, "count_basis"),
        ({"seen_reservations": ["r1"]}, "seen_reservations"),
        (
            {"seen_reservations": ["r1"], "count_basis": stock.COUNT_BASIS_SHELF},
            "seen_reservations",
        ),
    ],
)
def test_a_count_on_the_shelf_says_nothing_of_books(said: dict[str, Any], field: str) -> None:
    """It would be passed over in silence."""
    error = fault(record, kind="STOCK_EVENT_KIND_COUNT", quantity=5, **said)
    assert f"events[0].{field}" == error.metadata["field"]
    assert "COUNT_BASIS_BOOKS" in error.metadata["expected"]


def test_a_message_has_few_events_that_change_more_than_on_hand() -> None:
    """Each takes a hundred times as long as a plain one."""
    event = stock.StockEvent(
        sequence=1,
        sku="A",
        location="L",
        kind=stock.STOCK_EVENT_KIND_STATUS_CHANGE,
        quantity=1,
        to_status="damaged",
    )
    most = stock.RecordStockEventsRequest(source="erp", events=[event] * CHANGING_MAX)
    assert CHANGING_MAX == len(events_from_request(most).events)
    most.events.append(event)
    with pytest.raises(Fault) as raised:
        events_from_request(most)
    assert "events" == raised.value.metadata["field"]
    event.kind, event.to_status = stock.STOCK_EVENT_KIND_RECEIPT, ""
    for kind in ("supply", "transfer"):
        event.reference.CopyFrom(stock.Reference(kind=kind, id="po1"))
        supply = stock.RecordStockEventsRequest(source="erp", events=[event] * (CHANGING_MAX // 2))
        assert CHANGING_MAX // 2 == len(events_from_request(supply).events)
        supply.events.append(event)
        assert "events" == fault(events_from_request, supply).metadata["field"]


def test_a_transfer_says_of_what_it_is_and_where_it_goes() -> None:
    """One of another kind that says where to is refused."""
    sent: dict[str, Any] = {"kind": "STOCK_EVENT_KIND_TRANSFER_DISPATCH", "quantity": 5}
    whole = {**sent, **TRANSFER, "to_location": "M", "from_status": "damaged"}
    event = record(**whole, expected_time={"seconds": 9})
    assert ("M", "damaged") == (event.to_location, event.from_status)
    assert 9_000_000_000 == event.expected_ns
    assert core.Reference("transfer", "t1", "") == event.transfer
    adjusted = {"kind": "STOCK_EVENT_KIND_TRANSFER_ADJUSTMENT", "quantity": -1}
    for kind in (sent, adjusted):
        for reference in (None, {"kind": "supply", "id": "t1"}):
            error = fault(record, **{**kind, "to_location": "M", "reference": reference})
            expected = "kind transfer, with the id of a document"
            assert_invalid(error, "events[0].reference", "", expected)
    received = {"kind": "STOCK_EVENT_KIND_RECEIPT", "quantity": 5}
    for kind in (sent, adjusted, received):
        error = fault(record, **kind, to_location="M", reference={"kind": "transfer", "line": "1"})
        assert_invalid(error, "events[0].reference.id", "", "the document of the transfer")
    error = fault(record, **{**whole, "to_location": event.location})
    expected = "a location other than `location`"
    assert_invalid(error, "events[0].to_location", event.location, expected)
    assert "events[0].to_location" == fault(record, **sent, **TRANSFER).metadata["field"]
    expected = "nothing, except for kind TRANSFER_DISPATCH and its reversal"
    error = fault(record, **received, **TRANSFER, to_location="M")
    assert_invalid(error, "events[0].to_location", "M", expected)


def test_a_dispatch_of_units_for_sale_may_take_promised_ones() -> None:
    """Where a field would not be heeded, it is refused."""
    sent: dict[str, Any] = {"kind": "STOCK_EVENT_KIND_TRANSFER_DISPATCH", "quantity": 5}
    taking: dict[str, Any] = {**TRANSFER, "takes_promised": True}
    assert record(**sent, **taking, to_location="M").takes_promised
    expected = "nothing besides from_status: units with a status are not promised"
    error = fault(record, **sent, **taking, to_location="M", from_status="damaged")
    assert_invalid(error, "events[0].takes_promised", True, expected)
    expected = "nothing, except for kind TRANSFER_DISPATCH"
    received = {"kind": "STOCK_EVENT_KIND_RECEIPT", "quantity": 5}
    adjusted = {"kind": "STOCK_EVENT_KIND_TRANSFER_ADJUSTMENT", "quantity": -1}
    for other in (received, adjusted):
        assert_invalid(fault(record, **other, **taking), "events[0].takes_promised", True, expected)
    undo: dict[str, Any] = {"kind": "STOCK_EVENT_KIND_REVERSAL", "quantity": 5, **taking}
    for kind in ("TRANSFER_DISPATCH", "RECEIPT", "REVERSAL"):
        where = {} if kind == "RECEIPT" else {"to_location": "M"}
        error = fault(record, **undo, **where, reverses=reversed_event(kind))
        assert_invalid(error, "events[0].takes_promised", True, expected)


def test_the_reversal_of_a_dispatch_repeats_where_that_went() -> None:
    """And so does the reversal of the reversal."""
    undo: dict[str, Any] = {"kind": "STOCK_EVENT_KIND_REVERSAL", "quantity": 5, **TRANSFER}
    undo["reverses"] = reversed_event("TRANSFER_DISPATCH")
    assert "M" == record(**undo, to_location="M").to_location
    assert "events[0].to_location" == fault(record, **undo).metadata["field"]
    undo["reverses"] = reversed_event("REVERSAL")
    assert "M" == record(**undo, to_location="M").to_location
    assert "events[0].to_location" == fault(record, **undo, to_location=" M").metadata["field"]


def test_nothing_is_adjusted_by_0() -> None:
    error = fault(record, kind="STOCK_EVENT_KIND_ADJUSTMENT", quantity=0)
    assert_invalid(error, "events[0].quantity", 0, EVENT_LIMITS[EventKind.ADJUSTMENT][1])
    for quantity in (-1, 1):
        event = record(kind="STOCK_EVENT_KIND_ADJUSTMENT", quantity=quantity)
        assert event.quantity == quantity


@pytest.mark.parametrize(
    ("kind", "value"), [(0, "STOCK_EVENT_KIND_UNSPECIFIED"), (99, 99), (-1, -1)]
)
def test_events_of_other_kinds_are_refused(kind: int, value: object) -> None:
    expected = " or ".join(f"STOCK_EVENT_KIND_{each.name}" for each in EventKind)
    assert_invalid(fault(record, kind=kind), "events[0].kind", value, expected)


def test_an_event_has_an_id_or_a_sequence() -> None:
    assert 0 == record(event_id="e", sequence=0).sequence
    assert record(event_id="", sequence=2**63 - 1).sequence == 2**63 - 1
    expected = "an event_id, a sequence, or both"
    assert_invalid(fault(record, event_id=""), "events[0].event_id", "", expected)
    error = fault(record, sequence=2**63)
    expected = "0 to 9,223,372,036,854,775,807"
    assert_invalid(error, "events[0].sequence", 2**63, expected)


@pytest.mark.parametrize(
    "request_class", [stock.RecordStockEventsRequest, stock.RecordStockEventsStreamRequest]
)
def test_a_message_has_1_to_1000_events(request_class: Any) -> None:
    events = [
        {"sequence": n + 1, "kind": "STOCK_EVENT_KIND_SALE", **line(quantity=n + 1)}
        for n in range(BATCH_MAX + 1)
    ]
    most = events_from_request(request_class(source="s", events=events[:BATCH_MAX]))
    assert [event.sequence for event in most.events] == [*range(1, BATCH_MAX + 1)]
    assert "s" == most.source
    for count, value in ((0, "0 items"), (BATCH_MAX + 1, "1,001 items")):
        request = request_class(source="s", events=events[:count])
        error = fault(events_from_request, request)
        assert_invalid(error, "events", value, "1 to 1,000 items")


def test_a_fault_names_the_event_that_is_malformed() -> None:
    good = {"sequence": 1, "kind": "STOCK_EVENT_KIND_SALE", **line()}
    request = stock.RecordStockEventsRequest(source="s", events=[good, good, {**good, "sku": ""}])
    assert "events[2].sku" == fault(events_from_request, request).metadata["field"]


# Responses


KIND = core.Difference("kind", "SALE", "RETURN")


EVENTS = core.EventsOutcome(
    (
        core.EventResult(EventOutcome.APPLIED, 5, 0, 4, creates_sku=True),
        core.EventResult(EventOutcome.DUPLICATE, -2, 3, -3),
        core.EventResult(EventOutcome.ID_REUSED, 0, 0, 0, difference=KIND),
    ),
    REVISIONS,
)


SENT_RESULTS = [
    stock.StockEventResult(
        outcome=stock.STOCK_EVENT_OUTCOME_APPLIED, on_hand=5, available=4, sku_created=True
    ),
    stock.StockEventResult(
        outcome=stock.STOCK_EVENT_OUTCOME_DUPLICATE, on_hand=-2, shortfall=3, available=-3
    ),
    stock.StockEventResult(
        outcome=stock.STOCK_EVENT_OUTCOME_ID_REUSED,
        difference={
            "field": "kind",
            "recorded": "STOCK_EVENT_KIND_SALE",
            "now": "STOCK_EVENT_KIND_RETURN",
        },
    ),
]


def test_events_are_answered_by_position() -> None:
    assert events_response(EVENTS) == stock.RecordStockEventsResponse(
        results=SENT_RESULTS, revisions=SENT_REVISIONS
    )


@pytest.mark.parametrize(
    ("sequences", "acknowledged"), [((4, 9, 6), 9), ((0, 0, 0), 0), ((2**63 - 1,), 2**63 - 1)]
)
def test_the_highest_sequence_is_acknowledged(
    sequences: tuple[int, ...], acknowledged: int
) -> None:
    events = tuple(
        core.StockEvent(None, sequence, "A", "L", EventKind.SALE, 1) for sequence in sequences
    )
    command = core.RecordStockEvents("till/0042", events)
    request = stock.RecordStockEventsStreamRequest(batch_id=17)
    data = stock_response(request, command, EVENTS).SerializeToString()
    expected = stock.RecordStockEventsStreamResponse(
        source="till/0042",
        batch_id=17,
        acknowledged_sequence=acknowledged,
        results=SENT_RESULTS,
        revisions=SENT_REVISIONS,
    )
    assert expected == stock.RecordStockEventsStreamResponse.FromString(data)


def test_a_message_that_failed_is_answered_with_its_status() -> None:
    request = stock.RecordStockEventsStreamRequest(source="erp", batch_id=3)
    response = stock_refused(request, invalid("events", "0 items", "1 to 1,000 items"))
    assert ("erp", 3, 3) == (response.source, response.batch_id, response.status.code)
    assert "events is '0 items': expected 1 to 1,000 items" == response.status.message
    unread = stock_refused(malformed("no bytes of ours"), malformed("no bytes of ours"))
    assert ("", 0, 3) == (unread.source, unread.batch_id, unread.status.code)


DETAILS: Any = {
    "occur_time": {"seconds": 7, "nanos": 5},
    "reason": "found\u2009again",
    "actor": "Ana",
}
REFERENCE = {"kind": "order", "id": "17", "line": "2"}


def test_what_an_event_comes_with_goes_along() -> None:
    event = record(**DETAILS, reference=REFERENCE)
    assert (7_000_000_005, "found\u2009again", "Ana") == (
        event.occur_time_ns,
        event.reason,
        event.actor,
    )
    assert core.Reference("order", "17", "2") == event.reference
    assert (None, None) == (record().occur_time_ns, record().reference)
    assert -1 == record(occur_time={"seconds": -1, "nanos": 999_999_999}).occur_time_ns


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reference": {**REFERENCE, "kind": "a\nb"}}, "reference.kind"),
        ({"reference": {**REFERENCE, "id": "x "}}, "reference.id"),
        ({"reference": {**REFERENCE, "line": "x" * 129}}, "reference.line"),
        ({"reason": "\u202ex"}, "reason"),
        ({"actor": "x" * 129}, "actor"),
        ({"occur_time": {"seconds": 2**62}}, "occur_time"),
        ({"occur_time": {"seconds": 1, "nanos": -1}}, "occur_time"),
    ],
)
def test_what_an_event_comes_with_is_judged_too(fields: Any, field: str) -> None:
    assert f"events[0].{field}" == fault(record, **fields).metadata["field"]
