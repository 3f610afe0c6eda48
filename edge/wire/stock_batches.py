"""RecordStockEventsStream: single events or packed columns, message by message.

Requests and responses are twins (packed.py). Whatever the message alone shows is judged here, by
column and position, and a malformed message is refused whole. Columns that pass cannot fail any
more, since the engine answers them event by event; so others may be queued behind them at once.
"""

from operator import attrgetter
from typing import Any, Final

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from holdfast.core import commands as core
from holdfast.core.commands.stock import RESERVATION, SUPPLY, TRANSFER
from holdfast.core.handles import split_handles
from holdfast.core.ids import source_key
from holdfast.core.limits import NAME_BYTES_MAX
from holdfast.core.model import EventKind
from holdfast.core.tables.layouts import STOCK_EVENT
from holdfast.v1 import stock_service_pb2 as stock

from .batches import OPERATIONS_MAX
from .fact_rules import (
    EVENT_QUANTITIES,
    SOURCE_SEQUENCE_MAX,
    bad_event_quantity,
    is_event_quantity,
)
from .faults import Fault, invalid, shortened
from .handles import check_timeline
from .name_rules import first_bad_name
from .packed import ColumnError, column, fill, twin
from .shared import add_revisions
from .stock_facts import (
    KINDS_READ,
    add_results,
    add_skipped,
    difference_message,
    events_from_request,
)
from .validation import (
    bad_name,
    check_correlation_id,
    check_count,
    check_name,
    enum_member,
)

_RESPONSE: Final = twin(stock.RecordStockEventsStreamResponse)

_KINDS_READ: Final = {
    number: kind for number, kind in KINDS_READ.items() if kind <= EventKind.COUNT
}

#: EVENT_QUANTITIES as arrays over all bytes, so that a column of kinds looks its ranges up at once.
#: A byte that is no kind has a most of 0.
_LEAST, _MOST, _TAKES_ZERO = np.zeros((3, 256), np.int64)
for _kind, _range in EVENT_QUANTITIES.items():
    if _kind > EventKind.COUNT:
        continue  # columns have no statuses and no references
    _LEAST[_kind], _MOST[_kind] = _range
    _TAKES_ZERO[_kind] = is_event_quantity(_kind, 0)


_SPACE: Final = ord(" ")

_SEQUENCE: Final = attrgetter("sequence")

#: Bytes of the texts of a column: of 32 an event, for as many as a message may have.
TEXT_BYTES_MAX: Final = 262_144

#: Kinds of references -> the kind of events of which they change more than what is on hand.
_SPECIAL: Final = {
    RESERVATION: EventKind.RETURN,
    SUPPLY: EventKind.RECEIPT,
    TRANSFER: EventKind.RECEIPT,
}


def stock_from_request(request: Any, timeline: int) -> core.RecordStockEvents | core.StockBatch:
    """The command of one message of the stream."""
    if not request.HasField("columns"):
        return events_from_request(request)
    if request.events:
        raise invalid("columns", "set together with events", "either events or columns")
    return _batch_from_request(request.source, request.columns, timeline)


def stock_response(
    request: Any, command: core.RecordStockEvents | core.StockBatch, outcome: Any
) -> Message:
    """The acknowledgement of one message of the stream, in the form of the message.

    It names the message's highest sequence: from there the source goes on after a lost connection.
    """
    head = {"source": command.source, "batch_id": request.batch_id}
    if isinstance(command, core.RecordStockEvents):
        last = max(map(_SEQUENCE, command.events))
        single = stock.RecordStockEventsStreamResponse(acknowledged_sequence=last, **head)
        add_results(single, outcome)
        return single
    packed: Any = _RESPONSE(acknowledged_sequence=int(command.events["sequence"].max()), **head)
    _fill_columns(packed.columns, outcome)
    add_skipped(packed, outcome.skipped)
    add_revisions(packed, outcome.revisions)
    acknowledgement: Message = packed
    return acknowledgement


