"""What each row of a file of orders becomes, and what stops the reading."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replay.order_file import SKIPPED_CODES, RowKind, RowTally, read_orders
from bench.replay.order_generator import generate_orders
from bench.replay.order_rows import COLUMNS, OrderFileError
from bench.replay.orders import Found, Invoice, OrderEvent, OrderLine, Return, WriteOff
from tests.bench.replay.shop import REAL_YEAR

AT = datetime.fromisoformat("2010-12-01 08:26:00")
HEADER = ",".join(COLUMNS)
GOOD = "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0"


def _file(folder: Path, *rows: str, header: str = HEADER, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def _read(folder: Path, *rows: str) -> tuple[list[OrderEvent], RowTally]:
    tally = RowTally()
    return list(read_orders(_file(folder, *rows), tally)), tally


def _row(number: str, sku: str, quantity: int, minute: int = 26, price: str = "1.0") -> str:
    return f"{number},{sku},THING,{quantity},2010-12-01 08:{minute:02d}:00,{price},17850.0"


def _line_count(events: Iterable[OrderEvent]) -> int:
    return sum(len(e.lines) if isinstance(e, Invoice | Return) else 1 for e in events)


# Categories


def test_rows_of_one_number_are_one_invoice(tmp_path: Path) -> None:
    """An invoice has the time of its first row and a line for each of its rows."""
    events, tally = _read(tmp_path, _row("536365", "85123A", 6), _row("536365", "71053", 2, 27))
    lines = (OrderLine("85123A", 6), OrderLine("71053", 2))
    assert [Invoice("536365", AT, lines)] == events
    assert Counter({RowKind.SALE: 2}) == tally.kept


def test_a_repeated_row_is_a_line_of_its_own(tmp_path: Path) -> None:
    """Rows equal in every column are not merged."""
    events, _ = _read(tmp_path, GOOD, GOOD)
    assert [Invoice("536365", AT, (OrderLine("85123A", 6),) * 2)] == events


def test_codes_that_differ_by_case_stay_apart(tmp_path: Path) -> None:
    """A stock code is kept as written."""
    events, _ = _read(tmp_path, _row("1", "85123a", 1), _row("1", "85123A", 2))
    assert [Invoice("1", AT, (OrderLine("85123a", 1), OrderLine("85123A", 2)))] == events


def test_a_c_invoice_is_a_return(tmp_path: Path) -> None:
    """Quantities of a return are above zero, though the file has them below."""
    events, tally = _read(tmp_path, _row("C536379", "22556", -12), _row("C536379", "21984", -24))
    lines = (OrderLine("22556", 12), OrderLine("21984", 24))
    assert [Return("C536379", AT, lines)] == events
    assert Counter({RowKind.RETURN: 2}) == tally.kept


def test_an_unpriced_row_below_zero_is_a_write_off(tmp_path: Path) -> None:
    """The description of a write-off is its reason, without the space around it."""
    events, tally = _read(tmp_path, "536589,21777,  damages ,-10,2010-12-01 08:26:00,0.0,")
    assert [WriteOff("536589", AT, OrderLine("21777", 10), "damages")] == events
    assert Counter({RowKind.WRITE_OFF: 1}) == tally.kept


def test_an_unpriced_row_alone_and_without_customer_is_found(tmp_path: Path) -> None:
    """A correction upwards mirrors the write-off."""
    events, tally = _read(tmp_path, "536414,22139,found,56,2010-12-01 08:26:00,0.0,")
    assert [Found("536414", AT, OrderLine("22139", 56), "found")] == events
    assert Counter({RowKind.FOUND: 1}) == tally.kept


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(["1,22139,CUP,5,2010-12-01 08:26:00,0.0,12647.0"], id="free for a customer"),
        pytest.param(
            ["1,22139,CUP,5,2010-12-01 08:26:00,0.0,", "1,M,Manual,1,2010-12-01 08:26:00,99.0,"],
            id="money on another row",
        ),
    ],
)
def test_unpriced_goods_that_left_are_sold(tmp_path: Path, rows: list[str]) -> None:
    """A price of zero does not keep goods on the shelf."""
    events, _ = _read(tmp_path, *rows)
    assert [Invoice("1", AT, (OrderLine("22139", 5),))] == events


@pytest.mark.parametrize("code", [*SKIPPED_CODES, "DCGSSGIRL", "DCGS0066P", "gift_0001_20"])
def test_codes_that_name_no_goods_are_skipped(tmp_path: Path, code: str) -> None:
    """Their rows are counted under a reason, and an invoice of nothing else is no event."""
    events, tally = _read(tmp_path, _row("1", code, 1), _row("C2", code, -1))
    assert [] == events
    assert 2 == tally.skipped.total() == tally.empty_invoices
    assert 1 == len(tally.skipped)
    assert "" not in tally.skipped


def test_skipped_rows_leave_the_rest_of_their_invoice(tmp_path: Path) -> None:
    """Postage is dropped, the goods beside it are sold."""
    events, tally = _read(tmp_path, GOOD, _row("536365", "POST", 3))
    assert [Invoice("536365", AT, (OrderLine("85123A", 6),))] == events
    assert Counter({"postage": 1}) == tally.skipped
    assert 0 == tally.empty_invoices


def test_bad_debt_is_skipped_whatever_its_sign(tmp_path: Path) -> None:
    """An A invoice moves money only."""
    rows = (_row("A563185", "B", 1, price="11062.06"), _row("A563186", "B", 1, price="-11062.06"))
    events, tally = _read(tmp_path, *rows)
    assert [] == events
    assert Counter({"bad_debt": 2}) == tally.skipped


# Grouping


def test_interleaved_invoices_are_put_together(tmp_path: Path) -> None:
    """Rows of one number belong together within a few minutes; the first row sets the place."""
    rows = [_row("2", "11", 1, 10), _row("1", "12", 1, 10), _row("2", "13", 1, 11)]
    events, _ = _read(tmp_path, *rows, _row("3", "14", 1, 59))
    assert ["2", "1", "3"] == [event.number for event in events]
    assert [2, 1, 1] == [len(event.lines) for event in events if isinstance(event, Invoice)]


def test_an_event_is_given_before_the_file_is_read_to_its_end(tmp_path: Path) -> None:
    """What follows by more than the gap is not needed to finish an invoice."""
    rows = (_row("1", "11", 1, 10), _row("2", "12", 1, 30), _row("3", "13", 0, 59))
    events = read_orders(_file(tmp_path, *rows))
    assert "1" == next(events).number
    with pytest.raises(OrderFileError):
        next(events)


def test_an_invoice_that_comes_back_late_is_an_error(tmp_path: Path) -> None:
    """A number that is done cannot get rows: they would be a second event of the same name."""
    rows = (_row("1", "11", 1, 10), _row("2", "12", 1, 30), _row("1", "13", 1, 30))
    with pytest.raises(OrderFileError, match=r"row 4, column InvoiceNo: '1'; .*within 5 minutes"):
        _read(tmp_path, *rows)


# Files


def test_a_gzip_file_reads_like_a_plain_one(tmp_path: Path) -> None:
    """The name tells the form."""
    plain = _file(tmp_path, GOOD)
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read_orders(plain)) == list(read_orders(packed))


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    """Columns are found by name, also after the mark that spreadsheets put first."""
    header = "\ufeffCountry," + ",".join(reversed(COLUMNS))
    row = "France," + ",".join(reversed(GOOD.split(",")))
    path = _file(tmp_path, row, header=header)
    assert [Invoice("536365", AT, (OrderLine("85123A", 6),))] == list(read_orders(path))


def test_a_file_without_rows_has_no_events(tmp_path: Path) -> None:
    """A header alone is a whole file."""
    assert ([], RowTally()) == _read(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "wanted"),
    [
        ("InvoiceNo", "X53", "digits, or C or A and digits"),
        ("InvoiceNo", "", "digits"),
        ("StockCode", "", "a stock code"),
        ("Quantity", "six", "a whole number"),
        ("Quantity", "1.5", "a whole number"),
        ("Quantity", "1_000", "a whole number"),
        ("Quantity", "\u0663", "a whole number"),
        ("Quantity", "1234567890", "up to 9 digits"),
        ("Quantity", "0", "not 0"),
        ("Quantity", "-6", "more than 0 on 536365, or a C invoice"),
        ("InvoiceDate", "01/12/2010 08:26", "a time like 2010-12-01 08:26:00"),
        ("InvoiceDate", "2010-13-01 08:26:00", "a time like"),
        ("InvoiceDate", "2010-12-01 08:26+01", "a time like"),
        ("UnitPrice", "free", "a number like 2.55"),
        ("UnitPrice", "nan", "a number like"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, column: str, value: str, wanted: str) -> None:
    """The error says row, column, value and what would be right."""
    fields = GOOD.split(",")
    fields[COLUMNS.index(column)] = value
    with pytest.raises(OrderFileError) as caught:
        _read(tmp_path, GOOD, ",".join(fields))
    message = str(caught.value)
    assert message.startswith(f"row 3, column {column}: {value!r}; expected ")
    assert wanted in message


def test_a_return_above_zero_is_an_error(tmp_path: Path) -> None:
    """The sign has to agree with the number."""
    with pytest.raises(OrderFileError, match="row 2, column Quantity: '5'; expected less than 0"):
        _read(tmp_path, _row("C1", "11", 5))


def test_time_that_runs_backwards_is_an_error(tmp_path: Path) -> None:
    """Events are in order of time because the rows are."""
    with pytest.raises(OrderFileError, match=r"row 3, column InvoiceDate: .* or later"):
        _read(tmp_path, _row("1", "11", 1, 27), _row("2", "11", 1, 26))


def test_missing_columns_are_named(tmp_path: Path) -> None:
    """The error says what is missing, what is wanted and what is there."""
    path = _file(tmp_path, header="InvoiceNo,Quantity")
    with pytest.raises(OrderFileError, match=r"no column StockCode, Description, .*found Inv"):
        list(read_orders(path))


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    """Without a header nothing is known about the rows."""
    path = tmp_path / "orders.csv"
    path.touch()
    with pytest.raises(OrderFileError, match="the file is empty"):
        list(read_orders(path))


def test_a_row_of_another_width_is_an_error(tmp_path: Path) -> None:
    """A missing comma must not shift values into other columns."""
    with pytest.raises(OrderFileError, match="row 2: 6 fields; expected 7"):
        _read(tmp_path, GOOD.replace(",6,", ","))


def test_another_file_name_is_an_error(tmp_path: Path) -> None:
    """The name decides how the file is opened."""
    with pytest.raises(OrderFileError, match=r"orders\.xlsx: expected a file name ending in \.csv"):
        list(read_orders(_file(tmp_path, name="orders.xlsx")))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.csv.gz", gzip.compress(f"{HEADER}\n{GOOD}\n".encode())[:-12]),
        ("plain.csv.gz", f"{HEADER}\n{GOOD}\n".encode()),
        ("latin.csv", f"{HEADER}\n{GOOD}\n".replace("HEART", "CAF\u00c9").encode("latin-1")),
        ("quote.csv", f"{HEADER}\n{GOOD}\n".replace("HEART", '"HEART').encode()),
    ],
)
def test_a_damaged_file_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    """Damage below the rows is reported with the name of the file."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(OrderFileError, match=rf"{name}, after row \d: .*; expected a whole UTF-8"):
        list(read_orders(path))


