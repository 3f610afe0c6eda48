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


def too_many_names(outcome: core.LimitReached) -> Fault:
    """A SKU, or all of them together, have as many names as they may."""
    return Fault(
        grpc.StatusCode.FAILED_PRECONDITION,
        "TOO_MANY_SKU_NAMES",
        f"{outcome.field} is {shown(outcome.value)}: there are {outcome.limit:,} {outcome.what} "
        "already, the most that there may be",
        {"field": outcome.field, "value": shortened(outcome.value), "limit": str(outcome.limit)},
        blames=[Blame(outcome.field, f"one more than {outcome.limit:,} {outcome.what}")],
    )
