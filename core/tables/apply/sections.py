"""Which function applies which kind of effect."""

from collections.abc import Callable

from ..effects import Entry, Section
from ..shard import Shard
from ..table import Array
from .levels import apply_levels, apply_stock
from .names import (
    apply_display_names,
    apply_ended_skus,
    apply_id_texts,
    apply_location_names,
    apply_locations,
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

#: All but RESERVATIONS and LINES, which are applied together.
_APPLY: dict[Section, Callable[[Shard, Array], None]] = {
    Section.SKU_NAMES: apply_sku_names,
    Section.LOCATION_NAMES: apply_location_names,
    Section.SOURCE_NAMES: apply_source_names,
    Section.DISPLAY_NAMES: apply_display_names,
    Section.ID_TEXTS: apply_id_texts,
    Section.LOCATIONS: apply_locations,
    Section.ENDED_SKUS: apply_ended_skus,
    Section.LEVELS: apply_levels,
    Section.LINKS: apply_links,
    Section.MOVES: apply_moves,
    Section.EXTENDS: apply_extends,
    Section.STOCK_PADDED: apply_stock,
    Section.STOCK: apply_stock,
    Section.REQUESTS: apply_requests,
    Section.SEAL: apply_seal,
}


def apply(shard: Shard, section: Section, effects: Array) -> None:
    """Apply effects of one kind."""
    _APPLY[section](shard, effects)


def replay(shard: Shard, entry: Entry) -> None:
    """Apply an entry of the journal, which has to be the shard's next. Raises StateMismatchError
    when it holds a seal that does not fit.
    """
    assert entry.sequence == shard.sequence + 1, (entry.sequence, shard.sequence)
    shard.now_ns = entry.now_ns
    for section, effects in entry.sections.items():
        if section is Section.RESERVATIONS:
            apply_reservations(shard, effects, entry.sections[Section.LINES])
        elif section is not Section.LINES:
            apply(shard, section, effects)
    shard.sequence = entry.sequence
