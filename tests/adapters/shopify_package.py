"""Shopify's official schema, out of the package in which Shopify publishes it.

Its files are read, and nothing of it is run. Where it cannot be had, tests that need it are skipped
and say why.
"""

import gzip
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest

BUILD: Final = Path(__file__).parents[2] / "build" / "shopify"
PACKAGE: Final = "@shopify/dev-mcp@1.16.0"
SCHEMA: Final = "package/dist/data/admin_2026-10.json.gz"
FETCH_TIMEOUT_S: Final = 300


def official_introspection() -> Any:
    """The answer to an introspection query of the Admin API 2026-10."""
    with tarfile.open(_package()) as archive:
        member = archive.extractfile(SCHEMA)
        assert member is not None
        found = json.loads(gzip.decompress(member.read()))
    return found.get("data", found)


def _package() -> Path:
    """The package, fetched once."""
    found = sorted(BUILD.glob("*.tgz"))
    if not found:
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("Shopify's schema comes by npm, which is not here")
        BUILD.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", PACKAGE, "--pack-destination", str(BUILD)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False
        )
        if done.returncode:
            pytest.skip(f"{PACKAGE} cannot be fetched: {done.stderr[-200:]}")
        found = sorted(BUILD.glob("*.tgz"))
    return found[0]