# Accounting

_NUMBERS = st.sampled_from(["1", "2", "3", "C4", "C5", "A6"])
_SKUS = st.sampled_from(["22139", "85123A", "85123a", "POST", "M", "DCGS1"])


@st.composite
def _rows(draw: st.DrawFn) -> list[list[str]]:
    """Rows of a valid file: all within one minute, so that any order of numbers will do."""
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        number, priced = draw(_NUMBERS), draw(st.booleans())
        negative = number.startswith("C") or (draw(st.booleans()) and not priced)
        quantity = draw(st.integers(1, 999_999_999)) * (-1 if negative else 1)
        customer = draw(st.sampled_from(["", "17850.0"]))
        text = draw(st.text(alphabet='ab ",\n', max_size=4))
        price = "2.55" if priced else "0.0"
        rows.append([number, draw(_SKUS), text, str(quantity), str(AT), price, customer])
    return rows


def _write(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


@settings(max_examples=30)
@given(rows=_rows())
def test_every_row_is_in_exactly_one_category(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    """Whatever a valid file holds, its rows are either lines of events or counted as skipped."""
    tally = RowTally()
    path = _write(tmp_path_factory.mktemp("rows") / "orders.csv", rows)
    events = list(read_orders(path, tally))
    assert len(rows) == tally.rows == tally.accounted()
    assert tally.kept.total() == _line_count(events)


def _as_rows(event: OrderEvent) -> list[list[str]]:
    sign = -1 if isinstance(event, Return | WriteOff) else 1
    priced = isinstance(event, Invoice | Return)
    lines = event.lines if isinstance(event, Invoice | Return) else (event.line,)
    reason = "" if isinstance(event, Invoice | Return) else event.reason
    price, customer = ("1.0", "1") if priced else ("0.0", "")
    head, tail = [event.number], [str(event.at), price, customer]
    return [[*head, line.sku, reason, str(sign * line.quantity), *tail] for line in lines]


def test_generated_events_survive_a_file(tmp_path: Path) -> None:
    """Generated events written as rows read back the same: both sources speak one language."""
    events = list(generate_orders(seed=3, invoices=60))
    path = _write(tmp_path / "orders.csv", [row for event in events for row in _as_rows(event)])
    assert events == list(read_orders(path))
    assert {Invoice, Return, WriteOff, Found} == {type(event) for event in events}


# The real year


@pytest.mark.slow
def test_every_row_of_the_real_year_is_accounted_for() -> None:
    """The counts that the data's own description gives are met, and none is left over."""
    if not REAL_YEAR.exists():
        pytest.skip("needs ../shared/data/uci-online-retail/online_retail.csv.gz")
    tally = RowTally()
    kinds = Counter(type(event) for event in read_orders(REAL_YEAR, tally))
    assert 541_909 == tally.rows == tally.accounted()
    assert {"sale": 528_138, "return": 8_704, "write_off": 1_324, "found": 748} == tally.kept
    assert {
        "postage": 2_110,
        "manual": 572,
        "discount": 77,
        "samples": 63,
        "dotcom_code": 45,
        "bank_charges": 37,
        "marketplace_fee": 34,
        "gift_card": 34,
        "charity": 16,
        "pads": 4,
        "bad_debt": 3,
    } == tally.skipped
    assert {Invoice: 19_790, Return: 3_422, WriteOff: 1_324, Found: 748} == kinds
    assert 25_900 == kinds.total() + tally.empty_invoices
