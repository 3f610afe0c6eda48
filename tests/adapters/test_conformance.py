"""The conformance kit finds what an adapter must not do, and nothing in one that does it right."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from holdfast.adapters import conformance
from holdfast.adapters.cli.app import app
from holdfast.adapters.conformance import Finding, Sample, findings, read_samples
from holdfast.adapters.contract import Adapter, Message, Undecodable
from holdfast.adapters.events import Decoded, StockFact
from tests.adapters.simple import ADAPTER, decode


def sample(name: str = "one", **fields: Any) -> Sample:
    document = {
        "id": "s1", "type": "sale", "item": "MUG", "store": "STORE-1", "pieces": 2
    } | fields  # fmt: skip
    return Sample(name, Message(json.dumps(document).encode()))


def found(adapter: Adapter, *samples: Sample) -> list[Finding]:
    return list(findings(adapter, samples, adapter.options()))


def test_an_adapter_that_does_it_right_has_no_findings() -> None:
    assert [] == found(ADAPTER, sample(), sample("two", id="s2", pieces=3))


def test_without_samples_nothing_is_shown_to_work() -> None:
    assert ["samples"] == [each.check for each in found(ADAPTER)]


def _raising(message: Message, options: Any) -> list[Decoded]:
    json.loads(message.body)  # ValueError for what is cut off
    return list(decode(message, options))


def _counting() -> Callable[[Message, Any], Iterator[Decoded]]:
    numbers = iter(range(1_000_000))

    def counting(message: Message, options: Any) -> Iterator[Decoded]:
        for fact in _facts(message, options):
            yield replace(fact, id=f"{next(numbers)}")

    return counting


def _changed(**changes: Any) -> Callable[[Message, Any], Iterator[Decoded]]:
    def changed(message: Message, options: Any) -> Iterator[Decoded]:
        for fact in _facts(message, options):
            yield replace(fact, **changes)

    return changed


def _twice(message: Message, options: Any) -> list[Decoded]:
    return [*_facts(message, options), *_facts(message, options)]


def _facts(message: Message, options: Any) -> Iterator[StockFact]:
    return (event for event in decode(message, options) if isinstance(event, StockFact))


def _nameless(_message: Message, _options: Any) -> list[Decoded]:
    raise Undecodable("", "", "")


WRONG: Mapping[str, tuple[Adapter, str]] = {
    "raises": (replace(ADAPTER, decode=_raising), "truncation"),
    "counts": (replace(ADAPTER, decode=_counting()), "repeats are the same"),
    "has ids twice": (replace(ADAPTER, decode=_twice), "ids tell events apart"),
    "has one id for all": (replace(ADAPTER, decode=_changed(id="1")), "ids tell events apart"),
    "has one key for all": (replace(ADAPTER, key=lambda _: "k"), "keys tell messages apart"),
    "has long keys": (replace(ADAPTER, key=lambda _: "k" * 513), "keys are stable"),
    "has no key": (replace(ADAPTER, key=lambda _: ""), "keys are stable"),
    "has long ids": (replace(ADAPTER, decode=_changed(id="i" * 129)), "names fit"),
    "names no SKU": (replace(ADAPTER, decode=_changed(sku="")), "names fit"),
    "has local times": (
        replace(ADAPTER, decode=_changed(time=datetime(2026, 11, 27, 9))),  # noqa: DTZ001
        "times have zones",
    ),
    "expects at local times": (
        replace(ADAPTER, decode=_changed(expected_time=datetime(2026, 11, 27, 9))),  # noqa: DTZ001
        "times have zones",
    ),
    "blames nobody": (replace(ADAPTER, decode=_nameless), "samples decode"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_adapter_must_not_do_is_found(name: str) -> None:
    adapter, check = WRONG[name]

    assert check in {
        each.check for each in found(adapter, sample(), sample("two", id="s2", pieces=3))
    }


def test_a_decoder_that_takes_long_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "DECODE_S", 0.0)
    monkeypatch.setattr(conformance, "DECODE_S_A_MIB", 0.0)
    assert {"decoding takes little"} == {each.check for each in found(ADAPTER, sample())}


def test_samples_are_files_with_their_attributes_beside_them(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "a.json.attributes.json").write_text('{"content-type": "application/json"}')
    (tmp_path / "b.xml").write_bytes(b"<b/>")

    [first, second] = read_samples(tmp_path)

    assert ("a.json", "application/json") == (first.name, first.message.content_type)
    assert ("b.xml", b"<b/>") == (second.name, second.message.body)


def test_the_command_judges_an_adapter_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(sample().message.body)
    words = ["conformance", "tests.adapters.simple:ADAPTER", str(tmp_path)]

    good = CliRunner().invoke(app, words)
    bad = CliRunner().invoke(app, ["conformance", "tests.adapters.simple:key", str(tmp_path)])

    assert (0, "tests.adapters.simple:ADAPTER conforms: 1 samples (seed 0)\n") == (
        good.exit_code,
        good.output,
    )
    assert 1 == bad.exit_code
    assert "is a function, no Adapter" in bad.output
