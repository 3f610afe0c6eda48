"""Damage is what it says: a message with a member left out is well-formed, and lacks one."""

import json
from random import Random
from xml.etree.ElementTree import fromstring

import pytest

from holdfast.adapters.damage import DAMAGES

DOCUMENT = {"id": "1", "lines": [{"sku": "a", "at": None}, 7], "none": {}}
XML = b"<r a='>'><empty b='/>'/><line><sku>a&gt;</sku></line><!-- <c> --><t/></r>"

left_out = DAMAGES["missing members"]


def test_each_member_of_a_document_is_left_out_once() -> None:
    whole = json.dumps(DOCUMENT).encode()
    found = {left_out(whole, Random(seed)) for seed in range(200)}

    assert 7 == len(found)
    for body in found:
        assert json.loads(body) != DOCUMENT


def test_each_element_of_xml_is_left_out_once() -> None:
    found = {left_out(XML, Random(seed)) for seed in range(200)}

    names = {" ".join(each.tag for each in fromstring(body).iter()) for body in found}  # noqa: S314
    assert XML not in found
    assert {"r line sku t", "r empty t", "r empty line t", "r empty line sku"} == names


@pytest.mark.parametrize("body", [b"", b"{}", b"7", b"<r/>", b"<r", b"\xff", b"a,b\n1,2\n"])
def test_what_has_no_members_stays_as_it_is(body: bytes) -> None:
    assert body == left_out(body, Random(1))


@pytest.mark.parametrize("name", DAMAGES)
def test_the_same_chance_does_the_same_damage(name: str) -> None:
    assert DAMAGES[name](XML, Random(3)) == DAMAGES[name](XML, Random(3))
