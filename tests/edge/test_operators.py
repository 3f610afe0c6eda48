"""The listener for operators: its methods are there and nowhere else."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from holdfast.edge.client import AlreadyExists, Client, HoldfastError, calls, operator_calls
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.snapshots.file import snapshot_paths
from holdfast.persistence.verify import verify
from holdfast.v1.common_pb2 import SOURCE_STATE_GAP
from holdfast.v1.stock_service_pb2 import STOCK_EVENT_KIND_RECEIPT, StockEvent
from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S, OK, WAREHOUSE, Wire, figures_of, new_name, put_stock


async def test_each_listener_has_its_own_methods(node: NodeProcess) -> None:
    """Whoever may reserve can't reset a source, and the other way round."""
    status, read = operator_calls.get_status(), calls.list_locations()
    async with Wire(node.target) as public, Wire(node.admin_target) as admin:
        assert (OK, "UNIMPLEMENTED") == (
            (await admin.send_call(status)).code,
            (await public.send_call(status)).code,
        )
        assert ("UNIMPLEMENTED", OK) == (
            (await admin.send_call(read)).code,
            (await public.send_call(read)).code,
        )


async def test_a_reset_names_what_is_wrong(node: NodeProcess) -> None:
    async with Wire(node.admin_target) as admin:
        for call, field in (
            (operator_calls.reset_source("", "new"), "source"),
            (operator_calls.reset_source("till ", "new"), "source"),
            (operator_calls.reset_source("till", "new", 2**63), "last_sequence"),
            (operator_calls.reset_source("till", ""), "reason"),
        ):
            answer = await admin.send_call(call)
            assert ("INVALID_ARGUMENT", field) == (answer.code, answer.info.metadata["field"])
        answer = await admin.send_call(operator_calls.reset_source("nobody", "new"))
        assert ("NOT_FOUND", "UNKNOWN_SOURCE") == (answer.code, answer.reason)


async def test_an_update_of_a_source_names_what_is_wrong(node: NodeProcess) -> None:
    update: Any = operator_calls.update_source
    decided = {"sku": "S", "decision": 1, "reason": "new", "actor": "zoe"}

    def settle(**changed: Any) -> Any:
        return operator_calls.settle_quarantined_sku(**{**decided, **changed})

    wrong_mask = update("erp")
    wrong_mask.request.update_mask.paths.append("state")
    async with Wire(node.admin_target) as admin:
        for call, field in (
            (update(""), "source.source"),
            (update("erp", expected_interval=-1), "source.expected_interval"),
            (update("erp", expected_interval=0.0001), "source.expected_interval"),
            (update("erp", expected_interval=31 * 86_400), "source.expected_interval"),
            (update("erp", unknown_skus=9), "source.unknown_skus"),
            (update("erp", request_id=" q"), "request_id"),
            (wrong_mask, "update_mask.paths[0]"),
            (operator_calls.get_source("till "), "source"),
            (operator_calls.list_sources(-1), "page_size"),
            (operator_calls.list_sources(page_token="x"), "page_token"),
            (operator_calls.list_pending_reversals(-1), "page_size"),
            (operator_calls.list_pending_reversals(page_token="x"), "page_token"),
            (operator_calls.list_quarantined_skus(1_001), "page_size"),
            (operator_calls.list_quarantined_skus(page_token="x"), "page_token"),
            (settle(sku=""), "sku"),
            (settle(decision=0), "decision"),
            (settle(decision=3), "decision"),
            (settle(reason=""), "reason"),
            (settle(actor="zoe "), "actor"),
            (update("erp", cap=-1), "source.cap"),
            (update("erp", fallback=9), "source.fallback"),
            (update("erp", fallback="FALLBACK_CAP"), "source.cap"),
            (operator_calls.reset_source("till", "\n"), "reason"),
            (operator_calls.reset_source("till", "new", request_id=" q"), "request_id"),
            (settle(request_id=" q"), "request_id"),
            (operator_calls.repair_stock_levels("r", "a", request_id=" q"), "request_id"),
            (operator_calls.force_release("r1", "r", "a", request_id=" q"), "request_id"),
        ):
            answer = await admin.send_call(call)
            assert ("INVALID_ARGUMENT", field) == (answer.code, answer.info.metadata["field"])
        for unknown in (update("nobody"), operator_calls.get_source("nobody")):
            answer = await admin.send_call(unknown)
            assert ("NOT_FOUND", "UNKNOWN_SOURCE") == (answer.code, answer.reason)


