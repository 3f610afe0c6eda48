"""What may not stand in any file: notes left over, places of one machine, assertions turned off."""

from collections.abc import Iterator

from tests.tidy.source import Rule, Sample, Source, of_each_file


@of_each_file
def nothing_left_over(source: Source) -> Iterator[str]:
    """What has to be mended is mended or written down where others look, not left in a comment."""
    yield from source.matches(r"\b(?:FIX[M]E|X{3})\b")


@of_each_file
def no_path_of_one_machine(source: Source) -> Iterator[str]:
    """The tree works wherever it is cloned."""
    yield from source.matches(r"(?<![\w.$}*-])/(?:home|root|Users|work)/")


@of_each_file
def no_index_address(source: Source) -> Iterator[str]:
    """Everyone installs from the index that is set up on the machine; hashes keep it honest."""
    yield from source.matches(r"--(?:extra-)?index-url\b|--find-[l]inks\b|://\S+/[s]imple\b")


@of_each_file
def assertions_stay_on(source: Source) -> Iterator[str]:
    """Core and journal state programmer errors with assert; -O would let a wrong state run on."""
    if source.path == "Makefile" or source.path.startswith(("deploy/", ".ci/")):
        yield from source.matches(r"\bPYTHONOPTIMIZE\b|\bpython[\d.]*\s+(?:-\w+\s+)*-OO?\b")


#: Every rule, with trees that break it and no other. The pieces are joined here so that this file
#: keeps the rules.
BAD: dict[Rule, list[Sample]] = {
    nothing_left_over: [
        {"docs/a.md": "FIX" + "ME: later"},
        {"core/node.py": "# X" + "XX"},
    ],
    no_path_of_one_machine: [
        {"docs/a.md": "see /ho" + "me/anna/holdfast"},
        {"Makefile": "cp x /wo" + "rk/main"},
    ],
    no_index_address: [
        {"requirements/run.txt": "--index" + "-url https://example.org"},
        {"docs/a.md": "https://example.org/sim" + "ple/"},
    ],
    assertions_stay_on: [
        {"deploy/Dockerfile": "ENV PYTHONOPTIMIZE=1"},
        {"deploy/a.service": "ExecStart=python3 -u -O -m holdfast.edge"},
    ],
}

#: Trees that stand next to a rule and keep it.
GOOD: list[Sample] = [
    {"docs/a.md": "a table | " * 20 + "https://example.org/home/work/"},
    {"deploy/a.service": "ExecStart=python3 -u -m holdfast.edge"},
]
