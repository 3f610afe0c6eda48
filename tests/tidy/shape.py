"""How long things may get, what a package may hold, what may inherit, and names that repeat."""

import ast
import builtins
import os
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from tests.tidy.source import SHIPPED, Rule, Sample, Source, Tree, of_each_file, within

LINE_COLUMNS_MAX = 100
MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

#: Bases that give a class a form and no behaviour of another class of ours.
FORMS = {
    "enum.Enum",
    "enum.IntEnum",
    "enum.IntFlag",
    "enum.StrEnum",
    "typing.Generic",
    "typing.NamedTuple",
    "typing.Protocol",
    "typing.TypedDict",
}

#: Classes that a library asks to be inherited from, and what for.
LIBRARY_BASES = {
    "asyncio.Protocol": "an end of a connection",
    "grpc.GenericRpcHandler": "a handler without generated code",
    "grpc.UnaryUnaryClientInterceptor": "an interceptor",
    "io.FileIO": "a file that NumPy writes to",
    "hypothesis.stateful.RuleBasedStateMachine": "stories of which hypothesis makes many",
    "locust.LoadTestShape": "the course of a load",
    "locust.User": "a user",
    "prometheus_client.registry.Collector": "figures that are read when they are asked for",
    "pydantic.BaseModel": "a checked document",
    "pydantic_settings.BaseSettings": "checked settings",
    "rich.progress.ProgressColumn": "a column of a progress bar",
    "typer.core.TyperCommand": "a command that reads its words in a way of its own",
    "typer.core.TyperGroup": "a group of commands that looks at all words first",
    "uvicorn.Server": "a server that leaves signals alone",
    "uvicorn.protocols.http.h11_impl.H11Protocol": "a connection that ends when nobody asks",
    "uvloop.Loop": "a loop that takes wake-ups together",
}
#: Exceptions by base, because that is how they are caught; users, because locust finds them so.
INHERITED_AGAIN = {"grpc.RpcError", "locust.User"}

#: A module's name that stands in the tree several times -> the one thing that it means.
ONE_MEANING = {
    "availability": "what may still be promised, as it is read",
    "auditing": "tables against each other while a node runs",
    "batches": "packed batches of reservations",
    "books": "what really happened, counted beside what is looked at",
    "catalogue": "locations, and which SKUs exist",
    "channels": "channels that are told what to show",
    "data_directory": "the folder in which a node keeps its state",
    "hash_slots": "keys by their hash",
    "backorders": "units that are promised from supply and not on hand yet",
    "export": "movements and stock levels as files for other programs",
    "faults": "what goes wrong, and what each kind of it is called",
    "expiry_heap": "holds by the time of their end",
    "handles": "numbers by which batches name stock levels",
    "ledger": "what moved units of stock, and why a level has what it has",
    "levels": "stock levels",
    "line_sums": "what lines hold and have committed, by stock level",
    "methods": "the methods of the services, as the wire declares them",
    "model": "the rules of the business: their words in core, all of them told plainly in tests",
    "names": "names of SKUs and locations, and their numbers",
    "node": "one node: the engine, and the commands that run one",
    "read_back": "what a channel shows, asked of it",
    "recent": "what recently happened at stock levels",
    "remembered": "ids by which a repeat is known",
    "reservation_index": "where the parts of a reservation are",
    "reservations": "reservations and their lines, one at a time",
    "orders": "orders of other systems, and what becomes of them",
    "retention": "how long what has ended is kept",
    "shortfalls": "stock levels where promises exceed supply, and whom that endangers",
    "sku_quarantine": "SKUs of which nothing is promised until an operator admits them",
    "sources": "sources of stock facts, and how they number them",
    "shared": "what the files beside it share",
    "sold_orders": "orders that a marketplace has sold already",
    "statistics": "figures about what runs",
    "stock": "stock facts and stock levels, one at a time",
    "stock_batches": "packed batches of stock facts",
    "stock_facts": "stock facts, one at a time",
    "serving": "an HTTP server on the caller's event loop",
    "settings": "what a person may set, with its limits",
    "store": "values in an LMDB file, and how they become durable",
    "supply": "inbound supply of stock levels",
    "transfers": "units that go from one location to another",
    "webhooks": "what a channel sends to us over HTTP, and what that says",
    "watching": "following changes of stock",
}
#: Names that a tool gives: they say what the tool does with the file.
GIVEN = ("__", "test_", "conftest")


