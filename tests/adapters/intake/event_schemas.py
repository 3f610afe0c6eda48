"""The published documents of the canonical events: their JSON Schema and an AsyncAPI document.

Both are made from the table in `event_types`. adapters/schemas/ holds them as files, for those who
send events and have no Python; a test fails while the files differ from the table.
"""

from typing import Any, Final

from holdfast.adapters.intake import fields
from holdfast.adapters.intake.cloudevents import BATCH, EVENTS_MAX, STRUCTURED
from holdfast.adapters.intake.event_fields import object_schema
from holdfast.adapters.intake.event_types import EVENT_TYPES, PREFIX, VERSION, EventType

#: The files in adapters/schemas/.
SCHEMA_FILE: Final = f"events.{VERSION}.schema.json"
ASYNCAPI_FILE: Final = f"events.{VERSION}.asyncapi.json"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of one event as a CloudEvent in JSON."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:{PREFIX.replace('.', ':')}:events:{VERSION}",
        "title": "Canonical events of Holdfast, as CloudEvents 1.0",
        "type": "object",
        "properties": {"type": {"enum": list(EVENT_TYPES)}},
        "required": ["specversion", "id", "source", "type", "data"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": each.name}}},
                "then": {"$ref": f"#/definitions/{each.name}"},
            }
            for each in EVENT_TYPES.values()
        ],
        "definitions": {each.name: _event(each) for each in EVENT_TYPES.values()},
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: who sends what to the intake, and in which forms."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Canonical events of Holdfast",
            "version": VERSION.removeprefix("v") + ".0.0",
            "license": {"name": "Apache-2.0"},
            "description": (
                "Facts of stock, what happens to orders, and exceptions. Delivery is at least "
                "once and in any order: an event is known by its source and id."
            ),
        },
        "defaultContentType": STRUCTURED,
        "channels": {
            "events": {
                # The address is what the operator has named the adapter.
                "address": None,
                "title": "The intake of CloudEvents",
                "messages": {
                    **{_message(each): {"$ref": _component(each)} for each in EVENT_TYPES.values()},
                    "batch": {"$ref": "#/components/messages/batch"},
                },
            }
        },
        "operations": {
            "takeEvents": {
                "action": "receive",
                "channel": {"$ref": "#/channels/events"},
                "summary": "Takes events; they are durable when it answers.",
            }
        },
        "components": {
            "messages": {
                **{
                    _message(each): {
                        "name": each.name,
                        "summary": each.about,
                        "contentType": STRUCTURED,
                        "payload": {"$ref": f"./{SCHEMA_FILE}#/definitions/{each.name}"},
                    }
                    for each in EVENT_TYPES.values()
                },
                "batch": {
                    "name": "batch",
                    "summary": "Several events, each of which stands for itself.",
                    "contentType": BATCH,
                    "payload": {
                        "type": "array",
                        "items": {"$ref": f"./{SCHEMA_FILE}"},
                        "maxItems": EVENTS_MAX,
                    },
                },
            }
        },
    }


def _message(kind: EventType) -> str:
    """The name of a message: those of AsyncAPI have no points."""
    words = kind.name.removeprefix(f"{PREFIX}.").removesuffix(f".{VERSION}")
    return words.replace(".", "_")


def _component(kind: EventType) -> str:
    return f"#/components/messages/{_message(kind)}"


def _event(kind: EventType) -> dict[str, Any]:
    """A CloudEvent of one type. Extension attributes that are not named here are left alone."""
    a_name = {"type": "string", "minLength": 1, "maxLength": fields.ID_BYTES_MAX}
    time = {"type": "string", "format": "date-time", "pattern": f"^{fields.INSTANT}$"}
    return {
        "type": "object",
        "description": kind.about,
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {
                **a_name,
                "description": "By which a repeat is known: the same however often it is sent.",
            },
            "source": {**a_name, "description": "Who reports it, and numbers it."},
            "type": {"const": kind.name},
            "time": {**time, "description": "When it happened."},
            "datacontenttype": {"type": "string", "description": "application/json, or none."},
            "sequence": {
                "description": "The source's running number of the event, from 1.",
                "anyOf": [
                    {"type": "string", "pattern": "^(?=.*[1-9])[0-9]{1,19}$"},
                    {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
                ],
            },
            "correlationid": {
                "type": "string",
                "minLength": 1,
                "maxLength": fields.NAME_CHARACTERS_MAX,
                "description": "Follows the event into the ledger.",
            },
            "data": object_schema(kind.fields, kind.required),
        },
        "required": ["specversion", "id", "source", "type", "data"],
        "not": {"required": ["data_base64"]},
    }
