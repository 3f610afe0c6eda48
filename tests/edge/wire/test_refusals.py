"""Refusals: one sentence for people, codes and lines for programs."""

import pytest

from holdfast.core import commands as core
from holdfast.core.commands import Refusal, RefusedLine
from holdfast.core.model import RefusalCode, State
from holdfast.edge.wire.refusals import refusal_sentence
from holdfast.edge.wire.reservations import reserve_response
from holdfast.v1 import common_pb2 as common

LINE = RefusedLine("85123A", "BRISTOL", 5, 2)
NOTHING_LEFT = "has no units left for this command"
SENTENCES = {
    RefusalCode.RESERVATION_ENDED: (
        "reservation ended: it holds nothing; a new hold needs a new id"
    ),
    RefusalCode.LOCATION_DISABLED: (
        "location disabled: BRISTOL takes no new reservations (SKU 85123A)"
    ),
    RefusalCode.INSUFFICIENT_STOCK: (
        "insufficient stock: SKU 85123A at BRISTOL has 2 available, 5 requested"
    ),
    RefusalCode.EXPIRED: f"expired: the reservation {NOTHING_LEFT}",
    RefusalCode.WRONG_STATE: f"wrong state: the reservation {NOTHING_LEFT}",
    RefusalCode.NO_SUCH_LINE: (
        "no such line: the reservation has no line for SKU 85123A at BRISTOL"
    ),
    RefusalCode.EXCESS_QUANTITY: (
        "excess quantity: SKU 85123A at BRISTOL has 2 left to take, 5 requested"
    ),
    RefusalCode.BACKORDERED: (
        "backordered: SKU 85123A at BRISTOL has 2 on hand to ship, 5 requested; the rest is to come"
    ),
}


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_sentence(code: RefusalCode) -> None:
    assert refusal_sentence(Refusal(code, (LINE,))) == SENTENCES[code]


@pytest.mark.parametrize(
    ("count", "more"), [(1, ""), (2, " and 1 more line"), (2000, " and 1,999 more lines")]
)
def test_further_lines_are_counted(count: int, more: str) -> None:
    refusal = Refusal(RefusalCode.INSUFFICIENT_STOCK, (LINE,) * count)
    expected = SENTENCES[RefusalCode.INSUFFICIENT_STOCK] + more
    assert refusal_sentence(refusal) == expected


@pytest.mark.parametrize("code", [RefusalCode.EXPIRED, RefusalCode.WRONG_STATE])
def test_a_refusal_without_lines_says_the_state(code: RefusalCode) -> None:
    message = refusal_sentence(Refusal(code), State.RELEASED)
    assert f"the reservation is RELEASED and {NOTHING_LEFT}" in message


@pytest.mark.parametrize(
    ("state", "open_to"),
    [
        (State.HELD, "; it takes Commit or Release"),
        (State.COMMITTED, "; it takes Fulfill or Cancel"),
        (State.FULFILLED, ""),
    ],
)
def test_a_command_in_the_wrong_state_is_told_the_right_ones(state: State, open_to: str) -> None:
    message = refusal_sentence(Refusal(RefusalCode.WRONG_STATE), state)
    said = f"wrong state: the reservation is {state.name} and {NOTHING_LEFT}{open_to}"
    assert said == message


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (RefusedLine("A", "L", 5, 2, "7"), "SKU A at L (line 7)"),
        (RefusedLine("", "", 5, 2, "7"), "line 7"),
    ],
)
def test_a_line_is_described_by_what_names_it(line: RefusedLine, name: str) -> None:
    message = refusal_sentence(Refusal(RefusalCode.NO_SUCH_LINE, (line,)))
    assert f"no such line: the reservation has no line for {name}" == message


def test_names_with_braces_are_shown_as_they_are() -> None:
    line = RefusedLine("{0.sku}", "{}", 5, 2)
    message = refusal_sentence(Refusal(RefusalCode.NO_SUCH_LINE, (line,)))
    assert message.endswith("has no line for SKU {0.sku} at {}")


@pytest.mark.parametrize("code", RefusalCode)
def test_what_is_missing_is_returned_where_it_means_something(code: RefusalCode) -> None:
    refused = core.RefusedLine("A", "L", 5, -2)
    outcome = core.ReserveOutcome(core.Refusal(code, (refused,)), None, 0, (), ())
    refusal = reserve_response(outcome).refusal
    assert refusal.code == common.RefusalCode.Value(f"REFUSAL_CODE_{code.name}")
    means_something = code in (
        *(RefusalCode.INSUFFICIENT_STOCK, RefusalCode.EXCESS_QUANTITY),
        RefusalCode.BACKORDERED,
    )
    assert refusal.lines[0].missing == (7 if means_something else 0)
    assert -2 == refusal.lines[0].available
