"""Commands for what adapters could not deliver, and for what a person has to decide."""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from holdfast.edge.cli.console import Json, console, fail, print_json

from .shared import CONFIG_DEFAULT, Config, Number, Reason, opened_store, plain, said

if TYPE_CHECKING:
    from ..runtime.records import Case, DeadLetter
    from ..runtime.store import Store, Tables

app = typer.Typer()

#: Rows that a terminal is asked to show.
SHOWN_MAX = 100

#: Records that are read at once.
PAGE = 100

Numbered = TypeVar("Numbered", "DeadLetter", "Case")


@app.command("dead-letters")
def list_dead_letters(
    number: Annotated[int | None, typer.Argument(help="Show one of them, whole.")] = None,
    adapter: Annotated[str, typer.Option(help="Those of this adapter.")] = "",
    discarded: Annotated[bool, typer.Option(help="Discarded ones as well.")] = False,
    body: Annotated[bool, typer.Option("--body", help="Of one, the content alone.")] = False,
    config: Config = CONFIG_DEFAULT,
    as_json: Json = False,
) -> None:
    """List what could not be delivered, and why; with a number, show one.

    Examples:

        holdfast adapters dead-letters
        holdfast adapters dead-letters 17
    """
    from ..runtime.dead_letters import newest_letters

    with opened_store(config) as store:
        if number is not None:
            letter = _found(store, number)
            if body:
                sys.stdout.buffer.write(letter.message.body)
            else:
                _show(letter, as_json)
            return
        if as_json:
            for each in _letters(store, adapter, discarded=discarded):
                print_json(_plain(each))
        else:
            with store.reading() as tables:
                wanted = (
                    each
                    for each in newest_letters(tables)
                    if _is_wanted(each, adapter, discarded=discarded)
                )
                newest = list(islice(wanted, SHOWN_MAX + 1))
            _print_letters(newest)


def _letters(store: "Store", adapter: str, *, discarded: bool) -> "Iterator[DeadLetter]":
    """Dead letters, oldest first, some at a time: there may be more than the memory holds."""
    from ..runtime.dead_letters import dead_letters

    for each in _paged(store, dead_letters):
        if _is_wanted(each, adapter, discarded=discarded):
            yield each


def _is_wanted(letter: "DeadLetter", adapter: str, *, discarded: bool) -> bool:
    return adapter in ("", letter.adapter) and (discarded or not letter.discarded)


def _paged(
    store: "Store", read: "Callable[[Tables, int], Iterator[Numbered]]"
) -> "Iterator[Numbered]":
    """What `read` finds after a number, a page at a time: who prints it may be slow, and a reader
    that is open pins old pages.
    """
    after = 0
    while True:
        with store.reading() as tables:
            page = list(islice(read(tables, after), PAGE))
        if not page:
            return
        yield from page
        after = page[-1].number


def _print_letters(newest: "Sequence[DeadLetter]") -> None:
    """A page of dead letters, of which there is one more where there are more."""
    from rich.table import Table

    table = Table("number", "adapter", "failed", "stage", "reason", "text")
    for each in reversed(newest[:SHOWN_MAX]):
        reason = f"discarded: {each.discarded}" if each.discarded else each.reason
        row = str(each.number), each.adapter, each.failed, each.stage, reason, each.text
        table.add_row(*map(plain, row))
    console().print(table)
    _print_more(newest)


def _print_more(newest: "Sequence[object]") -> None:
    if len(newest) > SHOWN_MAX:
        console().print(f"The newest {SHOWN_MAX}; all with --json.")


@app.command()
def edit(
    number: Number,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help="The whole new content; - for standard input.",
        ),
    ],
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Change the content of a dead letter, to be replayed.

    Examples:

        holdfast adapters edit 17 mended.json
    """
    from ..runtime.dead_letters import edit as edit_letter

    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    with opened_store(config) as store:
        letter = _found(store, number)
        if not store.write_now(lambda tables: edit_letter(tables, letter, body)):
            fail(f"dead letter {number} was replayed meanwhile")
    typer.echo(f"Dead letter {number} is changed. Replay it: holdfast adapters replay {number}")


@app.command()
def replay(
    numbers: Annotated[list[int] | None, typer.Argument(help="Which, by number.")] = None,
    adapter: Annotated[str, typer.Option(help="All of this adapter.")] = "",
    reason: Annotated[str, typer.Option(help="All that failed for this reason.")] = "",
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Deliver dead letters again. What the core has already counts once.

    Examples:

        holdfast adapters replay 17 18
        holdfast adapters replay --adapter tills --reason UNMAPPED
    """
    from ..runtime.dead_letters import replay as replay_letter

    if not numbers and not adapter and not reason:
        fail("say which: numbers, --adapter or --reason")
    with opened_store(config) as store:
        wanted = [_found(store, number).number for number in numbers or ()]
        if not numbers:
            letters = _letters(store, adapter, discarded=False)
            wanted = [each.number for each in letters if reason.upper() in ("", each.reason)]
        done = [bool(store.write_now(partial(replay_letter, number=each))) for each in wanted]
    if not wanted:
        advice = "List them: holdfast adapters dead-letters"
        fail("no dead letter is of that adapter and reason", advice)
    typer.echo(f"{sum(done):,} to be delivered again.")


