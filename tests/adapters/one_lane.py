"""A lane of one adapter that is given canonical events one by one, over a folder that stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import cast

from holdfast.adapters.contract import Message
from holdfast.adapters.events import Event
from holdfast.adapters.intake.cloudevents import ADAPTER, to_json
from holdfast.adapters.mapping import Tables
from holdfast.adapters.runtime.cases import cases
from holdfast.adapters.runtime.dead_letters import dead_letters
from holdfast.adapters.runtime.early import WAITS_S
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.gate import Gate
from holdfast.adapters.runtime.host import CORE_TEMPORARY
from holdfast.adapters.runtime.inbox import Inbox, keyed
from holdfast.adapters.runtime.lane import Lane, nothing_sold
from holdfast.adapters.runtime.records import Case, DeadLetter
from holdfast.adapters.runtime.store import Store, StoreFailed, StoreFull
from holdfast.edge.client import Client
from tests.adapters.core_client import CoreClient
from tests.adapters.events_of import to_batch

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
MAP_BYTES = 16 << 20


class _Failing:
    """A store that can be read, and takes no change."""

    def __init__(self, store: Store, error: Exception) -> None:
        self._error = error
        self.reading = store.reading

    async def write(self, _: object) -> None:
        raise self._error


async def deliver(
    folder: Path,
    core: CoreClient | Client,
    *events: Event,
    sold: Callable[[datetime], None] = nothing_sold,
    fails: StoreFull | StoreFailed | None = None,
    now: datetime = NOW,
    is_batch: bool = False,
) -> list[Case]:
    """Let it take events, each as a message or all as one, and what it was killed over before or is
    due; the cases that came of it. Its store may fail at what it is to keep of them.
    """
    store = Store(folder, MAP_BYTES)
    try:
        inbox = Inbox(store, "channel", 100, 86_400)
        bodies = [to_batch(events)] if is_batch else map(to_json, events)
        messages = [Message(body, received=now) for body in bodies]
        await inbox.put([keyed("channel", ADAPTER, each) for each in messages], now)
        kept = cast(Store, _Failing(store, fails)) if fails else store
        assert await _lane(kept, inbox, core, sold, now).round()
        with store.reading() as tables:
            return list(cases(tables))
    finally:
        store.close()


def letters_in(folder: Path) -> list[DeadLetter]:
    """The dead letters that it has left."""
    store = Store(folder, MAP_BYTES)
    with store.reading() as tables:
        found = list(dead_letters(tables))
    store.close()
    return found


async def wait_in_vain(folder: Path, core: CoreClient) -> list[Case]:
    """Let it try what came before its order as often as it does; the cases that came of it."""
    found: list[Case] = []
    for seconds in accumulate(WAITS_S):
        found = await deliver(folder, core, now=NOW + timedelta(seconds=seconds))
    return found


def _lane(
    store: Store,
    inbox: Inbox,
    core: CoreClient | Client,
    sold: Callable[[datetime], None],
    now: datetime,
) -> Lane:
    return Lane(
        "channel",
        ADAPTER,
        ADAPTER.options(),
        store=store,
        inbox=inbox,
        client=cast(Client, core),
        core=Gate("core", CORE_TEMPORARY),
        tables=Tables(),
        observer=Figures({"channel": "order_sync"}, {}, lambda: NOW),
        now=lambda: now,
        sold=sold,
    )
