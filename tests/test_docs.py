"""What README.md and docs/ say of names, limits, tables and commands is what the code has.

Prose is nobody's business here. Checked is what can be wrong without anybody noticing: a table, a
number, a file, a function, a command, an option, a setting, a metric, a link.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from holdfast.adapters.runtime.cases import OF_REASON
from holdfast.adapters.runtime.flow_metrics import Figures
from holdfast.adapters.runtime.settings import KINDS, AdapterSettings
from holdfast.adapters.runtime.settings import Settings as AdaptersSettings
from holdfast.core import limits, model
from holdfast.core.capacity import TABLES
from holdfast.core.model import RefusalCode, Verb
from holdfast.edge.cli.main import app
from holdfast.edge.server.methods import ADMIN, PUBLIC, methods_of, service_names
from holdfast.edge.server.settings import Settings
from holdfast.edge.wire import batches, faults
from holdfast.v1 import reservation_service_pb2 as reservation
from tests.core.engine import ModelEngine, NodeEngine
from tests.core.test_scripts import retell
from tests.test_tidy import RULES
from tests.tidy import imports

ROOT = Path(__file__).resolve().parent.parent
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
README = ROOT / "README.md"
INTEGRATORS, OPERATORS = ROOT / "docs" / "integrators.md", ROOT / "docs" / "operators.md"
ADAPTERS = ROOT / "docs" / "adapters.md"

NS_BY_UNIT = {"s": 10**9, "minutes": 60 * 10**9, "days": 86_400 * 10**9}
NS_BY_SUFFIX = {"MS": 10**6, "NS": 1}

#: Folders whose files are named in full.
ROOMS = "core|persistence|edge|protos|adapters|bench|tests|docs|deploy|requirements|\\.ci"

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def code_of(page: Path) -> list[str]:
    """Lines of code blocks, and what stands between backticks."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + spans(prose)


