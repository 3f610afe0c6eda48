"""Adapters of ERP systems stand what the conformance kit does to their samples."""

import json
from typing import Any

import pytest

from holdfast.adapters.conformance import Sample, findings
from holdfast.adapters.contract import Adapter, Message
from holdfast.adapters.systems import d365, netsuite, odoo
from holdfast.adapters.systems.tryton import moves, stock
from tests.adapters.systems import test_d365, test_netsuite, test_odoo
from tests.adapters.systems.tryton import samples

MOVES = [
    samples.row(samples.SUPPLIER, samples.IN, origin="purchase.line,12"),
    samples.row(samples.STO, samples.STORE, id=18, state="cancelled"),
    samples.row(samples.STO, samples.CUSTOMER, id=19, **samples.shipped("holdfast:R-17")),
]
COUNT = {
    "location": "WH",
    "place": 1,
    "product": 1,
    "sku": "TS-A",
    "quantity": 7,
    "as_of": "2026-11-26T17:05:00+00:00",
}
CASES: list[tuple[Adapter, dict[str, Any], list[Any]]] = [
    (moves.ADAPTER, samples.OPTIONS, MOVES),
    (stock.ADAPTER, {**samples.OPTIONS, "count": ["WH"]}, [COUNT]),
    (
        odoo.ADAPTER,
        test_odoo.OPTIONS.model_dump(),
        [test_odoo.line(test_odoo.STOCK, test_odoo.CUSTOMER)],
    ),
    (d365.ADAPTER, test_d365.OPTIONS.model_dump(), [test_d365.event(), [test_d365.event()]]),
    (netsuite.ADAPTER, {}, [{"items": [test_netsuite.line()]}]),
]


@pytest.mark.parametrize(
    ("adapter", "options", "bodies"), CASES, ids=lambda case: getattr(case, "name", "")
)
def test_an_adapter_of_an_erp_conforms(
    adapter: Adapter, options: dict[str, Any], bodies: list[Any]
) -> None:
    samples = [
        Sample(f"{number}", Message(json.dumps(body).encode()))
        for number, body in enumerate(bodies)
    ]
    assert [] == list(findings(adapter, samples, adapter.options.model_validate(options)))
