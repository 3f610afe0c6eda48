"""Interchanges of X12 for tests: made up, with envelopes that count."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import Decoded, StockFact
from holdfast.adapters.intake.x12 import decode
from holdfast.adapters.intake.x12_values import X12

#: When the groups were made, and who sends them.
SENT = datetime(2026, 11, 26, 16, 55, tzinfo=UTC)
SOURCE = "x12/ZZ/WMS"
WAREHOUSE = "N1*WH*Main*92*W1"

#: First segments of sets, and the levels of a shipment.
BIA = "BIA*00*DD*adv-7*20261126*1530"
W17 = "W17*F*20261126*rc-1*po-9*asn-3"
W06 = "W06*F*ord-1*20261126*shp-5**po-9"
W15 = "W15*20261126*adj-1"
BSN = "BSN*00*asn-3*20261126*1200*0004"
LEVELS = (
    *("HL*1**S", "DTM*011*20261126", "DTM*017*20261130*0800", "N1*ST*Store*92*S1"),
    *("HL*2*1*O", "PRF*po-9", "HL*3*2*I", "LIN*1*VP*pen", "SN1*1*60*EA*90*100*EA"),
    *("HL*4*2*I", "LIN*2*VP*ink", "SN1*2*5*EA"),
)

GROUPS = {"214": "QM", "846": "IB", "856": "SH", "944": "RE", "945": "SW", "947": "AW", "850": "PO"}


def isa(control: str = "000000012", usage: str = "P", separators: str = "*>~") -> str:
    """An interchange's header, with its end."""
    element, component, end = list(separators)
    fields = ["ISA", "00", " " * 10, "00", " " * 10, "ZZ", "WMS".ljust(15), "ZZ", "HOLD".ljust(15)]
    fields += ["261126", "1655", "U", "00401", control, "0", usage, component]
    return element.join(fields) + end


def transaction_set(code: str, *segments: str, control: str = "0001") -> list[str]:
    """A set with its envelope."""
    return [f"ST*{code}*{control}", *segments, f"SE*{len(segments) + 2}*{control}"]


def interchange(code: str, *sets: Sequence[str], usage: str = "P", end: str = "~") -> bytes:
    """An interchange of one group of sets."""
    group = f"GS*{GROUPS[code]}*WMS*HOLD*20261126*1655*34*X*004010"
    body = [group, *(segment for each in sets for segment in each), f"GE*{len(sets)}*34"]
    body.append("IEA*1*000000012")
    return (isa(usage=usage) + "".join(segment + end for segment in body)).encode()


def one(code: str, *segments: str, usage: str = "P", end: str = "~") -> bytes:
    """An interchange of one set."""
    return interchange(code, transaction_set(code, *segments), usage=usage, end=end)


def read(body: bytes, **options: Any) -> list[Decoded | Undecodable]:
    return list(decode(Message(body), X12(**options)))


def facts(body: bytes, **options: Any) -> list[StockFact]:
    found = read(body, **options)
    assert all(isinstance(each, StockFact) for each in found), found
    return [each for each in found if isinstance(each, StockFact)]


def wrong_fields(body: bytes, **options: Any) -> list[str]:
    return [each.field for each in read(body, **options) if isinstance(each, Undecodable)]
