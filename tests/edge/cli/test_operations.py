"""Commands of those who look after locations and sources."""

from holdfast.edge.client import BlockingClient
from holdfast.v1.stock_service_pb2 import (
    STOCK_EVENT_KIND_RECEIPT,
    STOCK_EVENT_KIND_SALE,
    STOCK_EVENT_OUTCOME_APPLIED,
    STOCK_EVENT_OUTCOME_OUT_OF_ORDER,
    StockEvent,
)
from tests.edge.cli.commands import ask, ask_json, flat
from tests.edge.node_process import NodeProcess
from tests.edge.raw import new_name


def test_a_location_keeps_what_is_not_said(node: NodeProcess) -> None:
    """To disable a named store does not take its name away."""
    place = new_name("STORE")
    ask_json(node, "location", "put", place, "--kind", "store", "--name", "Corner")
    location = ask_json(node, "location", "put", place, "--disabled")["location"]
    assert ("LOCATION_KIND_STORE", "Corner", False) == (
        *(location["kind"], location["display_name"]),
        location["enabled"],
    )
    assert location == ask_json(node, "location", "get", place)["location"]
    ask_json(node, "location", "put", place, "--name", "", "--enabled")
    assert ["", True] == [
        ask_json(node, "location", "get", place)["location"][field]
        for field in ("display_name", "enabled")
    ]
    assert place in [each["location"] for each in ask_json(node, "location", "list")["locations"]]
    assert 1 == ask(node, "location", "get", "nowhere").exit_code


def test_a_source_can_begin_to_number_anew(node: NodeProcess) -> None:
    """An absurd number is corrected; an unknown source is named."""
    source, sku = new_name("till"), new_name("sku")
    ask_json(node, "location", "put", "W1")
    ask_json(node, "stock", "receipt", sku, "W1", "10")
    with BlockingClient(**node.targets) as client:

        def sell(sequence: int) -> int:
            event = StockEvent(sequence=sequence, sku=sku, location="W1", quantity=1)
            event.kind = STOCK_EVENT_KIND_SALE
            (result,) = client.record_stock_events(source, [event]).results
            return result.outcome

        assert STOCK_EVENT_OUTCOME_APPLIED == sell(2**63 - 1)
        assert STOCK_EVENT_OUTCOME_OUT_OF_ORDER == sell(8)
        answer = ask_json(node, "sources", "reset", source, "--last", 7, "--reason", "typo")
        assert 2**63 - 1 == answer["previous_sequence"]
        assert STOCK_EVENT_OUTCOME_APPLIED == sell(8)
    assert (
        f"{source} counts on from 0; it had come to 8."
        in ask(node, "sources", "reset", source, "--reason", "new till").stdout
    )
    without = ask(node, "sources", "reset", source)
    assert (2, True) == (without.exit_code, "--reason" in flat(without.stderr))
    unknown = ask(node, "sources", "reset", "nobody", "--reason", "new till")
    assert 1 == unknown.exit_code
    assert "source is 'nobody', which is unknown" in flat(unknown.output)


def test_a_fallback_limits_what_is_promised_of_a_source_with_gaps(node: NodeProcess) -> None:
    source, sku, place = new_name("erp"), new_name("sku"), new_name("STORE")
    ask_json(node, "location", "put", place)
    update = ("sources", "update", source, "--fallback")
    assert "--fallback cap needs --cap" in flat(ask(node, *update, "cap").output)
    updated = ask_json(node, *update, "cap", "--cap", 5)["source"]
    assert ("FALLBACK_CAP", 5) == (updated["fallback"], updated["cap"])

    def seen(*states: str) -> list[int]:
        """What is available at each level whose source is in one of these states."""
        options = [word for state in states for word in ("--source-state", state)]
        answer = ask_json(node, "availability", sku, *options)["availabilities"][0]
        return [level["available"] for level in answer["levels"]]

    received = StockEvent(sku=sku, location=place, kind=STOCK_EVENT_KIND_RECEIPT, quantity=10)
    with BlockingClient(node.target) as client:
        for sequence in (1, 3):
            received.sequence = sequence
            client.record_stock_events(source, [received])
    assert [[5], [5], [5], []] == [
        *(seen(), seen("gap"), seen("stale", "gap")),
        seen("current", "stale"),
    ]
    refused = ask(node, "reserve", new_name("order"), sku, place, 6)
    assert "has 5 available, 6 requested" in flat(refused.output)
    ask_json(node, *update, "stop")
    assert [0] == seen()
    ask_json(node, *update, "sell-on")
    assert [20] == seen()
