"""Faults of commands on SKUs."""

import grpc

from holdfast.core import commands as core

from .faults import DOMAIN, Blame, Fault, shortened, shown


def name_taken(outcome: core.NameTaken) -> Fault:
    """A SKU can't be called as another one is, or was."""
    whose = f"a SKU that is called {shown(outcome.sku)} now"
    if outcome.has_ended:
        whose = "a SKU that has ended, of which reservations and events are known under it"
    return Fault(
        grpc.StatusCode.ALREADY_EXISTS,
        "SKU_NAME_TAKEN",
        f"{outcome.field} is {shown(outcome.value)}, the name of {whose}: expected a name that no "
        "other SKU has or had",
        {"field": outcome.field, "value": shortened(outcome.value), "sku": outcome.sku},
        blames=[Blame(outcome.field, f"the name of {whose}", f"{DOMAIN}/Sku", outcome.value)],
    )


def limit_reached(outcome: core.LimitReached) -> Fault:
    """A SKU, or all of them together, have as much as they may, or more than a merge can move."""
    if "name" in outcome.what:
        return Fault(
            grpc.StatusCode.FAILED_PRECONDITION,
            "TOO_MANY_SKU_NAMES",
            f"{outcome.field} is {shown(outcome.value)}: there may be {outcome.limit:,} "
            f"{outcome.what}, and there would be more",
            _metadata(outcome),
            blames=[Blame(outcome.field, f"more than {outcome.limit:,} {outcome.what}")],
        )
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "TOO_MUCH_TO_MERGE",
        f"{outcome.field} is {shown(outcome.value)}: a merge takes {outcome.limit:,} "
        f"{outcome.what} at most; record that its units went to the other SKU, then merge",
        _metadata(outcome),
        blames=[Blame(outcome.field, f"more than {outcome.limit:,} {outcome.what}")],
    )


def _metadata(outcome: core.LimitReached) -> dict[str, str]:
    return {
        "field": outcome.field,
        "value": shortened(outcome.value),
        "limit": str(outcome.limit),
        "what": outcome.what,
    }


def merge_blocked(outcome: core.InTheWay) -> Fault:
    """Something of a SKU can't be another's."""
    what = outcome.what
    metadata = {"field": outcome.field, "value": shortened(outcome.value), "what": what}
    if outcome.count:
        what += f": {outcome.count:,}; {outcome.advice}"
        metadata["count"] = str(outcome.count)
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "MERGE_BLOCKED",
        f"{outcome.field} is {shown(outcome.value)}: {what}",
        metadata,
        blames=[Blame(outcome.field, what)],
    )
