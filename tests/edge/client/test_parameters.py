"""An argument of the wrong type is refused at once, by name, whichever method it is given to."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from inspect import signature
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from holdfast.edge.client import BlockingClient, Client, Retries, calls
from holdfast.edge.client.parameters import DURATION_MAX_S, integer, shown
from tests.edge.client.conftest import Connect
from tests.edge.client.test_calls import CALLS, CASES, LINES
from tests.edge.scripted import ScriptedServer

#: What people hand over in place of text, of a number, and so on.
NO_TEXT = [None, 7, 1.5, True, b"r1", uuid4(), ["r1"]]
NO_INTEGER = [None, 1.9, 2.0, True, "2", Decimal(2), Fraction(4, 2), float("nan"), np.True_, [2]]
NO_HOLD = ["15m", "900", True, [900], b"900"]
NO_TIME = ["2026-11-27", 1_795_780_800, 1.5, timedelta(days=1)]
NO_FLAG = [None, 0, 1, "yes", "False"]

#: Parameter -> wrong values, and what the message says is expected.
WRONG: dict[str, tuple[list[Any], str]] = {
    "reservation_id": (NO_TEXT, "expected text"),
    "request_id": ([7, b"q", uuid4()], "expected text"),
    "sku": (NO_TEXT, "expected text"),
    "new_sku": (NO_TEXT, "expected text"),
    "into_sku": (NO_TEXT, "expected text"),
    "source": (NO_TEXT, "expected text"),
    "location": (NO_TEXT, "expected text"),
    "display_name": (NO_TEXT, "expected text"),
    "hold": (NO_HOLD, "expected a timedelta, or seconds as a number"),
    "lines": (["S1", b"S1", 7], "expected an iterable of lines"),
    "skus": (["MUG", b"MUG", None, 7], "expected an iterable of SKUs"),
    "locations": (["W1", b"W1", None, 7], "expected an iterable of locations"),
    "source_states": (["W1", b"W1", None, 7], "expected an iterable of states of sources"),
    "levels": (["MUG", None, 7], "expected an iterable of stock levels"),
    "events": (["MUG", None, 7], "expected an iterable of StockEvents"),
    "remainder": ([1.0, True, b"x"], "expected an integer"),
    "kind": ([None, 1.0, True], "expected an integer"),
    "already_sold": (NO_FLAG, "expected True or False"),
    "enabled": (NO_FLAG, "expected True or False"),
    "allow_missing": (NO_FLAG, "expected True or False"),
    "page_size": (NO_INTEGER, "expected an integer"),
    "max_lines": (NO_INTEGER, "expected an integer"),
    "page_token": (NO_TEXT, "expected text"),
    "last_sequence": (NO_INTEGER, "expected an integer"),
    "reason": (NO_TEXT, "expected text"),
    "actor": (NO_TEXT, "expected text"),
    "validate_only": (NO_FLAG, "expected True or False"),
    "horizon_days": (NO_INTEGER, "expected an integer"),
    "expected_interval": (
        [None, "60", True],
        "expected a timedelta, or seconds as a number",
    ),
    "unknown_skus": ([None, 1.0, True], "expected an integer"),
    "fallback": ([1.0, True, b"x"], "expected an integer"),
    "cap": (["1", 1.0, True], "expected an integer"),
    "decision": ([1.0, True, b"x"], "expected an integer"),
    "include_state_hash": (NO_FLAG, "expected True or False"),
    "reference_id": (NO_TEXT, "expected text"),
    "by_correlation_id": (NO_TEXT, "expected text"),
    "owner": (NO_TEXT, "expected text"),
    "from_time": (NO_TIME, "expected a datetime"),
    "until_time": (NO_TIME, "expected a datetime"),
    "create_time_before": (NO_TIME, "expected a datetime"),
    "latest_supply": (NO_TIME, "expected a datetime"),
    "state": ([1.0, True, b"x"], "expected an integer"),
    "at": (NO_TIME, "expected a datetime or a Revision"),
    "timeout_s": (["5", True, timedelta(seconds=5)], "expected seconds as a number"),
}
#: Arguments that a method needs.
NEEDED: dict[str, Any] = {
    "reservation_id": "r1",
    "lines": LINES,
    "hold": 60,
    "sku": "S1",
    "new_sku": "S2",
    "into_sku": "S2",
    "decision": "SKU_DECISION_ADMIT",
    "skus": ["S1"],
    "levels": [("S1", "W1")],
    "source": "erp",
    "events": [],
    "location": "W1",
    "reason": "found empty",
    "actor": "Zoë",
}
METHODS = {name for name, _, _ in CASES}
PARAMETERS = {
    (name, parameter)
    for name in METHODS
    for parameter in (*signature(CALLS[name]).parameters, "timeout_s")
    if parameter != "options"
}


def len_of(value: Any) -> str:
    """A name for a case of numbers, some of which are too long to be one."""
    return f"{type(value).__name__}-{value.bit_length() if isinstance(value, int) else value}"


def test_every_parameter_of_every_method_is_tried() -> None:
    assert WRONG.keys() == {parameter for _, parameter in PARAMETERS}


@pytest.mark.parametrize(("name", "parameter"), sorted(PARAMETERS))
def test_a_wrong_type_is_named(name: str, parameter: str) -> None:
    taken = signature(CALLS[name]).parameters
    arguments = {each: value for each, value in NEEDED.items() if each in taken}
    wrong, expected = WRONG[parameter]
    may_be_left_out = parameter in taken and taken[parameter].default is None
    for value in wrong[may_be_left_out and wrong[0] is None :]:
        with pytest.raises(TypeError) as raised:
            CALLS[name](**{**arguments, parameter: value})
        assert str(raised.value).startswith(f"{parameter} is {shown(value)}: {expected}")


@pytest.mark.parametrize(
    ("name", "arguments", "path"),
    [
        ("reserve", ("r", [("S", "W", 1), ("S", "W")]), "lines[1]"),
        ("reserve", ("r", ["SW1"]), "lines[0]"),
        ("reserve", ("r", [("S", "W", 1, "l"), ("S", "W", 1, 7)]), "lines[1].line_id"),
        ("reserve", ("r", [("S", "W", 1, "l", 1)]), "lines[0]"),
        ("commit", ("r", [(7, "W", 1)]), "lines[0].sku"),
        ("commit", ("r", [("S", None, 1)]), "lines[0].location"),
        ("batch_get_availability", (["S", 7],), "skus[1]"),
        ("resolve_stock_levels", ([("S", 7)],), "levels[0].location"),
        ("resolve_stock_levels", ([("S",)],), "levels[0]"),
        ("record_stock_events", ("erp", [("S", 1)]), "events[0]"),
    ],
)
def test_what_is_wrong_inside_a_list_is_named_with_its_position(
    name: str, arguments: tuple[Any, ...], path: str
) -> None:
    with pytest.raises(TypeError) as raised:
        CALLS[name](*arguments)
    assert str(raised.value).startswith(f"{path} is ")


@pytest.mark.parametrize("quantity", NO_INTEGER, ids=repr)
@pytest.mark.parametrize("name", ["reserve", "commit", "fulfill", "release", "cancel"])
def test_a_quantity_is_a_whole_number_or_refused(name: str, quantity: Any) -> None:
    with pytest.raises(TypeError, match=r"lines\[1\]\.quantity is .*: expected an integer"):
        CALLS[name]("r1", [("S1", "W1", 1), ("S1", "W1", quantity)])


@pytest.mark.parametrize("quantity", [2**63, -(2**64), 10**400, 10**5000], ids=len_of)
def test_a_quantity_that_no_message_carries_is_named(quantity: int) -> None:
    with pytest.raises(ValueError, match=r"lines\[0\]\.quantity is .*: expected -9223372036854"):
        calls.reserve("r1", [("S1", "W1", quantity)])


@pytest.mark.parametrize("quantity", [np.int64(2), np.uint8(2), np.array(2), 2])
def test_integers_of_numpy_are_integers(quantity: Any) -> None:
    request: Any = calls.reserve("r1", [("S1", "W1", quantity)]).request
    assert [2] == [line.quantity for line in request.lines]


@pytest.mark.parametrize(
    "hold",
    [float("nan"), float("inf"), 1e30, -1e30, DURATION_MAX_S + 1, 10**400, timedelta.max],
    ids=len_of,
)
def test_a_hold_that_no_message_carries_is_named(hold: Any) -> None:
    for build in (lambda: calls.reserve("r1", LINES, hold), lambda: calls.extend("r1", hold)):
        with pytest.raises(ValueError, match=r"^hold is .* seconds$"):
            build()


@pytest.mark.parametrize("text", ["a\ud800", "\udcff"])
def test_text_that_utf8_cannot_carry_is_named(text: str) -> None:
    for build, path in (
        (lambda: calls.get_reservation(text), "reservation_id"),
        (lambda: calls.reserve("r1", [(text, "W1", 1)]), "lines[0].sku"),
        (lambda: calls.create_location("W1", display_name=text), "display_name"),
    ):
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - compared below
            build()
        assert f"{path} is {text!r}: expected text without lone surrogates" == str(raised.value)


def test_an_unknown_name_of_an_enum_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="REMAINDER_KEEP or REMAINDER_GIVE_BACK"):
        calls.commit("r1", LINES, remainder="give_back")
    with pytest.raises(ValueError, match=r"kind is 'store': expected .* or LOCATION_KIND_STORE"):
        calls.create_location("W1", "store")


@pytest.mark.parametrize("kind", [Client, BlockingClient])
@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"target": 7}, "target"),
        ({"timeout_s": "5"}, "timeout_s"),
        ({"timeout_s": None}, "timeout_s"),
        ({"retries": 3}, "retries"),
        ({"correlation_id": uuid4()}, "correlation_id"),
        ({"own_connection": 1}, "own_connection"),
    ],
)
async def test_settings_of_a_client_are_named(
    kind: type[Client | BlockingClient], settings: dict[str, Any], name: str
) -> None:
    with pytest.raises(TypeError, match=f"^{name} is "):
        kind(**settings)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"base_s": "0.1"}, TypeError),
        ({"cap_s": -1}, ValueError),
        ({"attempt_share": 0}, ValueError),
        ({"attempt_share": 1.5}, ValueError),
        ({"tokens_max": float("nan")}, ValueError),
        ({"token_ratio": None}, TypeError),
    ],
)
def test_settings_of_retries_are_named(settings: dict[str, Any], error: type[Exception]) -> None:
    (name,) = settings
    with pytest.raises(error, match=f"^{name} is "):
        Retries(**settings)


async def test_nothing_is_sent_of_a_call_that_is_wrong(
    server: ScriptedServer, connect: Connect
) -> None:
    made = connect()
    with pytest.raises(TypeError, match=r"correlation_id is 7: expected text"):
        await made.get_status(correlation_id=7)
    with pytest.raises(TypeError, match=r"^hold is '15m'"):
        await made.reserve("x", [("a", "b", 1)], hold="15m")
    batches: list[tuple[Any, str]] = [("erp", "a batch is"), (("erp", [7]), r"events\[0\] is 7")]
    for batch, wrong in batches:
        with pytest.raises(TypeError, match=wrong):
            async for _ in made.acknowledged([batch]):
                pass
    assert {"/holdfast.v1.StockService/RecordStockEventsStream"} >= {
        each.path for each in server.requests
    }


async def test_a_stream_needs_something_to_iterate_over(connect: Connect) -> None:
    inner: Any = connect().inner

    async def first() -> Any:
        stream = inner.record_stock_events_stream(7)
        return await anext(stream) if isinstance(inner, Client) else next(stream)

    with pytest.raises(TypeError, match=r"^batches is 7: expected an"):
        await first()


def test_a_value_is_shown_shortly() -> None:
    """A message need not repeat a gigabyte, and a sentence stays on its line."""
    assert 100 > len(shown("x" * 1_000_000))
    assert "of type int" == shown(10**5_000)
    assert "array([[1], [2]])" == shown(np.array([[1], [2]]))


def test_an_integer_has_the_width_that_is_asked_for() -> None:
    assert 255 == integer("n", 255, 8, is_signed=False)
    for value in (-1, 256):
        with pytest.raises(ValueError, match=f"^n is {value}: expected 0 to 255$"):
            integer("n", value, 8, is_signed=False)
