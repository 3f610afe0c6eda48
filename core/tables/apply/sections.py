"""Which function applies which kind of effect."""

from collections.abc import Callable

import numpy as np

from ..effects import DTYPES, Entry, Section
from ..shard import Shard
from ..table import Array
from .levels import apply_levels
from .names import (
    apply_display_names,
    apply_ended_skus,
    apply_id_texts,
    apply_location_names,
    apply_locations,
    apply_principal_names,
    apply_sku_names,
    apply_source_names,
)
from .reservations import (
    apply_extends,
    apply_links,
    apply_moves,
    apply_requests,
    apply_reservations,
)
from .seal import apply_seal
from .stock import apply_gaps, apply_plain_stock, apply_source_resets, apply_stock


def _keep(_shard: Shard, _effects: Array) -> None:
    """Change nothing: it stands in the journal for those who read that."""


#: All but RESERVATIONS and LINES, and COUNTED and STOCK, which are applied together.
_APPLY: dict[Section, Callable[[Shard, Array], None]] = {
    Section.SKU_NAMES: apply_sku_names,
    Section.LOCATION_NAMES: apply_location_names,
    Section.SOURCE_NAMES: apply_source_names,
    Section.PRINCIPAL_NAMES: apply_principal_names,
    Section.DISPLAY_NAMES: apply_display_names,
    Section.ID_TEXTS: apply_id_texts,
    Section.LOCATIONS: apply_locations,
    Section.ENDED_SKUS: apply_ended_skus,
    Section.LEVELS: apply_levels,
    Section.LINKS: apply_links,
    Section.MOVES: apply_moves,
    Section.EXTENDS: apply_extends,
    Section.STOCK_PADDED: apply_plain_stock,
    Section.STOCK_PLAIN: apply_plain_stock,
    Section.GAPS: apply_gaps,
    Section.SOURCE_RESETS: apply_source_resets,
    Section.REQUESTS: apply_requests,
    Section.ATTRIBUTIONS: _keep,
    Section.STOCK_DETAILS: _keep,
    Section.STOCK_DETAIL_TEXTS: _keep,
    Section.SEAL: apply_seal,
}

_NONE = np.zeros(0, DTYPES[Section.RESERVATIONS])
_NOTHING_COUNTED = np.zeros(0, DTYPES[Section.COUNTED])


def apply(shard: Shard, section: Section, effects: Array) -> None:
    """Apply effects of one kind."""
    _APPLY[section](shard, effects)


def replay(shard: Shard, entry: Entry, *, compares_seal: bool = True) -> None:
    """Apply an entry of the journal, which has to be the shard's next. Raises StateMismatchError
    when it holds a seal that does not fit and is to be compared.
    """
    assert entry.sequence == shard.sequence + 1, (entry.sequence, shard.sequence)
    shard.now_ns = entry.now_ns
    reservations, counted = _NONE, _NOTHING_COUNTED
    for section, effects in entry.sections:
        if section is Section.RESERVATIONS:
            reservations = effects
        elif section is Section.LINES:
            apply_reservations(shard, reservations, effects)
        elif section is Section.COUNTED:
            counted = effects
        elif section is Section.STOCK:
            apply_stock(shard, effects, counted)
            counted = _NOTHING_COUNTED
        elif section is not Section.SEAL or compares_seal:
            apply(shard, section, effects)
    shard.sequence = entry.sequence
