"""A node among other processes: second nodes, logs, health, reflection, metrics and garbage."""

import asyncio
from pathlib import Path

import grpc
import grpc.aio
import httpx
import psutil
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from holdfast.edge.client import Client, calls
from holdfast.edge.server.methods import PUBLIC, service_names
from holdfast.v1 import common_pb2 as common
from tests.edge import node_process
from tests.edge.node_process import NodeProcess
from tests.edge.raw import OK, WAREHOUSE, Wire, figure, new_name, put_stock
from tests.real_time import wait_until

ACCEPTED = common.OUTCOME_ACCEPTED


# A second node


def test_a_second_node_on_a_data_directory_is_refused(node: NodeProcess, tmp_path: Path) -> None:
    """It says whose directory it is, and the first one does not notice."""
    with NodeProcess(tmp_path) as second:
        second.data_dir = node.data_dir
        second.launch()
        assert second.wait() not in (0, 74)
        report = second.report()
        assert f"another node (process {node.pid}) serves this data directory" in report
        assert "Traceback" not in report
    assert "serving\n" == httpx.get(node.url("/healthz")).text


@pytest.mark.parametrize("port", ["grpc_port", "http_port"])
def test_a_second_node_on_a_port_is_refused(node: NodeProcess, tmp_path: Path, port: str) -> None:
    """It names the address, and the first one goes on serving all who come."""
    with NodeProcess(tmp_path) as second:
        setattr(second, port, getattr(node, port))
        second.launch()
        assert second.wait() not in (0, 74)
        report = second.report()
        assert f"cannot listen on 127.0.0.1:{getattr(node, port)}" in report
        assert "Traceback" not in report
    assert "serving\n" == httpx.get(node.url("/healthz")).text


# A node that does not come to serve


def test_a_node_that_does_not_come_to_serve_is_not_left_behind(tmp_path: Path) -> None:
    """Its process ends with the block that started it."""
    with NodeProcess(tmp_path) as node:
        node.launch()
        process = psutil.Process(node.pid)
    assert not process.is_running()


def test_a_node_that_ends_at_once_says_why(tmp_path: Path) -> None:
    """What it wrote is in the message of the failure."""
    with (
        pytest.raises(AssertionError, match=r"(?s)it ended at once.*HOLDFAST_SHARD_COUNT"),
        node_process.running_node(tmp_path, shard_count="many"),
    ):
        pass


# What ties a call to its caller's log


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ([("x-correlation-id", "checkout 17")], "checkout 17"),
        ([("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")], TRACE),
        (
            [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"), ("x-correlation-id", "mine")],
            "mine",
        ),
        ([("x-correlation-id", "x" * 129)], None),
        ([("traceparent", "00-0-0-01")], None),
        ([], None),
    ],
    ids=["an id", "a trace", "both", "too long", "no trace", "nothing"],
)
async def test_a_correlation_id_comes_back_and_is_logged(
    node: NodeProcess,
    client: Client,
    wire: Wire,
    metadata: list[tuple[str, str]],
    expected: str | None,
) -> None:
    """With good answers, refusals and faults alike; what is no id costs the caller nothing."""
    (sku,) = await put_stock(client, 1)
    logged_before = len(node.events("call"))
    codes = []
    for call in (
        calls.reserve(new_name("order"), [(sku, WAREHOUSE, 1)]),
        calls.reserve(new_name("order"), [(sku, WAREHOUSE, 1)]),
        calls.get_reservation("nobody's"),
    ):
        answer = await wire.send_call(call, metadata=metadata)
        codes.append(answer.code)
        assert expected == answer.trailing.get("x-correlation-id")
    assert [OK, OK, "NOT_FOUND"] == codes

    def logged() -> list[tuple[str, str, str]]:
        return [
            (event["method"], event["code"], event["correlation_id"])
            for event in node.events("call")[logged_before:]
        ]

    if expected is None:
        assert [] == logged()
        return
    # A fault is logged after its answer.
    await asyncio.to_thread(wait_until, lambda: len(logged()) >= 3, "logged")
    assert [
        ("Reserve", "OK", expected),
        ("Reserve", "REFUSED", expected),
        ("GetReservation", "NOT_FOUND", expected),
    ] == logged()


# Health, reflection, metrics


async def test_every_service_says_that_it_is_healthy(wire: Wire) -> None:
    """The node as a whole, each service of ours, and no service that does not exist."""
    check = health_pb2_grpc.HealthStub(wire.channel).Check
    for name in ("", *service_names(PUBLIC)):
        answer = await check(health_pb2.HealthCheckRequest(service=name))
        assert health_pb2.HealthCheckResponse.SERVING == answer.status
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await check(health_pb2.HealthCheckRequest(service="holdfast.v1.RefundService"))
    assert grpc.StatusCode.NOT_FOUND == unknown.value.code()


def test_reflection_tells_all_services_with_their_methods(node: NodeProcess) -> None:
    """So that grpcurl works without our files."""
    with grpc.insecure_channel(node.target) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert {
            *service_names(PUBLIC),
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        } == services
        for name in service_names(PUBLIC):
            file = database.FindFileContainingSymbol(name)
            assert name in {f"{file.package}.{service.name}" for service in file.service}


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_both_versions_of_reflection_tell_the_same(node: NodeProcess, version: str) -> None:
    """Current tools ask for version 1; it describes itself, too."""
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(
            file_containing_symbol=f"grpc.reflection.{version}.ServerReflection"
        ),
    ]
    with grpc.insecure_channel(node.target) as channel:
        call = channel.stream_stream(path, None, reflection_pb2.ServerReflectionResponse.FromString)
        listed, described = call(each.SerializeToString() for each in asked)
    names = {each.name for each in listed.list_services_response.service}
    assert {*service_names(PUBLIC)} < names
    (own,) = (
        file
        for data in described.file_descriptor_response.file_descriptor_proto
        if (file := descriptor_pb2.FileDescriptorProto.FromString(data)).service
    )
    assert f"grpc.reflection.{version}" == own.package


async def test_metrics_and_health_are_served_over_http(node: NodeProcess, client: Client) -> None:
    """What was asked over gRPC is counted there."""
    (sku,) = await put_stock(client, 5)
    async with httpx.AsyncClient() as browser:
        before = (await browser.get(node.url("/metrics"))).text
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 2)])
        await client.reserve(new_name("order"), [(sku, WAREHOUSE, 9)])
        page = await browser.get(node.url("/metrics"))
        assert page.headers["content-type"].startswith("text/plain")
        accepted = 'holdfast_calls_total{code="OK",method="Reserve"}'
        refused = 'holdfast_calls_total{code="REFUSED",method="Reserve"}'
        for name, more in ((accepted, 1), (refused, 1), ("holdfast_turns_total", 2)):
            was = figure(before, name) if name in before else 0
            assert was + more <= figure(page.text, name)
        status = await client.get_status()
        assert status.durable_position == figure(page.text, "holdfast_journal_durable_position")
        assert "serving\n" == (await browser.get(node.url("/healthz"))).text
        assert 404 == (await browser.get(node.url("/nothing"))).status_code


@pytest.mark.parametrize(
    "noise",
    [b"\0" * 4096, b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 512],
    ids=["zeros", "HTTP/1", "a broken HTTP/2"],
)
async def test_noise_on_the_port_disturbs_nobody(
    node: NodeProcess, client: Client, noise: bytes
) -> None:
    """The connection is closed, and the calls on others go on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", node.grpc_port)
    writer.write(noise)
    async with asyncio.timeout(30):
        while await reader.read(1024):
            pass
    writer.close()
    assert (await client.get_status()).durable_position >= 0
