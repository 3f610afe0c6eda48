"""Walmart's adapters stand what the conformance kit does to their samples."""

from typing import Any, Final

import pytest

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Adapter, Message
from holdfast.adapters.systems.walmart import orders, webhooks
from tests.adapters.systems.walmart import test_walmart_orders, test_walmart_webhooks
from tests.adapters.systems.walmart.beside_twin import SINCE

RAN_OUT: Final = {"sku": "MUG", "shipNodes": [{"shipNode": "1", "availToSellQty": 0}]}
CASES: Final[list[tuple[Adapter, dict[str, Any], list[Message]]]] = [
    (
        orders.ADAPTER,
        {"since": SINCE, "node": "dc"},
        [
            test_walmart_orders.message(test_walmart_orders.order(("Created", "3"))),
            test_walmart_orders.message(test_walmart_orders.order(("Shipped", "1"))),
        ],
    ),
    (
        webhooks.ADAPTER,
        {"verify": {"scheme": "none"}, "node": "dc"},
        [
            test_walmart_webhooks.message("PO_CREATED", test_walmart_webhooks.CREATED),
            test_walmart_webhooks.message(
                "INTENT_TO_CANCEL", {"purchaseOrderId": "1"}, eventId="e2"
            ),
            test_walmart_webhooks.message("INVENTORY_OOS", RAN_OUT, eventId="e3"),
        ],
    ),
]


@pytest.mark.parametrize(("adapter", "options", "messages"), CASES)
def test_an_adapter_of_walmart_conforms(
    adapter: Adapter, options: dict[str, Any], messages: list[Message]
) -> None:
    samples = [Sample(f"{number}", each) for number, each in enumerate(messages)]
    assert [] == list(findings(adapter, samples, adapter.options.model_validate(options)))
