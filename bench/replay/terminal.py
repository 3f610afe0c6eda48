"""What a replay shows on a terminal: tables on stdout, progress on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

#: Columns of a table that goes into a file or a pipe, where nothing says how wide it may be.
WIDTH_WITHOUT_TERMINAL: Final = 120


def console() -> Console:
    """The console that tables are printed on."""
    is_terminal = sys.stdout.isatty()
    width = None if is_terminal else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, highlight=False, soft_wrap=not is_terminal)


@contextmanager
def progress_bar(label: str, *, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar that goes away with its block. Call it with how much is done of how much.

    Without a terminal it stays silent.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not (is_shown and sys.stderr.isatty()),
    ) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
