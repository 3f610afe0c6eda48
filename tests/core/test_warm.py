"""Warm-up: a first caller never waits for a compiler."""

import subprocess
import sys

_LIFE = """
from numba.core.registry import CPUDispatcher
from holdfast.core import kernels
from holdfast.core.warm import warm_up
from tests.core.engine import NodeEngine
from tests.core.rules.test_batches import test_a_linked_group_is_all_or_none as linked
from tests.core.rules.test_batches import test_moves_tell_where_the_units_are as moves
from tests.core.test_scripts import SCRIPTS, retell
from tests.core.rules.test_stock_batches import (
    test_facts_and_columns_share_ids_and_numbers as columns,
)

def compiled():
    return {
        name: len(kernel.signatures)
        for name, kernel in vars(kernels).items()
        if isinstance(kernel, CPUDispatcher)
    }

warm_up()
before = compiled()
for script in SCRIPTS:
    retell(script.read_text(), NodeEngine(4))
linked()
moves()
columns()
assert all(before.values()), f"not warm: {[name for name in before if not before[name]]}"
late = {name: count for name, count in compiled().items() if count != before[name]}
print(late or "nothing")
"""


def test_no_kernel_is_compiled_after_the_warm_up() -> None:
    """Every kernel is ready, and stories and batches in a new process call it as it is."""
    done = subprocess.run(
        [sys.executable, "-c", _LIFE], capture_output=True, text=True, timeout=110, check=False
    )
    assert "nothing" == done.stdout.strip(), done.stdout + done.stderr
