"""The report of a replay: its figures as one document, its checks, and both as tables.

Three judges look at the same replay. The driver's own books, kept from the answers, must be what
the node has on hand at every level; the simulation, which never saw the node, must have refused the
same orders and come to the same stock; and no level may have been promised more than it had.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .derived_stock import Level
from .driver import NodeLevel, Replayed
from .orders import Tally
from .steps import FactKind, Plan

DERIVED: Final = (
    "The orders name no locations, no opening stock and no receipts of goods: these are derived "
    "from the orders by fixed rules."
)

#: Differences that are listed one by one; more only show that there are more.
LISTED_MAX: Final = 20

_FACT_TITLES: Final = {
    FactKind.OPENING: "opening stock (derived)",
    FactKind.RECEIPT: "receipts (derived)",
    FactKind.RETURN: "returned",
    FactKind.WRITE_OFF: "written off",
    FactKind.FOUND: "found",
}


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Where a replay ran."""

    target: str
    data_dir: str | None
    """None for a node that was there before."""


def report(plan: Plan, replayed: Replayed, node: NodeInfo) -> dict[str, Any]:
    """Put all figures into one document, and judge them."""
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


def _orders(plan: Plan) -> dict[str, Any]:
    return {
        "source": plan.source,
        "is_generated": plan.tally is None,
        "derived": ["locations", "opening stock", "receipts"],
        "tag": plan.tag,
        "rows": None if plan.tally is None else _rows(plan.tally),
    }


def _rows(tally: Tally) -> dict[str, Any]:
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
    """Compare the units on hand of every level with what the node has."""
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
    """Give the value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


# For people


def table(words: Iterable[str], numbers: Iterable[str]) -> Table:
    """Make an empty table: first columns of words, then columns of numbers."""
    made = Table(header_style="bold")
    for heading in words:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def print_report(document: dict[str, Any], to: Console) -> None:
    """Print a report as tables."""
    orders, node = document["orders"], document["node"]
    to.print(f"[bold]Replay of orders[/bold] from {escape(orders['source'])}")
    to.print(DERIVED, style="yellow")
    if document["resumed"]["is_resumed"]:
        _print_resumed(document["resumed"], to)
    if orders["rows"] is not None:
        to.print(_rows_table(orders["rows"]))
    to.print(_figures_table(document["figures"]))
    to.print(_speed_table(document["speed"]))
    to.print(_checks_table(document["checks"]))
    _print_differences(document["checks"], to)
    where = node["target"] if node["data_dir"] is None else f"{node['target']}, {node['data_dir']}"
    to.print(
        f"Node {escape(where)}: {node['shards']} shards, "
        f"journal {node['journal_bytes'] / 2**20:,.1f} MiB, state hash {document['state_hash']}"
    )


def _print_resumed(resumed: dict[str, Any], to: Console) -> None:
    to.print(
        "[bold]Resumed:[/bold] the node had data of this replay, and answered what it had done "
        f"as it did then: {resumed['facts_recorded_before']:,} facts were recorded before. "
        f"{resumed['refusals_not_asked_again']:,} refused orders were not asked for again, because "
        "stock has come since."
    )


def _rows_table(rows: dict[str, Any]) -> Table:
    made = table(("row of the file",), ("rows",))
    for kind, count in rows["kept"].items():
        made.add_row(kind.replace("_", " "), f"{count:,}")
    for reason, count in rows["skipped"].items():
        made.add_row(f"skipped: {reason.replace('_', ' ')}", f"{count:,}")
    made.add_section()
    made.add_row("all", f"{rows['read']:,}", style="bold")
    return made


def _figures_table(figures: dict[str, Any]) -> Table:
    made = table(("what",), ("invoices or events", "lines", "units"))
    for answer, title in (("accepted", "reserved, committed, fulfilled"), ("refused", "refused")):
        counts = [f"{figures[noun][answer]:,}" for noun in ("invoices", "lines", "units")]
        made.add_row(title, *counts)
    for kind, title in _FACT_TITLES.items():
        fact = figures["facts"][kind]
        made.add_row(title, f"{fact['events']:,}", "", f"{fact['units']:,}")
    made.add_section()
    levels = f"on hand at the end, in {figures['stock_levels']:,} stock levels"
    made.add_row(levels, "", "", f"{figures['units_on_hand']:,}", style="bold")
    return made


def _speed_table(speed: dict[str, Any]) -> Table:
    made = table(("call",), ("calls", "p50 ms", "p99 ms", "max ms"))
    for method, calls in speed["calls"].items():
        times = [f"{calls[figure]:,.2f}" for figure in ("p50_ms", "p99_ms", "max_ms")]
        made.add_row(method, f"{calls['calls']:,}", *times)
    made.caption = (
        f"{speed['seconds']:,.1f} s, {speed['reservations_per_s']:,.0f} reservations per second, "
        f"{speed['retries']:,} retries"
    )
    return made


def _checks_table(checks: dict[str, Any]) -> Table:
    oversold, orders = checks["oversold"], checks["simulation_orders"]
    levels = f"of {checks['conservation']['levels']:,} stock levels"
    rows = {
        "oversold": ("units oversold", f"{oversold['oversold_units']:,}"),
        "conservation": (
            "opening + receipts + returns + found - fulfilled - written off differs from on hand",
            f"{checks['conservation']['differences']:,} {levels}",
        ),
        "simulation_stock": (
            "on hand differs from the independent simulation",
            f"{checks['simulation_stock']['differences']:,} {levels}",
        ),
        "simulation_orders": (
            "refused by either the node or the simulation, not by both",
            f"{orders['differences']:,} of {orders['refused']:,} invoices",
        ),
    }
    made = table(("check",), ("found",))
    made.add_column("")
    for name, (what, found) in rows.items():
        good = checks[name]["is_good"]
        made.add_row(what, found, "[green]good[/green]" if good else "[bold red]BAD[/bold red]")
    made.rows[0].style = "bold"
    return made


def _print_differences(checks: dict[str, Any], to: Console) -> None:
    for name in ("conservation", "simulation_stock"):
        for each in checks[name]["first_differences"]:
            told = ", ".join(f"{title} {value}" for title, value in each.items())
            to.print(f"[red]{name}:[/red] {escape(told)}")
    for title in ("only_the_node_refused", "only_the_simulation_refused"):
        if numbers := checks["simulation_orders"][title]:
            to.print(f"[red]{title.replace('_', ' ')}:[/red] {', '.join(numbers)}")
