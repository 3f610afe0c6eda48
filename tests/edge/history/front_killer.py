"""Kills fronts while callers work; the engine behind them goes on."""

import asyncio
import os
import random
import signal
from collections import deque
from typing import Any

from tests.edge.history.traffic import Traffic
from tests.edge.node_process import NodeProcess


class FrontKiller:
    """Kills one front after the other at planned numbers of answers: the one with most callers, so
    that each kill hits some, and every fourth time any, which may be one that is starting.
    """

    def __init__(self, node: NodeProcess, traffic: Traffic, kills: int, seed: int) -> None:
        self._node = node
        self._traffic = traffic
        self._chance = random.Random(seed)
        share = traffic.operations_max / kills
        self._moments = deque(
            round(share * (number + 0.8 * self._chance.random())) for number in range(kills)
        )
        self.kills = 0
        traffic.on_answer = self._look

    def _look(self) -> None:
        """An answer has come."""
        if self._moments and self._traffic.answered >= self._moments[0]:
            fronts = self._node.front_pids
            if fronts:
                os.kill(self._choose(fronts), signal.SIGKILL)
                self._moments.popleft()
                self.kills += 1

    def _choose(self, fronts: list[int]) -> int:
        if self.kills % 4 == 3:
            return self._chance.choice(fronts)
        return max(fronts, key=self._node.callers_of)

    async def run(self, working: "asyncio.Future[Any]") -> None:
        """Let the callers go on to their end."""
        await working
