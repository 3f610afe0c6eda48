"""The published JSON Schema and AsyncAPI document: they say what the decoder does."""

import json
import os
from importlib.resources import files
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.events import Event
from holdfast.adapters.intake.cloudevents import from_json, to_json
from holdfast.adapters.intake.event_types import EVENT_TYPES
from tests.adapters.events_of import EVENTS
from tests.adapters.intake.event_schemas import (
    ASYNCAPI_FILE,
    SCHEMA_FILE,
    asyncapi,
    json_schema,
)

VALIDATE = fastjsonschema.compile(json_schema())
FILES = {SCHEMA_FILE: json_schema, ASYNCAPI_FILE: asyncapi}


@pytest.mark.parametrize("name", FILES)
def test_the_published_files_are_what_the_table_says(name: str) -> None:
    path = files("holdfast.adapters").joinpath("schemas", name)
    made = json.dumps(FILES[name](), indent=2) + "\n"
    if os.environ.get("HOLDFAST_ACCEPT"):
        path.write_text(made)  # type: ignore[attr-defined]
    assert made == path.read_text()


@settings(max_examples=50)
@given(EVENTS)
def test_every_event_that_we_write_fits_the_schema(event: Event) -> None:
    VALIDATE(json.loads(to_json(event)))


_SPOILT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.just(0.42),
    st.sampled_from(["", "x", "0", "-1", "1.5", "1e3", "900s", "0s", "shelf", "sale"]),
    st.just([]),
    st.just({}),
    st.just({"kind": "receipt", "id": "1"}),
    st.just({"event_id": "1", "kind": "sale"}),
)


@settings(max_examples=100)
@given(EVENTS, st.data())
def test_schema_and_decoder_refuse_the_same(event: Event, data: st.DataObject) -> None:
    document: dict[str, Any] = json.loads(to_json(event))
    where = data.draw(st.sampled_from([document, document["data"]]))
    kind = EVENT_TYPES[document["type"]]
    names = [*kind.written, "surprise"] if where is document["data"] else list(document)
    name = data.draw(st.sampled_from([each for each in names if each != "datacontenttype"]))
    if data.draw(st.booleans()):
        where[name] = data.draw(_SPOILT)
    else:
        where.pop(name, None)
    assert _fits(document) == _decodes(document), document


def _fits(document: dict[str, Any]) -> bool:
    try:
        VALIDATE(document)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def _decodes(document: dict[str, Any]) -> bool:
    try:
        from_json(json.dumps(document).encode())
    except Undecodable:
        return False
    return True


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    ours, schema = asyncapi(), json_schema()
    for reference in _references(ours):
        name, _, pointer = reference.partition("#")
        assert name in ("", f"./{SCHEMA_FILE}")
        found = schema if name else ours
        for step in pointer.strip("/").split("/") if pointer else ():
            found = found[step]
    messages = {each["name"] for each in ours["components"]["messages"].values()}
    assert {*EVENT_TYPES, "batch"} == messages


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if "$ref" in value else []
        return here + [each for inner in value.values() for each in _references(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in _references(inner)]
    return []
