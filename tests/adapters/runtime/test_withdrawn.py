"""What a channel shows of items, nodes and locations that were taken out of the settings."""

from datetime import timedelta
from pathlib import Path

from holdfast.adapters.events import Shown
from holdfast.adapters.mapping import Tables
from holdfast.adapters.mapping_files import tables
from holdfast.adapters.publishing.publish_options import PublishOptions
from holdfast.adapters.runtime.publish_records import pairs
from tests.adapters.mini_channel import MiniChannel
from tests.adapters.runtime.test_publisher import NOW, Process, running, until

UNITS = {"mug": 8, "pen": 2}
TWO_NODES = PublishOptions(nodes={"DEFAULT": ("dc-1",), "store": ("dc-1",)}, buffer_max=0)


def items(*rows: str) -> Tables:
    """Of theirs and ours, and perhaps from and until."""
    padded = [f"item,{row}{',' * (3 - row.count(','))}" for row in rows]
    return tables({"market.csv": "\n".join(["table,theirs,ours,from,until", *padded])})


BOTH = items("101,mug", "102,pen")


async def shown_by(
    folder: Path, options: PublishOptions, mapped: Tables, channel: MiniChannel
) -> int:
    """Run a process until the channel shows what it is to show; the units exposed at its start."""
    async with running(folder, channel, UNITS, options=options, tables=mapped) as process:
        await process.publisher.loaded.wait()
        exposed = process.board.exposed_units
        await until_kept(process)
        return exposed


async def until_kept(process: Process) -> None:
    """Wait until all is offered, and what became of it is in the store."""

    def is_kept() -> bool:
        with process.store.reading() as kept:
            return not any(pair.record.in_doubt for pair in pairs(kept, "market"))

    await process.until_clean()
    await until(is_kept)


async def test_an_item_that_is_not_mapped_any_more_is_withdrawn(tmp_path: Path) -> None:
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    exposed = await shown_by(tmp_path, TWO_NODES, items("102,pen"), channel)

    withdrawn = {"101@DEFAULT": 0, "101@store": 0}
    assert withdrawn | {"102@DEFAULT": 2, "102@store": 2} == channel.shown
    assert 16 == exposed


async def test_a_node_that_is_not_set_any_more_is_withdrawn(tmp_path: Path) -> None:
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    one = PublishOptions(nodes={"DEFAULT": ("dc-1",)}, buffer_max=0)
    exposed = await shown_by(tmp_path, one, BOTH, channel)

    kept = {"101@DEFAULT": 8, "102@DEFAULT": 2}
    assert kept | {"101@store": 0, "102@store": 0} == channel.shown
    assert 10 == exposed


async def test_a_channel_without_nodes_is_withdrawn_as_a_whole(tmp_path: Path) -> None:
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    exposed = await shown_by(tmp_path, PublishOptions(nodes={}), BOTH, channel)

    assert {0} == set(channel.shown.values())
    assert (4, 20) == (len(channel.shown), exposed)


async def test_the_units_of_an_item_move_to_the_one_that_replaces_it(tmp_path: Path) -> None:
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    await shown_by(tmp_path, TWO_NODES, items("103,mug", "102,pen"), channel)

    assert (0, 8) == (channel.shown["101@DEFAULT"], channel.shown["103@DEFAULT"])


async def test_an_item_is_replaced_at_its_time_by_a_process_that_runs(tmp_path: Path) -> None:
    at = NOW + timedelta(hours=1)
    mapped = items(f"101,mug,,{at}", f"103,mug,{at}", "102,pen")
    channel = MiniChannel()
    async with running(tmp_path, channel, UNITS, options=TWO_NODES, tables=mapped) as process:
        await process.until_clean()
        assert {"101": 8, "102": 2} == at_default(channel)

        process.wall = at
        await until(lambda: at_default(channel) == {"101": 0, "102": 2, "103": 8})
        await process.until_clean()
        assert (4, 0) == (len(process.board), process.board.exposed_units)

        process.tell("mug", 5)
        await until(lambda: at_default(channel) == {"101": 0, "102": 2, "103": 5})

        process.wall = NOW
        await until(lambda: at_default(channel) == {"101": 5, "102": 2, "103": 0})


