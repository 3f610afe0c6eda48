"""CloudEvents: every event survives in every mode, and what is wrong with one is named."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Options, Undecodable
from holdfast.adapters.events import Event, Exceptional, OrderEvent, OrderKind
from holdfast.adapters.intake.cloudevents import (
    ADAPTER,
    BATCH,
    STRUCTURED,
    from_json,
    to_json,
)
from tests.adapters.events_of import EVENTS, SALE, to_batch

WRITTEN = json.loads(to_json(SALE))


def decoded(body: bytes, **attributes: str) -> list[Any]:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return list(ADAPTER.decode(Message(body, named), Options()))


def wrong(body: bytes, **attributes: str) -> Undecodable:
    with pytest.raises(Undecodable) as caught:
        decoded(body, **attributes)
    return caught.value


def changed(**changes: Any) -> bytes:
    """The sale with attributes, or after `data_` fields of its data, changed; None drops one."""
    found = {**WRITTEN, "data": dict(WRITTEN["data"])}
    for name, value in changes.items():
        where = found["data"] if name.startswith("data_") else found
        where[name.removeprefix("data_")] = value
        if value is None:
            del where[name.removeprefix("data_")]
    return json.dumps(found).encode()


@settings(max_examples=50)
@given(EVENTS)
def test_every_event_survives_as_json(event: Event) -> None:
    assert event == from_json(to_json(event))


@settings(max_examples=50)
@given(st.lists(EVENTS, max_size=4))
def test_every_event_survives_in_a_batch(events: list[Event]) -> None:
    assert events == decoded(to_batch(events), content_type=BATCH)


@settings(max_examples=50)
@given(EVENTS)
def test_every_event_survives_with_its_attributes_in_headers(event: Event) -> None:
    document = json.loads(to_json(event))
    headers = {
        f"ce_{name}": quote(value, safe=" ")
        for name, value in document.items()
        if name not in ("data", "datacontenttype")
    }
    body = json.dumps(document["data"]).encode()
    assert [event] == decoded(body, content_type="application/json", **headers)


@settings(max_examples=50)
@given(EVENTS)
def test_another_implementation_reads_what_we_write_and_we_what_it_writes(event: Event) -> None:
    theirs = JSONFormat().read(CloudEvent, to_json(event))
    assert event.id == theirs.get_id()
    read = from_json(JSONFormat().write(theirs))
    # It gives an event without a time the time of its reading.
    assert event == replace(read, time=event.time)
    assert event.time in (None, read.time)


def test_a_queue_without_content_types_holds_events_and_batches() -> None:
    assert [SALE] == decoded(to_json(SALE))
    assert [SALE, SALE] == decoded(to_batch([SALE, SALE]))
    assert [SALE] == decoded(to_json(SALE), content_type=f"{STRUCTURED}; charset=utf-8")


def test_an_event_of_a_batch_that_is_wrong_does_not_hold_up_those_after_it() -> None:
    body = b"[" + b",".join([to_json(SALE), changed(data_quantity=0.42), to_json(SALE)]) + b"]"
    first, second, third = decoded(body)
    assert [SALE, SALE] == [first, third]
    assert "[1].data.quantity" == second.field


def test_a_quantity_is_an_integer_or_a_decimal_as_text() -> None:
    for written in (3, "3", 3.0, "3.000", "0003"):
        assert replace(SALE, quantity=Decimal(3)) == from_json(changed(data_quantity=written))


@pytest.mark.parametrize(
    ("number", "quantity"),
    [
        ("9007199254740993.0", "9007199254740993"),
        ("0.3e1", "3"),
        ("1E+3", "1000"),
        ("2.99999999999999999", None),
        ("1.00000000000000001", None),
        ("9007199254740993.5", None),
        ("1e-999999999999999999999", None),
        ("1e16", None),
        ("1e400", None),
    ],
)
def test_a_number_counts_as_it_is_written_or_not_at_all(number: str, quantity: str | None) -> None:
    """Binary numbers near some of these are whole."""
    body = changed(data_quantity="here").replace(b'"here"', number.encode())
    if quantity is None:
        assert "data.quantity" == wrong(body).field
    else:
        assert Decimal(quantity) == decoded(body)[0].quantity


#: Field that is named -> bodies.
WRONG = (
    ("specversion", changed(specversion="0.3")),
    ("type", changed(type="inventory.holdfast.stock.sale.v2")),
    ("type", changed(type=["inventory.holdfast.stock.sale.v1"])),
    ("id", changed(id=None)),
    ("id", changed(id="")),
    ("id", changed(id=7)),
    ("id", changed(id="i" * 129)),
    ("id", changed(id="ü" * 65)),
    ("id", changed(id="\ud800")),
    ("source", changed(source=None)),
    ("time", changed(time="2026-11-26T16:00:00")),
    ("time", changed(time="2026-02-30T16:00:00Z")),
    ("time", changed(time="0001-01-01T00:00:00+14:00")),
    ("time", changed(time=1_764_172_800)),
    ("sequence", changed(sequence=0)),
    ("sequence", changed(sequence="-1")),
    ("sequence", changed(sequence="²")),
    ("sequence", changed(sequence=2**63)),
    ("sequence", changed(sequence=True)),
    ("datacontenttype", changed(datacontenttype="text/xml")),
    ("data_base64", json.dumps({**WRITTEN, "data_base64": "e30="}).encode()),
    ("data", changed(data=None)),
    ("data", changed(data=[])),
    ("data.sku", changed(data_sku=None)),
    ("data.sku", changed(data_sku="")),
    ("data.sku", changed(data_sku=4006381333931)),
    ("data.sku", changed(data_sku="s" * 10_000)),
    ("data.quantiy", changed(data_quantiy="1")),
    ("data.expected_time", changed(data_expected_time="2026-11-26T16:00:00Z")),
    ("data.quantity", changed(data_quantity=0.42)),
    ("data.quantity", changed(data_quantity=0)),
    ("data.quantity", changed(data_quantity="-1")),
    ("data.quantity", changed(data_quantity="1e3")),
    ("data.quantity", changed(data_quantity="1E999999999")),
    ("data.quantity", changed(data_quantity=1e300)),
    ("data.quantity", changed(data_quantity=10**16)),
    ("data.quantity", changed(data_quantity="٣")),
    ("data.quantity", changed(data_quantity="NaN")),
    ("data.quantity", changed(data_quantity=True)),
    ("data.quantity", changed(data_quantity="1\n")),
    ("data.reference", changed(data_reference="114")),
    ("data.reference.id", changed(data_reference={"kind": "receipt"})),
    ("data.reference.lin", changed(data_reference={"kind": "a", "id": "b", "lin": "c"})),
    ("body", b""),
    ("body", b"[1"),
    ("body", b"7"),
    ("body", b"\xff\xfe"),
    ("body", b'{"data":' * 100_000),
    ("body", b"[" * 1_000_000),
    ("body", b'{"id": NaN}'),
    ("body", b'{"id": 1' + b"0" * 5000 + b"}"),
    ("body.id", b'{"id": "a", "id": "b"}'),
)


@pytest.mark.parametrize(
    ("field", "body"), WRONG, ids=[f"{at}-{field}" for at, (field, _) in enumerate(WRONG)]
)
def test_what_is_wrong_is_named(field: str, body: bytes) -> None:
    undecodable = wrong(body)
    assert field == undecodable.field
    assert len(str(undecodable)) < 2_000


def test_what_an_order_needs_is_checked_as_well() -> None:
    lines = [{"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 0}]
    event = {
        **WRITTEN,
        "type": "inventory.holdfast.order.held.v1",
        "data": {"order": "o-1", "lines": lines, "hold": "900s"},
    }
    assert "data.lines[1].quantity" == wrong(json.dumps(event).encode()).field
    del lines[1]
    held = from_json(json.dumps(event).encode())
    assert isinstance(held, OrderEvent)
    assert (OrderKind.HELD, timedelta(minutes=15)) == (held.kind, held.hold)
    event["data"]["hold"] = "-900s"
    assert "data.hold" == wrong(json.dumps(event).encode()).field


def test_whatever_an_adapter_made_can_be_written_and_is_refused_when_read() -> None:
    naive = datetime.fromisoformat("2026-11-26T16:00:00")
    for field, spoilt in (
        ("data.quantity", replace(SALE, quantity=Decimal("NaN"))),
        ("data.quantity", replace(SALE, quantity=Decimal("1E+999999"))),
        ("data.sku", replace(SALE, sku="")),
        ("data.sku", replace(SALE, sku="\udfff")),
        ("data.expected_time", replace(SALE, expected_time=SALE.time)),
        ("time", replace(SALE, time=naive)),
        ("time", replace(SALE, time=datetime.min.replace(tzinfo=timezone.max))),
    ):
        assert field == wrong(to_json(spoilt)).field


def test_details_of_an_exception_may_be_anything() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    details: dict[str, Any] = {"price": Decimal("1.10"), "since": SALE.time, "skus": {"b", "a"}}
    details |= {"ratio": float("inf"), "rate": float("nan"), "by": {7: (1, 2)}, "deep": deep}
    case = Exceptional(
        source="s", id="1", kind="price_mismatch", subject="A", text="Why?", details=details
    )
    read = from_json(to_json(case))
    assert isinstance(read, Exceptional)
    found = dict(read.details)
    assert str(found.pop("deep")).startswith("[[[")
    assert {
        "price": "1.10",
        "since": "2026-11-26T16:00:00+00:00",
        "skus": ["a", "b"],
        "ratio": "inf",
        "rate": "nan",
        "by": {"7": [1, 2]},
    } == found


def test_a_media_type_that_is_no_event_is_refused() -> None:
    assert "content-type" == wrong(b"{}", content_type="text/csv").field


def test_the_key_is_of_all_that_came() -> None:
    message = Message(b"{}", {"ce-id": "1", "ce-source": "s", "date": "today"})
    assert ADAPTER.key(message) == ADAPTER.key(replace(message, received=SALE.time))
    later = replace(message, attributes={**message.attributes, "date": "tomorrow"})
    assert ADAPTER.key(message) == ADAPTER.key(later)
    others = (
        replace(message, body=b"[]"),
        replace(message, attributes={**message.attributes, "ce-id": "2"}),
        replace(message, attributes={**message.attributes, "content-type": "application/json"}),
    )
    assert 4 == len({ADAPTER.key(each) for each in (message, *others)})


def test_parameters_of_the_content_type_make_no_other_message() -> None:
    """A sender that begins to name its charset repeats what it has sent before."""
    types = (STRUCTURED, f"{STRUCTURED}; charset=utf-8", STRUCTURED.upper())
    assert 1 == len({ADAPTER.key(Message(b"{}", {"content-type": each})) for each in types})


@settings(max_examples=50)
@given(st.binary(max_size=200), st.sampled_from(["", STRUCTURED, BATCH, "application/json"]))
def test_random_bytes_are_undecodable(body: bytes, content_type: str) -> None:
    with suppress(Undecodable):
        decoded(body, content_type=content_type)


@settings(max_examples=50)
@given(st.data())
def test_a_mutilated_event_decodes_or_is_undecodable(data: st.DataObject) -> None:
    body = bytearray(to_json(SALE))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = at + data.draw(st.integers(0, 8))
        body[at:end] = data.draw(
            st.sampled_from([b"", b"0", b'"', b"{", b"}", b"null", b"-", b"\\"])
        )
    with suppress(Undecodable):
        decoded(bytes(body))


def test_the_conformance_kit_finds_nothing() -> None:
    samples = [Sample("one", Message(to_json(SALE))), Sample("batch", Message(to_batch([SALE])))]
    assert [] == list(findings(ADAPTER, samples, ADAPTER.options()))
