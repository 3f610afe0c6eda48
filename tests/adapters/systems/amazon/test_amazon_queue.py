"""The twin's notifications reach a queue that speaks SQS, and are read as what they say."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.contract import Message
from holdfast.adapters.events import OrderEvent, Shown
from holdfast.adapters.systems.amazon.channel import LISTINGS
from holdfast.adapters.twins.amazon import AmazonTwin
from holdfast.adapters.twins.amazon_documents import to_queue
from holdfast.adapters.twins.faults import Faults
from holdfast.adapters.twins.serving import running
from tests.adapters.systems.amazon.amazon_channel import OPTIONS, SECRETS, HandClock
from tests.adapters.test_queues import ask, running_moto
from tests.real_time import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_what_the_twin_sells_is_sent_to_a_queue(tmp_path: Path) -> None:
    with running_moto(tmp_path) as url:
        queue_url = ask(url, "CreateQueue", QueueName="amazon")["QueueUrl"]
        faults, tell = Faults(duplicates=1), to_queue(queue_url, "eu-central-1")
        twin = AmazonTwin(faults, HandClock(), credentials=SECRETS, tell=tell)
        twin.list_item("MUG", DEFAULT=9)
        with running(twin) as run:
            order = run.do(lambda: twin.sell("MUG", "DEFAULT", 2))
            received = wait_received(url, queue_url, 4)

    messages = [Message(each["Body"].encode()) for each in received]
    events = [event for each in messages for event in LISTINGS.decode(each, OPTIONS)]
    assert 2 == len({LISTINGS.key(each) for each in messages})
    assert {f"amazon/{order}"} == {each.order for each in events if isinstance(each, OrderEvent)}
    assert {7} == {each.quantity for each in events if isinstance(each, Shown)}


def wait_received(url: str, queue_url: str, count: int) -> list[dict[str, Any]]:
    """So many messages of a queue."""
    received: list[dict[str, Any]] = []

    def has_all() -> bool:
        got = ask(url, "ReceiveMessage", QueueUrl=queue_url, MaxNumberOfMessages=10)
        received.extend(got.get("Messages", ()))
        return len(received) >= count

    wait_until(has_all, "messages are missing")
    return received
