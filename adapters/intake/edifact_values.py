"""What several messages of EDIFACT say in the same way: products, places, quantities, dates.

Source: D.96A and EANCOM 1997. Code lists are those of the UN's directories: 1153 (references), 2005
(dates), 2379 (their formats), 3035 (parties), 3227 (places), 6063 (quantities), 7143 (products).

Rules of this file: pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import takewhile
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from ..contract import Undecodable
from .edifact_segments import EdifactMessage, Segment
from .zones import ZoneName, zone

_DECIMAL: Final = re.compile(r"-?(?=[.,]?[0-9])[0-9]{0,16}([.,][0-9]{0,9})?")
_DAY: Final = timedelta(days=1)
#: Digits of a date by its format (2379).
_FORMATS: Final = {"101": 6, "102": 8, "201": 10, "203": 12, "204": 14}


class Edifact(BaseModel):
    """How a partner's EDIFACT is read: what its guide says and the standard leaves open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    location: str = ""
    """Where stock is when no party is the location."""
    locations: Sequence[str] = ("WH", "GY", "DP")
    """Kinds of parties (NAD) whose code is the location, the first that there is. Of a DESADV it is
    that of `destinations`.
    """
    places: Sequence[str] = ("14", "18")
    """Kinds of places (LOC) whose code is the location of a quantity, before any party."""
    destinations: Sequence[str] = ("UC", "DP", "ST")
    skus: Sequence[str] = ("SA", "VP", "IN", "BP", "SRV", "EN", "UP")
    """Kinds of product ids (7143) that may be the SKU, the first that there is."""
    counted: Sequence[str] = ("145", "17")
    """Kinds of quantities (6063) of an INVRPT that are what is on hand, the first that there is."""
    counted_at: Sequence[str] = ("366", "171", "91", "137")
    """Kinds of dates that say when the counts are of, the first that there is."""
    basis: Literal["shelf", "books"] = "shelf"
    """What counts have seen; see CountBasis. A warehouse counts where the goods lie, and has seen
    what it shipped; books of an ERP have seen what was posted in them.
    """
    movements: Mapping[str, Literal["receipt", "sale", "return", "adjustment", "ignored"]] = {
        "1": "receipt",
        "2": "sale",
    }
    """What movements (BGM+78) are by their reason (4499): adjustments, if they are not here."""
    sold: Sequence[str] = ("153",)
    """Kinds of quantities (6063) of a SLSRPT that were sold, the first that there is."""
    receipts: Literal["supply", "transfer", "receipt"] = "supply"
    """What a RECADV is a receipt of: of its despatch advice as supply or as a transfer, or of
    nothing that is known here.
    """
    supply_by: Literal["shipment", "order"] = "shipment"
    """What the supply of a DESADV is known by: itself, or the order."""
    transit_days: int = 0
    """Days from despatch to arrival, for a DESADV that gives no delivery date."""
    accepts_tests: bool = False
    """Whether interchanges that are marked as tests count."""
    time_zone: ZoneName = ""
    """The zone of dates and times; UTC if it is empty."""


def sku(lin: Segment, inside: Iterable[Segment], options: Edifact) -> str:
    """The SKU of a LIN, by itself or by the PIA after it."""
    named = {lin.get(3, 2): lin.get(3)}
    for pia in inside:
        if pia.name == "PIA":
            for at in range(2, len(pia.elements) + 1):
                named.setdefault(pia.get(at, 2), pia.get(at))
    for kind in options.skus:
        if named.get(kind):
            return named[kind]
    wanted = f"one of {', '.join(options.skus)}"
    raise Undecodable(lin.path(3), sorted(filter(None, named)), wanted)


def header(message: EdifactMessage) -> list[Segment]:
    """The segments of a message before its first line or package."""
    return list(takewhile(lambda each: each.name not in ("LIN", "CPS"), message.segments))


def party(segments: Iterable[Segment], kinds: Sequence[str]) -> str:
    """The code of the first kind of party that segments name; empty if none. Raises `Undecodable`
    for two of a kind: which of them the location is, nobody says.
    """
    parties: dict[str, str] = {}
    for each in segments:
        kind, code = each.get(1), each.get(2)
        if each.name == "NAD" and code and kind in kinds and parties.setdefault(kind, code) != code:
            raise Undecodable(each.path(2), code, f"{parties[kind]}, as in NAD+{kind} before it")
    return next((parties[kind] for kind in kinds if kind in parties), "")


