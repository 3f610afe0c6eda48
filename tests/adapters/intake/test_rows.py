"""Rows of a table become facts and orders; a wrong one is reported by line and column."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import (
    CountBasis,
    Decoded,
    FactKind,
    OrderEvent,
    OrderKind,
    OrderLine,
    Reference,
    Reversed,
    StockFact,
)
from holdfast.adapters.intake.rows import ADAPTER, cut, decode, key
from holdfast.adapters.intake.rows_options import FIELDS, Rows

FILE = {"file": "day.csv"}


def read(text: str | bytes, **options: Any) -> list[Decoded | Undecodable]:
    body = text if isinstance(text, bytes) else text.encode()
    return list(decode(Message(body, FILE), Rows(source="wms", **options)))


def facts(text: str | bytes, **options: Any) -> list[StockFact]:
    return [each for each in read(text, **options) if isinstance(each, StockFact)]


def wrong(text: str | bytes, **options: Any) -> list[str]:
    return [each.field for each in read(text, **options) if isinstance(each, Undecodable)]


def test_a_row_becomes_a_fact() -> None:
    header = ",".join(FIELDS)
    row = (
        "sale,pen,0042,0.42,kg,e1,7,2026-07-01T08:00:00+02:00,r,till 3,receipt,4711,2,damaged,,,"
        "0,,0,,,,,trace,,"
    )
    assert [
        StockFact(
            source="wms",
            id="e1",
            kind=FactKind.SALE,
            sku="pen",
            location="0042",
            quantity=Decimal("0.42"),
            unit="kg",
            sequence=7,
            time=datetime(2026, 7, 1, 6, tzinfo=UTC),
            reason="r",
            actor="till 3",
            reference=Reference("receipt", "4711", "2"),
            from_status="damaged",
            correlation_id="trace",
        )
    ] == read(f"{header}\n{row}\n")


def test_the_other_columns_of_facts_are_read() -> None:
    header = "kind,sku,location,quantity,basis,as_of_sequence,picked_quantity,reverses,"
    header += "reverses_kind,takes_promised,to_location,expected_time,time"
    count, reversal, dispatch = facts(
        f"{header}\n"
        "count,pen,1,5,books,9,2,,,,,,2026-07-01T06:00:00Z\n"
        "reversal,pen,1,-5,,,,e1,adjustment,,,,\n"
        "transfer_dispatch,pen,1,5,,,,,,yes,2,2026-07-02T06:00Z,\n"
    )
    assert (CountBasis.BOOKS, 9, Decimal(2)) == (
        count.basis,
        count.as_of_sequence,
        count.picked_quantity,
    )
    assert Reversed("e1", FactKind.ADJUSTMENT) == reversal.reverses
    assert (True, "2") == (dispatch.takes_promised, dispatch.to_location)
    assert datetime(2026, 7, 2, 6, tzinfo=UTC) == dispatch.expected_time


def test_a_row_may_be_an_event_of_an_order() -> None:
    text = "kind,order,line,sku,location,quantity,id\nshipped,o1,2,pen,1,3,e1\n"
    assert [
        OrderEvent(
            source="wms",
            id="e1",
            kind=OrderKind.SHIPPED,
            order="o1",
            lines=(OrderLine("2", "pen", "1", Decimal(3)),),
        )
    ] == read(text)


def test_a_partner_names_columns_and_kinds_its_own_way_and_leaves_some_out() -> None:
    counts = "Artikel;Bestand\r\n4711;12,5\r\n"
    [count] = facts(
        counts,
        columns={"sku": "Artikel", "quantity": "Bestand"},
        constants={"kind": "Z", "location": "0042", "unit": "kg"},
        kinds={"Z": "count"},
        delimiter=";",
        decimal_comma=True,
    )
    assert (FactKind.COUNT, "4711", "0042", Decimal("12.5"), "kg") == (
        *(count.kind, count.sku, count.location, count.quantity),
        count.unit,
    )


def test_a_row_without_an_id_has_its_file_and_line_for_one() -> None:
    text = 'kind,sku,location,quantity,reason\nsale,a,1,1,"b\nc"\n\nsale,b,1,1,\n'
    assert ["day.csv:2", "day.csv:5"] == [fact.id for fact in facts(text)]


def test_a_name_of_a_file_that_is_too_long_for_an_id_is_hashed() -> None:
    body = b"kind,sku,location,quantity\nsale,a,1,1\nsale,a,1,1\n"
    [one, other] = decode(Message(body, {"file": "\N{SNOWMAN}" * 80}), Rows(source="wms"))
    assert isinstance(one, StockFact)
    assert isinstance(other, StockFact)
    assert (34, "2", "3") == (len(one.id), one.id[33:], other.id[33:])
    assert one.id[:33] == other.id[:33]


ONE_ROW = "kind,sku,location,quantity,time,sequence,takes_promised,basis,reverses_kind,reference\n"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("sold,a,1,1,,,,,,", "kind"),
        (",a,1,1,,,,,,", "kind"),
        ("sale,,1,1,,,,,,", "sku"),
        ("sale,a,,1,,,,,,", "location"),
        ("sale,a,1,,,,,,,", "quantity"),
        ("sale,a,1,0,,,,,,", "quantity"),
        ("sale,a,1,-1,,,,,,", "quantity"),
        ("count,a,1,-1,,,,,,", "quantity"),
        ("sale,a,1,NaN,,,,,,", "quantity"),
        ("sale,a,1,1e9,,,,,,", "quantity"),
        ('sale,a,1,"1,5",,,,,,', "quantity"),
        (f"sale,a,1,{'9' * 99},,,,,,", "quantity"),
        ("sale,a,1,1,yesterday,,,,,", "time"),
        ("sale,a,1,1,2026-07-01T08:00:00,,,,,", "time"),
        ("sale,a,1,1,2026-02-30T08:00:00Z,,,,,", "time"),
        ("sale,a,1,1,,-1,,,,", "sequence"),
        (f"sale,a,1,1,,{2**63},,,,", "sequence"),
        ("sale,a,1,1,,,maybe,,,", "takes_promised"),
        ("sale,a,1,1,,,,shelves,,", "basis"),
        ("reversal,a,1,1,,,,,,", "reverses_kind"),
        ("reversal,a,1,1,,,,,shipped,", "reverses_kind"),
        ("reversal,a,1,1,,,,,sale,", "reverses"),
        ("sale,a,1,1,,,,,,4711", "reference_kind"),
        ("shipped,a,1,1,,,,,,", "order"),
        (f"sale,{'a' * 9999},1,1,,,,,,", "sku"),
    ],
)
def test_a_wrong_value_is_reported_by_line_and_column_and_holds_nothing_up(
    row: str, column: str
) -> None:
    found = read(f"{ONE_ROW}{row}\nsale,b,1,1,,,,,,\n")
    assert isinstance(found[0], Undecodable)
    assert f"line[2].{column}" == found[0].field
    assert isinstance(found[1], StockFact)
    assert 2 == len(found)


def test_a_line_that_is_no_row_holds_nothing_up() -> None:
    text = 'kind,sku,location,quantity\nsale,a,1\n"sale"x,a,1,1\nsale,b,1,1\nsale,\0,1,1\n'
    assert ["line[2]", "line[3]"] == wrong(text)[:2]
    assert ["b"] == [fact.sku for fact in facts(text)][:1]


HEADER = "kind,sku,location,quantity\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rows_end_with_lf_crlf_or_cr(form: str, end: str) -> None:
    text = f"{HEADER}sale,a,1,1\nsale,b,1,1\n"
    if form == "jsonl":
        row = '{"kind": "sale", "sku": "%s", "location": "1", "quantity": 1}\n'
        text = "\n" + row % "a" + row % "b"
    body = text.replace("\n", end).encode()
    options = Rows.model_validate({"source": "wms", "format": form})
    found = [event for each in cut([body], "f", options) for event in decode(each, options)]
    assert [("f:2", "a"), ("f:3", "b")] == [
        (each.id, each.sku) for each in found if isinstance(each, StockFact)
    ]
    assert found == list(decode(Message(body, {"file": "f"}), options))


@pytest.mark.parametrize(
    "text",
    ["sale,a,1,1\n", "sale,a,1,1", '"kind,sku,location,quantity\nsale,a,1,1\n', "kind;sku\n"],
    ids=["one row", "no end", "quote", "other"],
)
def test_a_file_that_is_all_header_is_checked(text: str) -> None:
    options = Rows(source="wms")
    (message,) = cut([text.encode()], "f", options)
    with pytest.raises(Undecodable, match="header"):
        list(decode(message, options))


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", HEADER, HEADER.strip()], ids=repr)
def test_a_file_without_rows_says_nothing(text: str) -> None:
    options = Rows(source="wms")
    assert [] == [
        event for each in cut([text.encode()], "f", options) for event in decode(each, options)
    ]


def timed(written: str, date_format: str, time_zone: str = "Europe/Berlin") -> datetime | None:
    """The time of a row, None where it is refused."""
    text = f"kind,sku,location,quantity,time\nsale,a,1,1,{written}\n"
    options = {"date_format": date_format, "time_zone": time_zone}
    found = facts(text, **options)
    if not found:
        assert ["line[2].time"] == wrong(text, **options)
    return found[0].time if found else None


@pytest.mark.parametrize(
    ("date_format", "written", "hour"),
    [
        ("dd.mm.yyyy", "31.12.2026", 23 - 24),
        ("dd.mm.yyyy", "31.12.2026 14:05:00", 13),
        ("dd.mm.yyyy", "31.12.2026 14:05", 13),
        ("dd.mm.yyyy", "31.12.2026T14:05:00+02:00", 12),
        ("dd/mm/yyyy", "31/12/2026 14:05:00", 13),
        ("mm/dd/yyyy", "12/31/2026 14:05:00", 13),
    ],
)
def test_dates_are_read_in_the_format_that_the_options_say(
    date_format: str, written: str, hour: int
) -> None:
    minute = 5 if "14:05" in written else 0
    midnight = datetime(2026, 12, 31, tzinfo=UTC)

    assert midnight + timedelta(hours=hour, minutes=minute) == timed(written, date_format)


def test_a_day_and_a_month_of_one_digit_are_read() -> None:
    assert datetime(2026, 2, 1, 8, 30, tzinfo=UTC) == timed("1.2.2026 09:30", "dd.mm.yyyy")
    assert datetime(2026, 1, 2, 8, 30, tzinfo=UTC) == timed("1/2/2026 09:30", "mm/dd/yyyy")


@pytest.mark.parametrize(
    ("date_format", "written"),
    [
        ("yyyy-mm-dd", "31.12.2026"),
        ("yyyy-mm-dd", "2026-12-31"),
        ("dd.mm.yyyy", "2026-12-31T14:05:00"),
        ("dd.mm.yyyy", "31/12/2026"),
        ("dd.mm.yyyy", "31.12/2026"),
        ("dd.mm.yyyy", "31.12.26"),
        ("dd.mm.yyyy", "12.31.2026"),
        ("dd.mm.yyyy", "31.12.2026 25:00"),
        ("dd.mm.yyyy", "31.12.2026 noon"),
        ("dd.mm.yyyy", "30.2.2026"),
    ],
)
def test_nothing_is_guessed_of_a_date(date_format: str, written: str) -> None:
    assert timed(written, date_format) is None


@pytest.mark.parametrize("decimal", ["1.5", "1.234,5"])
def test_a_point_is_refused_where_decimals_have_a_comma(decimal: str) -> None:
    text = f'kind,sku,location,quantity\nsale,a,1,"{decimal}"\n'
    assert ["line[2].quantity"] == wrong(text, decimal_comma=True)


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("", {}),
        ("kind,sku,location", {}),
        ("kind,sku,location,quantity,sku", {}),
        ("kind;sku;location;quantity", {}),
        ("kind,sku,location,quantity", {"columns": {"id": "Beleg"}}),
        ('"kind', {}),
    ],
)
def test_a_header_without_the_columns_that_are_needed_is_refused(
    header: str, options: dict[str, Any]
) -> None:
    with pytest.raises(Undecodable) as caught:
        read(f"{header}\nsale,a,1,1\n", **options)
    assert "header" == caught.value.field


def test_times_without_a_zone_are_of_the_time_zone_of_the_options() -> None:
    text = "kind,sku,location,quantity,time\nsale,a,1,1,2026-07-01 08:00\n"
    [fact] = facts(text, time_zone="Europe/Berlin")
    assert datetime(2026, 7, 1, 6, tzinfo=UTC) == fact.time


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_come_in_the_encoding_of_the_options(encoding: str) -> None:
    text = "kind,sku,location,quantity\nsale,Bär,1,1\n".encode(encoding)
    options = Rows(source="wms", encoding=encoding)
    [cut_one] = [event for each in cut([text], "f", options) for event in decode(each, options)]
    [whole] = facts(text, encoding=encoding)
    assert isinstance(cut_one, StockFact)
    assert ("Bär", "Bär") == (whole.sku, cut_one.sku)


def test_bytes_that_are_not_of_the_encoding_are_reported() -> None:
    assert ["line[2].sku"] == wrong(b"kind,sku,location,quantity\nsale,B\xe4r,1,1\nsale,b,1,1\n")


def test_json_lines_are_rows_and_their_numbers_are_as_written() -> None:
    rows = [
        '{"kind": "sale", "sku": "a", "location": 42, "quantity": 0.10, "more": {"x": []}}',
        "",
        '{"kind": "sale", "sku": "b", "location": "1", "quantity": 2, "id": null}',
    ]
    one, other = facts("\n".join(rows), format="jsonl")
    assert ("42", Decimal("0.10"), "day.csv:1") == (one.location, one.quantity, one.id)
    assert (Decimal(2), "day.csv:3") == (other.quantity, other.id)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("[", "line[1]"),
        ("[]", "line[1]"),
        ('{"kind": "sale", "kind": "sale"}', "line[1]"),
        ('{"kind": ["sale"]}', "line[1].kind"),
        ('{"kind": NaN}', "line[1]"),
        ("[" * 100_000, "line[1]"),
        ('{"kind": "sale", "quantity": 1e5}', "line[1].quantity"),
        ('{"kind": "sale", "quantity": ' + "9" * 9999 + "}", "line[1].quantity"),
        ('{"kind": "sale", "quantity": 1, "sku": "\\ud800"}', "line[1].sku"),
    ],
)
def test_a_line_that_is_no_json_is_reported(row: str, field: str) -> None:
    good = json.dumps({"kind": "sale", "sku": "b", "location": "1", "quantity": "1"})
    assert [field] == wrong(f"{row}\n{good}", format="jsonl")
    assert ["b"] == [fact.sku for fact in facts(f"{row}\n{good}", format="jsonl")]


def test_rows_have_the_same_ids_however_their_file_is_cut() -> None:
    text = "kind,sku,location,quantity,reason\n" + "".join(
        f'sale,{number},1,1,"{"x" * 50}\n"\n' for number in range(3000)
    )
    options = Rows(source="wms")
    messages = list(cut([text.encode()], "day.csv", options))
    assert 3 < len(messages)
    assert len(messages) == len({key(message) for message in messages})
    assert read(text) == [event for message in messages for event in decode(message, options)]


def test_the_line_that_is_too_long_is_reported_and_no_other() -> None:
    text = f"kind,sku,location,quantity\nsale,a,1,1\nsale,{'x' * 99_999},1,1\nsale,b,1,1\n"
    options = Rows(source="wms")
    wrong: list[str] = []
    skus: list[str] = []
    for message in cut([text.encode()], "day.csv", options):
        try:
            skus += [
                event.sku for event in decode(message, options) if isinstance(event, StockFact)
            ]
        except Undecodable as undecodable:
            wrong.append(undecodable.field)
    assert (["line[3]"], ["a", "b"]) == (wrong, skus)


def test_a_message_is_known_by_its_content_and_where_it_comes_from() -> None:
    messages = [
        Message(b"a", FILE),
        Message(b"b", FILE),
        Message(b"a"),
        Message(b"a", {"line": "2"}),
    ]
    assert 4 == len({key(message) for message in messages})
    assert ADAPTER.key(Message(b"a", {"file": "day.csv"})) == key(messages[0])


def test_a_table_that_comes_again_in_its_right_encoding_is_read_again() -> None:
    """Its sender did not name it at first; the rows that could be read then count once."""
    options = Rows(source="wms", encoding="utf-16")
    body = b"kind,sku,location,quantity\nsale,a,1,1\n"
    first, second = Message(body), Message(body, {"content-type": "text/csv; charset=utf-8"})
    with pytest.raises(Undecodable):
        list(decode(first, options))
    [fact] = decode(second, options)
    [same] = decode(first, Rows(source="wms"))
    assert key(first) != key(second)
    assert key(first) == key(Message(body, {"content-type": "text/csv"}))
    assert isinstance(fact, StockFact)
    assert fact == same


@pytest.mark.parametrize(
    "options",
    [
        {"columns": {"stock": "x"}},
        {"constants": {"stock": "x"}},
        {"kinds": {"x": "sold"}},
        {"encoding": "utf-99"},
        {"encoding": "hex"},
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": "../x"},
        {"delimiter": ";;"},
        {"format": "xls"},
        {"source": ""},
        {"colums": {}},
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rows(**{"source": "wms"} | options)


SAMPLE = b'kind,sku,location,quantity,id,time\nsale,"a",1,0.5,e1,2026-07-01T08:00:00Z\n'


@given(
    st.binary()
    | st.tuples(st.integers(0, len(SAMPLE)), st.binary(max_size=9)).map(
        lambda cut_at: SAMPLE[: cut_at[0]] + cut_at[1] + SAMPLE[cut_at[0] + len(cut_at[1]) :]
    ),
    st.sampled_from(["csv", "jsonl"]),
)
def test_any_bytes_decode_or_are_reported(body: bytes, form: str) -> None:
    options = Rows.model_validate({"source": "wms", "format": form})
    for message in cut([body], "day.csv", options):
        with suppress(Undecodable):
            list(decode(message, options))
