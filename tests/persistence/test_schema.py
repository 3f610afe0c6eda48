"""A column more leaves every directory readable; a newer schema is distinguished from damage."""

import json
import shutil
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from holdfast.core.node import Node
from holdfast.core.tables import schema, state_bytes
from holdfast.core.tables.effects import DTYPES, Section
from holdfast.core.tables.layouts import EVENT, REQUEST
from holdfast.persistence import codec
from holdfast.persistence.data_directory import NewerSchemaError
from holdfast.persistence.history import RecordFilter, effect_records
from holdfast.persistence.recovery import open_read_only
from holdfast.persistence.verify import verify
from tests.persistence.lives import close, live_on, reopen, snapshot_of, snapshot_paths
from tests.persistence.test_earlier_builds import DIRECTORIES, NAMES, unpacked

DEFAULT = 7

#: Schema -> its last kind of effect, and a hash of its layouts. Do not change one: the disks of its
#: builds have them. Whoever changes a layout raises `schema.SCHEMA`, states there the layout until
#: then and the defaults of new fields, and adds a line here.
LAYOUTS = {
    1: (Section.STOCK_PLAIN, "1595893dd65ba923"),
    2: (Section.STOCK_DETAIL_TEXTS, "9ff0d14dd870a87d"),
    3: (Section.STOCK, "2d444199d14775be"),
    4: (Section.FORGETS, "cec4e3a1a87f556e"),
    5: (Section.POSTED, "21582716cc2bff8f"),
    6: (Section.SOURCES, "81fd8aa9733eb243"),
    7: (Section.REOPENED, "c4d09d5de41fca4d"),
    8: (Section.SUPPLY_TEXTS, "858d3f239ffd03fc"),
    9: (Section.DECISION_TEXTS, "792b8c5140c7c7cb"),
    10: (Section.SOURCE_STATES, "4ba4f9ad54b7f5c0"),
    11: (Section.SOURCE_STATES, "061bf57118a05ef0"),
    12: (Section.CORRELATION_TEXTS, "e3fa6f551fd07a78"),
    13: (Section.SKU_QUARANTINES, "6941104e762b08bd"),
    14: (Section.BACKORDERS, "bf4224dae134f61d"),
    15: (Section.SKU_RENAMES, "2b3aeb612cffaaba"),
    16: (Section.SKU_RENAMES, "2b3aeb612cffaaba"),
    17: (Section.SKU_RENAMES, "57a119b518821413"),
    18: (Section.SKU_RENAMES, "57a119b518821413"),
    19: (Section.SKU_RENAMES, "ba7809b72cb117b1"),
}


def with_column(dtype: np.dtype) -> np.dtype:
    return np.dtype([*dtype.descr, ("made_up", "<i4")])


