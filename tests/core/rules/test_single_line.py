"""Runs of single-line reserves say what the same commands would say one by one."""

from typing import Any

import pytest

from holdfast.core.commands import (
    Line,
    Location,
    RecordStockEvents,
    Reserve,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.node import Node
from holdfast.core.tables.effects import Section
from holdfast.core.tables.names import unpack_names
from tests.core.engine import Ticket

HOLD_MS = 60_000


def reserve(order: str, location: str, quantity: int) -> Reserve:
    return Reserve(key_from_text(order), (Line("Tea", location, quantity),), HOLD_MS)


@pytest.mark.parametrize(
    "refused",
    [
        [reserve("a", "NO-LEVEL", 1)],
        [reserve("a", "DISABLED", 1)],
        [reserve("a", "SHOP", 99), reserve("b", "NO-LEVEL", 1)],
    ],
    ids=["a location without a level", "a disabled location", "too few, and then no level"],
)
def test_a_refusal_rests_on_what_came_before_it(refused: list[Reserve]) -> None:
    """Its revision is not that of a reserve which the same run accepts after it."""
    node = Node(1)
    places = ("SHOP", True), ("DISABLED", False), ("NO-LEVEL", True)
    for name, enabled in places:
        post(node, UpdateLocation(Location(name, LocationKind.STORE, "", enabled=enabled)))
    for number, name in enumerate(("SHOP", "DISABLED"), 1):
        event = StockEvent(None, number, "Tea", name, EventKind.RECEIPT, 5)
        post(node, RecordStockEvents("till", (event,)))
    node.turn(1)

    for command in (*refused, reserve("z", "SHOP", 1)):
        post(node, command)
    answers: list[Any] = [outcome for _, outcome in node.turn(2).answers]

    assert [1] * len(refused) == [each.revisions[0].sequence for each in answers[:-1]]
    assert 2 == answers[-1].revisions[0].sequence


def post(node: Node, command: object) -> None:
    node.post(command, Ticket(command))


def test_the_journal_notes_the_ids_of_calls_that_made_something() -> None:
    """Neighbours under one id share a note; what was refused, repeated or has no id has none."""
    node = Node(1)
    post(node, UpdateLocation(Location("SHOP", LocationKind.STORE, "", enabled=True)))
    node.turn(1)
    event = StockEvent(None, 1, "Tea", "SHOP", EventKind.RECEIPT, 5)
    post(node, RecordStockEvents("till", (event,)))
    node.turn(1)
    calls = [
        (reserve("a", "SHOP", 1), "web"),
        (reserve("too many", "SHOP", 9), "web"),
        (reserve("a", "SHOP", 1), "retry"),
        (reserve("b", "SHOP", 1), "web"),
        (reserve("c", "SHOP", 1), ""),
        (reserve("unknown", "NOWHERE", 1), "app"),
        (reserve("d", "SHOP", 1), "app"),
    ]
    for command, correlation in calls:
        node.post(command, Ticket(command), correlation=correlation)
    (entry,) = node.turn(2).entries
    assert 4 == len(entry.effects(Section.RESERVATIONS))
    noted = entry.effects(Section.CORRELATIONS)[["start", "count", "kind"]].tolist()
    assert [(0, 2, Section.RESERVATIONS), (3, 1, Section.RESERVATIONS)] == noted
    texts = list(unpack_names(entry.effects(Section.CORRELATION_TEXTS)))
    assert ["web", "app"] == texts
