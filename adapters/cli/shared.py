"""What the commands of `holdfast adapters` share: the settings, and the store beside a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from holdfast.edge.cli.console import fail

if TYPE_CHECKING:
    from ..runtime.settings import Configured, Settings
    from ..runtime.store import Store

Config = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="Settings of the adapters.")
]
CONFIG_DEFAULT = Path("adapters.toml")

#: Seconds to wait for the process that runs the adapters.
STATUS_S: Final = 2.0


def said(text: str) -> str:
    """A text of an option that says something. Raises BadParameter."""
    if not text.strip():
        raise typer.BadParameter("expected a few words")
    return text


Number = Annotated[int, typer.Argument(min=1, help="Its number in the list.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.", callback=said)]


def loaded(config: Path) -> "tuple[Settings, list[Configured]]":
    """The settings; what is wrong with them ends the command."""
    from ..runtime.settings import ConfigError, load

    try:
        return load(config)
    except ConfigError as error:
        fail(str(error), "See docs/adapters.md, 'adapters.toml'.")


def read_status(config: Path) -> dict[str, Any]:
    """What the process that runs the adapters reports; that there is none ends the command."""
    import httpx

    settings, _ = loaded(config)
    url = f"http://{settings.http_address}/status"
    try:
        status: dict[str, Any] = httpx.get(url, timeout=STATUS_S).json()
    except (httpx.HTTPError, ValueError) as error:
        fail(f"no adapters answer at {url}: {error}", "Start them: holdfast adapters run")
    return status


@contextmanager
def opened_store(config: Path) -> "Iterator[Store]":
    """The store of the adapters, also beside a process that runs them."""
    from ..runtime.store import Store, StoreFailed

    settings, _ = loaded(config)
    if not (settings.data_dir / Store.FILE).exists():
        fail(f"{settings.data_dir} has no store", "It is made by: holdfast adapters run")
    try:
        store = Store(settings.data_dir, settings.store_bytes)
    except StoreFailed as error:
        fail(str(error))
    try:
        yield store
    finally:
        store.close()


def plain(text: str) -> str:
    """What a stranger wrote, for a cell of a table: neither markup nor control sequences."""
    from rich.markup import escape

    return escape("".join(each if each.isprintable() else ascii(each)[1:-1] for each in text))
