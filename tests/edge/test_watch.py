"""WatchAvailability of a real node: what a caller ends with is the node's state."""

import asyncio
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from holdfast.edge.client import BlockingClient, Client, HoldfastError, InvalidArgument, Unavailable
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import stock_service_pb2 as stock
from holdfast.v1 import watch_service_pb2 as watch
from tests.edge.node_process import NodeProcess
from tests.edge.raw import CALL_TIMEOUT_S, WAREHOUSE, new_name, put_stock, receipt

#: Connections to kill, and every how many of them the node is killed as well.
KILLS_SHORT: Final = 20
KILLS_WHOLE: Final = 200
NODE_KILLS_EVERY: Final = 10

Levels = dict[tuple[str, str], tuple[int, int, int]]


def take_in(levels: Levels, response: watch.WatchAvailabilityResponse) -> None:
    """What a caller does with a response."""
    if response.reset:
        levels.clear()
    for update in response.levels:
        name = update.sku, update.level.location
        if update.removed:
            levels.pop(name, None)
        else:
            units = update.level
            levels[name] = units.on_hand, units.reserved, units.available


async def state_of(client: Client, skus: list[str]) -> Levels:
    """The same, as reads tell it."""
    answer = await client.batch_get_availability(skus)
    return {
        (each.sku, level.location): (level.on_hand, level.reserved, level.available)
        for each in answer.availabilities
        for level in each.levels
    }


async def test_the_state_comes_first_then_changes(client: Client) -> None:
    (sku,) = await put_stock(client, 7)
    async with aclosing(client.watch_availability([sku])) as responses:
        first = await anext(responses)
        assert (True, False) == (first.reset, first.conflated)
        assert [(sku, WAREHOUSE, 7)] == [
            (each.sku, each.level.location, each.level.available) for each in first.levels
        ]
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 3)])
        second = await anext(responses)
        assert not second.reset
        assert [(7, 3, 4)] == [
            (each.level.on_hand, each.level.reserved, each.level.available)
            for each in second.levels
        ]


async def test_units_that_are_not_for_sale_are_reported_by_status(client: Client) -> None:
    (sku,) = await put_stock(client, 7)
    damaged = receipt(sku, 2, WAREHOUSE)
    damaged.to_status = "damaged"
    async with aclosing(client.watch_availability([sku])) as responses:
        (untouched,) = (await anext(responses)).levels
        assert not untouched.level.unavailable
        await client.record_stock_events("goods-in", [damaged])
        (update,) = (await anext(responses)).levels
    assert (9, 7) == (update.level.on_hand, update.level.available)
    assert [("damaged", 2)] == [(each.status, each.quantity) for each in update.level.unavailable]


async def test_a_watch_from_now_begins_with_its_position(client: Client) -> None:
    (sku,) = await put_stock(client, 7)
    async with aclosing(client.watch_availability([sku], from_now=True)) as responses:
        first = await anext(responses)
        assert (False, 0) == (first.reset, len(first.levels))
        assert first.revisions
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 7)])
        (update,) = (await anext(responses)).levels
        assert 0 == update.level.available


async def test_what_happened_meanwhile_is_sent_when_a_watch_resumes(client: Client) -> None:
    first, second, third = await put_stock(client, 1, 2, 3)
    async with aclosing(client.watch_availability(from_now=True)) as responses:
        position = list((await anext(responses)).revisions)
    for quantity in (1, 2):
        await client.record_stock_events("goods-in", [receipt(first, quantity, WAREHOUSE)])
    await client.record_stock_events("goods-in", [receipt(third, 5, WAREHOUSE)])
    async with aclosing(client.watch_availability(after=position)) as responses:
        response = await anext(responses)
    assert not response.reset
    assert {first: 4, third: 8} == {each.sku: each.level.available for each in response.levels}
    assert second not in {each.sku for each in response.levels}
    assert response.conflated, "the level was 2 in between"


async def test_a_watch_resumes_at_once_where_nothing_has_changed(
    client: Client,
) -> None:
    (sku,) = await put_stock(client, 1)
    async with aclosing(client.watch_availability([sku])) as responses:
        position = list((await anext(responses)).revisions)
    async with aclosing(client.watch_availability([sku], after=position)) as responses:
        response = await anext(responses)
    assert (False, []) == (response.reset, [*response.levels])
    assert position == [*response.revisions]


