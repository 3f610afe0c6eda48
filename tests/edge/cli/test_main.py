"""The command where a library of the node is missing: the node is not installed everywhere."""

import subprocess
import sys
from pathlib import Path

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


def test_a_transport_without_its_library_names_its_setting_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_TRANSPORT", "ngh2")
    done = without("ngh2", "serve", "--data-dir", str(tmp_path / "data"))

    first, *_ = done.stderr.splitlines()
    assert "transport is 'ngh2', and its library is not installed" in first
    assert "pip install 'holdfast[ngh2]'" in first
    assert (1, "") == (done.returncode, done.stdout)
    assert not (tmp_path / "data").exists()


def test_a_missing_file_of_ours_is_a_defect() -> None:
    done = without("holdfast.persistence.verify", "verify", "data")

    assert "ModuleNotFoundError" in done.stderr
    assert "pip install" not in done.stderr
