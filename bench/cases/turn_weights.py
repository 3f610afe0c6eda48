"""What each kind of command weighs: the processor time of its turns against the work they declare.

The weights of core/work.py and core/commands/registry.py come from here. A figure near 1 says that
a unit is a microsecond; what lies below declares more than it does, which is safe.
"""

import gc
import random
from collections.abc import Callable
from statistics import median
from time import thread_time

from holdfast.core.commands import Command
from holdfast.core.node import Node
from holdfast.core.warm import warm_up

from ..harness.figures import Figure, at_most, figure
from ..harness.nasty_commands import KINDS, Nasty
from ..harness.plan import Plan
from ..harness.turns import NOW_NS, SHARDS, TICKET
from ..harness.workload import SEED

#: A short command, one of some dozens of lines, and the longest of its kind.
SIZES = (0.001, 0.03, 1.0)

#: Short commands that wait for one turn: as many as it has time for, by what they declare.
FLOOD = 400

#: Work below which a turn costs more than what is done in it.
WORTH_MEASURING = 200

Make = Callable[[Nasty, float], Command]


async def run(plan: Plan) -> list[Figure]:
    """Measure every kind once a round, each on a node of its own."""
    warm_up()
    rounds = [
        [_measure(kind, plan.count(24, 4)) for kind in KINDS] for _ in plan.each_round("weights")
    ]
    figures = []
    for kind, samples in zip(KINDS, zip(*rounds, strict=True), strict=True):
        name = kind.__name__.replace("_", " ")
        units, longest, fullest = zip(*samples, strict=True)
        key, bar = f"weights.{kind.__name__}", at_most(10)
        figures += [
            figure(f"{key}_unit", f"{name}: a unit of work", "us", units),
            figure(f"{key}_turn", f"{name}: longest turn", "ms", longest, bar),
            figure(f"{key}_flood", f"{name}: longest turn of short ones", "ms", fullest, bar),
        ]
    return figures


def _measure(kind: Make, repeats: int) -> tuple[float, float, float]:
    """Processor microseconds of a declared unit, the median of turns, and milliseconds of the
    longest turn, for commands of all sizes; and of the longest one of many short commands.
    """
    node = Node(SHARDS, mailbox_capacity=10**9)
    nasty = Nasty(random.Random(SEED), node)
    opening = [*nasty.opening(), *(nasty.reserve(size) for size in SIZES for _ in range(4))]
    for command in opening:
        _turns(node, command)
    gc.collect()
    gc.freeze()  # as the server does once it has recovered
    turns = [
        turn for _ in range(repeats) for size in SIZES for turn in _turns(node, kind(nasty, size))
    ]
    shorts = [kind(nasty, SIZES[0]) for _ in range(FLOOD)]
    fullest = max(seconds for seconds, _ in _turns(node, *shorts))
    gc.unfreeze()
    units = [seconds / work for seconds, work in turns if work >= WORTH_MEASURING]
    units = units or [seconds / work for seconds, work in turns]
    return median(units) * 1e6, max(seconds for seconds, _ in turns) * 1e3, fullest * 1e3


def _turns(node: Node, *commands: Command) -> list[tuple[float, float]]:
    """Run commands; (processor seconds, declared work) of each turn that they took."""
    for command in commands:
        node.post(command, TICKET)
    turns = []
    has_more = True
    while has_more:
        started = thread_time()
        has_more = node.turn(NOW_NS).has_more
        turns.append((thread_time() - started, max(1.0, node.turn_work_max - node.work.left)))
    return turns
