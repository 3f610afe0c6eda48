"""One process that runs all adapters of an adapters.toml, put together from its parts.

Rules of this file: it starts, joins and stops; what things do is elsewhere. A part that fails for a
reason that time heals is begun again; a store that fails ends the process.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

from holdfast.edge.addresses import split_address
from holdfast.edge.client import (
    Client,
    DeadlineExceeded,
    HoldfastError,
    Overloaded,
    Retries,
    StorageFull,
    Unavailable,
)
from holdfast.edge.serving import serve_http

from ..events import Exceptional
from . import boxes
from .agent_hook import agent_hook
from .buckets import TokenBucket
from .cases import raise_case
from .channels import Channels
from .contained import contained
from .door import Door, build_app
from .feeding import Feeder, opened_source
from .flow_metrics import Figures
from .gate import Gate
from .inbox import Inbox
from .lane import Lane, nothing_heard
from .one_process import hold
from .outbox import Outbox
from .overdue import watch_overdue
from .partner import Partner, http_client
from .polls import Poller
from .removed_channels import report_removed
from .settings import Configured, Settings, read_tables
from .store import Store, StoreFailed, StoreFull

#: What time heals of the core, or an operator of the node does.
CORE_TEMPORARY: Final = (Overloaded, Unavailable, DeadlineExceeded, StorageFull)

#: Seconds until a watch that the core refuses is begun again.
REFOLLOW_S: Final = 5.0

Work = Callable[[], Coroutine[Any, Any, None]]
"""What runs until the process stops."""
DAY_S: Final = 86_400


def utc_now() -> datetime:
    """The clock of the adapters."""
    return datetime.now(UTC)


def steady_clock() -> Callable[[], float]:
    """Seconds since 1970 as of now, and from then on as they pass: no correction of the wall clock
    makes what was put off wait for an hour, or figures look current for one.
    """
    ahead_s = time.time() - _running_s()
    return lambda: ahead_s + _running_s()


def _running_s() -> float:
    # BOOTTIME, not MONOTONIC: after a night asleep nobody has heard of the core for a night.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Host:
    """All adapters of a process."""

    def __init__(self, settings: Settings, configured: Sequence[Configured]) -> None:
        """Open the store and read the mapping tables. Raises ConfigError and StoreFailed."""
        self._settings = settings
        configured = [replace(each, adapter=contained(each.adapter)) for each in configured]
        self._configured = configured
        self._tables = {
            each.name: read_tables(f"adapters.{each.name}.mappings", each.settings.mappings)
            for each in configured
        }
        self._lock = hold(settings.data_dir)
        self.store = Store(settings.data_dir, settings.store_bytes)
        flows = {each.name: each.adapter.flow for each in configured}
        self.figures = Figures(flows, settings.objectives, utc_now)
        self._agents = agent_hook(settings.agents, self.figures, utc_now)
        self.core = Gate("core", CORE_TEMPORARY)
        self.inboxes = {each.name: self._inbox(each) for each in configured}
        self.outboxes: dict[str, Outbox] = {}
        self.lanes: dict[str, Lane] = {}
        self.pollers: dict[str, Poller] = {}
        self.feeders: dict[str, Feeder] = {}
        self.partners: dict[str, Partner] = {}
        self.channels: Channels | None = None
        self.removed: Mapping[str, int] = {}
        """Channels that are not set any more, with how many items at nodes they show."""
        self.http_port = 0

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Run until `stop` is set. Raises StoreFailed, and OSError where its address is taken."""
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                Client(self._settings.target, retries=Retries(cap_s=0.2))
            )
            self.channels = channels = Channels(
                self._configured,
                store=self.store,
                client=client,
                partners=self.partners,
                figures=self.figures,
                now=utc_now,
                clock=steady_clock(),
            )
            works = [
                work
                for each in self._configured
                for work in await self._parts(each, client, channels, stack)
            ]
            works.append(partial(watch_overdue, self.store, utc_now))
            self.removed = await report_removed(self.store, channels.publishers, utc_now())
            if channels.publishers:
                works += [partial(_followed, channels.levels), channels.levels.ask]
            app = build_app(
                self._doors(),
                self.figures,
                self.status,
                utc_now,
                _failing(failed),
                self._agents(client),
            )
            host, port = split_address(self._settings.http_address)
            self.http_port = await stack.enter_async_context(serve_http(app, host, port))
            ready()
            await _until(stop, failed, works)
        self.close()

    def close(self) -> None:
        """Close the store, and let another process have it."""
        self.store.close()
        self._lock.close()

    def status(self) -> dict[str, Any]:
        """How it all is, for operators."""
        with self.store.reading() as tables:
            dead, early = (
                {each.name: boxes.depth(tables, box, each.name) for each in self._configured}
                for box in (boxes.DEAD_LETTERS, boxes.EARLY)
            )
            open_cases = tables.open_cases.size()
            stranded = boxes.of_others(tables, set(self.inboxes))
            stranded |= {f"{name}: offers": count for name, count in self.removed.items()}
            paused = {key.decode() for key, _ in tables.controls.entries()}
        return {
            "core": _gate(self.core) | {"target": self._settings.target},
            "open_cases": open_cases,
            "stranded": stranded,
            "service_levels": self.figures.service_levels(),
            "adapters": [self._status(each, dead, early, paused) for each in self._configured],
        }

    def _status(
        self,
        configured: Configured,
        dead: Mapping[str, int],
        early: Mapping[str, int],
        paused: set[str],
    ) -> dict[str, Any]:
        name = configured.name
        status: dict[str, Any] = {
            "name": name,
            "kind": configured.settings.kind,
            "paused": name in paused,
            "inbox": self.inboxes[name].depth,
            "early": early[name],
            "dead_letters": dead[name],
            "last_event": self.figures.last(name),
        }
        if (outbox := self.outboxes.get(name)) is not None:
            status["outbox"] = outbox.depth()
            status["problem"] = outbox.watch_error
        options = configured.settings.publish
        if options is not None and (channels := self.channels) is not None:
            status["channel"] = channels.status(name, options)
            status["problem"] = channels.problem(name)
        if (partner := self.partners.get(name)) is not None:
            status["partner"] = _gate(partner.gate)
        if (asking := self.pollers.get(name) or self.feeders.get(name)) is not None:
            status["problem"] = asking.last_error or status.get("problem", "")
        if (lane := self.lanes.get(name)) is not None and lane.problem:
            status["problem"] = lane.problem
        return status

    def _inbox(self, configured: Configured) -> Inbox:
        window_s = self._settings.window_days * DAY_S
        return Inbox(self.store, configured.name, configured.settings.depth_max, window_s)

    async def _feeder(self, configured: Configured, stack: AsyncExitStack) -> Feeder | None:
        opening = opened_source(configured, partial(self._tell_file, configured.name))
        source = await stack.enter_async_context(opening)
        if source is None:
            return None
        self.feeders[configured.name] = feeder = Feeder(
            configured,
            source,
            inbox=self.inboxes[configured.name],
            figures=self.figures,
            now=utc_now,
        )
        return feeder

    def _tell_file(self, name: str, file: str, why: str) -> None:
        """Open a case for a file that was not taken in. Called on a thread of the folder."""
        case = Exceptional(source=name, id="", kind="file_failed", subject=file, text=why)
        self.store.write_now(raise_case(name, case, utc_now()))

    def _doors(self) -> dict[str, Door]:
        """Where partners come in by themselves: those that are not asked."""
        return {
            each.name: Door(
                each,
                self.inboxes[each.name],
                TokenBucket(each.settings.rate_max, each.settings.rate_max, time.monotonic),
            )
            for each in self._configured
            if each.adapter.poll is None and not each.settings.sources
        }

    async def _parts(
        self, configured: Configured, client: Client, channels: Channels, stack: AsyncExitStack
    ) -> list[Work]:
        name, adapter, settings = configured.name, configured.adapter, configured.settings
        works: list[Work] = []
        if adapter.poll or adapter.outbound or settings.publish:
            partner = await self._partner(configured, stack)
            works += self._partner_parts(configured, client, channels, partner)
        publisher = channels.publishers.get(name)
        self.lanes[name] = lane = Lane(
            name,
            adapter,
            configured.options,
            store=self.store,
            inbox=self.inboxes[name],
            client=client,
            core=self.core,
            tables=self._tables[name],
            observer=self.figures,
            now=utc_now,
            body_bytes_max=settings.body_bytes_max if settings.has_queue else None,
            hear=publisher.hear if publisher else nothing_heard,
            sold=partial(channels.hear_sale, name),
        )
        works.append(partial(_after, publisher.loaded, lane.run) if publisher else lane.run)
        if (feeder := await self._feeder(configured, stack)) is not None:
            works.append(feeder.run)
        return works

    async def _partner(self, configured: Configured, stack: AsyncExitStack) -> Partner:
        http = await stack.enter_async_context(http_client(configured.settings.url))
        calls_per_s = configured.settings.calls_per_s
        self.partners[configured.name] = partner = Partner(
            configured.name,
            http,
            TokenBucket(calls_per_s, calls_per_s, time.monotonic),
            adapter=configured.adapter,
            options=configured.options,
            secrets=configured.secrets,
        )
        return partner

    def _partner_parts(
        self, configured: Configured, client: Client, channels: Channels, partner: Partner
    ) -> list[Work]:
        """What asks a partner, and what informs it."""
        name, adapter, options = configured.name, configured.adapter, configured.settings.publish
        works: list[Work] = []
        if adapter.poll is not None:
            self.pollers[name] = poller = Poller(
                configured,
                adapter.poll,
                store=self.store,
                inbox=self.inboxes[name],
                partner=partner,
                figures=self.figures,
                now=utc_now,
            )
            works.append(poller.run)
        if adapter.outbound is not None:
            self.outboxes[name] = outbox = Outbox(
                configured,
                adapter.outbound,
                store=self.store,
                client=client,
                partner=partner,
                figures=self.figures,
                now=utc_now,
            )
            works += [outbox.run, partial(_followed, outbox)]
        if adapter.publish is not None and options is not None:
            tables = self._tables[name]
            works += channels.add(
                configured, adapter.publish, options, partner=partner, tables=tables
            )
        return works


async def _after(event: asyncio.Event, work: Work) -> None:
    """Begin some work once something has happened."""
    await event.wait()
    await work()


class _Follower(Protocol):
    watch_error: str

    async def follow(self) -> None: ...


async def _followed(follower: _Follower) -> None:
    """Follow what the core reports, also through times when it does not."""
    while True:
        try:
            await follower.follow()
        except (HoldfastError, StoreFull) as error:
            follower.watch_error = str(error)
            await asyncio.sleep(REFOLLOW_S)


async def _until(stop: asyncio.Event, failed: asyncio.Future[None], works: Sequence[Work]) -> None:
    """Wait until it is to stop or something fails; then end what runs. Raises what failed."""
    stopped: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(work()) for work in works]
    try:
        await asyncio.wait((stopped, failed, *tasks), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in (failed.exception() if failed.done() else None, *ends):
        if isinstance(end, Exception):
            raise end


def _failing(failed: asyncio.Future[None]) -> Callable[[StoreFailed], None]:
    def fail(error: StoreFailed) -> None:
        if not failed.done():
            failed.set_exception(error)

    return fail


def _gate(gate: Gate) -> dict[str, str]:
    return {"breaker": gate.breaker, "last_error": gate.last_error}
