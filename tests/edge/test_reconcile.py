"""`holdfast reconcile`: a file of counts beside a node, and recorded as of its time."""

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.core.limits import COUNT_AHEAD_NS_MAX
from holdfast.edge.cli.main import app
from holdfast.edge.cli.reconciling import AHEAD_MAX
from holdfast.edge.client import BlockingClient
from holdfast.v1.stock_service_pb2 import StockEvent
from tests.edge.cli.commands import flat, run
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S, new_name


@pytest.fixture
def client(node: NodeProcess) -> Iterator[BlockingClient]:
    with BlockingClient(**node.targets, timeout_s=CALL_TIMEOUT_S) as connected:
        yield connected


def put(client: BlockingClient, **quantities: int) -> None:
    """Receive goods, or sell them where the number is negative."""
    client.update_location("W1", allow_missing=True)
    events = [
        StockEvent(
            event_id=new_name("event"),
            sku=sku,
            location="W1",
            kind="STOCK_EVENT_KIND_RECEIPT" if quantity > 0 else "STOCK_EVENT_KIND_SALE",
            quantity=abs(quantity),
        )
        for sku, quantity in quantities.items()
    ]
    client.record_stock_events("goods-in", events)


def on_hand(client: BlockingClient, sku: str) -> int:
    levels = client.get_availability(sku).availability.levels
    return {level.location: level.on_hand for level in levels}["W1"]


def now(client: BlockingClient) -> str:
    """When the last goods came in, by the node's clock: it has nanoseconds, this microseconds."""
    last = client.get_source("goods-in").source.last_event_time.ToDatetime(tzinfo=UTC)
    return (last + timedelta(microseconds=1)).isoformat()


def reconcile(node: NodeProcess, path: Path, as_of: str, *more: object) -> Any:
    where = ("--target", node.target, "--timeout", 30)
    return run("reconcile", "--against", path, "--as-of", as_of, *more, *where)