def stock_refused(request: Any, fault: Fault) -> stock.RecordStockEventsStreamResponse:
    """The answer to a message of the stream that failed as a whole. One that could not be parsed is
    its own fault, and has neither source nor id.
    """
    return stock.RecordStockEventsStreamResponse(
        source=shortened(getattr(request, "source", "")),
        batch_id=getattr(request, "batch_id", 0),
        status=fault.to_status(),
    )


def _batch_from_request(source: str, columns: Any, timeline: int) -> core.StockBatch:
    check_name("source", source)
    handles = _column(columns, "stock_levels")
    count = len(handles)
    check_count("columns.stock_levels", count, 1, OPERATIONS_MAX)
    events = np.zeros(count, STOCK_EVENT)
    events["shard"], events["row"] = split_handles(timeline, handles)
    check_timeline("columns.stock_levels", handles, events["row"])
    _read_keys(events, source, columns)
    _read_facts(events, columns)
    check_correlation_id("columns.correlation_id", columns.correlation_id)
    return core.StockBatch(source, events, _details(events, columns), columns.correlation_id)


def _read_keys(events: NDArray[Any], source: str, columns: Any) -> None:
    """Set the key and the sequence of each event; it needs at least one of them."""
    high, low = _if_any(columns, "id_high", events), _if_any(columns, "id_low", events)
    sequences = _if_any(columns, "sequences", events)
    has_key = (high | low) != 0
    if (index := _first((sequences == 0) & ~has_key)) is not None:
        raise invalid(f"columns.sequences[{index}]", 0, "an id, a sequence, or both")
    if (index := _first(sequences > np.uint64(SOURCE_SEQUENCE_MAX))) is not None:
        expected = f"0 to {SOURCE_SEQUENCE_MAX:,}"
        raise invalid(f"columns.sequences[{index}]", int(sequences[index]), expected)
    # Keys as core/ids.py `event_key` makes them (docs/adr/0017): sent in one form, an event is a
    # duplicate in the other.
    scope = source_key(source)
    events["key_hi"] = np.where(has_key, high ^ np.uint64(scope.hi), np.uint64(0))
    events["key_lo"] = np.where(has_key, low ^ np.uint64(scope.lo), np.uint64(0))
    events["has_key"] = has_key
    events["sequence"] = sequences


def _read_facts(events: NDArray[Any], columns: Any) -> None:
    """Set the kind and the quantity of each event."""
    kinds = np.frombuffer(columns.kinds, np.uint8)
    if len(kinds) != 1:  # one kind stands for all, and broadcasts below
        _check_length("kinds", len(kinds), len(events))
    quantities = _column(columns, "quantities")
    _check_length("quantities", len(quantities), len(events))
    # Kinds before quantities: the range of a quantity depends on its kind.
    if (index := _first(_MOST[kinds] == 0)) is not None:
        field, given = f"columns.kinds[{index}]", int(kinds[index])
        enum_member(field, given, _KINDS_READ, stock.StockEventKind)
    is_wrong = (quantities < _LEAST[kinds]) | (quantities > _MOST[kinds])
    is_wrong |= (quantities == 0) & (_TAKES_ZERO[kinds] == 0)
    if (index := _first(is_wrong)) is not None:
        kind = EventKind(int(kinds[index if len(kinds) > 1 else 0]))
        raise bad_event_quantity(f"columns.quantities[{index}]", kind, int(quantities[index]))
    events["kind"], events["quantity"] = kinds, quantities


