"""The hook for agents in a process of the adapters, beside a real node."""

from pathlib import Path

import httpx
import pytest

from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import AdaptersProcess
from tests.edge.node_process import NodeProcess
from tests.edge.raw import receipt

pytestmark = pytest.mark.slow

AGENTS = '[agents]\nlocation = "dc-1"\ntoken = { file = "token" }\n'


def test_a_hold_outlives_the_process_that_made_it(node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a token")
    with BlockingClient(**node.targets) as client:
        client.record_stock_events("goods-in", [receipt("CUP", 5, "dc-1")])
    lines = {"line_items": [{"item": {"id": "CUP"}, "quantity": 2}]}
    with AdaptersProcess(tmp_path, node.target, AGENTS) as adapters:
        headers = {"authorization": "Bearer a token"}
        with httpx.Client(base_url=adapters.url("/agents"), headers=headers) as http:
            held = http.put("/holds/cart-1", json=lines).json()
            adapters.kill()
            adapters.start()
            assert held == http.put("/holds/cart-1", json=lines).json()
            assert "completed" == http.post("/holds/cart-1/complete").json()["status"]
            [left] = http.post("/availability", json=lines).json()["line_items"]
        assert 2 == left["available"]
        assert "holdfast_agents_answer_seconds" in httpx.get(adapters.url("/metrics")).text
        assert 0 == adapters.stop()
    with BlockingClient(**node.targets) as client:
        assert 3 == client.get_availability("CUP").availability.network_available
