"""Lines reach a reader in their order, and nobody waits for a reader who does not read."""

import os
from threading import Thread
from typing import Self

from holdfast.edge.server.log_writer import LogWriter, Sampler


class Pipe:
    """A pipe into which a writer writes, and its reader."""

    def __init__(self, **options: int) -> None:
        self.source, self.target = os.pipe()
        self.writer = LogWriter(self.target, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.source)
        self.writer.close(10)  # or its thread would write to whoever gets this number next
        os.close(self.target)

    def read(self, end: bytes) -> bytes:
        """All that comes, up to the last line."""
        data = b""
        while not data.endswith(end):
            data += os.read(self.source, 1 << 16)
        return data


def test_lines_are_written_in_their_order() -> None:
    lines = [f"line {number}\n" for number in range(1_000)]
    with Pipe() as pipe:
        for line in lines:
            pipe.writer.write(line)
        assert "".join(lines) == pipe.read(b"line 999\n").decode()
        assert 0 == pipe.writer.dropped


def test_what_nobody_reads_is_dropped_and_counted() -> None:
    """Every line is either read in the end or counted; the writer does not wait."""
    line = "x" * 99 + "\n"
    with Pipe(queue_bytes_max=10_000) as pipe:
        for _ in range(5_000):
            pipe.writer.write(line)
        dropped = pipe.writer.dropped
        assert dropped > 0
        found: list[bytes] = []
        reader = Thread(target=lambda: found.append(pipe.read(b"end\n")))
        reader.start()
        pipe.writer.close(10)
        pipe.writer.write("end\n")
        reader.join()
    assert 5_000 == dropped + found[0].count(line.encode())


def test_a_reader_who_has_gone_costs_lines_and_nothing_else() -> None:
    source, target = os.pipe()
    os.close(source)
    writer = LogWriter(target)
    writer.write("nobody hears it\n")
    writer.close(10)
    os.close(target)
    assert 1 == writer.dropped


def test_the_end_waits_for_a_reader_only_so_long() -> None:
    with Pipe() as pipe:
        for _ in range(1_000):
            pipe.writer.write("x" * 999 + "\n")
        pipe.writer.close(0.0)
        assert pipe.writer._lines


def test_what_is_no_text_is_escaped() -> None:
    """A lone surrogate, as a file name may hold, breaks no line."""
    with Pipe() as pipe:
        pipe.writer.write("a\udcffb\n")
        assert b"a\\udcffb\n" == pipe.read(b"\n")


def test_a_sampler_takes_so_many_a_second_and_counts_the_others() -> None:
    sampler = Sampler(2)
    taken = [sampler.takes(now_s) for now_s in (0.0, 0.1, 0.9, 1.0, 1.5, 1.9, 7.0)]
    assert [True, True, False, True, True, False, True] == taken
    assert 2 == sampler.left_out
    assert not Sampler(0).takes(0.0)