# Size


@of_each_file
def lines_are_short(source: Source) -> Iterator[str]:
    """Two files side by side fit on a screen."""
    if not source.path.endswith((".py", ".proto", ".toml", "Makefile", ".ci/run")):
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield f"{number}: {len(line)} columns, {LINE_COLUMNS_MAX} at most"


@of_each_file
def modules_are_short(source: Source) -> Iterator[str]:
    """A longer module is two rooms of thought in one file."""
    lines = source.text.count("\n")
    if source.is_python and lines > MODULE_LINES_MAX:
        yield f"1: {lines} lines, {MODULE_LINES_MAX} at most"


@of_each_file
def functions_are_short(source: Source) -> Iterator[str]:
    """A function fits on one screen; a kernel may be long if it is straight."""
    if source.is_kernel:
        return
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most"


# Packages


@of_each_file
def packages_hand_names_on(source: Source) -> Iterator[str]:
    """Whoever imports one module of a package runs its `__init__`: the client loads no core."""
    if not source.is_init or source.room is None:
        return
    for node in ast.parse(source.text).body:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.ImportFrom(level=1):
                pass
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                pass
            case _:
                yield f"{node.lineno}: neither a docstring nor a name of this package handed on"
                return


def packages_match_tree(tree: Tree) -> Iterator[str]:
    """A folder that is not listed works in the editable install and is missing from the wheel."""
    if "pyproject.toml" not in tree.by_path:
        return
    settings: dict[str, Any] = tomllib.loads(tree.by_path["pyproject.toml"].text)
    packages = settings["tool"]["setuptools"]["packages"]
    rooms = settings["tool"]["setuptools"]["package-dir"]
    for package in sorted(set(rooms) - set(packages)):
        yield f"{package} is in package-dir and not in packages"
    listed = {folder for package in {*packages, *rooms} for folder in _folders(package, rooms)}
    code = {os.path.dirname(source.path) for source in tree.sources if source.is_python}
    shipped = {folder for folder in code if folder.split("/")[0] in SHIPPED}
    for folder in sorted(shipped ^ listed):
        yield f"{folder} is in the tree or in packages, not in both"
    for folder in sorted(listed):
        if f"{folder}/__init__.py" not in tree.by_path:
            yield f"{folder} has no __init__.py"
    for folder in sorted(set(rooms.values())):  # the marker counts for all below it (PEP 561)
        if f"{folder}/py.typed" not in tree.by_path:
            yield f"{folder} has no py.typed"


def _folders(package: str, rooms: dict[str, str]) -> Iterator[str]:
    """Folder of a package of a room."""
    for room, folder in rooms.items():
        if within(package, (room,)):
            yield folder + package.removeprefix(room).replace(".", "/")


# Classes


def nothing_inherits(tree: Tree) -> Iterator[str]:
    """What a class does stands in it: it takes parts, it does not become one of a family."""
    for source in tree.sources:
        for node in source.nodes:
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                name = _full_name(source, base)
                if not _may_be_inherited(tree, name):
                    yield f"{source.path}:{base.lineno}: inherits from {name}"


def _may_be_inherited(tree: Tree, name: str) -> bool:
    return name in FORMS or name in LIBRARY_BASES or _is_family(tree, name)


def _is_family(tree: Tree, name: str) -> bool:
    """Whether a class is an exception or one of INHERITED_AGAIN, at any distance."""
    known = getattr(builtins, name, None)
    if isinstance(known, type):
        return issubclass(known, BaseException)
    if name in INHERITED_AGAIN:
        return True
    module, _, class_name = name.rpartition(".")
    source = tree.modules.get(module)
    return source is not None and any(
        _is_family(tree, _full_name(source, base))
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and node.name == class_name
        for base in node.bases
    )


def _full_name(source: Source, node: ast.expr) -> str:
    """The name of a class with its module: `Protocol` is `typing.Protocol`."""
    match node:
        case ast.Subscript(value=value):
            return _full_name(source, value)
        case ast.Attribute(value=value, attr=attr):
            return f"{_full_name(source, value)}.{attr}"
        case ast.Name(id=name):
            if imported := [each.name for each in source.imports if each.alias == name]:
                return imported[0]
            is_ours = any(isinstance(n, ast.ClassDef) and n.name == name for n in source.nodes)
            return f"{source.module}.{name}" if is_ours else name
    return ast.unparse(node)


