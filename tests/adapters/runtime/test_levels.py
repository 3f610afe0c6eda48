"""What the core says of levels: known after a restart, gone after a reset, moved by a rename."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from holdfast.adapters.mapping import Row, Tables
from holdfast.adapters.publishing.board import Board
from holdfast.adapters.publishing.items import Items
from holdfast.adapters.publishing.outages import Claims
from holdfast.adapters.publishing.publish_options import PublishOptions
from holdfast.adapters.runtime import levels as levels_module
from holdfast.adapters.runtime.levels import Levels
from holdfast.adapters.runtime.store import Store, StoreFailed
from holdfast.adapters.runtime.store import Tables as StoreTables
from holdfast.edge.client import Client
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import watch_service_pb2 as watch
from tests.real_time import wait_until_so

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LOCATIONS = ["dc-1", "dc-2"]
REVISION = common.Revision(shard=0, sequence=7)


class Core:
    """Returns what it is given, and notes where it is asked to resume."""

    def __init__(self, *responses: watch.WatchAvailabilityResponse) -> None:
        self._responses = responses
        self.after: Sequence[common.Revision] = ()
        self.locations: Sequence[str] = ()

    async def watch_availability(
        self, locations: Sequence[str], after: Sequence[common.Revision]
    ) -> AsyncIterator[watch.WatchAvailabilityResponse]:
        self.locations = locations
        self.after = after
        for response in self._responses:
            yield response


class Closed:
    """Answers calls, but refuses the watch until it is opened, for as long as the client tries."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def list_locations(self, page_size: int) -> None:
        pass

    async def watch_availability(
        self, locations: Sequence[str], after: Sequence[common.Revision]
    ) -> AsyncIterator[watch.WatchAvailabilityResponse]:
        assert (["dc-1"], []) == (locations, after)
        await self.opened.wait()
        yield response()
        await asyncio.Event().wait()


def update(
    sku: str,
    available: int,
    location: str = "dc-1",
    *,
    removed: bool = False,
    other_names: Sequence[str] = (),
    **of_level: Any,
) -> watch.LevelUpdate:
    level = availability.StockLevel(location=location, available=available, enabled=True)
    level.MergeFrom(availability.StockLevel(**of_level))
    if "enabled" in of_level:
        level.enabled = of_level["enabled"]
    return watch.LevelUpdate(sku=sku, level=level, removed=removed, other_names=other_names)


def response(*levels: watch.LevelUpdate, reset: bool = False) -> watch.WatchAvailabilityResponse:
    return watch.WatchAvailabilityResponse(levels=levels, revisions=[REVISION], reset=reset)


def levels_of(
    store: Store, core: Core, tables: Tables | None = None, locations: Sequence[str] = LOCATIONS
) -> tuple[Levels, Board]:
    """Levels, and a board that they update."""
    levels = Levels(locations, store=store, client=cast(Client, core), clock=NOW.timestamp)
    options = PublishOptions(nodes={"DEFAULT": tuple(locations)}, buffer_max=0)
    board = Board("shop", options, Items(tables or Tables(), NOW), levels.known, Claims())
    levels.boards.append(board)
    return levels, board


def targets(board: Board) -> dict[str, int]:
    """What a board is to show, by item."""
    return {item: board.pairs.target[row] for row, (item, _) in enumerate(board.pairs.names)}


async def followed(
    folder: Path, core: Core, tables: Tables | None = None, locations: Sequence[str] = LOCATIONS
) -> dict[str, int]:
    """What a board is to show after all was received: by item."""
    store = Store(folder, 1 << 24)
    levels, board = levels_of(store, core, tables, locations)
    await levels.follow()
    assert not levels.is_settling
    assert locations == core.locations
    store.close()
    return targets(board)


async def test_a_restart_knows_the_levels_and_resumes_after_them(tmp_path: Path) -> None:
    first = Core(
        response(update("mug", 5), update("mug", 2, "dc-2"), update("pen", -3), reset=True)
    )
    assert {"mug": 7, "pen": 0} == await followed(tmp_path, first)

    second = Core(response(update("pen", 4)))
    assert {"mug": 7, "pen": 4} == await followed(tmp_path, second)
    assert [REVISION] == second.after