@pytest.fixture
def next_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A build whose requests and events have a column more, and its effect too."""
    now = schema.SCHEMA
    monkeypatch.setattr(schema, "SCHEMA", now + 1)
    earlier = {Section.REQUESTS: DTYPES[Section.REQUESTS]}
    monkeypatch.setitem(schema.EARLIER_EFFECTS, now, earlier)
    monkeypatch.setitem(DTYPES, Section.REQUESTS, with_column(DTYPES[Section.REQUESTS]))
    monkeypatch.setitem(schema.EFFECT_DEFAULTS, Section.REQUESTS, {"made_up": DEFAULT})
    monkeypatch.setitem(schema.TABLE_DEFAULTS, "requests", {"made_up": DEFAULT})
    events = {**schema.TABLE_DEFAULTS["events"], "made_up": 0}
    monkeypatch.setitem(schema.TABLE_DEFAULTS, "events", events)
    monkeypatch.setattr("holdfast.core.tables.shard.REQUEST", with_column(REQUEST))
    monkeypatch.setattr("holdfast.core.tables.shard.EVENT", with_column(EVENT))
    codec._kinds_of.cache_clear()
    yield
    codec._kinds_of.cache_clear()


def columns_of(node: Node, name: str) -> np.ndarray:
    return np.concatenate([state_bytes.columns(shard)[name] for shard in node.shards])


def assert_opens(path: Path, shard_count: int) -> None:
    """Recovery, verify and history, with defaults in the columns that were not written."""
    recovered = reopen(path, shard_count)
    close(recovered)
    assert [] == recovered.bad_snapshots
    requests = columns_of(recovered.node, "requests.current")
    assert {DEFAULT} == set(requests["made_up"].tolist())
    assert {0} == set(columns_of(recovered.node, "events.current")["made_up"].tolist())
    report = verify(path)
    assert [] == report.findings
    assert recovered.node.state_hash() == report.state_hash
    with open_read_only(recovered.directory) as (journal, _):
        records = list(effect_records(codec.read_appends(journal, 0, {}), RecordFilter()))
    kinds = {record["kind"] for record in records}
    assert {"reserve", "move", "request", "stock"} <= kinds


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("next_build")
def test_a_column_more_opens_directories_of_earlier_builds(name: str, tmp_path: Path) -> None:
    """From the snapshot and the entries of every schema that there was."""
    facts = json.loads((DIRECTORIES / f"{name}.json").read_text("utf-8"))
    path = unpacked(name, tmp_path)
    assert_opens(path, facts["shard_count"])


def test_a_column_more_opens_directories_of_this_build(
    path: Path, request: pytest.FixtureRequest
) -> None:
    """From its snapshots; and from its journal alone, which comes to the same."""
    request.getfixturevalue("next_build")
    alone = Path(shutil.copytree(path, path.with_name("alone")))
    shutil.rmtree(alone / "snapshots")
    recovered = [reopen(each) for each in (path, alone)]
    for each in recovered:
        close(each)
    assert [0, 0] != [each.snapshot_position for each in recovered]
    from_snapshot, from_journal = (
        [state_bytes.digest(shard) for shard in each.node.shards] for each in recovered
    )
    assert from_snapshot == from_journal
    assert_opens(path, 4)


@pytest.mark.usefixtures("next_build")
def test_a_field_without_a_stated_default_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody guesses what an earlier build would have written."""
    monkeypatch.delitem(schema.EFFECT_DEFAULTS, Section.REQUESTS)
    records = np.zeros(1, schema.EARLIER_EFFECTS[schema.SCHEMA - 1][Section.REQUESTS])
    with pytest.raises(KeyError, match="made_up"):
        schema.migrate_effects(records, Section.REQUESTS, schema.SCHEMA - 1)


@pytest.mark.parametrize("number", LAYOUTS)
def test_the_layouts_of_a_schema_do_not_change(number: int) -> None:
    """They are what is on disks. See LAYOUTS for what to do."""
    assert schema.SCHEMA == max(LAYOUTS)
    last, expected = LAYOUTS[number]
    described = [
        f"{int(kind)} {dtype.descr}"
        for kind, dtype in schema.layouts_of(number).items()
        if kind <= last
    ]
    if number == schema.SCHEMA:  # older snapshots name their own fields
        columns = state_bytes.columns(Node(1).shards[0])
        described += [
            f"{name} {table.dtype.descr} {table.shape[1:]}" for name, table in columns.items()
        ]
    digest = blake2b("\n".join(sorted(described)).encode(), digest_size=8).hexdigest()
    assert expected == digest


# --- what a newer build wrote ---


@pytest.fixture
def newer(path: Path) -> Path:
    """A directory in which a newer build has written a snapshot and then an entry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "SCHEMA", schema.SCHEMA + 1)
        snapshot_of(path)
        live_on(path, turns=1, seed=9)
    return path


def test_recovery_refuses_a_newer_journal_as_newer(newer: Path) -> None:
    """And leaves it as it was."""
    before = (newer / "journal.mdb").read_bytes()
    with pytest.raises(NewerSchemaError, match=r"Nothing is damaged: upgrade Holdfast"):
        reopen(newer)
    assert before == (newer / "journal.mdb").read_bytes()


def test_verify_refuses_a_newer_journal_as_newer(newer: Path) -> None:
    """It is no finding, since nothing is to be restored."""
    with pytest.raises(
        NewerSchemaError, match=rf"journal position \d+: .* in schema {schema.SCHEMA + 1}"
    ):
        verify(newer)


def test_a_newer_snapshot_alone_is_passed_over(path: Path) -> None:
    """The journal is whole without it, and a newer build finds it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "SCHEMA", schema.SCHEMA + 1)
        written = snapshot_of(path)
    expected = live_on(path, turns=1, seed=9)
    recovered = reopen(path)
    close(recovered)
    assert expected == recovered.node.state_hash()
    assert [f"{written.name}: the snapshot"] == [
        bad.partition(": written by a newer")[0] for bad in recovered.bad_snapshots
    ]
    report = verify(path)
    assert [] == report.findings
    assert [True] == [written.name in note and "newer" in note for note in report.notes]
    assert written in snapshot_paths(path)
