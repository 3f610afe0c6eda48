"""The two ends understand each other, and what is cut off or out of turn is found."""

import io
from pathlib import Path
from typing import Any

import pytest

from holdfast.persistence.journal import JournalError
from holdfast.persistence.journal_process.protocol import (
    ANSWER_BYTES_MAX,
    Answer,
    Hello,
    pack_answer,
    pack_failure,
    pack_head,
    pack_hello,
    read_appends,
    unpack_answer,
    unpack_hello,
)

ANSWER = Answer(position=7, headroom_bytes=-1, seconds=0.25)


def test_a_greeting_is_one_line() -> None:
    """Whatever the path is called."""
    hello = Hello(
        Path("data\n\u00fc/journal.mdb"), 7, 1 << 40, 1 << 20, {0: bytes(16), 3: b"x" * 16}
    )

    line = pack_hello(hello)

    assert hello == unpack_hello(line)
    assert line.index(b"\n") == len(line) - 1


def test_appends_are_read_until_one_is_cut() -> None:
    """Every cut of the last, in its length or in its value, drops that one."""
    whole = pack_head(5, 0) + b"first" + pack_head(0, 7)
    last = pack_head(6, 0) + b"second"

    for cut in range(len(last)):
        source: Any = io.BufferedReader(io.BytesIO(whole + last[:cut]))
        assert [(b"first", 0), (b"", 7)] == [(bytes(v), f) for v, f in read_appends(source)]


def test_an_answer_comes_back() -> None:
    """With the sign of its headroom, which may be used up."""
    assert ANSWER == unpack_answer(pack_answer(ANSWER), 7)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "its process has ended"),
        (pack_answer(ANSWER), "position 7 was answered in place of 8"),
        (pack_failure(JournalError("the disk is gone")), "the disk is gone"),
    ],
)
def test_anything_else_is_a_failure(data: bytes, reason: str) -> None:
    """The node stops with the reason."""
    with pytest.raises(JournalError, match=f"^the journal can't be written: {reason}$"):
        unpack_answer(data, 8)


def test_a_long_reason_still_arrives_in_one_piece() -> None:
    """A pipe cuts what is longer than PIPE_BUF."""
    assert ANSWER_BYTES_MAX == len(pack_failure(JournalError("\u00e4" * ANSWER_BYTES_MAX)))
