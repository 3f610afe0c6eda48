"""Post-voids of tills that number their lines anew, over real nodes."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from holdfast.adapters.runtime.awaited import report_awaited
from holdfast.adapters.runtime.cases import cases
from holdfast.adapters.runtime.store import Store
from holdfast.edge.client import BlockingClient, Client
from tests.adapters.intake.poslog_samples import decoded, line, poslog, receipt
from tests.adapters.one_lane import MAP_BYTES, NOW, deliver, letters_in
from tests.edge.node_process import NodeProcess, running_node
from tests.edge.raw import new_name
from tests.edge.raw import receipt as received

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeProcess]:
    with running_node(tmp_path_factory.mktemp("node"), ledger=request.param) as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("0042")
        yield running


class Till:
    """Sells two SKUs of which there are ten each, and voids what it has sold."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.a, self.b = new_name("a"), new_name("b")
        self.number = next(_NUMBERS) * 10
        self.voids = count(1)

    async def open(self) -> "Till":
        await self.client.record_stock_events(
            "in", [received(sku, 10, "0042") for sku in (self.a, self.b)]
        )
        return self

    def sells(self, **lines: str) -> list[Any]:
        """The events of a receipt: "A*2" by the number of its line."""
        return decoded(poslog(receipt(*self._lines(lines), number=self.number)))

    def voids_it(self, **lines: str) -> list[Any]:
        """The events of a post-void of that, in the same words."""
        link = (
            '<TransactionLink ReasonCode="PostVoid">'
            f"<SequenceNumber>{self.number}</SequenceNumber></TransactionLink>"
        )
        return decoded(poslog(receipt(*self._lines(lines), link, number=self.number + 1)))

    async def sends(self, events: list[Any], *, is_again: bool = False) -> None:
        """Send events as a message. What comes again does so to a process that has forgotten."""
        folder = self.folder / "again" if is_again else self.folder
        await deliver(folder, self.client, *events, is_batch=True)

    async def sold(self) -> tuple[int, int]:
        """How many of A and B are sold and not voided."""
        found = [await self.client.get_availability(sku) for sku in (self.a, self.b)]
        a, b = (10 - each.availability.levels[0].on_hand for each in found)
        return a, b

    def _lines(self, lines: dict[str, str]) -> list[str]:
        skus = {"A": self.a, "B": self.b}
        named = ((name.strip("_"), *text.split("*")) for name, text in lines.items())
        return [line(number, skus[letter], units) for number, letter, units in named]


@pytest.fixture
async def till(node: NodeProcess, tmp_path: Path) -> AsyncIterator[Till]:
    async with Client(**node.targets, own_connection=True) as client:
        yield await Till(client, tmp_path).open()


SOLD = {"_1": "A*1", "_3": "B*2", "_4": "A*1", "_6": "B*1"}

#: Lines of a post-void, as its till numbers them.
VOIDED = [
    SOLD,
    {"_1": "A*1", "_2": "B*2", "_3": "A*1", "_4": "B*1"},
    {"_1": "B*1", "_3": "A*1", "_4": "B*2", "_6": "A*1"},
    {"_7": "A*1", "_8": "A*1", "_9": "B*1", "_10": "B*2"},
]


@pytest.mark.parametrize("node", ["on"], indirect=True)
@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("lines", VOIDED)
async def test_lines_of_a_post_void_are_found_by_their_content(
    till: Till, lines: dict[str, str], is_apart: bool
) -> None:
    sold, voided = till.sells(**SOLD), till.voids_it(**lines)
    for events in (sold, voided) if is_apart else ([*sold, *voided],):
        await till.sends(events)
    assert ((0, 0), []) == (await till.sold(), letters_in(till.folder))

    await till.sends(voided, is_again=True)
    assert ((0, 0), []) == (await till.sold(), letters_in(till.folder / "again"))


@pytest.mark.parametrize("node", ["on"], indirect=True)
@pytest.mark.parametrize("lines", VOIDED)
@pytest.mark.parametrize("is_backwards", [False, True])
async def test_lines_that_are_alike_are_undone_once_each_also_one_by_one(
    till: Till, lines: dict[str, str], is_backwards: bool
) -> None:
    """As when one is a dead letter, is mended and replayed; and each may come again."""
    await till.sends(till.sells(**SOLD, _8="A*1"))
    voided = till.voids_it(**lines)
    for each in voided[::-1] if is_backwards else voided:
        await till.sends([each, each])
        await till.sends([replace(each, correlation_id="again")])
    assert ((1, 0), []) == (await till.sold(), letters_in(till.folder))

    await till.sends(voided)
    assert ((1, 0), []) == (await till.sold(), letters_in(till.folder))


@pytest.mark.parametrize("node", ["on"], indirect=True)
async def test_lines_are_found_after_their_sku_was_renamed(till: Till) -> None:
    await till.sends(till.sells(**SOLD))
    await till.client.rename_sku(till.a, new_name("new"))
    await till.sends(till.voids_it(**VOIDED[1]))
    assert ((0, 0), []) == (await till.sold(), letters_in(till.folder))


@pytest.mark.parametrize("node", ["on"], indirect=True)
async def test_a_line_that_the_receipt_does_not_have_is_a_dead_letter_at_once(till: Till) -> None:
    await till.sends(till.sells(**SOLD))
    await till.sends(till.voids_it(_1="A*1", _2="B*3", _3="A*1", _4="A*1"))

    assert (0, 3) == await till.sold()
    letters = [(each.reason, each.field, each.value) for each in letters_in(till.folder)]
    assert [("LINE_DIFFERS", "reference.line", number) for number in ("2", "3")] == letters


@pytest.mark.parametrize("node", ["on"], indirect=True)
async def test_a_line_of_another_quantity_is_refused_by_the_core(till: Till) -> None:
    await till.sends(till.sells(**SOLD))
    await till.sends(till.voids_it(_1="A*1", _3="B*3"))

    assert (1, 3) == await till.sold()
    assert ["REVERSAL_DIFFERS"] == [each.reason for each in letters_in(till.folder)]


@pytest.mark.parametrize("node", ["on"], indirect=True)
async def test_a_post_void_that_came_before_its_receipt_finds_it_when_it_comes_again(
    till: Till,
) -> None:
    voided = till.voids_it(**VOIDED[1])
    await till.sends(voided)
    await till.sends(till.sells(**SOLD))
    assert (1, 3) == await till.sold()

    await till.sends(voided, is_again=True)
    assert (0, 0) == await till.sold()


@pytest.mark.parametrize("node", ["off"], indirect=True)
async def test_without_a_ledger_a_line_beside_those_that_were_found_is_a_case_at_once(
    till: Till,
) -> None:
    await till.sends([*till.sells(**SOLD), *till.voids_it(_1="A*1", _2="B*2")])

    assert (1, 3) == await till.sold()
    assert ["reversal_pending"] == await overdue(till.folder)


@pytest.mark.parametrize("node", ["off"], indirect=True)
async def test_without_a_ledger_a_receipt_may_still_be_on_its_way(till: Till) -> None:
    await till.sends(till.voids_it(_1="A*1", _2="B*2"))
    assert [] == await overdue(till.folder)


async def overdue(folder: Path) -> list[str]:
    """Kinds of the cases that there are a second later."""
    store = Store(folder, MAP_BYTES)
    await report_awaited(store, NOW + timedelta(seconds=1))
    with store.reading() as tables:
        found = [case.kind for case in cases(tables)]
    store.close()
    return found
