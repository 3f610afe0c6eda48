"""The demonstration on a terminal: what each channel shows, what waits, and what is wrong.

Rules of this file: it draws what it is handed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .books import Books
from .channels import Channel
from .comparisons import Line
from .day import HOT, WAREHOUSE, Day

_GOOD, _BAD, _DIM = "green", "bold red", "dim"
_BREAKERS: Final = {"closed": _GOOD, "opened": _BAD, "half-opened": "yellow"}


def picture(
    day: Day,
    at: float,
    *,
    books: Books,
    refused: int,
    channels: Sequence[Channel],
    available: Mapping[str, int],
    status: Mapping[str, Any],
) -> RenderableType:
    """How it is now."""
    adapters = {each["name"]: each for each in status.get("adapters", ())}
    return Group(
        _head(day, at, books, refused, available),
        _channels(channels, adapters, books),
        _adapters(adapters),
    )


def report(lines: Sequence[Line]) -> Table:
    """How the comparisons came out."""
    table = Table(title="Every system against every other", title_justify="left")
    for name in ("", "compared", "different"):
        table.add_column(name, justify="left" if not name else "right")
    for line in lines:
        style = _GOOD if line.is_good else _BAD
        table.add_row(line.what, f"{line.compared:,}", Text(f"{len(line.differences):,}", style))
    return table


def _head(
    day: Day, at: float, books: Books, refused: int, available: Mapping[str, int]
) -> RenderableType:
    is_open = at < day.seconds
    phase = day.phase(at).name if is_open else "closed, catching up"
    since = f"{at:.0f} of {day.seconds:.0f} s" if is_open else f"for {at - day.seconds:.0f} s"
    short = {place: units for place, units in available.items() if units < 0}
    text = Text.assemble(
        (f"{phase}  ", "bold"), f"{since}   ",
        f"{len(books.orders):,} online orders, {books.receipts:,} receipts of tills, ",
        f"{refused:,} customers found it sold out   ",
        (f"{HOT} in the warehouse: {available.get(WAREHOUSE, 0)}   ", "bold"),
        ("oversold: ", ""), (f"{-sum(short.values())}", _BAD if short else _GOOD),
    )  # fmt: skip
    return Panel(text, title="Holdfast", title_align="left")


def _channels(
    channels: Sequence[Channel], adapters: Mapping[str, Any], books: Books
) -> RenderableType:
    table = Table(title="Channels", title_justify="left", expand=True)
    for name in ("channel", f"shows of {HOT}", "orders", "to send", "oldest", "lag p99",
                 "buffers", "exposed", "bound", "breaker"):  # fmt: skip
        table.add_column(name, justify="left" if name in ("channel", "breaker") else "right")
    for channel in channels:
        adapter = adapters.get(channel.name, {})
        publish = adapter.get("channel", {})
        shown = channel.shown()
        hot = sum(shown[pair.item, pair.node] for pair in channel.pairs if pair.level[0] == HOT)
        sold = sum(order.channel == channel.name for order in books.orders.values())
        bound = publish.get("bound", {})
        table.add_row(
            channel.name,
            str(hot),
            str(sold),
            str(publish.get("dirty", "")),
            _seconds(publish.get("oldest_dirty_s")),
            _seconds(publish.get("lag_p99_s")),
            str(publish.get("buffer_units", "")),
            str(publish.get("exposed_units", "")),
            f"{bound.get('units', '')} in {1 - bound.get('chance', 1):.1%}",
            _breaker(adapter.get("partner", {})),
        )
    return table


def _adapters(adapters: Mapping[str, Any]) -> RenderableType:
    table = Table(title="Adapters", title_justify="left", expand=True)
    for name in ("adapter", "inbox", "outbox", "dead letters", "breaker", "problem"):
        is_number = name in ("inbox", "outbox", "dead letters")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    for name, each in adapters.items():
        dead = each["dead_letters"]
        table.add_row(
            name,
            str(each["inbox"]),
            str(each.get("outbox", "")),
            Text(str(dead), _BAD if dead else _DIM),
            _breaker(each.get("partner", {})),
            Text(str(each.get("problem", ""))[:60], _DIM),
        )
    return table


def _breaker(partner: Mapping[str, Any]) -> Text:
    state = str(partner.get("breaker", ""))
    return Text(state, _BREAKERS.get(state, _DIM))


def _seconds(value: Any) -> str:
    return "" if value is None else f"{float(value):.1f} s"
