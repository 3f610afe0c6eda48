"""The journal's bytes: what is written comes back, and anything else is found."""

import dataclasses
import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.node import Node
from holdfast.core.tables import schema
from holdfast.core.tables.effects import DTYPES, Entry, Section
from holdfast.persistence.codec import DamagedEntryError, decode_group, read_appends
from holdfast.persistence.data_directory import NewerSchemaError
from holdfast.persistence.hash_chain import Chain
from tests.persistence.journals import JournalWriter, MemoryJournal, encode_group
from tests.persistence.lives import Life, flip


def columns(section: Section) -> st.SearchStrategy[np.ndarray]:
    """Any records of a kind of effect, whatever their bits say."""
    dtype = DTYPES[section]
    return st.integers(1, 5).flatmap(
        lambda count: st.binary(
            min_size=count * dtype.itemsize, max_size=count * dtype.itemsize
        ).map(lambda data: np.frombuffer(data, dtype))
    )


sections = st.lists(
    st.sampled_from(Section).flatmap(lambda kind: st.tuples(st.just(kind), columns(kind))),
    min_size=1,
    max_size=4,
)
entries = st.builds(
    Entry,
    shard=st.integers(0, 255),
    sequence=st.integers(0, 2**64 - 1),
    now_ns=st.integers(-(2**63), 2**63 - 1),
    sections=sections,
)


def assert_same(expected: Entry, actual: Entry) -> None:
    assert dataclasses.replace(expected, sections=()) == dataclasses.replace(actual, sections=())
    assert len(expected.sections) == len(actual.sections)
    for (section, records), (read, found) in zip(expected.sections, actual.sections, strict=True):
        assert section is read
        assert records.dtype == found.dtype
        assert records.tobytes() == found.tobytes()
        assert found.flags.writeable


@given(st.lists(st.lists(entries, min_size=1, max_size=4), min_size=1, max_size=3))
def test_what_is_written_comes_back(groups: list[list[Entry]]) -> None:
    """Any entries of any shards, also several of one shard in a group, and the chain with them."""
    written, read = Chain(), Chain()
    for position, group in enumerate(groups, 1):
        value = encode_group(position, 7, group, written)
        recorded = decode_group(position, value, read)
        assert [7] * len(group) == [item.epoch for item in recorded]
        for expected, actual in zip(group, recorded, strict=True):
            assert_same(expected, actual.entry)
        assert written == read


@pytest.fixture(scope="module")
def journal() -> MemoryJournal:
    """A life that is short enough to try every bit of one of its groups."""
    journal = MemoryJournal()
    Life(Node(2), JournalWriter(journal), random.Random(1)).live(turns=12)
    return journal


def chain_before(journal: MemoryJournal, position: int) -> Chain:
    chain = Chain()
    for _ in itertools.islice(read_appends(journal, 0, chain), position - 1):
        pass
    return chain


def small_group(journal: MemoryJournal) -> tuple[int, bytes]:
    """Position and value of a group of few bytes that holds entries of more than one shard."""
    candidates = [
        (len(value), position, value)
        for position, value in enumerate(journal.values, 1)
        if position > 1 and value[4] > 1
    ]
    _, position, value = min(candidates)
    return position, value


def assert_damaged(position: int, value: bytes, chain: Chain) -> None:
    before = dict(chain)
    with pytest.raises(DamagedEntryError) as caught:
        decode_group(position, value, chain)
    assert position == caught.value.position
    assert 0 <= caught.value.offset <= len(value)
    assert before == chain


def test_every_flipped_bit_is_found(journal: MemoryJournal) -> None:
    """All of a group is under a checksum, or is compared: headers, padding and hashes too."""
    position, value = small_group(journal)
    chain = chain_before(journal, position)
    assert decode_group(position, value, dict(chain))
    for bit in range(8 * len(value)):
        assert_damaged(position, flip(value, bit), chain)


def test_every_truncation_is_found(journal: MemoryJournal) -> None:
    """A value that ends too early, wherever that is."""
    position, value = small_group(journal)
    chain = chain_before(journal, position)
    for size in range(len(value)):
        assert_damaged(position, value[:size], chain)


def test_bytes_after_a_group_are_found(journal: MemoryJournal) -> None:
    """A value that goes on."""
    position, value = small_group(journal)
    assert_damaged(position, value + bytes(1), chain_before(journal, position))


def test_a_value_under_another_key_is_found(journal: MemoryJournal) -> None:
    """Each group under each other's key, even with the chain that it follows."""
    for position, other in itertools.permutations(range(1, len(journal.values) + 1), 2):
        assert_damaged(position, journal.values[other - 1], chain_before(journal, other))


def test_a_group_of_another_history_is_found(journal: MemoryJournal) -> None:
    """The right position, whole, but it follows other entries."""
    other = MemoryJournal()
    Life(Node(2), JournalWriter(other), random.Random(2)).live(turns=4)
    position = 3
    assert decode_group(position, other.values[position - 1], chain_before(other, position))
    assert_damaged(position, other.values[position - 1], chain_before(journal, position))


def test_a_newer_schema_is_not_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes back to an older build learns what to do; a flipped bit is still damage."""
    entry = Entry(0, 1, 1, [(Section.ENDED_SKUS, np.zeros(1, DTYPES[Section.ENDED_SKUS]))])
    with monkeypatch.context() as newer:
        newer.setattr(schema, "SCHEMA", schema.SCHEMA + 7)
        value = encode_group(1, 1, [entry], Chain())
    chain = Chain()
    with pytest.raises(NewerSchemaError, match=r"journal position 1: .* in schema \d+; .*upgrade"):
        decode_group(1, value, chain)
    assert not chain
    with pytest.raises(DamagedEntryError, match="checksum"):
        decode_group(1, flip(value, 8 * 24), chain)


def test_the_damaged_entry_is_named_by_its_place(journal: MemoryJournal) -> None:
    """In a group of several entries, the offset is that of the entry's header."""
    position, value = small_group(journal)
    with pytest.raises(DamagedEntryError, match=f"journal position {position}: checksum") as caught:
        decode_group(position, flip(value, 8 * len(value) - 1), chain_before(journal, position))
    first_body = int.from_bytes(value[24 + 32 : 24 + 40], "little")
    assert caught.value.offset >= 24 + 72 + first_body
