"""Commands as a test runs them, in this process."""

import json
import sys
from itertools import count
from typing import Any, Final

from typer.testing import CliRunner, Result

from holdfast.edge.cli.main import app
from tests.edge.node_process import NodeProcess

#: The command as a shell runs it.
HOLDFAST: Final = (sys.executable, "-m", "holdfast.edge")

#: Commands on SKUs that are not for operators.
CATALOGUE: Final = (("skus", "rename"), ("skus", "merge"))

_numbers = count(1)


def run(*words: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(word) for word in words], prog_name="holdfast")


def ask(node: NodeProcess, *words: object) -> Result:
    """Run a command against the node."""
    is_for_operators = words[0] in (
        "status",
        "sources",
        "skus",
        "snapshot",
        "drain",
        "audit",
        "repair",
        "force-release",
    )
    is_of_catalogue = words[:2] in CATALOGUE
    target = node.admin_target if is_for_operators and not is_of_catalogue else node.target
    return run(*words, "--target", target, "--timeout", 30)


def ask_json(node: NodeProcess, *words: object) -> Any:
    """Run a command with JSON output, which has to succeed, and parse what it prints."""
    result = ask(node, *words, "--json")
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def new_id() -> str:
    return f"order-{next(_numbers)}"


def flat(text: str) -> str:
    """Text without the line breaks and frames that depend on the width of the terminal."""
    return " ".join(text.replace("│", " ").split())
