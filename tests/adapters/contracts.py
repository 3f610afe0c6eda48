"""Published contracts and sample payloads of other systems, which are no part of this project."""

from pathlib import Path

import pytest

#: They lie beside the project, where a machine has them.
CONTRACTS = Path(__file__).resolve().parents[2].parent / "shared" / "contracts"


def contract(path: str) -> Path:
    """A file or folder of them. Skips the test where there is none."""
    found = CONTRACTS / path
    if not found.exists():
        pytest.skip(f"no published contracts here: {found} is missing")
    return found
