"""Quotes of a table: lines in closed ones are no rows; and what one that is left open costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.contract import Message, Undecodable
from holdfast.adapters.events import Decoded, StockFact
from holdfast.adapters.intake.rows import cut, decode
from holdfast.adapters.intake.rows_options import Rows

HEADER = "kind,sku,location,quantity\n"
ROWS = Rows(source="wms")


def read_rows(text: str) -> list[Decoded | Undecodable]:
    return list(decode(Message(text.encode(), {"file": "day.csv"}), ROWS))


def facts(text: str) -> list[StockFact]:
    return [each for each in read_rows(text) if isinstance(each, StockFact)]


def wrong(text: str) -> list[str]:
    return [each.field for each in read_rows(text) if isinstance(each, Undecodable)]


@pytest.mark.parametrize(
    "row",
    ['sale,"a,1,1', '"sale,a,1,1', 'sale,a,1,"1', 'sale,"a"b,1,1', '"sale\n",a,1,"1'],
    ids=["inside", "first", "last", "after", "second"],
)
def test_a_quote_that_nothing_closes_takes_no_other_row_with_it(row: str) -> None:
    quoted = 'sale,"pen, ""blue""\n",1,1\n'
    after = row.count("\n") + 5
    rows = "".join(f"sale,s{number},1,1\n" for number in range(18))
    found = read_rows(f"{HEADER}{quoted}{row}\n{rows}")
    assert isinstance(found[1], Undecodable)
    assert "line[4]" == found[1].field
    facts_found = [each for each in found if isinstance(each, StockFact)]
    assert ['pen, "blue"', *(f"s{number}" for number in range(18))] == [
        each.sku.strip() for each in facts_found
    ]
    assert [f"day.csv:{after + number}" for number in range(18)] == [
        each.id for each in facts_found[1:]
    ]
    assert 1 + 1 + 18 == len(found)


NOTES = "kind,sku,location,quantity,id,note\n"
SOLD = "sale,a,1,1,{id},{note}\n"
FORGED = "receipt,a,1,1000,forged,"


@pytest.mark.parametrize("lines", [2, 101, 2_000])
def test_lines_of_a_quoted_value_are_no_rows(lines: int) -> None:
    note = f'"dear shop\n{FORGED}' + "\nbye" * lines + '"'
    text = NOTES + SOLD.format(id="s1", note=note) + SOLD.format(id="s2", note="")
    assert ["s1", "s2"] == [fact.id for fact in facts(text)]
    assert [] == wrong(text)


@pytest.mark.parametrize("end", [" ", " x", "x,", ' x,"y\n"', 'x"y"'])
def test_a_row_that_is_refused_takes_what_is_in_its_quotes_with_it(end: str) -> None:
    note = f'"dear shop\n{FORGED}\nbye"{end}'
    text = NOTES + SOLD.format(id="s1", note=note) + SOLD.format(id="s2", note="")
    assert ["line[2]"] == wrong(text)
    assert ["s2"] == [fact.id for fact in facts(text)]


NOTE = st.lists(st.sampled_from(['"', ",", "\n", "\r", "x", f"\n{FORGED}\n"]), max_size=9)


@given(st.lists(st.tuples(NOTE, st.sampled_from(["", "", " ", "x"])), max_size=5))
def test_no_note_becomes_a_row_whatever_follows_its_quotes(
    notes: list[tuple[list[str], str]],
) -> None:
    text = NOTES
    for number, (note, end) in enumerate(notes):
        quoted = "".join(note).replace('"', '""')
        text += SOLD.format(id=number, note=f'"{quoted}"{end}')
    whole = [str(number) for number, (_, end) in enumerate(notes) if not end]
    assert whole == [fact.id for fact in facts(text)]
    assert len(notes) - len(whole) == len(wrong(text))


def test_a_quote_within_a_value_that_has_none_around_it_is_a_character() -> None:
    assert ['TV 55" big', "a"] == [
        fact.sku for fact in facts(f'{HEADER}sale,TV 55" big,1,1\nsale,a,1,1\n')
    ]


@given(st.text('",\nx', max_size=40))
def test_a_message_has_one_quote_at_most_that_is_looked_for_to_its_end(text: str) -> None:
    values = [each.value for each in read_rows(HEADER + text) if isinstance(each, Undecodable)]
    assert values.count(repr("unexpected end of data")) <= 1


@pytest.mark.parametrize(
    ("opening", "expected"), [('a",b"c,"d\n', 1), ('"\n', 1_000), ('""x\n', 2_000)]
)
def test_a_file_where_each_line_has_an_odd_quote_is_refused(opening: str, expected: int) -> None:
    assert expected == len(wrong(HEADER + opening * 2_000))


@pytest.mark.parametrize(("size", "taken"), [(65_000, ["s1", "s2"]), (660_000, ["s2"])])
def test_what_a_quote_holds_in_a_file_is_bounded(size: int, taken: list[str]) -> None:
    """Beyond that it is a dead letter: its lines are no rows either."""
    note = f"dear shop\n{FORGED}\n" + "dear shop\n" * (size // 10) + FORGED
    file = NOTES + SOLD.format(id="s1", note=f'"{note}\n"') + SOLD.format(id="s2", note="")
    ids, refused = [], []
    for message in cut([file.encode()], "f", ROWS):
        try:
            ids += [each.id for each in decode(message, ROWS) if isinstance(each, StockFact)]
        except Undecodable as wrong:
            refused.append(wrong.field)
    assert taken == ids
    assert ["line[2]"] * (2 - len(taken)) == refused