def location(message: EdifactMessage, kinds: Sequence[str], options: Edifact) -> str:
    """The location that the parties of a message name, or that of the options."""
    found = party(header(message), kinds) or options.location
    if not found:
        wanted = f"NAD of {' or '.join(kinds)} with its code, or the option location"
        raise Undecodable(message.unh.path(2), message.code, wanted)
    return found


def quantity(qty: Segment, component: int = 2) -> Decimal:
    """The quantity of a QTY, with either decimal mark. Raises `Undecodable`."""
    value = qty.get(1, component)
    if not _DECIMAL.fullmatch(value):
        raise Undecodable(qty.path(1, component), value, "a decimal such as 3 or 0,42")
    return Decimal(value.replace(",", "."))


def dates(segments: Iterable[Segment]) -> dict[str, Segment]:
    """The DTM among segments, by kind; of each the first."""
    found: dict[str, Segment] = {}
    for each in segments:
        if each.name == "DTM":
            found.setdefault(each.get(1), each)
    return found


def instant(dtm: Segment, options: Edifact) -> datetime:
    """The date of a DTM, at midnight if it has no time. Raises `Undecodable`."""
    value, digits = dtm.get(1, 2), _FORMATS.get(dtm.get(1, 3) or "102")
    if digits is None:
        raise Undecodable(dtm.path(1, 3), dtm.get(1, 3), f"one of {', '.join(_FORMATS)}")
    if not re.fullmatch(f"[0-9]{{{digits}}}", value):
        raise Undecodable(dtm.path(1, 2), value, f"{digits} digits")
    full = value if digits in (8, 12, 14) else f"20{value}"
    return _local(dtm, full.ljust(14, "0"), options)


def period_end(dtm: Segment, options: Edifact) -> datetime:
    """The end of a period (2379: 718, two days), or of a day. Raises `Undecodable`."""
    if dtm.get(1, 3) == "718":
        value = dtm.get(1, 2)
        if not re.fullmatch(r"[0-9]{8}-?[0-9]{8}", value):
            raise Undecodable(dtm.path(1, 2), value, "two days such as 2026112020261126")
        return _local(dtm, value[-8:].ljust(14, "0"), options) + _DAY
    return instant(dtm, options) + (_DAY if is_day(dtm) else timedelta(0))


def is_day(dtm: Segment) -> bool:
    """Whether a DTM has no time of day."""
    return dtm.get(1, 3) in ("", "101", "102")


def made(message: EdifactMessage, options: Edifact) -> datetime:
    """When an interchange was made (UNB S004)."""
    unb = message.unb
    value = unb.get(4, 1) + unb.get(4, 2)
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", value):
        raise Undecodable(unb.path(4), value, "a date and a time")
    full = value if len(value) == 12 else f"20{value}"
    return _local(unb, full.ljust(14, "0"), options)


def when(message: EdifactMessage, kinds: Iterable[str], options: Edifact) -> tuple[datetime, bool]:
    """The first of these dates of the message, and whether its time of day is known: as when the
    interchange was made, if that was the same day.
    """
    known = dates(header(message))
    dtm = next((known[kind] for kind in kinds if kind in known), None)
    if dtm is None:
        return made(message, options), True
    if not is_day(dtm):
        return instant(dtm, options), True
    at, sent = instant(dtm, options), made(message, options)
    same = dtm.get(1, 2)[-6:] == message.unb.get(4, 1)[-6:]
    return (sent, True) if same else (at, False)


def reference(segments: Iterable[Segment], kinds: Sequence[str]) -> str:
    """The number of the first kind of reference (RFF) that segments have; empty if none."""
    known: dict[str, str] = {}
    for each in segments:
        if each.name == "RFF":
            known.setdefault(each.get(1), each.get(1, 2))
    return next((known[kind] for kind in kinds if known.get(kind)), "")


def _local(segment: Segment, digits: str, options: Edifact) -> datetime:
    parts = (digits[:4], *(digits[at : at + 2] for at in range(4, 14, 2)))
    year, month, day, hour, minute, second = map(int, parts)
    try:
        local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  Its zone follows.
        return local.replace(tzinfo=zone(options.time_zone) or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Undecodable(segment.path(1), digits, "a time that there is") from None
