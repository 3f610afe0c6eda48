"""What the business steps and dispositions of GS1's Core Business Vocabulary do to stock.

Source: CBV 2.0 (ISO/IEC 19988), clauses of business steps and dispositions. The table follows what
a step does to units that may be promised; steps that move goods inside a location, or observe
them, do nothing.
"""

from enum import StrEnum
from typing import Final

from ..contract import Undecodable
from . import fields


class Effect(StrEnum):
    """What a step does to stock, before its disposition is looked at."""

    RECEIVE = "receive"
    STOCK = "stock"
    RESERVE = "reserve"
    SHIP = "ship"
    UNSHIP = "unship"
    SELL = "sell"
    COUNT = "count"
    DESTROY = "destroy"
    JUDGE = "judge"
    """Goods are looked at; their disposition is what was found."""
    NOTHING = "nothing"


_EFFECTS: Final = {
    Effect.RECEIVE: "receiving accepting",
    Effect.STOCK: "stocking storing",
    Effect.RESERVE: "reserving",
    Effect.SHIP: "shipping departing",
    Effect.UNSHIP: "void_shipping",
    Effect.SELL: "retail_selling dispensing",
    Effect.COUNT: "cycle_counting stock_taking",
    Effect.DESTROY: "destroying",
    Effect.JUDGE: "inspecting holding other",
    Effect.NOTHING: (
        "arriving assembling collecting commissioning consigning creating_class_instance "
        "decommissioning disassembling encoding entering_exiting installing killing loading "
        "packing picking removing repackaging repairing replacing sampling sensor_reporting "
        "staging_outbound transporting unloading unpacking"
    ),
}
#: Every business step of the vocabulary.
STEPS: Final = {step: effect for effect, steps in _EFFECTS.items() for step in steps.split()}

_FOR_SALE: Final = frozenset(("", "sellable_accessible", "available", "active", "conformant"))
#: Goods that are looked at and are none of these stay as they are.
_FINDINGS: Final = frozenset(
    [
        "damaged",
        "expired",
        "recalled",
        "returned",
        "non_sellable_other",
        "needs_replacement",
        "unavailable",
        "non_conformant",
        "no_pedigree_match",
        "sellable_not_accessible",
    ]
)
_OTHERS: Final = frozenset(
    [
        "completeness_inferred",
        "completeness_verified",
        "container_closed",
        "container_open",
        "destroyed",
        "dispensed",
        "disposed",
        "encoded",
        "in_progress",
        "in_transit",
        "inactive",
        "mismatch_class",
        "mismatch_instance",
        "mismatch_quantity",
        "partially_dispensed",
        "reserved",
        "retail_sold",
        "stolen",
        "unknown",
    ]
)
#: Every disposition of the vocabulary.
DISPOSITIONS: Final = (_FOR_SALE - {""}) | _FINDINGS | _OTHERS

_PREFIXES: Final = {
    "bizStep": ("urn:epcglobal:cbv:bizstep:", "https://ref.gs1.org/cbv/BizStep-", "cbv:BizStep-"),
    "disposition": ("urn:epcglobal:cbv:disp:", "https://ref.gs1.org/cbv/Disp-", "cbv:Disp-"),
}


def word_of(value: object, name: str, field: str) -> str:
    """A step or disposition as a bare word of the vocabulary. One of another vocabulary is a URI or
    has a prefix, and stays whole. Raises `Undecodable` for a bare word that is not of it.
    """
    text = fields.any_text("" if value is None else value, field)
    for prefix in _PREFIXES[name]:
        text = text.removeprefix(prefix)
    known = STEPS if name == "bizStep" else DISPOSITIONS
    if text and ":" not in text and text not in known:
        raise Undecodable(field, value, f"a {name} of CBV 2.0, or a URI")
    return text


def status_of(disposition: str) -> str:
    """The status of units of a disposition; empty when they are for sale."""
    return "" if disposition in _FOR_SALE else disposition


def is_finding(disposition: str) -> bool:
    """Whether goods of a disposition are not for sale any more."""
    return disposition in _FINDINGS
