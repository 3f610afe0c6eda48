"""Holds for shopping agents, as commands on the reservations that bear their ids.

Rules of this file: a hold is made once however often it is asked for, because the core knows its
id, and completed or cancelled once by the key that comes along. An answer comes within the
deadline. A hold whose answer did not come in time is declined; if it was made all the same, its
time runs out. Whether a purchase was completed is not guessed: the caller asks again.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.edge.client import (
    AlreadyExists,
    Client,
    DeadlineExceeded,
    NotFound,
    Overloaded,
    StorageFull,
    Unavailable,
)
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation

from ..mapping import Tables, Unmapped
from .agent_requests import Wanted
from .agents_options import AgentsOptions

#: What the reservations of agents begin with.
PREFIX: Final = "agents/"

#: The core cannot say now. Time heals that, or an operator of the node does.
AWAY: Final = (DeadlineExceeded, Overloaded, StorageFull, Unavailable)

_STATES: Final[Mapping[int, str]] = {
    reservation.RESERVATION_STATE_HELD: "held",
    reservation.RESERVATION_STATE_COMMITTED: "completed",
    reservation.RESERVATION_STATE_FULFILLED: "completed",
    reservation.RESERVATION_STATE_RETURNED: "completed",
}
_ENDED: Final = "canceled"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something is declined, in words that UCP and ACP have for it where they have one."""

    code: str
    """"out_of_stock", "item_unavailable", "unavailable", or a refusal of the core."""
    content: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a hold."""

    status: str
    """"held", "completed", "canceled" or "declined"."""
    problems: Sequence[Problem] = ()
    expires: datetime | None = None


class Conflict(Exception):  # noqa: N818 - says what happened
    """A hold of this id has other content, or has gone on."""


@dataclass(frozen=True, slots=True)
class Offered:
    """How many units of a line can be had, up to what was asked."""

    line: Wanted
    available: int


@dataclass(slots=True)
class Holds:
    """Carries out what is asked for agents."""

    client: Client
    options: AgentsOptions
    tables: Tables
    now: Callable[[], datetime]
    _table: str = field(init=False)

    def __post_init__(self) -> None:
        self._table = "item" if "item" in self.tables.rows else "sku"

    async def offer(self, lines: Sequence[Wanted]) -> list[Offered]:
        """What can be had of each line. Raises what the client raises, but NotFound."""
        levels = [self._level(line) for line in lines]
        known = [level for level in levels if level is not None]
        found = await self._available(known)
        return [
            Offered(line, 0 if level is None else max(0, min(line.quantity, found.get(level, 0))))
            for line, level in zip(lines, levels, strict=True)
        ]

    async def hold(self, name: str, lines: Sequence[Wanted]) -> Answer:
        """Hold units of all lines, or of none. Raises Conflict."""
        levels = [self._level(line) for line in lines]
        unknown = [
            Problem("item_unavailable", f"{line.item} is not sold here", line.path)
            for line, level in zip(lines, levels, strict=True)
            if level is None
        ]
        if unknown:
            return Answer("declined", unknown)
        units = [
            (*level, line.quantity, f"{at}")
            for at, (line, level) in enumerate(zip(lines, levels, strict=True))
            if level is not None
        ]
        try:
            response = await self.client.reserve(
                f"{PREFIX}{name}", units, self.options.hold_s, timeout_s=self._timeout_s
            )
        except NotFound as error:
            blamed = [Problem("item_unavailable", error.message)]
            return Answer("declined", blamed)
        except AlreadyExists as error:
            raise Conflict(error.message) from error
        except AWAY as error:
            return Answer("declined", [Problem("unavailable", error.message)])
        if response.outcome == common.OUTCOME_REFUSED:
            return Answer("declined", _problems(response.refusal, lines))
        expires = response.expire_time.ToDatetime(UTC) if response.HasField("expire_time") else None
        return Answer(_STATES.get(response.state, _ENDED), (), expires)

    async def state(self, name: str) -> Answer:
        """How a hold stands. Raises NotFound, and what is AWAY."""
        response = await self.client.get_reservation(f"{PREFIX}{name}", timeout_s=self._timeout_s)
        return Answer(_STATES.get(response.reservation.state, _ENDED))

    async def complete(self, name: str, key: str) -> Answer:
        """The purchase is made. Raises NotFound, Conflict, TimeoutError, and what is AWAY."""
        async with asyncio.timeout(self._timeout_s):
            return await self._complete(name, key)

    async def cancel(self, name: str, key: str) -> Answer:
        """The purchase is not made. Raises as above."""
        async with asyncio.timeout(self._timeout_s):
            return await self._cancel(name, key)

    async def _complete(self, name: str, key: str) -> Answer:
        try:
            response = await self.client.commit(
                f"{PREFIX}{name}",
                request_id=_request_id(name, key, "complete"),
                timeout_s=self._timeout_s,
            )
        except AlreadyExists as error:
            raise Conflict(error.message) from error
        if response.outcome != common.OUTCOME_REFUSED:
            return Answer("completed")
        if (state := await self.state(name)).status == "completed":
            return state
        return Answer("declined", [_problem(response.refusal)])

    async def _cancel(self, name: str, key: str) -> Answer:
        try:
            response = await self.client.release(
                f"{PREFIX}{name}",
                request_id=_request_id(name, key, "cancel"),
                timeout_s=self._timeout_s,
            )
        except AlreadyExists as error:
            raise Conflict(error.message) from error
        if response.outcome == common.OUTCOME_REFUSED and (await self.state(name)).status != _ENDED:
            raise Conflict("it is completed: an order is cancelled where orders are")
        return Answer(_ENDED)

    @property
    def _timeout_s(self) -> float:
        return self.options.deadline_ms / 1_000

    def _level(self, line: Wanted) -> tuple[str, str] | None:
        """SKU and location of a line; None if a mapping table does not have one of them."""
        location = line.location or self.options.location
        try:
            return (
                self.tables.ours(self._table, line.item, self.now(), line.path),
                self.tables.ours("location", location, self.now(), line.path),
            )
        except Unmapped:
            return None

    async def _available(self, levels: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        if not levels:
            return {}
        skus = list(dict.fromkeys(sku for sku, _ in levels))
        locations = list(dict.fromkeys(location for _, location in levels))
        try:
            response = await self.client.batch_get_availability(
                skus, locations, timeout_s=self._timeout_s
            )
        except NotFound:
            return {}
        # By position: a SKU that was renamed is reported by another name than it was asked by.
        known = (sku for sku in skus if sku not in response.unknown_skus)
        return {
            (sku, level.location): level.available
            for sku, each in zip(known, response.availabilities, strict=True)
            for level in each.levels
        }


def _problems(refusal: common.Refusal, lines: Sequence[Wanted]) -> list[Problem]:
    """What is short, by the lines that asked for it."""
    short = {line.line_id: line.available for line in refusal.lines}
    if refusal.code != common.REFUSAL_CODE_INSUFFICIENT_STOCK or not short:
        return [_problem(refusal)]
    return [
        Problem("out_of_stock", f"{max(0, short[id_])} of {line.quantity} can be had", line.path)
        for id_, line in ((f"{at}", line) for at, line in enumerate(lines))
        if id_ in short
    ]


def _problem(refusal: common.Refusal) -> Problem:
    code = common.RefusalCode.Name(refusal.code).removeprefix("REFUSAL_CODE_").lower()
    return Problem(code, refusal.message)


def _request_id(name: str, key: str, verb: str) -> str:
    """The id of a command: the same for every attempt with a key."""
    content = f"{name}\0{key}\0{verb}".encode(errors="surrogatepass")
    return f"{PREFIX}{verb}/{hashlib.blake2b(content, digest_size=16).hexdigest()}"


def message_of(problem: Problem) -> dict[str, Any]:
    """A problem as a message of UCP, of which ACP's is a part."""
    message = {"type": "error", "code": problem.code, "content": problem.content}
    severity = "recoverable" if problem.code == "unavailable" else "unrecoverable"
    return {**message, "severity": severity, **({"path": problem.path} if problem.path else {})}
