"""CloudEvents 1.0: the canonical events as they travel, alone, in batches, or with their attributes
in headers.

Source: CloudEvents 1.0.2, its JSON event format, its HTTP protocol binding, and its documented
extensions "sequence" and "correlation" (github.com/cloudevents/spec).

The types and their data stand in `event_types`. Attributes: `source` and `id` are those of the
event, `time` is when it happened, `sequence` the source's number in digits, and `correlationid`
follows it into the ledger. Other extension attributes are left alone, as the specification asks;
an unknown field of the data is refused, since it may be a known one with a slip in it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict

from ..contract import Adapter, Message, Undecodable
from ..events import Event, StockFact
from . import fields
from .event_fields import instant_text, read_object, write_object
from .event_types import EVENT_TYPES, EventType, of_event
from .verification import Verification, VerificationOption, verify

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
EVENTS_MAX: Final = 10_000
#: What of a media type is part of a key. Those that are read are shorter.
_MEDIA_CHARACTERS: Final = 64


class CloudEventsOptions(BaseModel):
    """How senders prove who they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verify: VerificationOption = Verification()


def to_json(event: Event) -> bytes:
    """An event as a CloudEvent in JSON. Whatever an event holds can be written; what is not allowed
    in it is refused by `from_json`, which names it.
    """
    # In ASCII, so that lone surrogates can be written as well.
    return json.dumps(_envelope(event), separators=(",", ":")).encode()


def from_json(body: bytes) -> Event:
    """The event that a CloudEvent in JSON is. Raises `Undecodable`."""
    return _event(fields.mapping(fields.json_of(body), "body"), "")


def key(message: Message) -> str:
    """A hash of what came, attributes in headers included, and its media type: what is sent again
    with the right one is no repeat.
    """
    named = sorted(name for name in message.attributes if name.startswith("ce-"))
    return f"{fields.hash_of(message, *named)}/{message.content_type[:_MEDIA_CHARACTERS]}"


def decode(message: Message, _options: Any) -> Iterator[Event | Undecodable]:
    """The events of a message in any of the three modes. Of a batch, one that is wrong does not
    hold up the others.
    """
    if "ce-specversion" in message.attributes:
        yield _event(_binary(message), "")
        return
    document = fields.json_of(message.body)
    if _is_batch(message.content_type, document):
        for at, each in enumerate(fields.array(document, "body", EVENTS_MAX)):
            path = f"[{at}]"
            try:
                yield _event(fields.mapping(each, path), f"{path}.")
            except Undecodable as wrong:
                yield wrong
    else:
        yield _event(fields.mapping(document, "body"), "")


def _is_batch(content_type: str, document: object) -> bool:
    """Whether a document is a batch. Queues and files have no content type, and hold either."""
    if content_type in (STRUCTURED, BATCH):
        return content_type == BATCH
    if content_type in ("", "application/json"):
        return type(document) is list
    expected = f"{STRUCTURED}, {BATCH}, or headers that begin with ce-"
    raise Undecodable("content-type", content_type, expected)


def _binary(message: Message) -> dict[str, Any]:
    """The attributes of the headers, which are percent-encoded, beside the data of the body."""
    found: dict[str, Any] = {
        name[3:]: unquote(value, errors="surrogateescape")
        for name, value in message.attributes.items()
        if name.startswith("ce-")
    }
    if message.content_type:
        found["datacontenttype"] = message.content_type
    found["data"] = fields.json_of(message.body, "data")
    return found


def _event(envelope: Mapping[str, Any], path: str) -> Event:
    """The event of a CloudEvent, whose fields errors name after `path`."""
    _check_envelope(envelope, path)
    name = envelope.get("type")
    kind = EVENT_TYPES.get(name) if type(name) is str else None
    if kind is None:
        raise Undecodable(f"{path}type", name, f"one of {', '.join(EVENT_TYPES)}")
    data = fields.mapping(envelope.get("data"), f"{path}data")
    found = read_object(data, f"{path}data", kind.fields, kind.required)
    found["source"] = fields.identifier(envelope.get("source"), f"{path}source")
    found["id"] = fields.identifier(envelope.get("id"), f"{path}id")
    if "time" in envelope:
        found["time"] = fields.instant(envelope["time"], f"{path}time")
    if "correlationid" in envelope:
        found["correlation_id"] = fields.text(envelope["correlationid"], f"{path}correlationid")
    return _made(kind, envelope, found, path)


def _made(kind: EventType, envelope: Mapping[str, Any], found: dict[str, Any], path: str) -> Event:
    if kind.kind is not None:
        found["kind"] = kind.kind
    if kind.event is StockFact and "sequence" in envelope:
        highest = 2**63 - 1
        found["sequence"] = fields.whole(envelope["sequence"], f"{path}sequence", 1, highest)
    return kind.event(**found)


def _check_envelope(envelope: Mapping[str, Any], path: str) -> None:
    if envelope.get("specversion") != "1.0":
        raise Undecodable(f"{path}specversion", envelope.get("specversion"), '"1.0"')
    if "data_base64" in envelope:
        raise Undecodable(f"{path}data_base64", envelope["data_base64"], "data as JSON, in data")
    if "datacontenttype" in envelope and envelope["datacontenttype"] != "application/json":
        content_type = fields.text(envelope["datacontenttype"], f"{path}datacontenttype")
        media = content_type.partition(";")[0].strip().lower()
        if media != "application/json" and not media.endswith("+json"):
            raise Undecodable(f"{path}datacontenttype", content_type, "application/json")


def _envelope(event: Event) -> dict[str, Any]:
    kind = of_event(event)
    found: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": kind.name,
        "datacontenttype": "application/json",
    }
    if event.time is not None:
        found["time"] = instant_text(event.time)
    if isinstance(event, StockFact) and event.sequence:
        found["sequence"] = f"{event.sequence:019}"
    if event.correlation_id:
        found["correlationid"] = event.correlation_id
    found["data"] = write_object(event, kind.written, kind.required)
    return found


ADAPTER: Final = Adapter(
    name="cloudevents",
    reads="The canonical events as CloudEvents 1.0 in JSON: structured, binary or in batches.",
    dedupe="bytes and media type of a message; each event by its source and id, in the core",
    order="the extension attribute sequence, where the source numbers its events",
    key=key,
    decode=decode,
    verify=verify,
    options=CloudEventsOptions,
)
