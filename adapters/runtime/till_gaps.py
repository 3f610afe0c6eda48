"""Numbers of tills that did not come: noticed, reported after a grace time, and healed when they
come.

Of each till the runs of numbers that came are kept, by business date and number, so that they may
come in any order; what lies between two runs is missing. Not where a till started its numbers over:
there the next ones are lower, or higher by more than a till makes while it is away.

Rules of this file: a till has one case, which lists all that it misses. What a person has settled
is not reported again. A record has a bounded size: the oldest runs are forgotten, and their gaps.
"""

import asyncio
import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

from ..events import Exceptional, Numbered
from .cases import open_case, raise_case, reword_case, settle_case
from .store import Store, Tables

KIND: Final = "till_gap"

#: More than a till makes in two busy days, and less than the shortest range of numbers, 9,999.
MISSING_MAX: Final = 2_000

#: Runs that are kept of a till, in some 2 KiB: a month of one that misses nothing.
RUNS_MAX: Final = 32

#: Places that a case lists.
LISTED_MAX: Final = 10

#: When what is no longer reported is due.
_NEVER_S: Final = math.inf


@dataclass(slots=True)
class Run:
    """Numbers of a business date without a gap, and what is missing before them."""

    date: str
    first: int
    last: int
    due_s: float = 0.0
    """When what is missing is to be reported to a person; 0 where nothing is."""
    is_reported: bool = False


class Gap(NamedTuple):
    """What is missing between two runs."""

    before: Run
    after: Run

    @property
    def missing(self) -> int:
        """How many numbers."""
        return self.after.first - self.before.last - 1

    def __str__(self) -> str:
        first, last = self.before.last + 1, self.after.first - 1
        numbers = f"{first}" if first == last else f"{first} to {last}"
        dates = dict.fromkeys((self.before.date, self.after.date))
        return f"{numbers} ({' to '.join(dates)})"


def note_numbers(adapter: str, came: Sequence[Numbered], now: datetime) -> Callable[[Tables], None]:
    """The change that notes numbers, and settles the case of a till of which all have come."""
    by_source: dict[str, list[Numbered]] = {}
    for each in came:
        by_source.setdefault(each.source, []).append(each)

    def change(tables: Tables) -> None:
        for source, numbers in by_source.items():
            _note(tables, _key(adapter, source), numbers, now)

    return change


def add(runs: list[Run], date: str, number: int, due_s: float) -> None:
    """Take a number in. What is found missing by it is due then."""
    at = bisect_right(runs, (date, number), key=lambda run: (run.date, run.first))
    if at and runs[at - 1].date == date and number <= runs[at - 1].last:
        return
    run = Run(date, number, number)
    if at < len(runs):  # what is missing there was noticed before, or reported
        run.due_s, run.is_reported = runs[at].due_s, runs[at].is_reported
    runs.insert(at, run)
    for after in (at + 1, at):
        if 0 < after < len(runs):
            _join(runs, after, due_s)
    if len(runs) > RUNS_MAX:
        del runs[0]
        runs[0].due_s, runs[0].is_reported = _NEVER_S, False


def gaps(runs: list[Run]) -> Iterator[Gap]:
    """What is missing, and was not settled."""
    return (gap for gap in map(Gap._make, pairwise(runs)) if 0 < gap.after.due_s < _NEVER_S)


async def tell_gaps(store: Store, now: datetime) -> None:
    """Open a case for each till that misses something too long. Raises StoreFull, StoreFailed."""
    for key in await asyncio.to_thread(_due, store, now):
        await store.write(_tell(key, now))


def _note(tables: Tables, key: bytes, came: Sequence[Numbered], now: datetime) -> None:
    source = came[0].source
    record = tables.tills.get(key)
    runs = [] if record is None else _read(record)[1]
    was_reported = any(_reported(runs))
    for each in came:
        add(runs, each.date, each.number, (now + each.grace).timestamp())
    tables.tills.put(key, _pack(source, runs))
    if not was_reported or (case := open_case(tables, KIND, source)) is None:
        return
    if any(_reported(runs)):
        reword_case(tables, case.number, _text(runs))
    else:
        settle_case(tables, case.number, "the missing transactions came")


def _join(runs: list[Run], at: int, due_s: float) -> None:
    """See what is missing between a run and the one before it; make them one where they meet."""
    before, run = gap = Gap(*runs[at - 1 : at + 1])
    if not 0 < gap.missing <= MISSING_MAX:
        run.due_s, run.is_reported = 0.0, False
    elif not run.due_s:
        run.due_s = due_s
    if gap.missing == 0 and before.date == run.date:
        before.last = run.last
        del runs[at]


def _due(store: Store, now: datetime) -> list[bytes]:
    with store.reading() as tables:
        found = ((key, _read(record)[1]) for key, record in tables.tills.entries())
        return [key for key, runs in found if any(_is_due(gap, now) for gap in gaps(runs))]


def _tell(key: bytes, now: datetime) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        record = tables.tills.get(key)
        assert record is not None, key
        source, runs = _read(record)
        if open_case(tables, KIND, source) is None:
            for gap in _reported(runs):
                gap.after.due_s, gap.after.is_reported = _NEVER_S, False
        due = [gap for gap in gaps(runs) if _is_due(gap, now)]
        if not due:
            return  # it came meanwhile
        for gap in due:
            gap.after.is_reported = True
        tables.tills.put(key, _pack(source, runs))
        adapter = key.partition(b"\0")[0].decode()
        case = Exceptional(source=source, id="", kind=KIND, subject=source, text=_text(runs))
        raise_case(adapter, case, now)(tables)

    return change


def _is_due(gap: Gap, now: datetime) -> bool:
    return gap.after.due_s <= now.timestamp() and not gap.after.is_reported


def _reported(runs: list[Run]) -> list[Gap]:
    return [gap for gap in gaps(runs) if gap.after.is_reported]


def _text(runs: list[Run]) -> str:
    reported = _reported(runs)
    listed = [str(gap) for gap in reported[:LISTED_MAX]]
    if left := len(reported) - len(listed):
        listed.append(f"and at {left:,} more places")
    count = sum(gap.missing for gap in reported)
    return f"{count:,} of its transactions did not come: {', '.join(listed)}"


def _key(adapter: str, source: str) -> bytes:
    """A source can be longer than a key."""
    digest = hashlib.blake2b(source.encode(errors="surrogatepass"), digest_size=16)
    return adapter.encode() + b"\0" + digest.digest()


def _pack(source: str, runs: list[Run]) -> bytes:
    fields = [source, [(run.date, run.first, run.last, run.due_s, run.is_reported) for run in runs]]
    return json.dumps(fields, separators=(",", ":")).encode()


def _read(record: bytes) -> tuple[str, list[Run]]:
    source, runs = json.loads(record)
    return source, [Run(*run) for run in runs]