async def test_boards_receive_what_comes_while_the_disk_is_slow(tmp_path: Path) -> None:
    store, goes_on = Store(tmp_path, 1 << 24), threading.Event()
    core = Core(*(response(update("mug", units)) for units in (5, 4, 3)))
    levels = Levels(["dc-1", "dc-2"], store=store, client=cast(Client, core), clock=NOW.timestamp)
    async with asyncio.TaskGroup() as group:
        group.create_task(store.write(lambda _: goes_on.wait(20)))
        group.create_task(levels.follow())
        try:
            async with asyncio.timeout(10):
                await until_known(levels, 3)
        finally:
            goes_on.set()
    store.close()

    assert {"mug": 3} == await followed(tmp_path, Core())


async def until_known(levels: Levels, units: int) -> None:
    async def is_known() -> bool:
        level = levels.known.level("mug", "dc-1", NOW.timestamp())
        return level is not None and level.units == units

    await wait_until_so(is_known)


@asynccontextmanager
async def following(levels: Levels) -> AsyncIterator[None]:
    """Levels that follow the core and ask whether it is there."""
    tasks = [asyncio.create_task(work()) for work in (levels.follow, levels.ask)]
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_core_that_refuses_the_watch_is_silent_whatever_else_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_heard() -> bool:
        return levels.silent_s == 0.0

    monkeypatch.setattr(levels_module, "ASK_S", 0)
    store, core, passed_s = Store(tmp_path, 1 << 24), Closed(), 0.0
    client = cast(Client, core)
    levels = Levels(["dc-1"], store=store, client=client, clock=lambda: passed_s)
    async with following(levels):
        passed_s = 61.0
        for _ in range(100):
            await asyncio.sleep(0)
        assert 61.0 == levels.silent_s
        core.opened.set()
        await wait_until_so(is_heard)
        passed_s = 99.0
        await wait_until_so(is_heard)
    store.close()


