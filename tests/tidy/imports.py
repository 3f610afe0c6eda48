"""Who may import whom: rooms, the floors inside them, libraries, and what would make circles."""

import ast
import sys
from collections.abc import Iterator, Mapping

from tests.tidy.source import (
    PACKAGE_OF_ROOM,
    SHIPPED,
    Rule,
    Sample,
    Source,
    Tree,
    of_each_file,
    within,
)

#: Room -> what it may import of this project, besides itself. Tests may import everything.
OURS = {
    "core": (),
    "persistence": ("holdfast.core",),
    "edge": ("holdfast.core", "holdfast.persistence", "holdfast.v1", "holdfast.admin.v1"),
    "adapters": (
        *("holdfast.v1", "holdfast.edge.client"),
        *("holdfast.edge.addresses", "holdfast.edge.serving", "holdfast.edge.exposition"),
        "holdfast.edge.cli.console",
    ),
    "protos/holdfast/v1": (),
    "protos/holdfast/admin/v1": (),
    "bench": (
        *("holdfast.v1", "holdfast.admin.v1", "holdfast.edge.client", "holdfast.core"),
        "holdfast.adapters.twins",
    ),
}

#: Room -> its floors from the top down. A file imports from its own floor and those below; the
#: longest name that fits says where it lives.
FLOORS = {
    "core": (
        ("node", "execution", "actor", "audit", "capacity", "statistics", "warm"),
        ("rules",),
        ("tables", "handles"),
        ("kernels",),
        ("commands", "ids", "limits", "model", "work"),
    ),
    "persistence": (
        ("backup", "past", "rebuild", "restore", "verify", "snapshots/process", "ledger"),
        ("kept_history", "recovery"),
        (
            *("effect_notes", "history", "history_text", "shard_history"),
            *("archive", "journal_process", "snapshots"),
        ),
        ("codec", "lmdb"),
        (
            *("backup_json", "checked_json", "data_directory"),
            *("directory_lock", "durable_files", "hash_chain", "journal", "time_texts"),
            "trailing_digest",
        ),
    ),
    "edge": (
        ("__main__", "cli"),
        ("client",),
        ("server",),
        ("wire", "serving", "exposition", "addresses"),
    ),
    "adapters": (
        ("cli",),
        ("runtime",),
        ("conformance", "damage"),
        ("agents", "systems", "twins"),
        ("intake", "publishing"),
        ("contract", "mapping_files", "mapping_report"),
        ("mapping",),
        ("events",),
    ),
    "bench": (
        ("__main__",),
        ("cases", "rehearsal"),
        ("demo",),
        ("replay",),
        ("peers",),
        ("harness",),
    ),
}

#: What the client may import of this project: with grpcio and protobuf that is all it needs.
CLIENT = (
    *("holdfast.edge.client", "holdfast.edge.wire.packed"),
    *("holdfast.v1", "holdfast.admin.v1"),
)
#: The one file it shares with the server, which therefore rests on the wire alone.
SHARED_WITH_CLIENT = "edge/wire/packed.py"

#: Room -> the only outside libraries it may import. Rooms that are not named here are free.
LIBRARIES = {
    "core": {"numpy", "numba"},
    "persistence": {"numpy", "lmdb", "zstandard"},
    "protos/holdfast/v1": {"google", "grpc"},
    "protos/holdfast/admin/v1": {"google", "grpc"},
}

#: Through these a clock, chance, another thread or the outside world would get into the core. mmap
#: is not one of them: a file has to be opened before it is mapped, and address_space.py maps
#: memory.
BANNED_IN_CORE = set(
    "asyncio calendar concurrent contextvars datetime fcntl getpass glob http io locale logging "
    "multiprocessing os pathlib platform queue random sched secrets select selectors shelve "
    "shutil signal socket socketserver sqlite3 ssl subprocess tempfile threading time urllib uuid "
    "warnings zoneinfo".split()
)
#: The same, as built-in functions. hash() of a text differs from process to process.
BANNED_CALLS_IN_CORE = {"open", "print", "input", "hash"}

COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "jitclass"}


@of_each_file
def rooms_keep_apart(source: Source) -> Iterator[str]:
    """A room imports what OURS gives it; nobody imports the tests."""
    if source.room in (None, "tests"):
        return
    own = PACKAGE_OF_ROOM[source.room]
    for line, name in source.absolute_imports:
        is_ours = name.split(".")[0] in ("holdfast", "bench", "tests")
        if is_ours and not within(name, (own, *OURS[source.room])):
            yield f"{line}: {source.room} imports {name}"


