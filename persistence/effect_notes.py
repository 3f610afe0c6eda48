"""What an entry notes about its effects and no table keeps: on whose behalf they came and under
which correlation id, why an operator decided on them, and what a stock fact came with.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from holdfast.core.tables.effects import Section
from holdfast.core.tables.names import unpack_names

Sections = Sequence[tuple[Section, Any]]

Notes = dict[tuple[Section, int], dict[str, Any]]
"""Fields of a record, by kind of effect and its number among those of the entry."""


def read_notes(sections: Sections, principals: Sequence[str]) -> Notes:
    """The notes of an entry. `principals` are those named by the entries before it."""
    notes: Notes = defaultdict(dict)
    named = [*principals, *_texts(sections, Section.PRINCIPAL_NAMES)]
    for effect in _effects(sections, Section.ATTRIBUTIONS):
        _note(notes, effect, {"principal": named[effect["principal"]]})
    ids, correlation = _texts(sections, Section.CORRELATION_TEXTS), ""
    for effect in _effects(sections, Section.CORRELATIONS):
        correlation = next(ids) if effect["is_next"] else correlation
        _note(notes, effect, {"correlation_id": correlation})
    decided = _texts(sections, Section.DECISION_TEXTS)
    for effect in _effects(sections, Section.DECISIONS):
        reason, actor = islice(decided, 2)
        _note(notes, effect, {"reason": reason, "actor": actor})
    texts = _texts(sections, Section.STOCK_DETAIL_TEXTS)
    is_plain = any(kind is Section.STOCK_PLAIN for kind, _ in sections)
    stock = Section.STOCK_PLAIN if is_plain else Section.STOCK
    for effect in _effects(sections, Section.STOCK_DETAILS):
        notes[stock, int(effect["stock"])] |= _details(effect, texts)
    return notes


def _note(notes: Notes, span: Any, fields: Mapping[str, str]) -> None:
    """Note something of the effects of a span, where it was not noted before: the correlation id of
    a stock fact stands before that of its call.
    """
    kind, start = Section(int(span["kind"])), int(span["start"])
    for number in range(start, start + int(span["count"])):
        notes[kind, number] = {**fields, **notes[kind, number]}


def _details(effect: Any, texts: Iterator[str]) -> dict[str, Any]:
    kind, reference_id, line, reason, actor = islice(texts, 5)
    given: dict[str, Any] = {}
    if effect["has_time"]:
        given["occurred_at_ns"] = int(effect["occurred_at_ns"])
    if kind or reference_id or line:
        given["reference"] = {"kind": kind, "id": reference_id, "line": line}
    return given | {name: text for name, text in (("reason", reason), ("actor", actor)) if text}


def _effects(sections: Sections, section: Section) -> Iterator[Any]:
    return chain.from_iterable(effects for kind, effects in sections if kind is section)


def _texts(sections: Sections, section: Section) -> Iterator[str]:
    packed = (effects for kind, effects in sections if kind is section)
    return chain.from_iterable(map(unpack_names, packed))
