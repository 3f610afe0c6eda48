"""Lines of Odoo become facts, as its documentation and source describe them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Refused, Response, Throttled, Undecodable
from holdfast.adapters.events import FactKind, Ignored, Reference, StockFact
from holdfast.adapters.systems import odoo
from holdfast.adapters.systems.odoo import OdooOptions

OPTIONS = OdooOptions.model_validate(
    {
        "database": "shop",
        "since": "2026-11-01T00:00:00Z",
        "part_of": {"WH/Stock": "WH", "WH/Output": "WH", "WH/Quality": "WH"},
        "held": {"WH/Quality": "inspect"},
        "page_size": 2,
    }
)
STOCK = {"id": 8, "complete_name": "WH/Stock", "usage": "internal"}
OUTPUT = {"id": 9, "complete_name": "WH/Output", "usage": "internal"}
QUALITY = {"id": 10, "complete_name": "WH/Quality", "usage": "internal"}
STORE = {"id": 11, "complete_name": "ST42/Stock", "usage": "internal"}
CUSTOMER = {"id": 5, "complete_name": "Partners/Customers", "usage": "customer"}
VENDOR = {"id": 4, "complete_name": "Partners/Vendors", "usage": "supplier"}
LOSS = {"id": 14, "complete_name": "Virtual Locations/Inventory adjustment", "usage": "inventory"}


def line(origin: Any, target: Any, /, **values: Any) -> dict[str, Any]:
    """A done line of 3 units."""
    return {
        "id": 17,
        "state": "done",
        "date": "2026-11-26 17:07:50",
        "write_date": "2026-11-26 17:08:00",
        "quantity_product_uom": 3.0,
        "product_id": {"id": 1, "default_code": "MUG"},
        "location_id": origin,
        "location_dest_id": target,
        "picking_id": False,
        **values,
    }


def decode(values: Any) -> list[Any]:
    """What a line says."""
    return list(odoo.decode(Message(json.dumps(values).encode()), OPTIONS))


@pytest.mark.parametrize(
    ("origin", "target", "expected"),
    [
        (VENDOR, STOCK, [("receipt", "line/17", "WH", 3)]),
        (OUTPUT, CUSTOMER, [("sale", "line/17", "WH", 3)]),
        (CUSTOMER, QUALITY, [("return", "line/17", "WH", 3)]),
        (STOCK, LOSS, [("adjustment", "line/17", "WH", -3)]),
        (QUALITY, STOCK, [("status_change", "line/17", "WH", 3)]),
        (
            STOCK,
            STORE,
            [
                ("transfer_dispatch", "line/17/dispatch", "WH", 3),
                ("receipt", "line/17/receipt", "ST42/Stock", 3),
            ],
        ),
    ],
)
def test_the_usages_of_its_ends_say_what_a_line_is(
    origin: Any, target: Any, expected: list[Any]
) -> None:
    facts = decode(line(origin, target))
    assert expected == [(f.kind.value, f.id, f.location, int(f.quantity)) for f in facts]
    assert {datetime(2026, 11, 26, 17, 7, 50, tzinfo=UTC)} == {fact.time for fact in facts}


def test_a_picking_of_a_reservation_is_its_goods_issue() -> None:
    picking = {"id": 3, "name": "WH/OUT/00003", "origin": "holdfast:R-17"}
    (issued,) = decode(line(STOCK, CUSTOMER, picking_id=picking))
    assert isinstance(issued, StockFact)
    assert FactKind.GOODS_ISSUE is issued.kind
    assert Reference("reservation", "R-17") == issued.reference


def test_lines_without_effect_are_ignored() -> None:
    assert [Ignored("within_a_location")] == decode(line(STOCK, OUTPUT))
    assert [Ignored("no_units")] == decode(line(STOCK, CUSTOMER, quantity_product_uom=0))
    assert [Ignored("not_done")] == decode(line(STOCK, CUSTOMER, state="assigned"))


def test_a_quantity_stays_what_was_written() -> None:
    (sold,) = decode(line(STOCK, CUSTOMER, quantity_product_uom=0.42))
    assert Decimal("0.42") == sold.quantity


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("id", {"id": False}),
        ("state", {"state": False}),
        ("quantity_product_uom", {"quantity_product_uom": -1}),
        ("product_id.default_code", {"product_id": {"id": 1, "default_code": False}}),
        ("product_id", {"product_id": [1, "Mug"]}),
        ("location_id.usage", {"location_id": {"usage": "moon"}}),
        ("location_dest_id.complete_name", {"location_dest_id": {"usage": "internal"}}),
        ("date", {"date": "soon"}),
        ("picking_id.origin", {"picking_id": {"origin": 7}}),
    ],
)
def test_a_line_that_cannot_be_understood_names_its_field(
    field: str, values: dict[str, Any]
) -> None:
    with pytest.raises(Undecodable) as raised:
        decode(line(STOCK, CUSTOMER, **values))
    assert field == raised.value.field


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_random_bytes_are_undecodable(body: bytes) -> None:
    with pytest.raises(Undecodable):
        list(odoo.decode(Message(body), OPTIONS))


def answer(*records: dict[str, Any], status: int = 200) -> Response:
    """An answer to a search."""
    body = {"length": len(records), "records": list(records)}
    return Response(status, {}, json.dumps(body).encode())


def test_a_sweep_goes_by_id_and_the_next_begins_a_window_before_its_last_line() -> None:
    request = odoo.request("", OPTIONS)
    assert ("/json/2/stock.move.line/web_search_read", "shop") == (
        request.url,
        request.headers["x-odoo-database"],
    )
    assert ["write_date", ">=", "2026-11-01 00:00:00"] in json.loads(request.body)["domain"]
    lines = [line(STOCK, CUSTOMER, id=number) for number in (1, 2)]
    full = odoo.page(answer(*lines), "", OPTIONS)
    assert (2, True) == (len(full.messages), full.has_more)
    assert ["id", ">", 2] in json.loads(odoo.request(full.cursor, OPTIONS).body)["domain"]
    end = odoo.page(answer(), full.cursor, OPTIONS)
    domain = json.loads(odoo.request(end.cursor, OPTIONS).body)["domain"]
    assert (["write_date", ">=", "2026-11-26 17:03:00"], ["id", ">", 0]) == (domain[1], domain[2])
    assert not end.has_more


def test_an_answer_that_is_no_page_says_what_to_do() -> None:
    with pytest.raises(Throttled):
        odoo.page(answer(status=429), "", OPTIONS)
    with pytest.raises(Refused, match="403"):
        odoo.page(answer(status=403), "", OPTIONS)
    for body in (b"[]", b"{}", b'{"records": {}}', b'{"records": [7]}'):
        with pytest.raises(Undecodable):
            odoo.page(Response(200, {}, body), "", OPTIONS)


def test_the_api_key_is_a_header_of_each_request() -> None:
    assert {"authorization": "bearer k"} == odoo.credentials(OPTIONS, {"api_key": "k"})
    assert odoo.ADAPTER.credentials is odoo.credentials