async def test_a_core_that_answers_is_not_silent_where_no_location_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All channels are being ended."""

    async def is_heard() -> bool:
        return levels.silent_s == 0.0

    monkeypatch.setattr(levels_module, "ASK_S", 0)
    store, passed_s = Store(tmp_path, 1 << 24), 0.0
    levels = Levels([], store=store, client=cast(Client, Closed()), clock=lambda: passed_s)
    passed_s = 61.0
    async with following(levels):
        await wait_until_so(is_heard)
    store.close()


async def test_a_disk_that_fails_ends_the_watch(tmp_path: Path) -> None:
    store = Store(tmp_path, 1 << 24)
    core = Core(response(update("mug", 5)))
    levels = Levels(["dc-1", "dc-2"], store=store, client=cast(Client, core), clock=NOW.timestamp)
    with suppress(StoreFailed):
        await store.write(_fail)
    with pytest.raises(StoreFailed, match="broken"):
        await levels.follow()
    store.close()


def _fail(_: StoreTables) -> None:
    raise StoreFailed("broken")


async def test_what_a_reset_does_not_tell_has_no_units(tmp_path: Path) -> None:
    await followed(tmp_path, Core(response(update("mug", 5), update("pen", 4), reset=True)))

    part = watch.WatchAvailabilityResponse(levels=[update("mug", 6)], reset=True)
    again = Core(part, response(update("cup", 1)))
    assert {"mug": 6, "pen": 0, "cup": 1} == await followed(tmp_path, again)
    assert {"mug": 6, "pen": 0, "cup": 1} == await followed(tmp_path, Core())


async def test_a_level_that_is_removed_has_no_units(tmp_path: Path) -> None:
    gone = response(update("mug", 5, removed=True))
    assert {"mug": 0} == await followed(tmp_path, Core(response(update("mug", 5)), gone))


async def test_an_item_follows_its_sku_to_another_name(tmp_path: Path) -> None:
    row = Row("mug", 1, None, None, "", 0)  # type: ignore[arg-type]
    tables = Tables({"item": {("gid-1", ""): (row,)}})
    renamed = response(update("cup", 5, other_names=["mug"]))
    core = Core(response(update("mug", 5)), renamed)

    assert {"gid-1": 5} == await followed(tmp_path, core, tables)
    assert {"gid-1": 5} == await followed(tmp_path, Core(), tables)


async def test_a_listing_by_the_old_name_of_a_sku_is_emptied(tmp_path: Path) -> None:
    core = Core(response(update("mug", 5)), response(update("cup", 5, other_names=["mug"])))

    assert {"mug": 0, "cup": 5} == await followed(tmp_path, core)


async def test_a_location_that_is_new_in_the_settings_is_followed_at_once(tmp_path: Path) -> None:
    await followed(tmp_path, Core(response(update("mug", 5), reset=True)), locations=["dc-1"])

    store = Store(tmp_path, 1 << 24)
    levels, _ = levels_of(store, Core())
    await levels.follow()
    store.close()
    assert not levels.known.is_whole  # nothing was received of dc-2

    both = Core(response(update("mug", 5), update("mug", 2, "dc-2"), reset=True))
    assert {"mug": 7} == await followed(tmp_path, both)
    assert [] == both.after

    store = Store(tmp_path, 1 << 24)
    levels, _ = levels_of(store, Core())
    await levels.follow()
    store.close()
    assert levels.known.is_whole

    fewer = Core()
    assert {"mug": 5} == await followed(tmp_path, fewer, locations=["dc-1"])
    assert [REVISION] == fewer.after


async def test_a_reset_that_ended_early_takes_no_units_away(tmp_path: Path) -> None:
    await followed(tmp_path, Core(response(update("mug", 5), update("pen", 4), reset=True)))

    store = Store(tmp_path, 1 << 24)
    part = watch.WatchAvailabilityResponse(levels=[update("mug", 6)], reset=True)
    levels, board = levels_of(store, Core(part))
    await levels.follow()
    levels._client = cast(Client, Core(response(update("cup", 1))))
    await levels.follow()
    store.close()
    assert {"mug": 6, "pen": 4, "cup": 1} == targets(board)


def sold_of(levels: Levels, sku: str = "mug") -> float | None:
    """Units a second that are asked for of it, as far as known; None where none were."""
    level = levels.known.level(sku, "dc-1", NOW.timestamp())
    assert level is not None
    return level.rate and level.rate.order_units


async def test_what_was_sold_unseen_is_no_order_of_so_many(tmp_path: Path) -> None:
    """It was hundreds of orders, over as long as the core was away: taken for one, a buffer for the
    next one like it hid all units for hours.
    """
    store = Store(tmp_path, 1 << 24)
    before, after = response(update("mug", 900)), response(update("mug", 300))
    first, _ = levels_of(store, Core(before, response(update("mug", 899))))
    await first.follow()
    assert 1.0 == sold_of(first)
    first._client = cast(Client, Core(after, response(update("mug", 298))))
    await first.follow()
    assert 298 == first.known._units[0]
    assert 5 / 3 == sold_of(first)

    restarted, _ = levels_of(store, Core(response(update("mug", 4)), response(update("mug", 3))))
    await restarted.follow()
    assert 1.0 == sold_of(restarted)
    store.close()


@pytest.mark.parametrize(
    "ended",
    [
        update("mug", 0, enabled=False),
        update("mug", 0, quarantined=True),
        update("mug", 0, source_state=common.SOURCE_STATE_STALE),
        update("mug", 0, removed=True),
        update("tea", 5, other_names=["mug"]),
    ],
    ids=["disabled", "quarantined", "not current", "removed", "renamed"],
)
async def test_units_that_are_taken_off_sale_are_not_asked_for(
    tmp_path: Path, ended: watch.LevelUpdate
) -> None:
    store = Store(tmp_path, 1 << 24)
    levels, _ = levels_of(store, Core(response(update("mug", 900)), response(ended)))
    await levels.follow()
    assert sold_of(levels) is None
    store.close()
