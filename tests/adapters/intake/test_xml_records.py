"""XML as records: attacks are refused, memory is bounded, and what is wrong is named."""

import pytest

from holdfast.adapters.contract import Undecodable
from holdfast.adapters.intake.xml_records import DEPTH_MAX, ELEMENTS_MAX, records, text_of

LAUGHS = "".join(f'<!ENTITY a{n} "&a{n - 1};&a{n - 1};&a{n - 1};&a{n - 1};">' for n in range(1, 20))
ATTACKS = {
    "billion laughs": f'<!DOCTYPE r [<!ENTITY a0 "ha">{LAUGHS}]><r><t>&a19;</t></r>',
    "quadratic blow-up": f'<!DOCTYPE r [<!ENTITY a "{"a" * 50_000}">]><r><t>{"&a;" * 5000}</t></r>',
    "external entity": '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hosts">]><r><t>&a;</t></r>',
    "parameter entity": '<!DOCTYPE r [<!ENTITY % a SYSTEM "http://127.0.0.1/a"> %a;]><r/>',
    "external type": '<!DOCTYPE r SYSTEM "http://127.0.0.1/r.dtd"><r><t/></r>',
    "behind a long comment": f'<!--{"c" * 200_000}--><!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
    "attributes": '<!DOCTYPE r [<!ATTLIST t a CDATA "b">]><r><t/></r>',
}


def texts(body: bytes) -> list[str]:
    return [text_of(each) for each in records(body, "r", "t")]


def error_in(body: bytes) -> Undecodable:
    with pytest.raises(Undecodable) as caught:
        texts(body)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_declared_document_type_is_refused(attack: str, encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    assert "DOCTYPE" == error_in((head + ATTACKS[attack]).encode(encoding)).field


def test_records_come_by_their_local_names_in_any_encoding() -> None:
    document = '<a:r xmlns:a="urn:a" xmlns="urn:b"><t> ü </t><other/><a:t>2</a:t></a:r>'
    for encoding in ("utf-8", "utf-16", "iso-8859-15"):
        head = f'<?xml version="1.0" encoding="{encoding}"?>'
        assert ["ü", "2"] == texts((head + document).encode(encoding))


def test_the_root_may_be_the_record() -> None:
    record = next(records(b"<t><a/>1<b/></t>", "r", "t"))
    assert ["a", "b"] == [each.tag for each in record]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00" * 100,
        b"<r><t>",
        b"<r><t>&a;</t></r>",
        b"<r>\xff</r>",
        b"<html/>",
        b'<?xml version="1.0" encoding="utf-7"?><r/>',
        b'<?xml version="1.0" encoding="rot13"?><r/>',
        b'<?xml version="1.0" encoding="nothing"?><r/>',
        b"<r>" + b"<a>" * (DEPTH_MAX + 1),
        b"<r><t>" + b"<a/>" * (ELEMENTS_MAX + 1),
    ],
    ids=range(11),
)
def test_what_is_no_such_document_is_undecodable(body: bytes) -> None:
    assert "XML" == error_in(body).field
    assert len(str(error_in(body))) < 300


def test_what_stands_before_the_fault_is_read() -> None:
    found = records(b"<r><t>1</t><t>2</t><t>", "r", "t")
    assert ["1", "2"] == [text_of(next(found)), text_of(next(found))]
    with pytest.raises(Undecodable):
        next(found)
