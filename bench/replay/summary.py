"""The report of a replay as tables, for people."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .steps import FactKind

DERIVED: Final = (
    "The orders name no locations, no opening stock and no receipts of goods: these are derived "
    "from the orders by fixed rules."
)

_FACT_TITLES: Final = {
    FactKind.OPENING: "opening stock (derived)",
    FactKind.RECEIPT: "receipts (derived)",
    FactKind.RETURN: "returned",
    FactKind.WRITE_OFF: "written off",
    FactKind.FOUND: "found",
}


def table(words: Iterable[str], numbers: Iterable[str]) -> Table:
    """An empty table: first columns of words, then columns of numbers."""
    made = Table(header_style="bold")
    for heading in words:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def print_report(document: Mapping[str, Any], to: Console) -> None:
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


def _print_resumed(resumed: Mapping[str, Any], to: Console) -> None:
    to.print(
        "[bold]Resumed:[/bold] the node had data of this replay, and answered what it had done "
        f"as it did then: {resumed['facts_recorded_before']:,} facts were recorded before. "
        f"{resumed['refusals_not_asked_again']:,} refused orders were not asked for again, because "
        "stock has come since."
    )


def _rows_table(rows: Mapping[str, Any]) -> Table:
    made = table(("row of the file",), ("rows",))
    for kind, count in rows["kept"].items():
        made.add_row(kind.replace("_", " "), f"{count:,}")
    for reason, count in rows["skipped"].items():
        made.add_row(f"skipped: {reason.replace('_', ' ')}", f"{count:,}")
    made.add_section()
    made.add_row("all", f"{rows['read']:,}", style="bold")
    return made


def _figures_table(figures: Mapping[str, Any]) -> Table:
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


def _speed_table(speed: Mapping[str, Any]) -> Table:
    made = table(("call",), ("calls", "p50 ms", "p99 ms", "max ms"))
    for method, calls in speed["calls"].items():
        times = [f"{calls[figure]:,.2f}" for figure in ("p50_ms", "p99_ms", "max_ms")]
        made.add_row(method, f"{calls['calls']:,}", *times)
    made.caption = (
        f"{speed['seconds']:,.1f} s, {speed['reservations_per_s']:,.0f} reservations per second, "
        f"{speed['retries']:,} retries"
    )
    return made


def _checks_table(checks: Mapping[str, Any]) -> Table:
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


def _print_differences(checks: Mapping[str, Any], to: Console) -> None:
    for name in ("conservation", "simulation_stock"):
        for each in checks[name]["first_differences"]:
            difference = ", ".join(f"{title} {value}" for title, value in each.items())
            to.print(f"[red]{name}:[/red] {escape(difference)}")
    for title in ("only_the_node_refused", "only_the_simulation_refused"):
        if numbers := checks["simulation_orders"][title]:
            to.print(f"[red]{title.replace('_', ' ')}:[/red] {', '.join(numbers)}")
