"""Messages of a JetStream consumer of a real server, acknowledged when they are durable."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy
from pydantic import ValidationError

from holdfast.adapters.contract import Page
from holdfast.adapters.intake import nats
from holdfast.adapters.intake.nats import Nats, NatsOptions, opened_consumer
from tests.adapters.nats_server import CONSUMER, STREAM, Desk, NatsServer, running_nats

SECRETS = {"nats_user": "till", "nats_password": "made up"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    credentials = ("--user", SECRETS["nats_user"], "--pass", SECRETS["nats_password"])
    with running_nats(tmp_path_factory.mktemp("nats"), *credentials) as running:
        yield running


@pytest.fixture
async def desk(server: NatsServer) -> AsyncIterator[Desk]:
    client = await connected(server)
    desk = Desk(client)
    await desk.begin()
    yield desk
    await client.close()


async def connected(server: NatsServer) -> Client:
    client = Client()
    credentials = {"user": SECRETS["nats_user"], "password": SECRETS["nats_password"]}
    await client.connect(server.url, **credentials)  # type: ignore[arg-type]
    return client


def options(server: NatsServer, **changes: Any) -> NatsOptions:
    values = {"url": server.url, "stream": STREAM, "consumer": CONSUMER} | changes
    return NatsOptions.model_validate(values)


@pytest.fixture
async def source(server: NatsServer) -> AsyncIterator[Nats]:
    async with opened_consumer(options(server), SECRETS) as opened:
        yield opened


def bodies(page: Page) -> list[bytes]:
    return [message.body for message in page.messages]


async def test_messages_come_in_their_order_with_their_headers(desk: Desk, source: Nats) -> None:
    await desk.publish(b"one", Content_Type="application/json", CE_Id="17")
    await desk.publish(b"two")

    page = await source.fetch()

    assert [b"one", b"two"] == bodies(page)
    assert {
        "content-type": "application/json", "ce-id": "17", "nats-subject": "stock.sales"
    } == page.messages[0].attributes  # fmt: skip
    assert page.has_more


async def test_what_is_durable_here_is_acknowledged_and_nothing_else(
    desk: Desk, source: Nats
) -> None:
    await desk.publish(b"one", b"two")
    page = await source.fetch()
    await desk.wait_left(0, 2)
    assert page is await source.fetch()
    await source.settled(page)
    await desk.wait_left(0, 0)
    await desk.publish(b"three")
    assert [b"three"] == bodies(await source.fetch())


async def test_a_page_that_waits_for_room_does_not_come_again(desk: Desk, source: Nats) -> None:
    words = []
    heard = await desk.client.subscribe("$JS.ACK.>")
    await desk.publish(b"one")
    page = await source.fetch()
    await source.fetch()
    await source.settled(page)
    words = [(await heard.next_msg()).data for _ in range(2)]

    assert [b"+WPI", b"+ACK"] == words


async def test_what_was_not_acknowledged_comes_again(desk: Desk, server: NatsServer) -> None:
    await desk.begin(ack_wait=0.05)
    await desk.publish(b"one")
    for _ in range(2):  # the first process dies before the message is durable
        async with opened_consumer(options(server), SECRETS) as source:
            assert {b"one"} == set(bodies(await source.fetch()))


async def test_nothing_new_is_a_page_without_messages(
    desk: Desk, source: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats, "_WAIT_S", 0.05)
    page = await source.fetch()
    assert (0, True) == (len(page.messages), page.has_more)
    await source.settled(page)
    await desk.publish(b"one")
    assert [b"one"] == bodies(await source.fetch())


async def test_a_server_that_ends_is_found_again(
    desk: Desk, source: Nats, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats, "_ANSWER_S", 0.1)
    monkeypatch.setattr(nats, "_WAIT_S", 0.05)
    await desk.publish(b"one", b"two")
    page = await source.fetch()
    server.kill()
    with pytest.raises(OSError, match="holdfast of STOCK"):
        await source.settled(page)
    with pytest.raises(OSError, match="holdfast of STOCK"):
        await source.check()
    server.start()
    assert page is await source.fetch()

    client = await connected(server)
    while (0, 0) != await Desk(client).left():  # what the server has forgotten comes again
        await source.settled(page)
        page = await source.fetch()
    await client.close()


@pytest.mark.parametrize(
    ("consumer", "why"),
    [
        ({"ack_policy": AckPolicy.NONE}, "acknowledges explicitly"),
        ({"deliver_subject": "elsewhere"}, "expected a pull consumer"),
    ],
)
async def test_a_consumer_of_another_kind_is_refused(
    desk: Desk, source: Nats, consumer: dict[str, Any], why: str
) -> None:
    await desk.begin(**consumer)
    with pytest.raises(OSError, match=why):
        await source.fetch()
    await desk.begin()
    await source.check()


@pytest.mark.usefixtures("desk")
async def test_what_is_not_there_is_reported(server: NatsServer) -> None:
    for change in ({"stream": "OTHER"}, {"consumer": "other"}):
        async with opened_consumer(options(server, **change), SECRETS) as source:
            with pytest.raises(OSError, match="not found"):
                await source.check()
    async with opened_consumer(options(server), {"nats_token": "wrong token"}) as source:
        with pytest.raises(OSError, match="Authorization") as refused:
            await source.check()
    assert "wrong token" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "nats://till:secret@127.0.0.1:4222"},
        {"url": "http://127.0.0.1:4222"},
        {"stream": "a.b"},
        {"consumer": "*"},
        {"durable": "x"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(server: NatsServer, wrong: Any) -> None:
    with pytest.raises(ValidationError):
        options(server, **wrong)
