"""Where a value stands in a JSON document, as an option says it.

"lines[0].sku" is a path in a record, "$.event.id" one in the whole document, and "=count" is the
text itself. An empty path finds nothing.
"""

import re
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator

STEPS_MAX: Final = 16
_STEP: Final = re.compile(r"([^.\[\]]+)|\[([0-9]{1,6})\]")
_PATH: Final = re.compile(r"[^.\[\]]+(\[[0-9]{1,6}\])*(\.[^.\[\]]+(\[[0-9]{1,6}\])*)*")


def _checked(path: str) -> str:
    if path.startswith("="):
        return path
    rest = path.removeprefix("$.")
    if path and (not _PATH.fullmatch(rest) or len(_steps(rest)) > STEPS_MAX):
        raise ValueError("expected a path such as lines[0].sku or $.event.id")
    return path


JsonPath: TypeAlias = Annotated[str, AfterValidator(_checked)]


def at(path: str, record: Any, document: Any) -> Any:
    """The value at a path; None where there is none."""
    if path.startswith("="):
        return path[1:]
    if not path:
        return None
    value = document if path.startswith("$.") else record
    for step in _steps(path.removeprefix("$.")):
        if type(step) is str and type(value) is dict:
            value = value.get(step)
        elif type(step) is int and type(value) is list and step < len(value):
            value = value[step]
        else:
            return None
    return value


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(match[2]) if match[2] else match[1] for match in _STEP.finditer(path))
