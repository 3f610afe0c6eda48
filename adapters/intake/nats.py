"""Messages of a NATS JetStream consumer, which are acknowledged once they are durable here.

The consumer is a durable one that is pulled and acknowledges explicitly; whoever owns the stream
makes it. What is not acknowledged comes again when its AckWait is over, and is known by its key.
Headers of a message stand beside its body with their names in lower case, and its subject as
"nats-subject".

Rules of this file: it pulls and acknowledges, and knows nothing of what is in a message. A lost
connection is opened again here, since the runtime tries again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Message, Page

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

#: Messages that are made durable at once. A server's messages have up to 1 MiB unless it is set
#: otherwise, so this bounds memory, too.
_MESSAGES_MAX: Final = 64

#: Seconds that a pull waits for messages.
_WAIT_S: Final = 20.0

#: Seconds between looks at whether the server is still there; two that fail end a connection.
_PING_S: Final = 10

#: Seconds until a server that does not answer counts as away.
_ANSWER_S: Final = 5

_ACKNOWLEDGED: Final = b"+ACK"
_IN_PROGRESS: Final = b"+WPI"

Result = TypeVar("Result")


class NatsOptions(BaseModel):
    """A consumer, and where it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^(nats|tls)://[^@\s]+$")]
    """Without user and password: those are secrets."""
    stream: Annotated[str, Field(pattern=r"^[^\s.*>/\\]+$")]
    consumer: Annotated[str, Field(pattern=r"^[^\s.*>/\\]+$")]


class Nats:
    """The source of the messages of a consumer; see Source."""

    def __init__(
        self,
        options: NatsOptions,
        connect: Callable[[], Awaitable["Client"]],
        errors: tuple[type[Exception], ...],
    ) -> None:
        """`connect` connects to the server, and `errors` are what its client raises."""
        self._options = options
        self._connect = connect
        self._errors = errors
        self._client: Client | None = None
        self._pulled: JetStreamContext.PullSubscription | None = None
        self._page: Page | None = None
        self._replies: list[str] = []

    async def fetch(self) -> Page:
        """Messages of the consumer; the same until they are settled. Raises OSError."""
        return await self._trying(self._fetch)

    async def settled(self, page: Page) -> None:
        """Acknowledge the messages of the page. Raises OSError."""
        if page is self._page:
            await self._trying(lambda: self._reply(_ACKNOWLEDGED))
            self._page = None

    async def check(self) -> None:
        """Ask about the consumer, and change nothing. Raises OSError."""
        await self._trying(self._connected)

    async def close(self) -> None:
        """End the connection. What was not acknowledged comes again."""
        if self._client is not None:
            await self._client.close()

    async def _fetch(self) -> Page:
        if self._page is not None:
            await self._reply(_IN_PROGRESS)
            return self._page
        await self._connected()
        assert self._pulled is not None
        try:
            messages = await self._pulled.fetch(_MESSAGES_MAX, timeout=_WAIT_S)
        except TimeoutError:
            return Page((), "", has_more=True)
        self._replies = [each.reply for each in messages]
        self._page = Page([_message(each) for each in messages], "", has_more=True)
        return self._page

    async def _reply(self, word: bytes) -> None:
        client = await self._connected()
        for reply in self._replies:
            await client.publish(reply, word)
        await client.flush(_ANSWER_S)

    async def _connected(self) -> "Client":
        if self._client is None or self._client.is_closed:
            client = await self._connect()
            try:
                self._pulled = await self._bound(client)
            except self._errors:
                await client.close()
                raise
            self._client = client
        return self._client

    async def _bound(self, client: "Client") -> "JetStreamContext.PullSubscription":
        streams = client.jetstream()
        stream, consumer = self._options.stream, self._options.consumer
        config = (await streams.consumer_info(stream, consumer)).config
        if config.deliver_subject or config.ack_policy != "explicit":
            raise ConnectionError("expected a pull consumer that acknowledges explicitly")
        return await streams.pull_subscribe_bind(consumer, stream)

    async def _trying(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await attempt()
        except self._errors as error:
            where = f"{self._options.url}: {self._options.consumer} of {self._options.stream}"
            raise ConnectionError(f"{where}: {str(error) or type(error).__name__}") from error


@asynccontextmanager
async def opened_consumer(options: NatsOptions, secrets: Mapping[str, str]) -> AsyncIterator[Nats]:
    """The source of a consumer, until the block ends. It needs holdfast[adapters-nats]."""
    from nats.aio.client import Client  # noqa: PLC0415 - an extra
    from nats.errors import Error  # noqa: PLC0415

    async def connect() -> Client:
        client = Client()
        try:
            await client.connect(
                options.url,
                name="holdfast adapters",
                allow_reconnect=False,
                max_reconnect_attempts=1,  # of the first connection, too; 0 is without end
                reconnect_time_wait=0,
                ping_interval=_PING_S,
                error_cb=_raised_elsewhere,
                user=secrets.get("nats_user"),
                password=secrets.get("nats_password"),
                token=secrets.get("nats_token"),
            )
        except BaseException:
            await client.close()
            raise
        return client

    source = Nats(options, connect, (Error, OSError))
    try:
        yield source
    finally:
        await source.close()


async def _raised_elsewhere(_: Exception) -> None:
    """What ends a connection is raised by the next call as well."""


def _message(pulled: "Msg") -> Message:
    headers = {name.lower(): value for name, value in (pulled.headers or {}).items()}
    return Message(pulled.data, {**headers, "nats-subject": pulled.subject})
