"""HTTP serves figures and health, and starts and stops inside a loop that is somebody else's."""

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from holdfast.edge import serving
from holdfast.edge.server.http import Phase, build_app
from holdfast.edge.server.statistics import CallCounters, NodeStatistics
from holdfast.edge.serving import serve_http

NODE = NodeStatistics(
    shards=(),
    mailboxes=(),
    turns=4711,
    appends=0,
    append_seconds_total=0.0,
    append_age_seconds=0.0,
    loop_lag_seconds=0.0,
    calls=CallCounters().statistics(),
    operations={},
    refused_overload=0,
    expired_holds=0,
    snapshot_failures=0,
    log_lines_dropped=0,
    watch_conflations=0,
    watch_resets=0,
    watchers=0,
    watch_lag=0,
    call_lines_left_out=0,
    front_restarts=0,
    audit_passes=0,
    audit_disagreements=0,
    durable_position=0,
    snapshot_position=0,
    journal_size_bytes=0,
    journal_headroom_bytes=0,
)


def app(node: NodeStatistics | None = NODE, phase: Phase = Phase.SERVING) -> Starlette:
    return build_app(lambda: node, lambda: phase)


def client(application: Starlette) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://node")


# What it serves


async def test_metrics_are_in_the_text_format_of_prometheus() -> None:
    async with client(app()) as http:
        response = await http.get("/metrics")
    assert 200 == response.status_code
    assert "text/plain; version=0.0.4; charset=utf-8" == response.headers["content-type"]
    assert "holdfast_turns_total 4711.0\n" in response.text


async def test_metrics_are_in_the_format_that_is_asked_for() -> None:
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    async with client(app()) as http:
        response = await http.get("/metrics", headers=accept)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")
    assert "holdfast_turns_total 4711.0\n" in response.text


async def test_metrics_are_served_whatever_version_is_asked_for() -> None:
    async with client(app()) as http:
        response = await http.get("/metrics", headers={"accept": "text/plain; version=abc"})
    assert 200 == response.status_code
    assert "text/plain; version=0.0.4; charset=utf-8" == response.headers["content-type"]


async def test_metrics_are_there_before_the_node_is() -> None:
    async with client(app(None, Phase.STARTING)) as http:
        response = await http.get("/metrics")
    assert 200 == response.status_code
    assert "process_cpu_seconds_total" in response.text


@pytest.mark.parametrize(
    ("phase", "status", "text"),
    [
        (Phase.STARTING, 503, "not serving: starting\n"),
        (Phase.SERVING, 200, "serving\n"),
        (Phase.STALLED, 503, "not serving: stalled: the journal's disk does not answer\n"),
        (Phase.DRAINING, 503, "not serving: draining\n"),
    ],
)
async def test_a_node_is_healthy_while_it_serves(phase: Phase, status: int, text: str) -> None:
    async with client(app(phase=phase)) as http:
        response = await http.get("/healthz")
    assert (response.status_code, response.text) == (status, text)


async def test_health_follows_the_phase() -> None:
    phases = iter(Phase)
    async with client(build_app(lambda: NODE, lambda: next(phases))) as http:
        statuses = [(await http.get("/healthz")).status_code for _ in Phase]
    assert [503, 200, 503, 503] == statuses


async def test_the_index_names_every_path() -> None:
    application = app()
    async with client(application) as http:
        response = await http.get("/")
    assert response.headers["content-type"].startswith("text/plain")
    for route in application.routes:
        assert isinstance(route, Route)
        assert route.path in response.text


async def test_other_paths_and_methods_are_refused() -> None:
    async with client(app()) as http:
        assert 404 == (await http.get("/admin")).status_code
        assert 405 == (await http.post("/metrics")).status_code


# Start and stop


async def test_it_serves_on_the_port_that_it_gives_and_stops_after_the_block() -> None:
    async with serve_http(app(), "127.0.0.1", 0) as port, httpx.AsyncClient() as http:
        response = await http.get(f"http://127.0.0.1:{port}/healthz")
        assert "serving\n" == response.text
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("::", ["127.0.0.1", "::1"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("::1", ["::1"]),
        ("localhost", ["127.0.0.1"]),
    ],
)
async def test_it_is_reached_wherever_grpc_is(host: str, reached: list[str]) -> None:
    """Of `::`, over IPv4 too; of a name, at each of its addresses, under one port."""
    async with serve_http(app(), host, 0) as port:
        for address in reached:
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()


async def test_every_address_of_a_name_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a machine whose hosts file gives localhost both."""
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    async with serve_http(app(), "localhost", 0) as port:
        monkeypatch.undo()
        for address in ("::1", "127.0.0.1"):
            _, writer = await asyncio.open_connection(address, port)
            writer.close()
            await writer.wait_closed()


async def test_it_stops_when_the_block_fails() -> None:
    with pytest.raises(LookupError):
        async with serve_http(app(), "127.0.0.1", 0) as port:
            raise LookupError
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_connection_that_is_kept_open_does_not_hold_up_the_stop() -> None:
    async with serve_http(app(), "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: node\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert (await reader.read()).endswith(b"serving\n")
    writer.close()
    await writer.wait_closed()


HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nhost: n"


@pytest.mark.parametrize("said", [b"", HALF_A_HEAD, HALF_A_HEAD + b"ode\r\n\r\n" + HALF_A_HEAD])
async def test_a_connection_that_asks_for_nothing_ends(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it has begun to ask, and when it has asked before."""
    monkeypatch.setattr(serving, "HEAD_S", 0.05)
    async with serve_http(app(), "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.endswith(b"serving\n" if b"ode" in said else b"")


def test_only_ours_ends_idle_connections() -> None:
    """uvicorn's own end comes later."""
    assert serving.config_of(app()).timeout_keep_alive > serving.HEAD_S


async def test_a_request_under_way_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(_scope: object, _receive: object, send: Callable[[Any], Any]) -> None:
        goes_on = asyncio.Event()
        asyncio.get_running_loop().call_later(serving.HEAD_S, goes_on.set)  # after its own timer
        await goes_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    monkeypatch.setattr(serving, "HEAD_S", 0.05)
    async with serve_http(slow, "127.0.0.1", 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF_A_HEAD + b"ode\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.close()
        await writer.wait_closed()


async def test_more_connections_than_it_takes_are_asked_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS_MAX", 2)
    async with serve_http(app(), "127.0.0.1", 0) as port:
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        answer = await opened[2][0].read()
        for _, writer in opened:
            writer.close()
            await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 5\r\n" in head
    assert f"content-length: {len(body)}".encode() in head


async def test_signals_stay_with_the_owner_of_the_process() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with serve_http(app(), "127.0.0.1", 0):
        during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert during == before


async def test_a_port_that_is_taken_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already"):
            async with serve_http(app(), "127.0.0.1", port):
                pass


async def test_a_host_that_is_not_ours_is_reported() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 203\.0\.113\.1:0: "):
        async with serve_http(app(), "203.0.113.1", 0):
            pass


async def test_nothing_is_written_about_single_requests(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with serve_http(app(), "127.0.0.1", 0) as port, httpx.AsyncClient() as http:
        await http.get(f"http://127.0.0.1:{port}/healthz")
    assert [] == [record for record in caplog.records if record.name.startswith("uvicorn")]
