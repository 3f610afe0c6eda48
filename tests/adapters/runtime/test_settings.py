"""adapters.toml as it is read."""

import re
import tomllib
from pathlib import Path

import pytest

from holdfast.adapters.runtime import settings
from holdfast.adapters.runtime.settings import AdapterSettings, ConfigError, load


def test_paths_of_secrets_are_relative_to_the_file(tmp_path: Path) -> None:
    config = tmp_path / "adapters.toml"
    config.write_text(
        'target = "127.0.0.1:1"\n[adapters.square]\nkind = "square"\n'
        'options = { notification_url = "https://shop.example/in/square" }\n'
        'secrets = { signature_key = { file = "key" } }\n'
    )
    (tmp_path / "key").write_text("the key\n")

    _, [square] = load(config)

    assert {"signature_key": "the key"} == square.secrets


def test_files_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As editors of Windows write them; in a secret it is not seen, and none would fit."""
    text = '[adapters.x]\nkind = "cloudevents"\nsecrets.key.file = "key"\n'
    (tmp_path / "adapters.toml").write_text(text, encoding="utf-8-sig")
    (tmp_path / "key").write_text("pässword\r\n", encoding="utf-8-sig")

    _, [adapter] = load(tmp_path / "adapters.toml")

    assert {"key": "pässword"} == adapter.secrets


def test_a_secret_in_another_encoding_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("pässword", encoding="latin-1")

    said = problems(tmp_path, 'secrets.key.file = "key"')
    assert "adapters.x.secrets.key: key is not UTF-8" in said
    assert "ssword" not in said
    assert "0xe4" not in said


SQS = 'sqs = { queue_url = "https://sqs.example/stock", region = "eu-central-1" }\n'


def problems(tmp_path: Path, adapter: str) -> str:
    config = tmp_path / "adapters.toml"
    config.write_text(f'[adapters.x]\nkind = "cloudevents"\n{adapter}')
    with pytest.raises(ConfigError) as refused:
        load(config)
    return str(refused.value)


def test_an_adapter_has_one_source(tmp_path: Path) -> None:
    message = problems(tmp_path, f'{SQS}folder = {{ path = "drop" }}\n')

    assert "adapters.x: folder and sqs: expected one of them" in message


def test_a_library_that_a_source_lacks_is_named_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SOURCES", {"folder": "os", "nats": "nats", "sqs": "no_such"})
    message = problems(tmp_path, SQS)

    assert "adapters.x.sqs: needs pip install 'holdfast[adapters-sqs]'" in message


def test_credentials_in_an_address_are_refused(tmp_path: Path) -> None:
    message = problems(tmp_path, 'nats = { url = "nats://a:b@c", stream = "S", consumer = "c" }\n')

    assert "adapters.x.nats.url" in message


SAMPLE = Path(__file__).parents[3] / "deploy" / "adapters.toml"


def test_the_sample_loads() -> None:
    loaded, configured = load(SAMPLE)

    assert {"order_sync", "inventory_propagation"} == set(loaded.objectives)
    assert ["events", "tills", "counts"] == [each.name for each in configured]


def test_what_the_sample_shows_in_comments_can_be_used() -> None:
    lines = SAMPLE.read_text().splitlines()
    shown = [line.removeprefix("# ") for line in lines if re.match(r"# (\[|\w+(\.\w+)? = )", line)]
    tables = tomllib.loads("\n".join(shown))["adapters"]

    assert {"shop", "wms", "erp", "market", "mine"} == set(tables)
    for table in tables.values():
        AdapterSettings.model_validate(table)


def test_the_sample_has_the_defaults() -> None:
    given = tomllib.loads(SAMPLE.read_text())
    defaults = settings.Settings().model_dump(mode="json")

    for name in given.keys() - {"adapters", "objectives"}:
        assert defaults[name] == given[name], name


AGENTS = '[agents]\nlocation = "dc-1"\ntoken = { file = "token" }\n'


def test_the_hook_for_agents_needs_no_adapters_and_has_paths_of_its_file(tmp_path: Path) -> None:
    config = tmp_path / "adapters.toml"
    config.write_text(f'{AGENTS}mappings = ["names.csv"]\n')
    (tmp_path / "token").write_text("the token\n")

    loaded, configured = load(config)

    assert loaded.agents is not None
    assert [] == configured
    assert tmp_path / "token" == loaded.agents.token.file
    assert (tmp_path / "names.csv",) == loaded.agents.mappings


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (AGENTS, "agents.token: token: No such file or directory"),
        (AGENTS.replace("file", "env"), "agents.token: token is empty"),
        ('[agents]\nlocation = "dc-1"\n', "agents.token"),
        (f"{AGENTS}stripe = {{}}\n", "agents.stripe: expected { file = ... } or { env = ... }"),
        (f"{AGENTS}deadline = 3\n", "agents.deadline"),
    ],
)
def test_what_is_wrong_with_the_hook_for_agents_is_reported(
    tmp_path: Path, text: str, problem: str
) -> None:
    config = tmp_path / "adapters.toml"
    config.write_text(text)

    with pytest.raises(ConfigError) as refused:
        load(config)

    assert problem in str(refused.value)


def test_publishing_to_what_is_no_channel_is_refused(tmp_path: Path) -> None:
    message = problems(tmp_path, 'publish = { nodes = { DEFAULT = ["dc-1"] } }\n')

    assert "adapters.x.publish: " in message
    assert "is not a channel: nothing is published to it" in message


def test_a_channel_without_an_address_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "adapters.toml"
    channel = 'kind = "tests.adapters.mini_channel:ADAPTER"\npublish.nodes = { N = ["dc-1"] }\n'
    config.write_text(f"[adapters.x]\n{channel}")

    with pytest.raises(ConfigError, match=r"adapters\.x\.url is '': expected the partner"):
        load(config)


def test_orders_of_no_adapter_are_refused(tmp_path: Path) -> None:
    message = problems(tmp_path, 'publish = { nodes = { N = ["dc-1"] }, orders = ["y"] }\n')

    assert "adapters.x.publish.orders: no adapter is called 'y': expected x" in message


def test_a_node_of_a_channel_has_locations(tmp_path: Path) -> None:
    named = problems(tmp_path, "publish = { nodes = { DEFAULT = [] } }\n")
    assert "adapters.x.publish.nodes.DEFAULT" in named
