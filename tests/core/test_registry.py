"""Every command has one entry, one rule and one method of the service."""

import inspect
from types import ModuleType

import pytest

from holdfast.core import commands
from holdfast.core.commands import registry
from holdfast.core.commands.registry import OPERATIONS, bind_rules
from holdfast.core.node import Node


def test_every_class_of_the_commands_is_asked_or_answers() -> None:
    """A command without an entry could be posted by nobody."""
    asked = set(OPERATIONS)
    outcomes = {operation.outcome for operation in OPERATIONS.values()}
    classes = {
        each
        for module in vars(commands).values()
        if isinstance(module, ModuleType) and module is not registry
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__
    }

    assert asked | outcomes <= classes
    assert not asked & outcomes


def test_a_node_has_one_rule_for_each_operation() -> None:
    node = Node(2)

    assert set(OPERATIONS) == set(node.execution.rules)


def test_an_operation_without_a_rule_is_refused() -> None:
    with pytest.raises(AssertionError, match="ReserveBatch"):
        bind_rules((Node(1).reservations,))


def test_an_operation_with_two_rules_is_refused() -> None:
    node = Node(1)

    with pytest.raises(AssertionError, match="ExtendOutcome"):
        bind_rules((node.reservations, node.reservations))
