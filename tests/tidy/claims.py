"""Text that says "only" or "never": a test enforces it, or it goes.

A claim is such a word in the prose of a page, of a .proto file, or of a comment or docstring of a
room. `tests/claims.toml` lists each with the test that fails when it is no longer true:

    [[claim]]
    file = "docs/style.md"
    phrase = "a piece of the sentence with the word in it"
    test = "tests/test_tidy.py::test_the_tree_keeps_the_rule[core_is_pure]"

`python -m tests.tidy.claims` prints those that are not listed.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tests.tidy.source import SHIPPED, Rule, Sample, Source, Tree, whole_tree

CLAIMS = "tests/claims.toml"

WORDS = re.compile(
    r"(?<![\w-])(?:only|never|(?:nothing|nobody|nowhere) else|no other|the one place)(?![\w-])",
    re.IGNORECASE,
)
CODE = re.compile(r"`[^`]*`")
BREAK = " \N{PILCROW SIGN} "


@dataclass
class Prose:
    """The words of a file in one line, and where each came from."""

    text: str = ""
    offsets: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def add(self, line: int, words: str) -> None:
        """Take a line in. What does not go on from the line before begins a paragraph."""
        words = " ".join(words.split())
        if not self.lines or not words or line > self.lines[-1] + 1:
            self.text += BREAK
        self.offsets.append(len(self.text))
        self.lines.append(line)
        self.text += words + " "

    def line_of(self, offset: int) -> int:
        return self.lines[bisect_right(self.offsets, offset) - 1]

    @cached_property
    def claims(self) -> list[int]:
        """Where a claim stands. Code says nothing."""
        masked = CODE.sub(lambda code: "`" * len(code[0]), self.text)
        return [match.start() for match in WORDS.finditer(masked)]

    def sentence(self, offset: int) -> str:
        """About the sentence that stands there."""
        begin = max(self.text.rfind(mark, 0, offset) + len(mark) for mark in (". ", BREAK, " | "))
        ends = [self.text.find(mark, offset) for mark in (". ", BREAK, " | ")]
        return self.text[begin : min(end for end in (*ends, len(self.text)) if end >= 0)].strip()

    def places(self, phrase: str) -> Iterator[range]:
        """Where a phrase stands, whatever its lines."""
        words = " ".join(phrase.split())
        at = self.text.find(words) if words else -1
        while at >= 0:
            yield range(at, at + len(words))
            at = self.text.find(words, at + 1)


def prose_of(source: Source) -> Prose:
    """What is said in a file; nothing, in a file whose text is not judged."""
    prose = Prose()
    for line, words in sorted(_said(source)):
        prose.add(line, words)
    return prose


def _said(source: Source) -> Iterator[tuple[int, str]]:
    if source.path.endswith(".md"):
        yield from _page(source.text)
    elif source.path.endswith(".proto"):
        for number, line in enumerate(source.text.splitlines(), 1):
            if "//" in line:
                yield number, line.partition("//")[2]
    elif source.is_python and source.path.split("/")[0] in SHIPPED:
        yield from _docstrings(source)
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string.lstrip("#:")


def _page(text: str) -> Iterator[tuple[int, str]]:
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, line


def _docstrings(source: Source) -> Iterator[tuple[int, str]]:
    """Docstrings, of attributes as well."""
    lines = source.text.splitlines()
    for node in source.nodes:
        match node:
            case ast.Expr(value=ast.Constant(value=str()), end_lineno=int(end)):
                for number in range(node.lineno, end + 1):
                    yield number, lines[number - 1].strip().strip('"')


def claims_are_enforced(tree: Tree) -> Iterator[str]:
    """A sentence that says "only" or "never" has a test that fails when it is no longer true."""
    listed = tree.by_path.get(CLAIMS)
    claims = tomllib.loads(listed.text).get("claim", []) if listed else []
    for source in tree.sources:
        prose = prose_of(source)
        places = [
            place
            for claim in claims
            if claim["file"] == source.path
            for place in prose.places(claim["phrase"])
        ]
        for offset in prose.claims:
            if not any(offset in place for place in places):
                line, sentence = prose.line_of(offset), prose.sentence(offset)
                yield f"{source.path}:{line}: no test is named for: {sentence}"
    for claim in claims:
        yield from _wrong(tree, claim["file"], claim["phrase"], claim["test"])


def _wrong(tree: Tree, file: str, phrase: str, test: str) -> Iterator[str]:
    """What is wrong with an entry of the list."""
    prose = prose_of(tree.by_path[file]) if file in tree.by_path else Prose()
    if not any(offset in place for place in prose.places(phrase) for offset in prose.claims):
        yield f"{CLAIMS}: {file} makes no such claim: {phrase}"
    path, _, name = test.partition("::")
    function, _, rule = name.rstrip("]").partition("[")
    tests = tree.by_path.get(path)
    if tests is None or not _defines(tests, function):
        yield f"{CLAIMS}: there is no test {test}"
    elif rule and not any(_defines(source, rule) for source in tree.sources):
        yield f"{CLAIMS}: there is no rule {rule}"


def _defines(source: Source, function: str) -> bool:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return source.path.startswith("tests/") and any(
        isinstance(node, functions) and node.name == function for node in source.nodes
    )


def _listed(phrase: str, test: str, file: str = "docs/a.md") -> str:
    return f'[[claim]]\nfile = "{file}"\nphrase = "{phrase}"\ntest = "{test}"\n'


TEST = "tests/core/test_a.py::test_a_pump_is_alone"
TESTS: Sample = {"tests/core/test_a.py": "async def test_a_pump_is_alone(): ..."}
PAGE: Sample = {"docs/a.md": "The pump is the only\none that calls it.\n"}

#: Every rule, with trees that break it and no other.
BAD: dict[Rule, list[Sample]] = {
    claims_are_enforced: [
        PAGE,
        {"README.md": "| a | it never waits |"},
        {"bench/README.md": "Nothing\nelse is measured."},
        {"protos/holdfast/v1/a.proto": "message A {\n  // Never empty.\n  string b = 1;\n}"},
        {"core/node.py": '"""Nobody else writes."""'},
        {"core/node.py": "def f():\n    return 1  # no other thread does"},
        {"core/node.py": "class A:\n    x: int\n    '''Nowhere else.'''"},
        {"edge/wire/a.py": "# This is the one place."},
        PAGE | TESTS | {CLAIMS: _listed("that calls it", TEST)},
        PAGE | TESTS | {CLAIMS: _listed("the only one", TEST) + _listed("never", TEST)},
        PAGE | TESTS | {CLAIMS: _listed("the only one", TEST + "_too")},
        PAGE | TESTS | {CLAIMS: _listed("the only one", TEST + "[no_such_rule]")},
        PAGE | TESTS | {CLAIMS: _listed("the only one", TEST, file="docs/b.md")},
        {"docs/a.md": "It only reads, and never waits."}
        | TESTS
        | {CLAIMS: _listed("It only reads", TEST)},
    ]
}

#: Trees that stand next to a rule and keep it.
GOOD: list[Sample] = [
    PAGE | TESTS | {CLAIMS: _listed("is the only one that", TEST)},
    {"docs/a.md": "A read-only file; `only` and `never` are code.\n```\nonly here\n```\n"},
    {"core/node.py": "only = 'never'  # a name and a text"},
    {"tests/core/test_a.py": '"""It never ends."""'},
]


if __name__ == "__main__":
    sys.stdout.writelines(f"{problem}\n" for problem in claims_are_enforced(whole_tree()))
