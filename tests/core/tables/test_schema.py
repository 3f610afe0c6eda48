"""Layouts of earlier schemas: what they wrote is read by the names of its fields."""

import numpy as np
import pytest

from holdfast.core.tables import schema
from holdfast.core.tables.effects import DTYPES, Section

THEN = np.dtype([("second", "i4"), ("gone", "i8"), ("first", "i8")])
NOW = np.dtype([("first", "i8"), ("second", "i8"), ("new", "i8")])


def test_records_of_todays_layout_are_handed_on_as_they_are() -> None:
    records = np.ones(3, NOW)
    assert schema.migrate(records, NOW, {}) is records


def test_fields_are_taken_by_name_and_new_ones_get_their_default() -> None:
    """Another order or width makes no difference, and a field that went is dropped."""
    records = np.array([(2, 9, 1), (4, 9, 3)], THEN)
    assert [(1, 2, 7), (3, 4, 7)] == schema.migrate(records, NOW, {"new": 7}).tolist()


def test_a_new_field_without_a_default_is_an_error() -> None:
    with pytest.raises(KeyError, match="new"):
        schema.migrate(np.zeros(1, THEN), NOW, {})


def test_each_schema_is_read_in_the_layouts_that_it_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layout holds up to the schema that it is listed with; the earliest such list counts."""
    lists = {1: {Section.STOCK: NOW}, 2: {Section.STOCK: THEN, Section.LEVELS: THEN}}
    monkeypatch.setattr(schema, "SCHEMA", 3)
    monkeypatch.setattr(schema, "EARLIER_EFFECTS", lists)
    stock = [schema.layouts_of(number)[Section.STOCK] for number in (1, 2, 3)]
    assert [NOW, THEN, DTYPES[Section.STOCK]] == stock
    levels = [schema.layouts_of(number)[Section.LEVELS] for number in (1, 2, 3)]
    assert [THEN, THEN, DTYPES[Section.LEVELS]] == levels


def test_effects_and_tables_take_the_defaults_of_their_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stated default is that of one kind: another kind that has the field does not get it."""
    layout = DTYPES[Section.STOCK]
    first, *rest = layout.names or ()
    kept = np.zeros(2, [(name, layout[name]) for name in rest])
    monkeypatch.setitem(schema.EFFECT_DEFAULTS, Section.STOCK, {first: 5})
    monkeypatch.setitem(schema.TABLE_DEFAULTS, "stock", {first: 6})
    assert [5, 5] == schema.migrate_effects(kept, Section.STOCK, 1)[first].tolist()
    assert [6, 6] == schema.migrate_table(kept, "stock", layout)[first].tolist()
    with pytest.raises(KeyError, match=first):
        schema.migrate_table(kept, "others", layout)
