"""Counts compared with what a node has on hand: now, or at an instant that its ledger covers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from .count_file import MISTAKES_SHOWN_MAX, Counted, CountFileError, pieces
from .paging import PAGE_SIZE, whole

if TYPE_CHECKING:
    from ..client import BlockingClient

#: SKUs in one read: the most that a node takes.
SKUS_MAX: Final = 1_000

#: Reasons for which the node cannot say what was on hand at a past instant.
_NO_PAST: Final = frozenset({"LEDGER_OFF", "LEDGER_UNAVAILABLE", "BEFORE_LEDGER"})


@dataclass(frozen=True, slots=True)
class Compared:
    """A count and what the node has; `node` is None where it does not know the name."""

    counted: Counted
    node: int | None
    unknown: str = ""
    """What is unknown: "SKU" or "location"."""
    sku: str = ""
    """The node's name of the SKU, which the file may call by an earlier one."""

    @property
    def difference(self) -> int:
        """Units that were counted beyond what the node has."""
        return self.counted.on_hand - (self.node or 0)


def compare(
    client: "BlockingClient", counts: Sequence[Counted], at: datetime, *, is_shown: bool
) -> tuple[list[Compared], bool]:
    """Each count with what the node had at this instant, if its ledger covers it, or else with what
    it has now; and whether it was the instant. Raises CountFileError if a stock level is counted
    under two names of its SKU.
    """
    every = whole(partial(client.list_locations, PAGE_SIZE))
    locations = {each.location for each in every.locations}
    on_hand = _on_hand(client, counts, is_shown=is_shown)
    compared = [_compared(each, on_hand, locations) for each in counts]
    if mistakes := [*islice(_counted_twice(compared), MISTAKES_SHOWN_MAX)]:
        raise CountFileError("\n".join(mistakes))
    return _as_of(client, compared, at, is_shown=is_shown)


def _on_hand(
    client: "BlockingClient", counts: Sequence[Counted], *, is_shown: bool
) -> dict[str, tuple[str, dict[str, int]]]:
    """Of each SKU that the node knows, by the file's name of it: the node's name, and units on hand
    now by location.
    """
    from .progress import LateBar

    on_hand: dict[str, tuple[str, dict[str, int]]] = {}
    skus = list(dict.fromkeys(each.sku for each in counts))
    with LateBar("SKUs read", is_shown=is_shown) as bar:
        for piece in pieces(skus, SKUS_MAX):
            answer = client.batch_get_availability(piece)
            unknown = frozenset(answer.unknown_skus)
            known = [sku for sku in piece if sku not in unknown]
            # In the order of the request, and by the names that SKUs have now.
            for sku, each in zip(known, answer.availabilities, strict=True):
                on_hand[sku] = each.sku, {level.location: level.on_hand for level in each.levels}
            bar(len(on_hand), len(skus))
    return on_hand


def _compared(
    counted: Counted, on_hand: dict[str, tuple[str, dict[str, int]]], locations: set[str]
) -> Compared:
    if counted.sku not in on_hand:
        return Compared(counted, None, "SKU")
    if counted.location not in locations:
        return Compared(counted, None, "location")
    sku, levels = on_hand[counted.sku]
    return Compared(counted, levels.get(counted.location, 0), sku=sku)


def _counted_twice(compared: Iterable[Compared]) -> Iterator[str]:
    """Rows of a stock level that stands above already, under another name of its SKU."""
    firsts: dict[tuple[str, str], Counted] = {}
    for each in compared:
        if each.unknown:
            continue
        counted = each.counted
        first = firsts.setdefault((each.sku, counted.location), counted)
        if first is not counted:
            yield (
                f"line {counted.line}: {counted.sku} at {counted.location} is {first.sku} on line "
                f"{first.line}, another name of SKU {each.sku}: expected it once"
            )


def _as_of(
    client: "BlockingClient", compared: list[Compared], at: datetime, *, is_shown: bool
) -> tuple[list[Compared], bool]:
    """The same with what was on hand at an instant, where the node has a ledger that says so."""
    from ..client import HoldfastError
    from .progress import LateBar

    past: list[Compared] = []
    try:
        with LateBar("levels looked up", is_shown=is_shown) as bar:
            for each in compared:
                past.append(each if each.unknown else _at(client, each, at))
                bar(len(past), len(compared))
    except HoldfastError as error:
        if error.reason not in _NO_PAST:
            raise
        return compared, False
    return past, True


def _at(client: "BlockingClient", compared: Compared, at: datetime) -> Compared:
    from ..client import NotFound

    counted = compared.counted
    try:
        answer = client.explain_availability(counted.sku, counted.location, at)
    except NotFound:
        return replace(compared, node=0)  # there was no such level yet
    return replace(compared, node=answer.quantities.on_hand)


def differing(compared: Iterable[Compared]) -> list[Compared]:
    """What differs or is unknown, the largest difference first."""
    found = [each for each in compared if each.unknown or each.difference]
    return sorted(found, key=lambda each: (bool(each.unknown), -abs(each.difference)))
