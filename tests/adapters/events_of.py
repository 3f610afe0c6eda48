"""Canonical events for tests: every kind, with whatever it may hold, from a seed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from holdfast.adapters.events import (
    CountBasis,
    Event,
    FactKind,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from holdfast.adapters.intake.cloudevents import to_json
from holdfast.adapters.intake.event_types import EVENT_TYPES, EventType

SALE = StockFact(
    source="pos/0042/3",
    id="2026-11-26/114/4",
    kind=FactKind.SALE,
    sku="4006381333931",
    location="store-0042",
    quantity=Decimal("0.42"),
    unit="kg",
    sequence=17,
    time=datetime(2026, 11, 26, 16, tzinfo=UTC),
    reference=Reference("receipt", "114", "4"),
    actor="901",
    correlation_id="c-1",
)


def to_batch(events: Iterable[Event]) -> bytes:
    """Events as a batch in JSON."""
    return b"[" + b",".join(map(to_json, events)) + b"]"


_CHARACTERS = st.characters(exclude_categories=["Cs"])
_NAMES = st.text(_CHARACTERS, min_size=1, max_size=20)
_OPTIONAL_NAMES = st.one_of(st.just(""), _NAMES)
_IDS = st.text(_CHARACTERS, min_size=1, max_size=32)
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = st.datetimes(
    datetime.fromisoformat("1970-01-02"), datetime.fromisoformat("2259-12-30"), timezones=_ZONES
)
_COUNTS = st.decimals(0, 10**15, allow_nan=False, places=4)
_ABOVE_0 = st.decimals(Decimal("0.0001"), 10**15, allow_nan=False, places=4)
_NOT_0 = st.builds(lambda value, sign: value * sign, _ABOVE_0, st.sampled_from([1, -1]))
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _FLOATS | _NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)
_LINES = st.builds(OrderLine, _OPTIONAL_NAMES, _NAMES, _OPTIONAL_NAMES, _ABOVE_0, _OPTIONAL_NAMES)
_LINE_STATES = st.builds(
    OrderLine, _NAMES, _NAMES, _NAMES, _ABOVE_0, _OPTIONAL_NAMES, _COUNTS, _COUNTS
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "reference": st.builds(Reference, _NAMES, _NAMES, _OPTIONAL_NAMES),
    "as_of_sequence": st.integers(0, 2**63 - 1),
    "basis": st.sampled_from(CountBasis),
    "picked_quantity": _COUNTS,
    "seen_reservations": st.lists(_NAMES, max_size=3).map(tuple),
    "reverses": st.builds(
        Reversed, _NAMES, st.sampled_from(FactKind), st.none() | _TIMES, _OPTIONAL_NAMES
    ),
    "expected_time": _TIMES,
    "takes_promised": st.booleans(),
    "lines": st.lists(_LINES, max_size=3).map(tuple),
    "is_sold": st.booleans(),
    "is_current": st.booleans(),
    "placed_time": _TIMES,
    "hold": st.timedeltas(timedelta(microseconds=1), timedelta(days=1000)),
    "amount": _COUNTS,
    "details": st.dictionaries(_NAMES, _JSON, max_size=3),
}
_QUANTITIES = {"count": _COUNTS, "supply": _COUNTS, "adjustment": _NOT_0}
_QUANTITIES |= {"transfer_adjustment": _NOT_0, "reversal": st.one_of(_COUNTS, _NOT_0)}


def _values(kind: EventType, name: str) -> st.SearchStrategy[Any]:
    if name == "lines" and kind.kind is OrderKind.STATE:
        return st.lists(_LINE_STATES, max_size=3).map(tuple)
    if name == "quantity":
        return _QUANTITIES.get(str(kind.kind), _ABOVE_0)
    return _VALUES.get(name, _NAMES if name in kind.required else _OPTIONAL_NAMES)


@st.composite
def _of_kind(draw: st.DrawFn, kind: EventType) -> Event:
    found: dict[str, Any] = {} if kind.kind is None else {"kind": kind.kind}
    for name in kind.fields:
        if name in kind.required or draw(st.booleans()):
            found[name] = draw(_values(kind, name))
    if kind.event is StockFact:
        found["sequence"] = draw(st.integers(0, 2**63 - 1))
    return kind.event(
        source=draw(_IDS),
        id=draw(_IDS),
        time=draw(st.none() | _TIMES),
        correlation_id=draw(_OPTIONAL_NAMES),
        **found,
    )


#: Any event that may be.
EVENTS = st.sampled_from(list(EVENT_TYPES.values())).flatmap(_of_kind)
