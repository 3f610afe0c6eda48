"""Requests and answers of the peers, byte by byte."""

import asyncio

import numpy as np
import pytest

from bench.harness.plan import BenchError
from bench.peers.wires import (
    INT4_OID,
    INT8_OID,
    postgres_answer,
    postgres_array,
    postgres_execute,
    postgres_int8,
    postgres_message,
    redis_answer,
    redis_command,
)


def reader(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


def test_a_redis_command_counts_its_words() -> None:
    assert b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n" == redis_command(b"ECHO", b"a\r\n")


@pytest.mark.parametrize(
    ("data", "answer"), [(b"+OK\r\n", b"OK"), (b":7\r\n", b"7"), (b"$3\r\na\r\n\r\n", b"a\r\n")]
)
async def test_a_redis_answer_is_read(data: bytes, answer: bytes) -> None:
    assert answer == await redis_answer(reader(data))


async def test_an_error_of_redis_is_told() -> None:
    with pytest.raises(BenchError, match="NOSCRIPT"):
        await redis_answer(reader(b"-NOSCRIPT none\r\n"))


def test_a_postgres_array_has_no_nulls() -> None:
    head = b"\0\0\0\1" + b"\0\0\0\0" + b"\0\0\0\x17" + b"\0\0\0\2" + b"\0\0\0\1"
    cells = b"\0\0\0\4\0\0\0\5" + b"\0\0\0\4\xff\xff\xff\xff"
    assert head + cells == postgres_array(INT4_OID, np.array([5, -1]))
    assert b"\0\0\0\x08" + b"\xff" * 8 == postgres_array(INT8_OID, np.array([-1]))[20:]


def test_a_postgres_execution_binds_in_binary() -> None:
    body = b"\0one\0" + b"\0\1\0\1" + b"\0\1" + b"\0\0\0\x08" + postgres_int8(-2) + b"\0\1\0\1"
    execute = b"E\0\0\0\x09\0\0\0\0\0"
    sync = b"S\0\0\0\4"
    assert postgres_message(b"B", body) + execute + sync == postgres_execute(
        b"one", postgres_int8(-2)
    )


async def test_a_postgres_answer_is_the_only_column_of_the_row() -> None:
    row = postgres_message(b"D", b"\0\1" + b"\0\0\0\3" + b"113")
    ready = postgres_message(b"Z", b"I")
    stream = reader(postgres_message(b"2", b"") + row + ready + b"rest")
    assert b"113" == await postgres_answer(stream)
    assert b"rest" == await stream.read()


async def test_an_error_of_postgres_is_told_once_it_is_ready_again() -> None:
    error = postgres_message(b"E", b"SERROR\0Mno such table\0\0")
    stream = reader(error + postgres_message(b"Z", b"I") + b"rest")
    with pytest.raises(BenchError, match="no such table"):
        await postgres_answer(stream)
    assert b"rest" == await stream.read()
