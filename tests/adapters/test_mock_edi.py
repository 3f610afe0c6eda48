"""A trading partner that we did not write (PyPI mock-edi), met through its folders.

It gets our orders and answers as sellers do: it ships less or more, in any order, twice, and after
we have changed our minds. What our folder and decoders make of it is compared with its own books.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import pytest

from holdfast.adapters.contract import Adapter, Undecodable
from holdfast.adapters.events import Decoded, FactKind, Ignored, StockFact
from holdfast.adapters.intake import edifact, x12
from holdfast.adapters.intake.edifact_values import Edifact
from holdfast.adapters.intake.folder import Folder
from holdfast.adapters.intake.folder_options import FolderOptions
from holdfast.adapters.intake.x12_values import X12
from tests.adapters.intake.edifact_samples import one as edifact_one
from tests.adapters.intake.x12_samples import isa
from tests.edge.node_process import free_port
from tests.real_time import wait_until

pytestmark = pytest.mark.slow

Dialect = Literal["X12", "EDIFACT"]
#: Who we are to it, by the language that we speak, and how its answers are read.
US: Final = {"X12": "ACME", "EDIFACT": "EURODIS"}
ADAPTERS: Final[dict[Dialect, tuple[Adapter, Any]]] = {
    "X12": (x12.ADAPTER, X12(accepts_tests=True, transit_days=2)),
    "EDIFACT": (edifact.ADAPTER, Edifact(accepts_tests=True, transit_days=2)),
}


class Partner:
    """The partner as a process of its own, and our side of its folders."""

    def __init__(self, folder: Path) -> None:
        self.drop, self.pickup = folder / "theirs", folder / "ours"
        self.drop.mkdir()
        self.pickup.mkdir()
        port = free_port()
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mockedi", "--port", str(port), "--quiet"),
                *("--drop-dir", str(self.drop), "--pickup-dir", str(self.pickup)),
                *("--drop-interval-ms", "3600000", "--drop-settle-ms", "0"),
                *("--start-at", "2026-11-26T09:00:00Z"),
            ],
            stdout=self.log,
            stderr=self.log,
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)
        self.control = 0
        wait_until(self._is_up, "mock-edi listens")

    def close(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.log.close()

    def behave(self, dialect: Dialect, behaviour: str) -> None:
        self._answer_of(
            self.http.patch(f"/_mock/partners/{US[dialect]}", json={"behaviour": behaviour})
        )

    def order(self, dialect: Dialect, number: str, *lines: tuple[str, int]) -> None:
        """Drops an order; all that it is answered with is there at once."""
        self.control += 1
        make = _purchase_order if dialect == "X12" else _orders
        self.send(make(self.control, number, lines))

    def send(self, document: str) -> None:
        (self.drop / f"{self.control}.edi").write_text(document)
        scanned = self._answer_of(self.http.post("/_mock/drop/scan"))
        assert [True] == [each["ok"] for each in scanned["files"]], scanned

    def release(self, seconds: int) -> None:
        """Lets what is due by then come."""
        self._answer_of(self.http.post("/_mock/advance", params={"seconds": seconds}))

    def shipped(self, number: str) -> Counter[str]:
        """How much it has shipped of an order, by its own books."""
        lines = self._answer_of(self.http.get(f"/_mock/orders/{number}"))["lines"]
        return Counter({line["sku"]: int(line["shipped"]) for line in lines if line["shipped"]})

    def again(self, number: str) -> None:
        """It sends the last despatch advice of an order once more, under new control numbers."""
        body = {"partner": "ACME", "kind": "despatch", "po": number}
        self._answer_of(self.http.post("/_mock/send", json=body))

    async def read(self, dialect: Dialect) -> list[Decoded | Undecodable]:
        """What has come since the last time, through our folder."""
        adapter, options = ADAPTERS[dialect]
        source = Folder(
            FolderOptions(path=self.pickup, complete="renamed", pattern="*.edi"),
            lambda blocks, file: adapter.cut(blocks, file, options),
            lambda: 0.0,
            lambda name, why: pytest.fail(f"{name}: {why}"),
        )
        events: list[Decoded | Undecodable] = []
        while (page := await source.fetch()).messages:
            for message in page.messages:
                events += adapter.decode(message, options)
            await source.settled(page)
        return events

    def _is_up(self) -> bool:
        assert self.process.poll() is None, "mock-edi has ended"
        try:
            return self.http.get("/_mock/health").is_success
        except httpx.TransportError:
            return False

    @staticmethod
    def _answer_of(response: httpx.Response) -> Any:
        assert response.is_success, response.text
        return response.json()


def _purchase_order(control: int, number: str, lines: tuple[tuple[str, int], ...]) -> str:
    """An 850."""
    items = [f"PO1*{at}*{count}*EA*12.50**VP*{sku}" for at, (sku, count) in enumerate(lines, 1)]
    head = [f"BEG*00*SA*{number}**20261126", "N1*ST*Store 42*92*S42"]
    return _x12(control, "PO", "850", [*head, *items, f"CTT*{len(lines)}"])


def _cancellation(control: int, number: str) -> str:
    """An 860 that cancels an order."""
    return _x12(control, "PC", "860", [f"BCH*01*SA*{number}***20261126"])


def _x12(control: int, group: str, code: str, segments: list[str]) -> str:
    header = isa(f"{control:09}").replace("WMS    ", "ACME   ").replace("HOLD      ", "MOCKEDI   ")
    body = [
        f"GS*{group}*ACME*MOCKEDI*20261126*0900*{control}*X*004010",
        *(f"ST*{code}*0001", *segments, f"SE*{len(segments) + 2}*0001"),
        *(f"GE*1*{control}", f"IEA*1*{control:09}"),
    ]
    return header + "".join(f"{segment}~" for segment in body)


def _orders(control: int, number: str, lines: tuple[tuple[str, int], ...]) -> str:
    """An ORDERS."""
    items: list[str] = []
    for at, (sku, count) in enumerate(lines, 1):
        items += [f"LIN+{at}++{sku}:VP", f"QTY+21:{count}:PCE", "PRI+AAA:12.50"]
    head = [f"BGM+220+{number}+9", "DTM+137:20261126:102", "NAD+BY+EURODIS::91", "NAD+DP+S42::91"]
    unb = f"UNB+UNOC:3+EURODIS:ZZ+MOCKEDI:ZZ+261126:0900+{control}"
    text = edifact_one("ORDERS", *head, *items, "UNS+S", f"CNT+2:{len(lines)}", unb=unb).decode()
    return text.replace("+IC7'", f"+{control}'").replace(":EAN004", "")


@pytest.fixture(scope="module")
def _partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    partner = Partner(tmp_path_factory.mktemp("mock-edi"))
    yield partner
    partner.close()


@pytest.fixture
def partner(_partner: Partner) -> Partner:
    """The partner as it is at first, with empty folders."""
    assert _partner.http.post("/_mock/reset").is_success
    for path in [*_partner.pickup.glob("*.edi"), *_partner.pickup.glob("done/*.edi")]:
        path.unlink()
    return _partner


def supply(events: list[Decoded | Undecodable]) -> Counter[str]:
    """Units that are announced, by SKU: of each supply what was said last."""
    last: dict[tuple[str, str], int] = {}
    for event in events:
        assert isinstance(event, StockFact | Ignored), event
        if isinstance(event, StockFact):
            assert (FactKind.SUPPLY, "S42") == (event.kind, event.location)
            assert event.reference is not None
            last[event.reference.id, event.sku] = int(event.quantity)
    found: Counter[str] = Counter()
    for (_, sku), count in last.items():
        found[sku] += count
    return found


@pytest.mark.parametrize("dialect", ["X12", "EDIFACT"])
@pytest.mark.parametrize(
    ("behaviour", "shipped"),
    [("accept", 100), ("short-ship", 80), ("over-ship", 130), ("out-of-order", 100)],
)
async def test_supply_is_what_the_partner_has_shipped(
    partner: Partner, dialect: Dialect, behaviour: str, shipped: int
) -> None:
    partner.behave(dialect, behaviour)
    partner.order(dialect, "po-1", ("WIDGET-001", 100), ("BRKT-050", 10))
    found = supply(await partner.read(dialect))
    assert partner.shipped("po-1") == found
    assert shipped == found["WIDGET-001"]


@pytest.mark.parametrize("dialect", ["X12", "EDIFACT"])
async def test_what_is_shipped_later_is_more_supply(partner: Partner, dialect: Dialect) -> None:
    partner.order(dialect, "po-1", ("PANEL-A3", 100))
    first = await partner.read(dialect)
    assert 35 == supply(first)["PANEL-A3"]
    partner.release(seconds=40 * 86_400)
    both = first + await partner.read(dialect)
    assert 100 == supply(both)["PANEL-A3"] == partner.shipped("po-1")["PANEL-A3"]


async def test_a_notice_that_comes_again_under_other_numbers_announces_nothing_more(
    partner: Partner,
) -> None:
    partner.order("X12", "po-1", ("WIDGET-001", 100))
    events = await partner.read("X12")
    partner.again("po-1")
    repeated = await partner.read("X12")
    assert 1 == sum(isinstance(each, StockFact) for each in repeated)
    assert {"WIDGET-001": 100} == supply(events + repeated)


async def test_a_file_that_comes_again_has_the_same_ids(partner: Partner) -> None:
    partner.order("X12", "po-1", ("WIDGET-001", 100))
    notice = next(partner.pickup.glob("*856*"))
    text = notice.read_text()
    events = await partner.read("X12")
    (partner.pickup / "again.edi").write_text(text)
    facts = [each for each in events if isinstance(each, StockFact)]
    assert facts == await partner.read("X12")


async def test_a_cancellation_that_is_late_leaves_the_supply(partner: Partner) -> None:
    partner.order("X12", "po-1", ("WIDGET-001", 100))
    events = await partner.read("X12")
    partner.control += 1
    partner.send(_cancellation(partner.control, "po-1"))
    answers = await partner.read("X12")
    assert [Ignored("x12_997")] == answers
    assert {"WIDGET-001": 100} == supply(events + answers) == partner.shipped("po-1")


@pytest.mark.parametrize(("dialect", "field"), [("X12", "SE01"), ("EDIFACT", "UNT01.1")])
async def test_a_notice_that_counts_wrongly_is_reported(
    partner: Partner, dialect: Dialect, field: str
) -> None:
    partner.behave(dialect, "corrupt")
    partner.order(dialect, "po-1", ("WIDGET-001", 100))
    found = [each for each in await partner.read(dialect) if not isinstance(each, Ignored)]
    assert found
    for each in found:
        assert isinstance(each, Undecodable)
        assert field == each.field.partition(".")[2]