async def test_gaps_of_a_source_are_reported_listed_and_healed(node: NodeProcess) -> None:
    """By the response, the source, the metrics and the command line."""
    name, sku = new_name("till"), new_name("sku")

    def facts(*numbers: int) -> list[StockEvent]:
        return [
            StockEvent(
                sequence=n, sku=sku, location=WAREHOUSE, kind=STOCK_EVENT_KIND_RECEIPT, quantity=1
            )
            for n in numbers
        ]

    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
        await put_stock(client, 1)
        answer = await client.record_stock_events(name, facts(1, 4, 7))
        skipped = [(each.first_sequence, each.last_sequence) for each in answer.skipped_sequences]
        assert [(2, 3), (5, 6)] == skipped
        source = (await client.get_source(name)).source
        assert (SOURCE_STATE_GAP, 4, 2, 7) == (
            source.state,
            source.missing_sequences,
            source.gap_count,
            source.last_sequence,
        )
        assert skipped == [(each.first_sequence, each.last_sequence) for each in source.gaps]
        assert source.HasField("last_event_time")
        assert source.HasField("lag")
        shards = (await client.get_status()).shards
        assert sum(shard.source_gaps for shard in shards) >= 2
        assert "gap" in flat(ask(node, "sources", "get", name).stdout)
        await client.record_stock_events(name, facts(6, 3, 2, 5))
        healed = ask_json(node, "sources", "get", name)["source"]
        assert ("SOURCE_STATE_CURRENT", 0) == (healed["state"], healed["missing_sequences"])
        listed = ask_json(node, "sources", "list")["sources"]
        assert name in [each["source"] for each in listed]


async def test_a_source_is_set_before_its_first_event(node: NodeProcess) -> None:
    """Field by field, and once for a request."""
    name = new_name("till")
    updated = ask_json(
        *(node, "sources", "update", name),
        *("--expected-interval", "90s", "--unknown-skus", "create-by-receipt"),
    )["source"]
    assert ("90s", "UNKNOWN_SKUS_CREATE_BY_RECEIPT") == (
        updated["expected_interval"],
        updated["unknown_skus"],
    )
    assert "create by receipt" in flat(ask(node, "sources", "update", name).stdout)
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
        for repeated in (False, True):
            answer = await client.update_source(name, expected_interval=0, request_id="q")
            assert repeated == answer.repeated_request
            assert not answer.source.HasField("expected_interval")
        with pytest.raises(AlreadyExists):
            await client.update_source(name, expected_interval=1, request_id="q")


async def test_a_snapshot_is_written_when_it_is_asked_for(tmp_path: Path) -> None:
    """It holds all that was durable when the call came in; a second call writes another."""
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert 0 == (await client.create_snapshot()).position
            for quantity in (1, 2):
                await put_stock(client, quantity)
                before = (await client.get_status()).durable_position
                written = await client.create_snapshot()
                status = await client.get_status()
                assert before == written.position == status.snapshot_position
                newest = snapshot_paths(read_node_json(node.data_dir))[0]
                assert written.size_bytes == newest.stat().st_size
        node.terminate()
        assert [] == node.complaints()
        report = verify(node.data_dir)
        assert ([], 2) == (report.findings, report.snapshots)


async def test_snapshots_are_written_one_at_a_time(node: NodeProcess) -> None:
    """Whoever comes second is told so at once, and the first is not disturbed."""
    async with Wire(node.admin_target) as admin, Client(**node.targets) as client:
        await put_stock(client, 1)
        answers = await asyncio.gather(
            *(admin.send_call(operator_calls.create_snapshot()) for _ in "123")
        )
    codes = sorted((answer.code, answer.reason) for answer in answers)
    assert [("ABORTED", "SNAPSHOT_UNDER_WAY")] * 2 + [(OK, "")] == codes


async def test_a_snapshot_that_cannot_be_written_is_reported_and_does_no_harm(
    tmp_path: Path,
) -> None:
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S, retries=None) as client:
            await put_stock(client, 1)
            snapshots = node.data_dir / "snapshots"
            snapshots.rmdir()
            snapshots.write_text("in the way")
            with pytest.raises(HoldfastError, match="no snapshot was written: ") as failed:
                await client.create_snapshot()
            assert "SNAPSHOT_FAILED" == failed.value.reason
            await put_stock(client, 1)
            snapshots.unlink()
            assert 0 < (await client.create_snapshot()).position


