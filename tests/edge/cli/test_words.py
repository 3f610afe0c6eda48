"""The words of a command line: what is text, what is an option, and what is taken literally."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from holdfast.edge.cli.console import (
    EXIT_CODES,
    EXIT_REFUSED,
    EXIT_USAGE,
)
from holdfast.edge.cli.main import app
from tests.edge.cli.commands import HOLDFAST, flat, new_id, run
from tests.edge.node_process import NodeProcess, free_port


def test_words_after_two_hyphens_are_taken_literally(node: NodeProcess) -> None:
    """SKUs, locations and ids, in every command."""
    place, order, *goods = (f"--{name}-{new_id()}" for name in ("target", "json", "x", "event-id"))
    asked = ("--target", node.target, "--timeout", "30", "--json")

    def answer_to(*words: object) -> Any:
        result = run(*words)
        assert 0 == result.exit_code, result.output
        return json.loads(result.stdout)

    lines = [word for sku in goods for word in (sku, place, 9)]
    answer_to("location", "put", *asked, "--", place)
    for kind in ("receipt", "sale", "return", "count"):
        answer_to("stock", kind, *asked, "--", *lines)
    answer_to("stock", "adjustment", *asked, "--", goods[0], place, -2, goods[1], place, 2)
    found = answer_to("availability", *asked, "--", *goods)["availabilities"]
    assert [(goods[0], 7), (goods[1], 11)] == [
        (each["sku"], each["network_available"]) for each in found
    ]
    answer_to("reserve", *asked, "--", order, goods[0], place, 3)
    answer_to("extend", *asked, "--", order, "1h")
    answer_to("commit", *asked, "--", order, goods[0], place, 2)
    answer_to("release", *asked, "--", order)
    answer_to("cancel", *asked, "--", order, goods[0], place, 1)
    answer_to("fulfill", *asked, "--", order)
    (line,) = answer_to("show", *asked, "--", order)["reservation"]["lines"]
    assert (1, 1, 1) == (line["released"], line["cancelled"], line["fulfilled"])


@pytest.mark.parametrize(
    "words",
    [
        ("--", "--SKU", "W1", "-5"),
        ("--source", "--odd", "SKU", "W1", "-5"),
        ("SKU", "W1", "-5", "--event-id", "--"),
        ("SKU", "W1", "-5", "--event-id=-x"),
    ],
)
def test_what_looks_like_an_option_may_be_a_value(words: tuple[str, ...]) -> None:
    result = run("stock", "adjustment", "--target", f"127.0.0.1:{free_port()}", *words)

    assert 1 == result.exit_code
    assert "No node answers" in result.stderr


def commands_of(group: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """All commands, as the words that name them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *path, name)
        else:
            yield *path, name


COMMANDS = list(commands_of(typer.main.get_command(app)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_page_ends_with_the_exit_codes(command: tuple[str, ...]) -> None:
    page = run(*command, "--help").stdout

    assert flat(page).endswith(EXIT_CODES)
    assert f"{EXIT_USAGE} wrong command line, {EXIT_REFUSED} refused" in EXIT_CODES


@pytest.mark.parametrize(
    ("command", "word", "shown"),
    [
        *((command, "caf\udce9", "caf\\udce9") for command in COMMANDS),
        (COMMANDS[0], "\udcff", "\\udcff"),
        (COMMANDS[0], "\ud800", "\\ud800"),
    ],
)
def test_a_word_that_is_no_text_is_refused(command: tuple[str, ...], word: str, shown: str) -> None:
    """As an argument, as the value of an option, after two hyphens."""
    for words in ((word,), ("--target", word), ("--", word)):
        result = run(*command, *words)
        assert EXIT_USAGE == result.exit_code
        assert f"word {len(command) + len(words)}, '{shown}', is not UTF-8" in flat(result.stderr)


def test_a_byte_that_is_no_text_is_refused_by_the_command_itself() -> None:
    done = subprocess.run([*HOLDFAST, "availability", b"\xff"], capture_output=True, check=False)

    assert EXIT_USAGE == done.returncode
    assert b"Traceback" not in done.stderr
    assert b"is not UTF-8 text" in done.stderr
