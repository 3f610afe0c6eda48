"""JSON with its fields named by options: facts and orders out of whatever a sender has."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Message, Undecodable, Unverified
from holdfast.adapters.events import (
    FactKind,
    Ignored,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    StockFact,
)
from holdfast.adapters.intake.webhook import ADAPTER, WebhookOptions

OPTIONS: dict[str, Any] = {
    "source": "wms",
    "records": "movements",
    "id": "movementId",
    "kind": "type",
    "kinds": {"SHIP": "sale", "RECEIVE": "receipt", "LABEL": "ignored", "PICKED": "shipped"},
    "sku": "article.codes[0]",
    "location": "$.site",
    "quantity": "qty",
    "time": "at",
    "reference": "order",
    "order": "order",
}
RECORD: dict[str, Any] = {
    "movementId": 17,
    "type": "SHIP",
    "article": {"codes": ["A-1"]},
    "qty": 3,
    "at": "2026-11-26T16:00:00Z",
    "order": "o-9",
}


def decoded(document: Any, **changes: Any) -> list[Any]:
    options = WebhookOptions.model_validate({**OPTIONS, **changes})
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(ADAPTER.decode(Message(body), options))


def of(*records: dict[str, Any], **changes: Any) -> list[Any]:
    return decoded({"site": "W1", "movements": records}, **changes)


def test_a_record_is_a_fact() -> None:
    assert [
        StockFact(
            source="wms",
            id="17",
            kind=FactKind.SALE,
            sku="A-1",
            location="W1",
            quantity=Decimal(3),
            time=datetime(2026, 11, 26, 16, tzinfo=UTC),
            reference=Reference("document", "o-9"),
        )
    ] == of(RECORD)


def test_a_record_of_an_order_is_an_event_of_it() -> None:
    (shipped,) = of({**RECORD, "type": "PICKED"})
    assert isinstance(shipped, OrderEvent)
    assert (OrderKind.SHIPPED, "o-9") == (shipped.kind, shipped.order)
    assert (OrderLine("", "A-1", "W1", Decimal(3)),) == shipped.lines


def test_a_record_that_is_wrong_does_not_hold_up_the_others() -> None:
    first, second, third = of(RECORD, {**RECORD, "qty": None}, {**RECORD, "type": "LABEL"})
    assert isinstance(first, StockFact)
    assert "movements[1].qty" == second.field
    assert Ignored("kind") == third


def test_the_body_may_be_a_record_or_an_array_of_them() -> None:
    flat = {"records": "", "location": "=W1", "kind": "=count", "kinds": {}}
    (count,) = decoded(RECORD, **flat)
    assert (FactKind.COUNT, "W1") == (count.kind, count.location)
    assert 2 == len(decoded([RECORD, RECORD], **flat))


def test_an_id_of_the_whole_document_names_records_by_their_places() -> None:
    found = decoded({"event": "e1", "site": "W1", "movements": [RECORD, RECORD]}, id="$.event")
    assert ["e1/0", "e1/1"] == [each.id for each in found]


def test_decimals_are_what_the_sender_wrote() -> None:
    body = b'{"site": "W1", "movements": [' + json.dumps(RECORD).encode() + b"]}"
    for written in (b"0.42", b'"0.42"', b"42e-2"):
        (fact,) = decoded(body.replace(b'"qty": 3', b'"qty": ' + written))
        assert Decimal("0.42") == fact.quantity
    for written in (b"1e300", b"1e999999999999999999999", b"1e-300", b"0.12345678901", b"NaN"):
        with suppress(Undecodable):
            (undecodable,) = decoded(body.replace(b'"qty": 3', b'"qty": ' + written))
            assert "movements[0].qty" == undecodable.field


def test_times_are_read_in_the_form_that_the_options_say() -> None:
    then = datetime(2026, 11, 26, 16, tzinfo=UTC)
    for value, changes in (
        (1795708800, {"time_format": "seconds"}),
        (1795708800000, {"time_format": "milliseconds"}),
        ("1795708800", {"time_format": "seconds"}),
        ("2026-11-26T17:00:00", {"time_zone": "Europe/Berlin"}),
        ("2026-11-26 16:00:00+0000", {}),
    ):
        (fact,) = of({**RECORD, "at": value}, **changes)
        assert then == fact.time
    (fact,) = of({**RECORD, "at": None})
    assert fact.time is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"movementId": None}, "movementId"),
        ({"movementId": "i" * 129}, "movementId"),
        ({"type": "EAT"}, "type"),
        ({"type": ["SHIP"]}, "type"),
        ({"article": {"codes": []}}, "article.codes[0]"),
        ({"article": "A-1"}, "article.codes[0]"),
        ({"qty": True}, "qty"),
        ({"qty": "3 pieces"}, "qty"),
        ({"qty": {}}, "qty"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2026-11-26T16:00:00"}, "at"),
        ({"order": "\ud800"}, "order"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_in_the_senders_words(change: Any, field: str) -> None:
    (undecodable,) = of({**RECORD, **change})
    assert isinstance(undecodable, Undecodable)
    assert f"movements[0].{field}" == undecodable.field


def test_a_document_without_the_records_is_undecodable() -> None:
    documents: tuple[Any, ...] = ({}, {"movements": "none"}, [], 7)
    for document in documents:
        with pytest.raises(Undecodable, match="movements"):
            decoded(document)
    (undecodable,) = decoded({"movements": [7]})
    assert "movements[0]" == undecodable.field


@pytest.mark.parametrize("path", ["a..b", ".a", "a[", "a[x]", "$.", "[0]", "a" + ".a" * 16])
def test_an_option_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        WebhookOptions.model_validate({**OPTIONS, "sku": path})


def test_a_sender_that_has_to_prove_who_it_is_does() -> None:
    options = WebhookOptions.model_validate({**OPTIONS, "verify": {"scheme": "bearer"}})
    ADAPTER.verify(Message(b"", {"authorization": "Bearer t"}), {"secret": "t"}, options)
    with pytest.raises(Unverified):
        ADAPTER.verify(Message(b""), {"secret": "t"}, options)


@settings(max_examples=50)
@given(st.data())
def test_a_mutilated_message_decodes_or_is_undecodable(data: st.DataObject) -> None:
    body = bytearray(json.dumps({"site": "W1", "movements": [RECORD, RECORD]}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = at + data.draw(st.integers(0, 8))
        body[at:end] = data.draw(st.sampled_from([b"", b"0", b'"', b"[]", b"{}", b"null", b"1e9"]))
    with suppress(Undecodable):
        decoded(bytes(body))


def test_the_conformance_kit_finds_nothing() -> None:
    bodies = [{"site": "W1", "movements": [{**RECORD, "movementId": n}]} for n in range(2)]
    samples = [Sample(str(each), Message(json.dumps(each).encode())) for each in bodies]
    assert [] == list(findings(ADAPTER, samples, WebhookOptions.model_validate(OPTIONS)))
