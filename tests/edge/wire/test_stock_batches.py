"""Columns of stock events: what is malformed is named by column and position, and does nothing."""

from typing import Any
from uuid import UUID

import grpc
import numpy as np
import pytest

from holdfast.core import commands as core
from holdfast.core.handles import make_handle
from holdfast.core.ids import event_key
from holdfast.core.limits import NAME_BYTES_MAX, QUANTITY_MAX
from holdfast.core.model import EventKind
from holdfast.edge.client import StockColumns
from holdfast.edge.wire.batches import OPERATIONS_MAX
from holdfast.edge.wire.fact_rules import SOURCE_SEQUENCE_MAX, is_event_quantity
from holdfast.edge.wire.faults import Fault
from holdfast.edge.wire.packed import twin
from holdfast.edge.wire.stock_batches import stock_from_request, stock_response
from holdfast.edge.wire.stock_facts import events_from_request
from holdfast.v1 import stock_service_pb2 as stock

TIMELINE = 0xFEDC_BA98_7654_3210
TEA, MUG = make_handle(TIMELINE, 2, 0), make_handle(TIMELINE, 0, 5)
SALE, COUNT, ADJUSTMENT = EventKind.SALE, EventKind.COUNT, EventKind.ADJUSTMENT
Fields = dict[str, Any]


def columns(count: int = 3, **changes: Any) -> Fields:
    """Columns in which nothing is wrong, but for the changes."""
    return {
        "id_high": [7] * count,
        "id_low": range(count),
        "sequences": range(1, count + 1),
        "stock_levels": [TEA] * count,
        "kinds": bytes([SALE]),
        "quantities": [1] * count,
        "occur_nanoseconds": [0] * count,
    } | changes


def read_bytes(data: bytes) -> Any:
    return stock_from_request(twin(stock.RecordStockEventsStreamRequest).FromString(data), TIMELINE)


#: No node of ours gives it out, and none has the level.
FORGED = make_handle(TIMELINE, 0, 0) | 2**43 - 1


def read(fields: Fields, source: str = "erp", **more: Any) -> Any:
    request = stock.RecordStockEventsStreamRequest(source=source, columns=fields, **more)
    return read_bytes(request.SerializeToString())


