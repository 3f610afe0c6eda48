"""Progress bars for steps that may take long; they appear when they do."""

import sys
import threading
from types import TracebackType
from typing import Final, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from .console import console

#: Seconds. A step that takes less needs no bar.
QUIET_S: Final = 1.0


class RateColumn(ProgressColumn):
    """Steps per second, over the last moments."""

    def render(self, task: Task) -> Text:
        """The rate, or nothing before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="cyan")


class LateBar:
    """A bar on stderr that appears when its block has taken longer than QUIET_S.

    Call it with what is done and what there is to do, from any thread. Without a terminal it prints
    nothing.
    """

    def __init__(self, label: str, *, is_shown: bool = True, after_s: float = QUIET_S) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeElapsedColumn(),
            console=console(stderr=True),
            transient=True,
            disable=not (is_shown and sys.stderr.isatty()),
        )
        self._task = self._bar.add_task(label, total=None)
        self._timer = threading.Timer(after_s, self._bar.start)
        self._timer.daemon = True  # a command that ends need not wait for its bar

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish()

    def finish(self) -> None:
        """Take the bar away for good."""
        self._timer.cancel()
        self._timer.join()  # it may be starting the bar right now
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total)

    def relabel(self, label: str) -> None:
        """Start again from 0 under another label."""
        self._bar.reset(self._task, description=label, total=None)
