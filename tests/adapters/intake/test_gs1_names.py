"""Names of goods and places as GS1 writes them."""

import pytest

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.intake.gs1_names import gtin, place


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        # Example of the EPC Tag Data Standard: 80614141123458 with serial 6789.
        ("urn:epc:id:sgtin:0614141.812345.6789", "80614141123458"),
        ("urn:epc:idpat:sgtin:0614141.812345.*", "80614141123458"),
        ("urn:epc:class:lgtin:4012345.012345.998877", "04012345123456"),
        ("https://id.gs1.org/01/09506000134352", "09506000134352"),
        ("https://shop.example/a/01/9506000134352/10/L-1/21/7?17=260101", "09506000134352"),
        ("http://example.com/gtin/09506000134352", "09506000134352"),
        ("https://id.gs1.org/01/40170725", "00000040170725"),
        ("urn:epc:id:sscc:0614141.1234567890", None),
        ("urn:epc:id:giai:4000001.111", None),
        ("https://id.gs1.org/00/106141412345678908", None),
    ],
    ids=str,
)
def test_trade_items_are_known_by_their_gtin(uri: str, expected: str | None) -> None:
    assert expected == gtin(uri, "epcList[0]")


@pytest.mark.parametrize(
    "uri", ["", "4012345", "urn:epc:id:sgtin:0614141.8123456.1", "urn:epc:id:sgtin:1.2.3", 7, None]
)
def test_what_names_nothing_is_undecodable(uri: object) -> None:
    with pytest.raises(Undecodable, match=r"epcList\[0\]"):
        gtin(uri, "epcList[0]")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("01/1234567890/21/1", "8, 12, 13 or 14 digits"),
        ("01/095060001343521/21/1", "8, 12, 13 or 14 digits"),
        ("01/", "8, 12, 13 or 14 digits"),
        ("01/0950600013435x", "8, 12, 13 or 14 digits"),
        ("01/09506000134359/21/1", "the GTIN 09506000134352"),
        ("01/9506000134353?17=260101", "the GTIN 9506000134352"),
        ("01/40170729", "the GTIN 40170725"),
    ],
    ids=str,
)
def test_a_link_whose_gtin_is_none_is_undecodable(path: str, expected: str) -> None:
    with pytest.raises(Undecodable, match=expected):
        gtin(f"https://id.gs1.org/{path}", "epcList[0]")


@pytest.mark.parametrize(
    ("uri", "name", "whole"),
    [
        # Example of the EPC Tag Data Standard: 0614141123452 with extension 400.
        ("urn:epc:id:sgln:0614141.12345.400", "0614141123452", "0614141123452.400"),
        ("urn:epc:id:sgln:0614141.12345.0", "0614141123452", "0614141123452"),
        ("https://id.gs1.org/414/0614141123452", "0614141123452", "0614141123452"),
        ("https://id.gs1.org/414/0614141123452/254/a%2Fb", "0614141123452", "0614141123452.a/b"),
        ("urn:x:7", "urn:x:7", "urn:x:7"),
    ],
    ids=str,
)
def test_places_are_known_by_their_gln(uri: str, name: str, whole: str) -> None:
    assert name == place(uri, "id", with_extension=False)
    assert whole == place(uri, "id", with_extension=True)


def test_a_place_of_too_few_digits_is_undecodable() -> None:
    with pytest.raises(Undecodable):
        place("urn:epc:id:sgln:0614141.1234.0", "id", with_extension=False)