def _details(events: NDArray[Any], columns: Any) -> core.StockDetails | None:
    """What the events came with, if any did with anything."""
    times = _if_any(columns, "occur_nanoseconds", events, np.int64)
    ids, lines = (_texts(columns, name, events) for name in ("reference_ids", "reference_lines"))
    kind = columns.reference_kind
    has_reference = (ids.sizes | lines.sizes) > 0
    if kind:
        check_name("columns.reference_kind", kind)
        if not has_reference.any():
            raise invalid("columns.reference_kind", kind, "reference_ids or reference_lines")
    is_special = has_reference & (events["kind"] == _SPECIAL.get(kind, 0))
    if (index := _first(is_special)) is not None:
        expected = f"another kind; event {index}, which names it, is sent as a StockEvent"
        raise invalid("columns.reference_kind", kind, expected)
    if (index := _first((times != 0) & (events["kind"] == EventKind.COUNT))) is not None:
        expected = "0; a count of an instant is sent as a StockEvent"
        raise invalid(f"columns.occur_nanoseconds[{index}]", int(times[index]), expected)
    has_details = has_reference | (times != 0)
    return core.StockDetails(times, kind, ids, lines, has_details) if has_details.any() else None


def _texts(columns: Any, name: str, events: NDArray[Any]) -> core.TextColumn:
    """A column of names, which may be empty texts; if it is left out, all of them are."""
    texts = list(getattr(columns, name))
    if not texts:
        none = np.zeros(len(events), np.int64)
        return core.TextColumn(np.zeros(0, np.uint8), none, none)
    _check_length(name, len(texts), len(events))
    joined = "".join(texts)
    encoded = texts if joined.isascii() else [text.encode() for text in texts]
    data = np.frombuffer(joined.encode(), np.uint8)
    if len(data) > TEXT_BYTES_MAX:
        expected = f"up to {TEXT_BYTES_MAX:,} bytes of UTF-8 together"
        raise invalid(f"columns.{name}", f"{len(data):,} bytes", expected)
    sizes = np.fromiter(map(len, encoded), np.int64, len(texts))
    found = core.TextColumn(data, np.cumsum(sizes) - sizes, sizes)
    if not _are_plain_names(joined, found):
        given = [index for index, text in enumerate(texts) if text]
        if (bad := first_bad_name([texts[index] for index in given])) is not None:
            raise bad_name(f"columns.{name}[{given[bad]}]", texts[given[bad]])
    return found


def _are_plain_names(joined: str, texts: core.TextColumn) -> bool:
    """Whether texts are seen to be names or empty as a whole, as most are: one by one they take
    longer than what is recorded of them.
    """
    if not (joined.isascii() and joined.isprintable() and texts.sizes.max() <= NAME_BYTES_MAX):
        return False
    firsts, sizes = texts.starts[texts.sizes > 0], texts.sizes[texts.sizes > 0]
    ends = texts.data[firsts] == _SPACE, texts.data[firsts + sizes - 1] == _SPACE
    return not any(each.any() for each in ends)


def _column(columns: Any, name: str) -> NDArray[Any]:
    try:
        return column(columns, stock.StockEventColumns, name)
    except ColumnError as error:
        raise invalid(f"columns.{error.name}", error.found, error.expected) from error


def _if_any(columns: Any, name: str, events: NDArray[Any], dtype: Any = np.uint64) -> NDArray[Any]:
    """A column that may be left out, which stands for zeros."""
    values = _column(columns, name)
    if not len(values):
        return np.zeros(len(events), dtype)
    _check_length(name, len(values), len(events))
    return values


def _check_length(name: str, length: int, count: int) -> None:
    if length != count:
        expected = f"{count} values, as many as in stock_levels"
        raise invalid(f"columns.{name}", f"{length} values", expected)


def _first(is_wrong: NDArray[Any]) -> int | None:
    """The index of the first wrong value, or None."""
    index = int(is_wrong.argmax())
    return index if is_wrong[index] else None


def _fill_columns(columns: Any, outcome: core.StockCodes) -> None:
    columns.outcomes = outcome.codes.tobytes()
    for name in ("on_hand", "shortfalls", "available"):
        fill(columns, name, getattr(outcome, name))
    for difference in outcome.differences:
        message = difference_message(difference)
        columns.differences.add(field=message.field, recorded=message.recorded, now=message.now)
