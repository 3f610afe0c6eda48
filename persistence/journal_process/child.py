"""The process that writes the journal: `python -m holdfast.persistence.journal_process.child`.

It takes appends from its input, fills in their hashes, makes each durable and says so on its
output; protocol.py has the form. In a thread of the node, every step of LMDB's commit would wait
for the interpreter that the event loop is using, and the loop for the thread: half of the latency
under load was that (docs/adr/0019). Here the two share pipes and the file.

It ends when its input ends, which is when the node does, however that ends. An append that has come
in whole is made durable all the same: its answer is unknown to the caller, as after any crash.

It starts with every node, so it loads little: no NumPy, no kernels.
"""

import os
import signal
import sys
from io import BufferedReader
from time import perf_counter
from typing import Final

from ..hash_chain import write_hashes
from ..journal import JournalError
from ..lmdb.store import LmdbJournal
from .protocol import (
    IGNORED_SIGNALS,
    Answer,
    Hello,
    pack_answer,
    pack_failure,
    read_appends,
    unpack_hello,
)

#: Seconds after which an append is followed by a look at the disk, which others fill too. A look
#: takes a sixth of the processor time of a small append; between two, our own bytes are taken off.
LOOK_EVERY_S: Final = 0.05


def main() -> None:
    """Write what comes in until nothing more comes, or until a write fails."""
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # parent.py had them blocked from before the fork, so that none came before this line.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED_SIGNALS)
    source, target = sys.stdin.buffer, sys.stdout.fileno()
    assert isinstance(source, BufferedReader)
    try:
        if line := source.readline():
            _write_appends(unpack_hello(line), source, target)
    except JournalError as error:
        os.write(target, pack_failure(error))
    except BrokenPipeError:
        pass  # The node was killed and wants no answer; what it had handed over is durable.


def _write_appends(hello: Hello, source: BufferedReader, target: int) -> None:
    journal = LmdbJournal(hello.path, hello.map_size_bytes, hello.reserve_bytes)
    if journal.position != hello.position:
        raise JournalError(
            f"{journal.path}: ends at position {journal.position}, not at {hello.position} as the "
            "node read it: somebody else has written to it"
        )
    headroom_bytes, looked_s = journal.headroom_bytes(), perf_counter()
    for value, forget in read_appends(source):
        started = perf_counter()
        write_hashes(value, hello.chain)
        position = journal.put(value, forget)
        ended = perf_counter()
        headroom_bytes -= len(value)
        os.write(target, pack_answer(Answer(position, headroom_bytes, ended - started)))
        if ended - looked_s >= LOOK_EVERY_S:  # nobody waits for this append any more
            headroom_bytes, looked_s = journal.headroom_bytes(), ended


if __name__ == "__main__":
    main()
