"""How tests are written: tests/README.md tells these habits, and each is a rule here."""

import ast
import tomllib
from collections.abc import Iterator

from tests.tidy.source import Rule, Sample, Source, Tree, of_each_file

#: Words of a test's name behind `test_`: fewer make no sentence.
NAME_WORDS_MIN = 3

#: The one file that waits for real time to pass. A node in a process of its own has its own clock.
REAL_TIME = "tests/real_time.py"
CLOCKS = {
    "asyncio.sleep",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.process_time",
    "time.sleep",
    "time.time",
    "time.time_ns",
}

#: Chance that no seed repeats.
UNSEEDED = {"random.SystemRandom", "os.urandom", "secrets"}
#: Chance that repeats from the seed it is given.
SEEDED = {"random.Random", "numpy.random.default_rng"}

MOCKS = ("unittest.mock", "mock", "pytest_mock")
#: Modules of which a test may replace a function: what the machine answers is set-up.
MACHINE = {"os", "pathlib.Path", "shutil", "socket", "subprocess", "sys"}


def _is_test_code(source: Source) -> bool:
    return source.room == "tests" and source.is_python


@of_each_file
def test_names_are_sentences(source: Source) -> Iterator[str]:
    """The report of a run says what holds and what does not."""
    if not _is_test_code(source) or not source.in_room.rpartition("/")[2].startswith("test_"):
        return
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kind, *words = node.name.split("_")
            if kind == "test" and len(words) < NAME_WORDS_MIN:
                yield f"{node.lineno}: {node.name} is no sentence of {NAME_WORDS_MIN} words"


@of_each_file
def time_is_handed_in(source: Source) -> Iterator[str]:
    """A test that sleeps or reads a clock is slow on one machine and fails on another."""
    if not _is_test_code(source) or source.path == REAL_TIME:
        return
    for node in source.nodes:
        match node:
            case ast.Call(func=function, args=args):
                name = _called(source, function)
                if name in CLOCKS and not (name == "asyncio.sleep" and _is_zero(args)):
                    yield f"{node.lineno}: {name}: time is handed in, or {REAL_TIME} waits for it"


def _is_zero(args: list[ast.expr]) -> bool:
    """`asyncio.sleep(0)` lets the other tasks run, and takes no time."""
    return len(args) == 1 and isinstance(args[0], ast.Constant) and args[0].value == 0


@of_each_file
def chance_has_a_seed(source: Source) -> Iterator[str]:
    """What failed once can be made to fail again."""
    if not _is_test_code(source):
        return
    for node in source.nodes:
        match node:
            case ast.Call(func=function, args=args, keywords=keywords):
                name = _called(source, function)
                is_seeded = name in SEEDED and bool(args or keywords)
                is_chance = name.startswith(("random.", "numpy.random.", "secrets."))
                if (is_chance or name in UNSEEDED) and not is_seeded:
                    yield f"{node.lineno}: {name} without a seed"


@of_each_file
def fakes_not_mocks(source: Source) -> Iterator[str]:
    """A fake is a small class that works; a mock agrees with whatever the test believes.

    A test may replace constants of ours, and functions of the machine, to make an edge or an error
    come sooner. It may not replace a function of ours.
    """
    if not _is_test_code(source):
        return
    for each in source.imports:
        if each.name.startswith(tuple(f"{name}." for name in MOCKS)) or each.name in MOCKS:
            yield f"{each.line}: imports {each.name}"
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr="setattr"), args=[target, *rest]):
                owner, name = _replaced(source, target, rest)
                if owner not in MACHINE and not name.lstrip("_").isupper():
                    yield f"{node.lineno}: replaces {owner}.{name}"


def _replaced(source: Source, target: ast.expr, rest: list[ast.expr]) -> tuple[str, str]:
    """Owner and name of what `setattr(owner, name, value)` or `setattr(path, value)` replaces."""
    match target, rest:
        case ast.Constant(value=str(path)), [_]:
            owner, _, name = path.rpartition(".")
            return owner, name
        case _, [ast.Constant(value=str(name)), _]:
            return _called(source, target), name
    return ast.unparse(target), "?"


