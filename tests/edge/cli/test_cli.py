"""The command line against a real node: what it prints, what it says when it fails, how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from holdfast.core.tables import schema
from holdfast.edge.cli.console import (
    EXIT_REFUSED,
    EXIT_USAGE,
    default_target,
    parse_duration,
    reachable,
)
from holdfast.edge.client import TARGET
from holdfast.edge.server.settings import Settings
from holdfast.persistence import data_directory
from tests.edge.cli.commands import HOLDFAST, ask, ask_json, flat, new_id, run
from tests.edge.node_process import NodeProcess, free_port
from tests.persistence.lives import live_on

# The life of a reservation


def test_a_reservation_goes_from_hold_to_shipping(node: NodeProcess, sku: str) -> None:
    order = new_id()

    assert "is held until" in ask(node, "reserve", order, sku, "W1", 3).stdout
    assert "is held until" in ask(node, "extend", order, "1h").stdout
    assert f"{order} is committed now\n" == ask(node, "commit", order).stdout
    assert f"{order} is committed now\n" == ask(node, "cancel", order, sku, "W1", 1).stdout
    assert f"{order} is fulfilled now\n" == ask(node, "fulfill", order).stdout

    assert "fulfilled" in ask(node, "show", order).stdout
    (line,) = ask_json(node, "show", order)["reservation"]["lines"]
    assert (3, 2, 1) == (line["quantity"], line["fulfilled"], line["cancelled"])


def test_release_gives_back_what_is_held(node: NodeProcess, sku: str) -> None:
    order = new_id()
    ask(node, "reserve", order, sku, "W1", 10)

    assert f"{order} is released now\n" == ask(node, "release", order).stdout

    (found,) = ask_json(node, "availability", sku)["availabilities"]
    assert 10 == found["network_available"]


def test_a_partial_commit_gives_back_the_rest(node: NodeProcess, sku: str) -> None:
    order = new_id()
    ask(node, "reserve", order, sku, "W1", 5)

    answer = ask_json(node, "commit", order, sku, "W1", 2, "--give-back")

    assert "RESERVATION_STATE_COMMITTED" == answer["state"]
    (line,) = ask_json(node, "show", order)["reservation"]["lines"]
    assert (2, 3) == (line["committed"], line["released"])


def test_a_refusal_shows_what_is_missing_and_ends_with_3(node: NodeProcess, sku: str) -> None:
    result = ask(node, "reserve", new_id(), sku, "W1", 12)

    assert EXIT_REFUSED == result.exit_code == 3
    assert f"{sku} W1 12 10 2" in flat(result.stdout)
    assert "Refused: insufficient stock" in result.stderr


def test_a_refusal_is_an_answer_for_programs_too(node: NodeProcess, sku: str) -> None:
    result = ask(node, "reserve", new_id(), sku, "W1", 12, "--json")

    answer = json.loads(result.stdout)
    assert EXIT_REFUSED == result.exit_code
    assert "OUTCOME_REFUSED" == answer["outcome"]
    (line,) = answer["refusal"]["lines"]
    expected = {"sku": sku, "location": "W1", "requested": 12, "available": 10, "missing": 2}
    assert {**expected, "line_id": ""} == line


def test_the_same_request_id_counts_once(node: NodeProcess, sku: str) -> None:
    order = new_id()
    ask(node, "reserve", order, sku, "W1", 4)

    for _ in range(2):
        result = ask(node, "commit", order, sku, "W1", 1, "--request-id", "once")
        assert 0 == result.exit_code

    (line,) = ask_json(node, "show", order)["reservation"]["lines"]
    assert (3, 1) == (line["held"], line["committed"])


# Goods and places


def test_stock_facts_of_every_kind_are_recorded(node: NodeProcess, sku: str) -> None:
    facts = {"return": (2, 12), "sale": (5, 7), "adjustment": (-3, 4), "count": (9, 9)}
    for kind, (quantity, on_hand) in facts.items():
        (result,) = ask_json(node, "stock", kind, sku, "W1", quantity)["results"]
        assert on_hand == result["on_hand"]


def test_a_fact_with_the_same_id_counts_once(node: NodeProcess, sku: str) -> None:
    words = ("stock", "receipt", sku, "W1", 5, "--event-id", new_id(), "--source", "test")

    outcomes = [ask_json(node, *words)["results"][0]["outcome"] for _ in range(2)]

    expected = ["STOCK_EVENT_OUTCOME_APPLIED", "STOCK_EVENT_OUTCOME_DUPLICATE"]
    assert expected == outcomes


def test_several_facts_go_in_one_command(node: NodeProcess, sku: str) -> None:
    result = ask(node, "stock", "sale", sku, "W1", 11, f"{sku}-b", "W1", 1)

    assert f"{sku} W1" in flat(result.stdout)
    assert "-1 1" in flat(result.stdout), "on hand and shortfall of the first"


def test_availability_shows_a_shortfall(node: NodeProcess, sku: str) -> None:
    ask(node, "stock", "sale", sku, "W1", 12)

    assert "-2 (shortfall)" in ask(node, "availability", sku).stdout


def test_whom_a_shortfall_endangers_is_listed(node: NodeProcess, sku: str) -> None:
    order = new_id()
    assert "every promise can be kept" in ask(node, "shortfall", sku, "W1").stdout
    ask(node, "reserve", order, sku, "W1", 8)

    output = ask(node, "stock", "sale", sku, "W1", 5).stdout
    assert f"{sku} W1 {order} 8 0 3" in flat(output)
    result = ask(node, "shortfall", sku, "W1")
    assert f"{sku} W1 {order} 8 0 3" in flat(result.stdout)
    assert "has 5 on hand, and 3 too few" in result.stdout
    answer = ask_json(node, "shortfall", sku, "W1", "--limit", 1)
    assert order == answer["shortfall"]["endangered"][0]["reservation_id"]


def test_an_unknown_sku_is_named(node: NodeProcess, sku: str) -> None:
    result = ask(node, "availability", sku, "no-such-sku")

    assert 1 == result.exit_code
    assert sku in result.stdout
    assert "Unknown: no-such-sku." in result.stderr


def test_locations_are_put_and_listed(node: NodeProcess) -> None:
    words = ("location", "put", "S9", "--kind", "store", "--name", "Corner", "--disabled")
    put = ask_json(node, *words)["location"]

    assert put == ask_json(node, "location", "list")["locations"][-1]
    assert ("LOCATION_KIND_STORE", "Corner", False) == (
        put["kind"],
        put["display_name"],
        put["enabled"],
    )
    assert "S9 store Corner no" in flat(ask(node, "location", "list").stdout)


# Failing


def test_without_a_node_it_says_what_to_do() -> None:
    target = f"127.0.0.1:{free_port()}"
    result = run("reserve", "order", "SKU", "W1", 1, "--target", target)

    assert 1 == result.exit_code
    assert f"No node answers at {target}." in result.stderr
    assert "holdfast serve" in result.stderr


def test_without_an_answer_it_says_how_to_repeat_the_command() -> None:
    """A generated id is printed, or nobody could repeat the command with it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        reserve = run("reserve", "order", "SKU", "W1", 1, "--target", target, "--timeout", 0.2)
        stock = run("stock", "sale", "SKU", "W1", 1, "--target", target, "--timeout", 0.2)

    assert "did not answer in time" in reserve.stderr
    assert "Repeat it with the same ids" in reserve.stderr
    assert re.search(r"Repeat it with --request-id [0-9a-f-]{36} ", stock.stderr)


