"""Whether the core and the partners can be reached, before anything depends on it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import httpx

from holdfast.edge.client import Client, HoldfastError

from ..contract import ReadBack, Refused, Request, Response, Throttled, Undecodable
from .buckets import TokenBucket
from .contained import contained, failure_text
from .feeding import opened_source
from .partner import Partner, PartnerAway, http_client
from .settings import Configured, Settings


async def connection_problems(
    settings: Settings, configured: Sequence[Configured]
) -> list[tuple[str, str]]:
    """Who was asked, and what is wrong; an empty text where nothing is."""
    called = [each for each in configured if _page(each) or each.adapter.login]
    partners = [(each.name, await _partner_problem(each)) for each in called]
    fed = [each for each in configured if each.settings.sources]
    sources = [(each.name, await _source_problem(each)) for each in fed]
    return [("core", await _core_problem(settings.target)), *partners, *sources]


async def _core_problem(target: str) -> str:
    try:
        async with Client(target, retries=None) as client:
            await client.list_locations(page_size=1)
    except HoldfastError as error:
        return str(error)
    return ""


async def _source_problem(configured: Configured) -> str:
    async with opened_source(configured, lambda *_: None) as source:
        assert source is not None
        try:
            await source.check()
        except OSError as error:
            return str(error)
    return ""


def _page(
    configured: Configured,
) -> tuple[Callable[[], Request], Callable[[Response], Any]] | None:
    """What asks for a page, and what reads it: of a poll, or of what a channel shows."""
    adapter, options = configured.adapter, configured.options
    if (poll := adapter.poll) is not None:
        return partial(poll.request, "", options), lambda response: poll.page(response, "", options)
    channel = adapter.publish if configured.settings.publish else None
    if channel is not None and isinstance(shown := channel.read_back, ReadBack):
        return partial(shown.request, "", options), lambda response: shown.page(response, options)
    return None


async def _partner_problem(configured: Configured) -> str:
    """A login and one page, which is looked at and dropped."""
    configured = replace(configured, adapter=contained(configured.adapter))
    async with http_client(configured.settings.url) as http:
        partner = Partner(
            configured.name,
            http,
            TokenBucket(1, 10, time.monotonic),
            adapter=configured.adapter,
            options=configured.options,
            secrets=configured.secrets,
        )
        try:
            if (page := _page(configured)) is not None:
                request, read = page
                await partner.ask_once(request(), read)
            else:
                await partner.log_in()
        except (PartnerAway, Refused, Throttled, Undecodable, httpx.HTTPError) as error:
            return f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - a defect must not hide the others
            return failure_text(error)
    return ""
