"""Answers of a node as tables for people.

Rules of this file: a function takes messages and returns something that rich can print. Quantities
are aligned right, with separators; whatever needs attention is red and says so in words as well.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from holdfast.admin.v1 import admin_service_pb2 as admin
from holdfast.v1 import availability_service_pb2 as availability
from holdfast.v1 import catalog_service_pb2 as catalog
from holdfast.v1 import common_pb2 as common
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

from .console import amount

#: Lines of a reservation that a list of them shows.
LINES_SHOWN_MAX = 5


def table(words: Iterable[str], numbers: Iterable[str], title: str | None = None) -> Table:
    """An empty table: columns of words first, then columns of numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for heading in words:
        made.add_column(heading, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def refused_lines(lines: Iterable[common.RefusedLine]) -> Table:
    """The lines that a refusal blames, with what each is missing."""
    made = table(("SKU", "location"), ("requested", "available", "missing"))
    for line in lines:
        missing = f"[red]{line.missing:,}[/red]"
        made.add_row(
            *(escape(line.sku), escape(line.location)),
            *(f"{line.requested:,}", f"{line.available:,}", missing),
        )
    return made


def shortfalls(levels: Iterable[common.Shortfall]) -> Table:
    """Stock levels where promises exceed supply."""
    made = table(("SKU", "location"), ("on hand", "available"))
    for level in levels:
        figures = f"{level.on_hand:,}", f"[red]{level.available:,}[/red]"
        made.add_row(escape(level.sku), escape(level.location), *figures)
    return made


def endangered(levels: Iterable[common.Shortfall]) -> Table:
    """The lines of reservations whose units cannot all be kept, by stock level."""
    words = ("SKU", "location", "reservation", "line")
    made = table(words, ("held", "committed", "endangered"))
    for level in levels:
        place = escape(level.sku), escape(level.location)
        for each in level.endangered:
            figures = f"{each.held:,}", f"{each.committed:,}"
            units = f"[red]{each.endangered_quantity:,}[/red]"
            made.add_row(*place, escape(each.reservation_id), escape(each.line_id), *figures, units)
        if level.unlisted_quantity:
            units = f"[red]{level.unlisted_quantity:,}[/red]"
            made.add_row(*place, "more, not listed", "", "", "", units)
    return made


def uncovered(levels: Iterable[common.Shortfall]) -> Table:
    """The lines of reservations that supply does not bring in time, by stock level."""
    words = ("SKU", "location", "reservation", "line", "latest")
    made = table(words, ("backordered", "not covered"))
    for level in levels:
        place = escape(level.sku), escape(level.location)
        for each in level.uncovered:
            names = escape(each.reservation_id), escape(each.line_id)
            day = each.latest_supply_time.ToDatetime().date().isoformat()
            units = f"[red]{each.uncovered_quantity:,}[/red]"
            made.add_row(*place, *names, day, f"{each.backordered:,}", units)
    return made


def shortfall_sentence(level: common.Shortfall) -> str:
    """What there is at a stock level and what is promised beyond it."""
    place = f"{level.sku} at {level.location}"
    if level.uncovered_quantity and not level.shortfall:
        return f"{place} gets {level.uncovered_quantity:,} too few from supply in time."
    if not level.shortfall:
        return f"{place} has {level.available:,} available: every promise can be kept."
    return f"{place} has {level.on_hand:,} on hand, and {level.shortfall:,} too few."


_HEADINGS = {"sku": "SKU", "location": "location", "line_id": "line"}
_UNITS = ("held", "committed", "fulfilled", "returned", "released", "expired", "cancelled")


def reservation_lines(lines: Iterable[reservation.ReservationLine]) -> Table:
    """The lines of a reservation by state; states without units are left out."""
    lines = list(lines)
    shown = (*_UNITS, "backordered")
    states = [state for state in shown if any(getattr(line, state) for line in lines)]
    names = ["sku", "location", *(["line_id"] if any(line.line_id for line in lines) else [])]
    made = table([_HEADINGS[name] for name in names], ("reserved", *states))
    for line in lines:
        words = [escape(getattr(line, name)) for name in names]
        units = [f"{getattr(line, field):,}" for field in ("quantity", *states)]
        if line.backordered:
            units[-1] += f" ({_expected(line)})"
        made.add_row(*words, *units)
    return made


def backordered_lines(lines: Iterable[reservation.AllocatedLine]) -> Table:
    """Lines of which units are promised from supply."""
    made = table(("SKU", "location", "expected"), ("reserved", "on hand", "backordered"))
    for line in lines:
        units = line.quantity, line.quantity - line.backordered, line.backordered
        figures = [f"{each:,}" for each in units]
        made.add_row(escape(line.sku), escape(line.location), _expected(line), *figures)
    return made


def _expected(line: reservation.AllocatedLine | reservation.ReservationLine) -> str:
    """The day on which supply is expected to bring what is backordered."""
    if not line.HasField("expected_time"):
        return "no supply"
    return line.expected_time.ToDatetime().date().isoformat()


def reservations(all_of_them: Iterable[reservation.Reservation]) -> Table:
    """Reservations, with what each has of what."""
    all_of_them = list(all_of_them)
    has_owners = any(each.owner for each in all_of_them)
    names = ("reservation", *(["owner"] if has_owners else []), "state", "made", "lines")
    made = table(names, ("units",))
    for each in all_of_them:
        state = reservation.ReservationState.Name(each.state).removeprefix("RESERVATION_STATE_")
        lines = "\n".join(
            f"{line.quantity:,} {escape(line.sku)} at {escape(line.location)}"
            for line in each.lines[:LINES_SHOWN_MAX]
        )
        if more := len(each.lines) - LINES_SHOWN_MAX:
            lines += f"\nand {more:,} more" if more > 0 else ""
        made.add_row(
            escape(each.reservation_id),
            *([escape(each.owner)] if has_owners else []),
            state.lower(),
            instant(each.create_time) if each.HasField("create_time") else "",
            *(lines, f"{sum(line.quantity for line in each.lines):,}"),
        )
    return made


_DOUBTFUL = (common.SOURCE_STATE_GAP, common.SOURCE_STATE_STALE)


def stock_levels(availabilities: Iterable[availability.Availability]) -> Table:
    """The stock levels of SKUs, and what the network has available of each."""
    availabilities = list(availabilities)
    levels = [level for sku in availabilities for level in sku.levels]
    has_more = any(level.unavailable for level in levels)
    more = ["unavailable"] if has_more else []
    coming = ["incoming"] if any(level.incoming for level in levels) else []
    figures = ("on hand", "reserved", "committed", *more, "available", *coming)
    made = table(("SKU", "location"), figures)
    for sku in availabilities:
        for level in sku.levels:
            units = (level.on_hand, level.reserved, level.committed, level.available)
            name = level.location if level.enabled else f"{level.location} (disabled)"
            name += " (in quarantine)" if level.quarantined else ""
            cells = [f"{figure:,}" for figure in units]
            if has_more:
                cells.insert(3, unavailable_units(level.unavailable))
            if level.source_state in _DOUBTFUL:
                state = common.SourceState.Name(level.source_state)
                name += f" ({state.removeprefix('SOURCE_STATE_').lower()})"
            if level.shortfall:
                cells[-1] = f"[red]{cells[-1]} (shortfall)[/red]"
            if coming:
                cells.append(f"{level.incoming:,}")
            made.add_row(escape(sku.sku), escape(name), *cells)
        if len(sku.levels) > 1:
            empty = [""] * (3 + len(more))
            made.add_row(escape(sku.sku), "network", *empty, f"[bold]{sku.network_available:,}")
        made.add_section()
    return made


def promises(answer: availability.GetAvailableToPromiseResponse) -> Table:
    """What may be promised of a SKU, location by location: now, and when supply comes."""
    made = table(("location", "day", "supply"), ("incoming", "available"))
    for level in answer.levels:
        place, today = escape(level.location), day(answer.today)
        made.add_row(place, f"{today} (now)", "", "", f"{level.available:,}")
        for late in level.supplies:
            if late.over or late.expected_time.seconds < answer.today.seconds:
                units = f"{late.over:,} over" if late.over else f"{late.incoming:,} (overdue)"
                when = day(late.expected_time) if late.HasField("expected_time") else ""
                made.add_row(place, when, supply_name(late), f"[red]{units}[/red]", "")
        for each in level.days:
            when = day(each.day)
            coming = (supply for supply in level.supplies if supply.incoming)
            due = [supply for supply in coming if day(supply.expected_time) == when]
            figures = f"{each.incoming:,}", f"{each.available:,}"
            made.add_row(place, when, "\n".join(map(supply_name, due)), *figures)
        made.add_section()
    return made


def supply_name(supply: availability.Supply) -> str:
    """The document of a supply, and its line if it has one."""
    what = "transfer" if supply.is_transfer else ""
    return escape(" ".join(filter(None, (what, supply.document, supply.line))))


def unavailable_units(units: Iterable[availability.UnavailableUnits]) -> str:
    """Units that are not for sale, each with its status."""
    return "\n".join(f"{each.quantity:,} {escape(each.status)}" for each in units) or "0"


def event_results(
    events: Iterable[stock.StockEvent], results: Iterable[stock.StockEventResult]
) -> Table:
    """The outcome of each stock event."""
    made = table(("SKU", "location", "event id", "outcome"), ("on hand", "shortfall"))
    for event, result in zip(events, results, strict=True):
        outcome = stock.StockEventOutcome.Name(result.outcome).removeprefix("STOCK_EVENT_OUTCOME_")
        shortfall = f"[red]{result.shortfall:,}[/red]" if result.shortfall else "0"
        words = (event.sku, event.location, event.event_id, outcome.lower().replace("_", " "))
        made.add_row(*map(escape, words), f"{result.on_hand:,}", shortfall)
    return made


def locations(all_of_them: Iterable[catalog.Location]) -> Table:
    """The catalogue of locations."""
    made = table(("location", "kind", "name", "takes reservations"), ())
    for location in all_of_them:
        kind = catalog.LocationKind.Name(location.kind).removeprefix("LOCATION_KIND_").lower()
        takes = "yes" if location.enabled else "[red]no[/red]"
        made.add_row(escape(location.location), kind, escape(location.display_name), takes)
    return made


def sources(all_of_them: Iterable[admin.Source]) -> Table:
    """Sources of stock events, with how far they have come."""
    words = ("source", "state", "last event", "expected every", "unknown SKUs", "fallback")
    made = table(words, ("last number", "missing", "gaps"))
    for source in all_of_them:
        state = common.SourceState.Name(source.state).removeprefix("SOURCE_STATE_").lower()
        missing = f"{source.missing_sequences:,}"
        if source.state != common.SOURCE_STATE_CURRENT:
            state = f"[red]{state}[/red]"
        if source.missing_sequences:
            missing = f"[red]{missing}[/red]"
        came = instant(source.last_event_time) if source.HasField("last_event_time") else "none"
        interval = source.expected_interval.ToMilliseconds() / 1_000
        policy = admin.UnknownSkus.Name(source.unknown_skus).removeprefix("UNKNOWN_SKUS_")
        policy = policy.replace("UNSPECIFIED", "as the node is set").lower().replace("_", " ")
        made.add_row(
            *(escape(source.source), state, came, f"{interval:g} s" if interval else "", policy),
            _fallback(source),
            *(f"{source.last_sequence:,}", missing, f"{source.gap_count:,}"),
        )
    return made


def pending_reversals(reversals: Iterable[admin.PendingReversal]) -> Table:
    """Reversals whose events have not come, by those events."""
    made = table(("source", "event id", "kind", "SKU", "location", "waits since"), ("quantity",))
    for each in reversals:
        kind = stock.StockEventKind.Name(each.kind).removeprefix("STOCK_EVENT_KIND_").lower()
        words = (each.source, each.event_id, kind.replace("_", " "), each.sku, each.location)
        made.add_row(*map(escape, words), instant(each.create_time), f"{each.quantity:,}")
    return made


def quarantined_skus(skus: Iterable[admin.QuarantinedSku]) -> Table:
    """SKUs in quarantine."""
    made = table(("SKU", "begun by", "since"), ())
    for each in skus:
        made.add_row(escape(each.sku), escape(each.source), instant(each.create_time))
    return made


def _fallback(source: admin.Source) -> str:
    """What may be promised while a source is not current."""
    name = admin.Fallback.Name(source.fallback).removeprefix("FALLBACK_")
    cap = f" at {source.cap:,}" if source.fallback == admin.FALLBACK_CAP else ""
    return name.lower().replace("_", " ") + cap


def source_gaps(source: admin.Source) -> Table:
    """The numbers of a source that are missing."""
    made = table(("missing since",), ("first", "last"))
    for gap in source.gaps:
        numbers = f"{gap.first_sequence:,}", f"{gap.last_sequence:,}"
        made.add_row(instant(gap.open_time), *numbers)
    if source.unlisted_sequences:
        made.add_row("not listed any more", "", amount(source.unlisted_sequences, "number"))
    return made


def disagreements(all_of_them: Iterable[admin.Disagreement]) -> Table:
    """Figures that are not what they should be."""
    made = table(("SKU", "location", "figure"), ("is", "should be"))
    for each in all_of_them:
        place = (
            (escape(each.sku), escape(each.location)) if each.sku else ("", f"shard {each.shard}")
        )
        made.add_row(*place, each.figure, f"[red]{each.found:,}[/red]", f"{each.expected:,}")
    return made


_VERDICTS = {
    admin.REPAIR_VERDICT_REPAIRED: "repaired",
    admin.REPAIR_VERDICT_NOT_AUDITED: "[red]not audited since the start[/red]",
    admin.REPAIR_VERDICT_NEEDS_COUNT: "[red]count what is on hand[/red]",
    admin.REPAIR_VERDICT_NOT_QUARANTINED: "not in quarantine",
    admin.REPAIR_VERDICT_NOT_REPAIRED: "[red]in quarantine: repair it anew[/red]",
}


def repairs(all_of_them: Iterable[admin.StockLevelRepair], *, is_dry_run: bool) -> Table:
    """What a repair did to stock levels, or would do."""
    made = table(("SKU", "location", "outcome"), ("reserved", "committed", "unavailable"))
    for each in all_of_them:
        verdict = _VERDICTS.get(each.verdict, "")
        if is_dry_run and each.verdict == admin.REPAIR_VERDICT_REPAIRED:
            verdict = "would be repaired"
        pairs = [
            (getattr(each.before, field), getattr(each.after, field))
            for field in ("reserved", "committed", "unavailable")
        ]
        figures = [f"{was:,}" if was == now else f"{was:,} -> {now:,}" for was, now in pairs]
        made.add_row(escape(each.sku), escape(each.location), verdict, *figures)
    return made


def node_status(status: admin.GetStatusResponse) -> Table:
    """The figures of a node as a whole."""
    made = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "version": status.version,
        "serving since": instant(status.start_time),
        "recovery took": f"{status.recovery_duration.ToMilliseconds():,} ms",
        "durable up to": f"position {status.durable_position:,}",
        "snapshot of": f"position {status.snapshot_position:,}"
        if status.snapshot_position
        else "no snapshot yet",
        "journal": f"{size(status.journal_size_bytes)}, "
        f"may grow by {size(status.journal_headroom_bytes)}",
        "timeline": f"{status.timeline:016x}",
        "state hash": status.state_hash,
        "in quarantine": "[red]"
        + escape(", ".join(f"{each.sku} at {each.location}" for each in status.quarantined_levels))
        + "[/red]"
        if status.quarantined_levels
        else "",
    }
    for name, value in rows.items():
        if value:
            made.add_row(name, value)
    return made