async def test_thresholds_are_reported_where_they_are_crossed(client: Client) -> None:
    (sku,) = await put_stock(client, 9)
    crossings = []
    watching = client.watch_availability([sku], low_threshold=3, crossings_only=True)
    async with aclosing(watching) as responses:
        await anext(responses)
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 9)])
        (update,) = (await anext(responses)).levels
        crossings.append((update.status, update.crossed_from))
        await client.record_stock_events("till", [adjusted(sku, -2)])
        (update,) = (await anext(responses)).levels
        assert 2 == update.level.shortfall
        crossings.append((update.status, update.crossed_from))
        await client.record_stock_events("till", [adjusted(sku, 5)])
        (update,) = (await anext(responses)).levels
        crossings.append((update.status, update.crossed_from))
        await client.record_stock_events("till", [adjusted(sku, -1)])
        await client.record_stock_events("till", [adjusted(sku, 9)])
        (update,) = (await anext(responses)).levels
        crossings.append((update.status, update.crossed_from))
    assert [
        (watch.STOCK_STATUS_OUT, watch.STOCK_STATUS_IN_STOCK),
        (watch.STOCK_STATUS_SHORT, watch.STOCK_STATUS_OUT),
        (watch.STOCK_STATUS_LOW, watch.STOCK_STATUS_SHORT),
        (watch.STOCK_STATUS_IN_STOCK, watch.STOCK_STATUS_LOW),
    ] == crossings


def adjusted(sku: str, quantity: int, location: str = WAREHOUSE) -> stock.StockEvent:
    """Units found or written off."""
    event = receipt(sku, quantity, location)
    event.kind = stock.STOCK_EVENT_KIND_ADJUSTMENT
    return event


async def test_a_location_that_shuts_and_a_sku_that_ends_are_reported(client: Client) -> None:
    shop = new_name("store")
    (sku,) = await put_stock(client, 4, location=shop)
    async with aclosing(client.watch_availability(locations=[shop])) as responses:
        assert 4 == (await anext(responses)).levels[0].level.available
        await client.update_location(shop, enabled=False)
        (update,) = (await anext(responses)).levels
        assert (False, 0, 4) == (
            update.level.enabled,
            update.level.available,
            update.level.on_hand,
        )
        await client.record_stock_events("till", [adjusted(sku, -4, shop)])
        await anext(responses)
        await client.delete_sku(sku)
        (update,) = (await anext(responses)).levels
        assert (sku, shop, True) == (update.sku, update.level.location, update.removed)


async def test_the_end_of_a_sku_between_two_watches_of_it_is_reported(client: Client) -> None:
    (sku,) = await put_stock(client, 1)
    levels: Levels = {}
    async with aclosing(client.watch_availability([sku])) as responses:
        take_in(levels, response := await anext(responses))
    await client.record_stock_events("till", [adjusted(sku, -1)])
    await client.delete_sku(sku)
    async with aclosing(client.watch_availability([sku], after=response.revisions)) as responses:
        take_in(levels, await anext(responses))
    assert {} == levels


