"""What a rule of the tidy test sees: the files of the tree, and what each of them imports.

A rule is a function from a tree to its problems. `of_each_file` makes one from a function of a
single file. Samples are small trees: a dict from path to text.
"""

import ast
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, wraps
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Folders whose code goes into the wheel.
SHIPPED = ("core", "persistence", "edge", "adapters", "protos")

#: Folder -> the name under which its modules are imported.
PACKAGE_OF_ROOM = {
    "core": "holdfast.core",
    "persistence": "holdfast.persistence",
    "edge": "holdfast.edge",
    "adapters": "holdfast.adapters",
    "protos/holdfast/v1": "holdfast.v1",
    "protos/holdfast/admin/v1": "holdfast.admin.v1",
    "bench": "bench",
    "tests": "tests",
}

#: What runs, builds and checks leave in the tree; .gitignore names the same.
NOT_OURS = {"build", "dist", "data", "bench/report"}


@dataclass(frozen=True)
class Import:
    """One imported name; `from a import b` imports `a.b`."""

    line: int
    name: str
    """In full, also when it was imported relatively."""
    alias: str
    """What the file calls it."""
    level: int
    """Dots of a relative import."""


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
    def is_init(self) -> bool:
        return Path(self.path).name == "__init__.py"

    @property
    def room(self) -> str | None:
        return next((room for room in PACKAGE_OF_ROOM if self.path.startswith(room + "/")), None)

    @property
    def in_room(self) -> str:
        """Path from its room, without the suffix: `rules/batches`."""
        return self.path.removeprefix(f"{self.room}/").removesuffix(".py")

    @property
    def module(self) -> str:
        """The name under which it is imported; a package is its `__init__.py`."""
        package = PACKAGE_OF_ROOM.get(self.room or "", "")
        return f"{package}.{self.in_room}".replace("/", ".").removesuffix(".__init__")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text))) if self.is_python else []

    @cached_property
    def imports(self) -> list[Import]:
        """Everything imported, also inside functions and for type checkers alone."""
        found = []
        package = self.module if self.is_init else self.module.rpartition(".")[0]
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    called = alias.asname or alias.name.split(".")[0]
                    found.append(Import(node.lineno, alias.name, called, 0))
            elif isinstance(node, ast.ImportFrom):
                parts = package.split(".")
                origin = parts[: len(parts) + 1 - node.level] if node.level else []
                prefix = ".".join([*origin, *filter(None, [node.module])])
                for alias in node.names:
                    full, called = f"{prefix}.{alias.name}", alias.asname or alias.name
                    found.append(Import(node.lineno, full, called, node.level))
        return found

    @property
    def absolute_imports(self) -> Iterator[tuple[int, str]]:
        """Line and name of what is imported without dots."""
        return ((each.line, each.name) for each in self.imports if not each.level)

    def matches(self, pattern: str) -> Iterator[str]:
        """Problems: every match of a pattern."""
        for number, line in enumerate(self.text.splitlines(), 1):
            for match in re.finditer(pattern, line):
                yield f"{number}: {match[0]}"


class Tree:
    """Files by path and modules by name."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = tuple(sources)
        self.by_path = {source.path: source for source in self.sources}
        self.modules = {source.module: source for source in self.sources if source.is_python}

    def imported(self, name: str) -> Source | None:
        """The file that holds an imported name: a module, or the module that defines it."""
        return self.modules.get(name) or self.modules.get(name.rpartition(".")[0])


Rule = Callable[[Tree], Iterator[str]]
Sample = dict[str, str]


def of_each_file(rule: Callable[[Source], Iterator[str]]) -> Rule:
    """The rule that every file keeps by itself."""

    @wraps(rule)
    def rule_of_tree(tree: Tree) -> Iterator[str]:
        for source in tree.sources:
            for problem in rule(source):
                yield f"{source.path}:{problem}"

    return rule_of_tree


def within(name: str, packages: Iterable[str]) -> bool:
    """Whether a name is one of these packages or lies in one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def tree_of(sample: Sample) -> Tree:
    return Tree(Source(path, text) for path, text in sample.items())


@cache
def whole_tree() -> Tree:
    """Every text file that we wrote."""
    sources = []
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if _is_ours(here, name)]
        for name in files:
            if "_pb2" in name or name == ".git":
                continue  # generated; the link of a worktree to its repository
            try:
                text = (ROOT / here / name).read_text("utf-8")
            except UnicodeDecodeError:
                continue  # not text
            sources.append(Source((here / name).as_posix(), text))
    return Tree(sources)


def _is_ours(here: Path, folder: str) -> bool:
    return (
        (folder == ".ci" or folder[0] != ".")
        and folder != "__pycache__"
        and not folder.endswith(".egg-info")
        and (here / folder).as_posix() not in NOT_OURS
    )
