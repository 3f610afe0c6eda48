"""Messages of an SQS queue are deleted when they are durable. A real client meets a server that
we did not write in tests/adapters/test_queues.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from holdfast.adapters.contract import Message, Page
from holdfast.adapters.intake.sqs import Sqs, SqsOptions

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/stock"


class SqsRefused(Exception):  # noqa: N818 - as botocore's ClientError
    """What SQS answers instead of a result."""


class Queue:
    """A queue as aiobotocore's client shows it. Messages that were given to somebody are hidden
    until `reappear`.
    """

    def __init__(self, *bodies: str) -> None:
        self.visible = [{"MessageId": f"id-{body}", "Body": body} for body in bodies]
        self.hidden: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.refuses = ""

    def reappear(self) -> None:
        """The visibility timeout of all messages is over."""
        self.visible += self.hidden.values()
        self.hidden.clear()

    async def receive_message(self, **asked: Any) -> Mapping[str, Any]:
        self._note("receive_message", asked)
        given, self.visible = self.visible[:10], self.visible[10:]
        receipts = {f"receipt {len(self.calls)}/{place}": each for place, each in enumerate(given)}
        self.hidden |= receipts
        received = [{**each, "ReceiptHandle": receipt} for receipt, each in receipts.items()]
        return {"Messages": received} if received else {}

    async def delete_message_batch(self, **asked: Any) -> Mapping[str, Any]:
        self._note("delete_message_batch", asked)
        gone = [self.hidden.pop(each["ReceiptHandle"], None) for each in asked["Entries"]]
        return {"Failed": [{"Code": "ReceiptHandleIsInvalid"} for each in gone if each is None]}

    async def change_message_visibility_batch(self, **asked: Any) -> Mapping[str, Any]:
        self._note("change_message_visibility_batch", asked)
        return {}

    async def get_queue_attributes(self, **asked: Any) -> Mapping[str, Any]:
        self._note("get_queue_attributes", asked)
        return {}

    def _note(self, operation: str, asked: Mapping[str, Any]) -> None:
        assert URL == asked["QueueUrl"]
        if self.refuses == operation:
            raise SqsRefused("AccessDenied")
        self.calls.append((operation, asked))


def source(queue: Queue, **options: Any) -> Sqs:
    return Sqs(SqsOptions(queue_url=URL, region="eu-central-1", **options), queue, (SqsRefused,))


def bodies(messages: Sequence[Message]) -> list[str]:
    return [message.body.decode() for message in messages]


async def test_messages_are_deleted_when_they_are_durable_and_not_before() -> None:
    queue = Queue(*"abcdefghijkl")
    reading = source(queue)
    first = await reading.fetch()
    assert (list("abcdefghij"), True) == (bodies(first.messages), first.has_more)
    assert 10 == len(queue.hidden)
    await reading.settled(first)
    assert {} == queue.hidden
    second = await reading.fetch()
    assert ["k", "l"] == bodies(second.messages)


async def test_what_is_not_settled_is_given_again_and_stays_hidden() -> None:
    queue = Queue("a")
    reading = source(queue, visibility_s=90)
    page = await reading.fetch()
    assert page is await reading.fetch()
    [entry] = queue.calls[-1][1]["Entries"]
    assert "change_message_visibility_batch" == queue.calls[-1][0]
    assert 90 == entry["VisibilityTimeout"]
    await reading.settled(page)
    assert {} == queue.hidden


async def test_another_process_gets_what_was_not_deleted() -> None:
    queue = Queue("a")
    await source(queue).fetch()
    queue.reappear()
    reading = source(queue)
    page = await reading.fetch()
    assert ["a"] == bodies(page.messages)


async def test_a_message_that_sqs_does_not_delete_holds_nothing_up() -> None:
    queue = Queue("a")
    reading = source(queue)
    page = await reading.fetch()
    queue.reappear()
    await reading.settled(page)
    assert ["a"] == bodies((await reading.fetch()).messages)


async def test_an_empty_queue_is_asked_again_at_once() -> None:
    queue = Queue()
    reading = source(queue, wait_s=7)
    page = await reading.fetch()
    await reading.settled(page)
    assert ([], True) == (list(page.messages), page.has_more)
    assert 7 == queue.calls[0][1]["WaitTimeSeconds"]
    assert ["receive_message"] == [operation for operation, _ in queue.calls]


@pytest.mark.parametrize("operation", ["receive_message", "delete_message_batch"])
async def test_what_sqs_refuses_is_reported_and_asked_again(operation: str) -> None:
    queue = Queue("a")
    reading = source(queue)

    async def take() -> Page:
        page = await reading.fetch()
        await reading.settled(page)
        return page

    queue.refuses = operation
    with pytest.raises(OSError, match=f"{URL}: AccessDenied"):
        await take()
    queue.refuses = ""
    assert ["a"] == bodies((await take()).messages)
    assert {} == queue.hidden


async def test_a_check_changes_nothing() -> None:
    queue = Queue("a")
    await source(queue).check()
    assert ["get_queue_attributes"] == [operation for operation, _ in queue.calls]
    queue.refuses = "get_queue_attributes"
    with pytest.raises(OSError, match="AccessDenied"):
        await source(queue).check()


async def test_text_attributes_stand_beside_the_body() -> None:
    queue = Queue("a")
    queue.visible[0]["MessageAttributes"] = {  # type: ignore[assignment]
        "Content-Type": {"DataType": "String", "StringValue": "application/json"},
        "Picture": {"DataType": "Binary", "BinaryValue": b"\0"},
    }
    [message] = (await source(queue).fetch()).messages
    assert {"content-type": "application/json", "sqs-message-id": "id-a"} == message.attributes


async def test_a_body_that_is_no_text_does_not_stop_the_queue() -> None:
    [message] = (await source(Queue("\ud800")).fetch()).messages
    assert b"\xed\xa0\x80" == message.body


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue_url": "sqs://queue"},
        {"queue_url": "https://key:secret@sqs.example/queue"},
        {"region": ""},
        {"wait_s": 0},
        {"wait_s": 21},
        {"visibility_s": 5},
        {"polls": 1},
    ],
)
def test_settings_that_cannot_be_right_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SqsOptions.model_validate({"queue_url": URL, "region": "eu-central-1"} | wrong)
