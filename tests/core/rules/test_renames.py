"""SKUs under other names: bounds, what waits while a name changes, and where names are put."""

import dataclasses
from typing import Any, get_type_hints

import pytest

from holdfast.core import commands as core
from holdfast.core.audit import check_invariants
from holdfast.core.commands import (
    AvailabilitiesView,
    DeleteSku,
    EventsOutcome,
    GetAvailability,
    LimitReached,
    Line,
    Location,
    NameTaken,
    RecordStockEvents,
    RenameOutcome,
    RenameSku,
    Reserve,
    ReserveAgainstSupply,
    ReserveOutcome,
    StockEvent,
    Unknown,
    UpdateLocation,
)
from holdfast.core.commands.naming import put_names
from holdfast.core.ids import key_from_text
from holdfast.core.limits import SKU_NAMES_EACH_MAX
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.work import TURN_WORK_MAX
from tests.core.engine import Ticket

NOW_NS = 10**15


class Desk:
    """A node with ten of some SKUs."""

    def __init__(self, *skus: str, turn_work_max: int = TURN_WORK_MAX) -> None:
        self.node = Node(4, turn_work_max=turn_work_max)
        self.turns = 0
        self.ask(UpdateLocation(Location("W", LocationKind.STORE, "W", enabled=True)))
        self.ask(receipts(*skus))

    def ask(self, *commands: object) -> list[Any]:
        """What each is answered; they come at the same moment."""
        tickets = [Ticket(command) for command in commands]
        for ticket in tickets:
            self.node.post(ticket.command, ticket)
        has_more = True
        while has_more:
            turn = self.node.turn(NOW_NS)
            has_more = turn.has_more
            self.turns += 1
            for answered, outcome in turn.answers:
                assert isinstance(answered, Ticket)
                answered.outcome = outcome
        assert [] == check_invariants(self.node)
        return [ticket.outcome for ticket in tickets]

    def on_hand(self, sku: str) -> list[int] | None:
        (answer,) = self.ask(GetAvailability((sku,)))
        assert isinstance(answer, AvailabilitiesView)
        (view,) = answer.views
        return view and [level.on_hand for level in view.levels]


def receipts(*skus: str) -> RecordStockEvents:
    events = tuple(StockEvent(None, 0, sku, "W", EventKind.RECEIPT, 10) for sku in skus)
    return RecordStockEvents("erp", events)


def a_reserve(*skus: str) -> Reserve:
    return Reserve(key_from_text(" ".join(skus)), tuple(Line(sku, "W", 1) for sku in skus), 60_000)


def test_a_sku_has_so_many_names() -> None:
    desk = Desk("Tea")
    names = [f"Tea {number}" for number in range(SKU_NAMES_EACH_MAX)]
    for before, name in zip(["Tea", *names], names, strict=False):
        desk.ask(RenameSku(before, name))
    refusal = LimitReached("new_sku", "Chai", "other names of the SKU", SKU_NAMES_EACH_MAX)
    assert [refusal] == desk.ask(RenameSku("Tea", "Chai"))
    (back,) = desk.ask(RenameSku(names[5], "Tea"))
    assert isinstance(back, RenameOutcome)
    assert ("Tea", ("Tea", *names)) == (back.sku, back.names)


def test_a_node_has_so_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.core.rules.renames.SKU_NAMES_MAX", 2)
    desk = Desk("Tea", "Mug", "Pot")
    desk.ask(RenameSku("Tea", "Chai"), RenameSku("Mug", "Stein"))
    refusal = LimitReached("new_sku", "Can", "other names of all SKUs", 2)
    assert [refusal] == desk.ask(RenameSku("Pot", "Can"))


def test_what_came_before_the_rename_is_executed_after_it() -> None:
    """A Reserve lies in the mailbox of a name that was nobody's when it came."""
    names = [f"Chai {number}" for number in range(9)]
    for name in names:
        desk = Desk("Tea")
        renamed, reserved, facts = desk.ask(
            RenameSku("Tea", name), a_reserve(name), receipts("Mug", name)
        )
        assert isinstance(renamed, RenameOutcome)
        assert isinstance(reserved, ReserveOutcome)
        assert reserved.refusal is None
        assert isinstance(facts, EventsOutcome)
        assert [True, False] == [each.creates_sku for each in facts.results]
        assert [20] == desk.on_hand(name)


