"""What an adapter is: pure functions and a declaration, which the runtime does the rest around.

    ADAPTER = Adapter(
        name="tills",
        reads="Sales of a till, as JSON over HTTP.",
        dedupe="the receipt's number",
        order="none",
        key=key,
        decode=decode,
    )

Rules of this file: functions of an adapter wait for nothing, read no clock and keep nothing. What
they need is in their arguments, so that golden files test them. A function that cannot understand
its partner raises `Undecodable`; whatever else it raises is a defect of the adapter, and lands in
the dead letters as well.
"""

# No class here ends in Error: each says what happened.
# ruff: noqa: N818

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict

from .events import Decoded


class Undecodable(ValueError):
    """A message that an adapter cannot understand: which field, what it holds, what would be right.

    `field` is a path in the partner's own words: "Transaction[3].LineItem[2].Quantity".
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(field, value, expected)
        self.field = field
        self.value = _shown(value)
        self.expected = expected

    def __str__(self) -> str:
        return f"{self.field} is {self.value}: expected {self.expected}"


class Unverified(Exception):
    """A request that does not prove who sent it. The text says what is missing, not the secret."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a partner sent, as it came."""

    body: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What came beside the body: headers of a request with their names in lower case, and its
    ":method" and ":target", the path with its query; or the "file" that it was.
    """
    received: datetime | None = None
    """When it came in, in UTC."""

    @property
    def content_type(self) -> str:
        """Its media type without parameters, in lower case; empty when it has none."""
        return self.attributes.get("content-type", "").partition(";")[0].strip().lower()


class Options(BaseModel):
    """The options of an adapter in adapters.toml. One with options of its own has a model of its
    own with these settings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a partner over HTTP. `url` is relative to the partner's base address."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What a partner answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """What a poll brought."""

    messages: Sequence[Message]
    cursor: str
    """Where the next poll begins, once the messages are durable."""
    has_more: bool = False
    """Whether to ask again at once."""


class Throttled(Exception):
    """The partner asks to wait, in seconds; None leaves it to the runtime for how long."""

    def __init__(self, after_s: float | None = None) -> None:
        super().__init__(after_s)
        self.after_s = after_s


class SessionExpired(Exception):
    """The partner wants a new login: the runtime logs in and repeats the request."""


class Refused(Exception):
    """The partner will not do it however often it is asked: it becomes a dead letter. `field` names
    what of the request it refuses, if it says so.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


class Source(Protocol):
    """What brings messages by itself and has no cursor, such as a folder or a queue.

    Each raises OSError while it cannot be reached, and is called again then.
    """

    async def fetch(self) -> Page:
        """What has come since the last time; a page without messages when nothing has. The same
        page until it is settled.
        """

    async def settled(self, page: Page) -> None:
        """The messages of a page are durable: it is not fetched again."""

    async def check(self) -> None:
        """See whether it can be reached, and change nothing."""


@dataclass(frozen=True, slots=True)
class Login:
    """How a session is begun."""

    request: Callable[[Any, Mapping[str, str]], Request]
    """Of options and secrets."""
    session: Callable[[Response], Mapping[str, str]]
    """The headers that each request bears from then on. Raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Poll:
    """A partner that is asked what is new, page by page."""

    request: Callable[[str, Any], Request]
    """Of the cursor, empty at first, and the options."""
    page: Callable[[Response, str, Any], Page]
    """Of the response, the cursor it was asked with and the options. Raises `Undecodable`,
    `Throttled`, `SessionExpired`.
    """


@dataclass(frozen=True, slots=True)
class Change:
    """What became of units of a reservation, in the words of holdfast.v1.ReservationChange."""

    reservation_id: str
    sku: str
    location: str
    quantity: int
    from_state: str
    state: str
    time: datetime
    id: str
    """The same however often it is told: timeline, shard and sequence of its revision, place."""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The partner has it."""

    note: str = ""
    """What it is called there: "shipment 17"."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """A partner that is told what became of reservations.

    `next` gets a change and the responses to the requests made for it so far, and returns the next
    request, or `Done`. It begins again with no responses after a crash, so its first request asks
    whether the partner has the change already. Raises `Refused`, `Throttled`, `SessionExpired`.
    """

    concerns: Callable[[Change, Any], bool]
    """Whether the partner is to be told of a change. Not of what came from the partner itself."""
    next: Callable[[Change, Sequence[Response], Any], Request | Done]


def nothing_to_verify(message: Message, secrets: Mapping[str, str], options: Any) -> None:
    """For messages whose way here is trusted: a folder, a queue, a poll."""


def no_credentials(_options: Any, _secrets: Mapping[str, str]) -> Mapping[str, str]:
    """For partners that begin a session, or need no proof."""
    return {}


def one_message(blocks: Iterable[bytes], file: str, _options: Any) -> Iterator[Message]:
    """A file as one message, up to FILE_BYTES."""
    body = bytearray()
    for block in blocks:
        body += block
        if len(body) > FILE_BYTES:
            raise Undecodable(file, f"{len(body)} bytes", f"up to {FILE_BYTES} bytes")
    yield Message(bytes(body), {"file": file})


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One partner's language."""

    name: str
    """What adapters.toml calls it: `kind = "poslog"`."""
    reads: str
    """A sentence: what it understands, of which version."""
    dedupe: str
    """A sentence: by what a repeat is known."""
    order: str
    """A sentence: what tells the order of its events."""
    key: Callable[[Message], str]
    """What makes a message the same when it comes again, up to 512 bytes of UTF-8. Raises
    `Undecodable`.
    """
    decode: Callable[[Message, Any], Iterable[Decoded | Undecodable]]
    """The events of a message, in their order. Raises `Undecodable`; or yields one in place of a
    part that it cannot understand, and goes on behind it, so that one receipt of a file does not
    hold up the others. Either way the message is a dead letter, and what it yielded counts.
    """
    refuses: bool = False
    """Whether a message that cannot be decoded is refused at the door, for senders that read the
    answer and mend it. Others repeat what is refused for days: theirs is kept as a dead letter.
    """
    cut: Callable[[Iterable[bytes], str, Any], Iterator[Message]] = one_message
    """The messages of a file: of its blocks of bytes, its name and the options. It is cut the same
    way each time, and little of it is kept in memory at once. Raises `Undecodable`.
    """
    verify: Callable[[Message, Mapping[str, str], Any], None] = nothing_to_verify
    """Of a message, the secrets and the options. Raises `Unverified`."""
    options: type[BaseModel] = Options
    secrets: tuple[str, ...] = ()
    """Names of the secrets that it needs."""
    login: Login | None = None
    credentials: Callable[[Any, Mapping[str, str]], Mapping[str, str]] = no_credentials
    """The headers that each request bears where there is no session to begin, of options and
    secrets: an API key.
    """
    poll: Poll | None = None
    outbound: Outbound | None = None
    flow: str = "inventory_propagation"
    """The flow that its service level is stated for; see FLOWS."""


#: The flows that service levels are stated for.
FLOWS: Final = ("order_sync", "inventory_propagation", "shipment_update", "financial_posting")

#: Longest file that is one message: what the memory of a decoder allows for.
FILE_BYTES: Final = 16_777_216

_SHOWN_CHARACTERS: Final = 120


def _shown(value: object) -> str:
    """A value as an error shows it: short, and on one line."""
    text = repr(value)
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}... ({len(text)} characters)"