# Names


def a_name_has_one_meaning(tree: Tree) -> Iterator[str]:
    """Whoever opens a file by its name opens the right one; tests mirror what they test."""
    named = defaultdict(list)
    for source in tree.sources:
        name = PurePath(source.path).stem
        if source.is_python and not name.startswith(GIVEN):
            named[name].append(source.path)
    for name, paths in sorted(named.items()):
        if len(paths) > 1 and name not in ONE_MEANING:
            yield f"{' and '.join(paths)}: one name; ONE_MEANING does not say what {name} means"


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * FUNCTION_LINES_MAX

PYPROJECT = '[tool.setuptools]\npackages = ["h.core"]\npackage-dir = {"h.core" = "core"}'
PACKAGE: Sample = {"pyproject.toml": PYPROJECT, "core/__init__.py": "", "core/py.typed": ""}


def _without(sample: Sample, path: str) -> Sample:
    return {name: text for name, text in sample.items() if name != path}


#: Every rule, with trees that break it and no other.
BAD: dict[Rule, list[Sample]] = {
    lines_are_short: [
        {"edge/cli/a.py": "#" * (LINE_COLUMNS_MAX + 1)},
    ],
    modules_are_short: [
        {"edge/cli/a.py": "x = 1\n" * (MODULE_LINES_MAX + 1)},
    ],
    functions_are_short: [
        {"edge/cli/a.py": LONG_FUNCTION},
        {"edge/cli/a.py": "async " + LONG_FUNCTION},
    ],
    packages_hand_names_on: [
        {"core/rules/__init__.py": '"""Rules."""\nSTEPS = 3'},
        {"edge/wire/__init__.py": "def f(): ..."},
        {"edge/__init__.py": "import holdfast.core.limits"},
        {"core/tables/__init__.py": "from ..kernels import levels"},
    ],
    packages_match_tree: [
        PACKAGE | {"edge/server/pump.py": ""},
        PACKAGE | {"core/rules/a.py": ""},
        _without(PACKAGE, "core/py.typed"),
        _without(PACKAGE, "core/__init__.py") | {"core/node.py": ""},
        PACKAGE | {"pyproject.toml": PYPROJECT.replace('["h.core"]', "[]")},
    ],
    nothing_inherits: [
        {"edge/cli/a.py": "class A: ...\nclass B(A): ..."},
        {"core/rules/a.py": "class A(dict[str, int]): ..."},
        {"tests/a.py": "import io\nclass A(io.StringIO): ..."},
        {"tests/a.py": "from unittest import TestCase\nclass A(TestCase): ..."},
        {
            "persistence/lmdb/store.py": "class Store: ...",
            "persistence/lmdb/a.py": "from .store import Store\nclass A(Store): ...",
        },
        {"edge/server/a.py": "import grpc\nclass A(grpc.GenericRpcHandler): ...\nclass B(A): ..."},
    ],
    a_name_has_one_meaning: [
        {"core/tables/figures.py": "", "edge/cli/figures.py": ""},
        {"edge/wire/figures.py": "", "tests/figures.py": ""},
    ],
}

#: Trees that stand next to a rule and keep it.
GOOD: list[Sample] = [
    {"core/kernels/batch.py": LONG_FUNCTION},
    {"edge/client/__init__.py": '"""The client."""\nfrom .calls import A\n__all__ = ["A"]'},
    PACKAGE,
    {"edge/wire/a.py": "from typing import Protocol\nclass A(Protocol): ..."},
    {"edge/wire/a.py": "import enum\nclass A(enum.IntEnum): ...\nclass B(ValueError): ..."},
    {"edge/wire/a.py": "from typing import Generic\nclass A(Generic[T]): ..."},
    {
        "edge/client/errors.py": "class HoldfastError(Exception): ...",
        "edge/client/a.py": "from .errors import HoldfastError\nclass B(HoldfastError): ...",
    },
    {"bench/cases/a.py": "from locust import User\nclass A(User): ...\nclass B(A): ..."},
    {"core/tables/a.py": "", "core/tables/b.py": "", "tests/core/test_a.py": ""},
]