async def test_a_drain_answers_what_is_in_and_ends_with_a_snapshot(tmp_path: Path) -> None:
    """The next start replays nothing."""
    with running_node(tmp_path) as node:
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S, retries=None) as other,
        ):
            (sku,) = await put_stock(client, 1_000)
            acknowledged = 0

            async def buy() -> None:
                nonlocal acknowledged
                with suppress(HoldfastError):
                    while True:
                        await other.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
                        acknowledged += 1

            *_, one, another = await asyncio.gather(
                buy(), buy(), client.drain(timeout_s=60), client.drain(timeout_s=60)
            )
            assert one == another
            assert one.durable_position == one.snapshot_position > 0
        assert 0 == await asyncio.to_thread(node.wait), node.report()
        report = verify(node.data_dir)
        assert ([], 1, one.durable_position) == (
            report.findings,
            report.snapshots,
            report.position,
        )
        node.start()
        assert 0 == node.events("recovered")[-1]["replayed"]
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            assert (1_000, acknowledged, 0) == await figures_of(client, sku)
        assert [] == node.complaints()


async def test_a_drain_keeps_the_notice_and_a_signal_cuts_it_short(tmp_path: Path) -> None:
    with running_node(tmp_path, drain_notice_s=600) as node:
        async with (
            Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client,
            Wire(node.target) as wire,
        ):
            (sku,) = await put_stock(client, 10)
            watch = health_pb2_grpc.HealthStub(wire.channel).Watch(health_pb2.HealthCheckRequest())
            assert health_pb2.HealthCheckResponse.SERVING == (await watch.read()).status
            draining = asyncio.create_task(client.drain(timeout_s=60))
            assert health_pb2.HealthCheckResponse.NOT_SERVING == (await watch.read()).status
            await client.reserve(new_name("order"), [(sku, WAREHOUSE, 1)])
            node.signal(signal.SIGTERM)
            assert 0 < (await draining).durable_position
            assert 0 == await asyncio.to_thread(node.wait)
        assert [] == node.complaints()


async def test_a_drain_that_can_write_no_snapshot_ends_all_the_same(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            (sku,) = await put_stock(client, 10)
            (node.data_dir / "snapshots").rmdir()
            (node.data_dir / "snapshots").write_text("in the way")
            drained = await client.drain(timeout_s=60)
            assert 0 == drained.snapshot_position < drained.durable_position
            assert 0 == await asyncio.to_thread(node.wait)
            (node.data_dir / "snapshots").unlink()
            node.start()
            assert (10, 0, 0) == await figures_of(client, sku)
        assert 1 == len(node.events("snapshot failed"))


def test_the_commands_tell_what_the_node_did(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        ask_json(node, "location", "put", "W1")
        assert flat(ask(node, "snapshot").stdout).startswith("A snapshot of position 1 is written:")
        assert 1 == ask_json(node, "snapshot")["position"]
        assert "It has answered all calls and ends, at position 2." in ask(node, "drain").stdout
        assert 0 == node.wait()
        assert "No node answers at" in ask(node, "drain").stderr


async def test_a_reversal_is_listed_until_its_event_comes(node: NodeProcess) -> None:
    """By the service and by the command line, which records both."""
    sku, event_id = new_name("sku"), new_name("event")
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
        await client.update_location(WAREHOUSE, allow_missing=True)
    words = ("stock", "reverse", sku, WAREHOUSE, 3, "--event", event_id)
    pending = ask(node, *words, "--kind", "receipt", "--event-id", new_name("undo"))
    assert 3 == pending.exit_code
    assert "reversal pending" in flat(pending.stdout)
    assert f"nothing is undone yet: the reversal waits for event {event_id}" in pending.stderr
    async with Client(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
        listed = (await client.list_pending_reversals()).reversals
        (mine,) = (each for each in listed if each.sku == sku)
        assert ("cli", 3, WAREHOUSE) == (mine.source, mine.quantity, mine.location)
    assert sku in ask(node, "sources", "reversals").stdout.replace("\n", "")
    again = ask_json(node, "stock", "receipt", sku, WAREHOUSE, 3, "--event-id", event_id)
    assert "STOCK_EVENT_OUTCOME_REVERSED" == again["results"][0]["outcome"]
    reversals = ask_json(node, "sources", "reversals").get("reversals", [])
    assert [] == [each for each in reversals if each["sku"] == sku]
