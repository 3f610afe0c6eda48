"""The first example of docs/integrators.md is true of a real node."""

from pathlib import Path

from tests.edge.node_process import NodeProcess
from tests.edge.raw import new_name

PAGE = Path(__file__).parents[2] / "docs" / "integrators.md"


def test_the_first_example_of_the_page_runs(node: NodeProcess) -> None:
    """As it stands there, but for names of its own and this node's address."""
    section = PAGE.read_text("utf-8").partition("\n## A first reservation\n")[2]
    example = section.partition("```python\n")[2].partition("```")[0]
    for name in ("MUG", "cart-17", "cart-18", "wms"):
        example = example.replace(f'"{name}"', f'"{new_name(name)}"')
    client = f"BlockingClient({node.target!r})"

    exec(example.replace("BlockingClient()", client), {})  # noqa: S102 - our own page