def write(folder: Path, *rows: tuple[str, str, object]) -> Path:
    path = folder / "counts.csv"
    lines = [",".join(map(str, row)) for row in (("sku", "location", "on_hand"), *rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8-sig")
    return path


def test_counts_are_compared_and_then_recorded_once(
    node: NodeProcess, client: BlockingClient, tmp_path: Path
) -> None:
    """What is sold after the count stays sold; a repeat changes nothing."""
    mug, plate = new_name("mug"), new_name("plate")
    put(client, **{mug: 10, plate: 5})
    at = now(client)
    path = write(tmp_path, (mug, "W1", 8), (plate, "W1", 5), ("nobody", "W1", 1), (mug, "X9", 2))
    compared = reconcile(node, path, at, "--out", tmp_path / "out.csv")
    assert 0 == compared.exit_code
    assert "4 compared: 1 agree, 1 differ (-2 units together), 2 unknown." in compared.stdout
    assert "Unknown SKU: nobody." in compared.stderr
    assert "Unknown location: X9." in compared.stderr
    assert f"{mug},W1,8,10,-2," in (tmp_path / "out.csv").read_text("utf-8")
    assert 10 == on_hand(client, mug)
    put(client, **{mug: -3})
    for expected in ("2 counts recorded.", "0 counts recorded, 2 recorded before."):
        applied = reconcile(node, path, at, "--apply", "--reason", "stocktaking", "--actor", "zoe")
        assert 3 == applied.exit_code, applied.output
        assert expected in applied.stdout
        assert "2 counts of unknown names left out." in applied.stderr
        assert 5 == on_hand(client, mug)
    assert ["nobody"] == list(client.batch_get_availability(["nobody"]).unknown_skus)


def test_programs_read_one_object_a_line(
    node: NodeProcess, client: BlockingClient, tmp_path: Path
) -> None:
    """Differences, unknown names, and what was recorded."""
    mug = new_name("mug")
    put(client, **{mug: 10})
    path = write(tmp_path, (mug, "W1", 12), ("nobody", "W1", 1))
    result = reconcile(node, path, now(client), "--apply", "--reason", "r", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [
        {"sku": mug, "location": "W1", "counted": 12, "on_hand": 10, "difference": 2},
        {"sku": "nobody", "location": "W1", "counted": 1, "unknown": "sku"},
        {"recorded": 1, "repeated": 0, "unknown": 1, "not_recorded": []},
    ] == lines


def test_a_sku_is_known_by_its_earlier_names(
    node: NodeProcess, client: BlockingClient, tmp_path: Path
) -> None:
    """A warehouse may write the old one for a while; both at once are two counts of a level."""
    old, other = new_name("old"), new_name("other")
    new = f"{old}-new"
    put(client, **{old: 10, other: 1})
    client.rename_sku(old, new)
    client.update_location("W2", allow_missing=True)
    at = now(client)
    more = ("--apply", "--reason", "stocktaking")
    path = write(tmp_path, (other, "W1", 1), (old, "W1", 8), (new, "W2", 0))
    applied = reconcile(node, path, at, *more)
    assert 0 == applied.exit_code, applied.output
    assert "3 compared: 2 agree, 1 differ (-2 units together), 0 unknown." in applied.stdout
    assert 8 == on_hand(client, new)
    for apply in ((), more):
        twice = reconcile(node, write(tmp_path, (new, "W1", 7), (old, "W1", 6)), at, *apply)
        assert 1 == twice.exit_code
        expected = f"line 3: {old} at W1 is {new} on line 2, another name of SKU {new}: expected"
        assert expected in flat(twice.stderr)
        assert 8 == on_hand(client, new)


def test_a_count_that_has_no_effect_is_reported(
    node: NodeProcess, client: BlockingClient, tmp_path: Path
) -> None:
    """It is of a time that the node does not look back to."""
    mug = new_name("mug")
    put(client, **{mug: 10})
    path = write(tmp_path, (mug, "W1", 12))
    refused = reconcile(node, path, "2020-01-01T00:00:00Z", "--apply", "--reason", "r")
    assert 3 == refused.exit_code
    assert "count too old" in flat(refused.stdout)
    assert "1 count had no effect." in refused.stderr
    assert 10 == on_hand(client, mug)


def test_what_is_wrong_is_reported_before_anything_is_asked(
    node: NodeProcess, tmp_path: Path
) -> None:
    """The file, the time, the reason."""
    at = "2020-11-26T22:00:00Z"
    bad = reconcile(node, write(tmp_path, ("mug", "W1", "many")), at)
    assert (1, True) == (bad.exit_code, "line 2: on_hand is 'many'" in bad.stderr)
    missing = reconcile(node, tmp_path / "none.csv", at)
    assert (1, True) == (missing.exit_code, "cannot be read" in missing.stderr)
    path = write(tmp_path, ("mug", "W1", 1))
    assert "offset" in flat(reconcile(node, path, "yesterday").stderr)
    assert "--reason" in flat(reconcile(node, path, at, "--apply").stderr)
    late = reconcile(node, path, "2200-01-01T00:00:00Z")
    assert (2, True) == (late.exit_code, "which is to come" in flat(late.stderr))
    assert COUNT_AHEAD_NS_MAX == AHEAD_MAX / timedelta(microseconds=1) * 1_000


def test_a_file_on_stdin_may_begin_with_a_byte_order_mark(node: NodeProcess) -> None:
    words = ("reconcile", "--against", "-", "--as-of", "2020-11-26T22:00:00Z")
    text = "\ufeffsku,location,on_hand\nnobody,W1,1\n"
    done = CliRunner().invoke(app, [*words, "--target", node.target], input=text.encode())
    assert "1 compared: 0 agree, 0 differ (+0 units together), 1 unknown." in done.stdout


def test_a_ledger_says_what_was_on_hand_then(tmp_path: Path) -> None:
    """What was sold since is no difference."""
    with running_node(tmp_path / "node", ledger="on") as node:
        with BlockingClient(**node.targets, timeout_s=CALL_TIMEOUT_S) as client:
            put(client, mug=10)
            at = now(client)
            put(client, mug=-3)
            client.explain_availability("mug", "W1", timeout_s=CALL_TIMEOUT_S)
            path = write(tmp_path, ("mug", "W1", 10))
            result = reconcile(node, path, at)
            assert "1 compared: 1 agree, 0 differ" in result.stdout, result.output
        node.terminate()
        assert [] == node.complaints()