def at_default(channel: MiniChannel) -> dict[str, int]:
    """What a channel shows of each item at one of its nodes."""
    shown = ((name.split("@"), units) for name, units in channel.shown.items())
    return {item: units for (item, node), units in shown if node == "DEFAULT"}


async def test_a_location_that_its_node_does_not_have_any_more_counts_no_longer(
    tmp_path: Path,
) -> None:
    """Also where the item is nowhere else."""

    def tell(process: Process, *locations: str) -> None:
        for sku, location, units in (("mug", "dc-1", 5), ("mug", "dc-2", 3), ("pen", "dc-2", 4)):
            if location in locations:
                process.levels.known.tell(sku, location, units, True, NOW.timestamp())
                process.board.level_changed(sku, location, NOW.timestamp())
        process.levels.known.is_whole = True
        process.publisher.arrived.set()

    channel = MiniChannel()
    both = PublishOptions(nodes={"DEFAULT": ("dc-1", "dc-2")}, buffer_max=0)
    async with running(tmp_path, channel, {}, options=both) as process:
        tell(process, "dc-1", "dc-2")
        await until(lambda: channel.shown == {"mug@DEFAULT": 8, "pen@DEFAULT": 4})
        await process.until_clean()
    one = PublishOptions(nodes={"DEFAULT": ("dc-1",)}, buffer_max=0)
    async with running(tmp_path, channel, {}, options=one) as process:
        tell(process, "dc-1")
        await until(lambda: channel.shown == {"mug@DEFAULT": 5, "pen@DEFAULT": 0})


async def test_a_channel_that_turns_out_to_sell_packs_is_corrected(tmp_path: Path) -> None:
    """What it shows is kept as it shows it, and is more than there is by the new factor."""
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    packs = tables({"market.csv": "table,theirs,ours,factor,sku\nitem,101,mug,,\nunit,,,6,mug\n"})
    exposed = await shown_by(tmp_path, TWO_NODES, packs, channel)

    assert (1, 1) == (channel.shown["101@DEFAULT"], channel.shown["101@store"])
    assert 2 * (8 - 1) + 2 * 2 == exposed


async def test_what_is_withdrawn_is_left_to_others(tmp_path: Path) -> None:
    """Somebody else may show something there: the pair is not Holdfast's any more."""
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    others = items("102,pen")
    async with running(tmp_path, channel, UNITS, options=TWO_NODES, tables=others) as process:
        await until(lambda: channel.shown["101@DEFAULT"] == 0)
        await until_kept(process)
        assert 2 == len(process.board)
        channel.shown["101@DEFAULT"] = 7
        shown = Shown(item="101", node="DEFAULT", quantity=7)
        for hear in (process.publisher.hear, process.publisher.hear_read):
            assert hear(shown) is None
        assert not process.board.dirty
    await shown_by(tmp_path, TWO_NODES, others, channel)

    assert 7 == channel.shown["101@DEFAULT"]

    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    assert 8 == channel.shown["101@store"]


async def test_what_a_channel_has_never_taken_is_not_withdrawn(tmp_path: Path) -> None:
    """It has no such item: an offer of 0 would be rejected as well."""
    channel = MiniChannel(rejects="101")
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    puts = sum(channel.puts)
    one = items("102,pen")
    async with running(tmp_path, channel, UNITS, options=TWO_NODES, tables=one) as process:
        await process.publisher.loaded.wait()
        await process.until_clean()
        assert (0, 0) == (process.board.rejected, process.board.dirty)
    assert puts == sum(channel.puts)


async def test_a_withdrawal_that_is_rejected_stays_exposed(tmp_path: Path) -> None:
    channel = MiniChannel()
    await shown_by(tmp_path, TWO_NODES, BOTH, channel)
    channel.rejects = "101"
    one = items("102,pen")
    async with running(tmp_path, channel, UNITS, options=TWO_NODES, tables=one) as process:
        await until(lambda: process.board.rejected == 2)
        assert 16 == process.board.exposed_units
        await until(lambda: len(process.case_kinds()) == 2)
        assert "offer_rejected market: 101 at DEFAULT" in process.case_kinds()
