"""Service level objectives: what they are called, and reading them from objectives.toml.

All that is wrong with a file is reported at once, by key and by what would be right. An unknown key
is refused: a misspelt limit is worse than none.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ..harness.plan import ROOT, BenchError

OBJECTIVES = ROOT / "bench" / "rehearsal" / "objectives.toml"

CallName = Literal[
    "GetAvailability", "Reserve", "Commit", "Release", "Fulfill", "RecordStockEvents"
]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

_CONFIG = ConfigDict(extra="forbid", strict=True, frozen=True)


class CallObjectives(BaseModel):
    """Limits of one call's latency."""

    model_config = _CONFIG

    p50_ms_max: Milliseconds | None = None
    p99_ms_max: Milliseconds | None = None


class Objectives(BaseModel):
    """Limits of a run; objectives.toml says what they mean."""

    model_config = _CONFIG

    error_ratio_max: Ratio | None = None
    refused_early_ratio_max: Ratio | None = None
    achieved_ratio_min: Ratio | None = None
    oversold_units_max: Count = 0
    differing_units_max: Count = 0
    wrong_answers_max: Count = 0
    caught_up_s_max: Seconds | None = None
    calls: Mapping[CallName, CallObjectives] = {}


def read_objectives(path: Path) -> Objectives:
    """The objectives of a TOML file. Raises BenchError naming every wrong key."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BenchError(f"{path}: {error.strerror}: expected a file like {OBJECTIVES}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}: no TOML: {error}") from None
    try:
        return Objectives.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(map(_problem, error.errors()))
        raise BenchError(f"{path}: {problems}") from None


def _problem(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if "[key]" in error["loc"]:
        return f"{key}: unknown; there are {', '.join(get_args(CallName))}"
    if error["type"] == "extra_forbidden":
        model = CallObjectives if key.startswith("calls.") else Objectives
        return f"{key}: unknown; there are {', '.join(model.model_fields)}"
    return f"{key}: {error['msg']}, not {error['input']!r}"
