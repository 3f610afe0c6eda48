"""The inbox: what comes again is known, what is too much is refused, and keys are forgotten."""

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from holdfast.adapters.contract import Message
from holdfast.adapters.runtime.dead_letters import dead_letters
from holdfast.adapters.runtime.inbox import (
    Arrival,
    Inbox,
    InboxFull,
    Keyed,
    correlation_id,
    keyed,
    remember,
)
from holdfast.adapters.runtime.store import Store, Tables
from tests.adapters.simple import ADAPTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
DAY_S = 86_400
MIB = 1 << 20


def opened(folder: Path, depth_max: int = 100, window_s: int = DAY_S) -> tuple[Store, Inbox]:
    store = Store(folder, 16 * MIB)
    return store, Inbox(store, "shop", depth_max, window_s)


def arrival(key: str, body: bytes = b"body") -> Keyed:
    return Keyed(Message(body, {"content-type": "text/plain"}, NOW), key, f"c-{key}")


async def test_messages_come_out_as_they_came_and_in_their_order(tmp_path: Path) -> None:
    store, inbox = opened(tmp_path)
    arrivals = [arrival(f"k{number}", b"%d" % number) for number in range(10)]
    await inbox.put(arrivals[:4], NOW)
    await inbox.put(arrivals[4:], NOW)
    store.close()

    _, inbox = opened(tmp_path)
    found = inbox.head(100, MIB)

    assert 10 == inbox.depth
    assert [(each.key, each.message, each.correlation_id) for each in arrivals] == [
        (each.key, each.message, each.correlation_id) for each in found
    ]


async def test_the_same_again_is_a_duplicate_and_other_content_is_reported(tmp_path: Path) -> None:
    store, inbox = opened(tmp_path)
    first = await inbox.put([arrival("k"), arrival("k")], NOW)
    later = await inbox.put([arrival("k", b"other"), arrival("k", b"other"), arrival("k")], NOW)
    with store.reading() as tables:
        [letter] = dead_letters(tables)

    assert [Arrival.STORED, Arrival.DUPLICATE] == first
    assert [Arrival.REUSED, Arrival.REUSED, Arrival.DUPLICATE] == later
    assert ("KEY_REUSED", "k", b"other") == (letter.reason, letter.key, letter.message.body)
    assert 1 == inbox.depth == len(inbox.head(100, MIB))


async def test_keys_of_one_adapter_do_not_touch_those_of_another(tmp_path: Path) -> None:
    store, inbox = opened(tmp_path)
    other = Inbox(store, "shop2", 100, DAY_S)

    assert [Arrival.STORED] == await inbox.put([arrival("k")], NOW)
    assert [Arrival.STORED] == await other.put([arrival("k")], NOW)
    assert 1 == len(inbox.head(100, MIB)) == len(other.head(100, MIB))


async def test_a_key_is_forgotten_after_its_window(tmp_path: Path) -> None:
    store, inbox = opened(tmp_path, window_s=DAY_S)
    await inbox.put([arrival("k")], NOW)
    soon, late = NOW + timedelta(hours=23), NOW + timedelta(hours=25)

    assert [Arrival.DUPLICATE] == await inbox.put([arrival("k")], soon)
    assert [Arrival.STORED] == await inbox.put([arrival("k")], late)
    with store.reading() as tables:
        assert 1 == tables.seen.size() == tables.seen_times.size()


async def test_what_is_noted_again_is_known_for_a_window_from_then_on(tmp_path: Path) -> None:
    """As that an order was cancelled, which a channel tells over and over."""
    store, inbox = opened(tmp_path, window_s=DAY_S)
    for hours in (0, 20):
        at = NOW + timedelta(hours=hours)
        await store.write(partial(remember, key=b"k" * 16, content=b"over", now=at))
    known = []
    for hours in (25, 45):
        await inbox.put([arrival(f"{hours}")], NOW + timedelta(hours=hours))
        with store.reading() as tables:
            known.append(tables.seen.get(b"k" * 16))

    assert [b"over", None] == known
    with store.reading() as tables:
        assert 0 == tables.seen_again.size()