def _called(source: Source, node: ast.expr) -> str:
    """The full name of what is called: `sleep` is `time.sleep` where it was imported from there."""
    match node:
        case ast.Attribute(value=value, attr=attr):
            return f"{_called(source, value)}.{attr}"
        case ast.Name(id=name):
            return next((each.name for each in source.imports if each.alias == name), name)
    return ""


@of_each_file
def expected_comes_first(source: Source) -> Iterator[str]:
    """`assert expected == actual` reads in the same order everywhere."""
    if not _is_test_code(source):
        return
    for node in source.nodes:
        match node:
            case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
                if _is_literal(right) and not _is_literal(left):
                    yield f"{node.lineno}: what is expected stands on the left"


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def pytest_is_strict(tree: Tree) -> Iterator[str]:
    """Warnings are errors, what is misspelt fails, and the order of tests is random."""
    if "pyproject.toml" not in tree.by_path:
        return
    settings = tomllib.loads(tree.by_path["pyproject.toml"].text)
    if "pytest" not in settings["tool"]:
        return
    options = settings["tool"]["pytest"]
    if options.get("filterwarnings") != ["error"]:
        yield 'pyproject.toml: filterwarnings is not ["error"]'
    if options.get("strict") is not True:
        yield "pyproject.toml: strict is not true"
    if "randomly" in str(options.get("addopts")):
        yield "pyproject.toml: addopts touches the random order"


TEST = "tests/core/test_a.py"
PYPROJECT = "[tool.setuptools]\npackages = []\npackage-dir = {}\n[tool.pytest]\n"

#: Every rule, with trees that break it and no other.
BAD: dict[Rule, list[Sample]] = {
    test_names_are_sentences: [
        {TEST: "def test_reserve(): ..."},
        {TEST: "async def test_it_works(): ..."},
    ],
    time_is_handed_in: [
        {TEST: "import time\ntime.sleep(0.1)"},
        {TEST: "from asyncio import sleep\nasync def f():\n    await sleep(1)"},
        {TEST: "from time import monotonic as now\nassert now() < 3"},
        {TEST: "from datetime import datetime\nx = datetime.now(tz)"},
    ],
    chance_has_a_seed: [
        {TEST: "import random\nx = random.Random()"},
        {TEST: "from random import choice\nx = choice('abc')"},
        {TEST: "import numpy as np\nx = np.random.default_rng()"},
        {TEST: "from random import SystemRandom\nx = SystemRandom()"},
        {TEST: "import os\nx = os.urandom(8)"},
    ],
    fakes_not_mocks: [
        {TEST: "from unittest.mock import Mock"},
        {TEST: "from unittest import mock"},
        {TEST: "def f(mp):\n    mp.setattr('holdfast.core.node.Node.turn', g)"},
        {TEST: "from bench import plots\nmp.setattr(plots, 'draw', g)"},
        {TEST: "mp.setattr(thing, name, g)"},
    ],
    expected_comes_first: [
        {TEST: "assert f(x) == 3"},
        {TEST: "assert f(x) == [(1, 'a'), -2]"},
    ],
    pytest_is_strict: [
        {"pyproject.toml": PYPROJECT + "strict = true"},
        {"pyproject.toml": PYPROJECT + 'filterwarnings = ["error"]'},
        {
            "pyproject.toml": PYPROJECT
            + 'strict = true\nfilterwarnings = ["error"]\naddopts = "-p no:randomly"'
        },
    ],
}

#: Trees that stand next to a rule and keep it.
GOOD: list[Sample] = [
    {TEST: "def test_a_hold_ends_at_its_time(): ..."},
    {"tests/core/engine.py": "def test(): ..."},
    {TEST: "import asyncio\nasync def f():\n    await asyncio.sleep(0)"},
    {REAL_TIME: "import time\ntime.sleep(0.1)"},
    {TEST: "from random import Random\nx = Random(7).choice('abc')"},
    {TEST: "import numpy as np\nx = np.random.default_rng(1).integers(3)"},
    {TEST: "mp.setattr('holdfast.core.tables.a._HALF', 4)\nmp.setenv('A', 'b')"},
    {TEST: "import os\nmp.setattr(os, 'statvfs', f)\nmp.setattr('shutil.which', f)"},
    {TEST: "assert 3 == f(x)\nassert f(x) == g(x)\nassert f(x) > 3"},
    {"pyproject.toml": PYPROJECT + 'strict = true\nfilterwarnings = ["error"]'},
]
