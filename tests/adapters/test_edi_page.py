"""The page about files, EDI and SAP lists the options that there are, and its examples load."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from holdfast.adapters.intake.edifact_values import Edifact
from holdfast.adapters.intake.folder_options import FolderOptions
from holdfast.adapters.intake.rows_options import FIELDS, Rows
from holdfast.adapters.intake.x12_values import X12
from holdfast.adapters.mapping_files import tables
from holdfast.adapters.runtime.settings import find, load
from holdfast.adapters.systems.sap_movements import SapOptions
from holdfast.adapters.systems.sap_sweeps import OdataOptions

PAGE = (Path(__file__).parents[2] / "docs" / "edi.md").read_text("utf-8")
ADAPTERS = Path(__file__).parents[2] / "docs" / "adapters.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def options_of(heading: str, first: str = "option") -> dict[str, str]:
    """Options and their defaults in the table under a heading."""
    section = PAGE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    table = section.split(f"| {first} | default | meaning |\n|---|---|---|\n", 1)[1]
    rows = [line.strip("|").split("|") for line in table.split("\n\n", 1)[0].splitlines()]
    return {row[0].strip(" `"): row[1].strip(" `") for row in rows}


@pytest.mark.parametrize(
    ("heading", "first", "model"),
    [
        ("Drop folder", "option", FolderOptions),
        ("Tables", "option", Rows),
        ("X12", "option", X12),
        ("EDIFACT", "option", Edifact),
        ("SAP", "option", SapOptions),
        ("SAP", "option of OData", OdataOptions),
    ],
)
def test_the_page_tells_the_options_and_their_defaults(
    heading: str, first: str, model: type[BaseModel]
) -> None:
    documented = options_of(heading, first)
    assert set(model.model_fields) == set(documented)
    for name, field in model.model_fields.items():
        if isinstance(field.default, bool | int | str):
            assert str(field.default).lower() == documented[name].lower(), name
        elif isinstance(field.default, tuple):
            assert ", ".join(field.default) == documented[name], name


def test_the_page_tells_the_fields_of_rows() -> None:
    section = PAGE.split("The fields are ", 1)[1].split("The first four", 1)[0]
    assert set(FIELDS) == set(re.findall("`([a-z_]+)`", section))


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_page_loads(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAP_SECRET", "s")
    path = tmp_path / "adapters.toml"
    path.write_text(example, "utf-8")
    _, [configured] = load(path)
    assert configured.adapter is find(tomllib.loads(example)["adapters"][configured.name]["kind"])


def test_the_examples_of_mapping_tables_are_read() -> None:
    examples = re.findall(r"```csv\n(.*?)```", ADAPTERS.read_text("utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        assert 12 == tables({"names.csv": example}).factor("DZ", "MUG", None, "unit")
