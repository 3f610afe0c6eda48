"""Names that mapping tables lack, as the store keeps them."""

from datetime import UTC, datetime
from pathlib import Path

from holdfast.adapters.mapping import NAME_BYTES, Unmapped
from holdfast.adapters.runtime.store import Store
from holdfast.adapters.runtime.unmapped import note_unmapped, unmapped

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


def test_the_longest_name_of_the_widest_characters_is_counted(tmp_path: Path) -> None:
    """A key of LMDB has 511 bytes, and a name of a stranger may have 128 characters of 4."""
    store = Store(tmp_path, 16 << 20)
    names = ["\U0001f600" * NAME_BYTES, "\U0001f600" * (NAME_BYTES - 1) + "x"]

    for name in (*names, names[0]):
        store.write_now(note_unmapped("a" * 63, Unmapped("sku", name, "sku"), NOW))

    with store.reading() as tables:
        found = {(adapter, row.name): row.times for adapter, row in unmapped(tables)}
    assert {("a" * 63, names[0]): 2, ("a" * 63, names[1]): 1} == found
