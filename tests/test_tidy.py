"""Style as a test: what the rooms may import, where kernels live, and how long things may get.

Each rule is a function from one source file to its problems, and each has bad samples below: a rule
that cannot fail is a defect. The reasons for the rules are in docs/style.md.
"""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

LINE_COLUMNS_MAX = 100
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# Folders whose code goes into the wheel.
SHIPPED = ("core", "persistence", "edge", "adapters", "protos")

# Folder -> the name under which its modules are imported.
PACKAGE_OF_ROOM = {
    "core": "holdfast.core",
    "persistence": "holdfast.persistence",
    "edge": "holdfast.edge",
    "adapters": "holdfast.adapters",
    "protos/holdfast/v1": "holdfast.v1",
    "bench": "bench",
    "tests": "tests",
}

# Room -> what it may import of this project, besides itself. Tests may import everything.
OURS = {
    "core": (),
    "persistence": ("holdfast.core",),
    "edge": ("holdfast.core", "holdfast.persistence", "holdfast.v1"),
    "adapters": ("holdfast.v1", "holdfast.edge.client"),
    "protos/holdfast/v1": (),
    "bench": ("holdfast.v1", "holdfast.edge.client", "holdfast.core"),
}

# Room -> the only outside libraries it may import. Rooms that are not named here are free.
LIBRARIES = {
    "core": {"numpy", "numba"},
    "persistence": {"numpy", "lmdb"},
    "protos/holdfast/v1": {"google", "grpc"},
}

# Through these a clock, chance, another thread or the outside world would get into the core. mmap
# is not one of them: a file has to be opened before it is mapped, and address_space.py maps memory.
BANNED_IN_CORE = set(
    "asyncio calendar concurrent contextvars datetime fcntl getpass glob http io locale logging "
    "multiprocessing os pathlib platform queue random sched secrets select selectors shelve "
    "shutil signal socket socketserver sqlite3 ssl subprocess tempfile threading time urllib uuid "
    "warnings zoneinfo".split()
)
# The same, as built-in functions. hash() of a text differs from process to process.
BANNED_CALLS_IN_CORE = {"open", "print", "input", "hash"}

COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "jitclass"}

# What runs, builds and checks leave in the tree; .gitignore names the same.
NOT_OURS = {"build", "dist", "data", "bench/report"}


