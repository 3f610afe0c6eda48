"""How the rows of a partner are read, and what a row can say.

Rules of this file: values.
"""

import codecs
from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..events import FactKind, OrderKind
from .zones import ZoneName

#: What a row can say. `order` and `line` are of events of an order.
FIELDS: Final = (
    *("kind", "sku", "location", "quantity", "unit", "id", "sequence", "time", "reason", "actor"),
    *("reference_kind", "reference", "reference_line", "from_status", "to_status", "to_location"),
    *("as_of_sequence", "basis", "picked_quantity", "expected_time", "takes_promised"),
    *("reverses", "reverses_kind", "correlation_id", "order", "line"),
)
REQUIRED: Final = ("kind", "sku", "location", "quantity")
KINDS: Final[Mapping[str, FactKind | OrderKind]] = {
    kind.value: kind for kind in (*FactKind, *OrderKind)
}
#: Bytes of an id in the core.
ID_BYTES: Final = 128


class Rows(BaseModel):
    """How the rows of a partner are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1, max_length=ID_BYTES)
    """The source of the facts, whose ids the rows bear."""
    format: Literal["csv", "jsonl"] = "csv"
    columns: Mapping[str, str] = {}
    """Names of columns, by FIELDS; those that are not here bear the name of the field."""
    constants: Mapping[str, str] = {}
    """Values by FIELDS, where there is no column or it is empty."""
    kinds: Mapping[str, str] = {}
    """What the partner's kinds are called here: {"WE" = "receipt"}."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal_comma: bool = False
    date_format: Literal["yyyy-mm-dd", "dd.mm.yyyy", "dd/mm/yyyy", "mm/dd/yyyy"] = "yyyy-mm-dd"
    """How dates are written, before "14:05:00" or alone; the first is that of ISO 8601."""
    time_zone: ZoneName = ""
    """The zone of times that bear none: "Europe/Berlin"."""

    @field_validator("columns", "constants")
    @classmethod
    def _of_fields(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(given) - set(FIELDS))
        if unknown:
            raise ValueError(f"{unknown[0]} is no field: expected one of {', '.join(FIELDS)}")
        return given

    @field_validator("kinds")
    @classmethod
    def _of_kinds(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        unknown = sorted(set(given.values()) - set(KINDS))
        if unknown:
            raise ValueError(f"{unknown[0]} is no kind: expected one of {', '.join(KINDS)}")
        return given

    @field_validator("encoding")
    @classmethod
    def _of_encodings(cls, given: str) -> str:
        try:
            codecs.getincrementaldecoder(given)("replace").decode(b"0", final=True)
        except (LookupError, ValueError):
            raise ValueError("expected an encoding such as utf-8, cp1252 or utf-16") from None
        return codecs.lookup(given).name

    def column(self, field: str) -> str:
        """The name of a field's column."""
        return self.columns.get(field, field)

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Fields by the names of their columns."""
        return {self.column(field): field for field in FIELDS}
