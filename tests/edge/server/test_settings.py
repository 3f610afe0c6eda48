"""Settings: the sample file is the manual, limits hold on both sides, and mistakes are reported."""

import os
from pathlib import Path
from typing import Any

import pytest

from holdfast.edge.addresses import split_address
from holdfast.edge.server.settings import (
    ConfigError,
    Settings,
    load_settings,
)
from holdfast.v1 import reservation_service_pb2 as reservation
from holdfast.v1 import stock_service_pb2 as stock

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "deploy" / "holdfast.toml"
NAMES = list(Settings.model_fields)

LIMITS = {
    "shard_count": (1, 256),
    "mailbox_capacity": (1, 1_048_576),
    "map_size_gib": (1, 16_384),
    "storage_reserve_mib": (1, 1_048_576),
    "snapshot_every_mib": (1, 1_048_576),
    "archive_max_mib": (0, 1_073_741_824),
    "journal_stall_s": (1, 3_600),
    "lines_kept_hours": (1, 720),
    "ids_kept_days": (1, 3_650),
    "clock_ahead_max_days": (1, 36_500),
    "drain_notice_s": (0, 3_600),
    "drain_timeout_s": (0, 3_600),
    "log_calls_per_s": (0, 1_000_000),
    "message_size_max_kib": (1_024, 65_536),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and no variables of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("HOLDFAST_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "node.toml"


def problem(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(*args, **kwargs)
    return str(caught.value)


# The sample


def test_the_sample_is_the_defaults() -> None:
    assert load_settings(SAMPLE) == Settings() == load_settings()


def explanations() -> dict[str, str]:
    """The comment above each setting of the sample, in one line."""
    found = {}
    for paragraph in SAMPLE.read_text("utf-8").split("\n\n"):
        comment = [line.removeprefix("#").strip() for line in paragraph.splitlines()]
        *explanation, setting = comment
        if " = " in setting and explanation:
            found[setting.split(" = ")[0]] = " ".join(explanation)
    return found


def test_the_sample_explains_every_setting_above_it() -> None:
    assert sorted(explanations()) == sorted(NAMES)
    assert all(len(explanation) > 100 for explanation in explanations().values())


@pytest.mark.parametrize("name", sorted(LIMITS.keys() - {"storage_reserve_mib"}))
def test_the_sample_tells_the_limits(name: str) -> None:
    """Except the reserve, which the map limits."""
    low, high = LIMITS[name]
    assert f"{low:,} to {high:,}" in explanations()[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_reason_and_says_what_it_takes(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description
    assert field.description.endswith(".")
    assert isinstance(field.json_schema_extra, dict)
    assert field.json_schema_extra["expected"]


# Where values come from


def test_the_command_line_wins_over_environment_file_and_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 4 == load_settings(file_of(file, "")).shard_count
    file_of(file, "shard_count = 5\nmailbox_capacity = 50")
    assert 5 == load_settings(file).shard_count
    monkeypatch.setenv("HOLDFAST_SHARD_COUNT", "6")
    assert 6 == load_settings(file).shard_count
    assert 7 == load_settings(file, shard_count=7).shard_count
    assert 6 == load_settings(file, shard_count=None).shard_count
    assert 50 == load_settings(file, shard_count=7).mailbox_capacity


def file_of(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_the_file_is_the_one_that_is_named_or_lies_here(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 4 == load_settings().shard_count
    file_of(tmp_path / "holdfast.toml", "shard_count = 5")
    assert 5 == load_settings().shard_count
    monkeypatch.setenv("HOLDFAST_CONFIG", str(file_of(tmp_path / "env.toml", "shard_count = 6")))
    assert 6 == load_settings().shard_count
    assert 7 == load_settings(file_of(file, "shard_count = 7")).shard_count


def test_empty_and_foreign_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SHARD_COUNT", "")
    monkeypatch.setenv("HOLDFAST_SERVICE_HOST", "10.0.0.1")
    assert load_settings() == Settings()


def test_variables_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Holdfast_Shard_Count", "6")
    assert 6 == load_settings().shard_count


def test_settings_by_themselves_read_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(tmp_path / "holdfast.toml", "shard_count = 5")
    monkeypatch.setenv("HOLDFAST_SHARD_COUNT", "6")
    assert 4 == Settings().shard_count


def test_sizes_are_given_in_bytes_as_well() -> None:
    settings = Settings(
        map_size_gib=2, storage_reserve_mib=3, snapshot_every_mib=5, message_size_max_kib=2048
    )
    assert settings.map_size_bytes == 2 * 2**30
    assert settings.storage_reserve_bytes == 3 * 2**20
    assert settings.snapshot_every_bytes == 5 * 2**20
    assert settings.message_size_max_bytes == 2 * 2**20


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().shard_count = 5


# Files that cannot be used


def test_a_file_that_is_named_has_to_be_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problem(file) == f"{file} cannot be read: No such file or directory"
    monkeypatch.setenv("HOLDFAST_CONFIG", str(file))
    assert problem() == f"{file} cannot be read: No such file or directory"


def test_a_file_has_to_be_toml(file: Path) -> None:
    assert problem(file_of(file, "shard_count 4")).startswith(f"{file} is not TOML: ")
    assert "line 1" in problem(file)
    file.write_bytes(b"\xff")
    assert problem(file).startswith(f"{file} is not TOML: ")


def test_an_unknown_key_is_refused_with_those_that_are_close(file: Path) -> None:
    file_of(file, "shard_cuont = 4\n[server]\nport = 1")
    misspelt, section = problem(file).splitlines()
    assert misspelt == (
        f"there is no setting 'shard_cuont' (from {file}): did you mean shard_count?"
    )
    assert section.startswith(f"there is no setting 'server' (from {file}): expected data_dir, ")


def test_an_unknown_option_is_refused() -> None:
    assert (
        "there is no setting 'log_levle' (from the command line): did you mean log_level?"
    ) == problem(log_levle="info")


# Values that cannot be used


@pytest.mark.parametrize("name", LIMITS)
def test_numbers_within_their_limits_are_taken(name: str) -> None:
    fits: dict[str, Any] = {"storage_reserve_mib": {"map_size_gib": 16_384}}.get(name, {})
    for value in LIMITS[name]:
        assert getattr(load_settings(**fits | {name: value}), name) == value


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", ["low", "high", True, "many", 4.5])
def test_numbers_beyond_their_limits_are_refused(name: str, value: Any) -> None:
    low, high = LIMITS[name]
    value = {"low": low - 1, "high": high + 1}.get(value, value)
    assert problem(**{name: value}) == (
        f"{name} is {value!r}: expected a whole number from {low:,} to {high:,} "
        "(from the command line)"
    )


def test_a_value_is_reported_with_where_it_comes_from(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_of(file, "shard_count = 0")
    expected = "shard_count is 0: expected a whole number from 1 to 256"
    assert problem(file) == f"{expected} (from {file})"
    monkeypatch.setenv("HOLDFAST_SHARD_COUNT", "x")
    expected = "shard_count is 'x': expected a whole number from 1 to 256"
    assert problem(file) == f"{expected} (from HOLDFAST_SHARD_COUNT)"


def test_everything_that_is_wrong_is_reported_at_once(file: Path) -> None:
    file_of(file, "shard_count = 0\nlog_level = 'loud'\ndata_dir = ''")
    assert problem(file).splitlines() == [
        f"data_dir is '': expected a path (from {file})",
        f"shard_count is 0: expected a whole number from 1 to 256 (from {file})",
        f"log_level is 'loud': expected debug, info, warning or error (from {file})",
    ]


def test_unknown_keys_and_wrong_values_are_reported_together(file: Path) -> None:
    file_of(file, "shard_cuont = 4\ndrain_timeout_s = -1")
    assert problem(file).splitlines() == [
        f"drain_timeout_s is -1: expected a whole number from 0 to 3,600 (from {file})",
        f"there is no setting 'shard_cuont' (from {file}): did you mean shard_count?",
    ]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_levels_are_taken_in_any_case(level: str) -> None:
    assert load_settings(log_level=level.upper()).log_level == level


@pytest.mark.parametrize("log_format", ["auto", "console", "json"])
def test_formats_are_taken_in_any_case(log_format: str) -> None:
    assert load_settings(log_format=log_format.title()).log_format == log_format


def test_other_levels_and_formats_are_refused() -> None:
    assert problem(log_level="trace").startswith(
        "log_level is 'trace': expected debug, info, warning or error"
    )
    assert problem(log_format="xml").startswith(
        "log_format is 'xml': expected auto, console or json"
    )


def test_the_reserve_has_to_fit_into_the_map() -> None:
    assert 1023 == load_settings(map_size_gib=1, storage_reserve_mib=1023).storage_reserve_mib
    assert (
        "storage_reserve_mib is 1024: expected less than map_size_gib, which is 1, "
        "or no write would ever be taken"
    ) == problem(map_size_gib=1, storage_reserve_mib=1024)


def test_ids_are_known_as_long_as_lines_are_there() -> None:
    assert 48 == load_settings(lines_kept_hours=48, ids_kept_days=2).lines_kept_hours
    assert (
        "ids_kept_days is 2: expected as long as lines_kept_hours at least, which is 49"
    ) == problem(lines_kept_hours=49, ids_kept_days=2)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:50051", ("127.0.0.1", 50051)),
        ("localhost:0", ("localhost", 0)),
        ("[::]:65535", ("::", 65535)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
    ],
)
def test_addresses_have_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts
    assert load_settings(grpc_address=address).grpc_address == address


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", ":8080", "host:", "host:65536", "host:-1", "host:8x", "::1:80", "[]:80", "a b:1"],
)
@pytest.mark.parametrize("name", ["grpc_address", "http_address"])
def test_what_is_no_address_is_refused(name: str, address: str) -> None:
    assert problem(**{name: address}).startswith(f"{name} is {address!r}: expected host:port")


def test_no_legal_request_is_larger_than_the_smallest_message_limit() -> None:
    """Names of 128 bytes, numbers in their longest form, as many of them as there may be."""
    name, smallest = "x" * 128, load_settings(message_size_max_kib=1024).message_size_max_bytes
    line = {"sku": name, "location": name, "quantity": 10**15, "line_id": name}
    lines = reservation.Lines(lines=[line] * 2000)
    commit = reservation.CommitRequest(reservation_id=name, request_id=name, lines=lines)
    assert commit.ByteSize() < smallest
    event = {"event_id": name, "sequence": 2**63 - 1, "kind": 2, "quantity": -(10**15)}
    events = [{**event, "sku": name, "location": name}] * 1000
    assert stock.RecordStockEventsRequest(source=name, events=events).ByteSize() < smallest
