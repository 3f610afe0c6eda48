"""Requests to PostgreSQL and its answers, byte by byte."""

import numpy as np
import pytest

from bench.harness.plan import BenchError
from bench.peers import postgres_wire as wire
from tests.bench.peers.peer_rules import reader


def test_a_postgres_array_has_no_nulls() -> None:
    head = b"\0\0\0\1" + b"\0\0\0\0" + b"\0\0\0\x17" + b"\0\0\0\2" + b"\0\0\0\1"
    cells = b"\0\0\0\4\0\0\0\5" + b"\0\0\0\4\xff\xff\xff\xff"
    assert head + cells == wire.array(wire.INT4_OID, np.array([5, -1]))
    assert b"\0\0\0\x08" + b"\xff" * 8 == wire.array(wire.INT8_OID, np.array([-1]))[20:]


def test_a_postgres_execution_binds_in_binary() -> None:
    body = b"\0one\0" + b"\0\1\0\1" + b"\0\1" + b"\0\0\0\x08" + wire.int8(-2) + b"\0\1\0\1"
    execute = b"E\0\0\0\x09\0\0\0\0\0"
    sync = b"S\0\0\0\4"
    assert wire.message(b"B", body) + execute + sync == wire.execute(b"one", wire.int8(-2))


async def test_a_postgres_answer_is_the_only_column_of_the_row() -> None:
    row = wire.message(b"D", b"\0\1" + b"\0\0\0\3" + b"113")
    ready = wire.message(b"Z", b"I")
    stream = reader(wire.message(b"2", b"") + row + ready + b"rest")
    assert b"113" == await wire.answer(stream)
    assert b"rest" == await stream.read()


async def test_an_error_of_postgres_is_reported_once_it_is_ready_again() -> None:
    error = wire.message(b"E", b"SERROR\0Mno such table\0\0")
    stream = reader(error + wire.message(b"Z", b"I") + b"rest")
    with pytest.raises(BenchError, match="no such table"):
        await wire.answer(stream)
    assert b"rest" == await stream.read()
