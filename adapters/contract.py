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
from reprlib import Repr
from typing import Any, Final, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from .events import Decoded, Shown


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
    """A request to a partner over HTTP. `url` is relative to the partner's base address. One that
    is absolute, such as a presigned address, is asked without the session.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    operation: str = ""
    """Which of the partner's budgets it takes from: a key of `Adapter.budgets`, or empty."""
    cost: float = 1.0
    """How many tokens of that budget."""


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

    def __str__(self) -> str:
        return f"{self.reason} ({self.field})" if self.field else self.reason


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
    """The same however often it is sent: timeline, shard and sequence of its revision, place."""
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


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens of an operation a partner grants: so many a second, up to `burst` at once."""

    rate: float
    burst: float


@dataclass(frozen=True, slots=True)
class Granted:
    """What a response says of the budget that its request took from. None is not stated."""

    rate: float | None = None
    burst: float | None = None
    tokens: float | None = None
    """How many are left now."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a channel is to show of an item at one of its nodes, in the channel's names."""

    item: str
    node: str
    quantity: int
    """0 or more: what it is to show, whatever it shows now."""
    shown: int | None
    """What it showed when it was last heard of, for those that compare and set; None when that is
    not known.
    """
    sequence: int
    """Grows with each offer of an item at a node."""
    id: str
    """For idempotency keys: the same each time this offer is sent, and another for each offer."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The channel shows what it was offered, or will without being asked again."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The channel showed something else than the offer was compared with, and changed nothing."""

    shown: int | None = None
    """What it shows, if it says so."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The channel will not take this offer however often it is sent. `field` names what of it."""

    reason: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Deferred:
    """The channel did not take this offer now, but would later: in so many seconds, if it says."""

    after_s: float | None = None


OfferVerdict: TypeAlias = Accepted | Stale | Rejected | Deferred


@dataclass(frozen=True, slots=True)
class Wait:
    """The channel works on what it was given: ask it this after so many seconds."""

    seconds: float
    request: Request


@dataclass(frozen=True, slots=True)
class PublishPath:
    """One of the ways in which a channel takes quantities.

    `next` gets offers and the responses to the requests made for them so far, and returns the next
    request, a `Wait`, or a verdict for each offer, in their order. It is pure, and may be asked
    again with the same arguments. Raises `Throttled`, `SessionExpired`, `Undecodable`; and
    `Refused` where the channel takes none of the offers, for a reason that is in none of them.
    """

    name: str
    """"patch", "feed"."""
    offers_max: int
    """How many it takes at once."""
    next: Callable[
        [Sequence[Offer], Sequence[Response], Any], Request | Wait | Sequence[OfferVerdict]
    ]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How a channel is asked, page by page, what it shows. `page` returns that and the next cursor,
    which is empty after the last page.
    """

    request: Callable[[str, Any], Request]
    page: Callable[[Response, Any], tuple[Sequence[Shown], str]]


@dataclass(frozen=True, slots=True)
class ReadPairs:
    """How a channel is asked what it shows that has to be told of which items at which nodes."""

    pairs_max: int
    """How many it is asked for at once."""
    request: Callable[[Sequence[tuple[str, str]], Any], Request]
    """Of items with their nodes, and the options."""
    shown: Callable[[Response, Any], Sequence[Shown]]


@dataclass(frozen=True, slots=True)
class Publish:
    """A channel that is told what to show. `paths` are in the order of preference for few offers:
    the engine takes a later one where it is sooner done with all that waits.
    """

    paths: tuple[PublishPath, ...]
    read_back: ReadBack | ReadPairs | None = None


def nothing_to_verify(message: Message, secrets: Mapping[str, str], options: Any) -> None:
    """For messages whose way here is trusted: a folder, a queue, a poll."""


def nothing_granted(_response: Response) -> Granted:
    """For partners that do not state their budgets."""
    return Granted()


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
    """A sentence: what gives the order of its events."""
    key: Callable[[Message], str]
    """What makes a message the same when it comes again, up to KEY_BYTES_MAX. Raises `Undecodable`.
    """
    decode: Callable[[Message, Any], Iterable[Decoded | Undecodable]]
    """The events of a message, in their order. Raises `Undecodable`; or yields one in place of a
    part that it cannot understand, and goes on after it, so that one receipt of a file does not
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
    publish: Publish | None = None
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """Of each operation, what the partner grants until it says something else."""
    granted: Callable[[Response], Granted] = nothing_granted
    """What a response says of the budget that its request took from."""
    flow: str = "inventory_propagation"
    """The flow that its service level is stated for; see FLOWS."""


#: The flows that service levels are stated for.
FLOWS: Final = ("order_sync", "inventory_propagation", "shipment_update", "financial_posting")

#: Longest key of a message, in UTF-8.
KEY_BYTES_MAX: Final = 512

#: Longest file that is one message: what the memory of a decoder allows for.
FILE_BYTES: Final = 16_777_216

_SHOWN_CHARACTERS: Final = 120

#: Writes the beginning of large values: the whole of a document takes milliseconds, in one call.
_BRIEFLY: Final = Repr()
_BRIEFLY.maxlist = _BRIEFLY.maxtuple = _BRIEFLY.maxdict = _BRIEFLY.maxset = 20
_BRIEFLY.maxstring = _BRIEFLY.maxother = 2 * _SHOWN_CHARACTERS


def _shown(value: object) -> str:
    """A value as an error shows it: short, and on one line."""
    if isinstance(value, (str, bytes)) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]!r}... ({len(value)} characters)"
    text = _BRIEFLY.repr(value) if isinstance(value, (dict, list, tuple, set)) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