def test_a_fault_is_one_sentence_and_advice(node: NodeProcess) -> None:
    result = ask(node, "reserve", new_id(), "unheard-of", "W1", 1)

    first, second = result.stderr.splitlines()
    assert 1 == result.exit_code
    assert "lines[0].sku is 'unheard-of', which is unknown" in first
    assert "holdfast stock receipt" in second


def test_a_fault_is_an_object_for_programs(node: NodeProcess) -> None:
    result = ask(node, "show", "no-such-order", "--json")

    assert 1 == result.exit_code
    error = json.loads(result.stdout)["error"]
    assert ("NOT_FOUND", "UNKNOWN_RESERVATION") == (error["code"], error["reason"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("reserve", "o", "SKU", "W1"), "a line is SKU LOCATION QUANTITY"),
        (("reserve", "o", "SKU", "W1", "1.5"), "a whole number of units, not '1.5'"),
        (("reserve", "o", "SKU", "W1", "1_0"), "a whole number of units, not '1_0'"),
        (("reserve", "o", "SKU", "W1", "9" * 19), f"of 18 digits at most, not '{'9' * 19}'"),
        (("reserve", "o", "SKU", "W1", "1", "--hold", "soon"), "not 'soon'"),
        (("reserve", "o", "SKU", "W1", "1", "--hold", "999999999999d"), "not '999999999999d'"),
        (("stock", "adjustment", "SKU", "W1", "1", "-x"), "No such option: -x"),
        (("stock", "adjustment", "--sku", "W1", "1"), "No such option: --sku"),
        (("stock", "sale", "--sku", "W1", "1"), "No such option: --sku"),
        (("stock", "adjustment", "SKU", "W1", "-1", "--jason"), "No such option: --jason"),
    ],
)
def test_a_command_line_is_judged_before_anything_is_asked(
    words: tuple[str, ...], expected: str
) -> None:
    result = run(*words)

    assert EXIT_USAGE == result.exit_code == 2
    assert expected in flat(result.stderr)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("2d", 172_800)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert seconds == parse_duration(text)


