"""The words of a command line: what is text, what is an option, and what is taken literally."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from holdfast.edge.cli import console
from holdfast.edge.cli.console import (
    EXIT_CODES,
    EXIT_REFUSED,
    EXIT_USAGE,
    amount,
)
from holdfast.edge.cli.main import app
from tests.edge.cli.commands import HOLDFAST, flat, new_id, run
from tests.edge.node_process import NodeProcess, free_port

#: What the commands count in their sentences.
COUNTED: Final = (
    *("append", "byte", "count", "entrie", "field", "figure", "level", "number", "reservation"),
    *("row", "snapshot", "unit"),
)


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
    ("words", "empty"),
    [
        (("reservations", "--sku", ""), "word 3, after '--sku',"),
        (("reservations", "--sku="), "the value of --sku"),
        (("ledger", "--since", ""), "word 3, after '--since',"),
        (("watch", ""), "word 2, after 'watch',"),
        (("stock", "receipt", "SKU", "W1", "5", "--event-id", ""), "word 7, after '--event-id',"),
        (("availability", "--target", "", "SKU"), "word 3, after '--target',"),
        (("location", "put", "W1", "--kind", ""), "word 5, after '--kind',"),
        (("adapters", "cases", "-c", ""), "word 4, after '-c',"),
        (("",), "word 1"),
    ],
)
def test_an_empty_word_is_a_mistake(words: tuple[str, ...], empty: str) -> None:
    """A variable that is not set would leave a filter out, or an id that keeps a fact single."""
    result = run(*words)
    assert EXIT_USAGE == result.exit_code
    assert f"{empty} is empty: give a value, or leave it out" in flat(result.output)


@pytest.mark.parametrize(
    ("number", "noun", "expected"),
    [
        (0, "row", "0 rows"),
        (1, "row", "1 row"),
        (1, "entry", "1 entry"),
        (2_000, "entry", "2,000 entries"),
    ],
)
def test_one_of_something_is_one(number: int, noun: str, expected: str) -> None:
    assert expected == amount(number, noun)


def test_what_is_counted_is_counted_in_one_place() -> None:
    """A number beside a plural would be 1 rows."""
    sources = sorted(Path(console.__file__).parent.glob("*.py"))
    found = [
        line.strip()
        for source in sources
        for line in source.read_text("utf-8").splitlines()
        if re.search(r"\{[^{}]+\} ([a-z]+ )?(" + "|".join(COUNTED) + r")s\b(?! on)", line)
    ]
    assert sources
    assert [] == found


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
