"""Settings: their defaults, their limits and where they come from.

Rules of this file: settings are flat and few, and each has a reason to be changed, given briefly
here and at length in deploy/holdfast.toml. The command line wins over the environment
(HOLDFAST_...), the environment over the file, the file over the defaults. All mistakes are reported
at once, by key, value and what would be right. An unknown key in the file is refused: a misspelt
limit is worse than none. Unknown variables are not, since orchestrators set some of their own
(HOLDFAST_SERVICE_HOST, for a service of our name).
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from holdfast.core.limits import NS_PER_HOUR, SHARDS_MAX

from ..addresses import split_address

ENV_PREFIX: Final = "HOLDFAST_"
ENV_CONFIG: Final = "HOLDFAST_CONFIG"
DEFAULT_FILE: Final = Path("holdfast.toml")

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

#: The archive is then not limited.
ARCHIVE_ALL_MIB: Final = 1_073_741_824


class ConfigError(Exception):
    """The settings are not usable; the text says what to change, one problem a line."""


def _checked_address(address: str) -> str:
    split_address(address)
    return address


def _number(default: int, low: int, high: int, reason: str) -> Any:
    expected = f"a whole number from {low:,} to {high:,}"
    return Field(
        default, ge=low, le=high, description=reason, json_schema_extra={"expected": expected}
    )


def _text(default: str, expected: str, reason: str) -> Any:
    return Field(default, description=reason, json_schema_extra={"expected": expected})


Address = Annotated[str, AfterValidator(_checked_address)]
Lowercase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
ADDRESS_EXPECTED: Final = "host:port, an IPv6 host in brackets; port 0 takes any that is free"


class Settings(BaseModel):
    """All settings of a node, as `load_settings` gathers them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path("data"),
        description="Where journal and snapshots live; one node at a time.",
        json_schema_extra={"expected": "a path"},
    )
    shard_count: int = _number(
        4, 1, SHARDS_MAX, "Actors that share the SKUs; fixed when data_dir is made."
    )
    grpc_address: Address = _text(
        "127.0.0.1:50051", ADDRESS_EXPECTED, "Where the gRPC services listen."
    )
    admin_address: Address = _text(
        "127.0.0.1:50052", ADDRESS_EXPECTED, "Where the operators' methods listen."
    )
    http_address: Address = _text(
        "127.0.0.1:8080", ADDRESS_EXPECTED, "Where metrics and health are."
    )
    fronts: int = _number(
        0, 0, 64, "Processes that speak gRPC before the one that decides; 0 for none but itself."
    )
    transport: Annotated[Literal["grpcio", "ngh2"], Lowercase] = _text(
        "grpcio", "grpcio or ngh2", "What speaks gRPC with callers."
    )
    mailbox_capacity: int = _number(
        24_576, 1, 1_048_576, "Work that may wait for a shard, in microseconds."
    )
    unknown_skus: Annotated[Literal["create", "refuse", "quarantine"], Lowercase] = _text(
        "create",
        "create, refuse or quarantine",
        "Whether a sale, return or adjustment may create its SKU.",
    )
    lines_kept_hours: int = _number(
        24, 1, 720, "How long the lines of a reservation stay in memory after its end."
    )
    ids_kept_days: int = _number(
        30, 1, 3_650, "How long the id of a reservation is known after its end."
    )
    history_window_days: int = _number(
        7, 0, 30, "How far back a count may lie: days for which what happens to stock is kept."
    )
    audit_interval_min: int = _number(
        10, 0, 10_080, "Minutes from one audit of all tables to the next; 0 for none by itself."
    )
    map_size_gib: int = _number(64, 1, 16_384, "How large the journal may ever get.")
    storage_reserve_mib: int = _number(
        256, 1, 1_048_576, "Free space below which writes are refused, on disk and in the map."
    )
    snapshot_every_mib: int = _number(
        64, 1, 1_048_576, "Journal that a restart has to replay at most, roughly."
    )
    archive_max_mib: int = _number(
        ARCHIVE_ALL_MIB, 0, ARCHIVE_ALL_MIB, "History that is kept; the largest number keeps all."
    )
    ledger: Annotated[Literal["on", "off"], Lowercase] = _text(
        "off", "on or off", "Whether a second process indexes every movement of stock."
    )
    journal_stall_s: int = _number(
        5, 1, 3600, "How long an append may take before the node says that it is not healthy."
    )
    clock_ahead_max_days: int = _number(
        90, 1, 36_500, "How far the clock may be ahead of the journal before a start is refused."
    )
    drain_notice_s: int = _number(
        5, 0, 3600, "How long a node that is told to stop goes on serving, so that it is seen."
    )
    drain_timeout_s: int = _number(
        10, 0, 3600, "How long a node that is told to stop goes on with what it has."
    )
    # A Reserve of 2,000 lines with the longest names has 0.6 MB: no limit may refuse a legal one.
    message_size_max_kib: int = _number(4096, 1024, 65_536, "Largest message that is read.")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Lowercase] = _text(
        "info", "debug, info, warning or error", "The least important event that is logged."
    )
    log_format: Annotated[Literal["auto", "console", "json"], Lowercase] = _text(
        "auto", "auto, console or json", "For people, for machines, or by the kind of stderr."
    )
    log_calls_per_s: int = _number(
        100, 0, 1_000_000, "Lines a second at most about calls that carry a correlation id."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _not_by_accident(cls, value: object) -> object:
        """Refuse what pydantic would turn into 1 or the current directory."""
        if isinstance(value, bool) or value == "":
            raise ValueError("not a value of any setting")
        return value

    @model_validator(mode="after")
    def _reserve_fits(self) -> Self:
        if self.storage_reserve_bytes >= self.map_size_bytes:
            raise ValueError(
                f"storage_reserve_mib is {self.storage_reserve_mib}: expected less than "
                f"map_size_gib, which is {self.map_size_gib}, or no write would ever be taken"
            )
        return self

    @model_validator(mode="after")
    def _ids_outlive_lines(self) -> Self:
        if self.ids_kept_days * 24 < self.lines_kept_hours:
            raise ValueError(
                f"ids_kept_days is {self.ids_kept_days}: expected as long as lines_kept_hours at "
                f"least, which is {self.lines_kept_hours}"
            )
        return self

    @property
    def lines_kept_ns(self) -> int:
        """How long the lines of an ended reservation stay."""
        return self.lines_kept_hours * NS_PER_HOUR

    @property
    def ids_kept_ns(self) -> int:
        """How long its id is known."""
        return self.ids_kept_days * 24 * NS_PER_HOUR

    @property
    def map_size_bytes(self) -> int:
        """How large the journal may ever get."""
        return self.map_size_gib * GIB

    @property
    def storage_reserve_bytes(self) -> int:
        """Free space below which writes are refused."""
        return self.storage_reserve_mib * MIB

    @property
    def archive_bytes_max(self) -> int | None:
        """History that is kept in the archive; None for all of it."""
        return None if self.archive_max_mib == ARCHIVE_ALL_MIB else self.archive_max_mib * MIB

    @property
    def snapshot_every_bytes(self) -> int:
        """Journal between two snapshots."""
        return self.snapshot_every_mib * MIB

    @property
    def message_size_max_bytes(self) -> int:
        """Largest message that is read."""
        return self.message_size_max_kib * KIB


def load_settings(config_path: Path | None = None, **overrides: Any) -> Settings:
    """Gather the settings. An override of None, an option that was not given, overrides nothing.

    Raises ConfigError.
    """
    path = _config_path(config_path)
    file_values = _file_values(path)
    env_values = _env_values()
    given = {key: value for key, value in overrides.items() if value is not None}
    sources = {
        **dict.fromkeys(file_values, str(path)),
        **{key: ENV_PREFIX + key.upper() for key in env_values},
        **dict.fromkeys(given, "the command line"),
    }
    try:
        return Settings(**{**file_values, **env_values, **given})
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(error, sources))) from None


def _config_path(config_path: Path | None) -> Path | None:
    if config_path is not None:
        return config_path
    if named := os.environ.get(ENV_CONFIG):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _file_values(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _env_values() -> dict[str, str]:
    """Variables in any case; an empty one says nothing."""
    given = {name.upper(): value for name, value in os.environ.items() if value}
    variables = {key: ENV_PREFIX + key.upper() for key in Settings.model_fields}
    return {key: given[name] for key, name in variables.items() if name in given}


def _problems(error: ValidationError, sources: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors():
        if not problem["loc"]:  # of no single setting: the message says all
            yield problem["msg"].removeprefix("Value error, ")
            continue
        key = str(problem["loc"][0])
        field = Settings.model_fields.get(key)
        if field is None:
            yield f"there is no setting {key!r} (from {sources[key]}): {_hint(key)}"
            continue
        assert isinstance(field.json_schema_extra, dict)
        expected = field.json_schema_extra["expected"]
        yield f"{key} is {problem['input']!r}: expected {expected} (from {sources[key]})"


def _hint(key: str) -> str:
    known = list(Settings.model_fields)
    close = get_close_matches(key, known)
    return f"did you mean {' or '.join(close)}?" if close else f"expected {', '.join(known)}"
