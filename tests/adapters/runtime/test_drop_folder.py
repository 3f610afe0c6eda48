"""A file of a drop folder counts once, whole, in our names and units, whoever is killed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from holdfast.edge.client import BlockingClient
from tests.adapters.adapters_process import AdaptersProcess
from tests.adapters.test_mock_edi import Partner
from tests.edge.node_process import NodeProcess, running_node
from tests.real_time import let_pass, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RECOVERY_S = 120.0
ROWS = 20_000
SKUS = 50
ADAPTERS = """
[adapters.wms]
kind = "rows"
folder = { path = "drop", complete = "renamed", pattern = "*.csv" }
mappings = ["names.csv"]
every_s = 0.1
options = { source = "wms", constants = { kind = "receipt" } }
"""
NAMES = "table,theirs,ours,factor\nlocation,0042,STORE-1,\nunit,DZ,,12\nunit,EA,,1\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with running_node(tmp_path / "node") as running:
        with BlockingClient(**running.targets) as client:
            client.create_location("STORE-1")
        yield running


def drop(folder: Path, name: str, text: str) -> None:
    """Writes a file as partners should: under another name, and then renamed."""
    (folder / f".{name}").write_text(text)
    (folder / f".{name}").rename(folder / name)


def is_done(folder: Path, *names: str) -> bool:
    """Whether these files have been taken in."""
    return all((folder / "done" / name).exists() for name in names)


async def test_a_file_counts_once_over_kills(node: NodeProcess, tmp_path: Path) -> None:
    chance = Random(1)
    expected = dict.fromkeys((f"SKU-{number}" for number in range(SKUS)), 0)
    rows = ["sku,location,quantity,unit\n"]
    for _ in range(ROWS):
        sku, count, unit = chance.choice(list(expected)), chance.randint(1, 9), chance.choice("DE")
        expected[sku] += count * (12 if unit == "D" else 1)
        rows.append(f"{sku},0042,{count},{'DZ' if unit == 'D' else 'EA'}\n")
    home = tmp_path / "adapters"
    folder = home / "drop"
    folder.mkdir(parents=True)
    (home / "names.csv").write_text(NAMES)
    with AdaptersProcess(home, node.target, ADAPTERS) as adapters:
        half = ROWS // 2
        drop(folder, "a.csv", "".join(rows[: half + 1]))
        drop(folder, "b.csv", "".join([rows[0], *rows[half + 1 :]]))
        for _ in range(12):
            await let_pass(chance.uniform(0.0, 0.4))
            victim = chance.choice((adapters, adapters, node))
            victim.kill()
            victim.start()
        done = partial(is_done, folder, "a.csv", "b.csv")
        wait_until(done, f"a file is left: {adapters.report()}", RECOVERY_S)
        adapters.wait_idle(RECOVERY_S)
        assert "" == adapters.command("dead-letters", "--json").stdout
    with BlockingClient(**node.targets) as client:
        found = client.batch_get_availability(list(expected)).availabilities
    assert expected == {each.sku: each.levels[0].on_hand for each in found}


def test_a_row_that_is_wrong_is_a_dead_letter_and_the_others_count(
    node: NodeProcess, tmp_path: Path
) -> None:
    home = tmp_path / "adapters"
    folder = home / "drop"
    folder.mkdir(parents=True)
    (home / "names.csv").write_text(NAMES)
    text = (
        "sku,location,quantity,unit\nPEN,0042,1,DZ\nPEN,0042,x,DZ\nPEN,0042,1,CS\nPEN,0042,2,EA\n"
    )
    with AdaptersProcess(home, node.target, ADAPTERS) as adapters:
        drop(folder, "a.csv", text)
        wait_until(partial(is_done, folder, "a.csv"), adapters.report(), RECOVERY_S)
        adapters.wait_idle(RECOVERY_S)
        letters = adapters.command("dead-letters", "--json").stdout
        assert '"line[3].quantity"' in letters
        assert "UNMAPPED" in letters
        drop(folder, "A.csv", "kind\n")
        wait_until(partial(is_done, folder, "A.csv"), adapters.report(), RECOVERY_S)
    with BlockingClient(**node.targets) as client:
        [level] = client.get_availability("PEN").availability.levels
    assert 14 == level.on_hand


def test_what_a_partner_ships_is_incoming(node: NodeProcess, tmp_path: Path) -> None:
    with BlockingClient(**node.targets) as client:
        client.create_location("S42")
    partner = Partner(tmp_path)
    try:
        home = tmp_path / "adapters"
        config = f"""
[adapters.supplier]
kind = "x12"
folder = {{ path = "{partner.pickup}", complete = "renamed", pattern = "*.edi" }}
every_s = 0.1
options = {{ accepts_tests = true, transit_days = 2 }}
"""
        with AdaptersProcess(home, node.target, config) as adapters:
            for number, behaviour in enumerate(("accept", "short-ship", "over-ship")):
                partner.behave("X12", behaviour)
                partner.order("X12", f"po-{number}", ("WIDGET-001", 100), ("BRKT-050", 10))
                partner.again(f"po-{number}")
            wait_until(
                lambda: not list(partner.pickup.glob("*.edi")), adapters.report(), RECOVERY_S
            )
            adapters.wait_idle(RECOVERY_S)
            assert "" == adapters.command("dead-letters", "--json").stdout
        expected = {
            sku: sum(partner.shipped(f"po-{number}")[sku] for number in range(3))
            for sku in ("WIDGET-001", "BRKT-050")
        }
    finally:
        partner.close()
    with BlockingClient(**node.targets) as client:
        found = client.batch_get_availability(list(expected)).availabilities
    assert expected == {each.sku: each.levels[0].incoming for each in found}
