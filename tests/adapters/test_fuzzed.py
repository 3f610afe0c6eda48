"""Schemathesis against a running process: what the OpenAPI document says, and no 500."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

import httpx
import pytest

from holdfast.adapters.contract import nothing_to_verify
from tests.adapters.adapters_process import AdaptersProcess
from tests.adapters.installed import installed
from tests.adapters.simple import ADAPTER
from tests.edge.node_process import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TIMEOUT_S: Final = 500
EXAMPLES: Final = 200

ADAPTERS: Final = """
[adapters.events]
kind = "cloudevents"
rate_max = 1_000_000
[adapters.tills]
kind = "poslog"
body_max_kib = 1
[adapters.busy]
kind = "tests.adapters.test_fuzzed:OPEN"
rate_max = 1
[adapters.refusing]
kind = "tests.adapters.test_fuzzed:REFUSING"
[adapters.signed]
kind = "tests.adapters.simple:ADAPTER"
secrets.key = { file = "key" }
[adapters.full]
kind = "tests.adapters.test_fuzzed:OPEN"
depth_max = 1
"""
NAMES: Final = ["events", "tills", "busy", "refusing", "signed", "full", "nobody"]

#: Bodies of more kinds than the document names: JSON that may be right, and text of any length.
BODIES: Final = {
    "application/json": {"schema": {}},
    "application/cloudevents+json": {"schema": {"type": "object"}},
    "application/cloudevents-batch+json": {"schema": {"type": "array"}},
    "text/plain": {"schema": {"anyOf": [{"type": "string"}, {"const": "x" * 1_025}]}},
}

CHECKS: Final = (
    "status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,unsupported_method"
)

SALE: Final = {"id": "1", "type": "sale", "item": "MUG", "store": "STORE-1", "pieces": 1}

#: A sender that is trusted, and one that reads answers as well.
OPEN: Final = replace(ADAPTER, verify=nothing_to_verify, secrets=())
REFUSING: Final = replace(OPEN, refuses=True)


def test_answers_are_as_documented_whatever_is_sent(tmp_path: Path) -> None:
    packages = installed("schemathesis==4.32.5")
    (tmp_path / "key").write_text("made up")
    document = json.loads(
        files("holdfast.adapters").joinpath("schemas", "intakes.v1.openapi.json").read_text()
    )
    [name] = document["paths"]["/in/{name}"]["parameters"]
    name["schema"] = {"enum": NAMES}
    for method in ("post", "put"):
        document["paths"]["/in/{name}"][method]["requestBody"]["content"] = BODIES
        # No store fails here. A 503 is an answer, so the check that calls it an error is left out.
        del document["paths"]["/in/{name}"][method]["responses"]["500"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    with AdaptersProcess(tmp_path, f"127.0.0.1:{free_port()}", ADAPTERS) as adapters:
        # The core is away, so what can be read stays: it fills the inbox.
        assert 202 == httpx.post(adapters.url("/in/full"), json=SALE).status_code
        finished = subprocess.run(
            [
                *(sys.executable, packages / "bin" / "schemathesis", "run"),
                *(tmp_path / "openapi.json", "--url", adapters.url("")),
                *("--max-examples", f"{EXAMPLES}", "--seed", "1", "--workers", "1"),
                *("--checks", CHECKS),
                *("--phases", "examples,coverage,fuzzing", "--no-color"),
            ],
            env={**os.environ, "PYTHONPATH": str(packages)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert 0 == finished.returncode, finished.stdout[-6_000:] + finished.stderr[-2_000:]
        reached = set(re.findall(r'"http_(\d+)"', httpx.get(adapters.url("/metrics")).text))
        assert {"400", "401", "404", "413", "429", "503"} == reached
        assert 0 == adapters.stop()