def test_what_the_turn_of_the_rename_puts_back_has_the_name_that_it_came_with() -> None:
    """So it is seen in the next turn that it lies in the mailbox of that name."""
    desk = Desk("Tea", turn_work_max=1)
    reserve = a_reserve("Chai")
    for command in (RenameSku("Tea", "Chai"), reserve):
        desk.node.post(command, Ticket(command))
    while "Chai" not in desk.node.sku_names.first:
        assert desk.node.turn(NOW_NS).has_more
    assert [reserve] == [mail.command for actor in desk.node.actors for mail in actor.mailbox]
    ((_, reserved),) = desk.node.turn(NOW_NS).answers
    assert isinstance(reserved, ReserveOutcome)
    assert reserved.refusal is None


@pytest.mark.parametrize("turn_work_max", [300, 10**9])
def test_a_long_message_goes_on_under_the_new_name(turn_work_max: int) -> None:
    """Where turns are short, the rename comes between events of the message."""
    desk = Desk("Tea", "Mug", turn_work_max=turn_work_max)
    desk.ask(RenameSku("Mug", "Stein"))
    moved = StockEvent(None, 0, "Tea", "W", EventKind.STATUS_CHANGE, 1, to_status="damaged")
    message = RecordStockEvents("till", (*[moved] * 5, *receipts(*["Chai"] * 600).events))
    desk.ask(message, RenameSku("Tea", "Chai"))
    if turn_work_max == 300:
        assert [6_010] == desk.on_hand("Tea")
    assert desk.on_hand("Chai") in ([6_000], [6_010])


def test_a_rename_looks_through_all_that_ended_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.core.rules.renames.PASSED_MAX", 2)
    monkeypatch.setattr("holdfast.core.rules.renames.NAME_PASSED", 1)
    skus = [f"S{number}" for number in range(40)]
    desk = Desk("Tea", *skus, turn_work_max=1)
    desk.ask(DeleteSku("S39"))
    desk.turns = 0
    taken = NameTaken("new_sku", "S39", "S39", has_ended=True)
    assert [taken] == desk.ask(RenameSku("Tea", "S39"))
    assert desk.turns > 1
    assert [NameTaken("new_sku", "S8", "S8")] == desk.ask(RenameSku("Tea", "S8"))


def test_lines_of_one_sku_are_summed_and_wait_for_the_earliest() -> None:
    key = key_from_text("order")
    lines = (Line("Tea", "W", 1), Line("Mug", "W", 2), Line("Chai", "W", 4), Line("Chai", "V", 8))
    first = {"Chai": "Tea"}
    summed = (Line("Tea", "W", 5), Line("Mug", "W", 2), Line("Tea", "V", 8))
    assert Reserve(key, summed, 1) == put_names(Reserve(key, lines, 1), first)
    for times, expected in (
        ((3, 5, 7, 9), (3, 5, 9)),
        ((7, None, 3, None), (3, None, None)),
        ((7, None, None, 1), (None, None, 1)),
        ((None, None, 3, 1), (None, None, 1)),
    ):
        asked = ReserveAgainstSupply(key, lines, 1, times)
        assert ReserveAgainstSupply(key, summed, 1, expected) == put_names(asked, first)


def test_a_fault_tells_current_names_in_all_that_it_says() -> None:
    more = ("lines[1].sku", "Tea"), ("lines[1].location", "Tea"), ("lines[2].sku", "Mug")
    fault = put_names(Unknown("lines[0].sku", "Tea", more), {"Tea": "Chai"})
    assert "Chai" == fault.value
    assert ["Chai", "Tea", "Mug"] == [value for _, value in fault.more]


def test_nothing_is_made_anew_where_no_name_is_replaced() -> None:
    for value in (a_reserve("Tea", "Mug"), GetAvailability(("Tea",)), receipts("Tea", "Mug")):
        put = put_names(value, {"Pot": "Can", "Tea": "Tea"})
        assert value == put
        assert value is put or isinstance(value, GetAvailability)


#: Fields that have "sku" in their names and no name of a SKU, or one that is none yet.
NO_SKU = {"new_sku", "creates_sku", "unknown_skus"}


def test_every_field_that_names_a_sku_is_known() -> None:
    """One that is called otherwise would keep the first name in an answer."""
    for name in core.__all__:
        kind = getattr(core, name)
        if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
            fields = {field for field in get_type_hints(kind) if "sku" in field} - NO_SKU
            assert fields <= {"sku", "skus", "into_sku"}, kind