@dataclass(frozen=True)
class Source:
    """One file of the tree, named by its path from the root."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_kernel(self) -> bool:
        return re.fullmatch(r"core/kernels/\w+\.py", self.path) is not None

    @property
    def room(self) -> str | None:
        return next((room for room in PACKAGE_OF_ROOM if self.path.startswith(room + "/")), None)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text))) if self.is_python else []

    @property
    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and full name of everything imported; ``from a import b`` imports ``a.b``."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


Rule = Callable[[Source], Iterator[str]]


# Imports


def rooms_keep_apart(source: Source) -> Iterator[str]:
    """A room imports only the rooms that DESIGN gives it; nobody imports the tests."""
    if source.room in (None, "tests"):
        return
    own = PACKAGE_OF_ROOM[source.room]
    for line, name in source.imports:
        is_ours = name.split(".")[0] in ("holdfast", "bench", "tests")
        if is_ours and not _within(name, (own, *OURS[source.room])):
            yield f"{line}: {source.room} imports {name}"


def relative_inside_absolute_across(source: Source) -> Iterator[str]:
    """Crossings are seen at a glance, and checkers never meet a module under two names."""
    if source.room in (None, "tests", "bench"):
        return
    own = PACKAGE_OF_ROOM[source.room]
    depth = source.path.removeprefix(source.room + "/").count("/") + 1
    for line, name in source.imports:
        if _within(name, (own,)):
            yield f"{line}: {name} is in the same room: import it relatively"
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.level > depth:
            yield f"{node.lineno}: a relative import leaves the room: name holdfast.<room>"


def no_bare_rooms(source: Source) -> Iterator[str]:
    """``import core`` works from the root by accident, and loads every class a second time."""
    for line, name in source.imports:
        if name.split(".")[0] in SHIPPED:
            yield f"{line}: {name}: say holdfast.<room>"


def libraries_stay_in_their_rooms(source: Source) -> Iterator[str]:
    """Journal and wire stay replaceable because only one room knows each."""
    allowed = LIBRARIES.get(source.room or "")
    if allowed is None:
        return
    for line, name in source.imports:
        top = name.split(".")[0]
        if top not in allowed | sys.stdlib_module_names | {"holdfast", "bench", "tests"}:
            yield f"{line}: {source.room} imports {name}"


def core_is_pure(source: Source) -> Iterator[str]:
    """Same state and same input give the same bytes: no clock, no chance, no outside world."""
    if source.room != "core":
        return
    for line, name in source.imports:
        if name.split(".")[0] in BANNED_IN_CORE or name.startswith("numpy.random"):
            yield f"{line}: core imports {name}"
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in BANNED_CALLS_IN_CORE:
                yield f"{node.lineno}: core calls {name}()"
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="random"):
                yield f"{node.lineno}: core uses numpy.random"
            case ast.AsyncFunctionDef(name=name):
                yield f"{node.lineno}: {name} is async: a turn never waits"


def kernels_live_together(source: Source) -> Iterator[str]:
    """numba does not see a change in a helper of another file and would run the old code."""
    if source.is_kernel:
        return
    for line, name in source.imports:
        if name.split(".")[0] == "numba" and name.split(".")[-1] in COMPILERS:
            yield f"{line}: {name} outside core/kernels/"
    for node in source.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="numba" | "nb"), attr=name) if name in COMPILERS:
                yield f"{node.lineno}: numba.{name} outside core/kernels/"


# Size


def lines_are_short(source: Source) -> Iterator[str]:
    """Two files side by side fit on a screen."""
    if not source.path.endswith((".py", ".proto", ".toml", "Makefile", ".ci/run")):
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield f"{number}: {len(line)} columns, {LINE_COLUMNS_MAX} at most"


def modules_are_short(source: Source) -> Iterator[str]:
    """A longer module is two rooms of thought in one file.

    But kernels stay together: numba keeps compiled code by the file of the caller, and would not
    notice a change in a helper that another file holds.
    """
    lines = source.text.count("\n")
    if source.is_python and not source.is_kernel and lines > MODULE_LINES_MAX:
        yield f"{lines} lines, {MODULE_LINES_MAX} at most"


def functions_are_short(source: Source) -> Iterator[str]:
    """A function fits on one screen; a kernel may be long if it is straight."""
    if source.is_kernel:
        return
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most"


# Text


def nothing_left_over(source: Source) -> Iterator[str]:
    """What has to be mended is mended or written down where others look, not left in a comment."""
    yield from _matches(source, r"\b(?:FIX[M]E|X{3})\b")


def no_path_of_one_machine(source: Source) -> Iterator[str]:
    """The tree works wherever it is cloned."""
    yield from _matches(source, r"(?<![\w.$}*-])/(?:home|root|Users|work)/")


def no_index_address(source: Source) -> Iterator[str]:
    """Everyone installs from the index that is set up on the machine; hashes keep it honest."""
    yield from _matches(source, r"--(?:extra-)?index-url\b|--find-[l]inks\b|://\S+/[s]imple\b")


def assertions_stay_on(source: Source) -> Iterator[str]:
    """Core and journal state programmer errors with assert; -O would let a wrong state run on."""
    if source.path == "Makefile" or source.path.startswith(("deploy/", ".ci/")):
        yield from _matches(source, r"\bPYTHONOPTIMIZE\b|\bpython[\d.]*\s+(?:-\w+\s+)*-OO?\b")


# The list of packages


def packages_match_tree(pyproject: dict[str, Any], paths: set[str]) -> Iterator[str]:
    """A folder that is not listed works in the editable install and is missing from the wheel."""
    packages = pyproject["tool"]["setuptools"]["packages"]
    rooms = pyproject["tool"]["setuptools"]["package-dir"]
    for package in sorted(set(rooms) - set(packages)):
        yield f"{package} is in package-dir and not in packages"
    listed = {folder for package in {*packages, *rooms} for folder in _folders(package, rooms)}
    code = {os.path.dirname(path) for path in paths if path.endswith(".py")}
    shipped = {folder for folder in code if folder.split("/")[0] in SHIPPED}
    for folder in sorted(shipped ^ listed):
        yield f"{folder} is in the tree or in packages, not in both"
    for folder in sorted(listed):
        if f"{folder}/__init__.py" not in paths:
            yield f"{folder} has no __init__.py"
    for folder in sorted(set(rooms.values())):  # the marker counts for all below it (PEP 561)
        if f"{folder}/py.typed" not in paths:
            yield f"{folder} has no py.typed"


def _folders(package: str, rooms: dict[str, str]) -> Iterator[str]:
    """Yield the folder of a package of a room."""
    for room, folder in rooms.items():
        if _within(package, (room,)):
            yield folder + package.removeprefix(room).replace(".", "/")


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def _matches(source: Source, pattern: str) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        for match in re.finditer(pattern, line):
            yield f"{number}: {match[0]}"


@cache
def tree() -> tuple[Source, ...]:
    """Every text file that we wrote."""
    sources = []
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [
            name
            for name in folders
            if (name == ".ci" or name[0] != ".")
            and name != "__pycache__"
            and not name.endswith(".egg-info")
            and (here / name).as_posix() not in NOT_OURS
        ]
        for name in files:
            if "_pb2" in name:
                continue  # generated
            try:
                text = (ROOT / here / name).read_text("utf-8")
            except UnicodeDecodeError:
                continue  # not text
            sources.append(Source((here / name).as_posix(), text))
    return tuple(sources)


RULES: tuple[Rule, ...] = (
    rooms_keep_apart,
    relative_inside_absolute_across,
    no_bare_rooms,
    libraries_stay_in_their_rooms,
    core_is_pure,
    kernels_live_together,
    lines_are_short,
    modules_are_short,
    functions_are_short,
    nothing_left_over,
    no_path_of_one_machine,
    no_index_address,
    assertions_stay_on,
)

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX
LONG_MODULE = "x = 1\n" * (MODULE_LINES_MAX + 1)

# Each breaks one rule. The pieces of text rules are joined here so that this file keeps them.
BAD = [
    (rooms_keep_apart, "core/a.py", "from holdfast.persistence.journal import Journal"),
    (rooms_keep_apart, "core/a.py", "from holdfast import v1"),
    (rooms_keep_apart, "persistence/a.py", "import holdfast.edge.server.pump"),
    (rooms_keep_apart, "edge/a.py", "def f():\n    from holdfast.adapters import runner"),
    (rooms_keep_apart, "edge/a.py", "import bench.workload"),
    (rooms_keep_apart, "adapters/a.py", "from holdfast.core.model import Refusal"),
    (rooms_keep_apart, "adapters/a.py", "from holdfast.edge import client, config"),
    (rooms_keep_apart, "bench/a.py", "from holdfast.persistence import codec"),
    (rooms_keep_apart, "bench/a.py", "from tests.model import Model"),
    (relative_inside_absolute_across, "core/a.py", "from holdfast.core.model import Refusal"),
    (relative_inside_absolute_across, "edge/a.py", "import holdfast.edge.server.pump"),
    (relative_inside_absolute_across, "edge/a.py", "from ..core.model import Refusal"),
    (no_bare_rooms, "tests/a.py", "import core"),
    (no_bare_rooms, "bench/a.py", "from edge.client import Client"),
    (libraries_stay_in_their_rooms, "core/a.py", "import lmdb"),
    (libraries_stay_in_their_rooms, "persistence/a.py", "import grpc.aio"),
    (libraries_stay_in_their_rooms, "protos/holdfast/v1/__init__.py", "import numpy"),
    (core_is_pure, "core/a.py", "import time"),
    (core_is_pure, "core/a.py", "from uuid import uuid4"),
    (core_is_pure, "core/a.py", "import os.path"),
    (core_is_pure, "core/a.py", "from numpy.random import default_rng"),
    (core_is_pure, "core/a.py", "x = np.random.default_rng(1)"),
    (core_is_pure, "core/a.py", "shard = hash(sku) % 4"),
    (core_is_pure, "core/a.py", "async def turn(): ..."),
    (kernels_live_together, "core/rules/reservations.py", "from numba import njit"),
    (kernels_live_together, "edge/a.py", "import numba\n@numba.njit\ndef f(): ..."),
    (lines_are_short, "edge/a.py", "#" * (LINE_COLUMNS_MAX + 1)),
    (modules_are_short, "edge/a.py", LONG_MODULE),
    (functions_are_short, "edge/a.py", LONG_FUNCTION),
    (functions_are_short, "edge/a.py", "async " + LONG_FUNCTION),
    (nothing_left_over, "docs/a.md", "FIX" + "ME: later"),
    (nothing_left_over, "core/a.py", "# X" + "XX"),
    (no_path_of_one_machine, "docs/a.md", "see /ho" + "me/anna/holdfast"),
    (no_path_of_one_machine, "Makefile", "cp x /wo" + "rk/main"),
    (no_index_address, "requirements/run.txt", "--index" + "-url https://example.org"),
    (no_index_address, "docs/a.md", "https://example.org/sim" + "ple/"),
    (assertions_stay_on, "deploy/Dockerfile", "ENV PYTHONOPTIMIZE=1"),
    (assertions_stay_on, "deploy/a.service", "ExecStart=python3 -u -O -m holdfast.edge"),
]

# Each stands next to a rule and keeps it.
GOOD = [
    ("core/a.py", "import math\nimport numpy as np\nfrom .model import Refusal"),
    ("core/kernels/__init__.py", "from numba import njit"),
    ("core/kernels/batch.py", LONG_FUNCTION),
    ("persistence/a.py", "import os\nimport lmdb\nfrom holdfast.core.actor import Turn"),
    ("edge/a.py", "import asyncio\nfrom holdfast.v1 import common_pb2\nfrom . import pump"),
    ("adapters/a.py", "import httpx\nfrom holdfast.edge.client import Client"),
    ("bench/a.py", "from bench.workload import orders\nfrom holdfast.core import kernels"),
    ("tests/a.py", "import random\nfrom holdfast.core import ledger\nfrom bench import workload"),
    ("docs/a.md", "a table | " * 20 + "https://example.org/home/work/"),
    ("deploy/a.service", "ExecStart=python3 -u -m holdfast.edge"),
]

PYPROJECT = {"tool": {"setuptools": {"packages": ["h.core"], "package-dir": {"h.core": "core"}}}}
FILES = {"core/__init__.py", "core/py.typed", "core/ledger.py", "bench/workload.py"}


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    problems = [f"{source.path}:{problem}" for source in tree() for problem in rule(source)]
    assert not problems, "\n".join([rule.__doc__ or "", *problems])


def test_the_tree_has_every_room() -> None:
    """Guards the tests above against looking at nothing."""
    assert set(OURS) <= {source.room for source in tree()}


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    BAD,
    ids=[f"{rule.__name__}-{n}" for n, (rule, _, _) in enumerate(BAD)],
)
def test_a_bad_sample_breaks_its_rule_and_no_other(rule: Rule, path: str, text: str) -> None:
    assert [rule] == [each for each in RULES if list(each(Source(path, text)))]


@pytest.mark.parametrize(("path", "text"), GOOD, ids=[path for path, _ in GOOD])
def test_a_good_sample_keeps_every_rule(path: str, text: str) -> None:
    assert [] == [problem for rule in RULES for problem in rule(Source(path, text))]


def test_every_rule_can_fail() -> None:
    assert set(RULES) == {rule for rule, _, _ in BAD}


def test_the_package_list_is_the_tree() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert [] == list(packages_match_tree(pyproject, {source.path for source in tree()}))


@pytest.mark.parametrize(
    ("pyproject", "paths", "problem"),
    [
        (PYPROJECT, FILES | {"edge/server/pump.py"}, "edge/server is in the tree or in packages"),
        (PYPROJECT, FILES | {"core/deep/x.py"}, "core/deep is in the tree or in packages"),
        (PYPROJECT, FILES - {"core/py.typed"}, "core has no py.typed"),
        (PYPROJECT, FILES - {"core/__init__.py"}, "core has no __init__.py"),
        (
            {"tool": {"setuptools": PYPROJECT["tool"]["setuptools"] | {"packages": []}}},
            FILES,
            "h.core is in package-dir and not in packages",
        ),
    ],
    ids=["unlisted room", "unlisted sub-package", "no marker", "no init", "unlisted package"],
)
def test_a_wrong_package_list_is_told(
    pyproject: dict[str, Any], paths: set[str], problem: str
) -> None:
    assert [] == list(packages_match_tree(PYPROJECT, FILES))
    assert [problem] == [told[: len(problem)] for told in packages_match_tree(pyproject, paths)]
