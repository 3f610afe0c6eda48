"""What may be compiled; and compiled code on disk is not used when any kernel has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import holdfast.core
from holdfast.core.kernels.compiled import kernel

_COUNT = """
import numpy as np
from holdfast.core.kernels import find_name
from holdfast.core.tables.hash_slots import HashSlots
from holdfast.core.tables.names import NameTable, pack_names

names = NameTable(HashSlots(np.zeros(2, np.int64)))
names.add(pack_names("Tea"))
assert names.find("Tea") == 0
print(sum(find_name.stats.cache_hits.values()), sum(find_name.stats.cache_misses.values()))
"""


def hits_and_misses(tree: Path) -> str:
    """Look a name up in a new process, with the core of this tree."""
    path = f"import sys; sys.path.insert(0, {str(tree)!r})"
    patched = f"{path}\nimport holdfast\nholdfast.__path__ = [{str(tree / 'holdfast')!r}]\n{_COUNT}"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tree / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", patched],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_a_change_in_a_leaf_compiles_its_callers_anew(tmp_path: Path) -> None:
    """numba alone looks at the file of the caller, which stays as it was."""
    core = tmp_path / "holdfast" / "core"
    source = Path(holdfast.core.__file__).parent
    shutil.copytree(source, core, ignore=shutil.ignore_patterns("__pycache__"))

    assert "0 1" == hits_and_misses(tmp_path)
    assert "1 0" == hits_and_misses(tmp_path)

    leaf = core / "kernels" / "hashing.py"
    leaf.write_text(leaf.read_text("utf-8").replace("0x7465646279746573", "0x7465646279746572"))

    assert "0 1" == hits_and_misses(tmp_path)
    assert "1 0" == hits_and_misses(tmp_path)


def test_a_kernel_that_allocates_does_not_compile() -> None:
    """Nobody would count the references to what it allocates."""

    def grow(count: int) -> int:
        return np.zeros(count, np.int64).size

    with pytest.raises(TypingError, match="zeros"):
        kernel(grow)(1)
