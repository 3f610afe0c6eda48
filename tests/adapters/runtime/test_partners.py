"""A partner that is polled and told: each receipt and each shipment once, whatever goes wrong."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import AdaptersProcess
from tests.adapters.mini_erp import MiniErp, running_mini_erp
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import wait_until

RECOVERY_S = 60.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("STORE-1")
        yield running


@pytest.fixture
def erp() -> Iterator[MiniErp]:
    with running_mini_erp() as running:
        yield running


@pytest.fixture
def adapters(
    node: NodeProcess, erp: MiniErp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AdaptersProcess]:
    monkeypatch.setitem(os.environ, "MINI_ERP_PASSWORD", "hush")
    tables = (
        '[adapters.erp]\nkind = "tests.adapters.mini_erp:ADAPTER"\n'
        f'url = "{erp.url}"\nevery_s = 0.2\ncalls_per_s = 200\n'
        'secrets.password = { env = "MINI_ERP_PASSWORD" }\n'
    )
    with AdaptersProcess(tmp_path / "adapters", node.target, tables) as running:
        yield running


def received(node: NodeProcess, sku: str) -> int:
    with BlockingClient(**node.targets) as client:
        found = client.batch_get_availability([sku])
        return sum(level.on_hand for each in found.availabilities for level in each.levels)


def correlation_ids(node: NodeProcess, sku: str) -> set[str]:
    """Those of the receipts of a SKU in the ledger."""
    with BlockingClient(**node.targets) as client:
        movements = client.list_movements(sku=sku).movements
        return {each.correlation_id for each in movements if each.fact.source == "mini-erp"}


def ship(node: NodeProcess, order: str, sku: str, quantity: int = 1) -> None:
    with BlockingClient(**node.targets) as client:
        client.reserve(order, [(sku, "STORE-1", quantity)])
        client.commit(order)
        client.fulfill(order)


def feed(erp: MiniErp, sku: str, count: int, first: int) -> None:
    erp.receipts += [
        {"id": first + number, "sku": sku, "quantity": 1} for number in range(count)
    ]  # fmt: skip


@pytest.mark.slow
def test_receipts_are_polled_once_through_faults_and_kills(
    node: NodeProcess, erp: MiniErp, adapters: AdaptersProcess
) -> None:
    faults = ["500", "expire", "429"]
    feed(erp, "POLLED", 60, first=1)
    erp.faults += faults
    adapters.kill()
    adapters.start()
    feed(erp, "POLLED", 40, first=61)
    erp.faults += faults
    wait_until(lambda: received(node, "POLLED") == 100, adapters.report(), RECOVERY_S)
    adapters.kill()
    adapters.start()
    adapters.wait_idle()

    assert 100 == received(node, "POLLED")
    assert 2 <= erp.logins


@pytest.mark.slow
def test_shipments_are_reported_once_through_faults_and_kills(
    node: NodeProcess, erp: MiniErp, adapters: AdaptersProcess
) -> None:
    feed(erp, "FAULTY", 50, first=1_001)
    wait_until(lambda: received(node, "FAULTY") == 50, adapters.report(), RECOVERY_S)
    for number in range(20):
        erp.faults += ["lost", "500"] if number % 3 == 0 else []
        ship(node, f"faulty-{number}", "FAULTY")
        if number % 7 == 3:
            adapters.kill()
            adapters.start()
    wait_until(lambda: len(erp.shipments) == 20, adapters.report(), RECOVERY_S)
    adapters.wait_idle()

    assert 20 == sum(each["quantity"] for each in erp.shipments.values())
    assert 0 == erp.posted_twice


def test_what_a_partner_refuses_is_a_dead_letter_and_holds_nothing_up(
    node: NodeProcess, erp: MiniErp, adapters: AdaptersProcess
) -> None:
    feed(erp, "FORBIDDEN", 5, first=2_001)
    feed(erp, "ALLOWED", 5, first=2_006)
    wait_until(lambda: received(node, "ALLOWED") == 5, adapters.report(), RECOVERY_S)
    ship(node, "refused-1", "FORBIDDEN")
    ship(node, "allowed-1", "ALLOWED")
    wait_until(lambda: len(erp.shipments) == 1, adapters.report(), RECOVERY_S)
    adapters.wait_idle()

    status = adapters.status()["adapters"][0]
    assert (1, 0) == (status["dead_letters"], status["outbox"])
    assert {f"erp/{number}" for number in range(2_006, 2_011)} == correlation_ids(node, "ALLOWED")
    assert "sku is blocked" in adapters.command("dead-letters", "1").stdout


def test_a_partner_whose_answer_is_lost_is_not_told_twice(
    node: NodeProcess, erp: MiniErp, adapters: AdaptersProcess
) -> None:
    feed(erp, "LOST", 5, first=4_001)
    wait_until(lambda: received(node, "LOST") == 5, adapters.report(), RECOVERY_S)
    erp.faults += ["lost"]
    ship(node, "lost-1", "LOST")
    ship(node, "lost-2", "LOST")
    wait_until(lambda: len(erp.shipments) == 2, adapters.report(), RECOVERY_S)
    adapters.wait_idle()

    assert 0 == erp.posted_twice


@pytest.mark.slow
def test_a_partner_that_is_away_is_told_when_it_is_back(
    node: NodeProcess, erp: MiniErp, adapters: AdaptersProcess
) -> None:
    feed(erp, "LATER", 5, first=3_001)
    wait_until(lambda: received(node, "LATER") == 5, adapters.report(), RECOVERY_S)
    erp.faults += ["500"] * 12
    ship(node, "later-1", "LATER")
    wait_until(
        lambda: adapters.status()["adapters"][0]["partner"]["breaker"] != "closed",
        "its breaker stays closed",
        RECOVERY_S,
    )
    wait_until(lambda: len(erp.shipments) == 1, adapters.report(), RECOVERY_S)

    assert "closed" == adapters.status()["adapters"][0]["partner"]["breaker"]


def test_connections_are_tried_and_nothing_is_changed(
    erp: MiniErp, adapters: AdaptersProcess
) -> None:
    good = adapters.command("test-connection")
    erp.faults += ["500"] * 50
    bad = adapters.command("test-connection", "erp")

    assert (0, ["core: ok", "erp: ok"]) == (good.returncode, good.stdout.splitlines())
    assert 1 == bad.returncode
    assert "erp: PartnerAway: it answers 500" in bad.stdout


def test_secrets_are_not_shown(adapters: AdaptersProcess) -> None:
    shown = adapters.report() + adapters.command("status", "--json").stdout

    assert "hush" not in shown