def fault(fields: Fields, **more: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        read(fields, **more)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    return caught.value


def said(error: Fault) -> tuple[str, ...]:
    """Field, value, and what would be right."""
    assert "INVALID_VALUE" == error.reason
    return tuple(error.metadata[name] for name in ("field", "value", "expected"))


def test_columns_become_events() -> None:
    batch = read(
        columns(
            stock_levels=[TEA, MUG, FORGED],
            kinds=bytes([SALE, COUNT, ADJUSTMENT]),
            quantities=[1, 0, -QUANTITY_MAX],
            sequences=[0, 5, SOURCE_SEQUENCE_MAX],
        )
    )
    assert isinstance(batch, core.StockBatch)
    assert "erp" == batch.source
    values = [batch.events[name].tolist() for name in ("shard", "row", "kind", "quantity")]
    assert [[2, 0, 4095], [0, 5, 2**31 - 2]] == values[:2]
    assert [[SALE, COUNT, ADJUSTMENT], [1, 0, -QUANTITY_MAX]] == values[2:]
    assert [0, 5, SOURCE_SEQUENCE_MAX] == batch.events["sequence"].tolist()


def test_one_kind_stands_for_all() -> None:
    assert [SALE] * 4 == read(columns(4)).events["kind"].tolist()


def test_an_event_is_the_same_in_either_form() -> None:
    """By the UUID that the halves make: what was sent as columns can be sent again by name."""
    uuid = UUID("6f1b24cd-3a0e-4c4e-9d57-0d6a1f6d7a10")
    low = uuid.int & (1 << 64) - 1
    (packed,) = read(columns(1, id_high=[uuid.int >> 64], id_low=[low])).events
    event = stock.StockEvent(
        event_id=str(uuid), sku="Tea", location="W", kind=stock.STOCK_EVENT_KIND_RECEIPT, quantity=1
    )
    (named,) = events_from_request(
        stock.RecordStockEventsRequest(source="erp", events=[event])
    ).events
    assert named.key == event_key("erp", str(uuid))
    assert (named.key.hi, named.key.lo) == (packed["key_hi"], packed["key_lo"])
    assert packed["has_key"]


def test_zeros_and_empty_columns_are_no_ids_and_no_numbers() -> None:
    """The key of an event without an id is 0."""
    mixed = read(columns(id_high=[0, 0, 1], id_low=[0, 1, 0])).events
    assert [0, 1, 1] == mixed["has_key"].tolist()
    assert (0, 0) == (mixed["key_hi"][0], mixed["key_lo"][0])
    numbered = read(columns(id_high=[], id_low=[])).events
    assert [0] * 3 == numbered["has_key"].tolist()
    named = read(columns(sequences=[], id_low=[1, 2, 3])).events
    assert ([0] * 3, [1] * 3) == (named["sequence"].tolist(), named["has_key"].tolist())


BAD: list[tuple[Fields, str, str, str]] = [
    (columns(0), "columns.stock_levels", "0 items", "1 to 8,190"),
    (columns(OPERATIONS_MAX + 1), "columns.stock_levels", "8,191 items", "1 to 8,190"),
    (
        columns(id_high=[1, 2]),
        "columns.id_high",
        "2 values",
        "3 values, as many as in stock_levels",
    ),
    (columns(id_low=[1] * 4), "columns.id_low", "4 values", "3 values, as many"),
    (columns(sequences=[1]), "columns.sequences", "1 values", "3 values, as many"),
    (columns(quantities=[1, 1]), "columns.quantities", "2 values", "3 values, as many"),
    (columns(quantities=[]), "columns.quantities", "0 values", "3 values, as many"),
    (columns(kinds=b""), "columns.kinds", "0 values", "3 values, as many"),
    (columns(kinds=bytes([1, 1])), "columns.kinds", "2 values", "3 values, as many"),
    (columns(kinds=bytes([1, 0, 1])), "columns.kinds[1]", "STOCK_EVENT_KIND_UNSPECIFIED", "COUNT"),
    (columns(kinds=bytes([1, 1, 99])), "columns.kinds[2]", "99", "STOCK_EVENT_KIND_RECEIPT or"),
    (columns(kinds=bytes([255])), "columns.kinds[0]", "255", "STOCK_EVENT_KIND_RECEIPT or"),
    (columns(quantities=[1, 1, 0]), "columns.quantities[2]", "0", "for kind SALE"),
    (columns(quantities=[1, -1, 0]), "columns.quantities[1]", "-1", "1 to 1,000,000,000,000,000"),
    (columns(quantities=[2**63 - 1, 1, 1]), "columns.quantities[0]", str(2**63 - 1), "1 to"),
    (
        columns(kinds=bytes([ADJUSTMENT, COUNT, ADJUSTMENT]), quantities=[-1, 0, 0]),
        *("columns.quantities[2]", "0", "except 0 for kind ADJUSTMENT"),
    ),
    (
        columns(kinds=bytes([SALE, COUNT, SALE]), quantities=[1, -1, 1]),
        *("columns.quantities[1]", "-1", "0 to 1,000,000,000,000,000 for kind COUNT"),
    ),
    (
        columns(id_high=[0] * 3, id_low=[1, 0, 1], sequences=[0] * 3),
        *("columns.sequences[1]", "0", "an id, a sequence, or both"),
    ),
    (
        columns(sequences=[1, 2, SOURCE_SEQUENCE_MAX + 1]),
        *("columns.sequences[2]", str(2**63), "0 to 9,223,372,036,854,775,807"),
    ),
    (columns(occur_nanoseconds=[1]), "columns.occur_nanoseconds", "1 values", "3 values, as many"),
    (columns(reference_ids=["a"]), "columns.reference_ids", "1 values", "3 values, as many"),
    (columns(reference_lines=["a"]), "columns.reference_lines", "1 values", "3 values, as many"),
    (
        columns(kinds=bytes([SALE, COUNT, SALE]), occur_nanoseconds=[1, -7, 0]),
        *("columns.occur_nanoseconds[1]", "-7", "0; a count of an instant is sent as a StockEvent"),
    ),
    (columns(reference_ids=["a", "", "b "]), "columns.reference_ids[2]", "b ", "without white"),
    (columns(reference_lines=["", "a\n", ""]), "columns.reference_lines[1]", "a\n", "U+000A"),
    (columns(reference_ids=["", "ä\u200b", ""]), "columns.reference_ids[1]", "ä\u200b", "U+200B"),
    (
        columns(3_000, reference_lines=["x" * 90] * 3_000),
        *("columns.reference_lines", "270,000 bytes", "up to 262,144 bytes of UTF-8 together"),
    ),
    (columns(reference_kind="receipt"), "columns.reference_kind", "receipt", "reference_ids or"),
    (columns(correlation_id="é"), "columns.correlation_id", "é", "printable ASCII"),
    (
        columns(reference_kind=" ", reference_ids=["a"] * 3),
        *("columns.reference_kind", " ", "without white space"),
    ),
    *(
        (
            columns(
                kinds=bytes([SALE, kind, kind]), reference_kind=name, reference_ids=["", "", "a"]
            ),
            *("columns.reference_kind", name, "another kind; event 2, which names it, is sent as"),
        )
        for kind, name in (
            *((EventKind.RETURN, "reservation"), (EventKind.RECEIPT, "supply")),
            (EventKind.RECEIPT, "transfer"),
        )
    ),
]


def texts(column: core.TextColumn) -> list[str]:
    pairs = zip(column.starts, column.starts + column.sizes, strict=True)
    return [column.data[start:end].tobytes().decode() for start, end in pairs]


def test_events_may_say_when_and_under_which_document() -> None:
    """Each its own; what is empty or 0 is not said."""
    assert read(columns()).details is None
    assert read(columns(occur_nanoseconds=[0] * 3)).details is None
    details = read(columns(occur_nanoseconds=[0, -5, 7])).details
    assert [0, -5, 7] == details.occur_times_ns.tolist()
    assert ([""] * 3, [False, True, True]) == (texts(details.ids), details.are_detailed.tolist())
    named = columns(reference_kind="receipt", reference_ids=["Käse 7", "", ""])
    details = read(named | {"reference_lines": ["", "", "9"]}).details
    assert ["Käse 7", "", ""] == texts(details.ids)
    assert ("receipt", ["", "", "9"]) == (details.kind, texts(details.lines))
    assert ([0] * 3, [True, False, True]) == (
        details.occur_times_ns.tolist(),
        details.are_detailed.tolist(),
    )
    of_order = read(columns(reference_kind="reservation", reference_ids=["a"] * 3))
    assert "reservation" == of_order.details.kind  # of sales, where it changes nothing


@pytest.mark.parametrize("text", ["x" * 129, " a", "é" * 65])
def test_a_document_is_a_name(text: str) -> None:
    """Found among others that are, and where none is plain ASCII."""
    for others in ("a", "ä"):
        blame = said(fault(columns(reference_ids=[others, "", text])))
        assert "columns.reference_ids[2]" == blame[0]


def test_the_client_spells_when_and_which_document() -> None:
    spelt = StockColumns(
        *("erp", [TEA, MUG], SALE, [1, 1]),
        sequences=[3, 4],
        occur_nanoseconds=[5, -6],
        reference_ids=iter(["a", ""]),
        reference_lines=["", "9"],
        reference_kind="receipt",
        correlation_id="till 9",
    )
    command = read_bytes(spelt.message().SerializeToString())
    assert "till 9" == command.correlation_id
    details = command.details
    assert [5, -6] == details.occur_times_ns.tolist()
    assert ["a", ""] == texts(details.ids)
    assert ("receipt", ["", "9"]) == (details.kind, texts(details.lines))
    wrong: Any = ["a", 7]
    with pytest.raises(TypeError, match=r"reference_ids\[1\]"):
        StockColumns("erp", [TEA], SALE, [1], reference_ids=wrong).message()


@pytest.mark.parametrize(("fields", "field", "value", "expected"), BAD)
def test_what_is_malformed_is_named(fields: Fields, field: str, value: str, expected: str) -> None:
    """By its column, by its position where it has one, with what would be right."""
    blame = said(fault(fields))
    assert (field, value) == blame[:2]
    assert expected in blame[2]


@pytest.mark.parametrize("source", ["", "x" * (NAME_BYTES_MAX + 1), "a\nb"])
def test_a_source_needs_a_name(source: str) -> None:
    assert "source" == said(fault(columns(), source=source))[0]


def test_a_message_has_one_form() -> None:
    blame = said(fault(columns(), events=[stock.StockEvent(sequence=1)]))
    assert ("columns", "set together with events", "either events or columns") == blame


@pytest.mark.parametrize(
    "name",
    ["id_high", "id_low", "sequences", "stock_levels", "quantities", "occur_nanoseconds"],
)
def test_a_split_or_unpacked_column_is_named(name: str) -> None:
    """Pieces may not be joined and single values not be read: both would take an object each."""
    public: Any = stock.StockEventColumns
    whole, extra = public(**columns()).SerializeToString(), public(**{name: [1]})
    unpacked = bytes([public.DESCRIPTOR.fields_by_name[name].number << 3 | 1]) + bytes(8)
    for more, found in ((extra.SerializeToString(), "split into 2"), (unpacked, "unpacked")):
        wrapped = bytes([3 << 3 | 2, len(whole + more) & 127 | 128, len(whole + more) >> 7])
        with pytest.raises(Fault) as caught:
            read_bytes(b"\x0a\x03erp" + wrapped + whole + more)
        assert (f"columns.{name}", found) == said(caught.value)[:2]


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind > EventKind.COUNT])
def test_columns_have_plain_kinds(kind: EventKind) -> None:
    """They have no room for a status or an order."""
    field, *_ = said(fault(columns(kinds=bytes([1, 1, kind]))))
    assert "columns.kinds[2]" == field


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind <= EventKind.COUNT])
def test_quantities_are_judged_as_those_of_single_events(kind: EventKind) -> None:
    """On both sides of every limit."""
    edges = (0, 1, -1, QUANTITY_MAX, -QUANTITY_MAX, QUANTITY_MAX + 1, -QUANTITY_MAX - 1, -(2**63))
    for quantity in edges:
        fields = columns(1, kinds=bytes([kind]), quantities=[quantity])
        if is_event_quantity(kind, quantity):
            assert [quantity] == read(fields).events["quantity"].tolist()
        else:
            assert "columns.quantities[0]" == said(fault(fields))[0]