@of_each_file
def floors_import_downwards(source: Source) -> Iterator[str]:
    """What decides stands above what it decides on; a file whose floor nobody named has none."""
    if source.room not in FLOORS or source.in_room == "__init__" or not source.is_python:
        return
    own = PACKAGE_OF_ROOM[source.room]
    floor = _floor(source.room, source.in_room)
    if floor is None:
        yield f"1: FLOORS does not say where {source.in_room} lives"
        return
    for each in source.imports:
        if within(each.name, (own,)) and each.name != own:
            path = each.name.removeprefix(own + ".").replace(".", "/")
            other = _floor(source.room, path)
            if other is not None and other < floor:
                yield f"{each.line}: imports {each.name}, a floor above"


def _floor(room: str, path: str) -> int | None:
    """Count of the floors above a path in a room."""
    found = [
        (len(name), number)
        for number, names in enumerate(FLOORS[room])
        for name in names
        if path == name or path.startswith(name + "/")
    ]
    return max(found)[1] if found else None


@of_each_file
def the_client_stands_alone(source: Source) -> Iterator[str]:
    """Whoever installs the client alone has neither the engine nor the server."""
    allowed: tuple[str, ...]
    if source.path.startswith("edge/client/"):
        allowed = CLIENT
    elif source.path == SHARED_WITH_CLIENT:
        allowed = ("holdfast.v1",)
    else:
        return
    for each in source.imports:
        if within(each.name, ("holdfast",)) and not within(each.name, allowed):
            yield f"{each.line}: imports {each.name}"


def no_circles(tree: Tree) -> Iterator[str]:
    """Files that import each other are one file in two; imports inside functions count."""
    imported: dict[str, list[str]] = {}
    for source in tree.sources:
        if source.room not in (None, "tests"):
            found = {tree.imported(each.name) for each in source.imports}
            imported[source.path] = sorted(other.path for other in found if other)
    for circle in _circles(imported):
        yield f"{circle[0]}:1: imports itself: {' -> '.join(circle)}"


def _circles(imported: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """One circle for each file from which a walk comes back to a file on its way."""
    done: set[str] = set()
    way: list[str] = []

    def walk(path: str) -> Iterator[list[str]]:
        if path in way:
            yield [*way[way.index(path) :], path]
        elif path not in done:
            way.append(path)
            for other in imported.get(path, ()):
                yield from walk(other)
            done.add(way.pop())

    for path in sorted(imported):
        yield from walk(path)


@of_each_file
def relative_inside_absolute_across(source: Source) -> Iterator[str]:
    """Crossings are seen at a glance, and checkers never meet a module under two names."""
    if source.room in (None, "tests", "bench"):
        return
    own = PACKAGE_OF_ROOM[source.room]
    for line, name in source.absolute_imports:
        if within(name, (own,)):
            yield f"{line}: {name} is in the same room: import it relatively"
    depth = source.in_room.count("/") + 1
    for line in sorted({each.line for each in source.imports if each.level > depth}):
        yield f"{line}: a relative import leaves the room: name holdfast.<room>"


@of_each_file
def no_bare_rooms(source: Source) -> Iterator[str]:
    """`import core` works from the root by accident, and loads every class a second time."""
    for line, name in source.absolute_imports:
        if name.split(".")[0] in SHIPPED:
            yield f"{line}: {name}: say holdfast.<room>"


@of_each_file
def libraries_stay_in_their_rooms(source: Source) -> Iterator[str]:
    """Journal and wire stay replaceable because only one room knows each."""
    allowed = LIBRARIES.get(source.room or "")
    if allowed is None:
        return
    for line, name in source.absolute_imports:
        top = name.split(".")[0]
        if top not in allowed | sys.stdlib_module_names | {"holdfast", "bench", "tests"}:
            yield f"{line}: {source.room} imports {name}"


@of_each_file
def core_is_pure(source: Source) -> Iterator[str]:
    """Same state and same input give the same bytes: no clock, no chance, no outside world."""
    if source.room != "core":
        return
    for line, name in source.absolute_imports:
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


@of_each_file
def kernels_live_together(source: Source) -> Iterator[str]:
    """numba does not see a change in a helper of another file and would run the old code."""
    if source.is_kernel:
        return
    for line, name in source.absolute_imports:
        if name.split(".")[0] == "numba" and name.split(".")[-1] in COMPILERS:
            yield f"{line}: {name} outside core/kernels/"
    for node in source.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="numba" | "nb"), attr=name) if name in COMPILERS:
                yield f"{node.lineno}: numba.{name} outside core/kernels/"


