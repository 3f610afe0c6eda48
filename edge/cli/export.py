"""Commands that write files for other programs: export ledger, export state."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Json, amount, fail, print_json
from .data_directory import Directory, directory_errors

app = typer.Typer()
export = typer.Typer(no_args_is_help=True, help="Write movements or stock levels to a file.")
app.add_typer(export, name="export")

Rows = Iterable[list[tuple[Any, ...]]]
Write = Callable[[Sequence[tuple[Any, ...]]], None]


class Format(StrEnum):
    """Kinds of file."""

    CSV = "csv"
    PARQUET = "parquet"


File = Annotated[Path, typer.Argument(metavar="FILE", help="File to write.", show_default=False)]
AsFormat = Annotated[Format, typer.Option("--format", help="Kind of file.")]


@export.command("ledger")
def export_ledger(
    directory: Directory, file: File, form: AsFormat = Format.CSV, as_json: Json = False
) -> None:
    """Write every movement of stock, oldest first. A node may be serving the directory."""
    from holdfast.persistence.ledger.export import MOVEMENT_COLUMNS, movement_rows

    _export(directory, file, form, MOVEMENT_COLUMNS, movement_rows, as_json=as_json)


@export.command("state")
def export_state(
    directory: Directory, file: File, form: AsFormat = Format.CSV, as_json: Json = False
) -> None:
    """Write every stock level as it is. A node may be serving the directory."""
    from holdfast.persistence.ledger.export import STATE_COLUMNS, state_rows

    _export(directory, file, form, STATE_COLUMNS, state_rows, as_json=as_json)


def _export(
    directory: Path,
    file: Path,
    form: Format,
    columns: dict[str, type],
    read: Callable[..., Rows],
    *,
    as_json: bool,
) -> None:
    """Write all rows to a file, which has its name once it is whole, and is not there before."""
    from holdfast.persistence.data_directory import read_node_json
    from holdfast.persistence.recovery import open_read_only

    from .progress import LateBar

    partial = file.with_name(f"{file.name}.partial")
    count = 0
    with directory_errors(), _file_errors(file), _removed_if_left(partial):
        found = read_node_json(directory)
        with (
            open_read_only(found) as (journal, _),
            LateBar("Exporting") as bar,
            _WRITERS[form](partial, columns) as write,
        ):
            for rows in read(found, journal, bar):
                write(rows)
                count += len(rows)
        partial.rename(file)
    if as_json:
        print_json({"path": str(file), "format": form, "rows": count})
    else:
        typer.echo(f"{file}: {amount(count, 'row')}.")


@contextmanager
def _removed_if_left(partial: Path) -> Iterator[None]:
    """Remove what an error, or a person, has stopped the export at."""
    try:
        yield
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        fail(f"{file}: cannot be written: {error.strerror}")


@contextmanager
def _csv(path: Path, columns: dict[str, type]) -> Iterator[Write]:
    """Rows as lines of text (RFC 4180), with a line of names before them."""
    from holdfast.persistence.time_texts import time_text

    times = [at for at, name in enumerate(columns) if name.endswith("_ns")]

    def cells_of(row: tuple[Any, ...]) -> list[Any]:
        cells = list(row)
        for at in times:
            cells[at] = "" if row[at] is None else time_text(row[at])
        return cells

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(name.removesuffix("_ns") for name in columns)
        yield lambda rows: writer.writerows(map(cells_of, rows))


@contextmanager
def _parquet(path: Path, columns: dict[str, type]) -> Iterator[Write]:
    """Rows as columns: 64-bit integers, UTF-8, times in nanoseconds."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ModuleNotFoundError:
        fail("Parquet needs pyarrow: pip install 'holdfast[parquet]'")
    types = {int: pa.int64(), str: pa.string()}
    time = pa.timestamp("ns", tz="UTC")
    schema = pa.schema(
        [
            (name.removesuffix("_ns"), time if name.endswith("_ns") else types[kind])
            for name, kind in columns.items()
        ]
    )

    def write(rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            columns_and_fields = zip(zip(*rows, strict=True), schema, strict=True)
            arrays = [pa.array(column, field.type) for column, field in columns_and_fields]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

    with ParquetWriter(path, schema) as writer:
        yield write


_WRITERS = {Format.CSV: _csv, Format.PARQUET: _parquet}
