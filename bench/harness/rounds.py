"""Rounds: several kinds of load, put on by turns.

A round goes over all kinds several times, forwards and backwards, a short stretch of each: whatever
else the machine is doing hits all alike, and what is compared stands within a round.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .load import Call, Load
from .processes import Server

#: Stretches of each kind in a round. Even, so that no kind comes first more often than last.
STRETCHES = 4

Drive = Callable[[Call, Sequence[bytes]], Awaitable[Load]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of load."""

    server: Server
    call: Call
    build: Callable[[int], Sequence[bytes]]
    """Builds so many requests, none of which was sent before."""
    check: Callable[[Sequence[bytes]], None] = lambda _answers: None
    """Raises when the answers are not what this kind is about."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a kind of load came to in a round."""

    rate: float
    """Calls a second."""
    latencies_s: list[float]
    server_us: float
    """Processor time of the server for a call. Unlike the rate it hardly depends on what else the
    machine is doing.
    """
    own_us: float
    """The same of its first process alone."""
    client_us: float
    """Processor time of the load generator for a call."""


Round = Mapping[str, Result]


async def one_round(kinds: Mapping[str, Kind], count: int, drive: Drive) -> Round:
    """Results of `count` calls of every kind, put on in stretches."""
    stretches: dict[str, list[_Stretch]] = {name: [] for name in kinds}
    for number in range(STRETCHES):
        for name in reversed(list(kinds)) if number % 2 else list(kinds):
            stretches[name].append(await _stretch(kinds[name], count // STRETCHES, drive))
    return {name: _sum(parts) for name, parts in stretches.items()}


class _Stretch(NamedTuple):
    load: Load
    cpu_s: float
    own_cpu_s: float


async def _stretch(kind: Kind, count: int, drive: Drive) -> _Stretch:
    requests = kind.build(count)
    server = kind.server
    cpu_before_s, own_before_s = server.cpu_seconds(), server.own_cpu_seconds()
    load = await drive(kind.call, requests)
    cpu_s, own_cpu_s = server.cpu_seconds(), server.own_cpu_seconds()
    kind.check(load.answers)
    return _Stretch(load, cpu_s - cpu_before_s, own_cpu_s - own_before_s)


def _sum(parts: Sequence[_Stretch]) -> Result:
    calls = sum(len(part.load.answers) for part in parts)
    return Result(
        rate=calls / sum(part.load.seconds for part in parts),
        latencies_s=[latency for part in parts for latency in part.load.latencies_s],
        server_us=sum(part.cpu_s for part in parts) / calls * 1e6,
        own_us=sum(part.own_cpu_s for part in parts) / calls * 1e6,
        client_us=sum(part.load.client_cpu_s for part in parts) / calls * 1e6,
    )
