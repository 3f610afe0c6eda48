"""The examples of README.md and docs/integrators.md, one after another on one node, as a reader
plays them.
"""

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import Result

from holdfast.v1.reservation_service_pb2 import BATCH_OUTCOME_ACCEPTED
from holdfast.v1.stock_service_pb2 import STOCK_EVENT_OUTCOME_APPLIED
from tests.edge.cli.commands import ask, flat, run
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import CALL_TIMEOUT_S
from tests.real_time import wait_until

ROOT = Path(__file__).parents[2]
README, INTEGRATORS = ROOT / "README.md", ROOT / "docs" / "integrators.md"

#: What a command prints of the time at which it ran.
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


class Played(NamedTuple):
    """A command of the page, what the page states of it, and what became of it."""

    words: list[str]
    stated: str
    result: Result


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node"), ledger="on") as running:
        yield running
        assert [] == running.complaints()


@pytest.fixture(scope="module")
def five_minutes(node: NodeProcess) -> list[Played]:
    """The commands of the README's five minutes, which have run."""
    section = README.read_text("utf-8").partition("\n## Five minutes with it\n")[2]
    found = re.findall(r"^holdfast (.*)\n(?:# (.*))?", section, re.MULTILINE)
    return [played(node, shlex.split(line), stated) for line, stated in found]


def played(node: NodeProcess, words: list[str], stated: str) -> Played:
    if words[0] in ("journal", "verify"):
        words[1] = str(node.data_dir)
    is_local = words[0] in ("journal", "verify", "--help")
    return Played(words, stated, run(*words) if is_local else ask(node, *words))


def test_the_commands_of_the_readme_print_what_it_states(five_minutes: list[Played]) -> None:
    for words, stated, result in five_minutes:
        assert is_told(words[0], stated, result.output), (words, result.output)
        assert bool(result.exit_code) == stated.startswith(("Refused", "Not done")), words


def is_told(command: str, stated: str, output: str) -> bool:
    """Whether a command printed the numbers of a table that a page states, or the sentence, up to
    what the page leaves out or adds.
    """
    if command in ("stock", "availability", "show"):
        printed = iter(flat(output).split())
        numbers = re.findall(r"-?\b\d+\b", stated.partition(": ")[2] or stated)
        return all(number in printed for number in numbers)
    sentence = re.split(r"; \.\.\.| {3,}", TIME.sub("TIME", stated))[0]
    return sentence in TIME.sub("TIME", flat(output))


def test_the_journal_of_the_readme_is_the_one_that_is_written(five_minutes: list[Played]) -> None:
    (printed,) = (each.result.stdout for each in five_minutes if each.words[0] == "journal")
    effects = re.compile(r" cart-17: (.*)")

    assert effects.findall(printed)
    assert effects.findall(README.read_text("utf-8"))[-4:] == effects.findall(printed)


def test_the_examples_in_python_run_after_the_commands(
    five_minutes: list[Played], node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert five_minutes
    # Its process still loads; the examples wait for it no longer than a client does.
    wait_until(lambda: not ask(node, "ledger").exit_code, "the ledger is silent", CALL_TIMEOUT_S)
    (of_readme,) = examples(README)
    run_example(of_readme, node)
    assert f"`{capsys.readouterr().out.strip()}`" in README.read_text("utf-8")
    names: dict[str, Any] = {}
    for example in examples(INTEGRATORS):
        names |= run_example(example, node)
    assert BATCH_OUTCOME_ACCEPTED == asyncio.run(names["hold_one"]())
    assert bytes(2 * [STOCK_EVENT_OUTCOME_APPLIED]) == asyncio.run(names["sell_two"]())


def examples(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def run_example(example: str, node: NodeProcess) -> dict[str, Any]:
    """Run an example as it stands there, but for the node's addresses; the names in it."""
    targets = f"({node.target!r}, admin_target={node.admin_target!r})"
    names: dict[str, Any] = {}
    exec(re.sub(r'(?<=Client)\((?:"[^"]*")?\)', targets, example), names)  # noqa: S102 - our own
    return names
