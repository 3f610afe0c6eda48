"""Channels are asked as partners are that are polled: by a page of what they show, or a login."""

from dataclasses import replace
from typing import NoReturn

import pytest

from holdfast.adapters.contract import Adapter, Login, Poll, Publish, PublishPath, Request
from holdfast.adapters.publishing.publish_options import PublishOptions
from holdfast.adapters.runtime.checks import connection_problems
from holdfast.adapters.runtime.settings import AdapterSettings, Configured, Settings
from tests.adapters.mini_channel import ADAPTER, put, running_mini_channel

WITHOUT_READING = replace(ADAPTER, publish=Publish((PublishPath("put", 1, put),)))
WITH_LOGIN = replace(
    WITHOUT_READING,
    login=Login(lambda _options, _secrets: Request("GET", "/login"), lambda _response: {}),
)


@pytest.mark.parametrize(
    ("adapter", "is_down", "asked"),
    [
        (ADAPTER, False, [("market", "")]),
        (ADAPTER, True, [("market", "PartnerAway: it answers 503")]),
        (WITH_LOGIN, True, [("market", "PartnerAway: it answers 503")]),
        (WITHOUT_READING, True, []),
    ],
)
async def test_a_channel_is_asked_for_what_it_shows_or_for_a_session(
    adapter: Adapter, is_down: bool, asked: list[tuple[str, str]]
) -> None:
    publish = PublishOptions(nodes={"DEFAULT": ("dc-1",)})
    with running_mini_channel() as channel:
        channel.is_down = is_down
        settings = AdapterSettings(kind="", url=channel.url, publish=publish)
        configured = Configured("market", adapter, settings, adapter.options(), {})
        nobody = Settings(target="127.0.0.1:1")
        _core, *partners = await connection_problems(nobody, [configured])

    assert asked == partners
    assert [] == channel.puts


async def test_an_adapter_that_fails_is_a_problem_and_the_others_are_asked() -> None:
    def fails(*_: object) -> NoReturn:
        raise TypeError("no such field")

    def quits(*_: object) -> NoReturn:
        raise SystemExit("usage: adapter FILE")

    polled = AdapterSettings(kind="", url="http://127.0.0.1:1")
    adapters = [replace(ADAPTER, poll=Poll(function, function)) for function in (fails, quits)]
    configured = [Configured("own", each, polled, each.options(), {}) for each in adapters]
    _core, *partners = await connection_problems(Settings(target="127.0.0.1:1"), configured)

    assert [
        ("own", "the adapter failed: TypeError('no such field')"),
        ("own", "the adapter failed: Defect(\"SystemExit('usage: adapter FILE')\")"),
    ] == partners
