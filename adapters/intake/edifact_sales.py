"""EDIFACT SLSRPT, sales data report: what was sold at each place in a period.

Source: D.96A and EANCOM 1997, SLSRPT version 004, and its example: LOC+162 opens the sales of a
place, DTM+356 gives their period, QTY+153 how many were sold. Fewer than none were brought back.

Rules of this file: pure. A sale is taken to have happened by the end of its period, or by when the
interchange was made where that is earlier.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from ..contract import Undecodable
from ..events import Decoded, FactKind, Ignored, Reference, StockFact
from .edifact_segments import EdifactMessage, Segment
from .edifact_stock import beginning
from .edifact_values import Edifact, dates, header, location, made, period_end, quantity, sku
from .loops import each_loop, loops, the_one

#: Functions (1225) that take a message back: cancellation and deletion.
_CANCELS: Final = ("1", "3")
_PLACE_OF_SALE: Final = "162"
_PERIOD: Final = "356"


def sales(message: EdifactMessage, options: Edifact) -> Iterator[Decoded | Undecodable]:
    """What an SLSRPT says was sold, product by product of each place."""
    bgm = beginning(message)
    if bgm.get(3) in _CANCELS:
        raise Undecodable(bgm.path(3), bgm.get(3), "a report that is not taken back")
    places = [each for each in loops(message.segments, "LOC") if each[0].get(1) == _PLACE_OF_SALE]
    if not places:
        yield from _of_place(
            message, bgm, 0, location(message, options.locations, options), [], options
        )
    for number, (loc, inside) in enumerate(places, 1):
        place = loc.required(2, 1, "the code of the place of sale")
        yield from _of_place(message, bgm, number, place, inside, options)


def _of_place(
    message: EdifactMessage,
    bgm: Segment,
    number: int,
    place: str,
    inside: list[Segment],
    options: Edifact,
) -> Iterator[Decoded | Undecodable]:
    time = _sold_by(message, inside, options)

    def read(at: int, lin: Segment, details: list[Segment]) -> Iterator[Decoded]:
        qty = the_one(details, "QTY", options.sold)
        if qty is None:
            raise Undecodable(lin.path(1), lin.get(1), f"QTY of {' or '.join(options.sold)}")
        units = quantity(qty)
        if not units:
            yield Ignored("no_sale")
            return
        yield StockFact(
            source=f"edifact/{message.sender}",
            id=f"{message.control}/{number}/{at}",
            kind=FactKind.SALE if units > 0 else FactKind.RETURN,
            sku=sku(lin, details, options),
            location=place,
            quantity=abs(units),
            unit=qty.get(1, 3),
            time=time,
            reference=Reference("sales_report", bgm.get(2)),
        )

    yield from each_loop(inside or message.segments, "LIN", read)


def _sold_by(message: EdifactMessage, inside: Iterable[Segment], options: Edifact) -> datetime:
    """When all of a period was sold: of a place, or else of the message."""
    sent = made(message, options)
    period = dates(inside).get(_PERIOD) or dates(header(message)).get(_PERIOD)
    return min(sent, period_end(period, options)) if period else sent
