"""A body of many events does not make the collector of cycles stop all threads at once."""

import gc
from collections.abc import Iterator

import pytest

from holdfast.adapters.cli.running import spare_the_loop
from holdfast.adapters.contract import Undecodable


@pytest.fixture
def spared() -> Iterator[None]:
    before = gc.get_threshold()
    spare_the_loop()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("spared")
def test_forty_thousand_events_are_not_looked_through() -> None:
    generations: set[int] = set()

    def note(_: str, info: dict[str, int]) -> None:
        generations.add(info["generation"])

    gc.callbacks.append(note)
    try:
        events: list[object] = [[{}, {}, {}, {}] for _ in range(40_000)]
    finally:
        gc.callbacks.remove(note)

    assert {0, 1} == generations
    assert 40_000 == len(events)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 500, f"'{'x' * 120}'... (500 characters)"),
        (b"x" * 500, f"b'{'x' * 120}'... (500 characters)"),
        (["x"] * 1_000_000, f"[{chr(39)}x{chr(39)}, "),
        ({"a": ["x" * 1_000_000]}, "{'a': ['x"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_by_its_beginning(value: object, shown: str) -> None:
    found = Undecodable("field", value, "another").value

    assert found.startswith(shown)
    assert len(found) < 170
