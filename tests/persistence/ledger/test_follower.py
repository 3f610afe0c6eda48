"""The index derives from the journal: whatever happened to either, it comes out the same."""

import contextlib
import random
import shutil
from pathlib import Path
from typing import Any

import lmdb
import pytest

from holdfast.core.commands import (
    Location,
    MergeSku,
    RecordStockEvents,
    StockEvent,
    UpdateLocation,
)
from holdfast.core.ids import key_from_text
from holdfast.core.model import EventKind, LocationKind
from holdfast.core.tables.effects import Section
from holdfast.persistence.data_directory import read_node_json
from holdfast.persistence.ledger import follower as followers
from holdfast.persistence.ledger import index as indexing
from holdfast.persistence.ledger import run as running
from holdfast.persistence.ledger.explain import (
    BeforeLedgerError,
    Instant,
    NoLevelError,
    explain,
)
from holdfast.persistence.ledger.follower import Follower
from holdfast.persistence.ledger.index import Index, opening_paths, run_paths
from holdfast.persistence.ledger.movements import TEXTS, MovementKind
from holdfast.persistence.ledger.queries import MovementFilter, find_movements
from holdfast.persistence.ledger.replica import MOVING
from holdfast.persistence.lmdb.store import LmdbJournal
from holdfast.persistence.past import Wanted
from holdfast.persistence.restore import restore
from holdfast.persistence.snapshots.process import archive_old
from tests.persistence.ledger.following import MAP_BYTES, catch_up, following, parts_of
from tests.persistence.lives import (
    PLACES,
    SKUS,
    close,
    life_of,
    live_on,
    reopen,
    snapshot_of,
)

