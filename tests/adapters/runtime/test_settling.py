"""Lists for operators: a page of the newest, and everything as JSON, however much there is."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from holdfast.adapters.cli.app import app
from holdfast.adapters.events import Exceptional
from holdfast.adapters.runtime.cases import raise_case, settle_case
from holdfast.adapters.runtime.dead_letters import bury, discard
from holdfast.adapters.runtime.store import Store, Tables
from tests.adapters.letters import LETTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
COUNT = 250


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings beside a store of 250 cases and letters; each fifth is open, or not discarded."""
    folder = tmp_path_factory.mktemp("settling")
    path = folder / "adapters.toml"
    path.write_text('data_dir = "store"\n[adapters.tills]\nkind = "cloudevents"\n')
    store = Store(folder / "store", 64 << 20)
    store.write_now(fill)
    store.close()
    return path


def fill(tables: Tables) -> None:
    for number in range(1, COUNT + 1):
        case = Exceptional(source="", id="", kind="k", subject=f"subject-{number}", text="t")
        raise_case("tills", case, NOW)(tables)
        bury(LETTER)(tables)
        if number % 5:
            settle_case(tables, number, "done")
            discard(tables, replace(LETTER, number=number), "old")


def run(config: Path, *words: str) -> Result:
    result = CliRunner().invoke(app, [*words, "-c", str(config)])
    assert 0 == result.exit_code, result.output
    return result


def numbers(result: Result) -> list[int]:
    """The first column of a table."""
    cells = [line.split("│")[1].strip() for line in result.output.splitlines() if "│" in line]
    return [int(cell) for cell in cells if cell.isdigit()]


@pytest.mark.parametrize("words", [("cases",), ("dead-letters",)])
def test_what_is_open_is_listed_whatever_is_between(words: tuple[str, ...], config: Path) -> None:
    found = run(config, *words)

    assert list(range(5, COUNT + 1, 5)) == numbers(found)
    assert "all with --json" not in found.output


@pytest.mark.parametrize("words", [("cases", "--settled"), ("dead-letters", "--discarded")])
def test_a_page_has_the_newest_with_the_last_below(words: tuple[str, ...], config: Path) -> None:
    found = run(config, *words)

    assert list(range(COUNT - 99, COUNT + 1)) == numbers(found)
    assert "The newest 100; all with --json." in found.output


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (("cases",), 5),
        (("cases", "--settled"), 1),
        (("dead-letters",), 5),
        (("dead-letters", "--discarded"), 1),
        (("dead-letters", "--adapter", "tills"), 5),
    ],
)
def test_json_has_all_oldest_first(words: tuple[str, ...], step: int, config: Path) -> None:
    lines = run(config, *words, "--json").output.splitlines()

    assert list(range(step, COUNT + 1, step)) == [json.loads(line)["number"] for line in lines]


def test_several_dead_letters_are_given_up_at_once_or_none_where_one_is_not_there(
    config: Path,
) -> None:
    missing = CliRunner().invoke(
        app, ["discard", "5", "9999", "--reason", "test till", "-c", str(config)]
    )
    assert 0 != missing.exit_code
    assert 5 in numbers(run(config, "dead-letters"))

    result = run(config, "discard", "1", "2", "--reason", "test till")
    assert ["1", "2"] == re.findall("Dead letter ([0-9]+) is discarded", result.output)
    lines = run(config, "dead-letters", "--discarded", "--json").output.splitlines()
    assert ["test till", "test till", "old"] == [
        json.loads(each)["discarded"] for each in lines[:3]
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("discard", "250", "--reason"),
        ("settle", "250", "--what"),
        ("pause", "tills", "--reason"),
    ],
)
@pytest.mark.parametrize("nothing", ["", " "])
def test_what_says_nothing_is_no_reason(words: tuple[str, ...], nothing: str, config: Path) -> None:
    """An empty one was said to be done, and was not: the letter was counted as gone, and stayed."""
    result = CliRunner().invoke(app, [*words, nothing, "-c", str(config)])
    assert 2 == result.exit_code
    assert "expected a few words" in result.output
    assert 250 in numbers(run(config, "dead-letters"))
    assert 250 in numbers(run(config, "cases"))
