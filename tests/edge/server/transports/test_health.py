"""gRPC's health protocol: one status for all names, told at once to everybody who watches."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from holdfast.edge.server.transports.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Aborted(Exception):  # noqa: N818 - what gRPC raises is no error of anyone
    """gRPC's abort raises, so that nothing runs behind it."""


class Call:
    """The context of a call, which may be ended."""

    async def abort(self, code: grpc.StatusCode, _message: str) -> None:
        raise Aborted(code)


def asked(name: str) -> Any:
    return health_pb2.HealthCheckRequest(service=name)


async def next_of(watch: AsyncIterator[Any]) -> int:
    return int((await anext(watch)).status)


@pytest.mark.parametrize("name", ["", "a.Service"])
async def test_a_name_has_the_status_of_the_node(name: str) -> None:
    health = Health(["a.Service"])
    assert NOT_SERVING == (await health.Check(asked(name), Call())).status
    health.tell(is_serving=True)
    assert SERVING == (await health.Check(asked(name), Call())).status
    assert "<Health SERVING>" == repr(health)


async def test_a_name_that_does_not_exist_is_not_found() -> None:
    health = Health(["a.Service"])
    with pytest.raises(Aborted, match="NOT_FOUND"):
        await health.Check(asked("another.Service"), Call())
    assert SERVICE_UNKNOWN == await next_of(health.Watch(asked("another.Service"), Call()))


async def test_a_watcher_who_leaves_takes_nothing_from_the_others() -> None:
    """With grpc_health's own servicer, the others of his name heard nothing any more."""
    health = Health(["a.Service"])
    gone, stays = (health.Watch(asked("a.Service"), Call()) for _ in range(2))
    assert [NOT_SERVING, NOT_SERVING] == [await next_of(gone), await next_of(stays)]
    await gone.aclose()  # type: ignore[attr-defined]
    health.tell(is_serving=True)
    assert SERVING == await next_of(stays)


async def test_a_watcher_hears_of_changes_and_of_nothing_else() -> None:
    health = Health([])
    watch = health.Watch(asked(""), Call())
    heard = [await next_of(watch)]
    for is_serving in (True, False):
        for _ in range(3):
            health.tell(is_serving=is_serving)
        heard.append(await next_of(watch))
    assert [NOT_SERVING, SERVING, NOT_SERVING] == heard
