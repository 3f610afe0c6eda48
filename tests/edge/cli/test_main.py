"""The command where a library is missing: of the node, which is not installed everywhere."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None
sys.argv[0] = "holdfast"
from holdfast.edge.cli.main import main
main()
"""


def without(module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as if a module were not installed."""
    command = (sys.executable, "-c", WITHOUT, module, *words)
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("uvloop", ("serve",)),
        ("numpy", ("verify", "data")),
        ("lmdb", ("journal", "data", "--json")),
    ],
)
def test_a_command_of_the_node_says_what_to_install(library: str, words: tuple[str, ...]) -> None:
    done = without(library, *words)

    sentence = f"holdfast {words[0]} needs the node: pip install 'holdfast[node]'\n"
    assert (1, "", sentence) == (done.returncode, done.stdout, done.stderr)


def test_a_missing_file_of_ours_is_a_defect() -> None:
    done = without("holdfast.persistence.verify", "verify", "data")

    assert "ModuleNotFoundError" in done.stderr
    assert "pip install" not in done.stderr
