"""Dead letters that two operators settle at once."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from holdfast.adapters.runtime import boxes
from holdfast.adapters.runtime.dead_letters import bury, dead_letter, dead_letters, discard, edit
from holdfast.adapters.runtime.dead_letters import replay as replay_letter
from holdfast.adapters.runtime.records import DeadLetter
from holdfast.adapters.runtime.store import Store
from tests.adapters.letters import LETTER

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def opened(folder: Path) -> tuple[Store, DeadLetter]:
    """A store with one dead letter, and that letter as an operator has read it."""
    store = Store(folder, 16 << 20)
    store.write_now(bury(LETTER))
    with store.reading() as tables:
        letter = dead_letter(tables, 1)
    assert letter is not None
    return store, letter


def kept(store: Store) -> tuple[list[tuple[bytes, str]], int, list[bytes]]:
    """Bodies of dead letters and why they were discarded, how many count, and what waits."""
    with store.reading() as tables:
        letters = [(each.message.body, each.discarded) for each in dead_letters(tables)]
        waiting = [each.message.body for each, _ in boxes.waiting(tables, boxes.INBOX, "tills")]
        return letters, boxes.depth(tables, boxes.DEAD_LETTERS, "tills"), waiting


def test_what_another_has_replayed_is_not_edited_or_discarded(tmp_path: Path) -> None:
    store, letter = opened(tmp_path)
    store.write_now(partial(replay_letter, number=letter.number))

    assert not store.write_now(lambda tables: edit(tables, letter, b"new"))
    assert not store.write_now(lambda tables: discard(tables, letter, "mine"))
    assert not store.write_now(partial(replay_letter, number=letter.number))

    assert ([], 0, [b"old"]) == kept(store)


def test_what_another_has_mended_is_replayed_as_it_is_now(tmp_path: Path) -> None:
    store, letter = opened(tmp_path)
    store.write_now(lambda tables: edit(tables, letter, b"new"))
    store.write_now(partial(replay_letter, number=letter.number))

    assert ([], 0, [b"new"]) == kept(store)


def test_one_that_two_discard_counts_once(tmp_path: Path) -> None:
    store, letter = opened(tmp_path)
    store.write_now(bury(LETTER))
    for reason in ("first", "second"):
        store.write_now(partial(discard, letter=letter, reason=reason))
    store.write_now(lambda tables: edit(tables, letter, b"new"))

    assert ([(b"new", "second"), (b"old", "")], 1, []) == kept(store)
