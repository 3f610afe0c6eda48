"""What operators decide and ask for again under the same id, as plainly as possible.

Rules of this file: those of tests/model.py.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar, cast

from holdfast.core.commands import (
    Conflict,
    ForcedOutcome,
    ForceRelease,
    ResetSource,
    SettleSku,
    SkuSettled,
    SourceReset,
    Unknown,
)
from holdfast.core.ids import Key, sku_request_key
from holdfast.core.limits import RETENTION_NS

Decision = TypeVar("Decision", ForceRelease, ResetSource, SettleSku)
Outcome = TypeVar("Outcome", ForcedOutcome, SourceReset, SkuSettled)

#: What a decision says, by the names that requests have for it.
SAID = {"decision": "admits", "last_sequence": "last_sequence", "reason": "reason"}
SAID["actor"] = "actor"


def keys_on_sku(command: Any) -> Collection[Key]:
    """The keys of a command on a SKU: under the name that was asked for, and the first one."""
    if command.request is None:
        return ()
    return dict.fromkeys((command.request, sku_request_key(command.sku, command.request.text)))


class Requests:
    """The first answers to decisions that have ids."""

    def __init__(self) -> None:
        self.first: dict[Key, tuple[int, object, Any]] = {}

    def obey(
        self, command: Decision, now_ns: int, do: Callable[[Decision], Outcome | Unknown]
    ) -> Outcome | Unknown | Conflict:
        """Do what a command says, once for its id."""
        if command.request is None:
            return do(command)
        asked: Any = command
        keys = keys_on_sku(asked) if isinstance(asked, SettleSku) else (command.request,)
        for key in keys:
            at_ns, first, first_outcome = self.first.get(key, (-RETENTION_NS, None, None))
            if now_ns - at_ns < RETENTION_NS:
                for field, name in SAID.items():
                    if getattr(first, name, None) != getattr(command, name, None):
                        return Conflict(field, "", "")
                return cast("Outcome", replace(first_outcome, is_repeat=True))
        outcome = do(command)
        if not isinstance(outcome, Unknown):
            self.first |= dict.fromkeys(keys, (now_ns, command, outcome))
        return outcome