def spans(text: str) -> list[str]:
    return [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", text)]


def table(page: Path, *headings: str) -> list[list[str]]:
    """Cells of the table whose first headings are these."""
    lines = iter(page.read_text("utf-8").splitlines())
    wanted = "| " + " | ".join(headings) + " |"
    assert any(line.startswith(wanted) for line in lines), f"{page.name} has no table {wanted}"
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


# Tables


def test_the_life_cycle_is_that_of_the_model() -> None:
    """Every transition, and where units go that a command does not name."""
    with_remainder = (Verb.COMMIT, Verb.FULFILL)
    expected = [
        [
            verb.name,
            leaves.name,
            enters.name,
            model.GIVE_BACK[leaves].name if verb in with_remainder else "\N{EN DASH}",
        ]
        for verb, (leaves, enters) in sorted(model.TRANSITIONS.items())
    ]
    rows = table(INTEGRATORS, "command", "units leave", "units enter")

    assert expected == [[spans(name)[0].upper(), *others] for name, *others in rows]


def test_the_states_of_a_whole_reservation_are_listed_in_their_order() -> None:
    text = " ".join(INTEGRATORS.read_text("utf-8").split())

    assert ", ".join(state.name for state in model.STATE_PRECEDENCE) in text


def test_limits_are_those_of_the_code() -> None:
    for _, limit, name in table(INTEGRATORS, "what", "limit", "constant"):
        (constant,) = spans(name)
        owner: Any = limits if hasattr(limits, constant) else batches

        assert getattr(owner, constant) == number(limit, constant)


def number(text: str, constant: str) -> int:
    """Read 2,000 or 10^15 or 2 * 10^18 or 2^63 - 1, or a time as the constant counts it."""
    if text.endswith(" - 1"):
        return number(text.removesuffix(" - 1"), constant) - 1
    figure, _, unit = text.rpartition(" ")
    if unit in NS_BY_UNIT:
        suffix = next(part for part in constant.split("_") if part in NS_BY_SUFFIX)
        return int(figure) * NS_BY_UNIT[unit] // NS_BY_SUFFIX[suffix]
    value = 1
    for factor in text.replace(",", "").split(" * "):
        base, _, power = factor.partition("^")
        value *= int(base) ** int(power or 1)
    return value


def test_refusals_stand_in_the_order_of_precedence() -> None:
    rows = table(INTEGRATORS, "code", "why", "what to do")

    assert [code.name for code in RefusalCode] == [spans(code)[0] for code, *_ in rows]


def test_tables_that_can_be_full_are_those_of_room_py() -> None:
    rows = table(OPERATORS, "`table`", "what is refused")
    listed = [name for cells in rows for name in spans(cells[0])]

    assert sorted({name for names in TABLES.values() for name in names}) == sorted(listed)


def test_faults_are_those_of_faults_py() -> None:
    rows = table(INTEGRATORS, "status", "reason", "meaning")
    files = sorted((ROOT / "edge" / "wire").glob("*faults.py"))
    text = "".join(file.read_text("utf-8") for file in files)
    found = re.findall(r'grpc\.StatusCode\.(\w+),\s*f?"([A-Z_]+)(\{noun\})?"', text)
    nouns = [noun for noun, _ in faults._WHAT_WOULD_HELP.values()]
    known = {
        (status, reason + noun)
        for status, reason, is_noun in found
        for noun in (nouns if is_noun else [""])
    }

    assert known == {(spans(status)[0], spans(reason)[0]) for status, reason, *_ in rows}


def test_batch_outcomes_are_those_of_the_wire() -> None:
    rows = table(INTEGRATORS, "outcome", "meaning")
    known = {name for name, number in reservation.BatchOutcome.items() if number}

    assert known == {f"BATCH_OUTCOME_{name}" for cell, _ in rows for name in spans(cell)}


def test_methods_are_those_of_the_wire() -> None:
    listed = {
        (spans(service)[0], method)
        for service, methods in table(INTEGRATORS, "service", "methods")
        for method in spans(methods)
    }
    served = {(each.containing_service.full_name, each.name) for each in methods_of(PUBLIC + ADMIN)}

    assert {name for name, _ in listed} == set(service_names(PUBLIC + ADMIN))
    assert served == listed


def test_stories_are_told_as_the_engine_tells_them() -> None:
    """By the model and by a node."""
    stories = re.findall(r"```story\n(.*?)```", INTEGRATORS.read_text("utf-8"), re.DOTALL)

    assert stories
    for story in stories:
        assert story == retell(story, ModelEngine()) == retell(story, NodeEngine(4))


def test_settings_and_their_defaults_are_those_of_the_code() -> None:
    fields = Settings.model_fields.items()
    rows = table(OPERATORS, "setting", "default", "change it when")

    assert {name: str(field.default) for name, field in fields} == {
        spans(name)[0]: spans(default)[0] for name, default, _ in rows
    }


def test_metrics_are_those_that_are_exported() -> None:
    source = (ROOT / "edge" / "server" / "metrics.py").read_text("utf-8")
    rows = table(OPERATORS, "name", "what")

    assert set(re.findall(r'"(holdfast_\w+)"', source)) == {
        name for cell, _ in rows for name in spans(cell)
    }


def test_rooms_may_import_what_tidy_lets_them() -> None:
    listed = {
        spans(folder)[0].strip("/"): (names(ours), names(libraries.replace("protobuf", "google")))
        for folder, _, _, ours, libraries in table(README, "folder", "imported as")
    }

    assert ({"everything"}, {"free"}) == listed.pop("tests")
    kept = {
        room.partition("/")[0]: (
            {name.removeprefix("holdfast.") for name in ours},
            imports.LIBRARIES.get(room, {"free"}),
        )
        for room, ours in imports.OURS.items()
    }
    assert kept == listed


def names(cell: str) -> set[str]:
    """Names between commas; a dash is none."""
    return set(cell.split(", ")) - {"\N{EN DASH}"}


def test_floors_are_those_that_tidy_keeps() -> None:
    listed = {
        spans(room)[0].strip("/"): tuple(
            tuple(name.strip("/") for name in spans(floor))
            for floor in floors.split("\N{MIDDLE DOT}")
        )
        for room, floors in table(README, "room", "floors, from the top down")
    }

    assert imports.FLOORS == listed


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    pages = {path.name for path in (ROOT / "docs" / "adr").glob("0*.md")}

    assert pages == set(re.findall(r"\((0[\w-]+\.md)\)", listed))


def test_every_rule_of_tidy_is_described_in_style() -> None:
    rows = table(ROOT / "docs" / "style.md", "rule", "what it says", "why")

    assert {rule.__name__ for rule in RULES} == {spans(name)[0] for name, *_ in rows}


# Names in the text


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page

        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_files_in_the_text_exist(page: Path) -> None:
    for span in code_of(page):
        for path in re.findall(rf"(?<![\w./-])(?:{ROOMS})/[\w./-]*", span):
            # A report is made by a run.
            assert (ROOT / path).exists() or path.startswith("bench/report"), path


@each_page
def test_functions_in_the_text_exist(page: Path) -> None:
    """A file followed by a name, both in backticks: the file defines the name."""
    text = page.read_text("utf-8")
    for path, dotted in re.findall(
        r"`((?:core|persistence|edge|bench)/[\w/]+\.py)`\s+`([\w.]+)`", text
    ):
        source = (ROOT / path).read_text("utf-8")
        for name in dotted.split("."):
            pattern = rf"^\s*(?:(?:async )?def|class) {name}\b|^{name}\b.*="
            assert re.search(pattern, source, re.MULTILINE), f"{path} {dotted}"


@each_page
def test_make_targets_exist(page: Path) -> None:
    for target in make_targets(page):
        assert target in targets(), f"make {target}"


def test_the_floor_of_coverage_is_documented() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    floor = settings["tool"]["coverage"]["report"]["fail_under"]

    assert f"It fails below {floor} %" in (ROOT / "tests" / "README.md").read_text("utf-8")


def test_hacking_tells_every_target() -> None:
    assert targets("## ") <= set(make_targets(ROOT / "docs" / "hacking.md"))


def make_targets(page: Path) -> Iterator[str]:
    for span in code_of(page):
        yield from re.findall(r"^make ([a-z][a-z0-9-]*)", span)


def targets(mark: str = "") -> set[str]:
    """The Makefile's targets; those that `make help` lists have the mark."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(rf"^([a-z0-9-]+):(?!=).*{mark}", makefile, re.MULTILINE))


@each_page
def test_commands_and_options_exist(page: Path) -> None:
    for words in commands_in(page):
        command, rest = follow(words)
        options = {option for param in command.params for option in param.opts}
        for word in rest:
            assert not word.startswith("--") or word in options | {"--help"}, words


def test_every_command_is_documented_for_operators() -> None:
    rows = [*table(OPERATORS, "command", "for"), *table(ADAPTERS, "command", "what it does")]
    listed = {word for row in rows for span in spans(row[0]) for word in span.split()}

    assert set(command_names(root())) <= listed


@cache
def root() -> Any:
    """The command `holdfast`; groups have `commands`, all have `params`."""
    return typer.main.get_command(app)


def command_names(group: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        yield name
        if hasattr(command, "commands"):
            yield from command_names(command)


def commands_in(page: Path) -> Iterator[list[str]]:
    for span in code_of(page):
        if match := re.match(r"(?:\.venv/bin/)?holdfast ((?:--)?[a-z].*)", span):
            yield match[1].partition(" #")[0].split()


def follow(words: list[str]) -> tuple[Any, list[str]]:
    """Find the command that the words call, and the words after it."""
    command = root()
    while words and hasattr(command, "commands") and not words[0].startswith("--"):
        assert words[0] in command.commands, f"holdfast has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_the_example_of_an_adapter_is_the_one_that_is_tested() -> None:
    """It runs beside a real node in tests/adapters/runtime, and stands the conformance kit."""
    [example] = re.findall(r"```python\n(.*?)\n```", ADAPTERS.read_text(), re.DOTALL)

    assert (ROOT / "tests/adapters/simple.py").read_text().rstrip() == example


def test_settings_of_adapters_are_those_of_the_code() -> None:
    listed = {spans(row[0])[0] for row in table(ADAPTERS, "setting", "default", "meaning")}
    of_each = {f"adapters.NAME.{name}" for name in AdapterSettings.model_fields}

    assert listed == of_each | set(AdaptersSettings.model_fields) - {"adapters"}


def test_every_kind_of_adapter_has_a_page() -> None:
    """And is named on that page."""
    listed = set()
    for _, cell, page in table(ADAPTERS, "to connect", "kinds", "page"):
        kinds = set(spans(cell)) & set(KINDS)
        listed |= kinds
        for linked in re.findall(r"\]\((\w+\.md)", page):
            text = (ROOT / "docs" / linked).read_text("utf-8")
            assert all(re.search(rf"[`\"]{kind}[`\"]", text) for kind in kinds), linked

    assert set(KINDS) == listed


def test_metrics_of_adapters_are_those_that_are_exported() -> None:
    """Counters and durations by name; the gauges of channels are made where they are read."""
    listed = {name for cell, _ in table(ADAPTERS, "name", "what") for name in spans(cell)}
    registry = Figures({}, {}, lambda: datetime(2026, 1, 1, tzinfo=UTC)).registry
    exported = {
        metric.name + "_total" * (metric.type == "counter") for metric in registry.collect()
    }

    assert exported
    assert exported <= listed


def test_every_kind_of_case_has_a_playbook() -> None:
    rows = table(ADAPTERS, "kind", "what happened", "what to do")
    listed = {kind for row in rows for kind in spans(row[0])}
    kinds = {
        keyword.value.value
        for path in (ROOT / "adapters").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Exceptional"
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }

    assert {"shortfall", "file_failed"} < kinds
    assert kinds | set(OF_REASON.values()) <= listed


@each_page
def test_variables_are_settings(page: Path) -> None:
    known = {name.upper() for name in Settings.model_fields} | {"CONFIG", "ACCEPT", ""}

    for span in code_of(page):
        for name in re.findall(r"HOLDFAST_([A-Z_]*)", span):
            assert name in known, name