ALL = 1_000_000


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "RUN_MOVEMENTS", 200)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory that has lived, without a ledger."""
    path = tmp_path / "data"
    live_on(path, turns=40, seed=1)
    return path


def movements_of(index: Index) -> list[Any]:
    """Every movement in words and numbers."""
    return [
        (
            *(each.number, each.kind, int(each.record["time_ns"]), int(each.record["sequence"])),
            [each.text(each.record, field) for field in ("sku", "location", "status")],
            *(each.before, each.after, each.reservation_id),
            [each.text(each.fact, field) for field in TEXTS["fact"]],
            [each.text(each.note, field) for field in TEXTS["note"]],
        )
        for each in find_movements(index, MovementFilter(), None, ALL)
    ]


def made_at_once(path: Path) -> list[Any]:
    """What the ledger of a directory is when nothing went wrong."""
    copy = path.with_name("copy")
    shutil.copytree(path, copy)
    shutil.rmtree(copy / "ledger", ignore_errors=True)
    with following(copy) as (follower, messages):
        assert [] == messages
        movements = movements_of(follower.index)
    shutil.rmtree(copy)
    assert movements
    return movements


#: A new kind of effect belongs here, or to what the ledger shows.
NOT_MOVING = frozenset(
    {
        *(Section.SKU_NAMES, Section.LOCATION_NAMES, Section.SOURCE_NAMES, Section.DISPLAY_NAMES),
        *(Section.ID_TEXTS, Section.LOCATIONS, Section.LEVELS),
        *(Section.RESERVATIONS, Section.LINKS, Section.EXTENDS, Section.COUNTED, Section.GAPS),
        *(Section.SOURCE_RESETS, Section.REQUESTS, Section.SEAL, Section.PRINCIPAL_NAMES),
        *(Section.ATTRIBUTIONS, Section.STOCK_DETAILS, Section.STOCK_DETAIL_TEXTS),
        *(Section.RESERVATION_TEXTS, Section.TEXT_BYTES),
        *(Section.ENDS, Section.DROPS, Section.FORGETS),
        *(Section.STATUS_NAMES, Section.HISTORY_WINDOWS, Section.COUNTS, Section.POSTED),
        *(Section.RESET_REASONS, Section.SOURCES, Section.REVERSALS, Section.REOPENED),
        *(Section.SUPPLY_TEXTS, Section.SOURCE_STATES),
        *(Section.SKU_QUARANTINES, Section.SKU_RENAMES),
        *(Section.QUARANTINES, Section.DECISIONS, Section.DECISION_TEXTS),
        *(Section.CORRELATIONS, Section.CORRELATION_TEXTS),
    }
)


def test_every_kind_of_effect_is_said_to_move_or_not() -> None:
    assert set(Section) == MOVING | NOT_MOVING
    assert set() == MOVING & NOT_MOVING


def test_a_reader_that_is_killed_anywhere_goes_on(path: Path) -> None:
    directory = read_node_json(path)
    rng = random.Random(3)
    for life in range(12):
        live_on(path, turns=4, seed=life)
        if life in (4, 8):
            snapshot_of(path)
        journal = LmdbJournal(directory.journal, MAP_BYTES, 0, read_only=True)
        follower = Follower(directory, journal, pytest.fail)
        for _ in range(rng.randrange(60)):
            follower.step(0.0)
            follower._write_a_piece()
            follower._take_append()
        if life % 3 == 0:
            catch_up(follower)
            follower.close()
        journal.close()
    expected = made_at_once(path)
    with following(path) as (follower, messages):
        assert [] == messages
        assert expected == movements_of(follower.index)


def follow_to_its_end(follower: Follower) -> None:
    catch_up(follower)
    follower.close()


@pytest.mark.parametrize("run_movements", [200, ALL], ids=["as it follows", "as it ends"])
def test_the_room_that_is_kept_for_the_journal_is_left_to_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, run_movements: int
) -> None:
    """A ledger that takes it stops the node, which has to record what expires."""
    monkeypatch.setattr(indexing, "RUN_MOVEMENTS", run_movements)
    directory = read_node_json(path)
    journal = LmdbJournal(directory.journal, MAP_BYTES, MAP_BYTES, read_only=True)
    with contextlib.closing(journal):
        follower = Follower(directory, journal, pytest.fail)
        with pytest.raises(OSError, match="left to the journal"):
            follow_to_its_end(follower)
    assert [] == list((path / "ledger").iterdir())


def test_a_short_run_is_taken_on(path: Path) -> None:
    with following(path) as (follower, _):
        follower.close()
    before = run_paths(path / "ledger")
    live_on(path, turns=10, seed=2)
    expected = made_at_once(path)
    with following(path) as (follower, messages):
        assert [] == messages
        assert expected == movements_of(follower.index)
        follower.close()
    assert len(run_paths(path / "ledger")) >= len(before)


def test_a_merge_keeps_the_name_of_its_time_after_a_restart(path: Path) -> None:
    """Also where the SKU that stays has the lower shard, whose entry says first that it took the
    name of the other.
    """
    recovered = reopen(path)
    homes = recovered.node.homes
    into, sku = sorted(("mug", "cup"), key=lambda name: homes.shard_of_sku(name).number)
    assert homes.shard_of_sku(into).number < homes.shard_of_sku(sku).number
    stock = [
        StockEvent(key_from_text(name), 0, name, PLACES[0], EventKind.RECEIPT, 2)
        for name in (into, sku)
    ]
    assert life_of(recovered, random.Random(1)).turn([RecordStockEvents("erp", tuple(stock))])
    close(recovered)
    with following(path) as (follower, _):
        follower.close()
    recovered = reopen(path)
    assert life_of(recovered, random.Random(2)).turn([MergeSku(sku, into)])
    close(recovered)
    expected = made_at_once(path)
    with following(path) as (follower, messages):
        assert [] == messages
        assert expected == movements_of(follower.index)
        removed = find_movements(
            follower.index, MovementFilter((("sku", sku.encode()),)), None, ALL
        )
    newest_first = [each.after[0] for each in removed]
    assert [0, 0, 2] == newest_first


def test_a_damaged_run_is_made_again_and_reported(path: Path) -> None:
    expected = made_at_once(path)
    rng = random.Random(11)
    with following(path) as (follower, _):
        follower.close()
    for _ in range(10):
        damaged = rng.choice(run_paths(path / "ledger"))
        data = bytearray(damaged.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        damaged.write_bytes(data[: rng.choice((len(data), len(data) // 2))])
        with following(path) as (follower, messages):
            assert 1 == len(messages)
            assert damaged.name in messages[0]
            assert expected == movements_of(follower.index)
            follower.close()


def test_a_run_of_another_schema_is_made_again_and_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = made_at_once(path)
    with monkeypatch.context() as earlier:
        earlier.setattr(indexing, "SCHEMA", 0)
        earlier.setattr(running, "SCHEMA", 0)
        with following(path) as (follower, _):
            follower.close()
    with following(path) as (follower, messages):
        assert "schema 0" in messages[0]
        assert expected == movements_of(follower.index)


def test_a_ledger_of_another_timeline_is_made_again(path: Path) -> None:
    with following(path) as (follower, _):
        follower.close()
    restored = path.with_name("restored")
    restore(path, restored, Wanted())
    shutil.move(path / "ledger", restored / "ledger")
    with following(restored) as (follower, messages):
        assert "another history" in messages[0]
        assert follower.index.count


def test_a_ledger_of_another_history_is_made_again(path: Path) -> None:
    """The directory was put back to what it was, and went another way since."""
    copy = shutil.copytree(path, path.with_name("before"))
    live_on(path, turns=10, seed=5)
    with following(path) as (follower, _):
        follower.close()
    shutil.move(path / "ledger", copy / "ledger")
    live_on(copy, turns=30, seed=6)
    with following(copy) as (follower, messages):
        assert "another history" in messages[0]
        movements = movements_of(follower.index)
    assert made_at_once(copy) == movements


def test_what_was_dropped_is_an_opening(path: Path) -> None:
    for seed in (2, 3, 4):
        live_on(path, turns=10, seed=seed)
        snapshot_of(path)
    drop_history(path)
    live_on(path, turns=10, seed=5)
    with following(path) as (follower, messages):
        assert "begins at position" in messages[0]
        index = follower.index
        explained = 0
        for name in ((sku, place) for sku in SKUS for place in PLACES):
            try:
                explanation = explain(index, *name, Instant())
            except NoLevelError:
                continue
            explained += 1
            on_hand = explanation.opening.quantity + explanation.earlier.quantity
            on_hand += sum(each.after[0] - each.before[0] for each in explanation.events)
            assert explanation.last.after[0] == on_hand
            with pytest.raises(BeforeLedgerError):
                explain(index, *name, Instant(at_ns=index.opened_ns - 1))
        assert explained > 10
        kinds = {each.kind for each in find_movements(index, MovementFilter(), None, ALL)}
        assert {MovementKind.OPENING, MovementKind.OPENING_HELD} <= kinds


@pytest.fixture
def of_one_sku(tmp_path: Path) -> Path:
    """A directory of one SKU, which is in one of the shards, and of which history was dropped."""
    path = tmp_path / "one"
    for number in range(3):
        recovered = reopen(path)
        receipt = StockEvent(None, number + 1, "mug", PLACES[0], EventKind.RECEIPT, 1)
        life = life_of(recovered, random.Random(number))
        life.turn([*([] if number else life.places()), RecordStockEvents("wms", (receipt,))])
        close(recovered)
        snapshot_of(path)
    drop_history(path)
    return path


def test_shards_without_a_stock_level_open_nothing(of_one_sku: Path) -> None:
    with following(of_one_sku) as (follower, messages):
        assert "begins at position" in messages[0]
        assert 3 == explain(follower.index, "mug", PLACES[0], Instant()).last.after[0]
        follower.close()
    with following(of_one_sku) as (follower, messages):
        assert [] == messages
        assert 3 == explain(follower.index, "mug", PLACES[0], Instant()).last.after[0]


def test_a_directory_without_a_stock_level_opens_nothing(tmp_path: Path) -> None:
    for number in range(3):
        recovered = reopen(tmp_path)
        location = Location(f"store {number}", LocationKind.STORE, "", enabled=True)
        life_of(recovered, random.Random(number)).turn([UpdateLocation(location)])
        close(recovered)
        snapshot_of(tmp_path)
    drop_history(tmp_path)
    with following(tmp_path) as (follower, messages):
        assert "begins at position" in messages[0]
        assert [] == movements_of(follower.index)


@pytest.fixture
def trimmed(path: Path) -> Path:
    """A directory with a ledger of all that moved, most of which the archive has not any more. Its
    whole history is beside it, as `whole`.
    """
    for seed in (2, 3, 4):
        live_on(path, turns=15, seed=seed)
        snapshot_of(path)
    with following(path) as (follower, _):
        follower.close()
    whole = shutil.copytree(path, path.with_name("whole"))
    drop_history(path)
    for each in (path, whole):
        live_on(each, turns=30, seed=5)
    return path


def test_what_the_archive_lost_is_let_go(trimmed: Path) -> None:
    """What is kept is reported as before, numbers and all, and so is every level since."""
    rng = random.Random(6)
    with (
        following(trimmed) as (follower, messages),
        following(trimmed.with_name("whole")) as (whole, _),
    ):
        assert [] == messages
        index, opening = follower.index, follower.index.opening
        assert opening is not None
        assert index.opened_at < follower._history.first
        assert not [run for run in index.runs if run.head.position < follower._history.first][1:]
        kept = [
            each for each in movements_of(index) if each[0] >= opening.first + opening.head.count
        ]
        assert kept == movements_of(whole.index)[: len(kept)]
        assert len(kept) < whole.index.count - 200
        explained = 0
        for name in ((sku, place) for sku in SKUS for place in PLACES):
            for at_ns in (
                2**62,
                *(rng.randrange(index.opened_ns, whole.replica.node.now_ns) for _ in range(5)),
            ):
                explained += explained_alike(whole.index, index, name, Instant(at_ns=at_ns))
            with pytest.raises((BeforeLedgerError, NoLevelError)):
                explain(index, *name, Instant(at_ns=index.opened_ns - 1))
        assert explained > 60


def explained_alike(whole: Index, index: Index, name: tuple[str, str], at: Instant) -> bool:
    """Whether there was such a level, which both say is the same."""
    try:
        expected = explain(whole, *name, at)
    except NoLevelError:
        with pytest.raises(NoLevelError):
            explain(index, *name, at)
        return False
    found = explain(index, *name, at)
    assert found.last.after == expected.last.after
    assert parts_of(found) == parts_of(expected)
    assert found.incoming == expected.incoming
    assert found.unavailable == expected.unavailable
    return True


def test_openings_are_taken_on_and_let_go_in_turn(trimmed: Path) -> None:
    """Also where a crash came between an opening and the end of what it stands for."""
    left = shutil.copytree(trimmed / "ledger", trimmed.with_name("left"))
    with following(trimmed) as (follower, _):
        expected = movements_of(follower.index)
        first = follower.index.opened_at
        follower.close()
    for path in left.iterdir():
        shutil.copy(path, trimmed / "ledger")
    with following(trimmed) as (follower, messages):
        assert [] == messages
        assert expected == movements_of(follower.index)
        follower.close()
    assert 1 == len(opening_paths(trimmed / "ledger"))
    for seed in (7, 8):
        live_on(trimmed, turns=60, seed=seed)
        with following(trimmed) as (follower, messages):
            assert [] == messages
            follower.close()
        snapshot_of(trimmed)
    drop_history(trimmed)
    live_on(trimmed, turns=60, seed=9)
    with following(trimmed) as (follower, messages):
        assert [] == messages
        assert first < follower.index.opened_at
        assert 1 == len(opening_paths(trimmed / "ledger"))
        for name in ((sku, place) for sku in SKUS for place in PLACES):
            with contextlib.suppress(NoLevelError):
                explain(follower.index, *name, Instant())


def test_a_damaged_opening_is_reported(trimmed: Path) -> None:
    with following(trimmed) as (follower, _):
        follower.close()
    (opening,) = opening_paths(trimmed / "ledger")
    data = bytearray(opening.read_bytes())
    data[-40] ^= 1
    opening.write_bytes(data)
    with following(trimmed) as (follower, messages):
        assert opening.name in messages[0]
        assert "begins at position" in messages[-1]


def drop_history(path: Path) -> None:
    """Let all appends up to the older snapshot go, as a node does in time."""
    directory = read_node_json(path)
    forget = archive_old(directory, 0)
    with (
        lmdb.open(str(directory.journal), subdir=False, map_size=1 << 28) as environment,
        environment.begin(write=True) as transaction,
        transaction.cursor() as cursor,
    ):
        while cursor.first() and int.from_bytes(cursor.key(), "big") <= forget:
            cursor.delete()


def test_a_long_tail_is_saved_on_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "RUN_MOVEMENTS", 1 << 20)
    monkeypatch.setattr(followers, "SAVE_EVERY_APPENDS", 10)
    with following(path):
        assert 1 == len(run_paths(path / "ledger"))
    expected = made_at_once(path)
    with following(path) as (follower, messages):
        assert [] == messages
        assert expected == movements_of(follower.index)
