"""What GS1 calls trade items and places, in its URNs and in its Digital Links.

Sources: GS1 EPC Tag Data Standard (urn:epc:id:sgtin, urn:epc:idpat:sgtin, urn:epc:class:lgtin,
urn:epc:id:sgln), GS1 Digital Link URI syntax (/01/ GTIN, /414/ GLN, /254/ its extension).
"""

import re
from typing import Final
from urllib.parse import unquote

from ..contract import Undecodable
from . import fields

_ITEM: Final = re.compile(
    r"urn:epc:(?:id:sgtin|idpat:sgtin|class:lgtin):([0-9]{6,12})\.([0-9]{1,7})\..+", re.ASCII
)
_ITEM_LINK: Final = re.compile(r"https?://[^?#]*?/(?:01|gtin)/([^/?#]*).*", re.ASCII | re.DOTALL)
_GTIN: Final = re.compile(r"[0-9]{8}|[0-9]{12,14}", re.ASCII)
_PLACE: Final = re.compile(
    r"urn:epc:(?:id|idpat):sgln:([0-9]{6,12})\.([0-9]{0,6})\.([^.]+)", re.ASCII
)
_PLACE_LINK: Final = re.compile(
    r"https?://[^?#]*?/(?:414|gln)/([0-9]{13})(?:/254/([^/?#]+))?(?:[/?#].*)?", re.ASCII
)
_NO_ITEMS: Final = re.compile(r"urn:epc:(?:id|idpat|class):(?!sgtin:|lgtin:)[a-z]+:.+", re.ASCII)


def gtin(uri: object, field: str) -> str | None:
    """The GTIN-14 of an identifier of goods; None of one that stands for no trade item, such as a
    pallet's (SSCC). Raises `Undecodable`, also for a link whose GTIN is none.
    """
    text = fields.text(uri, field)
    if match := _ITEM.fullmatch(text):
        # The first digit of the item reference is the indicator, which stands before the company.
        company, item = match[1], match[2]
        digits = item[0] + company + item[1:]
        return _whole(digits, 13, text, field)
    if match := _ITEM_LINK.fullmatch(text):
        return _checked(match[1], text, field)
    if _NO_ITEMS.fullmatch(text) or text.startswith(("http://", "https://")):
        return None
    expected = "an EPC, such as urn:epc:id:sgtin:0614141.107346.2018, or a GS1 Digital Link"
    raise Undecodable(field, uri, expected)


def place(uri: object, field: str, *, with_extension: bool) -> str:
    """The GLN of a place, with its extension after a point where that is wanted and there; of
    another identifier the whole. Raises `Undecodable`.
    """
    text = fields.text(uri, field)
    if match := _PLACE.fullmatch(text):
        number = _whole(match[1] + match[2], 12, text, field)
        extension = "" if match[3] == "0" else unquote(match[3])
    elif match := _PLACE_LINK.fullmatch(text):
        number, extension = match[1], unquote(match[2] or "")
    else:
        return text
    return f"{number}.{extension}" if extension and with_extension else number


def _checked(digits: str, uri: str, field: str) -> str:
    """The GTIN-14 of a GTIN as a link has it, by its length and check digit."""
    if not _GTIN.fullmatch(digits):
        raise Undecodable(field, uri, "a GTIN of 8, 12, 13 or 14 digits after /01/")
    if (whole := digits[:-1] + _check_digit(digits[:-1])) != digits:
        raise Undecodable(field, uri, f"the GTIN {whole}, by its check digit")
    return digits.zfill(14)


def _whole(digits: str, length: int, uri: str, field: str) -> str:
    """Digits with the check digit that a URN leaves out."""
    if len(digits) != length:
        raise Undecodable(field, uri, f"{length} digits of company and reference together")
    return digits + _check_digit(digits)


def _check_digit(digits: str) -> str:
    """By the GS1 General Specifications, 7.9: weights of 3 and 1 from the right."""
    weighted = sum(
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits))
    )
    return str(-weighted % 10)
