"""Whatever text a correlation id is, it arrives, in a form that a node logs."""

from hashlib import sha256
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.client.correlation import LENGTH_MAX, metadata_of
from holdfast.edge.server.logs import ids_of_call
from holdfast.edge.wire.validation import CORRELATION_ID_MAX
from tests.edge.client.conftest import Connect
from tests.edge.scripted import ScriptedServer

LONG = "Bestellung-Ä" * 1_000


def carried(text: str) -> str:
    """The id that a node logs for a text."""
    logged, _ = ids_of_call(metadata_of(text))
    assert logged is not None
    return logged


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order 17/2 (100%) %C3~", "order 17/2 (100%) %C3~"),
        ("Bestellung-Ä", "Bestellung-%C3%84"),
        ("a\nb\r\n\tc\0\x7f", "a%0Ab%0D%0A%09c%00%7F"),
        ("注文🛒", "%E6%B3%A8%E6%96%87%F0%9F%9B%92"),
        (" a b  ", "%20a b%20%20"),
        ("  ", "%20%20"),
        ("\udcff\ud800", "%ED%B3%BF%ED%A0%80"),
        ("x" * 128, "x" * 128),
        ("x" * 129, f"{'x' * 95}~{sha256(b'x' * 129).hexdigest()[:32]}"),
    ],
)
def test_an_id_is_carried_by_the_rule(text: str, expected: str) -> None:
    assert expected == carried(text)


def test_an_empty_id_is_none() -> None:
    assert metadata_of("") is metadata_of(None) is None


def test_the_limit_is_that_of_a_node() -> None:
    assert CORRELATION_ID_MAX == LENGTH_MAX


def test_long_ids_stay_apart() -> None:
    assert carried(LONG + "1") != carried(LONG + "2")


@given(st.text(min_size=1, max_size=300))
def test_any_text_has_a_legal_form(text: str) -> None:
    assert 0 < len(carried(text)) <= LENGTH_MAX


@given(st.text(st.characters(codec="utf-8", exclude_characters="%"), min_size=1, max_size=10))
def test_a_short_text_without_percent_can_be_read_back(text: str) -> None:
    assert text == unquote(carried(text))


@pytest.mark.parametrize("text", ["Bestellung-Ä", "a\nb", "", " a ", LONG, "\ud800", "\0"])
async def test_no_text_fails_a_call(text: str, server: ScriptedServer, connect: Connect) -> None:
    """Of the client and of the call, unary and on a stream."""
    for made, options in (
        (connect(correlation_id=text), {}),
        (connect(), {"correlation_id": text}),
    ):
        await made.get_status(**options)
        assert [] == [each async for each in made.acknowledged([], **options)]
    metadata = dict(metadata_of(text) or ())
    expected = [metadata.get("x-correlation-id")] * 4
    assert expected == [each.metadata.get("x-correlation-id") for each in server.requests]
