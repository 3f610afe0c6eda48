"""gRPC's health protocol: one status for all names, sent at once to everybody who watches."""

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2

from holdfast.edge.server.call_status import CallStatus
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.transports.health import Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


CALL = CallContext()


def asked(name: str) -> bytes:
    data: bytes = health_pb2.HealthCheckRequest(service=name).SerializeToString()
    return data


def status_in(data: bytes) -> int:
    return int(health_pb2.HealthCheckResponse.FromString(data).status)


async def next_of(watch: AsyncIterator[bytes]) -> int:
    return status_in(await anext(watch))


@pytest.mark.parametrize("name", ["", "a.Service"])
async def test_a_name_has_the_status_of_the_node(name: str) -> None:
    health = Health(["a.Service"])
    assert NOT_SERVING == status_in(await health.check(asked(name), CALL))
    health.set_serving(is_serving=True)
    assert SERVING == status_in(await health.check(asked(name), CALL))
    assert "<Health SERVING>" == repr(health)


async def test_a_name_that_does_not_exist_is_not_found() -> None:
    health = Health(["a.Service"])
    with pytest.raises(CallStatus, match=r"no service 'another\.Service'") as failed:
        await health.check(asked("another.Service"), CALL)
    assert grpc.StatusCode.NOT_FOUND is failed.value.code
    assert SERVICE_UNKNOWN == await next_of(health.watch(asked("another.Service"), CALL))


async def test_a_watcher_who_leaves_takes_nothing_from_the_others() -> None:
    """With grpc_health's own servicer, the other watchers of his name heard nothing any more."""
    health = Health(["a.Service"])
    gone, stays = (health.watch(asked("a.Service"), CALL) for _ in range(2))
    assert [NOT_SERVING, NOT_SERVING] == [await next_of(gone), await next_of(stays)]
    await gone.aclose()  # type: ignore[attr-defined]
    health.set_serving(is_serving=True)
    assert SERVING == await next_of(stays)


async def test_a_watcher_hears_of_changes_and_of_nothing_else() -> None:
    health = Health([])
    watch = health.watch(asked(""), CALL)
    heard = [await next_of(watch)]
    for is_serving in (True, False):
        for _ in range(3):
            health.set_serving(is_serving=is_serving)
        heard.append(await next_of(watch))
    assert [NOT_SERVING, SERVING, NOT_SERVING] == heard


async def test_a_request_that_is_no_message_is_malformed() -> None:
    health = Health([])
    for ask in (health.check(b"\xff", CALL), anext(health.watch(b"\xff", CALL))):
        with pytest.raises(CallStatus) as failed:
            await ask
        assert grpc.StatusCode.INVALID_ARGUMENT is failed.value.code
