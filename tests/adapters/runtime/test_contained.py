"""What somebody's own adapter raises ends neither the process nor the lane, whatever it is."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import (
    Adapter,
    Login,
    Message,
    Outbound,
    Poll,
    Publish,
    PublishPath,
    ReadBack,
)
from holdfast.adapters.mapping import Tables
from holdfast.adapters.runtime.contained import Defect, contained
from holdfast.adapters.runtime.dead_letters import dead_letters
from holdfast.adapters.runtime.decoding import AT_ONCE_BYTES
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.gate import Gate
from holdfast.adapters.runtime.host import Host
from holdfast.adapters.runtime.inbox import keyed
from holdfast.adapters.runtime.lane import Lane
from holdfast.adapters.runtime.settings import AdapterSettings, Configured, Settings, find
from holdfast.edge.client import Client
from tests.adapters.simple import ADAPTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
ENDS: tuple[type[BaseException], ...] = (SystemExit, KeyboardInterrupt, asyncio.CancelledError)


def quitting(end: type[BaseException]) -> Adapter:
    """An adapter that is a program by mistake."""

    def quits(*_: object) -> NoReturn:
        raise end("usage: decoder FILE")

    def quits_later(*_: object) -> Iterator[Any]:
        yield Message(b"")
        quits()

    return replace(
        ADAPTER,
        key=quits,
        decode=quits,
        cut=quits_later,
        verify=quits,
        credentials=quits,
        login=Login(quits, quits),
        poll=Poll(quits, quits),
        outbound=Outbound(quits, quits),
        publish=Publish((PublishPath("put", 1, quits),), ReadBack(quits, quits)),
        granted=quits,
    )


def functions_of(adapter: Adapter) -> list[Callable[..., Any]]:
    assert adapter.login
    assert adapter.poll
    assert adapter.outbound
    assert adapter.publish
    read_back = adapter.publish.read_back
    assert isinstance(read_back, ReadBack)
    return [
        adapter.key,
        lambda: list(adapter.decode(Message(b""), None)),
        lambda: list(adapter.cut((), "", None)),
        adapter.verify,
        adapter.credentials,
        adapter.login.request,
        adapter.login.session,
        adapter.poll.request,
        adapter.poll.page,
        adapter.outbound.concerns,
        adapter.outbound.next,
        adapter.publish.paths[0].next,
        read_back.request,
        read_back.page,
        adapter.granted,
    ]


@pytest.mark.parametrize("end", ENDS)
def test_each_function_of_an_adapter_is_contained(end: type[BaseException]) -> None:
    for function in functions_of(contained(quitting(end))):
        with pytest.raises(Defect, match="usage: decoder FILE"):
            function()


def test_what_an_adapter_is_to_say_passes() -> None:
    same = contained(ADAPTER)
    message = Message(b'{"id": "1", "type": "sale", "item": "A", "store": "B", "pieces": 1}')

    assert (None, None, None) == (same.login, same.poll, same.outbound)
    assert ADAPTER.key(message) == same.key(message)
    options = ADAPTER.options()
    assert list(ADAPTER.decode(message, options)) == list(same.decode(message, options))


@pytest.mark.parametrize("size", [2, AT_ONCE_BYTES + 1])
@pytest.mark.parametrize("end", ENDS)
async def test_a_decoder_that_quits_leaves_a_dead_letter(
    end: type[BaseException], size: int, tmp_path: Path
) -> None:
    """On the loop, and on a thread beside it."""
    configured = Configured(
        "shop", quitting(end), AdapterSettings(kind="shop"), ADAPTER.options(), {}
    )
    host = Host(Settings(data_dir=tmp_path), [configured])
    adapter = host._configured[0].adapter
    inbox = host.inboxes["shop"]
    await inbox.put([keyed("shop", adapter, Message(b"x" * size, received=NOW))], NOW)
    async with Client("127.0.0.1:1", retries=None) as client:
        lane = Lane(
            "shop",
            adapter,
            None,
            store=host.store,
            inbox=inbox,
            client=client,
            core=Gate("core", ()),
            tables=Tables(),
            observer=Figures({"shop": "order_sync"}, {}, lambda: NOW),
            now=lambda: NOW,
        )
        assert await lane.round()

    with host.store.reading() as tables:
        [letter] = dead_letters(tables)
    host.close()
    assert ("DEFECT", True) == (letter.reason, end.__name__ in letter.text)


def test_a_module_that_quits_when_it_is_loaded_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "quits_at_once.py").write_text("raise SystemExit('usage: me FILE')")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(Exception, match=r"'quits_at_once:A' cannot be loaded: usage: me FILE"):
        find("quits_at_once:A")


def test_the_conformance_kit_finds_a_decoder_that_quits() -> None:
    adapter = quitting(SystemExit)
    sample = Sample("one", Message(b"{}"))

    found = next(findings(adapter, [sample], ADAPTER.options()))

    assert "SystemExit" in str(found)
