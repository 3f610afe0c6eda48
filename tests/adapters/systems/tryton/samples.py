"""Rows and answers as Tryton 8.2 sends them, made up, for tests that need no server."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.adapters.contract import Message, Response

OPTIONS: Final[dict[str, Any]] = {
    "database": "erp",
    "user": "holdfast",
    "since": "2026-01-01T00:00:00Z",
    "part_of": {"IN": "WH", "STO": "WH", "OUT": "WH"},
    "held": {"IN": "inspect"},
}

WRITTEN: Final = datetime(2026, 11, 26, 17, 7, 50, 429273, tzinfo=UTC)


def time_tag(time: datetime) -> dict[str, Any]:
    """A time as Tryton's JSON has it."""
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(time, part) for part in parts}}


def date_tag(year: int, month: int, day: int) -> dict[str, Any]:
    """A day as Tryton's JSON has it."""
    return {"__class__": "date", "year": year, "month": month, "day": day}


TODAY: Final = date_tag(2026, 11, 26)


def place(code: str | None, kind: str, name: str = "") -> dict[str, Any]:
    """An end of a move."""
    return {"id": 3, "code": code, "name": name or f"Place {code}", "type": kind}


SUPPLIER: Final = place("SUP", "supplier")
CUSTOMER: Final = place("CUS", "customer")
LOST: Final = place(None, "lost_found", "Lost and Found")
TRANSIT: Final = place(None, "storage", "Transit")
STO: Final = place("STO", "storage")
IN: Final = place("IN", "storage")
STORE: Final = place("ST43", "storage")


def row(origin: dict[str, Any], target: dict[str, Any], /, **values: Any) -> dict[str, Any]:
    """A done move of 3 units."""
    return {
        "id": 17,
        "state": "done",
        "internal_quantity": 3.0,
        "last_modified_at": time_tag(WRITTEN),
        "effective_date": TODAY,
        "planned_date": None,
        "origin": None,
        "product.": {"id": 1, "code": "TS-A"},
        "shipment": None,
        "shipment.": None,
        "from_location.": origin,
        "to_location.": target,
        **values,
    }


def shipped(reference: str | None) -> dict[str, Any]:
    """The fields of a move of a customer shipment with this reference."""
    written = time_tag(WRITTEN.replace(second=51))
    shipment = {"id": 5, "reference": reference, "last_modified_at": written}
    return {"shipment": "stock.shipment.out,5", "shipment.": shipment}


def message(values: Any) -> Message:
    """A message that holds a row."""
    return Message(json.dumps(values).encode())


def answer(result: Any, status: int = 200, **headers: str) -> Response:
    """An answer with a result."""
    return Response(status, headers, json.dumps({"id": 1, "result": result}).encode())


def error(*args: Any) -> Response:
    """An answer with an error."""
    return Response(200, {}, json.dumps({"id": 1, "error": list(args)}).encode())
