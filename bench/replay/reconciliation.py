"""The report of a replay as one document: its figures, and its checks.

Three judges look at the same replay. The driver's own books, kept from the answers, must be what
the node has on hand at every level; the simulation, which has not seen the node, must have refused
the same orders and come to the same stock; and no level may have been promised more than it had.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .order_file import RowTally
from .replayed import NodeLevel, Replayed
from .steps import FactKind, ReplayPlan
from .warehouses import Level

#: Differences that are listed one by one; all are counted.
LISTED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Where a replay ran."""

    target: str
    data_dir: str | None
    """None for a node that was there before."""


def report(plan: ReplayPlan, replayed: Replayed, node: NodeInfo) -> dict[str, Any]:
    """All figures of a replay and the four checks, as one document."""
    checks = {
        "oversold": _check_oversold(replayed),
        "conservation": _check_levels(
            replayed.books.on_hand, replayed.node_levels, "books_on_hand"
        ),
        "simulation_stock": _check_levels(
            plan.expected.on_hand, replayed.node_levels, "simulated_on_hand"
        ),
        "simulation_orders": _check_refused(replayed.books.refused, plan.expected.refused),
    }
    return {
        "is_good": all(check["is_good"] for check in checks.values()),
        "orders": _orders(plan),
        "node": _node(replayed, node),
        "figures": _figures(replayed),
        "checks": checks,
        "state_hash": replayed.status.state_hash,
        "resumed": {
            "is_resumed": replayed.resumed,
            "facts_recorded_before": replayed.duplicates,
            "refusals_not_asked_again": replayed.refusals_kept,
        },
        "speed": _speed(replayed),
    }


def _orders(plan: ReplayPlan) -> dict[str, Any]:
    return {
        "source": plan.source,
        "is_generated": plan.tally is None,
        "derived": ["locations", "opening stock", "receipts"],
        "tag": plan.tag,
        "rows": None if plan.tally is None else _rows(plan.tally),
    }


def _rows(tally: RowTally) -> dict[str, Any]:
    return {
        "read": tally.rows,
        "kept": {str(kind): count for kind, count in tally.kept.most_common()},
        "skipped": dict(tally.skipped.most_common()),
        "invoices_without_goods": tally.empty_invoices,
    }


def _node(replayed: Replayed, node: NodeInfo) -> dict[str, Any]:
    status = replayed.status
    return {
        "target": node.target,
        "data_dir": node.data_dir,
        "version": status.version,
        "shards": len(status.shards),
        "journal_bytes": status.journal_size_bytes,
        "durable_position": status.durable_position,
    }


def _figures(replayed: Replayed) -> dict[str, Any]:
    books = replayed.books
    return {
        "stock_levels": len(books.on_hand),
        "invoices": {"accepted": books.invoices[True], "refused": books.invoices[False]},
        "lines": {"accepted": books.lines[True], "refused": books.lines[False]},
        "units": {"accepted": books.units[True], "refused": books.units[False]},
        "facts": {
            str(kind): {"events": books.facts[kind], "units": books.fact_units[kind]}
            for kind in FactKind
        },
        "units_on_hand": sum(level.on_hand for level in replayed.node_levels.values()),
    }


def _check_oversold(replayed: Replayed) -> dict[str, Any]:
    promised = sum(max(0, -level.available) for level in replayed.node_levels.values())
    accepted = replayed.books.oversold_units
    return {
        "is_good": not promised and not accepted,
        "oversold_units": accepted + promised,
        "accepted_beyond_stock": accepted,
        "available_below_zero": promised,
    }


def _check_levels(
    wanted: Mapping[Level, int], node_levels: Mapping[Level, NodeLevel], title: str
) -> dict[str, Any]:
    """Where the units on hand of a level are not what the node has."""
    differences = []
    for level in sorted(wanted):
        found = node_levels.get(level)
        if found is None or found.on_hand != wanted[level]:
            sku, location = level
            differences.append(
                {
                    "sku": sku,
                    "location": location,
                    title: wanted[level],
                    "node_on_hand": None if found is None else found.on_hand,
                }
            )
    return {
        "is_good": not differences,
        "levels": len(wanted),
        "differences": len(differences),
        "first_differences": differences[:LISTED_MAX],
    }


def _check_refused(refused: set[str], wanted: set[str]) -> dict[str, Any]:
    more, fewer = sorted(refused - wanted), sorted(wanted - refused)
    return {
        "is_good": not more and not fewer,
        "refused": len(refused),
        "differences": len(more) + len(fewer),
        "only_the_node_refused": more[:LISTED_MAX],
        "only_the_simulation_refused": fewer[:LISTED_MAX],
    }


def _speed(replayed: Replayed) -> dict[str, Any]:
    calls = {
        method: {
            "calls": len(seconds),
            "p50_ms": round(1_000 * quantile(seconds, 0.5), 3),
            "p99_ms": round(1_000 * quantile(seconds, 0.99), 3),
            "max_ms": round(1_000 * max(seconds), 3),
        }
        for method, seconds in replayed.call_seconds.items()
    }
    reservations = len(replayed.call_seconds.get("Reserve", ()))
    return {
        "seconds": round(replayed.seconds, 3),
        "reservations_per_s": round(reservations / replayed.seconds, 1),
        "retries": replayed.call_retries,
        "calls": calls,
    }


def quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
