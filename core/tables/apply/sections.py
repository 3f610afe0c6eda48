"""Which function applies which kind of effect."""

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from ... import kernels
from .. import schema as schemas
from ..backorders import apply_backorders
from ..effects import DTYPES, Entry, Section
from ..id_texts import lay_down, lay_down_earlier
from ..names import unpack_names
from ..shard import Shard
from ..source_numbers import apply_gaps
from ..supply import apply_supplies
from ..table import Array
from ..undone import apply_reversals
from .levels import apply_levels, apply_quarantines, apply_repairs
from .names import (
    apply_display_names,
    apply_ended_skus,
    apply_location_names,
    apply_locations,
    apply_principal_names,
    apply_sku_names,
    apply_sku_quarantines,
    apply_sku_renames,
    apply_source_names,
    apply_source_states,
    apply_sources,
    apply_status_names,
)
from .reservations import (
    apply_extends,
    apply_links,
    apply_moves,
    apply_requests,
    apply_reservations,
)
from .retention import apply_drops, apply_ends, apply_forgets, apply_reopened
from .seal import apply_seal
from .stock import (
    apply_counts,
    apply_details,
    apply_plain_stock,
    apply_posted,
    apply_source_resets,
    apply_stock,
    apply_unavailable,
    apply_windows,
)


def _keep(_shard: Shard, _effects: Array) -> None:
    """Change nothing: it stands in the journal for those who read that."""


#: All but what is applied together.
_APPLY: dict[Section, Callable[[Shard, Array], None]] = {
    Section.SKU_NAMES: apply_sku_names,
    Section.LOCATION_NAMES: apply_location_names,
    Section.SOURCE_NAMES: apply_source_names,
    Section.PRINCIPAL_NAMES: apply_principal_names,
    Section.STATUS_NAMES: apply_status_names,
    Section.DISPLAY_NAMES: apply_display_names,
    Section.LOCATIONS: apply_locations,
    Section.ENDED_SKUS: apply_ended_skus,
    Section.SKU_RENAMES: apply_sku_renames,
    Section.LEVELS: apply_levels,
    Section.LINKS: apply_links,
    Section.MOVES: apply_moves,
    Section.EXTENDS: apply_extends,
    Section.ENDS: apply_ends,
    Section.DROPS: apply_drops,
    Section.FORGETS: apply_forgets,
    Section.STOCK_PADDED: apply_plain_stock,
    Section.STOCK_PLAIN: apply_plain_stock,
    Section.UNAVAILABLE: apply_unavailable,
    Section.BACKORDERS: apply_backorders,
    Section.REVERSALS: apply_reversals,
    Section.REOPENED: apply_reopened,
    Section.HISTORY_WINDOWS: apply_windows,
    Section.COUNTS: apply_counts,
    Section.POSTED: apply_posted,
    Section.GAPS: apply_gaps,
    Section.SOURCE_RESETS: apply_source_resets,
    Section.RESET_REASONS: _keep,
    Section.SOURCES: apply_sources,
    Section.SOURCE_STATES: apply_source_states,
    Section.REQUESTS: apply_requests,
    Section.ATTRIBUTIONS: _keep,
    Section.STOCK_DETAILS: apply_details,
    Section.STOCK_DETAIL_TEXTS: _keep,
    Section.QUARANTINES: apply_quarantines,
    Section.SKU_QUARANTINES: apply_sku_quarantines,
    Section.REPAIRS: apply_repairs,
    Section.DECISIONS: _keep,
    Section.DECISION_TEXTS: _keep,
    Section.CORRELATIONS: _keep,
    Section.CORRELATION_TEXTS: _keep,
    Section.SEAL: apply_seal,
}

#: A section that is applied with the one after it, and that one.
_TOGETHER = {
    Section.RESERVATIONS: Section.LINES,
    Section.RESERVATION_TEXTS: Section.TEXT_BYTES,
    Section.COUNTED: Section.STOCK,
    Section.SUPPLY_TEXTS: Section.SUPPLIES,
}
_NOTHING_BEFORE = np.zeros(0, DTYPES[Section.COUNTED])


def apply(shard: Shard, section: Section, effects: Array) -> None:
    """Apply effects of one kind."""
    _APPLY[section](shard, effects)


def replay(shard: Shard, entry: Entry, schema: int = schemas.SCHEMA) -> Array:
    """Apply an entry of the journal, which has to be the shard's next; return the numbers that its
    reservations have got (int32). `schema` is that of the build that wrote it. Raises
    StateMismatchError when it holds a seal of this schema that does not fit.
    """
    assert entry.sequence == shard.sequence + 1, (entry.sequence, shard.sequence)
    shard.now_ns = entry.now_ns
    before = _NOTHING_BEFORE
    texts: Iterator[str] | None = None
    numbers = [np.zeros(0, np.int32)]
    for section, effects in entry.sections:
        if section in _TOGETHER:
            before = effects
            continue
        if section is Section.LINES:
            first = len(shard.reservations)
            numbers.append(apply_reservations(shard, before, effects))
            if texts is not None:
                lay_down_earlier(shard, first, texts)
        elif section is Section.TEXT_BYTES:
            lay_down(shard, before, effects, fills=schema >= schemas.FILLED_SINCE)
        elif section is Section.STOCK:
            apply_stock(shard, effects, before)
        elif section is Section.SUPPLIES:
            apply_supplies(shard, effects, before.view(np.uint8))
        elif section is Section.ID_TEXTS:
            texts = chain(texts or (), unpack_names(effects))
        elif section is not Section.SEAL or schema == schemas.SCHEMA:
            apply(shard, section, effects)
        before = _NOTHING_BEFORE
    kernels.pop_settled(shard.arrays)
    shard.sequence = entry.sequence
    shard.mark_entry()
    return np.concatenate(numbers)