async def test_what_is_seen_is_forgotten_faster_than_it_comes(tmp_path: Path) -> None:
    store, inbox = opened(tmp_path, depth_max=1_000)
    await inbox.put([arrival(f"old{number}") for number in range(200)], NOW)
    later = NOW + timedelta(days=2)
    for number in range(50):
        await inbox.put([arrival(f"new{number}")], later)

    with store.reading() as tables:
        assert 50 == tables.seen.size()


async def test_a_full_inbox_takes_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    _, inbox = opened(tmp_path, depth_max=3)
    await inbox.put([arrival("a"), arrival("b")], NOW)

    with pytest.raises(InboxFull, match="shop: 2 messages wait"):
        await inbox.put([arrival("c"), arrival("d")], NOW)
    assert 2 == inbox.depth
    assert [Arrival.STORED] == await inbox.put([arrival("c")], NOW)


class CountedReads:
    """A store that counts how often it is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.write = store.write
        self.reads = 0

    def reading(self) -> AbstractContextManager[Tables]:
        self.reads += 1
        return self._store.reading()


async def test_room_is_looked_for_when_what_was_known_is_used_up(tmp_path: Path) -> None:
    store, other = opened(tmp_path, depth_max=10)
    counted = CountedReads(store)
    inbox = Inbox(cast(Store, counted), "shop", 10, DAY_S)
    for number in range(10):
        await inbox.put([arrival(f"{number}")], NOW)
    assert 1 == counted.reads

    with pytest.raises(InboxFull, match="shop: 10 messages wait"):
        await inbox.put([arrival("10")], NOW)
    store.write_now(partial(other.remove, numbers=[each.number for each in other.head(2, MIB)]))
    assert [Arrival.STORED] == await inbox.put([arrival("10")], NOW)
    assert [Arrival.STORED] == await inbox.put([arrival("11")], NOW)
    assert (3, 10) == (counted.reads, other.depth)


async def test_the_head_is_bounded_by_bytes_but_is_one_at_least(tmp_path: Path) -> None:
    _, inbox = opened(tmp_path)
    await inbox.put([arrival(f"k{number}", bytes(1_000)) for number in range(9)], NOW)

    assert 1 == len(inbox.head(100, 10))
    assert 1 < len(inbox.head(100, 5_000)) < 9
    assert 2 == len(inbox.head(2, MIB))


def test_a_message_without_a_key_is_kept_under_its_content() -> None:
    bad, other = (keyed("shop", ADAPTER, Message(body)) for body in (b"{", b"[]"))

    assert bad.key.startswith("without a key ")
    assert bad.key != other.key


@pytest.mark.parametrize("document", [b"{}", b'{"id": 5}', b'{"id": "\\ud800"}', b"["])
def test_a_message_whose_key_fails_is_kept_under_its_content(document: bytes) -> None:
    adapter = replace(ADAPTER, key=lambda message: json.loads(message.body)["id"])

    assert keyed("shop", adapter, Message(document)).key.startswith("without a key ")


@pytest.mark.parametrize("given", ["", "a" * 129, "né", "a\nb"])
def test_a_correlation_id_that_the_core_does_not_take_is_replaced(given: str) -> None:
    assert 36 == len(correlation_id(given))
    assert "order-17" == correlation_id("order-17")


async def test_an_empty_inbox_takes_a_page_whole(tmp_path: Path) -> None:
    _, inbox = opened(tmp_path, depth_max=2)

    assert [Arrival.STORED] * 3 == await inbox.put([arrival(key) for key in "abc"], NOW)
    with pytest.raises(InboxFull):
        await inbox.put([arrival("d")], NOW)


async def test_a_clock_that_begins_in_1970_does_not_stop_the_store(tmp_path: Path) -> None:
    _, inbox = opened(tmp_path)
    early = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)

    assert [Arrival.STORED] == await inbox.put([arrival("a")], early)
    assert [Arrival.DUPLICATE] == await inbox.put([arrival("a")], early)
