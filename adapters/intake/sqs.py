"""Messages of an Amazon SQS queue, which are deleted once they are durable here.

What is not deleted comes again when its visibility timeout is over, and is known by its key. Text
attributes of a message stand beside its body with their names in lower case, and the id that SQS
gave it as "sqs-message-id".

Rules of this file: it receives and deletes, and knows nothing of what is in a message. Source:
Amazon SQS API Reference, 2012-11-05.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ..contract import Message, Page

#: Messages of one request; SQS gives no more.
_MESSAGES_MAX: Final = 10

#: Secrets of an adapter that are credentials of AWS. Without them the machine's own are taken.
_CREDENTIALS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

_CONNECT_TIMEOUT_S: Final = 10
#: How much longer than its long poll an answer may take.
_ANSWER_MARGIN_S: Final = 10


class SqsOptions(BaseModel):
    """A queue, and how it is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")]
    region: Annotated[str, Field(min_length=1)]
    endpoint_url: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")] | None = None
    """Where SQS is, if not at the region's own address."""
    wait_s: Annotated[int, Field(ge=1, le=20)] = 20
    """How long a request waits for messages."""
    visibility_s: Annotated[int, Field(ge=10, le=43_200)] = 60
    """How long a message is hidden from others. It is prolonged while there is no room for it."""


class Sqs:
    """The source of the messages of a queue; see Source."""

    def __init__(
        self, options: SqsOptions, client: Any, errors: tuple[type[Exception], ...]
    ) -> None:
        """`client` is one of aiobotocore, and `errors` are what it raises."""
        self._options = options
        self._client = client
        self._errors = errors
        self._page: Page | None = None
        self._receipts: list[str] = []

    async def fetch(self) -> Page:
        """Messages of the queue; the same until they are settled. Raises OSError."""
        if self._page is not None:
            visibility = {"VisibilityTimeout": self._options.visibility_s}
            await self._call("change_message_visibility_batch", Entries=self._entries(visibility))
            return self._page
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=_MESSAGES_MAX,
            WaitTimeSeconds=self._options.wait_s,
            VisibilityTimeout=self._options.visibility_s,
            MessageAttributeNames=["All"],
        )
        received = answer.get("Messages", ())
        page = Page([_message(each) for each in received], "", has_more=True)
        if received:
            self._page, self._receipts = page, [each["ReceiptHandle"] for each in received]
        return page

    async def settled(self, page: Page) -> None:
        """Delete the messages of the page. One that SQS does not delete comes again. Raises
        OSError.
        """
        if page is self._page:
            await self._call("delete_message_batch", Entries=self._entries({}))
            self._page = None

    async def check(self) -> None:
        """Ask about the queue, and change nothing. Raises OSError."""
        await self._call("get_queue_attributes", AttributeNames=["QueueArn"])

    def _entries(self, change: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {"Id": f"{place}", "ReceiptHandle": receipt, **change}
            for place, receipt in enumerate(self._receipts)
        ]

    async def _call(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        call = getattr(self._client, operation)
        try:
            answer: Mapping[str, Any] = await call(QueueUrl=self._options.queue_url, **arguments)
        except self._errors as error:
            raise ConnectionError(f"{self._options.queue_url}: {error}") from error
        return answer


@asynccontextmanager
async def opened_queue(options: SqsOptions, secrets: Mapping[str, str]) -> AsyncIterator[Sqs]:
    """The source of a queue, until the block ends. It needs holdfast[adapters-sqs]."""
    from aiobotocore.config import AioConfig  # noqa: PLC0415 - an extra, as are the others
    from aiobotocore.session import get_session  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    config = AioConfig(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=options.wait_s + _ANSWER_MARGIN_S,
        retries={"mode": "standard", "total_max_attempts": 1},  # the runtime tries again
    )
    credentials = {name: secrets[name] for name in _CREDENTIALS if name in secrets}
    async with get_session().create_client(
        "sqs",
        region_name=options.region,
        endpoint_url=options.endpoint_url,
        config=config,
        **credentials,
    ) as client:
        yield Sqs(options, client, (BotoCoreError, ClientError))


def _message(received: Mapping[str, Any]) -> Message:
    texts = {
        name.lower(): attribute["StringValue"]
        for name, attribute in received.get("MessageAttributes", {}).items()
        if "StringValue" in attribute
    }
    # A lone surrogate is no text: the decoder says so, and the queue goes on.
    body = received["Body"].encode(errors="surrogatepass")
    return Message(body, {**texts, "sqs-message-id": received["MessageId"]})
