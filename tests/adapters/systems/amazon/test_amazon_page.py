"""What docs/channels.md says of Amazon is what the code does."""

import re
from pathlib import Path
from typing import Any

from holdfast.adapters.runtime.settings import load
from holdfast.adapters.systems.amazon.order_search import OrderSearchOptions
from holdfast.adapters.systems.amazon.sp_api import SECRETS, AmazonOptions

PAGE = Path(__file__).parents[4] / "docs" / "channels.md"


def section() -> str:
    text = PAGE.read_text("utf-8")
    return text[text.index("## Amazon") :].partition("\n## ")[0]


def test_the_example_can_be_loaded(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", section(), re.DOTALL)
    for name in SECRETS:
        (tmp_path / f"amazon-{name.replace('_', '-')}").write_text("secret")
    # The library of queues is not installed here.
    without_queue = re.sub(r"^sqs = .*$", "", example, flags=re.MULTILINE)
    (tmp_path / "adapters.toml").write_text(without_queue)
    _, configured = load(tmp_path / "adapters.toml")

    assert ["amazon", "amazon-orders"] == [each.adapter.name for each in configured]


def test_every_option_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.*?)`)? ?\|", section(), re.MULTILINE)
    fields: dict[str, Any] = {**AmazonOptions.model_fields, **OrderSearchOptions.model_fields}
    defaults = {
        name: "" if field.is_required() else f"{field.default}" for name, field in fields.items()
    }

    assert defaults == dict(rows)
