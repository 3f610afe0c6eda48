"""Legal commands on sources, locations and names, as nasty as those of nasty_commands.py."""

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from holdfast.core.commands import (
    Command,
    CreateLocation,
    DeleteSku,
    GetLocation,
    GetSource,
    ListLocations,
    ListPendingReversals,
    ListQuarantinedSkus,
    ListSources,
    Location,
    MergeSku,
    RenameSku,
    ResetSource,
    SettleSku,
    Source,
    UpdateLocation,
    UpdateSource,
)
from holdfast.core.ids import Key, sku_request_key
from holdfast.core.limits import BATCH_MAX, LINES_MAX
from holdfast.core.model import Fallback, LocationKind, UnknownSkus

SKUS: Final = [f"S{number}" for number in range(LINES_MAX)]
WIDE: Final = [f"B{number}" for number in range(20)]
PLACES: Final = [f"L{number}" for number in range(150)]


class Caller(Protocol):
    """Whoever draws commands."""

    rng: Random


def set_source(caller: Caller, _size: float) -> Command:
    """Set how often a source is expected, what its unknown SKUs do, and what it restricts."""
    source = Source(
        _source(caller),
        caller.rng.choice((0, 1)),
        caller.rng.choice((None, *UnknownSkus)),
        caller.rng.choice(tuple(Fallback)),
        caller.rng.randrange(9),
    )
    return UpdateSource(source, allow_missing=True)


def reset_source(caller: Caller, _size: float) -> Command:
    """Let a source count anew, sometimes one that nobody knows."""
    name = caller.rng.choice((_source(caller), "numbers", "nobody"))
    return ResetSource(name, caller.rng.randrange(20_000), "reason")


def get_source(caller: Caller, _size: float) -> Command:
    """Read one source."""
    return GetSource(caller.rng.choice((_source(caller), "numbers", "nobody")))


def list_sources(_caller: Caller, _size: float) -> Command:
    """List all sources."""
    return ListSources(0, BATCH_MAX)


def list_reversals(_caller: Caller, _size: float) -> Command:
    """Read the longest page of reversals whose events have not come."""
    return ListPendingReversals(0, BATCH_MAX)


def list_quarantined(_caller: Caller, _size: float) -> Command:
    """Read the longest page of SKUs in quarantine."""
    return ListQuarantinedSkus(0, BATCH_MAX)


def settle_sku(caller: Caller, _size: float) -> Command:
    """Admit or discard a SKU, mostly one that is not in quarantine."""
    sku = f"N{caller.rng.randrange(10_000, 11_000)}-0"
    return SettleSku(sku, caller.rng.random() < 0.5, "reason", "actor")


def create_location(caller: Caller, _size: float) -> Command:
    """Make a location, or another under the name of one that is there."""
    number = caller.rng.randrange(400)
    return CreateLocation(Location(f"L{number}", LocationKind.STORE, f"D{number}", enabled=True))


def put_location(caller: Caller, _size: float) -> Command:
    """Make or rename a location."""
    number = caller.rng.randrange(300)
    return UpdateLocation(Location(f"L{number}", LocationKind.STORE, f"D{number}", enabled=True))


def get_location(caller: Caller, _size: float) -> Command:
    """Read one location."""
    return GetLocation(caller.rng.choice((*PLACES, "nobody")))


def list_locations(_caller: Caller, _size: float) -> Command:
    """List all locations."""
    return ListLocations(0, 1_000)


def delete_sku(caller: Caller, _size: float) -> Command:
    """End a SKU that is at many locations, or nobody."""
    return DeleteSku(*_named(caller, caller.rng.choice((*WIDE[-3:], "nobody"))))


def rename_sku(caller: Caller, _size: float) -> Command:
    """Give a SKU another name, which another one may have."""
    sku, request = _named(caller, caller.rng.choice((*SKUS[-20:], *WIDE[-3:], "nobody")))
    new = caller.rng.choice((f"new {sku}", f"newer {sku}", SKUS[-1], sku))
    return RenameSku(sku, new, request)


def merge_sku(caller: Caller, _size: float) -> Command:
    """Merge two SKUs of one location; of others too many levels come, or there is no such SKU."""
    sku, request = _named(caller, caller.rng.choice((*SKUS[-20:], WIDE[-1], "nobody")))
    return MergeSku(sku, caller.rng.choice((*SKUS[-40:-20], WIDE[-2])), request)


def _source(caller: Caller) -> str:
    return f"source {caller.rng.randrange(3)}"


def _named(caller: Caller, sku: str) -> tuple[str, Key | None]:
    """A SKU, and the id of a request on it, if there is one."""
    request = caller.rng.choice((None, *"abc"))
    return sku, sku_request_key(sku, request) if request else None


KINDS: Final[list[Callable[[Caller, float], Command]]] = [
    set_source,
    reset_source,
    get_source,
    list_sources,
    list_reversals,
    list_quarantined,
    settle_sku,
    create_location,
    put_location,
    get_location,
    list_locations,
    delete_sku,
    rename_sku,
    merge_sku,
]
