"""Each line of a stock command has an id of its own, whatever lines stand beside it."""

from typing import Any

import pytest

from holdfast.core.limits import NAME_BYTES_MAX
from holdfast.edge.cli.recording import EVENT_ID_BYTES_MAX, line_ids
from tests.edge.cli.commands import ask, ask_json, new_id
from tests.edge.node_process import NodeProcess

RECEIPT_OF_MUGS = ("{sku}-mug", "W1", 5)


@pytest.mark.parametrize(
    "words",
    [
        (*RECEIPT_OF_MUGS, "{sku}-tea", "W1", 3),
        ("{sku}-tea", "W1", 3, *RECEIPT_OF_MUGS),
        ("{sku}-tea", "W1", 3, *RECEIPT_OF_MUGS, "{sku}-mug", "W2", 1),
        (*RECEIPT_OF_MUGS, *RECEIPT_OF_MUGS),
    ],
)
def test_a_command_repeated_with_another_line_counts_the_new_line(
    words: tuple[Any, ...], node: NodeProcess, sku: str
) -> None:
    """Wherever it stands."""
    ask_json(node, "location", "put", "W2")
    first, second = (
        [str(word).format(sku=sku) for word in each] for each in (RECEIPT_OF_MUGS, words)
    )
    request_id = ("--request-id", new_id())
    ask_json(node, "stock", "receipt", *first, *request_id)

    result = ask(node, "stock", "receipt", *second, *request_id)

    # All but one line of mugs at W1, the first that was given.
    new = list(zip(second[::3], second[1::3], strict=True))
    new.remove((first[0], "W1"))
    expected = ", ".join(f"{name} at {place}" for name, place in new)
    assert 0 == result.exit_code
    assert f"New: {expected}.\n" == result.stderr
    mugs = second.count(first[0]) - second.count("W2")
    (found,) = ask_json(node, "availability", first[0])["availabilities"]
    assert 5 * mugs == found["levels"][0]["on_hand"]


def test_a_line_has_the_same_id_whatever_stands_beside_it() -> None:
    mug, tea = ("MUG", "S", 5), ("TEA", "S", 3)
    assert ["G/MUG@S"] == line_ids("G", [mug])
    assert ["G/TEA@S", "G/MUG@S", "G/MUG@S#2"] == line_ids("G", [tea, mug, mug])


def test_no_two_lines_share_an_id() -> None:
    """Whatever separators a name contains."""
    names = ["A", "A/B", "A@B", "A#2", "B@A#2", "A%40B", "Ä" * 60, "Ä" * 61]
    lines = [(sku, place, 1) for sku in names for place in names]
    ids = [each for start in ("G", "G/A", "G/A@B") for each in line_ids(start, lines * 2)]
    assert len(ids) == len(set(ids)) == 6 * len(lines)
    assert all(len(each.encode()) <= EVENT_ID_BYTES_MAX for each in ids)
    assert NAME_BYTES_MAX == EVENT_ID_BYTES_MAX


def test_goods_that_go_below_zero_are_asked_about(node: NodeProcess, sku: str) -> None:
    """A mistyped SKU is one that nobody has recorded before."""
    result = ask(node, "stock", "sale", f"{sku}x", "W1", 1)

    assert 0 == result.exit_code
    assert f"{sku}x at W1 has -1 on hand: is the SKU right?\n" == result.stderr
