"""The audit as operators meet it: a damaged level is reported, not promised, and repaired."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.core.commands import (
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.edge.client import Client
from holdfast.edge.server.admission import Admission
from holdfast.edge.server.context import CallContext
from holdfast.edge.server.operators import Operators
from holdfast.edge.server.pump import Pump
from holdfast.edge.wire.faults import Fault
from holdfast.persistence.codec import read_appends
from holdfast.persistence.history import RecordFilter, effect_records
from holdfast.persistence.history_text import record_text
from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess
from tests.edge.raw import figure, metrics_of, put_stock
from tests.persistence.journals import MemoryAppender

ANYONE = CallContext()


class Desk:
    """A node of which a test can damage the tables, with the methods of operators."""

    def __init__(self) -> None:
        self.node = Node(3)
        self.appender = MemoryAppender()
        self.pump = Pump(self.node, self.appender, lambda: 1, self._failed)
        self.admission = Admission(self.pump)
        nothing: Any = None
        self.operators = Operators(self.admission, nothing, nothing, nothing)

    def _failed(self, error: BaseException) -> None:
        raise error

    async def open(self) -> None:
        place = Location("W1", LocationKind.STORE, "W1", enabled=True)
        await self.admission.post(UpdateLocation(place), ANYONE)
        event = StockEvent(None, 1, "mug", "W1", EventKind.RECEIPT, 9)
        await self.admission.post(RecordStockEvents("erp", (event,)), ANYONE)
        reserve = Reserve(key_from_text("r"), (Line("mug", "W1", 4),), 60_000)
        await self.admission.post(reserve, ANYONE)

    def damage(self) -> None:
        shard = self.node.homes.shard_of_sku("mug")
        shard.levels.records["reserved"][shard.find_row("mug", "W1")] = 1

    async def audit(self) -> admin.RunAuditResponse:
        return await self.operators.RunAudit(admin.RunAuditRequest(), ANYONE)

    async def repair(self, **fields: Any) -> admin.RepairStockLevelsResponse:
        given = {"reason": "a bad module", "actor": "zoe", **fields}
        request = admin.RepairStockLevelsRequest(**given)
        return await self.operators.RepairStockLevels(request, ANYONE)

    def journal(self) -> str:
        appends = read_appends(self.appender.journal, 0, {})
        return "\n".join(map(record_text, effect_records(appends, RecordFilter())))


async def test_what_was_damaged_is_found_reported_and_repaired() -> None:
    """By RunAudit, in the log, and in the figures for metrics; by a dry run, then for good."""
    desk = Desk()
    await desk.open()
    assert (1, 1, 0) == _figures(await desk.audit())
    desk.damage()
    with capture_logs() as lines:
        found, again = await desk.audit(), await desk.audit()
    mug = {"sku": "mug", "location": "W1"}
    wrong = {"figure": "reserved", "found": 1, "expected": 4}
    assert [{**mug, **wrong}] == [
        {key: line[key] for key in (*mug, *wrong)} for line in lines if line["sku"]
    ]
    disagreements = [each for each in found.disagreements if each.sku]
    assert [("mug", "W1", "reserved", 1, 4)] == [
        (each.sku, each.location, each.figure, each.found, each.expected) for each in disagreements
    ]
    assert found.disagreements == again.disagreements
    assert [admin.StockLevelName(**mug)] == list(found.quarantined_levels)
    await desk.pump.until_durable()
    assert 1 == sum(each.quarantined_levels for each in desk.pump.durable_statistics())
    dry = await desk.repair(validate_only=True)
    (repair,) = dry.repairs
    assert (1, 4) == (repair.before.reserved, repair.after.reserved)
    assert dry == await desk.repair()
    assert (1, 1, 0) == _figures(await desk.audit())
    text = desk.journal()
    assert "mug at W1 is in quarantine" in text
    assert "mug at W1 has 4 reserved, 0 committed, 0 unavailable, by zoe" in text
    assert "because: a bad module" in text
    assert "mug at W1 leaves quarantine" in text


def _figures(answer: admin.RunAuditResponse) -> tuple[int, int, int]:
    return answer.stock_levels, answer.reservations, answer.disagreement_count


async def test_two_audits_at_once_are_both_answered() -> None:
    """The second starts the audit anew, and the end of that is the end of both."""
    desk = Desk()
    await desk.open()
    answers = await asyncio.gather(desk.audit(), desk.audit())
    assert [(1, 1, 0)] * 2 == list(map(_figures, answers))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"actor": " zoe"}, "actor"),
        ({"stock_levels": [{"sku": "", "location": "W1"}]}, "stock_levels[0].sku"),
        ({"stock_levels": [{"sku": "mug", "location": "\n"}]}, "stock_levels[0].location"),
        ({"stock_levels": [{"sku": "mug", "location": "W1"}] * 101}, "stock_levels"),
        ({"stock_levels": [{"sku": "cup", "location": "W1"}]}, "stock_levels[0]"),
    ],
)
async def test_a_repair_names_what_is_wrong(fields: dict[str, Any], field: str) -> None:
    """And repairs nothing."""
    desk = Desk()
    await desk.open()
    with pytest.raises(Fault) as caught:
        await desk.repair(**fields)
    assert field == caught.value.metadata["field"]


# --- a node of its own ---


async def test_a_node_audits_itself_and_when_it_is_asked(node: NodeProcess, client: Client) -> None:
    """It finds nothing: the command succeeds, and there is nothing to repair."""
    await put_stock(client, 5)
    report = ask_json(node, "audit")
    assert 0 == report["disagreement_count"] == report["quarantined_count"]
    assert report["stock_levels"] >= 1
    assert "All figures agree." in ask(node, "audit").stdout
    metrics = await metrics_of(node)
    assert figure(metrics, "holdfast_audit_passes_total") >= 2
    assert 0 == figure(metrics, "holdfast_audit_disagreements")
    assert "Nothing is in quarantine." in ask(node, "repair", "--dry-run").stdout
    repaired = ask(node, "repair", "--reason", "r", "--actor", "zoe")
    assert 0 == repaired.exit_code


def test_a_repair_says_what_it_needs(node: NodeProcess) -> None:
    """A reason, and whole names of levels."""
    assert "--reason" in flat(ask(node, "repair").stderr)
    assert "incomplete" in flat(ask(node, "repair", "mug", "--dry-run").stderr)
    unknown = ask(node, "repair", "nobody", "nowhere", "--dry-run")
    assert (1, True) == (unknown.exit_code, "unknown" in unknown.stderr)
