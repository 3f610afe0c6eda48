"""Whom a shortfall endangers, over a real node."""

from collections.abc import AsyncIterator
from pathlib import Path

from holdfast.edge.client import Client
from holdfast.v1 import stock_service_pb2 as stock
from tests.edge.node_process import NodeProcess
from tests.edge.raw import WAREHOUSE, new_name, put_stock


def sale(sku: str, number: int) -> stock.StockEvent:
    return stock.StockEvent(
        sequence=number,
        sku=sku,
        location=WAREHOUSE,
        kind=stock.STOCK_EVENT_KIND_SALE,
        quantity=1,
    )


async def test_facts_of_a_stream_name_whom_they_endanger_in_their_order(client: Client) -> None:
    """Messages in flight behind one that searches are answered behind it."""
    (sku,) = await put_stock(client, 8)
    orders = [new_name("order") for _ in range(8)]
    for order in orders:
        await client.reserve(order, [(sku, WAREHOUSE, 1)])
    source = new_name("till")

    async def messages() -> AsyncIterator[tuple[str, list[stock.StockEvent]]]:
        for number in range(1, 6):
            yield source, [sale(sku, number)]

    told = [
        [each.reservation_id for shortfall in answer.shortfalls for each in shortfall.endangered]
        async for answer in client.record_stock_events_stream(messages())
    ]
    assert [orders[: -1 - count : -1] for count in range(1, 6)] == told


def test_the_example_of_the_page_runs(node: NodeProcess) -> None:
    """What docs/integrators.md shows, with names of its own and this node's address."""
    page = (Path(__file__).parents[2] / "docs" / "integrators.md").read_text("utf-8")
    section = page.partition("\n### Shortfalls\n")[2]
    example = section.partition("```python\n")[2].partition("```")[0]
    for name in ("MUG", "order-17", "order-18", "wms"):
        example = example.replace(name, new_name(name))
    client = f"BlockingClient({node.target!r})"
    exec(example.replace("BlockingClient()", client), {})  # noqa: S102 - our own page