async def test_a_position_of_elsewhere_is_a_fault(client: Client) -> None:
    async with aclosing(client.watch_availability(from_now=True)) as responses:
        position = list((await anext(responses)).revisions)
    shard, sequence, timeline = position[0].shard, position[0].sequence, position[0].timeline
    other = [common.Revision(shard=shard, sequence=sequence, timeline=timeline ^ 1), *position[1:]]
    with pytest.raises(HoldfastError) as caught:
        await anext(client.watch_availability(after=other))
    assert "OTHER_TIMELINE" == caught.value.reason
    ahead = [common.Revision(shard=shard, sequence=sequence + 9, timeline=timeline), *position[1:]]
    for wrong in (position[1:], position * 2, ahead):
        with pytest.raises(InvalidArgument, match="after"):
            await anext(client.watch_availability(after=wrong))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("skus", {"skus": [""]}),
        ("locations[1]", {"locations": ["W1", " W2"]}),
        ("skus", {"skus": [f"s{n}" for n in range(1001)]}),
        ("low_threshold", {"low_threshold": -1}),
        ("source_states[1]", {"source_states": [1, 0]}),
    ],
)
async def test_a_malformed_watch_names_its_field(
    client: Client, field: str, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await anext(client.watch_availability(**wrong))  # type: ignore[arg-type]
    assert caught.value.metadata["field"].startswith(field)


async def test_a_node_that_drains_ends_watches_with_advice(node: NodeProcess) -> None:
    async with (
        Client(**node.targets, retries=None, own_connection=True) as impatient,
        aclosing(impatient.watch_availability(from_now=True)) as responses,
    ):
        await anext(responses)
        await asyncio.to_thread(node.restart)
        with pytest.raises(Unavailable) as caught:
            await anext(responses)
    assert "DRAINING" == caught.value.reason
    assert caught.value.retry_after_s


async def die_and_resume(node: NodeProcess, kills: int, seed: int) -> None:
    """Change stock while watchers come, are cut off at random responses, and go on from there; the
    last goes on until it has the node's state.
    """
    chance = Random(seed)
    levels: Levels = {}
    position: list[common.Revision] = []
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        skus = await put_stock(client, *[50] * 8)
        for kill in range(kills):
            left = chance.randrange(1, 4)
            async with aclosing(client.watch_availability(skus, after=position)) as responses:
                while left:
                    sku = chance.choice(skus)
                    await client.record_stock_events("goods-in", [receipt(sku, 1, WAREHOUSE)])
                    response = await anext(responses)
                    take_in(levels, response)
                    position = list(response.revisions) or position
                    left -= 1
                    if kill % NODE_KILLS_EVERY == NODE_KILLS_EVERY - 1 and not left:
                        await asyncio.to_thread(node.kill)
                        await asyncio.to_thread(node.start)
        await client.record_stock_events("goods-in", [receipt(skus[0], 1, WAREHOUSE)])
        expected = await state_of(client, skus)
        async with aclosing(client.watch_availability(skus, after=position)) as responses:
            while levels != expected:
                take_in(levels, await anext(responses))


async def test_a_watcher_that_is_cut_off_ends_with_the_nodes_state(node: NodeProcess) -> None:
    await die_and_resume(node, KILLS_SHORT, seed=5)


@pytest.mark.slow
async def test_a_watcher_that_is_cut_off_200_times_ends_with_the_nodes_state(
    node: NodeProcess,
) -> None:
    await die_and_resume(node, KILLS_WHOLE, seed=6)


async def test_a_watch_goes_on_by_itself_when_its_node_is_killed(node: NodeProcess) -> None:
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, own_connection=True) as client:
        (sku,) = await put_stock(client, 1)
        levels: Levels = {}
        async with aclosing(client.watch_availability([sku])) as responses:
            take_in(levels, await anext(responses))
            await asyncio.to_thread(node.kill)
            await asyncio.to_thread(node.start)
            await client.record_stock_events("goods-in", [receipt(sku, 1, WAREHOUSE)])
            while levels != {(sku, WAREHOUSE): (2, 0, 2)}:
                take_in(levels, await anext(responses))


async def test_a_reader_that_does_not_read_gets_the_newest_values(client: Client) -> None:
    """And does not hold up the others."""
    skus = await put_stock(client, *[1] * 900)
    levels: Levels = {}
    async with aclosing(client.watch_availability(skus)) as responses:
        take_in(levels, await anext(responses))
        deliveries = ([receipt(sku, 1, WAREHOUSE) for sku in skus] for _ in range(20))
        # At once, so that they come faster than a watcher can be told of so many levels.
        await asyncio.gather(*(client.record_stock_events("goods-in", each) for each in deliveries))
        expected = await state_of(client, skus)
        conflated = responses_read = 0
        while levels != expected:
            response = await anext(responses)
            take_in(levels, response)
            conflated += response.conflated
            responses_read += 1
    assert conflated
    assert responses_read < 20 * 4


async def test_the_example_of_the_page_tells_what_is_available(
    client: Client, node: NodeProcess
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "integrators.md").read_text("utf-8")
    _, _, section = page.partition("## Watching")
    code = section.partition("```python")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - our own page
    (sku,) = await put_stock(client, 7)
    async with aclosing(names["availability_of"](sku, node.target)) as figures:
        assert {WAREHOUSE: 7} == await anext(figures)
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 3)])
        assert {WAREHOUSE: 4} == await anext(figures)


def test_the_command_prints_what_changes(node: NodeProcess) -> None:
    with BlockingClient(**node.targets) as blocking:
        blocking.update_location(WAREHOUSE, allow_missing=True)
        sku = new_name("sku")
        blocking.record_stock_events("goods-in", [receipt(sku, 7, WAREHOUSE)])
        command = [sys.executable, "-m", "holdfast.edge", "watch", sku, "--target", node.target]
        for options in ([], ["--json"]):
            with subprocess.Popen([*command, *options], stdout=subprocess.PIPE) as running:
                assert running.stdout is not None
                line = running.stdout.readline().decode()
                running.send_signal(signal.SIGINT)
                assert 0 == running.wait()
            assert sku in line
            assert ("7 available, 7 on hand" in line) == (not options)
            assert bool(options) == line.startswith("{")
