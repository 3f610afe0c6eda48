"""What is wrong with adapters.toml is reported by key, value and what would be right, in our
words.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from holdfast.adapters.runtime.one_process import hold
from holdfast.adapters.runtime.settings import (
    KINDS,
    AdapterSettings,
    ConfigError,
    Settings,
    find,
    load,
    read_tables,
)
from holdfast.adapters.runtime.settings_problems import problems_of

CLOUDEVENTS = 'kind = "cloudevents"\n'
ERP = 'kind = "tests.adapters.mini_erp:ADAPTER"\nsecrets.password = { env = "HOME" }\n'
WEBHOOK = 'kind = "webhook"\noptions = {{ source = "s", kind = "=sale", sku = "a", {} }}\n'
#: What sentences of pydantic have.
THEIRS = ("Input should", "Field required", "Value error", "Extra inputs", "valid ", "pydantic")


def read_all(config: Path) -> None:
    """The settings and their mapping files, as a start reads them."""
    for each in load(config)[1]:
        read_tables(f"adapters.{each.name}.mappings", each.settings.mappings)


def problems(folder: Path, adapter: str, first: str = "") -> str:
    config = folder / "adapters.toml"
    config.write_text(f"{first}\n[adapters.x]\n{adapter}")
    with pytest.raises(ConfigError) as refused:
        read_all(config)
    return str(refused.value)


@pytest.mark.parametrize(
    ("adapter", "sentence"),
    [
        ("depth_max = 0", "adapters.x.depth_max is 0: expected at least 1"),
        ("every_s = 1e9", "adapters.x.every_s is 1000000000.0: expected at most 86,400"),
        ("rate_max = 'fast'", "adapters.x.rate_max is 'fast': expected a number"),
        ("depth = 1", "adapters.x.depth is no setting: did you mean depth_max?"),
        ("options = []", "adapters.x.options: expected a table"),
        ("options.foo = 1", "adapters.x.options.foo is no setting: expected verify"),
        ("options.verify = 7", "adapters.x.options.verify is 7: expected a table"),
        (
            "options.verify.scheme = 'x'",
            "adapters.x.options.verify.scheme is 'x': expected one of none, hmac, basic, bearer",
        ),
        (
            "options.verify.scheme = 'hmac'",
            "adapters.x.options.verify.headers is empty: expected the header with the signature",
        ),
        ("options.verify.like = 'x'", "options.verify.like is 'x': expected one of shopify, "),
        ("secrets.k = 'hush'", "adapters.x.secrets.k: expected a table"),
        ("secrets.k = { file = '.' }", "adapters.x.secrets.k: .: Is a directory"),
        ("mappings = ['none.csv']", "none.csv: No such file or directory"),
        ("mappings = ['.']", "adapters.x.mappings: "),
        ("mappings = ['a\\u0000.csv']", "adapters.x.mappings.0 has a NUL: expected text"),
        ("secrets.k.env = '\\u0000'", "adapters.x.secrets.k.env has a NUL: expected text"),
    ],
)
def test_a_setting_that_is_wrong(adapter: str, sentence: str, tmp_path: Path) -> None:
    assert sentence in problems(tmp_path, CLOUDEVENTS + adapter.replace("'", '"'))


@pytest.mark.parametrize("url", ["", "erp", "http://", "ftp://erp", "http://erp:x", "http://[::1"])
def test_a_partner_that_is_asked_needs_an_address(url: str, tmp_path: Path) -> None:
    sentence = f"adapters.x.url is {url!r}: expected the partner's address, such as https://erp"

    assert sentence in problems(tmp_path, f'{ERP}url = "{url}"')


def test_a_password_in_an_address_is_not_shown(tmp_path: Path) -> None:
    shown = problems(tmp_path, f'{ERP}url = "htp://me:hush@erp"')
    shown += problems(tmp_path, CLOUDEVENTS + 'nats = { url = "nats://me:hush@n", stream = "s" }')

    assert "adapters.x.url: expected" in shown
    assert "adapters.x.nats.url: expected" in shown
    assert "hush" not in shown


def test_what_any_of_several_would_make_right_is_one_sentence(tmp_path: Path) -> None:
    rest = 'location = "b", quantity = "c", kinds = { SHIP = "sail" }'
    [sentence] = problems(tmp_path, WEBHOOK.format(rest)).splitlines()

    assert "adapters.x.options.kinds.SHIP is 'sail': expected one of receipt, " in sentence
    assert sentence.endswith(", ignored")


def test_a_mapping_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("table,theirs,ours\n")
    (tmp_path / "names.csv").write_text("table,theirs,ours\n", encoding="utf-16")
    mappings = CLOUDEVENTS + 'mappings = ["good.csv", "names.csv"]'

    sentence = f"adapters.x.mappings: {tmp_path / 'names.csv'} is not UTF-8: "
    assert sentence in problems(tmp_path, mappings)


def test_a_data_dir_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=r"data_dir .* cannot be used"):
            hold(folder)


WRONG: tuple[Any, ...] = (
    *(None, True, -1, 10**30, float("nan"), float("inf"), "", "x" * 1_000, "\n", [], [[]], [7]),
    *({}, {"x": {}}, {"x": 7}, {"x": "y"}, [{"x": 7}], datetime(2026, 11, 27, tzinfo=UTC)),
    *(datetime(2026, 11, 27), "2026-11-27T00:00:00", "a..b"),  # noqa: DTZ001 - it is wrong
)


def wrong_documents(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    yield from ({}, {"no_such": 1})
    for name in model.model_fields:
        for value in WRONG:
            yield {name: value}


@pytest.mark.parametrize("kind", [*KINDS, "", "x"])
def test_no_sentence_of_the_library_reaches_a_user(kind: str) -> None:
    model: type[BaseModel] = AdapterSettings if kind else Settings
    model = find(kind).options if kind in KINDS else model
    found = set()
    for document in wrong_documents(model):
        try:
            model.model_validate(document)
        except ValidationError as error:
            found |= set(problems_of("options.", error, model))

    assert found
    for sentence in found:
        assert ": expected " in sentence or ": did you mean " in sentence, sentence
        assert not any(each in sentence for each in THEIRS), sentence
        assert "\n" not in sentence


def test_a_time_in_an_option_is_named_once(tmp_path: Path) -> None:
    square = 'kind = "square-changes"\nurl = "https://x"\noptions = { since = "today" }'
    sentence = "adapters.x.options.since is 'today': expected a time from 1970"

    assert sentence in problems(tmp_path, square)


def test_the_file_itself(tmp_path: Path) -> None:
    for text in ("[", "adapters = 7", 'target = 7\n[adapters.x]\nkind = "x"'):
        (tmp_path / "adapters.toml").write_text(text)
        with pytest.raises(ConfigError, match=r"adapters\.toml"):
            load(tmp_path / "adapters.toml")