# Which node is asked


def test_the_default_is_where_a_node_listens_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLDFAST_CONFIG", raising=False)
    monkeypatch.delenv("HOLDFAST_GRPC_ADDRESS", raising=False)

    assert TARGET == default_target() == Settings().grpc_address


def test_settings_say_which_node_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOLDFAST_GRPC_ADDRESS", raising=False)
    (tmp_path / "holdfast.toml").write_text('grpc_address = "0.0.0.0:7"')

    assert "127.0.0.1:7" == default_target()


def test_every_address_is_reached_through_loopback() -> None:
    addresses = ("0.0.0.0:1", "[::]:1", "db.example:1")

    assert ["127.0.0.1:1", "[::1]:1", "db.example:1"] == [*map(reachable, addresses)]


# A node and its directory


def test_status_tells_what_the_node_does(node: NodeProcess) -> None:
    status = ask_json(node, "status", "--hash")

    assert 4 == len(status["shards"])
    assert 32 == len(status["state_hash"])
    assert status["state_hash"] in ask(node, "status", "--hash").stdout


def test_verify_judges_a_directory_beside_its_node(node: NodeProcess) -> None:
    result = run("verify", node.data_dir)

    assert 0 == result.exit_code, result.output
    assert "is good" in result.stdout
    document = json.loads(run("verify", node.data_dir, "--json").stdout)
    assert ask_json(node, "status", "--hash")["state_hash"] == document["state_hash"]


@pytest.mark.parametrize("command", ["verify", "journal"])
def test_a_folder_that_is_none_is_refused(command: str, tmp_path: Path) -> None:
    result = run(command, tmp_path)

    assert 1 == result.exit_code
    assert "not a data directory" in result.stderr


def test_the_journal_tells_the_story_of_a_reservation(node: NodeProcess, sku: str) -> None:
    order = new_id()
    ask(node, "reserve", order, sku, "W1", 3, "--hold", "1h")
    ask(node, "commit", order)

    result = run("journal", node.data_dir, "--reservation", order)

    story = [line.split(order, 1)[1] for line in result.stdout.splitlines()]
    assert [f": reserve 3 {sku} at W1 for 1:00:00", f": 3 {sku} at W1 held -> committed"] == story


def test_the_journal_is_read_from_a_position_and_for_a_sku(node: NodeProcess, sku: str) -> None:
    ask(node, "stock", "sale", sku, "W1", 4)
    whole = run("journal", node.data_dir, "--sku", sku, "--json").stdout.splitlines()
    records = [json.loads(line) for line in whole]
    last = records[-1]

    assert ["level", "stock", "stock"] == [record["kind"] for record in records]
    assert ("SALE", -4, "cli") == (last["event"], last["delta"], last["source"])
    later = run("journal", node.data_dir, "--from", last["position"], "--sku", sku, "--json")
    assert [last] == [json.loads(line) for line in later.stdout.splitlines()]


# Processes of their own