def test_the_client_spells_what_the_public_message_would() -> None:
    """From lists and from arrays; one kind is one byte."""
    given: list[Any] = [[TEA, MUG], [SALE, COUNT], [1, 0], [7, 7], [1, 2], [3, 4]]
    public = stock.RecordStockEventsStreamRequest(
        source="erp",
        columns={
            "id_high": [7, 7],
            "id_low": [1, 2],
            "sequences": [3, 4],
            "stock_levels": [TEA, MUG],
            "kinds": bytes([SALE, COUNT]),
            "quantities": [1, 0],
        },
    )
    arrays: list[Any] = list(map(np.array, given))
    for spelt in (StockColumns("erp", *given), StockColumns("erp", *arrays)):
        assert public.SerializeToString() == spelt.message().SerializeToString()
    one = StockColumns("erp", [TEA, MUG], SALE, [1, 1], sequences=[3, 4]).message()
    assert bytes([SALE]) == one.columns.kinds  # type: ignore[attr-defined]


def test_an_answer_has_columns_in_place_of_results() -> None:
    command = read(columns(2, sequences=[9, 4]))
    outcome = core.StockCodes(
        np.array([1, 6], np.uint8),
        *(np.array([5, 0]), np.array([3, 0]), np.array([-3, 0])),
        (core.Difference("quantity", "1", "2"),),
        (core.Revision(2, 7, 0),),
    )
    request = stock.RecordStockEventsStreamRequest(batch_id=8)
    data = stock_response(request, command, outcome).SerializeToString()
    assert stock.RecordStockEventsStreamResponse(
        source="erp",
        acknowledged_sequence=9,
        revisions=[{"shard": 2, "sequence": 7}],
        batch_id=8,
        columns={
            "outcomes": b"\1\6",
            "on_hand": [5, 0],
            "shortfalls": [3, 0],
            "available": [-3, 0],
            "differences": [{"field": "quantity", "recorded": "1", "now": "2"}],
        },
    ) == stock.RecordStockEventsStreamResponse.FromString(data)
