"""The report of a replay, as a document and as it is printed."""

from typing import Any

from rich.console import Console

from bench.replay.reconciliation import NodeInfo, report
from bench.replay.replayed import Replayed
from bench.replay.steps import ReplayPlan
from bench.replay.summary import print_report


def reported(plan: ReplayPlan, outcome: Replayed) -> dict[str, Any]:
    return report(plan, outcome, NodeInfo("node", None))


def printed(document: dict[str, Any]) -> str:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as capture:
        print_report(document, console)
    return capture.get()