def in_process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does, without settings of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return subprocess.run(
        [*HOLDFAST, *words],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_client_command_imports_nothing_heavy(node: NodeProcess, sku: str) -> None:
    words = ("reserve", new_id(), sku, "W1", "99", "--target", node.target)

    result = in_process(*words, PYTHONPROFILEIMPORTTIME="1")

    assert EXIT_REFUSED == result.returncode
    imported = {line.rsplit("|")[-1].strip() for line in result.stderr.splitlines()}
    heavy = {"numba", "numpy", "lmdb", "pydantic_settings", "rich.progress", "structlog"}
    assert set() == imported & heavy


def test_a_second_node_on_a_directory_is_refused(node: NodeProcess) -> None:
    anywhere = [f"--{name}-address=127.0.0.1:0" for name in ("grpc", "admin", "http")]

    result = in_process("serve", "--data-dir", str(node.data_dir), *anywhere)

    assert 1 == result.returncode
    assert "another node (process" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_node_says_at_once_that_it_loads_kernels(tmp_path: Path) -> None:
    """Before it has looked at anything else: compiling them takes a minute."""
    (tmp_path / "file").touch()

    result = in_process("serve", "--data-dir", str(tmp_path / "file"))

    assert "loading kernels" in result.stderr.splitlines()[0]


def test_an_address_that_is_taken_is_named(node: NodeProcess, tmp_path: Path) -> None:
    anywhere = ("--admin-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
    words = ("--grpc-address", node.target, *anywhere)

    result = in_process("serve", "--data-dir", str(tmp_path), *words)

    assert 1 == result.returncode
    assert f"cannot listen on {node.target}" in result.stderr
    assert "--grpc-address" in result.stderr
    assert "Traceback" not in result.stderr


def test_settings_that_are_wrong_are_all_reported_at_once() -> None:
    result = run("serve", "--shard-count", 0, "--log-level", "loud")

    assert 1 == result.exit_code
    assert "shard_count is 0" in result.stderr
    assert "log_level is 'loud'" in result.stderr


def test_a_node_tells_where_it_serves_and_stops_when_told(tmp_path: Path) -> None:
    words = ("serve", "--json", "--data-dir", str(tmp_path), "--log-format", "json")
    anywhere = [f"--{name}-address=127.0.0.1:0" for name in ("grpc", "admin", "http")]
    with subprocess.Popen(
        [*HOLDFAST, *words, *anywhere],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        events = (json.loads(line) for line in process.stdout)
        ready = next(event for event in events if event["event"] == "serving")

        status = json.loads(run("status", "--target", ready["admin_address"], "--json").stdout)
        process.send_signal(signal.SIGTERM)

        assert 0 == process.wait(30)
        assert 4 == len(status["shards"])


SERVE = ("serve", "--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--data-dir")


@pytest.fixture(scope="module")
def newer_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose last entries a newer build has written."""
    path = tmp_path_factory.mktemp("newer") / "data"
    live_on(path, turns=3, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "SCHEMA", schema.SCHEMA + 1)
        live_on(path, turns=3, seed=2)
    return path


@pytest.mark.parametrize("command", ["verify", "journal", "backup", "restore", "rebuild"])
def test_a_node_json_of_a_newer_build_is_not_called_damaged(command: str, tmp_path: Path) -> None:
    """It is read before all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_directory, "FORMAT", data_directory.FORMAT + 1)
        live_on(tmp_path / "data", turns=1, seed=1)
    before = (tmp_path / "data" / "node.json").read_bytes()
    others = [tmp_path / "target"] if command in ("backup", "restore") else []
    result = run(command, tmp_path / "data", *others)
    assert 1 == result.exit_code
    assert "node.json: written by a newer Holdfast" in flat(result.stderr)
    assert "Nothing is damaged: upgrade Holdfast" in flat(result.stderr)
    assert before == (tmp_path / "data" / "node.json").read_bytes()


@pytest.mark.parametrize("words", [("verify",), ("journal",), SERVE])
def test_a_directory_of_a_newer_build_is_not_called_damaged(
    words: tuple[str, ...], newer_directory: Path
) -> None:
    """Whoever goes back to an older build is told to upgrade, not to restore a backup."""
    before = (newer_directory / "journal.mdb").read_bytes()
    result = in_process(*words, str(newer_directory))
    assert 1 == result.returncode
    known = schema.SCHEMA
    assert (
        f"written by a newer Holdfast, in schema {known + 1}; this one reads up to {known}. "
        "Nothing is damaged: upgrade Holdfast"
    ) in flat(result.stderr)
    assert "restore" not in (result.stdout + result.stderr).lower()
    assert before == (newer_directory / "journal.mdb").read_bytes()
