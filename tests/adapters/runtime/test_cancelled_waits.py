"""A cancellation that comes while something arrives is not lost: the process still ends."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from holdfast.adapters.contract import Outbound
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.lane import Lane
from holdfast.adapters.runtime.outbox import Outbox
from holdfast.adapters.runtime.partner import Partner
from holdfast.adapters.runtime.settings import AdapterSettings, Configured
from holdfast.adapters.runtime.store import Store
from holdfast.edge.client import Client
from tests.adapters.mini_channel import ADAPTER
from tests.adapters.runtime.test_lane import Core, lane


def a_lane(folder: Path) -> tuple[Lane, asyncio.Event]:
    made, inbox = lane(folder, Core())
    return made, inbox.arrived


def an_outbox(folder: Path) -> tuple[Outbox, asyncio.Event]:
    configured = Configured("shop", ADAPTER, AdapterSettings(kind=""), ADAPTER.options(), {})
    made = Outbox(
        configured,
        cast(Outbound, None),
        store=Store(folder, 1 << 24),
        client=cast(Client, None),
        partner=cast(Partner, None),
        figures=Figures({"shop": ""}, {}, lambda: datetime(2026, 11, 27, tzinfo=UTC)),
        now=lambda: datetime(2026, 11, 27, tzinfo=UTC),
    )
    return made, made._arrived


@pytest.mark.parametrize("steps", range(4))
@pytest.mark.parametrize("make", [a_lane, an_outbox])
async def test_what_waits_ends_when_it_is_cancelled_as_something_arrives(
    tmp_path: Path, make: Callable[[Path], Any], steps: int
) -> None:
    made, arrived = make(tmp_path)
    running = asyncio.create_task(made.run())
    for _ in range(10):
        await asyncio.sleep(0)

    arrived.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    running.cancel()

    done, _ = await asyncio.wait((running,), timeout=0.3)
    running.cancel()
    assert done