@app.command()
def discard(
    numbers: Annotated[list[int], typer.Argument(help="Which, by number.")],
    reason: Reason,
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Give up dead letters, with a reason. They are kept for the record.

    Examples:

        holdfast adapters discard 17 --reason "test till"
        holdfast adapters discard 17 18 --reason "test till"
    """
    from ..runtime.dead_letters import discard as discard_letter

    with opened_store(config) as store:
        letters = [_found(store, number) for number in numbers]
        for letter in letters:
            if not store.write_now(partial(discard_letter, letter=letter, reason=reason)):
                fail(f"dead letter {letter.number} was replayed meanwhile")
            typer.echo(f"Dead letter {letter.number} is discarded.")


@app.command()
def cases(
    settled: Annotated[bool, typer.Option(help="Settled ones as well.")] = False,
    config: Config = CONFIG_DEFAULT,
    as_json: Json = False,
) -> None:
    """List the exception queue, the newest: what no rule decides. docs/adapters.md says what to do
    about each.

    Examples:

        holdfast adapters cases
    """
    from ..runtime.cases import cases as all_cases
    from ..runtime.cases import newest_cases, newest_open_cases

    with opened_store(config) as store:
        if as_json:
            for case in _paged(store, all_cases):
                if settled or not case.settled:
                    print_json({name: getattr(case, name) for name in case.__slots__})
            return
        with store.reading() as tables:
            count = SHOWN_MAX + 1
            newest = (
                list(islice(newest_cases(tables), count))
                if settled
                else newest_open_cases(tables, count)
            )
    _print_cases(newest)


def _print_cases(newest: "Sequence[Case]") -> None:
    """A page of cases, of which there is one more where there are more."""
    from rich.table import Table

    now = datetime.now(UTC)
    table = Table("number", "kind", "subject", "age", "times", "adapter", "text", "owner")
    for case in reversed(newest[:SHOWN_MAX]):
        text = f"{case.text} (settled: {case.settled})" if case.settled else case.text
        age = _age(now - datetime.fromisoformat(case.opened))
        row = str(case.number), case.kind, case.subject, age, f"{case.times:,}", case.adapter
        table.add_row(*map(plain, (*row, text, case.owner)))
    console().print(table)
    _print_more(newest)


@app.command()
def assign(
    number: Number,
    owner: Annotated[str, typer.Argument(help="Who settles it.")],
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Say who settles a case of the exception queue.

    Examples:

        holdfast adapters assign 3 returns-desk
    """
    from ..runtime.cases import assign_case

    with opened_store(config) as store:
        if not store.write_now(lambda tables: assign_case(tables, number, owner)):
            fail(f"there is no open case {number}")
    typer.echo(f"Case {number} is of {owner}.")


@app.command()
def settle(
    number: Number,
    what: Annotated[str, typer.Option(help="What was done.", callback=said)],
    config: Config = CONFIG_DEFAULT,
) -> None:
    """Close a case of the exception queue.

    Examples:

        holdfast adapters settle 3 --what "re-sourced from STORE-9"
    """
    from ..runtime.cases import settle_case

    with opened_store(config) as store:
        if not store.write_now(lambda tables: settle_case(tables, number, what)):
            fail(f"there is no open case {number}")
    typer.echo(f"Case {number} is settled.")


@app.command()
def unmapped(
    config: Config = CONFIG_DEFAULT,
    as_json: Json = False,
) -> None:
    """List names that mapping tables lacked, those that came most often first.

    Examples:

        holdfast adapters unmapped
    """
    from rich.table import Table

    from ..runtime.unmapped import unmapped as all_unmapped

    with opened_store(config) as store, store.reading() as tables:
        found = sorted(all_unmapped(tables), key=lambda each: -each[1].times)
    if as_json:
        for adapter, row in found:
            times = {"first": row.first.isoformat(), "last": row.last.isoformat()}
            known = {"adapter": adapter, "table": row.table, "name": row.name, "times": row.times}
            print_json(known | times)
        return
    table = Table("adapter", "table", "name", "times", "first", "last")
    for adapter, row in found[:SHOWN_MAX]:
        first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (row.first, row.last))
        table.add_row(*map(plain, (adapter, row.table, row.name, f"{row.times:,}", first, last)))
    console().print(table)


def _found(store: "Store", number: int) -> "DeadLetter":
    from ..runtime.dead_letters import dead_letter

    with store.reading() as tables:
        letter = dead_letter(tables, number)
    if letter is None:
        fail(f"there is no dead letter {number}")
    return letter


def _age(age: timedelta) -> str:
    """Days and hours; minutes within the first hour."""
    minutes = int(age.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 1440} d {minutes // 60 % 24} h"


def _show(letter: "DeadLetter", as_json: bool) -> None:
    if as_json:
        print_json(_plain(letter))
        return
    for name, value in _plain(letter).items():
        typer.echo(f"{name}: {value}")


def _plain(letter: "DeadLetter") -> dict[str, object]:
    fields = {name: getattr(letter, name) for name in letter.__slots__ if name != "message"}
    return fields | {
        "delivered": len(letter.delivered),
        "attributes": dict(letter.message.attributes),
        "body": letter.message.body.decode(errors="backslashreplace"),
    }