#: Every rule, with trees that break it and no other.
BAD: dict[Rule, list[Sample]] = {
    rooms_keep_apart: [
        {"core/node.py": "from holdfast.persistence.journal import Journal"},
        {"core/node.py": "from holdfast import v1"},
        {"persistence/verify.py": "import holdfast.edge.server.pump"},
        {"edge/server/a.py": "def f():\n    from holdfast.adapters import twins"},
        {"edge/server/a.py": "import bench.harness.load"},
        {"adapters/systems/a.py": "from holdfast.core.model import Refusal"},
        {"adapters/systems/a.py": "from holdfast.persistence import codec"},
        {"adapters/systems/a.py": "from holdfast.edge.server import pump"},
        {"adapters/systems/a.py": "from holdfast.edge import client, wire"},
        {"bench/cases/a.py": "from holdfast.persistence import codec"},
        {"bench/cases/a.py": "from holdfast.edge.server import settings"},
        {"bench/cases/a.py": "from tests.model import Model"},
    ],
    floors_import_downwards: [
        {"core/tables/a.py": "from ..rules import batches"},
        {"core/kernels/a.py": "def f():\n    from ..tables.a import T"},
        {"core/commands/a.py": "from ..kernels.levels import NO_LEVEL"},
        {"core/rules/a.py": "from ..node import Node"},
        {"core/limits.py": "from .tables.layouts import LEVEL"},
        {"core/new.py": ""},
        {"persistence/journal.py": "from .lmdb.store import Store"},
        {"persistence/snapshots/file.py": "from ..recovery import recover"},
        {"edge/wire/a.py": "from ..server.pump import Pump"},
        {"edge/server/a.py": "from ..client import Client"},
        {"edge/server/a.py": "from .. import cli"},
        {"bench/harness/a.py": "from bench.cases import stock_feed"},
    ],
    the_client_stands_alone: [
        {"edge/client/a.py": "from holdfast.core.ids import Key"},
        {"edge/client/a.py": "from ..wire.validation import is_name"},
        {"edge/client/a.py": "def f():\n    from ..server import clock"},
        {"edge/wire/packed.py": "from holdfast.core.limits import X"},
        {"edge/wire/packed.py": "from .faults import Fault"},
    ],
    no_circles: [
        {"core/rules/a.py": "from .b import B", "core/rules/b.py": "def f():\n    from . import a"},
        {
            "edge/client/a.py": "from . import b",
            "edge/client/b.py": "from .c import C",
            "edge/client/c.py": "if TYPE_CHECKING:\n    from .a import A",
        },
        {
            "bench/cases/__init__.py": "from .a import A",
            "bench/cases/a.py": "from bench.cases import A",
        },
    ],
    relative_inside_absolute_across: [
        {"core/node.py": "from holdfast.core.model import Refusal"},
        {"edge/server/a.py": "import holdfast.edge.server.pump"},
        {"edge/__main__.py": "from ..core.model import Refusal"},
    ],
    no_bare_rooms: [
        {"tests/a.py": "import core"},
        {"bench/cases/a.py": "from edge.client import Client"},
    ],
    libraries_stay_in_their_rooms: [
        {"core/node.py": "import lmdb"},
        {"persistence/verify.py": "import grpc.aio"},
        {"protos/holdfast/v1/a.py": "import numpy as np"},
    ],
    core_is_pure: [
        {"core/node.py": "import time"},
        {"core/node.py": "from uuid import uuid4"},
        {"core/node.py": "import os.path"},
        {"core/node.py": "from numpy.random import default_rng"},
        {"core/node.py": "x = np.random.default_rng(1)"},
        {"core/node.py": "shard = hash(sku) % 4"},
        {"core/node.py": "async def turn(): ..."},
    ],
    kernels_live_together: [
        {"core/rules/a.py": "from numba import njit"},
        {"edge/wire/a.py": "import numba\n@numba.njit\ndef f(): ..."},
    ],
}

#: Trees that stand next to a rule and keep it.
GOOD: list[Sample] = [
    {"core/node.py": "import math\nimport numpy as np\nfrom .model import Refusal"},
    {"core/rules/a.py": "from ..tables import b\nfrom ..commands import C"},
    {"core/kernels/a.py": "from numba import njit\nfrom ..limits import ROWS_MAX"},
    {"persistence/lmdb/store.py": "import os\nimport lmdb\nfrom holdfast.core.node import Turn"},
    {"persistence/snapshots/process.py": "from ..recovery import recover\nfrom .file import write"},
    {"edge/server/a.py": "import asyncio\nfrom holdfast.v1 import b_pb2\nfrom ..wire import c"},
    {"edge/cli/a.py": "from ..client import Client\ndef f():\n    from ..server.b import g"},
    {"edge/client/a.py": "import grpc\nfrom ..wire.packed import columns\nfrom .calls import Call"},
    {"edge/client/a.py": "from . import b", "edge/client/b.py": "import a"},
    {"adapters/systems/a.py": "import httpx\nfrom holdfast.edge.client import Client"},
    {"bench/cases/a.py": "from bench.harness.load import b\nfrom holdfast.core import kernels"},
    {"tests/a.py": "import numpy\nfrom holdfast.core import node\nfrom bench.cases import b"},
]