def shards(all_of_them: Iterable[admin.ShardStatus]) -> Table:
    """The figures of each shard, and their sums."""
    fields = (
        *("skus", "stock_levels", "reservations", "ended_ids"),
        *("on_hand", "reserved", "committed"),
    )
    headings = [field.replace("_", " ") for field in fields]
    made = table(("shard",), ("sequence", *headings, "mailbox"))
    all_of_them = list(all_of_them)
    for shard in all_of_them:
        figures = [f"{getattr(shard, field):,}" for field in fields]
        mailbox = f"{shard.mailbox_depth:,} of {shard.mailbox_capacity:,}"
        made.add_row(str(shard.shard), f"{shard.sequence:,}", *figures, mailbox)
    made.add_section()
    # Reservations have no sum: one that touches two shards is counted in both.
    sums = [
        "" if field == "reservations" else f"{sum(getattr(each, field) for each in all_of_them):,}"
        for field in fields
    ]
    made.add_row("all", "", *sums, "", style="bold")
    return made


def instant(timestamp: Any) -> str:
    """A time to the second, in UTC."""
    at: datetime = timestamp.ToDatetime(tzinfo=UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day(timestamp: Any) -> str:
    """The day of a time, in UTC."""
    at: datetime = timestamp.ToDatetime(tzinfo=UTC)
    return f"{at:%Y-%m-%d}"


def size(count: float) -> str:
    """A number of bytes in a unit that keeps it short."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
