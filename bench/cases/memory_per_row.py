"""Memory: what a stock level and a live hold add to the resident memory of a node, names included.

Growth is counted from a node that has compiled its kernels and holds nothing, together with the
process that writes its journal. Resident are their own pages, and those of the journal's file that
the writer has looked at through LMDB's map. Those are the page cache's, which takes them back when
memory is short, and grow with the length of the journal, whatever rows it is about: what a row
costs is held against the bar without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..harness.figures import Bar, Figure, at_most, figure
from ..harness.node_server import NO_SNAPSHOTS_MIB, node_server
from ..harness.packed_traffic import Batches
from ..harness.plan import Plan
from ..harness.population import handles, put_holds, put_levels, put_locations
from ..harness.processes import Server

LEVEL_BAR = at_most(150)
HOLD_BAR = at_most(120)


@dataclass(slots=True)
class Growth:
    """By how much a node has grown for rows of one kind, in bytes."""

    rows: int = 0
    resident: int = 0
    file: int = 0
    """The part of it that is pages of files."""

    def add(self, rows: int, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """Add a stretch of growth."""
        self.rows += rows
        self.resident += after["VmRSS"] - before["VmRSS"]
        self.file += after["RssFile"] - before["RssFile"]


@dataclass(slots=True)
class Meter:
    """Grows a node and keeps account of its memory."""

    node: Server
    levels: Growth = field(default_factory=Growth)
    holds: Growth = field(default_factory=Growth)
    batches: Batches = field(default_factory=Batches)
    choice: Sequence[int] = ()

    async def grow_to(self, count: int) -> list[Figure]:
        """Figures after adding stock levels and holds until there are `count` of each."""
        empty = self.node.memory_bytes()
        await put_levels(self.node, range(self.levels.rows, count))
        stocked = self.node.memory_bytes()
        self.levels.add(count - self.levels.rows, empty, stocked)
        self.choice = self.choice or await handles(self.node, count)
        stocked = self.node.memory_bytes()
        await put_holds(self.node, self.choice, count - self.holds.rows, batches=self.batches)
        self.holds.add(count - self.holds.rows, stocked, self.node.memory_bytes())
        return [
            *_figures("level", f"{count:,} stock levels", self.levels, LEVEL_BAR),
            *_figures("hold", f"{count:,} holds", self.holds, HOLD_BAR),
        ]


async def run(plan: Plan) -> list[Figure]:
    """Grow one node in two steps."""
    sizes = (plan.count(1_000_000, 5_000), plan.count(5_000_000, 10_000))
    async with node_server(plan.folder / "memory", snapshot_every_mib=NO_SNAPSHOTS_MIB) as node:
        await put_locations(node)
        # Had this life compiled the kernels, what the compiler left would take in the first rows.
        await node.kill()
        await node.start()
        meter = Meter(node)
        return [each for size in sizes for each in await meter.grow_to(size)]


def _figures(key: str, name: str, growth: Growth, bar: Bar) -> list[Figure]:
    own = growth.resident - growth.file
    size = f"memory.{growth.rows}_{key}"
    return [
        figure(f"{size}_own", f"{name}: its own memory, for one", "B", [own / growth.rows], bar),
        figure(
            f"{size}_resident",
            f"{name}: with pages of files",
            "B",
            [growth.resident / growth.rows],
        ),
    ]
