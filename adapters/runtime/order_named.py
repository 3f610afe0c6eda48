"""The lines that an event names, beside those that the reservations of its order have.

Rules of this file: it decides and does not wait. A line is told by its id, SKU and location. What
ran out or was released does not count, and a line of which nothing is left is not placed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final, TypeAlias

from holdfast.v1 import reservation_service_pb2 as reservation

from ..events import OrderEvent
from .facts import Dead
from .order_calls import Line, lines_of, needed_lines
from .order_lines import LINE_DIFFERS, Found

#: States of a reservation that was committed, and not called off.
PLACED: Final = {
    reservation.RESERVATION_STATE_COMMITTED,
    reservation.RESERVATION_STATE_FULFILLED,
    reservation.RESERVATION_STATE_RETURNED,
}

#: The refusal of what comes after the hold has run out; and after it was released or cancelled.
EXPIRED: Final = "EXPIRED"
_WRONG_STATE: Final = "WRONG_STATE"

#: SKU, location, and the order's id of a line.
_Key: TypeAlias = tuple[str, str, str]

#: What a line keeps where it moves: its id, or SKU and location where it has none.
_Name: TypeAlias = str | tuple[str, str]


def absent(event: OrderEvent, found: Found) -> list[Line]:
    """The lines of an event, as far as an order does not have them. Raises Undecodable where it has
    none, and the event names none.
    """
    if not found:
        return needed_lines(event)
    if _untold(event, found):
        return []  # it ended so long ago that nobody can tell
    missing = _asked(event) - _there(found)
    return [(sku, location, units, id_) for (sku, location, id_), units in missing.items()]


def gone(event: OrderEvent, found: Found) -> Dead | None:
    """A line of an event whose units an order had and has no more, or an order that ended so long
    ago that nobody can tell. What ran out does not count for a sale: it is held again.
    """
    there, expired, released = _there(found), Counter[_Key](), Counter[_Key]()
    for part in _parts(found):
        expired[_key_of(part)] += 0 if event.is_sold else part.expired
        released[_key_of(part)] += part.released
    left = {_name(_key_of(part)) for part in _parts(found) if _is_left(part)}
    untold = {each.state for each in _untold(event, found)} - PLACED
    for key, units in _asked(event).items():
        if units > there[key]:
            is_gone = bool(expired[key] or released[key] or untold)
        else:
            is_gone = bool(units) and _name(key) not in left
        if is_gone:
            has_run_out = expired[key] or reservation.RESERVATION_STATE_EXPIRED in untold
            return _gone(key, EXPIRED if has_run_out else _WRONG_STATE)
    return None


def difference(event: OrderEvent, found: Found) -> Dead | None:
    """A line of an event that an order has with another SKU, location or quantity; of one that is
    sold already, with a higher quantity or elsewhere as well.
    """
    there, places = _there(found), _places(event, found)
    strays = _strays(event, found) if event.is_sold else set()
    for (sku, location, id_), units in _asked(event).items():
        known = there[sku, location, id_]
        if places[id_] - {(sku, location)} and (event.is_sold or not known):
            text = f"the order has line {id_} as another SKU or at another location"
        elif not id_ and sku in strays:
            text = f"the order has {sku} at another location as well, and its lines have no ids"
        elif known and (known > units or (known < units and not event.is_sold)):
            text = f"the order has {known} of {sku} at {location} where {units} are named"
        else:
            continue
        return Dead(LINE_DIFFERS, text, "lines", f"{id_ or sku} at {location}")
    return None


def concerned(event: OrderEvent, found: Found) -> list[reservation.Reservation]:
    """The reservations that have lines of an event, or may have had them: all where it names none.
    One that has moved is where it is now.
    """
    asked = {_name(key) for key in _asked(event)}
    return [
        each for each in found if not asked or not each.lines or not asked.isdisjoint(_names(each))
    ]


def has_all_or_none(event: OrderEvent, found: Found) -> bool:
    """Whether an order has all lines of an event or none, as far as the core tells."""
    known = {name for each in found for name in _names(each)}
    asked = {_name(key) for key in _asked(event)}
    return all(each.lines for each in found) and (asked <= known or asked.isdisjoint(known))


def _asked(event: OrderEvent) -> Counter[_Key]:
    asked: Counter[_Key] = Counter()
    for sku, location, units, id_ in lines_of(event):
        asked[sku, location, id_] += units
    return asked


def _there(found: Found) -> Counter[_Key]:
    """Units by line that are held, or were committed once."""
    there: Counter[_Key] = Counter()
    for part in _parts(found):
        there[_key_of(part)] += part.quantity - part.expired - part.released
    return there


def _places(event: OrderEvent, found: Found) -> defaultdict[str, set[tuple[str, str]]]:
    """SKUs and locations by line id, as reserved; for a sale, where they did not run out."""
    places: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for part in _parts(found):
        if part.line_id and part.quantity > (part.expired if event.is_sold else 0):
            places[part.line_id].add((part.sku, part.location))
    return places


def _strays(event: OrderEvent, found: Found) -> set[str]:
    """SKUs of lines without ids that an order has left where an event does not name them."""
    named = {(sku, location) for sku, location, _, _ in lines_of(event)}
    return {
        part.sku
        for part in _parts(found)
        if not part.line_id and _is_left(part) and (part.sku, part.location) not in named
    }


def _is_left(part: reservation.ReservationLine) -> bool:
    """Whether units of a line are held, committed or shipped."""
    return bool(part.quantity > part.expired + part.released + part.cancelled)


def _parts(found: Found) -> Iterator[reservation.ReservationLine]:
    return (part for each in found for part in each.lines)


def _key_of(part: reservation.ReservationLine) -> _Key:
    return part.sku, part.location, part.line_id


def _name(key: _Key) -> _Name:
    sku, location, id_ = key
    return id_ or (sku, location)


def _names(each: reservation.Reservation) -> set[_Name]:
    return {_name(_key_of(part)) for part in each.lines}


def _untold(event: OrderEvent, found: Found) -> list[reservation.Reservation]:
    """Reservations of which the core no longer tells the lines, but those that do not count."""
    expired = reservation.RESERVATION_STATE_EXPIRED
    return [
        each for each in found if not each.lines and not (event.is_sold and each.state == expired)
    ]


def _gone(key: _Key, reason: str) -> Dead:
    sku, location, id_ = key
    why = "their hold has run out" if reason == EXPIRED else "they were released or cancelled"
    text = f"the order does not have its units of {sku} at {location} any more: {why}"
    return Dead(reason, text, "lines", f"{id_ or sku} at {location}")
